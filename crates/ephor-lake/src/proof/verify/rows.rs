//! Every row of every file against its leaf, and every place in the order of arrival against the rows.
//! Holds a few thousand rows a thread at a time, and one bit for each place.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use ephor_wire::catalogue::UNCLASSIFIED;
use ephor_wire::header::Header;
use ephor_wire::timestamp::UtcDay;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use tlog_tiles::tlog::Hash;

use super::VerifyOptions;
use super::notes::Notes;
use super::problem::{ProblemKind, Problems};
use crate::columns;
use crate::error::LakeError;
use crate::files::{DataFile, FileSet};
use crate::limits;
use crate::proof::leaf::{Commitment, Leaf};
use crate::proof::log::ProofLog;
use crate::proof::salts::Salts;
use crate::proof::statement::SealCounts;
use crate::rows::{ActivityRows, RowColumns, micros_of, seq_of, text_of};
use crate::schema::TEXT_COLUMNS;

/// With more changed rows than this, nobody swapped two: a whole file or the salts are damaged.
const TRIED_AS_SWAPPED: usize = 200;

/// What reading all rows gave.
#[derive(Debug, Default)]
pub(super) struct CheckedRows {
    pub(super) checked: u64,
    pub(super) bytes: u64,
    pub(super) expired: u64,
    pub(super) counts: CountsOfSeals,
}

/// What the rows of each seal count; `None` where rows are gone or were not read.
#[derive(Debug, Default)]
pub(super) struct CountsOfSeals(Vec<Option<SealCounts>>);

impl CountsOfSeals {
    pub(super) fn of(&self, seal: usize) -> Option<&SealCounts> {
        self.0.get(seal)?.as_ref()
    }
}

pub(super) fn check(
    log: &ProofLog,
    files: &FileSet,
    notes: &Notes,
    options: &VerifyOptions,
    problems: &Problems,
) -> Result<CheckedRows, LakeError> {
    if files.next_seq == 0 {
        return Ok(CheckedRows::default());
    }
    let salts = match log.salts() {
        Ok(salts) => salts,
        Err(error) => {
            problems.add(ProblemKind::DamagedHashes, None, "lake/activities/_proof/salts", error.to_string());
            return Ok(CheckedRows::default());
        }
    };
    let places = Places::new(files.next_seq);
    let check =
        Check { log, notes, salts, places, options, problems, tally: Mutex::default(), changed: Mutex::default() };
    files.files.par_iter().try_for_each(|file| check.file(file))?;
    check.name_swapped();
    let expired = check.name_missing(files.next_seq);
    let tally = check.tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let whole = options.days.is_none();
    let counts = notes.seals.iter().enumerate().map(|(index, (seal, _))| {
        let gone = notes.expired.iter().any(|(first, last)| *first < seal.to_seq && seal.from_seq <= *last);
        (whole && !gone && seal.to_seq <= files.next_seq).then(|| tally.seals.get(&index).cloned().unwrap_or_default())
    });
    Ok(CheckedRows { checked: tally.rows, bytes: tally.bytes, expired, counts: CountsOfSeals(counts.collect()) })
}

struct Check<'c> {
    log: &'c ProofLog,
    notes: &'c Notes,
    salts: Salts,
    places: Places,
    options: &'c VerifyOptions,
    problems: &'c Problems,
    tally: Mutex<Tally>,
    changed: Mutex<Vec<ChangedRow>>,
}

#[derive(Default)]
struct Tally {
    rows: u64,
    bytes: u64,
    seals: HashMap<usize, SealCounts>,
}

/// A row whose leaf is another; perhaps it stands in the place of one like it.
struct ChangedRow {
    seq: u64,
    received_at_micros: i64,
    source: String,
    digest: [u8; 32],
    place: String,
    words: String,
}

