//! What ties many rows to their leaves at once: for packages that cite a year of them.
//! Promises the same answers as single proofs give, at the price of two hashes a row where rows are neighbours.
//! Never opens a row that was erased: of it only the commitment is told.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::log::ProofLog;
use super::opening::Opening;
use super::salts::Salts;
use super::statement::Removed;
use crate::error::LakeError;

/// Rows that one thread opens at a time: long enough that finding the first salt does not count.
const ROWS_AT_ONCE: usize = 4 << 10;

/// The openings of every row of a log.
#[derive(Debug)]
pub struct Openings {
    salts: Salts,
    erased: BTreeMap<u64, String>,
}

impl Openings {
    /// What ties each of these rows to its leaf; `None` where nothing is left that could.
    #[must_use]
    pub fn of(&self, rows: &[u64]) -> Vec<Option<Opening>> {
        let open = |part: &[u64]| {
            let mut salts = self.salts.walk();
            let one = |seq: &u64| match self.erased.get(seq) {
                Some(commitment) => Some(Opening::Commitment(commitment.clone())),
                None => salts.salt(*seq).map(|salt| Opening::Salt(salt.to_hex())),
            };
            part.iter().map(one).collect::<Vec<_>>()
        };
        rows.par_chunks(ROWS_AT_ONCE).flat_map_iter(open).collect()
    }
}

impl ProofLog {
    /// What ties rows to their leaves, for many rows.
    pub fn openings(&self) -> Result<Openings, LakeError> {
        let mut erased = BTreeMap::new();
        for (removal, _) in self.removals()? {
            if let Removed::Erased { rows, .. } = removal.what {
                erased.extend(rows.into_iter().map(|row| (row.seq, row.commitment)));
            }
        }
        Ok(Openings { salts: self.salts()?, erased })
    }
}
