//! The hits and days of every series, by key, in memory.
//! Promises that a key is judged again when something of it changed or when its time is up.
//! Never judges by itself.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::bucket::{BUCKET_MICROS, Bucket};
use super::day_cell::{DAY_MICROS, DayCell, Values};
use crate::hit::{Hit, Key};
use crate::judge::due_micros;
use crate::series::{Program, Series};

/// A key of a series.
pub(crate) type Spot = (usize, Key);

/// What all series have seen.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    hits: HashMap<Spot, Cells<Bucket>, RandomState>,
    days: HashMap<Spot, Cells<DayCell>, RandomState>,
    /// Keys of which something changed since they were last judged, each once.
    changed: Vec<Spot>,
    timers: BTreeSet<(i64, Spot)>,
    /// Of each series that asks peers, the keys of each group; of the group 0 all.
    circles: HashMap<(usize, u64), BTreeSet<Key>>,
    /// Of each such series, the earliest day that changed since it was last judged.
    moved: HashMap<usize, i64>,
}

/// The cells of one key, by time.
#[derive(Debug)]
struct Cells<T> {
    all: Vec<(i64, T)>,
    standing: Standing,
}

/// Whether a key waits for its judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Judged,
    Changed,
}

impl<T> Default for Cells<T> {
    fn default() -> Self {
        Self { all: Vec::new(), standing: Standing::Judged }
    }
}

/// The circle of everybody.
pub(crate) const EVERYBODY: u64 = 0;

impl Memory {
    /// Puts a hit where it belongs.
    pub(crate) fn add(&mut self, place: usize, series: &Series, key: Key, hit: Hit) {
        let spot = (place, key);
        if let Program::Without { within_micros } = series.program
            && hit.input == 0
        {
            self.timers.insert((due_micros(hit.place.at, within_micros), spot));
        }
        let standing = if series.program.keeps_days() {
            self.add_to_day(spot, series, &hit)
        } else {
            let buckets = self.hits.entry(spot).or_default();
            cell(&mut buckets.all, begin_of(hit.place.at, BUCKET_MICROS), Bucket::default).add(hit);
            std::mem::replace(&mut buckets.standing, Standing::Changed)
        };
        if standing == Standing::Judged {
            self.changed.push(spot);
        }
    }

    fn add_to_day(&mut self, spot: Spot, series: &Series, hit: &Hit) -> Standing {
        let values = match &series.program {
            Program::FirstSeen { .. } => Values::Sightings,
            Program::Baseline { slot: Some(_), .. } => Values::Count,
            _ => Values::None,
        };
        let day = begin_of(hit.place.at, DAY_MICROS);
        let days = self.days.entry(spot).or_default();
        let cell = cell(&mut days.all, day, DayCell::new);
        let standing = std::mem::replace(&mut days.standing, Standing::Changed);
        if series.program.asks_peers() {
            let (place, key) = spot;
            // Whoever was in a circle on one day stays in it: a cell that knows its groups has told of them.
            let is_new = cell.count == 0;
            let groups = hit.slots.iter().skip(1).filter(|group| is_new || !cell.groups().contains(group));
            for group in groups.chain(is_new.then_some(&EVERYBODY)) {
                self.circles.entry((place, *group)).or_default().insert(key);
            }
            let moved = self.moved.entry(place).or_insert(day);
            *moved = (*moved).min(day);
        }
        cell.add(hit, values);
        standing
    }

    /// The keys that have to be judged: what changed, and what has become due.
    pub(crate) fn take_dirty(&mut self, as_of_micros: i64) -> BTreeSet<Spot> {
        let mut dirty: BTreeSet<Spot> = self.changed.drain(..).collect();
        for spot in &dirty {
            if let Some(cells) = self.hits.get_mut(spot) {
                cells.standing = Standing::Judged;
            }
            if let Some(cells) = self.days.get_mut(spot) {
                cells.standing = Standing::Judged;
            }
        }
        while let Some((due, spot)) = self.timers.first().copied().filter(|(due, _)| *due <= as_of_micros) {
            self.timers.remove(&(due, spot));
            dirty.insert(spot);
        }
        dirty
    }

    /// Of each series that asks peers, the earliest day that changed since this was last asked.
    pub(crate) fn take_moved(&mut self) -> HashMap<usize, i64> {
        std::mem::take(&mut self.moved)
    }

    /// The days of everybody who ever was in a group, each somebody's by time.
    pub(crate) fn circle(&self, series: usize, group: u64) -> impl Iterator<Item = &[(i64, DayCell)]> {
        let keys = self.circles.get(&(series, group)).into_iter().flatten();
        keys.map(move |key| self.days((series, *key)))
    }

    /// The hits of a key, by time.
    pub(crate) fn hits(&self, spot: Spot) -> &[(i64, Bucket)] {
        self.hits.get(&spot).map(|cells| cells.all.as_slice()).unwrap_or_default()
    }

    /// The days of a key, by time.
    pub(crate) fn days(&self, spot: Spot) -> &[(i64, DayCell)] {
        self.days.get(&spot).map(|cells| cells.all.as_slice()).unwrap_or_default()
    }
}

fn cell<T>(cells: &mut Vec<(i64, T)>, from: i64, new: impl FnOnce() -> T) -> &mut T {
    // Most come in order, into the last.
    let last = cells.len().checked_sub(1).filter(|last| cells[*last].0 == from);
    let at = match last.map_or_else(|| cells.binary_search_by_key(&from, |(own, _)| *own), Ok) {
        Ok(at) => at,
        Err(at) => {
            cells.insert(at, (from, new()));
            at
        }
    };
    &mut cells[at].1
}

fn begin_of(at: i64, length: i64) -> i64 {
    at.div_euclid(length).saturating_mul(length)
}
