//! The door that every activity comes through: its header is read, and what can carry content is left outside.
//! Bytes without content pass untouched; what is taken out is counted by source and field.
//! Never lets a value of a content field reach the lake, a log or an error.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ephor_wire::content;
use ephor_wire::header::{Header, HeaderError};
use serde_json::Value;

/// Counts what was left outside. One door serves all sources of a process.
#[derive(Debug, Default)]
pub struct Door {
    stripped: Tally,
}

/// How many values of which field were left outside, by source.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<(String, String), u64>>);

impl Tally {
    /// Counts fields that a row of a source has lost. Names come from the list of content fields, so there are few.
    pub(crate) fn add(&self, source: &str, fields: Vec<String>) {
        if fields.is_empty() {
            return;
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for field in fields {
            metrics::counter!("ephor_content_fields_stripped_total", "source" => source.to_owned(), "field" => field.clone()).increment(1);
            *counts.entry((source.to_owned(), field)).or_default() += 1;
        }
    }

    pub(crate) fn by_field(&self) -> Vec<(String, u64)> {
        let mut by_field: BTreeMap<String, u64> = BTreeMap::new();
        for ((_, field), count) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            *by_field.entry(field.clone()).or_default() += count;
        }
        by_field.into_iter().collect()
    }

    pub(crate) fn by_source(&self) -> BTreeMap<(String, String), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Door {
    /// A door that nothing has come through yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets one activity in and hands its bytes and header on, or says why not.
    ///
    /// ```
    /// let door = ephor_sources::Door::new();
    /// let raw = br#"{"id":"activity_1","created_at":"2026-01-02T03:04:05Z","type":"t","actor":{},"title":"secret plan"}"#;
    /// door.admit("push", raw, |stored, _| assert!(!String::from_utf8_lossy(stored).contains("secret"))).unwrap();
    /// assert_eq!(door.stripped(), [("title".to_owned(), 1)]);
    /// ```
    pub fn admit<T>(
        &self,
        source: &str,
        raw: &[u8],
        take: impl FnOnce(&[u8], &Header<'_>) -> T,
    ) -> Result<T, HeaderError> {
        let header = Header::parse(raw)?;
        if !header.carries_content {
            return Ok(take(raw, &header));
        }
        let cleaned = self.without_content(source, raw)?;
        Ok(take(&cleaned, &Header::parse(&cleaned)?))
    }

    /// Lets a row in that is no activity: its bytes as they came, or written anew without what can carry content.
    pub(crate) fn clean<'r>(&self, source: &str, raw: &'r [u8]) -> Result<Cow<'r, [u8]>, HeaderError> {
        let mut value: Value =
            serde_json::from_slice(raw).map_err(|error| HeaderError::NotAnObject(error.to_string()))?;
        if content::strip(&mut value).is_empty() {
            return Ok(Cow::Borrowed(raw));
        }
        self.without_content(source, raw).map(Cow::Owned)
    }

    fn without_content(&self, source: &str, raw: &[u8]) -> Result<Vec<u8>, HeaderError> {
        let not_an_object = |error: serde_json::Error| HeaderError::NotAnObject(error.to_string());
        let mut value: Value = serde_json::from_slice(raw).map_err(not_an_object)?;
        self.stripped.add(source, content::strip(&mut value));
        serde_json::to_vec(&value).map_err(not_an_object)
    }

    /// How many values of each field were left outside, over all sources.
    #[must_use]
    pub fn stripped(&self) -> Vec<(String, u64)> {
        self.stripped.by_field()
    }

    /// How many values were left outside, by source and field.
    #[must_use]
    pub fn stripped_by_source(&self) -> BTreeMap<(String, String), u64> {
        self.stripped.by_source()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bytes_without_content_are_not_touched() {
        let raw = br#"{ "id" : "activity_1","created_at":"2026-01-02T03:04:05Z","type":"t","filename":"","nested":{"prompt":null} }"#;
        Door::new().admit("push", raw, |stored, _| assert_eq!(stored, raw)).unwrap();
    }

    #[test]
    fn content_at_any_depth_stays_outside_and_is_counted() {
        let door = Door::new();
        let raw = br#"{"id":"activity_1","created_at":"2026-01-02T03:04:05Z","type":"t","actor":{"prompt":"CANARY"},"a":[{"b":{"tool_input":{"x":"CANARY"}}}],"filename":"CANARY.pdf","response":"CANARY"}"#;
        door.admit("push", raw, |stored, header| {
            assert!(!String::from_utf8_lossy(stored).contains("CANARY"));
            assert!(!header.carries_content);
        })
        .unwrap();
        let fields: Vec<String> = door.stripped().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["filename", "prompt", "response", "tool_input"]);
    }
}
