//! The JSON Schema of a framework's file, made from the types that read it: for editors, and for checks elsewhere.
//! Promises that it cannot differ from what is read.

use serde_json::Value;

use super::Framework;

/// The schema of a framework's file.
#[must_use]
pub fn framework_schema() -> Value {
    let mut schema = schemars::schema_for!(Framework).to_value();
    schema["title"] = Value::from("Framework");
    schema
}
