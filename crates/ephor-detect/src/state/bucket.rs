//! The hits of one key within one hour: the first ones exactly, the rest as a number.
//! Promises the same bucket for the same hits, in whatever order they come.
//! Never grows beyond its limit: a storm is told by its count.

use super::put;
use crate::hit::Hit;
use crate::limits::HITS_IN_A_BUCKET;

/// How long a bucket is, in microseconds.
pub(crate) const BUCKET_MICROS: i64 = 3_600_000_000;

/// Hits of one key within one hour.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Bucket {
    hits: Vec<Hit>,
    beyond: Option<Box<Beyond>>,
}

/// What is only counted of a storm.
#[derive(Debug, Clone, PartialEq)]
struct Beyond {
    count: u64,
    last_at: i64,
}

impl Bucket {
    /// By time, ties by id.
    pub(crate) fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// How many more there are than are kept.
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond.as_ref().map_or(0, |beyond| beyond.count)
    }

    /// When the last one happened, kept or not.
    pub(crate) fn last_at(&self) -> i64 {
        let kept = self.hits.last().map_or(i64::MIN, |hit| hit.place.at);
        self.beyond.as_ref().map_or(kept, |beyond| kept.max(beyond.last_at))
    }

    pub(crate) fn add(&mut self, hit: Hit) {
        let Err(place) = self.hits.binary_search_by(|known| order(known, &hit)) else { return };
        if self.hits.len() < HITS_IN_A_BUCKET {
            put(&mut self.hits, place, hit);
            return;
        }
        let last_at = self.last_at().max(hit.place.at);
        let beyond = self.beyond.get_or_insert_with(|| Box::new(Beyond { count: 0, last_at }));
        (beyond.count, beyond.last_at) = (beyond.count + 1, last_at);
        if place < self.hits.len() {
            self.hits.insert(place, hit);
            self.hits.pop();
        }
    }
}

/// The order of a bucket knows nothing of arrival: `seq` is left out.
fn order(a: &Hit, b: &Hit) -> std::cmp::Ordering {
    let key = |hit: &Hit| (hit.place.at, hit.place.tie, hit.input, hit.subject);
    key(a).cmp(&key(b)).then_with(|| a.slots.cmp(&b.slots))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::hit::Place;
    use proptest::prelude::*;

    fn hit(at: i64, tie: u64, seq: u64) -> Hit {
        Hit { place: Place { at, tie, seq }, input: 0, subject: 0, slots: Box::new([tie]) }
    }

    fn bucket(hits: impl IntoIterator<Item = Hit>) -> Bucket {
        let mut bucket = Bucket::default();
        hits.into_iter().for_each(|hit| bucket.add(hit));
        bucket
    }

    #[test]
    fn a_storm_keeps_its_beginning_and_its_count() {
        let storm = |order: Vec<i64>| bucket(order.into_iter().map(|at| hit(at, 7, 0)));
        let count = i64::try_from(HITS_IN_A_BUCKET).unwrap() + 500;
        let forward = storm((0..count).collect());
        assert_eq!(forward, storm((0..count).rev().collect()));
        assert_eq!((forward.hits().len(), forward.beyond(), forward.last_at()), (HITS_IN_A_BUCKET, 500, count - 1));
    }

    proptest! {
        #[test]
        fn the_order_and_repetition_of_hits_change_nothing(order in Just((0..40_i64).collect::<Vec<_>>()).prop_shuffle(), again in prop::collection::vec(0..40_i64, 0..20)) {
            let made = |n: i64| hit(n / 3, n as u64 % 5, 0);
            let one = bucket((0..40).map(made));
            let other = bucket(order.into_iter().chain(again).map(made));
            prop_assert_eq!(one, other);
        }
    }
}
