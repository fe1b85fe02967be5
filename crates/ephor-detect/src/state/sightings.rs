//! The values of one key, each as the spans of time in which it was seen again and again: what a rule about new values needs.
//! Promises the same spans for the same hits, in whatever order they come.
//! Never a sighting by itself: a value that is seen each day for a year is one span.

use super::day_cell::DAY_MICROS;
use super::put;
use crate::hit::{Hit, Place};
use crate::limits::VALUES_OF_A_DAY;

/// The values of one key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sightings {
    /// When the key was seen first, with a value or without one.
    earliest: i64,
    /// By value, then by time.
    runs: Vec<ValueRun>,
}

/// A value that was seen again each time before it could count as new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ValueRun {
    value: u64,
    pub(crate) first: Place,
    /// Whom the first sighting is about.
    pub(crate) subject: u64,
    last_at: i64,
}

impl Default for Sightings {
    fn default() -> Self {
        Self { earliest: i64::MAX, runs: Vec::new() }
    }
}

impl Sightings {
    pub(crate) fn earliest(&self) -> i64 {
        self.earliest
    }

    /// By value, then by time: each begins with a sighting that was new.
    pub(crate) fn runs(&self) -> &[ValueRun] {
        &self.runs
    }

    /// Adds a hit; a value counts as new when it was not seen for so long.
    pub(crate) fn add(&mut self, hit: &Hit, within_micros: i64) {
        self.earliest = self.earliest.min(hit.place.at);
        let Some(value) = hit.slots.first().copied().filter(|value| *value != 0) else { return };
        let seen = ValueRun { value, first: hit.place, subject: hit.subject, last_at: hit.place.at };
        let at = self.runs.partition_point(|run| (run.value, run.first.at) <= (value, hit.place.at));
        let joins =
            |before: &ValueRun, after: &ValueRun| before.value == after.value && is_near(before, after, within_micros);
        let to_before = at > 0 && joins(&self.runs[at - 1], &seen);
        let to_after = at < self.runs.len() && joins(&seen, &self.runs[at]);
        match (to_before, to_after) {
            (false, false) => self.begin(at, seen),
            (true, false) => self.runs[at - 1].take(&seen),
            (false, true) => self.runs[at].take(&seen),
            (true, true) => {
                let after = self.runs.remove(at);
                self.runs[at - 1].take(&seen);
                self.runs[at - 1].take(&after);
            }
        }
    }

    /// Forgets values that were not seen since; when the key was seen first stays known.
    pub(super) fn forget(&mut self, before_micros: i64) {
        let held = self.runs.len();
        self.runs.retain(|run| run.last_at >= before_micros);
        if self.runs.len() < held {
            self.runs.shrink_to_fit();
        }
    }

    /// Of the values that are new on one day, very many, the earliest are kept.
    fn begin(&mut self, at: usize, seen: ValueRun) {
        put(&mut self.runs, at, seen);
        if self.runs.len() <= VALUES_OF_A_DAY {
            return;
        }
        let day = day_of(seen.first.at);
        let own = || self.runs.iter().enumerate().filter(|(_, run)| day_of(run.first.at) == day);
        if own().count() > VALUES_OF_A_DAY
            && let Some((latest, _)) = own().max_by_key(|(_, run)| (run.first.at, run.first.tie))
        {
            self.runs.remove(latest);
        }
    }
}

impl ValueRun {
    fn take(&mut self, other: &Self) {
        if (other.first.at, other.first.tie) < (self.first.at, self.first.tie) {
            (self.first, self.subject) = (other.first, other.subject);
        }
        self.last_at = self.last_at.max(other.last_at);
    }
}

/// What is seen twice on one day is no more new on that day.
fn is_near(before: &ValueRun, after: &ValueRun, within_micros: i64) -> bool {
    after.first.at.saturating_sub(before.last_at) <= within_micros || day_of(before.last_at) == day_of(after.first.at)
}

fn day_of(at: i64) -> i64 {
    at.div_euclid(DAY_MICROS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = DAY_MICROS / 24;

    fn hit(at: i64, tie: u64, value: u64) -> Hit {
        Hit { place: Place { at, tie, seq: 0 }, input: 0, subject: tie, slots: Box::new([value]) }
    }

    fn seen(hits: impl IntoIterator<Item = Hit>, within_micros: i64) -> Sightings {
        let mut sightings = Sightings::default();
        hits.into_iter().for_each(|hit| sightings.add(&hit, within_micros));
        sightings
    }

    #[test]
    fn a_value_that_is_seen_each_day_is_one_span_and_one_that_comes_back_later_is_another() {
        let days = |days: std::ops::Range<i64>| days.map(|day| hit(day * DAY_MICROS, 0, 7));
        let sightings = seen(days(0..100).chain(days(140..150)), 30 * DAY_MICROS);
        let spans: Vec<_> =
            sightings.runs().iter().map(|run| (run.first.at / DAY_MICROS, run.last_at / DAY_MICROS)).collect();
        assert_eq!(spans, [(0, 99), (140, 149)]);
    }

    #[test]
    fn of_a_flood_of_new_values_the_first_of_a_day_are_kept() {
        let count = VALUES_OF_A_DAY as u64 + 300;
        let made = |n: u64| hit(n.cast_signed(), n, n * 7_919 + 1);
        let forward = seen((0..count).map(made), DAY_MICROS);
        assert_eq!(forward, seen((0..count).rev().map(made), DAY_MICROS));
        assert_eq!(forward.runs().len(), VALUES_OF_A_DAY);
        assert!(forward.runs().iter().all(|run| run.first.at.cast_unsigned() < VALUES_OF_A_DAY as u64));
    }

    proptest! {
        #[test]
        fn the_order_and_repetition_of_hits_change_nothing(
            order in Just((0..60_i64).collect::<Vec<_>>()).prop_shuffle(),
            again in prop::collection::vec(0..60_i64, 0..20),
            within in prop::sample::select(vec![HOUR, 5 * HOUR, 30 * HOUR]),
        ) {
            let made = |n: i64| hit(n * n % 97 * 3 * HOUR, n as u64, n as u64 % 4);
            let straight = seen((0..60).map(made), within);
            prop_assert_eq!(straight, seen(order.into_iter().chain(again).map(made), within));
        }
    }
}
