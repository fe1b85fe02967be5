//! The erasure of a person: rows that name them are written anew without them, their salts are forgotten, and what was
//! done to which rows is signed.
//! Promises that the tree stays as it was: each erased row keeps its commitment, and everything else its bytes.
//! Never erases a row that a legal hold keeps.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray};
use ephor_wire::header::Header;
use ephor_wire::timestamp::Timestamp;
use serde::Serialize;

use crate::append::Writer;
use crate::compact::LegalHold;
use crate::encode::{self, Effort};
use crate::error::LakeError;
use crate::files::{DataFile, WrittenFile};
use crate::id_index::IdIndex;
use crate::proof::{Commitment, ErasedRow, Person, Removed, raw_digest_of, redact};
use crate::rows::{self, ActivityRows, seq_of, text_of};
use crate::scan::Reader;
use crate::schema;
use crate::table::{Change, Purpose};

/// Rows that one signed statement names: far below the megabyte that a note may have.
const ROWS_OF_A_STATEMENT: usize = 4_000;

/// Whom to erase, and why.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// Whom.
    pub person: Person,
    /// Why, in words that name nobody.
    pub reason: String,
    /// A random word that stands for the person from now on.
    pub pseudonym: String,
    /// Spans of days that must stay as they are.
    pub legal_holds: Vec<LegalHold>,
}

/// What an erasure did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ErasureReport {
    /// Activities written anew.
    pub activities: u64,
    /// Files that held them.
    pub files: u64,
    /// Rows of the table `conflicts` that were dropped, since both contents named the person.
    pub conflicts: u64,
    /// Activities that name the person and that a legal hold keeps.
    pub held: u64,
    /// What stands for the person now.
    pub pseudonym: String,
}

/// A file with rows to be written anew.
struct Affected {
    file: Arc<DataFile>,
    rows: RecordBatch,
    /// By row of the file: its bytes from now on.
    redacted: BTreeMap<usize, String>,
}

impl Writer {
    /// File by file, so that no more than one is in memory: what was done when it stops stays done, and the next run
    /// goes on.
    pub(crate) async fn erase_person(&mut self, erasure: &Erasure) -> Result<ErasureReport, LakeError> {
        self.recover().await?;
        let mut report = ErasureReport { pseudonym: erasure.pseudonym.clone(), ..ErasureReport::default() };
        let files = self.reader.files();
        for file in &files.files {
            let Some(affected) = self.affected(file, erasure, &mut report)? else { continue };
            let erased = self.sign_erasure(&affected, &erasure.reason)?;
            self.replace(&affected).await?;
            self.notary.forget_salts(erased.iter().copied())?;
            // Readers that began on it go on; nobody can begin on it any more.
            fs::remove_file(&file.full_path).map_err(|e| LakeError::file("remove", &file.full_path, e))?;
            report.activities += erased.len() as u64;
            report.files += 1;
        }
        report.conflicts = self.erase_conflicts(&erasure.person).await?;
        if report.activities > 0 {
            self.forget_contents()?;
        }
        Ok(report)
    }

    /// The file's rows that name the person, unless a legal hold keeps them.
    fn affected(
        &self,
        file: &Arc<DataFile>,
        erasure: &Erasure,
        report: &mut ErasureReport,
    ) -> Result<Option<Affected>, LakeError> {
        let raw = self.reader.read_columns(file, &["raw"])?;
        let raw = text_of(&raw, "raw")?;
        let named: Vec<usize> = (0..raw.len()).filter(|row| erasure.person.is_named_in(raw.value(*row))).collect();
        if named.is_empty() {
            return Ok(None);
        }
        if erasure.legal_holds.iter().any(|hold| hold.covers(file.day)) {
            report.held += named.len() as u64;
            return Ok(None);
        }
        let at = Timestamp::from_micros(self.now_millis() * 1000);
        let without = |row: usize| {
            let redacted = redact(raw.value(row), &erasure.person, &erasure.pseudonym, at.as_str());
            redacted.map(|redacted| (row, redacted))
        };
        let redacted = named.into_iter().filter_map(without).collect();
        Ok(Some(Affected { file: Arc::clone(file), rows: Reader::read_whole(&file.full_path)?, redacted }))
    }

