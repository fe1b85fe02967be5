//! Everything that is signed: checkpoints, seals and removals, each against a key, the one before it, and the tree.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::problem::{ProblemKind, Problems};
use super::rows::CountsOfSeals;
use crate::error::LakeError;
use crate::proof::book::Book;
use crate::proof::log::{ProofLog, SignedCheckpoint, read_stamp};
use crate::proof::signing::PublicKey;
use crate::proof::statement::{self, ErasedRow, Removal, Removed, Seal, Statement};

/// What is signed, as far as it holds.
#[derive(Debug, Default)]
pub(super) struct Notes {
    keys: Vec<PublicKey>,
    origin: String,
    pub(super) checkpoints: Vec<SignedCheckpoint>,
    pub(super) seals: Vec<(Seal, String)>,
    removals: Vec<(Removal, String)>,
    /// Spans of `seq` that retention let go, both ends included.
    pub(super) expired: Vec<(u64, u64)>,
    pub(super) erased: BTreeMap<u64, ErasedRow>,
}

pub(super) fn read(log: &ProofLog, keys: &[PublicKey], problems: &Problems) -> Result<Notes, LakeError> {
    let origin = keys.first().map_or_else(String::new, |key| key.name().to_owned());
    let mut notes = Notes { keys: keys.to_vec(), origin, ..Notes::default() };
    notes.checkpoints = notes.open_checkpoints(&log.checkpoints_book(), problems)?;
    notes.seals = notes.open_statements(&log.seals_book(), ProblemKind::ForgedSeal, problems)?;
    notes.removals = notes.open_statements(&log.removals_book(), ProblemKind::ForgedRemoval, problems)?;
    notes.follow_removals(problems);
    Ok(notes)
}

impl Notes {
    fn open_checkpoints(&self, book: &Book, problems: &Problems) -> Result<Vec<SignedCheckpoint>, LakeError> {
        let place = place_of(book);
        let pages = book.read()?;
        for line in pages.unreadable {
            let words = format!("line {line} is no note");
            problems.add(ProblemKind::ForgedCheckpoint, None, &place, words);
        }
        let opened: Vec<_> =
            pages.notes.par_iter().map(|note| SignedCheckpoint::open(&self.keys, &self.origin, note)).collect();
        let mut checkpoints: Vec<SignedCheckpoint> = Vec::new();
        for (index, opened) in opened.into_iter().enumerate() {
            match opened {
                Err(error) => {
                    let words = format!("note {}: {error}", index + 1);
                    problems.add(ProblemKind::ForgedCheckpoint, None, &place, words);
                }
                Ok(checkpoint) => {
                    if let Some(before) = checkpoints.last().filter(|before| before.size >= checkpoint.size) {
                        let words = format!(
                            "note {} is of {} activities, but the one before it of {}: an old checkpoint was used again",
                            index + 1,
                            checkpoint.size,
                            before.size
                        );
                        problems.add(ProblemKind::ForgedCheckpoint, None, &place, words);
                    }
                    checkpoints.push(checkpoint);
                }
            }
        }
        Ok(checkpoints)
    }

    fn open_statements<S: Statement>(
        &self,
        book: &Book,
        kind: ProblemKind,
        problems: &Problems,
    ) -> Result<Vec<(S, String)>, LakeError> {
        let place = place_of(book);
        let pages = book.read()?;
        for line in pages.unreadable {
            problems.add(kind, None, &place, format!("line {line} is no note"));
        }
        let mut opened = Vec::new();
        for (index, note) in pages.notes.into_iter().enumerate() {
            match statement::open::<S>(&self.keys, &self.origin, &note) {
                Ok(statement) => opened.push((statement, note)),
                Err(error) => problems.add(kind, None, &place, format!("note {}: {error}", index + 1)),
            }
        }
        Ok(opened)
    }

    /// Removals name one another in order; then what they removed counts as explained.
    fn follow_removals(&mut self, problems: &Problems) {
        let mut previous = None;
        for (index, (removal, note)) in self.removals.iter().enumerate() {
            if removal.previous != previous {
                let words = format!("note {} does not follow the one before it", index + 1);
                problems.add(ProblemKind::ForgedRemoval, None, "proof/removals.ndjson", words);
            }
            previous = Some(statement::digest_of(note));
            match &removal.what {
                Removed::Expired { spans, .. } => self.expired.extend(spans),
                Removed::Erased { rows, .. } => {
                    self.erased.extend(rows.iter().map(|row| (row.seq, row.clone())));
                }
            }
        }
        self.expired.sort_unstable();
    }

