//! The hits of one key on one day (UTC): each as its place while an hour has few, beyond that as a number; and how many values.
//! Promises the same cell for the same hits, in whatever order they come.
//! Never more than a bounded size: of very many different values a sketch is kept.

use super::put;
use crate::hit::{Hit, Place};
use crate::limits::{DISTINCT_SKETCH, EVIDENCE_LIMIT, GROUPS};

/// How long a day is, in microseconds.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

/// One day of one key. Most have one hit or a few, and cost what those do.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct DayCell {
    /// The first hits of each hour, by time: what a finding may rest on.
    places: Vec<Place>,
    more: Option<Box<More>>,
}

/// What only some rules ask of a day, and what only a busy one has.
#[derive(Debug, Clone, Default, PartialEq)]
struct More {
    /// The smallest different values: what a rule that counts them needs.
    sketch: Vec<u64>,
    /// Groups that the subject was in, by number.
    groups: Vec<u64>,
    storm: Option<Box<Storm>>,
}

/// What is only counted of hours with very many hits.
#[derive(Debug, Clone, Default, PartialEq)]
struct Storm {
    hours: [u32; 24],
}

/// What is kept of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Nothing.
    None,
    /// How many different ones there are.
    Count,
}

impl DayCell {
    pub(crate) fn add(&mut self, hit: &Hit, values: Values) {
        self.put_place(hit.place);
        hit.slots.iter().skip(1).for_each(|group| self.put_group(*group));
        let value = hit.slots.first().copied().filter(|value| *value != 0);
        if let Some(value) = value.filter(|_| values == Values::Count) {
            self.sketch(value);
        }
    }

