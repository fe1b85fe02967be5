//! The log as anyone may see it: its keys, checkpoints, seals, removals, tiles and proofs.
//! Promises answers about the committed tree only; what a commit is still writing is not shown.
//! Never signs and never changes a file.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tlog_tiles::checkpoint::Checkpoint;
use tlog_tiles::tlog::{self, Hash};

use super::book::{Book, Pages};
use super::error::ProofError;
use super::salts::Salts;
use super::signing::PublicKey;
use super::statement::{self, Removal, Seal};
use super::time_stamp::{self, KeptStamp, TimeStamp};
use super::tree::{HASH_BYTES, HashFiles, TILE_WIDTH, subtree};
use crate::error::LakeError;

/// A checkpoint whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedCheckpoint {
    /// How many activities it stands for.
    pub size: u64,
    /// The root of the tree over them, in hexadecimal.
    pub root: String,
    /// The note, as C2SP tlog-checkpoint has it.
    pub note: String,
}

impl SignedCheckpoint {
    /// Reads a checkpoint that one of these keys has signed.
    pub fn open(keys: &[PublicKey], origin: &str, note: &str) -> Result<Self, ProofError> {
        let text = statement::open_by_any(keys, note)?;
        let not_a = |what: String| ProofError::NotA { expected: "checkpoint", what };
        let checkpoint = Checkpoint::from_bytes(text.as_bytes()).map_err(|error| not_a(error.to_string()))?;
        if checkpoint.origin() != origin {
            return Err(not_a(format!("it belongs to the log `{}`", checkpoint.origin())));
        }
        Ok(Self { size: checkpoint.size(), root: hex::encode(checkpoint.hash().0), note: note.to_owned() })
    }
}

/// The files of one lake's log. Clones are cheap.
#[derive(Debug, Clone)]
pub struct ProofLog {
    folder: PathBuf,
    hashes: HashFiles,
    salts: PathBuf,
}

