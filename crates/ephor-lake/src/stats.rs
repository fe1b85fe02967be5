//! What the lake holds, in numbers: for `ephor lake stats`, `/metrics` and the demo's last line.
//! Counted from the log and the filter columns; no activity is decoded.
//! Never estimates: every figure is exact for the version it names.

use std::collections::BTreeMap;

use serde::Serialize;

/// What the lake holds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LakeStats {
    /// Version of the Delta table `activities`.
    pub version: u64,
    /// Activities stored.
    pub activities: u64,
    /// The next place in the order of arrival; larger than `activities` where retention has dropped rows.
    pub next_seq: u64,
    /// Data files.
    pub files: u64,
    /// Bytes of the data files.
    pub bytes: u64,
    /// UTC days with at least one activity.
    pub days: u64,
    /// Time of the oldest activity.
    pub oldest_created_at: Option<String>,
    /// Time of the newest activity.
    pub newest_created_at: Option<String>,
    /// Activities by where they came from.
    pub by_source: BTreeMap<String, u64>,
    /// Activities by catalogue category.
    pub by_category: BTreeMap<String, u64>,
    /// Second contents under a stored id, kept in the table `conflicts`.
    pub conflicts: u64,
    /// Usage events stored.
    pub usage_events: u64,
    /// Bytes of their data files.
    pub usage_bytes: u64,
    /// Usage events by kind.
    pub usage_by_kind: BTreeMap<String, u64>,
}
