//! What an activity type says, whatever the format it goes out in: deed, object, outcome and severity.
//! Read from `data/meaning.toml` and the catalogue; a type that nobody knows has a meaning by its ending.
//! Never looks at a row's values, apart from the conditions that a severity names.

mod facts;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use ephor_wire::catalogue::{UNCLASSIFIED, catalogue};
use glob::Pattern;
use serde::Deserialize;
use serde_json::{Map, Value};

pub(crate) use facts::{Facts, Subject, SubjectKind, Who, text};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Deed {
    Archive,
    Copy,
    Create,
    Delete,
    Disable,
    Download,
    Enable,
    Enroll,
    Export,
    Grant,
    Logoff,
    Logon,
    Other,
    Preauth,
    Read,
    Restore,
    Resume,
    Revoke,
    Share,
    Suspend,
    Unenroll,
    Unshare,
    Update,
    Upload,
}

impl Deed {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Copy => "copy",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Disable => "disable",
            Self::Download => "download",
            Self::Enable => "enable",
            Self::Enroll => "enroll",
            Self::Export => "export",
            Self::Grant => "grant",
            Self::Logoff => "logoff",
            Self::Logon => "logon",
            Self::Other => "other",
            Self::Preauth => "preauth",
            Self::Read => "read",
            Self::Restore => "restore",
            Self::Resume => "resume",
            Self::Revoke => "revoke",
            Self::Share => "share",
            Self::Suspend => "suspend",
            Self::Unenroll => "unenroll",
            Self::Unshare => "unshare",
            Self::Update => "update",
            Self::Upload => "upload",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Success,
    Failure,
    Unknown,
}

impl Outcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

/// How urgent a record is, for receivers that sort by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Ordinary.
    Informational,
    /// A failure.
    Low,
    /// A change that an administrator made.
    Medium,
    /// Belongs on an alert list.
    High,
    /// Only findings are.
    Critical,
}

impl Level {
    /// Its name, as findings write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a type says before a row of it is seen.
#[derive(Debug)]
pub(crate) struct Meaning {
    pub(crate) category: String,
    pub(crate) summary: String,
    pub(crate) deed: Deed,
    /// What kind of thing it is about.
    pub(crate) object: String,
    /// The name of the type without its ending: names the object where nothing else does.
    pub(crate) stem: String,
    /// Fields called after the object: they name it before any other does.
    object_ids: Vec<String>,
    object_names: Vec<String>,
    /// Whether the catalogue lists the type.
    pub(crate) known: bool,
    outcome: Option<Outcome>,
    severities: Vec<SeverityRule>,
}

#[derive(Debug, Clone)]
struct SeverityRule {
    level: Level,
    outcomes: Vec<Outcome>,
    when: BTreeMap<String, Value>,
}

impl Meaning {
    /// How urgent a row is that ended like this.
    fn level(&self, outcome: Outcome, row: &Map<String, Value>) -> Level {
        let holds = |rule: &&SeverityRule| {
            (rule.outcomes.is_empty() || rule.outcomes.contains(&outcome))
                && (rule.when.is_empty() || rule.when.iter().any(|(field, value)| row.get(field) == Some(value)))
        };
        self.severities.iter().find(holds).map_or(Level::Informational, |rule| rule.level)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    endings: BTreeMap<Deed, Vec<String>>,
    rule: Vec<Rule>,
    fields: Fields,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default, deserialize_with = "patterns")]
    types: Vec<Pattern>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    deeds: Vec<Deed>,
    #[serde(default)]
    outcomes: Vec<Outcome>,
    #[serde(default)]
    when: BTreeMap<String, Value>,
    deed: Option<Deed>,
    outcome: Option<Outcome>,
    severity: Option<Level>,
    object: Option<String>,
}

/// Where the parts of a row stand; see the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fields {
    object_ids: Vec<String>,
    object_names: Vec<String>,
    user_ids: Vec<String>,
    user_emails: Vec<String>,
    user_lists: Vec<String>,
    email_lists: Vec<String>,
    service_accounts: Vec<String>,
    principals: Vec<(String, String)>,
    groups: Vec<(String, String)>,
    privileges: Vec<String>,
    previous_privileges: Vec<String>,
    sessions: Vec<String>,
    reasons: Vec<String>,
    outcomes: Vec<String>,
    outcome_objects: Vec<String>,
    succeeded: Vec<String>,
    failed: Vec<String>,
    http_method: String,
    http_status: String,
    http_url: String,
    http_request_id: String,
    models: Vec<String>,
}

/// Glob patterns as a table writes them.
pub(crate) fn patterns<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Pattern>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| Pattern::new(text).map_err(serde::de::Error::custom)).collect()
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    toml::from_str(include_str!("../../data/meaning.toml")).expect("data/meaning.toml is valid")
});