    /// Every checkpoint against the tree, and those from outside too. Says how many were checked.
    pub(super) fn check_checkpoints(
        &self,
        log: &ProofLog,
        size: u64,
        from_outside: &[String],
        problems: &Problems,
    ) -> Result<u64, LakeError> {
        let mut all: Vec<(String, SignedCheckpoint)> = Vec::new();
        all.extend(self.checkpoints.iter().map(|one| ("proof/checkpoints.ndjson".to_owned(), one.clone())));
        for (index, note) in from_outside.iter().enumerate() {
            let place = format!("checkpoint {} from outside", index + 1);
            match SignedCheckpoint::open(&self.keys, &self.origin, note) {
                Ok(checkpoint) => all.push((place, checkpoint)),
                Err(error) => problems.add(ProblemKind::ForgedCheckpoint, None, &place, error.to_string()),
            }
        }
        let largest = all.iter().filter(|(_, one)| one.size > size).max_by_key(|(_, one)| one.size);
        if let Some((place, ahead)) = largest {
            let words = format!(
                "a checkpoint of {} activities was signed, but the lake holds {size}: it was rolled back",
                ahead.size
            );
            problems.add(ProblemKind::RolledBack, Some((size, ahead.size - 1)), place, words);
        }
        let held = log.hashes().held(0)?;
        all.par_iter().filter(|(_, one)| one.size <= size.min(held)).for_each(|(place, one)| {
            let words = match log.root(one.size) {
                Ok(root) if hex::encode(root.0) == one.root => return,
                Ok(_) => format!("the tree over the first {} activities is not the one that was signed", one.size),
                Err(error) => format!("the tree over the first {} activities cannot be read: {error}", one.size),
            };
            problems.add(ProblemKind::ForgedCheckpoint, None, place, words);
        });
        Ok(all.len() as u64)
    }

    /// Every time-stamp against the checkpoint that it is about, and that against the tree. Says how many hold.
    pub(super) fn check_time_stamps(&self, log: &ProofLog, size: u64, problems: &Problems) -> Result<u64, LakeError> {
        let book = log.time_stamps_book();
        let place = place_of(&book);
        let pages = book.read()?;
        let wrong = |words: String| problems.add(ProblemKind::ForgedTimeStamp, None, &place, words);
        pages.unreadable.iter().for_each(|line| wrong(format!("line {line} is no time-stamp")));
        let held = log.hashes().held(0)?;
        let mut holding = 0;
        for (index, note) in pages.notes.iter().enumerate() {
            let stamp = match read_stamp(note, &self.keys, &self.origin) {
                Ok(stamp) => stamp,
                Err(error) => {
                    wrong(format!("note {}: {error}", index + 1));
                    continue;
                }
            };
            let checkpoint = SignedCheckpoint::open(&self.keys, &self.origin, &stamp.checkpoint)?;
            if checkpoint.size > size.min(held) {
                wrong(format!(
                    "note {}: {} activities were stamped, the lake holds {size}",
                    index + 1,
                    checkpoint.size
                ));
            } else if hex::encode(log.root(checkpoint.size)?.0) != checkpoint.root {
                wrong(format!("note {}: the tree is not the one that was stamped", index + 1));
            } else {
                holding += 1;
            }
        }
        Ok(holding)
    }

    /// Every seal against the one before it, the tree and the rows.
    pub(super) fn check_seals(
        &self,
        log: &ProofLog,
        size: u64,
        counts: &CountsOfSeals,
        problems: &Problems,
    ) -> Result<(), LakeError> {
        let wrong = |seal: &Seal, what: String| {
            let seq = (seal.from_seq, seal.to_seq.saturating_sub(1));
            problems.add(ProblemKind::ForgedSeal, Some(seq), &format!("the seal of {}", seal.day), what);
        };
        let (mut previous, mut from) = (None, 0);
        for (index, (seal, note)) in self.seals.iter().enumerate() {
            if seal.previous != previous || seal.from_seq != from {
                wrong(seal, "it does not follow the seal before it".to_owned());
            }
            (previous, from) = (Some(statement::digest_of(note)), seal.to_seq);
            if seal.to_seq <= size.min(log.hashes().held(0)?) && hex::encode(log.root(seal.to_seq)?.0) != seal.root {
                wrong(seal, "its root is not that of the tree".to_owned());
            }
            let newest = usize::try_from(seal.removals).unwrap_or(usize::MAX).checked_sub(1);
            let named = newest.and_then(|newest| self.removals.get(newest)).map(|(_, note)| statement::digest_of(note));
            if named != seal.last_removal {
                wrong(seal, format!("it knew of {} removals, and they are not those that are listed", seal.removals));
            }
            if let Some(counted) = counts.of(index).filter(|counted| **counted != seal.counts) {
                let total = |counts: &statement::SealCounts| counts.source.values().sum::<u64>();
                wrong(seal, format!("it counts {} activities, the lake {}", total(&seal.counts), total(counted)));
            }
        }
        Ok(())
    }
}

fn place_of(book: &Book) -> String {
    let name = book.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!("proof/{name}")
}
