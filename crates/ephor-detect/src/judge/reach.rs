//! How far judgements reach: what of the past a finding of a window rests on, and what of the future may still take it back.
//! Promises bounds that hold for every rule of a program: what lies outside changes nothing inside.
//! Never shorter than a rule's own words say.

use crate::rule::{DAY_MICROS, Rule};
use crate::series::{Node, Program, Series};

/// What a series has to remember so that windows are judged as if everything were there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    /// How long after the beginning of a window something may still change what is found in it.
    settles_micros: i64,
    /// How long before the beginning of a window something may lie that its findings rest on.
    looks_back_micros: i64,
}

impl Reach {
    pub(crate) fn of(series: &Series, rule: &Rule) -> Self {
        let (back, ahead) = match &series.program {
            Program::Each => (0, 0),
            Program::Correlation(node) => (of_node(node), 0),
            // What has to follow may come in the next window.
            Program::Without { within_micros } => (0, *within_micros),
            Program::FirstSeen { within_micros, .. } => (*within_micros, 0),
            // A day is judged as a whole, and may go on when its window is over.
            Program::Baseline { baseline, .. } => (baseline.over.micros, DAY_MICROS),
            Program::OffHours(off_hours) => (off_hours.over.micros, DAY_MICROS),
            Program::Travel(travel) => (travel.within.micros, 0),
        };
        Self { settles_micros: rule.window_micros.saturating_add(ahead), looks_back_micros: back }
    }

    /// Whether nothing that happens from a moment on changes what is found in the window that begins here.
    pub(crate) fn is_settled(self, window_from: i64, by_micros: i64) -> bool {
        window_from.saturating_add(self.settles_micros) <= by_micros
    }

    /// What lies before this is looked at by no window that is not settled by a moment.
    pub(crate) fn forgets_before(self, by_micros: i64) -> i64 {
        by_micros.saturating_sub(self.settles_micros).saturating_sub(self.looks_back_micros)
    }

    /// Windows that are not settled by a moment have nothing of their own before this.
    pub(crate) fn is_open_from(self, by_micros: i64) -> i64 {
        by_micros.saturating_sub(self.settles_micros)
    }
}

/// Windows of correlations within each other reach back one behind the other.
fn of_node(node: &Node) -> i64 {
    match node {
        Node::Input(_) => 0,
        Node::Gather { children, span_micros, .. } | Node::Temporal { children, span_micros, .. } => {
            let below = children.iter().map(of_node).max().unwrap_or_default();
            span_micros.saturating_add(below)
        }
    }
}
