//! Frameworks as data: controls, what each asks, which evidence serves it, and how far each source can serve it.
//! Promises that a framework is read whole and checked before anything is built from it.
//! Never holds what the lake has: that is in `holdings`.

mod check;
mod load;
mod page;
mod schema;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::EvidenceError;

pub use load::Frameworks;
pub(crate) use load::Loaded;
pub use page::framework_page;
pub use schema::framework_schema;

/// A framework: the standard or law, and its controls.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// A short name in lower case, e.g. `soc2`: what commands call it.
    pub id: String,
    /// Its usual name.
    pub title: String,
    /// Who publishes it.
    pub publisher: String,
    /// Which edition this speaks of.
    pub version: String,
    /// Where its text is found.
    pub link: String,
    /// What it is about, and what of it is here, in own words.
    pub about: String,
    /// What each source gives at best, over all controls.
    pub grades: BySource<Grading>,
    /// What an auditor will need that no control here names.
    #[serde(default)]
    pub also_needed: Vec<String>,
    /// The controls, in the framework's order.
    pub controls: Vec<Control>,
    /// Evidence of this framework's own, beside that of `evidence.yaml`.
    #[serde(default)]
    #[schemars(with = "Vec<WrittenEvidence>")]
    pub evidence: Vec<Evidence>,
}

impl Framework {
    /// The same with some of its controls only; all of them if none is named.
    pub fn with_controls(mut self, wanted: &[String]) -> Result<Self, EvidenceError> {
        let is_it = |control: &Control, name: &str| control.id.eq_ignore_ascii_case(name) || control.folder() == name;
        for name in wanted {
            if !self.controls.iter().any(|control| is_it(control, name)) {
                return Err(EvidenceError::NoSuchControl { framework: self.id, asked: name.clone() });
            }
        }
        if !wanted.is_empty() {
            self.controls.retain(|control| wanted.iter().any(|name| is_it(control, name)));
        }
        Ok(self)
    }
}

/// One control, criterion, article or requirement.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its number in the framework.
    pub id: String,
    /// Its subject in a few words.
    pub title: String,
    /// What it asks, in own words.
    pub asks: String,
    /// What each source can show of it.
    pub grades: BySource<Grading>,
    /// Evidence that it rests on, by id: without rows of each, the control is not fully served.
    pub evidence: Vec<String>,
    /// Evidence that adds to it, by id.
    #[serde(default)]
    pub supporting: Vec<String>,
    /// How it is tested with this evidence.
    pub tests: Vec<String>,
    /// What else an auditor will need.
    #[serde(default)]
    pub also_needed: Vec<String>,
}

impl Control {
    /// Its folder in a package: its number in lower case, with hyphens for what a file name should not hold.
    #[must_use]
    pub fn folder(&self) -> String {
        let letters = self.id.chars().map(|letter| match letter {
            letter if letter.is_alphanumeric() || letter == '.' => letter.to_ascii_lowercase(),
            _ => '-',
        });
        let words = letters.collect::<String>();
        words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-").trim_matches('.').to_owned()
    }

    /// All evidence of it: first what it rests on.
    pub fn all_evidence(&self) -> impl Iterator<Item = &str> {
        self.evidence.iter().chain(&self.supporting).map(String::as_str)
    }
}

/// A value for each of the two sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BySource<T> {
    /// The Analytics API: aggregates of use.
    pub analytics: T,
    /// The Compliance API: the activity feed and the directory.
    pub compliance: T,
}

impl<T> BySource<T> {
    /// The value of a source.
    pub fn of(&self, source: Source) -> &T {
        match source {
            Source::Analytics => &self.analytics,
            Source::Compliance => &self.compliance,
        }
    }

    /// A value made for each source.
    pub fn from_each(mut make: impl FnMut(Source) -> T) -> Self {
        Self { analytics: make(Source::Analytics), compliance: make(Source::Compliance) }
    }
}

/// Where evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The Analytics API, or usage events that give the same numbers.
    Analytics,
    /// The Compliance API: activities and the directory, and what Ephor makes of them.
    Compliance,
}

