//! What people make of a finding: open, acknowledged, resolved or a false positive, each step with who, when and why.
//! Promises that no step is forgotten: the last one is the state, all of them are the history.
//! Never changes what was found.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::DetectError;
use crate::finding::Finding;

/// How a finding stands with those who handle it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingStatus {
    /// Nobody has looked at it.
    #[default]
    Open,
    /// Somebody is at it.
    Acknowledged,
    /// It was so, and has been dealt with.
    Resolved,
    /// It was not what the rule is after.
    FalsePositive,
}

impl FindingStatus {
    /// In the order of a finding's life.
    pub const ALL: [Self; 4] = [Self::Open, Self::Acknowledged, Self::Resolved, Self::FalsePositive];

    /// Its name in commands and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::FalsePositive => "false_positive",
        }
    }
}

impl fmt::Display for FindingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FindingStatus {
    type Err = DetectError;

    fn from_str(text: &str) -> Result<Self, DetectError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| DetectError::Word {
            what: "status of a finding",
            text: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// Who is to deal with a finding after a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Assignment {
    /// Whoever it was.
    #[default]
    Unchanged,
    /// Nobody.
    Nobody,
    /// This person, by e-mail address or name.
    To(String),
}

/// A step, asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The status after it; `None` leaves it.
    pub status: Option<FindingStatus>,
    /// Who deals with it.
    pub assignment: Assignment,
    /// Why.
    pub note: Option<String>,
    /// Until then (microseconds since 1970), what the rule finds of the same subject is handled likewise.
    pub suppress_until_micros: Option<i64>,
}

/// A step that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepMade {
    /// When, in microseconds since 1970.
    pub at_micros: i64,
    /// By whom.
    pub by: String,
    /// The status since.
    pub status: FindingStatus,
    /// Who has dealt with it since.
    pub assignee: Option<String>,
    /// Why.
    pub note: Option<String>,
    /// Until when the subject is suppressed since.
    pub suppressed_until_micros: Option<i64>,
}

/// How a finding stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handling {
    /// Its status.
    pub status: FindingStatus,
    /// Who deals with it.
    pub assignee: Option<String>,
    /// By whom it was last changed; nobody yet when it is as it was found.
    pub changed_by: Option<String>,
    /// When, in microseconds since 1970.
    pub changed_at_micros: Option<i64>,
}

/// Whether what was found still follows from what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Stands,
    /// It did, until a late activity (or a changed rule) said otherwise.
    Withdrawn,
}

impl Standing {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stands => "stands",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A finding with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRecord {
    /// What was found.
    pub finding: Finding,
    /// How it stands with people.
    pub handling: Handling,
    /// Whether it still follows.
    pub standing: Standing,
    /// Its last change's place among all changes of findings.
    pub revision: u64,
    /// When it was found first, in microseconds since 1970.
    pub found_at_micros: i64,
}
