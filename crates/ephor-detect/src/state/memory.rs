//! What every series has seen, by key, in memory.
//! Promises that a key is judged again when something of it changed or when its time is up.
//! Never judges by itself.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use foldhash::fast::RandomState;

use super::bucket::{BUCKET_MICROS, Bucket};
use super::day_cell::{DAY_MICROS, DayCell, Values};
use super::put;
use super::sightings::Sightings;
use crate::hit::{Hit, Key};
use crate::judge::due_micros;
use crate::series::{Keeps, Program, Series};

/// A key of a series.
pub(crate) type Spot = (usize, Key);

/// What all series have seen.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// By series.
    shelves: Vec<Shelf>,
    /// Keys of which something changed since they were last judged, each once.
    changed: Vec<Spot>,
    timers: BTreeSet<(i64, Spot)>,
    /// Of each series that asks peers, the keys of each group; of the group 0 all.
    circles: HashMap<(usize, u64), BTreeSet<Key>>,
    /// Of each such series, the earliest day that changed since it was last judged.
    moved: HashMap<usize, i64>,
}

/// What one series has seen: one of these has something, as its program wants it.
#[derive(Debug, Default)]
struct Shelf {
    hits: ByKey<Vec<(i64, Bucket)>>,
    days: ByKey<Vec<(i64, DayCell)>>,
    sightings: ByKey<Sightings>,
}

type ByKey<T> = HashMap<Key, Own<T>, RandomState>;

/// What is kept of one key.
#[derive(Debug, Default)]
struct Own<T> {
    all: T,
    standing: Standing,
}

/// Whether a key waits for its judgement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Judged,
    Changed,
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
        if self.shelves.len() <= place {
            self.shelves.resize_with(place + 1, Shelf::default);
        }
        let standing = match series.program.keeps() {
            Keeps::Days => self.add_to_day(spot, series, &hit),
            Keeps::Hits => {
                let own = self.shelves[place].hits.entry(key).or_default();
                cell(&mut own.all, begin_of(hit.place.at, BUCKET_MICROS)).add(hit);
                std::mem::replace(&mut own.standing, Standing::Changed)
            }
            Keeps::Sightings { within_micros } => {
                let own = self.shelves[place].sightings.entry(key).or_default();
                own.all.add(&hit, within_micros);
                std::mem::replace(&mut own.standing, Standing::Changed)
            }
        };
        if standing == Standing::Judged {
            self.changed.push(spot);
        }
    }

    fn add_to_day(&mut self, (place, key): Spot, series: &Series, hit: &Hit) -> Standing {
        let values = match &series.program {
            Program::Baseline { slot: Some(_), .. } => Values::Count,
            _ => Values::None,
        };
        let day = begin_of(hit.place.at, DAY_MICROS);
        let own = self.shelves[place].days.entry(key).or_default();
        let cell = cell(&mut own.all, day);
        if series.program.asks_peers() {
            // Whoever was in a circle on one day stays in it: a cell that knows its groups has told of them.
            let is_new = cell.is_new();
            let groups = hit.slots.iter().skip(1).filter(|group| is_new || !cell.groups().contains(group));
            for group in groups.chain(is_new.then_some(&EVERYBODY)) {
                self.circles.entry((place, *group)).or_default().insert(key);
            }
            let moved = self.moved.entry(place).or_insert(day);
            *moved = (*moved).min(day);
        }
        cell.add(hit, values);
        std::mem::replace(&mut own.standing, Standing::Changed)
    }

    /// The keys that have to be judged: what changed, and what has become due.
    pub(crate) fn take_dirty(&mut self, as_of_micros: i64) -> BTreeSet<Spot> {
        let mut dirty: BTreeSet<Spot> = self.changed.drain(..).collect();
        for (place, key) in &dirty {
            if let Some(shelf) = self.shelves.get_mut(*place) {
                shelf.is_judged(*key);
            }
        }
        while let Some((due, spot)) = self.timers.first().copied().filter(|(due, _)| *due <= as_of_micros) {
            self.timers.remove(&(due, spot));
            dirty.insert(spot);
        }
        dirty
    }

    /// Keys that wait for their judgement and have something between two moments. They go on waiting.
    pub(crate) fn waiting(&mut self, span: impl Fn(usize) -> Range<i64>) -> Vec<Spot> {
        self.changed.sort_unstable();
        let has_some =
            |(place, key): &Spot| self.shelves.get(*place).is_some_and(|shelf| shelf.has(*key, &span(*place)));
        self.changed.iter().filter(|spot| has_some(spot)).copied().collect()
    }

    /// Forgets of each series what lies before a moment, and what only that needed.
    pub(crate) fn forget(&mut self, settled_to: i64, before: impl Fn(usize) -> i64) {
        for (place, shelf) in self.shelves.iter_mut().enumerate() {
            shelf.forget(before(place));
        }
        let shelves = &self.shelves;
        self.changed.retain(|(place, key)| shelves[*place].knows(*key));
        for ((place, _), keys) in &mut self.circles {
            keys.retain(|key| shelves[*place].days.contains_key(key));
        }
        self.circles.retain(|_, keys| !keys.is_empty());
        // What was due by then has been judged, or waits as changed.
        self.timers = self.timers.split_off(&(settled_to, (0, 0)));
    }

    /// How many hits and spans of values are held.
    pub(crate) fn held(&self) -> usize {
        let of_shelf = |shelf: &Shelf| {
            let hits = shelf.hits.values().flat_map(|own| &own.all).map(|(_, bucket)| bucket.hits().len());
            let days = shelf.days.values().flat_map(|own| &own.all).map(|(_, cell)| cell.held());
            hits.chain(days).chain(shelf.sightings.values().map(|own| own.all.runs().len())).sum::<usize>()
        };
        self.shelves.iter().map(of_shelf).sum()
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
    pub(crate) fn hits(&self, (place, key): Spot) -> &[(i64, Bucket)] {
        let own = self.shelves.get(place).and_then(|shelf| shelf.hits.get(&key));
        own.map(|own| own.all.as_slice()).unwrap_or_default()
    }

    /// The days of a key, by time.
    pub(crate) fn days(&self, (place, key): Spot) -> &[(i64, DayCell)] {
        let own = self.shelves.get(place).and_then(|shelf| shelf.days.get(&key));
        own.map(|own| own.all.as_slice()).unwrap_or_default()
    }

    /// The values of a key.
    pub(crate) fn sightings(&self, (place, key): Spot) -> Option<&Sightings> {
        Some(&self.shelves.get(place)?.sightings.get(&key)?.all)
    }
}