    /// Signs what is about to become of which rows. A row that was erased before keeps the commitment it had.
    fn sign_erasure(&mut self, affected: &Affected, reason: &str) -> Result<Vec<u64>, LakeError> {
        let before = self.notary.erased_rows()?;
        let (seq, raw) = (seq_of(&affected.rows)?, text_of(&affected.rows, "raw")?);
        let mut rows = Vec::new();
        for (row, redacted) in &affected.redacted {
            let seq = u64::try_from(seq.value(*row)).unwrap_or_default();
            let commitment = match self.notary.salts().of(seq) {
                Some(salt) => hex::encode(Commitment::to_bytes_received(salt, raw.value(*row).as_bytes()).0),
                None => before.get(&seq).map(|row| row.commitment.clone()).unwrap_or_default(),
            };
            rows.push(ErasedRow { seq, commitment, raw_sha256: hex::encode(raw_digest_of(redacted.as_bytes())) });
        }
        for part in rows.chunks(ROWS_OF_A_STATEMENT) {
            let what = Removed::Erased { reason: reason.to_owned(), rows: part.to_vec() };
            self.notary.record_removal(what, self.now_millis() * 1000)?;
        }
        Ok(rows.into_iter().map(|row| row.seq).collect())
    }

    /// Writes the file anew and swaps it in one commit, which also says how many statements of removal it has seen
    /// through: the salts that they name can be forgotten, even after a crash.
    async fn replace(&mut self, affected: &Affected) -> Result<(), LakeError> {
        let now_millis = self.now_millis();
        let encoded = encode::encode(&with_redacted(affected)?, Effort::Compaction)?;
        let written = WrittenFile::write(&self.table, affected.file.day, &encoded, now_millis)?;
        let removed = [affected.file.path.clone()];
        let change = Change {
            purpose: Purpose::Replace,
            add: vec![written.new.clone()],
            remove: self.table.removals(&removed, true).await?,
            transactions: vec![self.notary.seen_through()?],
            ..Change::default()
        };
        if let Err(error) = self.table.commit(change, now_millis).await {
            self.forget(&[written]).await;
            return Err(error);
        }
        self.publish_after(vec![Arc::new(written.live)], &removed);
        Ok(())
    }

    /// Conflicts whose contents name the person go whole: nothing proves them, and nothing rests on them.
    async fn erase_conflicts(&mut self, person: &Person) -> Result<u64, LakeError> {
        let batches = self.conflicts.read_all().await?;
        let all = arrow::compute::concat_batches(&schema::CONFLICTS.columns, &batches)?;
        let (raw, stored) = (text_of(&all, "raw")?, text_of(&all, "stored_raw")?);
        let keeps = |row: usize| !person.is_named_in(raw.value(row)) && !person.is_named_in(stored.value(row));
        let kept: BooleanArray = (0..all.num_rows()).map(|row| Some(keeps(row))).collect();
        let dropped = all.num_rows() - kept.true_count();
        if dropped > 0 {
            let kept = arrow::compute::filter_record_batch(&all, &kept)?;
            self.conflicts.replace_all(&kept, self.now_millis()).await?;
            self.recorded_conflicts.clear();
        }
        Ok(dropped as u64)
    }

    /// The id index keeps eight bytes of a digest of each content: too much of what was erased. It is built again.
    fn forget_contents(&mut self) -> Result<(), LakeError> {
        let folder = self.index.folder().to_owned();
        fs::remove_dir_all(&folder).map_err(|e| LakeError::file("remove", &folder, e))?;
        self.index = IdIndex::open(&folder, 0)?;
        crate::append::read_ids(self.table.folder(), &self.reader, &mut self.index, 0)
    }
}

/// The rows of a file with the erased ones as they are from now on; every column says what the bytes say.
fn with_redacted(file: &Affected) -> Result<RecordBatch, LakeError> {
    let raw = text_of(&file.rows, "raw")?;
    let bytes = |row: usize| file.redacted.get(&row).map_or(raw.value(row), String::as_str);
    let mut read = ActivityRows::with_capacity(raw.len(), 0);
    for row in 0..raw.len() {
        let raw = bytes(row).as_bytes();
        let header = Header::parse(raw).map_err(|error| LakeError::Damaged {
            path: file.file.full_path.clone(),
            what: format!("a stored activity cannot be read: {error}"),
        })?;
        read.push(raw, &header);
    }
    let read = read.finish();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in schema::FILE_SCHEMA.fields() {
        let own = schema::TEXT_COLUMNS.iter().skip(1).position(|name| name == field.name());
        columns.push(match (field.name().as_str(), own) {
            ("raw", _) => Arc::new(StringArray::from_iter_values((0..raw.len()).map(bytes))),
            (_, Some(own)) => Arc::new(read.text[own].clone()),
            (name, None) => Arc::clone(file.rows.column_by_name(name).ok_or_else(|| rows::wrong_column(name))?),
        });
    }
    Ok(RecordBatch::try_new(Arc::clone(&schema::FILE_SCHEMA), columns)?)
}
