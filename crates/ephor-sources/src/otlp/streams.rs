//! What has been counted of each running total, so that a point tells what it adds.
//! Promises that the sum over a stream depends on which points came, not on their order, their repetition or a restart
//! in between. Never counts a point twice: where memory has an end, it counts nothing rather than too much.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Streams that are remembered: a session of Claude Code has about 20, so this is a thousand sessions that report
/// running totals (the default is deltas, which need no memory). Written out they have 4 MB.
pub(crate) const STREAMS: usize = 20_000;

/// Processes of one stream that are told apart by their start, however they alternate.
const LIVES: usize = 32;

/// Points of one process that are remembered: as late as this many exports, and a fall of the counter between them is
/// still seen. Without a fall, any lateness is right.
const POINTS: usize = 8;

/// A stream that was silent for so long makes room for another when there is none left.
const IDLE_NANOS: u64 = 24 * 3600 * 1_000_000_000;

/// A point of a running total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) stream: Uuid,
    /// When its process began to count.
    pub(crate) start_nanos: u64,
    pub(crate) time_nanos: u64,
    /// The total, in the unit of its column; 0 or more.
    pub(crate) value: i64,
}

/// What a point means for what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// So much more, perhaps nothing.
    Adds(i64),
    /// There is no room to remember its stream, so what it adds cannot be said.
    NoRoom,
}

/// All streams.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Streams {
    by_id: HashMap<Uuid, Stream>,
    /// A stream that began before this and is not known may have been forgotten: its first point counts nothing.
    forgotten_nanos: u64,
}

/// One stream: the processes that fed it, by their start.
#[derive(Debug, Clone, Default, PartialEq)]
struct Stream {
    lives: Vec<Life>,
    /// The start of the newest process that was forgotten; what began no later counts nothing.
    forgotten_start: Option<u64>,
    /// When something last came, by Ephor's clock.
    seen_nanos: u64,
}

/// One process: its points by time.
#[derive(Debug, Clone, PartialEq)]
struct Life {
    start: u64,
    /// Whether there were points before the first one here; what is older than that one is in it already.
    cut: bool,
    points: Vec<(u64, i64)>,
}

impl Streams {
    /// A memory that was lost: streams that began before count from their next point on.
    pub(crate) fn unknown_before(nanos: u64) -> Self {
        Self { by_id: HashMap::new(), forgotten_nanos: nanos }
    }

    /// What a point adds; it is remembered from now on.
    pub(crate) fn take(&mut self, reading: Reading, now_nanos: u64) -> Verdict {
        let Reading { stream: id, start_nanos, time_nanos, value } = reading;
        let known = self.by_id.contains_key(&id);
        if !known && self.by_id.len() >= STREAMS {
            self.forget_idle(now_nanos);
            if self.by_id.len() >= STREAMS {
                return Verdict::NoRoom;
            }
        }
        let only_base = !known && start_nanos < self.forgotten_nanos;
        let stream = self.by_id.entry(id).or_default();
        stream.seen_nanos = now_nanos;
        Verdict::Adds(stream.take(start_nanos, time_nanos, value, only_base))
    }

    fn forget_idle(&mut self, now_nanos: u64) {
        let before = now_nanos.saturating_sub(IDLE_NANOS);
        let idle = self.by_id.values().map(|stream| stream.seen_nanos).filter(|seen| *seen < before);
        self.forgotten_nanos = idle.max().unwrap_or_default().max(self.forgotten_nanos);
        self.by_id.retain(|_, stream| stream.seen_nanos >= before);
    }

    /// As it is stored beside the rows that came of it.
    pub(crate) fn to_json(&self) -> Value {
        let streams: Map<String, Value> =
            self.by_id.iter().map(|(id, stream)| (id.simple().to_string(), stream.to_json())).collect();
        json!({ "version": 1, "forgotten": self.forgotten_nanos, "streams": streams })
    }

    /// Reads what [`Streams::to_json`] wrote; nothing if it is something else.
    pub(crate) fn of_json(value: &Value) -> Option<Self> {
        if value["version"] != 1 {
            return None;
        }
        let streams = value["streams"].as_object()?.iter();
        let streams = streams.map(|(id, stream)| Some((Uuid::parse_str(id).ok()?, Stream::of_json(stream)?)));
        Some(Self { by_id: streams.collect::<Option<_>>()?, forgotten_nanos: value["forgotten"].as_u64()? })
    }
}

