//! The attributes of a record or point, with those of its scope and resource below them.
//! Values keep their JSON meaning; a reader takes what it has a column for, and the rest stays.
//! Never keeps bytes: nobody can say what they hold.

use std::collections::BTreeMap;

use ephor_wire::usage::{Counts, Names};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::{Map, Value};

/// Attributes by name; a later one of the same name replaces an earlier one.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attributes(BTreeMap<String, Value>);

impl Attributes {
    /// With these above what is there already.
    pub(super) fn with(&self, more: Vec<KeyValue>) -> Self {
        let mut all = self.0.clone();
        all.extend(more.into_iter().map(|KeyValue { key, value, .. }| (key, plain(value))));
        Self(all)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Takes an attribute as text; numbers and truths are written out, as other exporters write them.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        let text = match self.0.get(name)? {
            Value::String(text) if !text.is_empty() => text.clone(),
            Value::Bool(truth) => truth.to_string(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        self.0.remove(name);
        Some(text)
    }

    /// Takes an attribute as a whole number, 0 or more, however it was written; anything else stays where it is.
    pub(super) fn take_count(&mut self, name: &str) -> Option<i64> {
        let count = whole(self.0.get(name)?)?;
        self.0.remove(name);
        Some(count)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    pub(super) fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0.into_iter().collect()
    }

    /// What is left, for the column `attributes`. A name that a column has too is told from it.
    pub(super) fn into_rest(self) -> Map<String, Value> {
        self.0
            .into_iter()
            .map(|(name, value)| (if is_column(&name) { format!("otel.{name}") } else { name }, value))
            .collect()
    }

    pub(super) fn of_map(fields: Map<String, Value>) -> Self {
        Self(fields.into_iter().collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Whether events have a field of this name.
fn is_column(name: &str) -> bool {
    ["id", "time", "cost_usd"].contains(&name) || Names::COLUMNS.contains(&name) || Counts::COLUMNS.contains(&name)
}

/// A whole number, 0 or more, as JSON number or text.
pub(super) fn whole(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| whole_of(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| *number >= 0)
}

/// The whole number that a float is, if it is one.
fn whole_of(number: f64) -> Option<i64> {
    (number.fract() == 0.0).then(|| rounded(number))?
}

/// The nearest whole number that an `i64` can hold.
pub(super) fn rounded(number: f64) -> Option<i64> {
    /// Above this a float cannot tell whole numbers apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let rounded = number.round();
    #[expect(clippy::cast_possible_truncation, reason = "checked to fit")]
    (rounded.abs() <= EXACT).then_some(rounded as i64)
}

/// The body of a log record, if it is one line of text.
pub(super) fn body_text(body: Option<&AnyValue>) -> Option<&str> {
    match body?.value.as_ref()? {
        Any::StringValue(text) => Some(text),
        _ => None,
    }
}

/// Whether a body holds anything.
pub(super) fn is_there(body: Option<&AnyValue>) -> bool {
    match body.and_then(|body| body.value.as_ref()) {
        None => false,
        Some(Any::StringValue(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

fn plain(value: Option<AnyValue>) -> Value {
    match value.and_then(|value| value.value) {
        Some(Any::StringValue(text)) => Value::String(text),
        Some(Any::BoolValue(truth)) => Value::Bool(truth),
        Some(Any::IntValue(number)) => number.into(),
        // What JSON has no number for says nothing that could be counted.
        Some(Any::DoubleValue(number)) => number.into(),
        Some(Any::ArrayValue(list)) => list.values.into_iter().map(|item| plain(Some(item))).collect(),
        Some(Any::KvlistValue(list)) => {
            list.values.into_iter().map(|KeyValue { key, value, .. }| (key, plain(value))).collect()
        }
        Some(Any::BytesValue(_) | Any::StringValueStrindex(_)) | None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_are_read_however_they_are_written() {
        for (value, expected) in [
            (json!(7), Some(7)),
            (json!("7"), Some(7)),
            (json!(7.0), Some(7)),
            (json!(7.5), None),
            (json!(-1), None),
            (json!("seven"), None),
            (json!(1e300), None),
            (json!(true), None),
        ] {
            assert_eq!(whole(&value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_nearer_wins() {
        let text = |key: &str, text: &str| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(Any::StringValue(text.to_owned())) }),
            key_strindex: 0,
        };
        let resource = Attributes::default().with(vec![text("team", "blue"), text("service.name", "cowork")]);
        let record = resource.with(vec![text("team", "red")]);
        assert_eq!((record.text("team"), record.text("service.name")), (Some("red"), Some("cowork")));
    }
}
