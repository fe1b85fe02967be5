//! A hit: one activity that a rule's detection selected, with the values that the rule's later steps need.
//! Promises to be all that later steps know of an activity, so that they can run again without it.
//! Never refers to the activity's JSON.

use crate::finding::Entity;

/// One activity, selected by one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The rule's place in its `RuleSet`.
    pub rule: u32,
    /// When the activity happened, in microseconds since 1970.
    pub at_micros: i64,
    /// Its place in the lake; no two activities share one.
    pub seq: u64,
    /// Its id.
    pub activity: Box<str>,
    /// Whom or what a finding of it would be about.
    pub entities: Vec<Entity>,
    /// The values of `Rule::carries`, in that order; nothing where the activity has no such field.
    pub values: Box<[Option<Box<str>>]>,
}