impl Check<'_> {
    fn file(&self, file: &DataFile) -> Result<(), LakeError> {
        let whole = self.options.days.is_none_or(|(from, to)| from <= file.day && file.day <= to);
        let read = || match whole {
            true => self.whole_file(file),
            false => self.places_of(file),
        };
        // A reader of columns may stop in a panic on bytes that were never written by one.
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
            let source = std::io::Error::other("its columns cannot be decoded");
            Err(LakeError::File { action: "read", path: file.full_path.clone(), source })
        });
        match read {
            Err(error @ (LakeError::File { .. } | LakeError::Parquet(_) | LakeError::Arrow(_))) => {
                let seq = Some((file.span.first_seq, file.span.last_seq));
                self.problems.add(ProblemKind::UnreadableFile, seq, &place_of(file), error.to_string());
                Ok(())
            }
            other => other,
        }
    }

    /// Only that the rows are there.
    fn places_of(&self, file: &DataFile) -> Result<(), LakeError> {
        for batch in columns::read(&file.full_path, &["seq"], columns::Text::Plain)? {
            for seq in seq_of(&batch)?.values() {
                self.take_place(u64::try_from(*seq).unwrap_or(u64::MAX), file, || "its row".to_owned());
            }
        }
        Ok(())
    }

    fn whole_file(&self, file: &DataFile) -> Result<(), LakeError> {
        let bytes = std::fs::read(&file.full_path).map_err(|e| LakeError::file("read", &file.full_path, e))?;
        if file.sha256.as_ref().is_some_and(|sha256| *sha256 != hex::encode(Sha256::digest(&bytes))) {
            let seq = Some((file.span.first_seq, file.span.last_seq));
            let words = "its bytes are not those that were written".to_owned();
            self.problems.add(ProblemKind::ChangedFile, seq, &place_of(file), words);
        }
        let mut tally = Tally::default();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))?;
        for batch in reader.with_batch_size(limits::MERGE_BATCH_ROWS).build()? {
            self.batch(file, &batch?, &mut tally)?;
        }
        let mut all = self.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.rows += tally.rows;
        all.bytes += tally.bytes;
        for (seal, counts) in tally.seals {
            let sum = all.seals.entry(seal).or_default();
            let add = |to: &mut std::collections::BTreeMap<String, u64>, from: std::collections::BTreeMap<_, u64>| {
                from.into_iter().for_each(|(name, rows)| *to.entry(name).or_default() += rows);
            };
            add(&mut sum.source, counts.source);
            add(&mut sum.kind, counts.kind);
            add(&mut sum.organization, counts.organization);
        }
        Ok(())
    }

    fn batch(&self, file: &DataFile, batch: &RecordBatch, tally: &mut Tally) -> Result<(), LakeError> {
        let rows = Rows::of(batch)?;
        let mut read = ActivityRows::with_capacity(batch.num_rows(), 0);
        for row in 0..batch.num_rows() {
            match Header::parse(rows.raw.value(row).as_bytes()) {
                Ok(header) => read.push(rows.raw.value(row).as_bytes(), &header),
                Err(error) => {
                    let words = format!("the activity in {} cannot be read: {error}", rows.name(row));
                    self.problems.add(
                        ProblemKind::ChangedRow,
                        Some((rows.place(row), rows.place(row))),
                        &place_of(file),
                        words,
                    );
                    // The rows behind it would stand beside the wrong columns.
                    return Ok(());
                }
            }
        }
        let read = read.finish();
        self.columns(file, batch, &rows, &read)?;
        self.leaves(file, &rows, &read)?;
        tally.rows += batch.num_rows() as u64;
        tally.bytes += (0..batch.num_rows()).map(|row| rows.raw.value(row).len() as u64).sum::<u64>();
        self.count(batch, &rows, tally)
    }

    /// The columns that say what the bytes say.
    fn columns(
        &self,
        file: &DataFile,
        batch: &RecordBatch,
        rows: &Rows<'_>,
        read: &RowColumns,
    ) -> Result<(), LakeError> {
        let differs = |row: usize, column: &str| {
            let seq = Some((rows.place(row), rows.place(row)));
            let words = format!("column `{column}` of {} does not say what its bytes say", rows.name(row));
            self.problems.add(ProblemKind::ChangedColumn, seq, &place_of(file), words);
        };
        let mut texts = vec![("id", rows.id, &read.id)];
        for (name, column) in TEXT_COLUMNS.iter().skip(1).zip(&read.text) {
            texts.push((*name, text_of(batch, name)?, column));
        }
        for (name, stored, read) in texts {
            if stored != read {
                let same = |row: &usize| {
                    // A later catalogue may know a type that was new when the row came in.
                    if name == "category" && stored.value(*row) == UNCLASSIFIED {
                        return true;
                    }
                    stored.is_null(*row) == read.is_null(*row)
                        && (stored.is_null(*row) || stored.value(*row) == read.value(*row))
                };
                (0..read.len()).filter(|row| !same(row)).for_each(|row| differs(row, name));
            }
        }
        for row in 0..rows.created_at.len() {
            if rows.created_at.value(row) != read.created_at.value(row) {
                differs(row, "created_at");
            } else if UtcDay::from_micros(rows.created_at.value(row)) != file.day {
                differs(row, "day");
            }
        }
        Ok(())
    }

    fn leaves(&self, file: &DataFile, rows: &Rows<'_>, read: &RowColumns) -> Result<(), LakeError> {
        let stored = StoredLeaves::of(self.log, rows.seq)?;
        let (mut salts, mut buffer) = (self.salts.walk(), String::new());
        for row in 0..rows.seq.len() {
            let seq = rows.place(row);
            if !self.take_place(seq, file, || rows.name(row)) {
                continue;
            }
            let digest = read.digests[row];
            // An erasure that a crash interrupted may have left the salt of a row that is erased already.
            let commitment = match (self.erased(seq, &digest), salts.salt(seq)) {
                (Ok(commitment), _) => commitment,
                (Err(_), Some(salt)) => Commitment::of(salt, &digest),
                (Err(words), None) => {
                    let words = format!("{} {words}", rows.name(row));
                    self.problems.add(ProblemKind::ChangedRow, Some((seq, seq)), &place_of(file), words);
                    continue;
                }
            };
            let (received_at_micros, source) = (rows.received_at.value(row), rows.source.value(row));
            let leaf = Leaf { seq, received_at_micros, source, commitment };
            if stored.leaf(seq)? != leaf.hash_with(&mut buffer) {
                self.changed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(ChangedRow {
                    seq,
                    received_at_micros,
                    source: source.to_owned(),
                    digest,
                    place: place_of(file),
                    words: rows.name(row),
                });
            }
        }
        Ok(())
    }

    /// What stands for the bytes of an erased row, if the bytes there now are those that were left.
    fn erased(&self, seq: u64, digest: &[u8; 32]) -> Result<Commitment, &'static str> {
        let Some(row) = self.notes.erased.get(&seq) else {
            return Err("has no salt, and no signed erasure names it");
        };
        if row.raw_sha256 != hex::encode(digest) {
            return Err("is not what the erasure left of it");
        }
        let mut commitment = [0_u8; 32];
        hex::decode_to_slice(&row.commitment, &mut commitment)
            .map_err(|_| "was erased by a statement whose commitment is none")?;
        Ok(Commitment(commitment))
    }

    /// Whether the place was free and is one that was given away.
    fn take_place(&self, seq: u64, file: &DataFile, name: impl Fn() -> String) -> bool {
        let words = match self.places.take(seq) {
            Taken::Now => return true,
            Taken::Before => format!("{} stands in a place (seq {seq}) that another row has too", name()),
            Taken::Beyond => format!("{} stands in a place (seq {seq}) that was never given away", name()),
        };
        self.problems.add(ProblemKind::AddedRow, Some((seq, seq)), &place_of(file), words);
        false
    }

    fn count(&self, batch: &RecordBatch, rows: &Rows<'_>, tally: &mut Tally) -> Result<(), LakeError> {
        if self.notes.seals.is_empty() {
            return Ok(());
        }
        let (kind, organization) = (text_of(batch, "type")?, text_of(batch, "organization_id")?);
        for row in 0..batch.num_rows() {
            let seq = rows.place(row);
            let seal = self.notes.seals.partition_point(|(seal, _)| seal.to_seq <= seq);
            let counts = tally.seals.entry(seal).or_default();
            let organization = if organization.is_null(row) { "" } else { organization.value(row) };
            count_one(&mut counts.source, rows.source.value(row));
            count_one(&mut counts.kind, kind.value(row));
            count_one(&mut counts.organization, organization);
        }
        Ok(())
    }

    /// Changed rows are named last: two of them may only have each other's place.
    fn name_swapped(&self) {
        let changed = std::mem::take(&mut *self.changed.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let tried = if changed.len() <= TRIED_AS_SWAPPED { &changed[..] } else { &[] };
        for row in &changed {
            let from = tried.iter().find(|other| other.seq != row.seq && self.is_from(row, other.seq));
            let (kind, words) = match from {
                Some(other) => (
                    ProblemKind::SwappedRows,
                    format!("{} has the place of {}: it belongs to seq {}", row.words, other.words, other.seq),
                ),
                None => (
                    ProblemKind::ChangedRow,
                    format!(
                        "{} is not what its leaf stands for: its bytes, its source or its time of receipt were changed",
                        row.words
                    ),
                ),
            };
            self.problems.add(kind, Some((row.seq, row.seq)), &row.place, words);
        }
    }

    /// Whether a row is the one that the leaf of another place stands for.
    fn is_from(&self, row: &ChangedRow, seq: u64) -> bool {
        let Some(salt) = self.salts.of(seq) else { return false };
        let commitment = Commitment::of(salt, &row.digest);
        let leaf = Leaf { seq, received_at_micros: row.received_at_micros, source: &row.source, commitment };
        self.log.leaf(seq).is_ok_and(|stored| stored == leaf.hash())
    }

    /// Places without a row that nothing explains; says how many are explained.
    fn name_missing(&self, size: u64) -> u64 {
        let mut expired = 0;
        let mut run: Option<(u64, u64)> = None;
        let name = |run: Option<(u64, u64)>| {
            if let Some((first, last)) = run {
                let words = format!("{} activities are no longer there, and nothing signed says why", last - first + 1);
                self.problems.add(ProblemKind::MissingRow, Some((first, last)), "lake/activities", words);
            }
        };
        for seq in (0..size).filter(|seq| !self.places.is_taken(*seq)) {
            if self.is_expired(seq) {
                expired += 1;
                continue;
            }
            run = match run {
                Some((first, last)) if last + 1 == seq => Some((first, seq)),
                other => {
                    name(other);
                    Some((seq, seq))
                }
            };
        }
        name(run);
        expired
    }

    fn is_expired(&self, seq: u64) -> bool {
        // Spans of several removals may overlap, so the last that begins before may not be the one that reaches far.
        let before = self.notes.expired.partition_point(|(first, _)| *first <= seq);
        self.notes.expired[..before].iter().rev().any(|(_, last)| seq <= *last)
    }
}

