//! A finding: what a rule saw of one entity within one window, with the activities that show it.
//! Its id follows from rule, entity and window alone, so that the same facts never make a second one.
//! Never holds content: values come from fields that the door let in.

use serde::{Deserialize, Serialize};

use crate::rule::Level;

/// `finding_` and 32 hexadecimal digits: SHA-256 of rule name, entity and the window's beginning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FindingId(pub String);

/// Whom or what a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// `user`, `api_key`, `service_account`, `ip_address`, `connector`, `workspace`, `setting`, `organization`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The object's own id; an e-mail address only where nothing else names the person.
    pub id: String,
}

/// One activity that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// When it happened, in microseconds since 1970.
    pub at_micros: i64,
    /// Its place in the lake.
    pub seq: u64,
    /// Its id.
    pub activity: String,
}

/// What a rule found, before anybody looked at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Follows from rule, entity and window.
    pub id: FindingId,
    /// The rule's `name`.
    pub rule: String,
    /// One of the fifteen.
    pub use_case: String,
    /// How urgent.
    pub severity: Level,
    /// The rule's title.
    pub title: String,
    /// What happened, in words and numbers.
    pub explanation: String,
    /// What to do about it.
    pub next_step: String,
    /// The controls that it bears on, such as `soc2:CC6.3`.
    pub controls: Vec<String>,
    /// Whom and what it is about; the first one is part of the id.
    pub entities: Vec<Entity>,
    /// The window that it gathers, in microseconds since 1970, and its end.
    pub window_micros: (i64, i64),
    /// The earliest activity.
    pub first_seen_micros: i64,
    /// The latest.
    pub last_seen_micros: i64,
    /// How many activities it rests on.
    pub count: u64,
    /// The activities in order of time; the first `EVIDENCE_LIMIT` of them.
    pub evidence: Vec<Evidence>,
}