impl ProofLog {
    /// The log of the lake in this data folder, whether or not it has one yet.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        let beside_rows = dir.join("lake/activities/_proof");
        Self { folder: dir.join("proof"), salts: beside_rows.join("salts"), hashes: HashFiles::new(beside_rows) }
    }

    pub(crate) fn hashes(&self) -> &HashFiles {
        &self.hashes
    }

    /// Where the signing key is, unless the configuration names another place.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        self.folder.join("key")
    }

    pub(crate) fn public_key_path(&self) -> PathBuf {
        self.folder.join("public-key")
    }

    pub(crate) fn salts_path(&self) -> &Path {
        &self.salts
    }

    pub(crate) fn checkpoints_book(&self) -> Book {
        Book::new(self.folder.join("checkpoints.ndjson"))
    }

    pub(crate) fn seals_book(&self) -> Book {
        Book::new(self.folder.join("seals.ndjson"))
    }

    pub(crate) fn removals_book(&self) -> Book {
        Book::new(self.folder.join("removals.ndjson"))
    }

    pub(crate) fn time_stamps_book(&self) -> Book {
        Book::new(self.folder.join("time-stamps.ndjson"))
    }

    pub(crate) fn hand_overs_book(&self) -> Book {
        Book::new(self.folder.join("handovers.ndjson"))
    }

    /// The key that the log began with; `None` before the first opening for writing.
    pub fn first_key(&self) -> Result<Option<PublicKey>, LakeError> {
        let path = self.public_key_path();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(PublicKey::parse(&text)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LakeError::file("read", path, error)),
        }
    }

    /// All keys that may have signed, oldest first. With `trusted`, those that follow from it by hand-overs.
    pub fn keys(&self, trusted: Option<&PublicKey>) -> Result<Vec<PublicKey>, LakeError> {
        let first = match trusted {
            Some(key) => Some(key.clone()),
            None => self.first_key()?,
        };
        let Some(first) = first else { return Ok(Vec::new()) };
        let hand_overs = self.hand_overs_book().read()?.notes;
        Ok(statement::keys_after(&first, first.name(), &hand_overs)?)
    }

    /// The notes by which keys were handed over, oldest first: with the first key they lead to every other.
    pub fn hand_overs(&self) -> Result<Vec<String>, LakeError> {
        Ok(self.hand_overs_book().read()?.notes)
    }

    /// The log's name: the first line of its checkpoints.
    pub fn origin(&self) -> Result<Option<String>, LakeError> {
        Ok(self.first_key()?.map(|key| key.name().to_owned()))
    }

    /// Every checkpoint whose signature holds, oldest first.
    pub fn checkpoints(&self) -> Result<Vec<SignedCheckpoint>, LakeError> {
        let keys = self.keys(None)?;
        let Some(origin) = self.origin()? else { return Ok(Vec::new()) };
        let notes = self.checkpoints_book().read()?.notes;
        Ok(notes.iter().filter_map(|note| SignedCheckpoint::open(&keys, &origin, note).ok()).collect())
    }

    /// The newest checkpoint whose signature holds.
    pub fn latest_checkpoint(&self) -> Result<Option<SignedCheckpoint>, LakeError> {
        let keys = self.keys(None)?;
        let Some(origin) = self.origin()? else { return Ok(None) };
        let notes = self.checkpoints_book().read()?.notes;
        Ok(notes.iter().rev().find_map(|note| SignedCheckpoint::open(&keys, &origin, note).ok()))
    }

    /// Every seal whose signature holds, with its note, oldest first.
    pub fn seals(&self) -> Result<Vec<(Seal, String)>, LakeError> {
        self.statements(self.seals_book().read()?)
    }

    /// Every removal whose signature holds, with its note, oldest first.
    pub fn removals(&self) -> Result<Vec<(Removal, String)>, LakeError> {
        self.statements(self.removals_book().read()?)
    }

    /// Every time-stamp that holds, oldest first.
    pub fn time_stamps(&self) -> Result<Vec<TimeStamp>, LakeError> {
        let keys = self.keys(None)?;
        let Some(origin) = self.origin()? else { return Ok(Vec::new()) };
        let notes = self.time_stamps_book().read()?.notes;
        Ok(notes.iter().filter_map(|note| read_stamp(note, &keys, &origin).ok()).collect())
    }

    /// The day that was sealed last, with its checkpoint, unless it has a time-stamp already.
    pub fn without_time_stamp(&self) -> Result<Option<(String, SignedCheckpoint)>, LakeError> {
        let Some((seal, _)) = self.seals()?.pop() else { return Ok(None) };
        if self.time_stamps()?.iter().any(|stamp| stamp.day == seal.day) {
            return Ok(None);
        }
        let of_the_day = |checkpoint: &SignedCheckpoint| checkpoint.size == seal.to_seq;
        Ok(self.checkpoints()?.into_iter().rfind(of_the_day).map(|checkpoint| (seal.day, checkpoint)))
    }

    /// Keeps an authority's answer about a day's checkpoint; one that does not hold is refused. For whoever has the lake
    /// open for writing.
    pub fn keep_time_stamp(
        &self,
        day: &str,
        checkpoint: &SignedCheckpoint,
        reply: &[u8],
    ) -> Result<TimeStamp, LakeError> {
        let (keys, origin) = (self.keys(None)?, self.origin()?.unwrap_or_default());
        let (day, checkpoint, reply) = (day.to_owned(), checkpoint.note.clone(), STANDARD.encode(reply));
        let note = serde_json::to_string(&KeptStamp { day, checkpoint, reply })
            .map_err(|error| ProofError::TimeStamp(error.to_string()))?;
        let stamp = read_stamp(&note, &keys, &origin)?;
        self.time_stamps_book().append(&note)?;
        Ok(stamp)
    }

    fn statements<S: statement::Statement>(&self, pages: Pages) -> Result<Vec<(S, String)>, LakeError> {
        let keys = self.keys(None)?;
        let Some(origin) = self.origin()? else { return Ok(Vec::new()) };
        let open = |note: String| statement::open::<S>(&keys, &origin, &note).ok().map(|read| (read, note));
        Ok(pages.notes.into_iter().filter_map(open).collect())
    }

    /// The root of the tree over the first `size` activities.
    pub fn root(&self, size: u64) -> Result<Hash, LakeError> {
        self.hashes.root(size)
    }

    /// Up to 256 hashes of a tile of C2SP tlog-tiles; `None` when the tree of that size has no such tile or not that
    /// many hashes in it.
    pub fn tile(&self, size: u64, level: u8, index: u64, width: u64) -> Result<Option<Vec<u8>>, LakeError> {
        let there = 256_u64.checked_pow(u32::from(level)).map_or(0, |span| size / span);
        let Some(first) = index.checked_mul(TILE_WIDTH) else { return Ok(None) };
        let fits = (1..=TILE_WIDTH).contains(&width) && first.checked_add(width).is_some_and(|end| end <= there);
        if !fits {
            return Ok(None);
        }
        let hashes = self.hashes.read(usize::from(level), first, width)?;
        let mut bytes = Vec::with_capacity(hashes.len() * HASH_BYTES);
        bytes.extend(hashes.iter().flat_map(|hash| hash.0));
        Ok(Some(bytes))
    }

    /// The proof that an activity is in the tree of that size: hashes from the leaf's side up.
    pub fn inclusion(&self, seq: u64, size: u64) -> Result<Vec<Hash>, LakeError> {
        if seq >= size {
            return Err(ProofError::OutsideTree { size, asked: seq }.into());
        }
        tlog::prove_record(size, seq, &self.hashes).map_err(|error| self.hashes.unreadable(&error))
    }

    /// The proof that the tree of one size begins as the tree of a smaller one.
    pub fn consistency(&self, older: u64, newer: u64) -> Result<Vec<Hash>, LakeError> {
        if older == 0 || older > newer {
            return Err(ProofError::OutsideTree { size: newer, asked: older }.into());
        }
        tlog::prove_tree(newer, older, &self.hashes).map_err(|error| self.hashes.unreadable(&error))
    }

    /// The hash of one leaf.
    pub fn leaf(&self, seq: u64) -> Result<Hash, LakeError> {
        let hashes = self.hashes.read(0, seq, 1)?;
        Ok(subtree(&hashes))
    }

    /// The salts of the rows; needed to open a row's commitment.
    pub(crate) fn salts(&self) -> Result<Salts, LakeError> {
        let text = fs::read_to_string(&self.salts).map_err(|e| LakeError::file("read", &self.salts, e))?;
        Salts::from_text(&text)
            .map_err(|error| LakeError::Damaged { path: self.salts.clone(), what: format!("the salts: {error}") })
    }
}

/// A kept stamp: about a checkpoint of this log, and signed.
pub(crate) fn read_stamp(note: &str, keys: &[PublicKey], origin: &str) -> Result<TimeStamp, ProofError> {
    let unreadable = |what: String| ProofError::TimeStamp(format!("it cannot be read: {what}"));
    let kept: KeptStamp = serde_json::from_str(note).map_err(|error| unreadable(error.to_string()))?;
    let checkpoint = SignedCheckpoint::open(keys, origin, &kept.checkpoint)?;
    let reply = STANDARD.decode(&kept.reply).map_err(|error| unreadable(error.to_string()))?;
    let stamped = time_stamp::stamped(&reply, kept.checkpoint.as_bytes())?;
    Ok(TimeStamp {
        day: kept.day,
        size: checkpoint.size,
        time: stamped.time.as_str().to_owned(),
        authority: stamped.authority,
        serial: stamped.serial,
        checkpoint: kept.checkpoint,
        reply: kept.reply,
    })
}
