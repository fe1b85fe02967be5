//! Judgement: what the hits of one key come to, as findings in the making, one for each subject and window.
//! A pure function of a set of hits: their order, their repetition and the time of their arrival change nothing.
//! Never reads the clock: what has to wait is told when it is due.

mod correlation;
mod day;
mod draft;
mod each;
mod first_seen;
mod peers;
mod reach;
mod travel;
mod without;

use crate::rule::Rule;
use crate::series::{Program, Series};
use crate::state::{Bucket, DayCell, Sightings};

pub(crate) use draft::{Draft, DraftDigest, PEERS_SAY, Weight};
pub(crate) use peers::Peers;
pub(crate) use reach::Reach;
pub(crate) use without::due_micros;

/// Hits of one key, by time.
pub(crate) type Buckets = [(i64, Bucket)];
/// Days of one key, by time.
pub(crate) type Days = [(i64, DayCell)];

/// What hits come to.
pub(crate) fn hits(series: &Series, rule: &Rule, buckets: &Buckets, as_of_micros: i64) -> Vec<Draft> {
    match &series.program {
        Program::Each => each::judge(rule, buckets),
        Program::Correlation(node) => correlation::judge(rule, node, buckets),
        Program::Without { within_micros } => without::judge(rule, buckets, *within_micros, as_of_micros),
        Program::Travel(travel) => travel::judge(rule, buckets, travel),
        Program::FirstSeen { .. } | Program::Baseline { .. } | Program::OffHours(_) => Vec::new(),
    }
}

/// What days come to in the windows that are asked about; `peers` are asked where a rule wants them.
pub(crate) fn days(
    series: &Series,
    rule: &Rule,
    days: &Days,
    peers: Option<&mut Peers<'_>>,
    is_asked: impl Fn(i64) -> bool,
) -> Vec<Draft> {
    // Before the rest is looked at: counting peers is by far the dearest part of a judgement.
    let is_asked = |day: i64| is_asked(window_of(rule, day));
    match &series.program {
        Program::Baseline { baseline, slot } => day::baseline(rule, days, baseline, *slot, peers, is_asked),
        Program::OffHours(off_hours) => day::off_hours(rule, days, off_hours, is_asked),
        Program::Each
        | Program::Correlation(_)
        | Program::Without { .. }
        | Program::Travel(_)
        | Program::FirstSeen { .. } => Vec::new(),
    }
}

/// What values come to.
pub(crate) fn sightings(series: &Series, rule: &Rule, sightings: &Sightings) -> Vec<Draft> {
    match &series.program {
        Program::FirstSeen { within_micros, learning_micros } => {
            first_seen::judge(rule, sightings, *within_micros, *learning_micros)
        }
        _ => Vec::new(),
    }
}

/// Days that are judged by what peers did: alone, or as a second opinion.
pub(crate) fn days_for_peers(series: &Series, days: &Days) -> Vec<i64> {
    match &series.program {
        Program::Baseline { baseline, slot } if baseline.peers.is_some() => day::asking_peers(days, baseline, *slot),
        _ => Vec::new(),
    }
}

/// What a baseline counts of a day.
fn measured(cell: &DayCell, slot: Option<usize>) -> u64 {
    if slot.is_some() { cell.distinct() } else { cell.count() }
}

/// The window of a rule that a moment lies in.
pub(crate) fn window_of(rule: &Rule, at_micros: i64) -> i64 {
    at_micros.div_euclid(rule.window_micros).saturating_mul(rule.window_micros)
}