fn count_one(counts: &mut std::collections::BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(rows) => *rows += 1,
        None => _ = counts.insert(name.to_owned(), 1),
    }
}

/// The columns that every row has.
struct Rows<'b> {
    seq: &'b Int64Array,
    id: &'b StringArray,
    created_at: Int64Array,
    received_at: Int64Array,
    source: &'b StringArray,
    raw: &'b StringArray,
}

impl<'b> Rows<'b> {
    fn of(batch: &'b RecordBatch) -> Result<Self, LakeError> {
        Ok(Self {
            seq: seq_of(batch)?,
            id: text_of(batch, "id")?,
            created_at: micros_of(batch, "created_at")?,
            received_at: micros_of(batch, "received_at")?,
            source: text_of(batch, "source")?,
            raw: text_of(batch, "raw")?,
        })
    }

    fn place(&self, row: usize) -> u64 {
        u64::try_from(self.seq.value(row)).unwrap_or(u64::MAX)
    }

    fn name(&self, row: usize) -> String {
        format!("activity {} (seq {})", self.id.value(row), self.seq.value(row))
    }
}

/// The leaves of a batch, read at once where its places lie together.
struct StoredLeaves<'l> {
    log: &'l ProofLog,
    first: u64,
    near: Vec<Hash>,
}