/// What every listed type says.
static KNOWN: LazyLock<HashMap<&'static str, Arc<Meaning>>> = LazyLock::new(|| {
    catalogue().iter().map(|known| (known.name.as_str(), Arc::new(Meaning::of(&known.name)))).collect()
});

/// What a type says.
pub(crate) fn meaning(kind: &str) -> Arc<Meaning> {
    KNOWN.get(kind).cloned().unwrap_or_else(|| Arc::new(Meaning::of(kind)))
}

pub(crate) fn fields() -> &'static Fields {
    &TABLE.fields
}

impl Meaning {
    fn of(kind: &str) -> Self {
        let listed = catalogue().get(kind);
        let category = listed.map_or(UNCLASSIFIED, |known| &known.category).to_owned();
        let about = |rule: &&Rule| {
            (rule.types.is_empty() && rule.categories.is_empty())
                || rule.types.iter().any(|pattern| pattern.matches(kind))
                || rule.categories.contains(&category)
        };
        let rules: Vec<&Rule> = TABLE.rule.iter().filter(about).collect();
        let (stem, by_ending) = without_ending(kind);
        let deed = rules.iter().find_map(|rule| rule.deed).or(by_ending).unwrap_or(Deed::Other);
        let hint = listed.and_then(|known| known.ecs.as_ref()?.outcome.as_deref()).map(|word| match word {
            "success" => Outcome::Success,
            "failure" => Outcome::Failure,
            _ => Outcome::Unknown,
        });
        let severity = |rule: &&Rule| {
            let level = rule.severity.filter(|_| rule.deeds.is_empty() || rule.deeds.contains(&deed))?;
            Some(SeverityRule { level, outcomes: rule.outcomes.clone(), when: rule.when.clone() })
        };
        let object = rules.iter().find_map(|rule| rule.object.clone()).unwrap_or_else(|| stem.to_owned());
        Self {
            object_ids: named_after(&object, stem, "_id"),
            object_names: named_after(&object, stem, "_name"),
            summary: listed.map_or_else(|| "Activity of a type that is not listed".to_owned(), |t| t.summary.clone()),
            object,
            outcome: rules.iter().find_map(|rule| rule.outcome).or(hint).or(listed.map(|_| Outcome::Success)),
            severities: rules.iter().filter_map(severity).collect(),
            known: listed.is_some(),
            stem: stem.to_owned(),
            category,
            deed,
        }
    }
}

/// The fields that are called after an object, with and without the prefix that types have.
fn named_after(object: &str, stem: &str, ending: &str) -> Vec<String> {
    let short =
        |name: &str| ["claude_", "platform_", "org_"].iter().find_map(|p| Some(name.strip_prefix(p)?.to_owned()));
    let names = [object, stem].into_iter().flat_map(|name| [Some(name.to_owned()), short(name)]);
    names.flatten().map(|name| format!("{name}{ending}")).collect()
}

/// A type's name without what tells the deed, and that deed.
fn without_ending(kind: &str) -> (&str, Option<Deed>) {
    let endings = TABLE.endings.iter().flat_map(|(deed, words)| words.iter().map(move |word| (*deed, word)));
    let stem = |word: &str| kind.strip_suffix(word)?.strip_suffix('_').filter(|stem| !stem.is_empty());
    let longest = endings.filter_map(|(deed, word)| Some((stem(word)?, deed))).min_by_key(|(stem, _)| stem.len());
    longest.map_or((kind, None), |(stem, deed)| (stem, Some(deed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_type_has_a_deed_of_its_own_or_says_that_it_has_none() {
        for known in catalogue().iter() {
            let by_rule = TABLE.rule.iter().any(|r| r.deed.is_some() && r.types.iter().any(|p| p.matches(&known.name)));
            assert!(by_rule || without_ending(&known.name).1.is_some(), "{} has no deed", known.name);
        }
    }

    #[test]
    fn every_pattern_of_the_table_names_a_listed_type() {
        for pattern in TABLE.rule.iter().flat_map(|rule| &rule.types) {
            assert!(catalogue().iter().any(|known| pattern.matches(&known.name)), "{pattern} names nothing");
        }
        for category in TABLE.rule.iter().flat_map(|rule| &rule.categories) {
            assert!(catalogue().iter().any(|known| known.category == *category), "{category} is no category");
        }
    }

    #[test]
    fn a_type_of_next_year_is_read_by_its_ending() {
        let next = meaning("quantum_relay_deleted");
        assert_eq!((next.deed, next.object.as_str(), next.known), (Deed::Delete, "quantum_relay", false));
        assert_eq!(meaning("nothing-to-see").deed, Deed::Other);
    }
}
