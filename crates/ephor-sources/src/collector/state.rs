//! Where a collector goes on from: committed with the rows it brought, so that neither is ever ahead of the other.
//! The names are those of compliance_api.md §11.
//! Never holds an activity or a key.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

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
    /// Ids of our latest requests: the upstream's record of them, read a day later, tells which key is ours.
    pub own_requests: VecDeque<String>,
    /// The id of the key that we use, as the upstream's own record of our requests names it.
    pub own_key_id: Option<String>,
}