impl Source {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Analytics, Self::Compliance];

    /// Its name in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Analytics => "analytics",
            Self::Compliance => "compliance",
        }
    }

    /// Its name to people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Analytics => "Analytics API",
            Self::Compliance => "Compliance API",
        }
    }
}

/// How far a source serves a control.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grading {
    /// How far.
    pub grade: Grade,
    /// Why no further, or what makes it so.
    pub reason: String,
}

/// How far evidence serves a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Not at all.
    #[default]
    None,
    /// In part: something else is needed too.
    Partial,
    /// Whole, as far as the assistant is concerned.
    Full,
}

impl Grade {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Partial => "partial",
            Self::Full => "full",
        }
    }
}

/// Something that can be shown: rows of the feed, or a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "WrittenEvidence", into = "WrittenEvidence")]
pub struct Evidence {
    /// What controls call it: lower case, digits and hyphens. It is a file name in packages.
    pub id: String,
    /// Its name to people.
    pub title: String,
    /// Which of the two sources it comes from.
    pub source: Source,
    /// What it shows, in a sentence.
    pub shows: String,
    /// What it is made of.
    pub content: Content,
}

/// What evidence is made of.
#[derive(Debug, Clone)]
pub enum Content {
    /// Activities of the period.
    Activities(Selection),
    /// The answer to a query.
    Table(Question),
}

/// Evidence as it stands in a file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenEvidence {
    /// What controls call it: lower case, digits and hyphens. It is a file name in packages.
    id: String,
    /// Its name to people.
    title: String,
    /// Which of the two sources it comes from.
    source: Source,
    /// What it shows, in a sentence.
    shows: String,
    /// Activities of the period. Either this or `table`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    activities: Option<Selection>,
    /// The answer to a query. Either this or `activities`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<Question>,
}

impl TryFrom<WrittenEvidence> for Evidence {
    type Error = String;

    fn try_from(written: WrittenEvidence) -> Result<Self, String> {
        let content = match (written.activities, written.table) {
            (Some(chosen), None) => Content::Activities(chosen),
            (None, Some(question)) => Content::Table(question),
            _ => return Err(format!("evidence `{}` is either `activities` or a `table`", written.id)),
        };
        Ok(Self { id: written.id, title: written.title, source: written.source, shows: written.shows, content })
    }
}

impl From<Evidence> for WrittenEvidence {
    fn from(evidence: Evidence) -> Self {
        let (activities, table) = match evidence.content {
            Content::Activities(chosen) => (Some(chosen), None),
            Content::Table(question) => (None, Some(question)),
        };
        Self {
            id: evidence.id,
            title: evidence.title,
            source: evidence.source,
            shows: evidence.shows,
            activities,
            table,
        }
    }
}

/// Which activities.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// All types of these categories of the catalogue, also those that it learns later.
    pub categories: Vec<String>,
    /// These types.
    pub types: Vec<String>,
}

impl Selection {
    /// Whether a row belongs to it.
    #[must_use]
    pub fn chooses(&self, kind: &str, category: &str) -> bool {
        self.types.iter().any(|name| name == kind) || self.categories.iter().any(|name| name == category)
    }
}

/// A query, and what is to be known of its columns.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What its rows are.
    pub rows: RowsAre,
    /// What one row stands for.
    pub one_row: String,
    /// One SELECT.
    pub sql: String,
    /// A table that has to be there; without it the evidence is not held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// Whether samples are drawn of it.
    #[serde(default)]
    pub sampled: bool,
    /// Columns that name a person.
    #[serde(default)]
    pub persons: Vec<String>,
    /// Columns that tell where a person sat and with what.
    #[serde(default)]
    pub whereabouts: Vec<String>,
    /// Whether names can stand within any of its texts.
    #[serde(default)]
    pub scrub: bool,
}

/// What rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowsAre {
    /// Things as they stood, or changes of them as they were seen.
    State,
    /// Figures.
    Measure,
    /// Things that have to be explained: none is the best answer.
    Exceptions,
    /// Findings and what was done about them.
    Handling,
}

impl RowsAre {
    /// Whether the lack of rows is good news rather than a lack of evidence.
    #[must_use]
    pub const fn may_be_none(self) -> bool {
        matches!(self, Self::Exceptions)
    }
}
