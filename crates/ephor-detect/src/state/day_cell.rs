//! The hits of one key on one day (UTC), summed up: how many, in which hours, which values and when each was first there.
//! Promises the same cell for the same hits, in whatever order they come.
//! Never more than a bounded size: of very many different values a sketch is kept.

use crate::hit::{Hit, Place};
use crate::limits::{DISTINCT_SKETCH, EVIDENCE_LIMIT, GROUPS, VALUES_OF_A_DAY};

/// How long a day is, in microseconds.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

/// One day of one key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DayCell {
    pub(crate) count: u64,
    pub(crate) first_at: i64,
    pub(crate) last_at: i64,
    pub(crate) hours: [u32; 24],
    /// The first hits of each hour, by time: what a finding may rest on.
    places: Vec<Place>,
    /// Each value with its first sighting, by value: what a rule about new values needs.
    values: Vec<(u64, Sighting)>,
    /// The smallest different values: what a rule that counts them needs.
    sketch: Vec<u64>,
    /// Groups that the subject was in, by number.
    groups: Vec<u64>,
}

/// A value on one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sighting {
    pub(crate) first: Place,
    /// Whom the first one is about.
    pub(crate) subject: u64,
    pub(crate) last_at: i64,
}

/// What is kept of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Nothing.
    None,
    /// Each with its first sighting.
    Sightings,
    /// How many different ones there are.
    Count,
}

impl DayCell {
    pub(crate) fn new() -> Self {
        Self {
            count: 0,
            first_at: i64::MAX,
            last_at: i64::MIN,
            hours: [0; 24],
            places: Vec::new(),
            values: Vec::new(),
            sketch: Vec::new(),
            groups: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, hit: &Hit, values: Values) {
        let place = hit.place;
        self.count += 1;
        self.first_at = self.first_at.min(place.at);
        self.last_at = self.last_at.max(place.at);
        let hour = hour_of(place.at);
        self.hours[hour] = self.hours[hour].saturating_add(1);
        if values != Values::Sightings {
            self.put_place(place, hour);
        }
        hit.slots.iter().skip(1).for_each(|group| self.put_group(*group));
        let Some(value) = hit.slots.first().copied().filter(|value| *value != 0) else { return };
        match values {
            Values::None => {}
            Values::Sightings => self.sight(value, Sighting { first: place, subject: hit.subject, last_at: place.at }),
            Values::Count => self.sketch(value),
        }
    }

    /// Groups that the subject was in on this day.
    pub(crate) fn groups(&self) -> &[u64] {
        &self.groups
    }

    /// Of very many the smallest numbers are kept, whatever the order.
    fn put_group(&mut self, group: u64) {
        if let Err(at) = self.groups.binary_search(&group) {
            self.groups.insert(at, group);
            self.groups.truncate(GROUPS);
        }
    }

    /// What a finding about these hours rests on, by time.
    pub(crate) fn places(&self, wanted: impl Fn(usize) -> bool) -> Vec<Place> {
        self.places.iter().filter(|place| wanted(hour_of(place.at))).copied().collect()
    }

    /// Of each hour the earliest are kept, whatever the order in which they come.
    fn put_place(&mut self, place: Place, hour: usize) {
        let order = |place: &Place| (place.at, place.tie);
        let at = self.places.partition_point(|known| order(known) < order(&place));
        self.places.insert(at, place);
        if self.hours[hour] as usize > EVIDENCE_LIMIT
            && let Some(last) = self.places.iter().rposition(|known| hour_of(known.at) == hour)
        {
            self.places.remove(last);
        }
    }

    /// Values with their sightings, by the first sighting.
    pub(crate) fn values(&self) -> impl Iterator<Item = &(u64, Sighting)> {
        let mut by_time: Vec<&(u64, Sighting)> = self.values.iter().collect();
        by_time.sort_by_key(|(value, sighting)| (sighting.first.at, sighting.first.tie, *value));
        by_time.into_iter()
    }

    /// How many different values there were: exactly, as long as there are few enough to keep.
    pub(crate) fn distinct(&self) -> u64 {
        match self.sketch.last() {
            Some(largest) if self.sketch.len() == DISTINCT_SKETCH => {
                // The k-th smallest of n numbers spread evenly lies at about k/n of the whole range.
                let part = (*largest as f64 + 1.0) / (u64::MAX as f64);
                ((DISTINCT_SKETCH - 1) as f64 / part) as u64
            }
            _ => self.sketch.len() as u64,
        }
    }

    fn sight(&mut self, value: u64, sighting: Sighting) {
        match self.values.binary_search_by_key(&value, |(known, _)| *known) {
            Ok(at) => {
                let known = &mut self.values[at].1;
                if (sighting.first.at, sighting.first.tie) < (known.first.at, known.first.tie) {
                    (known.first, known.subject) = (sighting.first, sighting.subject);
                }
                known.last_at = known.last_at.max(sighting.last_at);
            }
            Err(at) => {
                self.values.insert(at, (value, sighting));
                if self.values.len() > VALUES_OF_A_DAY {
                    // The one that was seen last goes: whatever the order, the earliest stay.
                    let latest = self.values.iter().enumerate().max_by_key(|(_, (_, s))| (s.first.at, s.first.tie));
                    if let Some((at, _)) = latest {
                        self.values.remove(at);
                    }
                }
            }
        }
    }

    fn sketch(&mut self, value: u64) {
        if let Err(at) = self.sketch.binary_search(&value)
            && at < DISTINCT_SKETCH
        {
            self.sketch.insert(at, value);
            self.sketch.truncate(DISTINCT_SKETCH);
        }
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
        Hit { place: Place { at, tie, seq: tie }, input: 0, subject: value, slots: vec![value] }
    }

    fn cell(hits: &[Hit], values: Values) -> DayCell {
        let mut cell = DayCell::new();
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

    proptest! {
        #[test]
        fn the_order_of_hits_changes_nothing(order in Just((0..60_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let made = |n: &u64| hit((n * 77 % 40).cast_signed() * 60_000_000, *n, n % 7 + 1);
            let (straight, shuffled): (Vec<Hit>, Vec<Hit>) = ((0..60).map(|n| made(&n)).collect(), order.iter().map(made).collect());
            for values in [Values::None, Values::Sightings, Values::Count] {
                prop_assert_eq!(cell(&straight, values), cell(&shuffled, values));
            }
        }
    }
}
