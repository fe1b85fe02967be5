//! The rules in force as cards: what each is called, what it serves, where it stands.
//! Promises the order of the files.
//! Never runs a rule.

use serde::Serialize;

use crate::error::DetectError;
use crate::rule::{AsksAbout, Body, Rule, RuleProblem, RuleSet, RuleSource, RuleSources, Turn, Voice};
use crate::severity::Severity;
use crate::use_case::UseCase;

/// What there is to know of a rule without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleCard {
    /// How findings call it.
    pub name: String,
    /// Sigma's id.
    pub id: Option<String>,
    /// One line for people.
    pub title: String,
    /// Which of the fifteen it serves.
    pub use_case: UseCase,
    /// How urgent what it finds is.
    pub severity: Severity,
    /// `stable`, `test`, `experimental`.
    pub status: String,
    /// How it decides: `match`, `correlation`, `first_seen`, `without`, `baseline`, `off_hours`, `travel` or `state`.
    pub turn: &'static str,
    /// Whether it finds something itself or only feeds others.
    pub finds: bool,
    /// What it is after.
    pub description: String,
    /// MITRE ATT&CK and other tags.
    pub tags: Vec<String>,
    /// Controls that it bears on.
    pub controls: Vec<String>,
    /// What it finds wrongly.
    pub false_positives: Vec<String>,
    /// The file.
    pub file: String,
    /// The line on which it begins.
    pub line: usize,
}

/// Every rule in force, with what cannot be used.
pub fn cards(sources: &RuleSources) -> Result<(Vec<RuleCard>, Vec<RuleProblem>), DetectError> {
    Ok(cards_of(&sources.files()?))
}

/// As [`cards`], of files that were read already.
pub fn cards_of(files: &[RuleSource]) -> (Vec<RuleCard>, Vec<RuleProblem>) {
    let (set, problems) = RuleSet::build(files, None);
    (set.rules.iter().map(card).collect(), problems)
}

fn card(rule: &Rule) -> RuleCard {
    RuleCard {
        name: rule.name.clone(),
        id: rule.id.clone(),
        title: rule.title.clone(),
        use_case: rule.use_case,
        severity: rule.severity,
        status: rule.status.clone(),
        turn: turn(rule),
        finds: rule.voice == Voice::Finds,
        description: rule.description.clone(),
        tags: rule.tags.clone(),
        controls: rule.controls.clone(),
        false_positives: rule.false_positives.clone(),
        file: rule.file.clone(),
        line: rule.line,
    }
}

fn turn(rule: &Rule) -> &'static str {
    match (&rule.body, &rule.turn, rule.asks_about) {
        (_, _, AsksAbout::Directory) => "state",
        (Body::Correlation(_), ..) => "correlation",
        (_, Turn::Each, _) => "match",
        (_, Turn::FirstSeen(_), _) => "first_seen",
        (_, Turn::Without(_), _) => "without",
        (_, Turn::Baseline(_), _) => "baseline",
        (_, Turn::OffHours(_), _) => "off_hours",
        (_, Turn::Travel(_), _) => "travel",
    }
}
