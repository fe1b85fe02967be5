//! Why a rule cannot be used: the file, the line, the reason.
//! Promises a place that an editor can jump to.
//! Never a value of an activity.

use std::fmt;

/// A rule file, or a part of one, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A problem within one document, before the file's name is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Within the document, counted from 1.
    pub(super) line: usize,
    pub(super) what: String,
}

impl Flaw {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }

    /// At the line where a key stands, or at the document's beginning.
    pub(super) fn at_key(text: &str, key: &str, what: impl Into<String>) -> Self {
        let starts = |line: &&str| line.trim_start().trim_start_matches("- ").starts_with(key);
        let line = text.lines().position(|line| starts(&line)).map_or(1, |line| line + 1);
        Self::new(line, what)
    }
}
