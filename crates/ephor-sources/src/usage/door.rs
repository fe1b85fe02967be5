//! The door that every usage event comes through: what can carry content is left outside, what remains is typed.
//! What is taken out is counted by source and field, as at the door for activities.
//! Never lets a value of a content field reach the lake, a log or an error.

use std::collections::BTreeMap;

use ephor_wire::content;
use ephor_wire::usage::{UsageError, UsageEvent};
use serde_json::{Map, Value};

use crate::door::Tally;

/// A text longer than this is no metadata: the longest name, path or model of today has a quarter of it.
const TEXT_BYTES: usize = 1024;

/// The name under which texts are counted that were too long to be metadata.
const LONG_TEXT: &str = "long_text";

/// Counts what was left outside. One door serves all sources of a process.
#[derive(Debug, Default)]
pub struct UsageDoor {
    dropped: Tally,
}

/// Why a row is no usage event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageRefusal {
    /// No JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but no event.
    #[error(transparent)]
    NotAnEvent(#[from] UsageError),
    /// The event of an organization that the sender's key does not reach.
    #[error("`organization_uuid` is not the organization of this key")]
    OtherOrganization,
}

impl UsageDoor {
    /// A door that nothing has come through yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets one event in, or says why not.
    ///
    /// ```
    /// let door = ephor_sources::UsageDoor::new();
    /// let raw = br#"{"id":"e1","time":"2026-11-23T12:00:00Z","surface":"chat","kind":"message","prompt":"secret plan"}"#;
    /// let event = door.admit("push", raw).unwrap();
    /// assert!(event.attributes.is_empty());
    /// assert_eq!(door.dropped(), [("prompt".to_owned(), 1)]);
    /// ```
    pub fn admit(&self, source: &str, raw: &[u8]) -> Result<UsageEvent, UsageRefusal> {
        // What the parser says of broken JSON names a place and what was expected there, never what was found.
        let value: Value = serde_json::from_slice(raw).map_err(|error| UsageRefusal::NotJson(error.to_string()))?;
        let value = match value {
            Value::Object(fields) => Value::Object(self.clean(source, fields)),
            other => other,
        };
        Ok(UsageEvent::from_json(value)?)
    }

    /// Takes out of an event's fields what can carry content. Emptied fields go altogether: with and without them it is
    /// the same event.
    pub(crate) fn clean(&self, source: &str, fields: Map<String, Value>) -> Map<String, Value> {
        let mut whole = Value::Object(fields);
        let mut dropped = content::strip_telemetry(&mut whole);
        drop_long(&mut whole, &mut dropped);
        self.dropped.add(source, dropped);
        let Value::Object(mut fields) = whole else { return Map::new() };
        fields.retain(|name, value| !(value.is_null() || content::is_telemetry_content(name)));
        fields
    }

    /// Counts something that was left outside and is no field: the text of a log record.
    pub(crate) fn count(&self, source: &str, what: &str) {
        self.dropped.add(source, vec![what.to_owned()]);
    }

    /// How many values of each field were left outside, over all sources.
    #[must_use]
    pub fn dropped(&self) -> Vec<(String, u64)> {
        self.dropped.by_field()
    }

    /// How many values were left outside, by source and field.
    #[must_use]
    pub fn dropped_by_source(&self) -> BTreeMap<(String, String), u64> {
        self.dropped.by_source()
    }
}

/// Whatever its name, a long text can be what somebody wrote.
fn drop_long(value: &mut Value, dropped: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() > TEXT_BYTES => {
            dropped.push(LONG_TEXT.to_owned());
            *value = Value::Null;
        }
        Value::Object(fields) => fields.values_mut().for_each(|field| drop_long(field, dropped)),
        Value::Array(items) => items.iter_mut().for_each(|item| drop_long(item, dropped)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn event(more: &Value) -> Vec<u8> {
        let mut event = json!({"id": "e1", "time": "2026-11-23T12:00:00Z", "surface": "chat", "kind": "message"});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event.to_string().into_bytes()
    }

    #[test]
    fn content_at_any_depth_stays_outside_and_is_counted_by_source() {
        let door = UsageDoor::new();
        let raw = event(&json!({
            "prompt": "CANARY", "a": [{"tool_input": {"x": "CANARY"}}], "error": "CANARY", "note": "CANARY ".repeat(200),
            "team": "blue",
        }));
        let admitted = door.admit("push", &raw).unwrap();
        assert!(!admitted.to_json().to_string().contains("CANARY"));
        assert_eq!(admitted.attributes["team"], "blue");
        let counted: Vec<String> =
            door.dropped_by_source().into_iter().map(|((_, field), n)| format!("{field} {n}")).collect();
        assert_eq!(counted, ["error 1", "long_text 1", "prompt 1", "tool_input 1"]);
    }

    #[test]
    fn an_event_is_the_same_with_and_without_the_content_that_it_lost() {
        let door = UsageDoor::new();
        let with = door.admit("push", &event(&json!({"prompt": "x", "title": null}))).unwrap();
        assert_eq!(with, door.admit("push", &event(&json!({}))).unwrap());
    }

    #[test]
    fn a_refusal_names_the_reason_and_never_a_value() {
        let told = |raw: &[u8]| UsageDoor::new().admit("push", raw).unwrap_err().to_string();
        assert_eq!(told(b"CANARY"), "not JSON: expected value at line 1 column 1");
        assert_eq!(told(b"\"CANARY\""), "a usage event is a JSON object");
        assert_eq!(told(&event(&json!({"count": "CANARY"}))), "`count` must be a whole number, 0 or more");
        assert_eq!(told(&event(&json!({"id": ""}))), "`id` must be text that is not empty");
    }
}
