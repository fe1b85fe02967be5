//! The one writer: takes what waits, decides what is new, encodes by day, commits, and only then answers.
//! After any failure it believes the disk and not itself: the table is read again before the next commit.
//! Never keeps half a batch: files without a commit are removed, now or at the next opening.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use ephor_wire::timestamp::UtcDay;
use rayon::prelude::*;

use super::decide::{Conflict, Decision, decide};
use super::{AppendBatch, AppendOutcome, Intake, Notarized};
use crate::compact::{CompactOptions, CompactReport};
use crate::cursors;
use crate::encode::{self, Effort};
use crate::erase::{Erasure, ErasureReport};
use crate::error::LakeError;
use crate::expired;
use crate::files::{self, FileSet, SEQ_TRANSACTION, WrittenFile, all_or_none};
use crate::id_index::{IdEntry, IdIndex};
use crate::lock::WriterLock;
use crate::proof::Notary;
use crate::rows::{self, Chosen, Chunk};
use crate::scan::Reader;
use crate::schema;
use crate::table::{Change, Table};

/// Everything that only the holder of the lock may touch.
pub(crate) struct Writer {
    pub(crate) table: Table,
    pub(crate) conflicts: Table,
    pub(crate) recorded_conflicts: HashSet<IdEntry>,
    pub(crate) index: IdIndex,
    pub(crate) reader: Reader,
    pub(crate) notary: Notary,
    clock: fn() -> i64,
    /// Set after a failure: what is in memory may not be what is on the disk.
    doubtful: bool,
    _lock: Arc<WriterLock>,
}

/// What a writer works on.
pub(crate) struct WriterParts {
    pub(crate) table: Table,
    pub(crate) conflicts: Table,
    pub(crate) recorded_conflicts: HashSet<IdEntry>,
    pub(crate) index: IdIndex,
    pub(crate) reader: Reader,
    pub(crate) notary: Notary,
}

impl Intake for Writer {
    type Batch = AppendBatch;

    fn bytes_of(batch: &AppendBatch) -> usize {
        batch.rows.iter().map(rows::ActivityRows::raw_bytes).sum()
    }

    async fn commit(&mut self, batches: Vec<AppendBatch>) -> Result<Vec<AppendOutcome>, LakeError> {
        let committed = self.commit_all(batches).await;
        self.doubtful |= committed.is_err();
        committed
    }

    async fn compact(&mut self, options: &CompactOptions) -> Result<CompactReport, LakeError> {
        let compacted = self.compact_files(options).await;
        self.doubtful |= compacted.is_err();
        compacted
    }

    async fn notarize(&mut self) -> Result<Notarized, LakeError> {
        self.recover().await?;
        let (size, now) = (self.reader.files().next_seq, (self.clock)());
        let checkpointed = self.notary.checkpoint(size, now)?;
        let sealed = self.notary.seal(size, now).await?;
        Ok(Notarized { checkpointed, sealed })
    }

    async fn erase(&mut self, erasure: &Erasure) -> Result<ErasureReport, LakeError> {
        let erased = self.erase_person(erasure).await;
        self.doubtful |= erased.is_err();
        erased
    }

    fn finish(&mut self) -> Result<(), LakeError> {
        let size = self.reader.files().next_seq;
        if !self.doubtful {
            self.notary.checkpoint(size, (self.clock)())?;
        }
        self.index.flush(size)
    }
}

impl Writer {
    pub(crate) fn new(parts: WriterParts, clock: fn() -> i64, lock: Arc<WriterLock>) -> Self {
        let WriterParts { table, conflicts, recorded_conflicts, index, reader, notary } = parts;
        Self { table, conflicts, recorded_conflicts, index, reader, notary, clock, doubtful: false, _lock: lock }
    }

