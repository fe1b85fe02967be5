//! What is usual among peers: the days of a group's members, and of everybody where the group is too small.
//! Promises the same answer for the same hits: a day is compared with days before it, whoever's and whenever they came.
//! Never counts a day on which a member was not in the group.

use std::collections::{BTreeSet, HashMap};

use super::day::median_and_spread;
use super::measured;
use crate::limits::PEERS_AT_LEAST;
use crate::rule::Baseline;
use crate::state::{DayCell, EVERYBODY, Memory};

/// What is usual, and among how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usual {
    pub(super) median: f64,
    pub(super) spread: f64,
    pub(super) days: usize,
    pub(super) members: usize,
    pub(super) circle: Circle,
}

impl Usual {
    /// How many robust standard deviations above the median a day is.
    pub(super) fn deviations(&self, today: u64) -> f64 {
        (today as f64 - self.median) / self.spread
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Circle {
    Group,
    Everybody,
}

/// What has been counted of the peers of one series during one judgement.
pub(crate) struct Peers<'m> {
    memory: &'m Memory,
    series: usize,
    known: HashMap<(u64, i64), Option<Usual>>,
}

impl<'m> Peers<'m> {
    pub(crate) fn of(memory: &'m Memory, series: usize) -> Self {
        Self { memory, series, known: HashMap::new() }
    }

    /// What is usual before a day for somebody who was in these groups: of the smallest group that is large enough, else of
    /// everybody. Nothing while too little is known of them as well.
    pub(super) fn usual(
        &mut self,
        cell: &DayCell,
        day: i64,
        baseline: &Baseline,
        slot: Option<usize>,
    ) -> Option<Usual> {
        let groups = cell.groups().to_vec();
        let of_groups = groups.into_iter().filter_map(|group| self.of_circle(group, day, baseline, slot));
        let smallest = of_groups.min_by_key(|usual| usual.members);
        smallest.or_else(|| self.of_circle(EVERYBODY, day, baseline, slot))
    }

    fn of_circle(&mut self, group: u64, day: i64, baseline: &Baseline, slot: Option<usize>) -> Option<Usual> {
        if let Some(known) = self.known.get(&(group, day)) {
            return *known;
        }
        let from = day - baseline.over.micros;
        let was_in = |cell: &DayCell| group == EVERYBODY || cell.groups().contains(&group);
        let mut measures: Vec<u64> = Vec::new();
        let (mut members, mut dates) = (0, BTreeSet::new());
        for days in self.memory.circle(self.series, group) {
            let before = measures.len();
            for (date, cell) in days.iter().filter(|(date, cell)| (from..day).contains(date) && was_in(cell)) {
                measures.push(measured(cell, slot));
                dates.insert(*date);
            }
            members += usize::from(measures.len() > before);
        }
        measures.sort_unstable();
        let is_enough = members >= PEERS_AT_LEAST && dates.len() >= baseline.warm_up_days as usize;
        let usual = is_enough.then(|| {
            let (median, spread) = median_and_spread(&measures);
            let circle = if group == EVERYBODY { Circle::Everybody } else { Circle::Group };
            Usual { median, spread, days: measures.len(), members, circle }
        });
        self.known.insert((group, day), usual);
        usual
    }
}