    /// Whether there is nothing yet.
    pub(crate) fn is_new(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn count(&self) -> u64 {
        let beyond = self.storm().map_or(0, |storm| storm.hours.iter().map(|times| u64::from(*times)).sum());
        self.places.len() as u64 + beyond
    }

    /// Hits that are kept one by one.
    pub(super) fn held(&self) -> usize {
        self.places.len()
    }

    /// How many hits an hour has.
    pub(crate) fn in_hour(&self, hour: usize) -> u64 {
        let beyond = self.storm().map_or(0, |storm| u64::from(storm.hours[hour]));
        self.places[self.span_of(hour)].len() as u64 + beyond
    }

    /// The hours that have hits.
    pub(crate) fn hours(&self) -> impl Iterator<Item = usize> {
        // Each hour that is counted beyond its places has places.
        let mut at = 0;
        std::iter::from_fn(move || {
            let hour = hour_of(self.places.get(at)?.at);
            at += self.places[at..].partition_point(|place| hour_of(place.at) <= hour);
            Some(hour)
        })
    }

    /// Groups that the subject was in on this day.
    pub(crate) fn groups(&self) -> &[u64] {
        self.more.as_ref().map(|more| more.groups.as_slice()).unwrap_or_default()
    }

    /// What a finding about these hours rests on, by time.
    pub(crate) fn places(&self, wanted: impl Fn(usize) -> bool) -> Vec<Place> {
        self.places.iter().filter(|place| wanted(hour_of(place.at))).copied().collect()
    }

    /// How many different values there were: exactly, as long as there are few enough to keep.
    pub(crate) fn distinct(&self) -> u64 {
        let sketch = self.more.as_ref().map(|more| more.sketch.as_slice()).unwrap_or_default();
        match sketch.last() {
            Some(largest) if sketch.len() == DISTINCT_SKETCH => {
                // The k-th smallest of n numbers spread evenly lies at about k/n of the whole range.
                let part = (*largest as f64 + 1.0) / (u64::MAX as f64);
                ((DISTINCT_SKETCH - 1) as f64 / part) as u64
            }
            _ => sketch.len() as u64,
        }
    }

    fn storm(&self) -> Option<&Storm> {
        self.more.as_ref()?.storm.as_deref()
    }

    /// Where the places of an hour stand.
    fn span_of(&self, hour: usize) -> std::ops::Range<usize> {
        let from = self.places.partition_point(|place| hour_of(place.at) < hour);
        let length = self.places[from..].partition_point(|place| hour_of(place.at) == hour);
        from..from + length
    }

    /// Of very many the smallest numbers are kept, whatever the order.
    fn put_group(&mut self, group: u64) {
        put_smallest(&mut self.more.get_or_insert_default().groups, group, GROUPS);
    }

    fn sketch(&mut self, value: u64) {
        put_smallest(&mut self.more.get_or_insert_default().sketch, value, DISTINCT_SKETCH);
    }

    /// Of each hour the earliest are kept, whatever the order in which they come.
    fn put_place(&mut self, place: Place) {
        let order = |place: &Place| (place.at, place.tie);
        let at = self.places.partition_point(|known| order(known) < order(&place));
        let hour = hour_of(place.at);
        let own = self.span_of(hour);
        if own.len() < EVIDENCE_LIMIT {
            put(&mut self.places, at, place);
            return;
        }
        if at < own.end {
            self.places[at..own.end].rotate_right(1);
            self.places[at] = place;
        }
        let storm = self.more.get_or_insert_default().storm.get_or_insert_default();
        storm.hours[hour] = storm.hours[hour].saturating_add(1);
    }
}

/// Keeps the smallest different numbers, whatever the order in which they come.
fn put_smallest(numbers: &mut Vec<u64>, number: u64, limit: usize) {
    if let Err(at) = numbers.binary_search(&number)
        && at < limit
    {
        numbers.truncate(limit - 1);
        put(numbers, at, number);
    }
}

fn hour_of(at: i64) -> usize {
    (at.rem_euclid(DAY_MICROS) / (DAY_MICROS / 24)) as usize
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::hit::number_of;
    use proptest::prelude::*;

    fn hit(at: i64, tie: u64, value: u64) -> Hit {
        Hit { place: Place { at, tie, seq: tie }, input: 0, subject: value, slots: Box::new([value, tie % 3]) }
    }

    fn cell(hits: &[Hit], values: Values) -> DayCell {
        let mut cell = DayCell::default();
        hits.iter().for_each(|hit| cell.add(hit, values));
        cell
    }

    #[test]
    fn few_values_are_counted_exactly_and_many_closely() {
        let of = |count: u64| {
            let hits: Vec<Hit> = (0..count).map(|n| hit(n.cast_signed(), n, number_of(&n.to_string()))).collect();
            cell(&hits, Values::Count).distinct()
        };
        assert_eq!(of(500), 500);
        let many = of(20_000);
        assert!(many.abs_diff(20_000) < 2_000, "{many}");
    }

    #[test]
    fn of_a_storm_the_first_hits_of_each_hour_are_kept_and_all_are_counted() {
        let second = 1_000_000;
        let storm: Vec<Hit> = (0..7_000).map(|n| hit(i64::from(n) * second, n as u64, 0)).collect();
        let forward = cell(&storm, Values::None);
        let backward: Vec<Hit> = storm.into_iter().rev().collect();
        assert_eq!(forward, cell(&backward, Values::None));
        assert_eq!(
            (forward.count(), forward.in_hour(0), forward.in_hour(1), forward.in_hour(2)),
            (7_000, 3_600, 3_400, 0)
        );
        assert_eq!(forward.hours().collect::<Vec<_>>(), [0, 1]);
        let kept = forward.places(|hour| hour == 1);
        assert_eq!((kept.len(), kept[0].at), (EVIDENCE_LIMIT, 3_600 * second));
    }

    proptest! {
        #[test]
        fn the_order_of_hits_changes_nothing(order in Just((0..60_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let made = |n: &u64| hit((n * 77 % 40).cast_signed() * 60_000_000, *n, n % 7 + 1);
            let (straight, shuffled): (Vec<Hit>, Vec<Hit>) = ((0..60).map(|n| made(&n)).collect(), order.iter().map(made).collect());
            for values in [Values::None, Values::Count] {
                prop_assert_eq!(cell(&straight, values), cell(&shuffled, values));
            }
        }
    }
}