    async fn commit_all(&mut self, batches: Vec<AppendBatch>) -> Result<Vec<AppendOutcome>, LakeError> {
        self.recover().await?;
        let mut chunks = Vec::new();
        let mut chunks_of_batch = Vec::new();
        let mut cursors = BTreeMap::new();
        for batch in batches {
            let source: Arc<str> = batch.source.as_str().into();
            chunks_of_batch.push(batch.rows.len());
            chunks.extend(batch.rows.into_iter().map(|rows| Chunk {
                columns: rows.finish(),
                source: Arc::clone(&source),
                received_at: batch.received_at_micros,
            }));
            if let Some(cursor) = batch.cursor {
                cursors.insert(batch.source, cursor);
            }
        }
        let decision = decide(&chunks, &self.index, &self.reader, self.reader.files().next_seq)?;
        self.record_conflicts(&chunks, &decision.conflicts).await?;
        if !decision.chosen.is_empty() || !cursors.is_empty() {
            self.store(&chunks, &decision, cursors).await?;
        }
        Ok(per_batch(decision.outcomes, &chunks_of_batch))
    }

    async fn store(
        &mut self,
        chunks: &[Chunk],
        decision: &Decision,
        cursors: BTreeMap<String, serde_json::Value>,
    ) -> Result<(), LakeError> {
        let first_seq = self.reader.files().next_seq;
        let (files, leaves) =
            rayon::join(|| self.write_files(chunks, &decision.chosen), || self.notary.leaves(chunks, &decision.chosen));
        let files = files?;
        let committed = match self.notary.prepare(first_seq, &leaves) {
            Ok(()) => self.commit_files(&files, decision.next_seq, cursors).await,
            Err(error) => Err(error),
        };
        if let Err(error) = committed {
            self.forget(&files).await;
            return Err(error);
        }
        for chosen in &decision.chosen {
            self.index.insert(chunks[chosen.chunk].columns.entries[chosen.row]);
        }
        let added = files.into_iter().map(|file| Arc::new(file.live)).collect();
        self.reader.publish(self.reader.files().after(added, &[], decision.next_seq, self.table.version()));
        if let Err(error) = self.notary.checkpoint_when_due(decision.next_seq, (self.clock)()) {
            tracing::warn!(%error, "no checkpoint was signed; what was committed is safe, and the next commit tries again");
        }
        self.index.flush_when_full(decision.next_seq)
    }

    async fn commit_files(
        &mut self,
        files: &[WrittenFile],
        next_seq: u64,
        cursors: BTreeMap<String, serde_json::Value>,
    ) -> Result<(), LakeError> {
        let mut change = Change { add: files.iter().map(|file| file.new.clone()).collect(), ..Change::default() };
        change.transactions.push((SEQ_TRANSACTION.to_owned(), i64::try_from(next_seq).unwrap_or(i64::MAX)));
        for (source, cursor) in cursors {
            change.transactions.push(cursors::prepare(&self.table, &source, &cursor).await?);
        }
        self.table.commit(change, self.now_millis()).await
    }

    /// Encodes the chosen rows by day, each file in feed order, on all cores; every file is fsynced on return.
    fn write_files(&self, chunks: &[Chunk], chosen: &[Chosen]) -> Result<Vec<WrittenFile>, LakeError> {
        let mut days: BTreeMap<UtcDay, Vec<Chosen>> = BTreeMap::new();
        for row in chosen {
            let created_at = chunks[row.chunk].columns.created_at.value(row.row);
            days.entry(UtcDay::from_micros(created_at)).or_default().push(*row);
        }
        let written: Vec<Result<WrittenFile, LakeError>> = days
            .into_par_iter()
            .map(|(day, mut rows)| {
                let order = |c: &Chosen| {
                    (chunks[c.chunk].columns.created_at.value(c.row), chunks[c.chunk].columns.id.value(c.row))
                };
                rows.sort_unstable_by(|a, b| order(a).cmp(&order(b)));
                let encoded = encode::encode(&rows::gather(chunks, &rows)?, Effort::Intake)?;
                WrittenFile::write(&self.table, day, &encoded, self.now_millis())
            })
            .collect();
        all_or_none(written)
    }