impl Shelf {
    fn is_judged(&mut self, key: Key) {
        let standing = self.hits.get_mut(&key).map(|own| &mut own.standing);
        let standing = standing.or_else(|| self.days.get_mut(&key).map(|own| &mut own.standing));
        let standing = standing.or_else(|| self.sightings.get_mut(&key).map(|own| &mut own.standing));
        if let Some(standing) = standing {
            *standing = Standing::Judged;
        }
    }

    fn knows(&self, key: Key) -> bool {
        self.hits.contains_key(&key) || self.days.contains_key(&key) || self.sightings.contains_key(&key)
    }

    /// Whether a key has something in a span of time, or in an hour or day that overlaps it.
    fn has(&self, key: Key, span: &Range<i64>) -> bool {
        let overlaps = |from: i64, length: i64| from < span.end && from.saturating_add(length) > span.start;
        let hits = self.hits.get(&key).into_iter().flat_map(|own| &own.all);
        let days = self.days.get(&key).into_iter().flat_map(|own| &own.all);
        let runs = self.sightings.get(&key).into_iter().flat_map(|own| own.all.runs());
        hits.map(|(from, _)| *from).any(|from| overlaps(from, BUCKET_MICROS))
            || days.map(|(from, _)| *from).any(|from| overlaps(from, DAY_MICROS))
            || runs.map(|run| run.first.at).any(|at| span.contains(&at))
    }

    fn forget(&mut self, before: i64) {
        self.hits.retain(|_, own| {
            forget_cells(&mut own.all, |from| from.saturating_add(BUCKET_MICROS) <= before);
            !own.all.is_empty()
        });
        self.days.retain(|_, own| {
            forget_cells(&mut own.all, |from| from < before);
            !own.all.is_empty()
        });
        self.sightings.values_mut().for_each(|own| own.all.forget(before));
        give_back(&mut self.hits);
        give_back(&mut self.days);
    }
}

fn forget_cells<T>(cells: &mut Vec<(i64, T)>, is_over: impl Fn(i64) -> bool) {
    let over = cells.partition_point(|(from, _)| is_over(*from));
    if over > 0 {
        cells.drain(..over);
        cells.shrink_to_fit();
    }
}

/// Room that was made for many keys, once they are few.
fn give_back<T>(keys: &mut ByKey<T>) {
    if keys.capacity() / 4 > keys.len() {
        keys.shrink_to(keys.len() * 2);
    }
}

fn cell<T: Default>(cells: &mut Vec<(i64, T)>, from: i64) -> &mut T {
    // Most come in order, into the last.
    let last = cells.len().checked_sub(1).filter(|last| cells[*last].0 == from);
    let at = match last.map_or_else(|| cells.binary_search_by_key(&from, |(own, _)| *own), Ok) {
        Ok(at) => at,
        Err(at) => {
            put(cells, at, (from, T::default()));
            at
        }
    };
    &mut cells[at].1
}

fn begin_of(at: i64, length: i64) -> i64 {
    at.div_euclid(length).saturating_mul(length)
}
