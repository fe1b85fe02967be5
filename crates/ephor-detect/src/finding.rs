//! A finding: what a rule saw of one subject within one window, with the activities that show it.
//! Its id follows from rule, subject and window alone, so that the same facts never make a second one.
//! Never holds content: values come from fields that the door let in.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::severity::Severity;
use crate::use_case::UseCase;

/// `finding_` and 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FindingId(pub String);

impl FindingId {
    /// The id of what a rule finds of a subject in the window that begins here.
    ///
    /// ```
    /// use ephor_detect::{Entity, FindingId};
    /// let subject = [Entity::new("user", "user_1")];
    /// let id = FindingId::of("rank_raised", &subject, 0);
    /// assert_eq!(id, FindingId::of("rank_raised", &subject, 0));
    /// assert_ne!(id, FindingId::of("rank_raised", &subject, 86_400_000_000));
    /// assert_eq!(id.0.len(), "finding_".len() + 32);
    /// ```
    #[must_use]
    pub fn of(rule: &str, subject: &[Entity], window_from_micros: i64) -> Self {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            // With its length before it, no text runs into the next.
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        part(rule);
        for entity in subject {
            part(&entity.kind);
            part(&entity.id);
        }
        hash.update(window_from_micros.to_be_bytes());
        let digits: String = hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("finding_{digits}"))
    }

    /// The text of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whom or what a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// `user`, `api_key`, `service_account`, `ip_address`, `mcp_server`, `workspace`, `setting`, `organization`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The object's own id; an e-mail address only where nothing else names the person.
    pub id: String,
}

impl Entity {
    /// An entity.
    #[must_use]
    pub fn new(kind: &str, id: &str) -> Self {
        Self { kind: kind.to_owned(), id: id.to_owned() }
    }
}

/// One activity that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// When it happened, in microseconds since 1970.
    #[serde(rename = "at")]
    pub at_micros: i64,
    /// Its id.
    pub activity: String,
    /// Its place in the lake.
    pub seq: u64,
}

/// A span of time in microseconds since 1970: from here on, up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// This instant included.
    pub from_micros: i64,
    /// This instant excluded.
    pub to_micros: i64,
}

/// What a rule found, before anybody looked at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Follows from rule, subject and window.
    pub id: FindingId,
    /// The rule's name.
    pub rule: String,
    /// Which of the fifteen it serves.
    pub use_case: UseCase,
    /// How urgent.
    pub severity: Severity,
    /// One line for people.
    pub title: String,
    /// What happened, in words and numbers.
    pub explanation: String,
    /// What to do about it.
    pub next_step: String,
    /// The controls that it bears on, such as `soc2:CC6.3`.
    pub controls: Vec<String>,
    /// Whom or what it is about: part of its id. Never empty.
    pub subject: Vec<Entity>,
    /// Whom and what else it touches.
    pub others: Vec<Entity>,
    /// What it gathers.
    pub window: Window,
    /// The earliest activity, in microseconds since 1970.
    pub first_seen_micros: i64,
    /// The latest.
    pub last_seen_micros: i64,
    /// How many activities it rests on.
    pub count: u64,
    /// The activities by time, ties by id; of many the first [`crate::EVIDENCE_LIMIT`].
    pub evidence: Vec<Evidence>,
}

impl Finding {
    /// Everything it is about, the subject first.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.subject.iter().chain(&self.others)
    }
}