    /// Keeps second contents beside the stored ones, each once however often it is sent.
    async fn record_conflicts(&mut self, chunks: &[Chunk], conflicts: &[Conflict]) -> Result<(), LakeError> {
        let entry = |c: &Conflict| chunks[c.chunk].columns.entries[c.row];
        let mut fresh: Vec<&Conflict> = Vec::new();
        for conflict in conflicts {
            if self.recorded_conflicts.insert(entry(conflict)) {
                fresh.push(conflict);
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        tracing::warn!(
            conflicts = fresh.len(),
            "ids that are stored came again with another content; see the table `conflicts`"
        );
        let batch = conflict_batch(chunks, &fresh)?;
        if let Err(error) = self.conflicts.append(&batch, self.now_millis()).await {
            for conflict in fresh {
                self.recorded_conflicts.remove(&entry(conflict));
            }
            return Err(error);
        }
        Ok(())
    }

    /// Removes the files of a commit that failed, as far as the log allows.
    pub(crate) async fn forget(&mut self, files: &[WrittenFile]) {
        self.doubtful = true;
        files::forget(&mut self.table, files.iter().map(|file| &file.live.full_path)).await;
    }

    /// After a failure, what the log says is what happened: even a commit whose answer was lost.
    pub(crate) async fn recover(&mut self) -> Result<(), LakeError> {
        if !self.doubtful {
            return Ok(());
        }
        self.table.refresh().await?;
        self.conflicts.refresh().await?;
        let known_to = self.reader.files().next_seq;
        self.reader.publish(FileSet::of(&self.table).await?);
        self.notary.settle(&self.reader.files(), &self.reader)?;
        read_ids(self.table.folder(), &self.reader, &mut self.index, known_to)?;
        self.doubtful = false;
        Ok(())
    }

    pub(crate) fn now_millis(&self) -> i64 {
        (self.clock)() / 1000
    }
}

/// Puts every id from `from_seq` on into the index, those whose rows have expired among them.
pub(crate) fn read_ids(table: &Path, reader: &Reader, index: &mut IdIndex, from_seq: u64) -> Result<(), LakeError> {
    let files = reader.files();
    if from_seq < files.next_seq {
        expired::read_into(table, index, from_seq)?;
    }
    for file in files.files.iter().filter(|file| file.span.last_seq >= from_seq) {
        let batch = reader.read_columns(file, &["seq", "id", "raw"])?;
        let (seq, id, raw) = (rows::seq_of(&batch)?, rows::text_of(&batch, "id")?, rows::text_of(&batch, "raw")?);
        for row in 0..batch.num_rows() {
            if u64::try_from(seq.value(row)).unwrap_or_default() >= from_seq {
                index.insert(IdEntry::of(id.value(row), raw.value(row).as_bytes()));
            }
        }
        index.spill_when_full()?;
    }
    index.settle(files.next_seq)
}

/// Outcomes were made chunk by chunk; whoever waits wants one for the batch.
fn per_batch(outcomes: Vec<AppendOutcome>, chunks_of_batch: &[usize]) -> Vec<AppendOutcome> {
    let mut outcomes = outcomes.into_iter();
    chunks_of_batch
        .iter()
        .map(|chunks| {
            outcomes.by_ref().take(*chunks).fold(AppendOutcome::default(), |mut sum, part| {
                sum.added += part.added;
                sum.duplicates += part.duplicates;
                sum.conflicts += part.conflicts;
                sum.rows.extend(part.rows);
                sum
            })
        })
        .collect()
}

fn conflict_batch(chunks: &[Chunk], conflicts: &[&Conflict]) -> Result<RecordBatch, LakeError> {
    let columns = |c: &&Conflict| &chunks[c.chunk].columns;
    let text = |value: fn(&Chunk, usize) -> &str| {
        Arc::new(StringArray::from_iter_values(conflicts.iter().map(|c| value(&chunks[c.chunk], c.row))))
    };
    let time = |values: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"));
    Ok(RecordBatch::try_new(
        Arc::clone(&schema::CONFLICTS.columns),
        vec![
            text(|chunk, row| chunk.columns.id.value(row)),
            time(conflicts.iter().map(|c| columns(c).created_at.value(c.row)).collect()),
            time(conflicts.iter().map(|c| chunks[c.chunk].received_at).collect()),
            text(|chunk, _| &chunk.source),
            text(|chunk, row| chunk.columns.raw.value(row)),
            Arc::new(StringArray::from_iter_values(conflicts.iter().map(|c| c.stored_raw.as_str()))),
        ],
    )?)
}
