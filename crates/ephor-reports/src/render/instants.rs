//! Instants inside serialised values, as the wire writes them.

use serde::Serializer;

use super::instant_text;

pub(crate) fn serialize<S: Serializer>(micros: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant_text(*micros))
}

pub(crate) fn optional<S: Serializer>(micros: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match micros {
        Some(micros) => serializer.serialize_str(&instant_text(*micros)),
        None => serializer.serialize_none(),
    }
}
