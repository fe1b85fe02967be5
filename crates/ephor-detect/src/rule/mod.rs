//! Rules: Sigma documents with one block of Ephor's own, read, checked, linked and ready to run.
//! Promises that a rule which cannot run is refused with file, line and reason, and that the others are none the worse.
//! Never holds state: what a rule has seen is in the store.

mod block;
mod embedded;
mod listed;
mod names;
mod problem;
mod read;
mod set;
mod span;
mod template;

use std::collections::HashMap;

use rsigma_parser::{CorrelationCondition, CorrelationType, SigmaRule};

use crate::severity::Severity;
use crate::use_case::UseCase;

pub(crate) use block::{Baseline, FirstSeen, Measure, OffHours, Travel, Turn, Whose};
pub use problem::RuleProblem;
pub(crate) use set::RuleSet;
pub use set::{RuleSource, RuleSources};
pub(crate) use span::{DAY_MICROS, Span, in_words};
pub(crate) use template::{Template, Words};

/// One document of a rule file.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// How findings and correlations call it: Sigma's `name`, else the file's.
    pub(crate) name: String,
    /// Sigma's `id`.
    pub(crate) id: Option<String>,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) status: String,
    pub(crate) severity: Severity,
    pub(crate) tags: Vec<String>,
    pub(crate) false_positives: Vec<String>,
    pub(crate) use_case: UseCase,
    pub(crate) controls: Vec<String>,
    /// Whom or what a finding is about: its values tell findings apart.
    pub(crate) subject: Vec<Naming>,
    /// What else a finding touches.
    pub(crate) entities: Vec<Naming>,
    /// How long one finding gathers; windows begin at whole multiples of it since 1970.
    pub(crate) window_micros: i64,
    /// The array each of whose elements is asked about alone.
    pub(crate) each: Option<String>,
    pub(crate) explain: Template,
    pub(crate) next_step: Template,
    pub(crate) voice: Voice,
    pub(crate) asks_about: AsksAbout,
    /// Of a correlation: whether the rules that it refers to find something themselves too.
    pub(crate) generate: Generate,
    pub(crate) body: Body,
    pub(crate) turn: Turn,
    /// Where it was read from.
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// What a rule is tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsksAbout {
    /// Each activity.
    Activities,
    /// Each object that the directory lists now.
    Directory,
}

/// Whether a rule finds something itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Its hits become findings.
    Finds,
    /// It only feeds other rules.
    Feeds,
}

/// Sigma's `generate` of a correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generate {
    /// Only the correlation finds.
    Alone,
    /// What it refers to finds too.
    Too,
}

/// How an entity is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Naming {
    /// Its type, such as `user`. `actor` is whatever kind of actor acts.
    pub(crate) kind: String,
    /// The fields that hold its id; the first that has a value counts.
    pub(crate) fields: Vec<String>,
}

impl Naming {
    /// The type that stands for whoever acts.
    pub(crate) const ACTOR: &'static str = "actor";
}

/// What selects.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// A detection, tried on each activity.
    Detection(Box<SigmaRule>),
    /// A correlation over what other rules select.
    Correlation(Correlation),
}

/// A Sigma correlation.
#[derive(Debug, Clone)]
pub(crate) struct Correlation {
    pub(crate) kind: CorrelationType,
    /// Names or ids of rules, as written.
    pub(crate) rules: Vec<String>,
    pub(crate) group_by: Vec<String>,
    /// Of a name in `group_by`, the field of each rule that it stands for.
    pub(crate) aliases: HashMap<String, HashMap<String, String>>,
    pub(crate) span_micros: i64,
    pub(crate) condition: CorrelationCondition,
}
