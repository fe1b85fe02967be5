//! Samples drawn by lot: which rows of a population an auditor follows, and how anyone draws the same again.
//! Promises that the draw depends on the seed, the control, the evidence and the row's name alone, not on the order of rows.
//! Never lets whoever builds a package choose a row: the usual seed is the root of the log's tree.

use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How many rows a sample has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleSize {
    /// By the size of the population, as auditors usually take them for a control that should never fail.
    ByPopulation,
    /// So many, or all if there are fewer.
    Rows(u32),
}

/// The largest sample by population: 25 of a large one, with no deviation, is the usual size at a low risk.
const USUAL_SAMPLE: u64 = 25;

impl SampleSize {
    /// Rows to draw of a population.
    #[must_use]
    pub fn of(self, population: u64) -> u64 {
        match self {
            Self::Rows(rows) => u64::from(rows).min(population),
            Self::ByPopulation => match population {
                0..=10 => population,
                11..=50 => 10,
                51..=250 => 20,
                _ => USUAL_SAMPLE,
            },
        }
    }

    /// Rows to remember while the size of the population is not known yet.
    fn at_most(self) -> u64 {
        match self {
            Self::Rows(rows) => u64::from(rows),
            Self::ByPopulation => USUAL_SAMPLE,
        }
    }
}

/// The lot of a row: SHA-256 of `seed`, `control`, `evidence` and the row's name, with a line break after each but the
/// last. The lowest lots are drawn.
#[must_use]
pub fn lot(seed: &str, control: &str, evidence: &str, row: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for word in [seed, control, evidence] {
        hash.update(word.as_bytes());
        hash.update(b"\n");
    }
    hash.update(row.as_bytes());
    hash.finalize().into()
}

/// A draw under way: rows pass by, the lowest lots stay.
#[derive(Debug)]
pub(crate) struct Draw<T> {
    size: SampleSize,
    seen: u64,
    /// The highest lot on top, so that it goes first.
    kept: BinaryHeap<Drawn<T>>,
}

/// A row that was drawn.
#[derive(Debug)]
pub(crate) struct Drawn<T> {
    pub(crate) lot: [u8; 32],
    pub(crate) row: T,
}

impl<T> PartialEq for Drawn<T> {
    fn eq(&self, other: &Self) -> bool {
        self.lot == other.lot
    }
}
impl<T> Eq for Drawn<T> {}
impl<T> PartialOrd for Drawn<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Drawn<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.lot.cmp(&other.lot)
    }
}

impl<T> Draw<T> {
    pub(crate) fn new(size: SampleSize) -> Self {
        Self { size, seen: 0, kept: BinaryHeap::new() }
    }

    /// Passes a row by; it is made only if its lot is among the lowest so far.
    pub(crate) fn pass(&mut self, lot: [u8; 32], row: impl FnOnce() -> T) {
        self.seen += 1;
        let most = self.size.at_most();
        let full = self.kept.len() as u64 >= most;
        if most == 0 || (full && self.kept.peek().is_some_and(|highest| highest.lot <= lot)) {
            return;
        }
        if full {
            self.kept.pop();
        }
        self.kept.push(Drawn { lot, row: row() });
    }

    /// How many rows passed, and those that were drawn, the lowest lot first.
    pub(crate) fn finish(self) -> (u64, Vec<Drawn<T>>) {
        let mut drawn = self.kept.into_sorted_vec();
        drawn.truncate(usize::try_from(self.size.of(self.seen)).unwrap_or(usize::MAX));
        (self.seen, drawn)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn drawn(rows: &[u32], size: SampleSize) -> Vec<u32> {
        let mut draw = Draw::new(size);
        for row in rows {
            draw.pass(lot("seed", "CC6.1", "sign-ins", &row.to_string()), || *row);
        }
        draw.finish().1.into_iter().map(|drawn| drawn.row).collect()
    }

    proptest! {
        #[test]
        fn the_same_rows_are_drawn_in_whatever_order_they_come(
            rows in proptest::collection::btree_set(0_u32..5_000, 0..400), turn in any::<u64>(),
        ) {
            let rows: Vec<u32> = rows.into_iter().collect();
            let mut turned = rows.clone();
            turned.sort_by_key(|row| u64::from(*row).wrapping_mul(turn | 1));
            let expected = usize::try_from(SampleSize::ByPopulation.of(rows.len() as u64)).unwrap();
            let sample = drawn(&rows, SampleSize::ByPopulation);
            prop_assert_eq!(sample.len(), expected);
            prop_assert_eq!(sample, drawn(&turned, SampleSize::ByPopulation));
        }
    }

    #[test]
    fn a_larger_sample_contains_the_smaller_one() {
        let rows: Vec<u32> = (0..1_000).collect();
        let (small, large) = (drawn(&rows, SampleSize::Rows(5)), drawn(&rows, SampleSize::Rows(60)));
        assert_eq!(small, large[..5]);
        assert!(drawn(&rows, SampleSize::Rows(0)).is_empty());
    }
}
