//! What does not fit, named: a kind that programs can tell apart, a place, and words for people.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::Serialize;

/// Problems of one kind that are listed; a broken salt file would otherwise list every row.
const LISTED_OF_A_KIND: usize = 100;

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// The activities concerned, as the first and last `seq`.
    pub seq: Option<(u64, u64)>,
    /// Which file, row or note.
    pub place: String,
    /// What does not fit, in words.
    pub what: String,
}

/// What kind of thing does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// There is no log, or none that can be checked.
    NoLog,
    /// The table's own log cannot be read.
    UnreadableTable,
    /// The lake holds less than was signed once.
    RolledBack,
    /// A row's bytes, source or time of receipt are not those that its leaf stands for.
    ChangedRow,
    /// Two rows have each other's place.
    SwappedRows,
    /// A row is no longer there, and nothing signed says why.
    MissingRow,
    /// A row is there that was never committed, or twice.
    AddedRow,
    /// A column says something else than the row's bytes.
    ChangedColumn,
    /// A data file is not byte for byte the one that was written, though its rows may be.
    ChangedFile,
    /// A data file that the table names is not there or cannot be read.
    UnreadableFile,
    /// Hashes of the tree are missing or contradict each other.
    DamagedHashes,
    /// A checkpoint is unreadable, signed by nobody known, out of order, or for another tree.
    ForgedCheckpoint,
    /// A seal is unreadable, signed by nobody known, out of order, or counts something else.
    ForgedSeal,
    /// A statement of removal is unreadable, signed by nobody known, or out of order.
    ForgedRemoval,
    /// A time-stamp is unreadable, of no authority, or about something else than a checkpoint of this log.
    ForgedTimeStamp,
}

/// Problems as they are found, from many threads.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Mutex<BTreeMap<ProblemKind, (Vec<Problem>, u64)>>,
}

impl Problems {
    pub(super) fn add(&self, kind: ProblemKind, seq: Option<(u64, u64)>, place: &str, what: String) {
        // A thread that panicked has left the list as it was: each entry is complete.
        let mut found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (listed, more) = found.entry(kind).or_default();
        if listed.len() < LISTED_OF_A_KIND {
            listed.push(Problem { kind, seq, place: place.to_owned(), what });
        } else {
            *more += 1;
        }
    }

    /// Those that are listed, in order, and how many are not.
    pub(super) fn finish(self) -> (Vec<Problem>, u64) {
        let found = self.found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let more = found.values().map(|(_, more)| more).sum();
        let mut problems: Vec<Problem> = found.into_values().flat_map(|(listed, _)| listed).collect();
        problems.sort();
        (problems, more)
    }
}