impl Stream {
    fn take(&mut self, start: u64, time: u64, value: i64, only_base: bool) -> i64 {
        let at = match self.lives.binary_search_by_key(&start, |life| life.start) {
            Ok(at) => return self.lives[at].take(time, value),
            Err(_) if self.forgotten_start.is_some_and(|forgotten| start <= forgotten) => return 0,
            Err(at) => at,
        };
        self.lives.insert(at, Life { start, cut: only_base, points: vec![(time, value)] });
        if self.lives.len() > LIVES {
            self.forgotten_start = Some(self.lives.remove(0).start);
        }
        if only_base { 0 } else { value }
    }

    fn to_json(&self) -> Value {
        let lives: Vec<Value> = self.lives.iter().map(Life::to_json).collect();
        json!([self.seen_nanos, self.forgotten_start, lives])
    }

    fn of_json(value: &Value) -> Option<Self> {
        let lives = value[2].as_array()?.iter().map(Life::of_json).collect::<Option<_>>()?;
        Some(Self { lives, forgotten_start: value[1].as_u64(), seen_nanos: value[0].as_u64()? })
    }
}

impl Life {
    /// A point between two others changes what the step between them adds; so the sum comes out as if all points had
    /// come in order.
    fn take(&mut self, time: u64, value: i64) -> i64 {
        let at = match self.points.binary_search_by_key(&time, |(time, _)| *time) {
            Ok(_) => return 0,
            Err(0) if self.cut => return 0,
            Err(at) => at,
        };
        let before = at.checked_sub(1).map_or(0, |before| self.points[before].1);
        let after = self.points.get(at).map(|(_, after)| *after);
        let split = after.map_or(0, |after| step(value, after) - step(before, after));
        self.points.insert(at, (time, value));
        if self.points.len() > POINTS {
            self.points.remove(0);
            self.cut = true;
        }
        step(before, value) + split
    }

    /// Times are written as distances from the start: a third of the digits.
    fn to_json(&self) -> Value {
        let points = self.points.iter().map(|(time, value)| json!([time.wrapping_sub(self.start), value]));
        json!([self.start, self.cut, points.collect::<Vec<_>>()])
    }

    fn of_json(value: &Value) -> Option<Self> {
        let start = value[0].as_u64()?;
        let point = |point: &Value| Some((start.wrapping_add(point[0].as_u64()?), point[1].as_i64()?));
        let points = value[2].as_array()?.iter().map(point).collect::<Option<_>>()?;
        Some(Self { start, cut: value[1].as_bool()?, points })
    }
}

