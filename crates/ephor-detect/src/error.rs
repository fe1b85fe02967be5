//! What can go wrong with rules and findings, said to the person who asked.
//! Every text names what, where, and the way out.
//! Never holds a value of an activity.

use std::path::PathBuf;

use ephor_lake::LakeError;
use ephor_lake::control::ControlError;

use crate::rule::RuleProblem;

/// Anything that detections could not do.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// A word that is none of a closed set.
    #[error("`{text}` is not a {what}; known are {known}")]
    Word {
        /// What it should be.
        what: &'static str,
        /// What was given.
        text: String,
        /// What could have been given.
        known: String,
    },
    /// No finding has this id.
    #[error("there is no finding `{id}`; `ephor findings list` shows them")]
    UnknownFinding {
        /// The id asked for.
        id: String,
    },
    /// A step that changes nothing.
    #[error("this step would change nothing: name a status, an assignee, a note or a suppression")]
    EmptyStep,
    /// A note that is too long to be one.
    #[error("a note has at most {limit} characters; put a longer text elsewhere and its address here")]
    NoteTooLong {
        /// The most characters.
        limit: usize,
    },
    /// A suppression that has ended before it begins.
    #[error("a suppression cannot end in the past; name a later day")]
    SuppressionInPast,
    /// A suppression of something that nobody has judged.
    #[error("only what is resolved or a false positive can be suppressed; set one of the two in the same step")]
    SuppressionOfOpen,
    /// A rule file, a test file or their folder that cannot be read.
    #[error("{} cannot be read; `[detect] rules` names the folder of your rules", path.display())]
    RuleFile {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A database of places that cannot be used.
    #[error("{} cannot be used: {what}; `[detect] geo` names a City database in MaxMind's format", path.display())]
    Geo {
        /// Which one.
        path: PathBuf,
        /// Why not.
        what: String,
    },
    /// A policy that cannot be used.
    #[error("{problem}; docs/policy.md shows how a policy is written")]
    Policy {
        /// What is wrong, and where.
        problem: RuleProblem,
    },
    /// No rule has this name.
    #[error("there is no rule `{name}`; `ephor rules list` shows them")]
    UnknownRule {
        /// The name asked for.
        name: String,
    },
    /// A text that cannot be the name of a list.
    #[error("`{name}` is no name of a list: it has small letters, digits and `_`, as `approved_connectors`")]
    ListName {
        /// What was given.
        name: String,
    },
    /// An entry that says nothing, or too much.
    #[error("an entry of a list has an id; its id, its name and the reason have at most {limit} characters each")]
    ListEntry {
        /// The most characters.
        limit: usize,
    },
    /// A text that is no beginning of an entry.
    #[error(
        "`{text}` is no moment from which an entry stands on a list: give `now`, `always`, a day as 2026-11-01, or a time as 2026-11-01T09:00:00Z"
    )]
    Since {
        /// What was given.
        text: String,
    },
    /// A source that is called as what people do.
    #[error(
        "a source of registers cannot be called `{name}`: entries that people or ephor.toml put on lists are told by that word"
    )]
    SourceName {
        /// The name.
        name: String,
    },
    /// An entry that a source's register brought.
    #[error("`{id}` is on the list {list} because `{source_name}` lists it; take it off there")]
    OfARegister {
        /// The list.
        list: String,
        /// The entry.
        id: String,
        /// The source.
        source_name: String,
    },
    /// A stored value is not one that Ephor writes.
    #[error("the findings are damaged: {what}; `ephor detect` makes them again from the lake")]
    Damaged {
        /// What does not fit.
        what: String,
    },
    /// The control database.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl From<sqlx::Error> for DetectError {
    fn from(error: sqlx::Error) -> Self {
        Self::Control(error.into())
    }
}