/// Rows in feed order lie close together in order of arrival, except late ones.
const LEAVES_READ_AT_ONCE: u64 = 64 << 10;

impl<'l> StoredLeaves<'l> {
    fn of(log: &'l ProofLog, seq: &Int64Array) -> Result<Self, LakeError> {
        let place = |value: Option<i64>| value.and_then(|seq| u64::try_from(seq).ok()).unwrap_or_default();
        let held = log.hashes().held(0)?;
        let (first, last) = (place(arrow::compute::min(seq)), place(arrow::compute::max(seq)));
        let count = last.saturating_sub(first).saturating_add(1).min(held.saturating_sub(first));
        let near = if count <= LEAVES_READ_AT_ONCE { log.hashes().read(0, first, count)? } else { Vec::new() };
        Ok(Self { log, first, near })
    }

    fn leaf(&self, seq: u64) -> Result<Hash, LakeError> {
        match usize::try_from(seq - self.first).ok().and_then(|index| self.near.get(index)) {
            Some(hash) => Ok(*hash),
            None if seq < self.log.hashes().held(0)? => self.log.leaf(seq),
            // A file of hashes that is too short is named where the hashes are checked.
            None => Ok(Hash([0; 32])),
        }
    }
}

/// One bit for each place.
struct Places {
    bits: Vec<AtomicU64>,
    size: u64,
}

enum Taken {
    Now,
    Before,
    Beyond,
}

impl Places {
    fn new(size: u64) -> Self {
        let words = usize::try_from(size.div_ceil(64)).unwrap_or(usize::MAX);
        Self { bits: (0..words).map(|_| AtomicU64::new(0)).collect(), size }
    }

    fn take(&self, seq: u64) -> Taken {
        let Some(word) = self.word(seq) else { return Taken::Beyond };
        let bit = 1 << (seq % 64);
        if word.fetch_or(bit, Ordering::Relaxed) & bit == 0 { Taken::Now } else { Taken::Before }
    }

    fn is_taken(&self, seq: u64) -> bool {
        self.word(seq).is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (seq % 64)) != 0)
    }

    fn word(&self, seq: u64) -> Option<&AtomicU64> {
        if seq >= self.size {
            return None;
        }
        self.bits.get(usize::try_from(seq / 64).ok()?)
    }
}

fn place_of(file: &DataFile) -> String {
    format!("lake/activities/{}", file.path)
}
