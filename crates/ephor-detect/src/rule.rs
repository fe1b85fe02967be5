//! A rule as the engine runs it: what Sigma says of it, and what the `ephor:` block of its file adds.
//! Promises that whatever a later step needs of a hit is named in `carries`.
//! Never holds state.

use std::time::Duration;

use rsigma_parser::{CorrelationRule, SigmaRule};
use serde::{Deserialize, Serialize};

/// Sigma's five levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Informational,
    /// Look at it some day.
    Low,
    /// Look at it this week.
    Medium,
    /// Look at it today.
    High,
    /// Look at it now.
    Critical,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Sigma's `name`: unique, and how correlations and findings refer to it.
    pub name: String,
    /// Sigma's `id`, a UUID.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// Sigma's `description`.
    pub description: String,
    /// Sigma's `status`.
    pub status: String,
    /// How urgent its findings are.
    pub level: Level,
    /// ATT&CK and ATLAS.
    pub tags: Vec<String>,
    /// When it is wrong.
    pub false_positives: Vec<String>,
    /// Which of the fifteen it serves.
    pub use_case: String,
    /// The controls that it bears on.
    pub controls: Vec<String>,
    /// Text with `{field}`, `{count}`, `{first_seen}`, `{last_seen}` and what its turn adds, such as `{usual}`.
    pub explain: String,
    /// What to do about a finding.
    pub next_step: String,
    /// Fields that name whom or what a finding is about; the first that has a value is part of its id.
    pub entity: Vec<String>,
    /// How long one finding gathers; windows begin at whole multiples of it since 1970.
    pub window: Duration,
    /// Whether it only feeds other rules.
    pub silent: bool,
    /// The fields whose values its hits carry.
    pub carries: Vec<String>,
    /// Where it was read from.
    pub file: String,
    /// What selects.
    pub kind: RuleKind,
    /// What becomes of the selected.
    pub turn: Turn,
}

/// What selects.
#[derive(Debug, Clone)]
pub enum RuleKind {
    /// A Sigma detection, tried on each activity (or on each row of a state).
    Detection(Box<SigmaRule>),
    /// A Sigma correlation over what other rules fired.
    Correlation(Box<CorrelationRule>),
}

/// What becomes of what was selected: when the rule fires.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// Each time.
    Each,
    /// When a value was not seen before.
    FirstSeen(FirstSeen),
    /// When another rule does not fire soon after.
    Without(Without),
    /// When there is more of it than usual.
    Baseline(Baseline),
    /// When it happens at an hour at which the actor is not usually at work.
    OffHours(OffHours),
    /// When two in a row are farther apart than anyone travels.
    Travel(Travel),
}

/// A value that was not there in the time before.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstSeen {
    /// The fields whose values together are new.
    pub of: Vec<String>,
    /// New to whom: the fields that tell histories apart.
    pub per: Vec<String>,
    /// How far back is looked.
    pub within: Duration,
    /// A history shorter than this says nothing yet.
    pub learning: Duration,
}

/// Something that has to follow.
#[derive(Debug, Clone, PartialEq)]
pub struct Without {
    /// The rule that has to fire.
    pub rule: String,
    /// Fields that both have to agree on.
    pub by: Vec<String>,
    /// How soon.
    pub within: Duration,
}

/// What a baseline adds up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// Hits.
    Count,
    /// Different values of a field.
    Distinct(String),
}

/// More than usual, for the actor's own past and for its peers.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// The fields that tell histories apart.
    pub per: Vec<String>,
    /// The field that names the peer group, if peers are asked too.
    pub peers: Option<String>,
    /// What is added up each day.
    pub measure: Measure,
    /// How far back.
    pub over: Duration,
    /// Days with hits before anything is judged.
    pub warm_up_days: u32,
    /// How many robust standard deviations (1.4826 × MAD) above the median.
    pub z: f64,
    /// And never below this.
    pub at_least: u64,
}

/// Hours learned from each actor's own past: slots of the week, as peers.md §2.1 has them.
#[derive(Debug, Clone, PartialEq)]
pub struct OffHours {
    /// The fields that tell histories apart.
    pub per: Vec<String>,
    /// How far back.
    pub over: Duration,
    /// Days with hits before anything is judged.
    pub warm_up_days: u32,
    /// How many hits outside the usual hours of one day.
    pub at_least: u64,
}

/// Faster than an aeroplane.
#[derive(Debug, Clone, PartialEq)]
pub struct Travel {
    /// The fields that tell journeys apart.
    pub per: Vec<String>,
    /// Shorter distances are errors of the database.
    pub distance_km: f64,
    /// Faster than this is impossible.
    pub speed_kmh: f64,
}