/// What a counter has counted between two readings: a lower one means that it began anew.
fn step(before: i64, after: i64) -> i64 {
    if after >= before { after - before } else { after }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_795_435_200_000_000_000;
    const DAY: u64 = IDLE_NANOS;

    fn reading(stream: u128, start_nanos: u64, time_nanos: u64, value: i64) -> Reading {
        Reading { stream: Uuid::from_u128(stream), start_nanos, time_nanos, value }
    }

    /// What points add, one after the other.
    fn added(streams: &mut Streams, points: &[(u64, u64, i64)]) -> Vec<i64> {
        let take = |(start, time, value): &(u64, u64, i64)| match streams.take(reading(1, *start, *time, *value), NOW) {
            Verdict::Adds(more) => more,
            Verdict::NoRoom => panic!("there is room"),
        };
        points.iter().map(take).collect()
    }

    #[test]
    fn a_running_total_adds_what_it_grew_by() {
        for (story, points, expected) in [
            ("growth", vec![(1, 10, 5), (1, 20, 5), (1, 30, 12)], vec![5, 0, 7]),
            ("an export sent twice", vec![(1, 10, 5), (1, 10, 5), (1, 20, 8), (1, 10, 5)], vec![5, 0, 3, 0]),
            ("a late export", vec![(1, 10, 5), (1, 30, 12), (1, 20, 8)], vec![5, 7, 0]),
            ("a new process", vec![(1, 10, 5), (15, 20, 3), (15, 30, 4)], vec![5, 3, 1]),
            ("the old process, late", vec![(1, 10, 5), (15, 20, 3), (1, 12, 9)], vec![5, 3, 4]),
            ("two processes at once", vec![(1, 10, 5), (2, 10, 1), (1, 20, 6), (2, 20, 4)], vec![5, 1, 1, 3]),
            ("a fall without a new start", vec![(1, 10, 5), (1, 20, 2), (1, 30, 3)], vec![5, 2, 1]),
            ("a late point above a fall", vec![(1, 10, 10), (1, 30, 5), (1, 20, 20)], vec![10, 5, 10]),
        ] {
            assert_eq!(added(&mut Streams::default(), &points), expected, "{story}");
        }
    }

    #[test]
    fn a_process_older_than_memory_counts_nothing() {
        let mut streams = Streams::default();
        let many: Vec<(u64, u64, i64)> = (10..=10 + LIVES as u64).map(|start| (start, start, 1)).collect();
        added(&mut streams, &many);
        assert_eq!(added(&mut streams, &[(10, 50, 7), (5, 50, 7), (99, 100, 7)]), [0, 0, 7]);
    }

    #[test]
    fn idle_streams_make_room_and_come_back_without_counting_twice() {
        let mut streams = Streams::default();
        for stream in 0..STREAMS as u128 {
            streams.take(reading(stream, NOW - 10, NOW, 5), NOW);
        }
        let newcomer = reading(u128::MAX, NOW - 10, NOW, 5);
        assert_eq!(streams.take(newcomer, NOW + DAY), Verdict::NoRoom);
        assert_eq!(streams.take(reading(7, NOW - 10, NOW + DAY, 6), NOW + DAY), Verdict::Adds(1));
        // A day later only stream 7 is not idle. What began before may be one of the forgotten: it only sets a base.
        let later = NOW + DAY + 1;
        assert_eq!(streams.take(newcomer, later), Verdict::Adds(0));
        assert_eq!(streams.take(reading(u128::MAX, NOW - 10, NOW + 20, 9), later), Verdict::Adds(4));
        assert_eq!(streams.take(reading(8, later, later, 5), later), Verdict::Adds(5));
    }

    /// Processes with their points in order: rising totals, with a fall here and there.
    fn processes(falls: bool) -> impl Strategy<Value = Vec<(u64, u64, i64)>> {
        let fall = if falls { 0..8_u8 } else { 1..8_u8 };
        let points = prop::collection::vec((1..1000_u64, 0..50_i64, fall), 1..POINTS);
        prop::collection::vec((0..5_u64, points), 1..4).prop_map(|processes| {
            let mut all = Vec::new();
            for (number, (gap, points)) in (0..).zip(processes) {
                let start = NOW + number * 1_000_000 + gap;
                let (mut time, mut value) = (start, 0);
                for (later, more, fall) in points {
                    time += later;
                    value = if fall == 0 { more } else { value + more };
                    all.push((start, time, value));
                }
            }
            all
        })
    }

    proptest! {
        #[test]
        fn order_repetition_and_restarts_do_not_change_a_total(
            (points, shuffled, restart) in processes(true).prop_flat_map(|points| {
                let twice: Vec<_> = points.iter().chain(&points).copied().collect();
                let length = twice.len();
                (Just(points), Just(twice).prop_shuffle(), 0..=length)
            }),
        ) {
            let expected: i64 = added(&mut Streams::default(), &points).iter().sum();
            let mut streams = Streams::default();
            let (first, second) = shuffled.split_at(restart);
            let before: i64 = added(&mut streams, first).iter().sum();
            // Through text, as it lies on the disk.
            let text = streams.to_json().to_string();
            let mut again = Streams::of_json(&serde_json::from_str(&text).unwrap()).unwrap();
            prop_assert_eq!(&again, &streams);
            let after: i64 = added(&mut again, second).iter().sum();
            prop_assert_eq!(before + after, expected);
        }

        #[test]
        fn without_falls_a_total_is_right_however_late_its_points_are(
            (last, shuffled) in prop::collection::vec(0..50_i64, 1..100).prop_flat_map(|steps| {
                let mut total = 0;
                let points: Vec<(u64, u64, i64)> = (1..).zip(steps).map(|(time, more)| { total += more; (1, time, total) }).collect();
                (Just(total), Just(points).prop_shuffle())
            }),
        ) {
            let sum: i64 = added(&mut Streams::default(), &shuffled).iter().sum();
            prop_assert_eq!(sum, last);
        }

        #[test]
        fn nothing_is_ever_taken_away(points in prop::collection::vec((0..3_u64, 0..50_u64, 0..100_i64), 0..200)) {
            prop_assert!(added(&mut Streams::default(), &points).iter().all(|more| *more >= 0));
        }
    }
}
