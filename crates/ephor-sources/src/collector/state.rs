//! Where a collector goes on from: committed with the rows it brought, so that neither is ever ahead of the other.
//! The names are those of compliance_api.md §11.
//! Never holds an activity or a key.

use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize};

/// The place of one source in its upstream's feed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CollectorState {
    /// The newest cursor whose rows, and all older ones down to the backfill's, are stored.
    pub bookmark: Option<String>,
    /// The oldest cursor that the backfill has stored.
    pub backfill_cursor: Option<String>,
    /// Whether the backfill has reached its end.
    pub backfill_done: bool,
    /// When the top was pinned that the backfill goes down from.
    pub pinned_at_micros: Option<i64>,
    /// Up to when the feed has been read a second time.
    pub last_reconciled_to_micros: Option<i64>,
    /// The newest row stored, to read on by time should the bookmark be lost upstream.
    pub newest_micros: Option<i64>,
    /// The newest row ever met, stored or left out: how fresh the upstream is.
    pub latest_row_micros: Option<i64>,
    /// Ids of our latest requests: the upstream's record of them, read a day later, tells which keys are ours.
    pub own_requests: VecDeque<String>,
    /// Ids of the keys that we use or used, as the upstream's own record of our requests names them.
    #[serde(alias = "own_key_id", deserialize_with = "one_or_many")]
    pub own_keys: VecDeque<String>,
    /// Fingerprints of rows that are no activities and are in the rejects file.
    pub rejected_rows: VecDeque<u64>,
}

/// A place that was stored when one key was all there could be holds it as text or null.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VecDeque<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Keys {
        Many(VecDeque<String>),
        One(Option<String>),
    }
    Ok(match Keys::deserialize(deserializer)? {
        Keys::Many(keys) => keys,
        Keys::One(key) => key.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_stored_before_keys_were_rotated_is_still_read() {
        for (stored, keys) in [
            (r#"{"bookmark":"b","own_key_id":"apikey_1"}"#, vec!["apikey_1"]),
            (r#"{"bookmark":"b","own_key_id":null}"#, vec![]),
            (r#"{"bookmark":"b"}"#, vec![]),
            (r#"{"bookmark":"b","own_keys":["apikey_1","apikey_2"]}"#, vec!["apikey_1", "apikey_2"]),
        ] {
            let state: CollectorState = serde_json::from_str(stored).unwrap_or_default();
            assert_eq!(
                (state.bookmark.as_deref(), Vec::from(state.own_keys)),
                (Some("b"), keys.iter().map(|k| (*k).to_owned()).collect())
            );
        }
    }
}
