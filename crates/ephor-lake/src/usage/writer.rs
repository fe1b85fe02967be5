//! The one writer of usage events: takes what waits, decides what is new, encodes by day, commits, and only then answers.
//! After any failure it believes the disk and not itself: the table is read again before the next commit.
//! Never overwrites an event: a second content under an id is kept beside it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use ephor_wire::timestamp::UtcDay;
use rayon::prelude::*;
use serde_json::Value;

use super::UsageBatch;
use super::rows::{EventColumns, UsageChunk, gather};
use super::schema::{TIME, USAGE_CONFLICTS, USAGE_EVENTS, properties};
use crate::append::{AppendOutcome, Intake, Place, Sorted, sort_out};
use crate::columns;
use crate::compact::{CompactOptions, CompactReport};
use crate::cursors;
use crate::encode::{self, Effort};
use crate::error::LakeError;
use crate::files::{self, FileSet, Published, SEQ_TRANSACTION, WrittenFile, all_or_none};
use crate::id_index::{IdEntry, IdIndex};
use crate::limits;
use crate::lock::WriterLock;
use crate::rows::{Chosen, micros_of, seq_of, text_of};
use crate::table::{Change, Table};

/// Everything of usage that only the holder of the lock may touch.
pub(crate) struct UsageWriter {
    pub(super) table: Table,
    conflicts: Table,
    recorded_conflicts: HashSet<IdEntry>,
    index: IdIndex,
    pub(super) files: Published,
    clock: fn() -> i64,
    /// Set after a failure: what is in memory may not be what is on the disk.
    doubtful: bool,
    _lock: Arc<WriterLock>,
}

impl Intake for UsageWriter {
    type Batch = UsageBatch;

    fn bytes_of(batch: &UsageBatch) -> usize {
        batch.rows.bytes()
    }

    async fn commit(&mut self, batches: Vec<UsageBatch>) -> Result<Vec<AppendOutcome>, LakeError> {
        let committed = self.commit_all(batches).await;
        self.doubtful |= committed.is_err();
        committed
    }

    async fn compact(&mut self, options: &CompactOptions) -> Result<CompactReport, LakeError> {
        let compacted = self.compact_files(options.reach).await;
        self.doubtful |= compacted.is_err();
        compacted
    }

    fn finish(&mut self) -> Result<(), LakeError> {
        self.index.flush(self.files.now().next_seq)
    }
}

impl UsageWriter {
    /// Opens the tables, makes them if they are not there, and repairs what a crash left.
    pub(crate) async fn open(dir: &Path, clock: fn() -> i64, lock: Arc<WriterLock>) -> Result<Self, LakeError> {
        let table = Table::open_or_create(dir, &USAGE_EVENTS).await?;
        let conflicts = Table::open_or_create(dir, &USAGE_CONFLICTS).await?;
        let recorded_conflicts = recorded_conflicts(&conflicts).await?;
        let files = FileSet::of(&table).await?;
        let mut index = IdIndex::open(&dir.join("index-usage"), files.next_seq)?;
        let from_seq = index.flushed_to();
        read_ids(&files, &mut index, from_seq)?;
        let files = Published::new(files);
        let writer = Self { table, conflicts, recorded_conflicts, index, files, clock, doubtful: false, _lock: lock };
        writer.sweep().await?;
        Ok(writer)
    }

    /// The table and its files, for the readers of this process.
    pub(crate) fn shown(&self) -> (Table, Published) {
        (self.table.clone(), self.files.clone())
    }

    async fn commit_all(&mut self, batches: Vec<UsageBatch>) -> Result<Vec<AppendOutcome>, LakeError> {
        self.recover().await?;
        let (mut chunks, mut cursors) = (Vec::with_capacity(batches.len()), BTreeMap::new());
        for UsageBatch { source, received_at_micros: received_at, rows, cursor } in batches {
            if let Some(cursor) = cursor {
                cursors.insert(source.clone(), cursor);
            }
            let (columns, entries) = rows.finish()?;
            chunks.push(UsageChunk { columns, entries, source, received_at });
        }
        let entries: Vec<&[IdEntry]> = chunks.iter().map(|chunk| chunk.entries.as_slice()).collect();
        let mut sorted = sort_out(&entries, &self.index, self.files.now().next_seq)?;
        // Content has one spelling here: other bytes are another content.
        let conflicts: Vec<Place> = sorted.unsettled.iter().map(|row| row.place).collect();
        for Place { chunk, row } in &conflicts {
            sorted.outcomes[*chunk].turn_into_conflict(*row);
        }
        self.record_conflicts(&chunks, &conflicts).await?;
        if !sorted.chosen.is_empty() || !cursors.is_empty() {
            self.store(&chunks, &sorted, cursors).await?;
        }
        Ok(sorted.outcomes)
    }

    async fn store(
        &mut self,
        chunks: &[UsageChunk],
        sorted: &Sorted,
        cursors: BTreeMap<String, Value>,
    ) -> Result<(), LakeError> {
        let files = self.write_files(chunks, &sorted.chosen)?;
        if let Err(error) = self.commit_files(&files, sorted.next_seq, cursors).await {
            self.forget(&files).await;
            return Err(error);
        }
        for chosen in &sorted.chosen {
            self.index.insert(chunks[chosen.chunk].entries[chosen.row]);
        }
        let added = files.into_iter().map(|file| Arc::new(file.live)).collect();
        self.files.publish(self.files.now().after(added, &[], sorted.next_seq, self.table.version()));
        self.index.flush_when_full(sorted.next_seq)
    }

    async fn commit_files(
        &mut self,
        files: &[WrittenFile],
        next_seq: u64,
        cursors: BTreeMap<String, Value>,
    ) -> Result<(), LakeError> {
        let mut change = Change { add: files.iter().map(|file| file.new.clone()).collect(), ..Change::default() };
        change.transactions.push((SEQ_TRANSACTION.to_owned(), i64::try_from(next_seq).unwrap_or(i64::MAX)));
        for (source, cursor) in cursors {
            change.transactions.push(cursors::prepare(&self.table, &source, &cursor).await?);
        }
        self.table.commit(change, self.now_millis()).await
    }

    /// Encodes the chosen rows by day, in order of arrival, on all cores; every file is fsynced on return.
    fn write_files(&self, chunks: &[UsageChunk], chosen: &[Chosen]) -> Result<Vec<WrittenFile>, LakeError> {
        let times = chunks.iter().map(|chunk| micros_of(&chunk.columns, TIME)).collect::<Result<Vec<_>, _>>()?;
        let mut days: BTreeMap<UtcDay, Vec<Chosen>> = BTreeMap::new();
        for row in chosen {
            days.entry(UtcDay::from_micros(times[row.chunk].value(row.row))).or_default().push(*row);
        }
        let written = days
            .into_par_iter()
            .map(|(day, rows)| {
                let encoded = encode::encode_with(&gather(chunks, &rows)?, TIME, properties(Effort::Intake)?)?;
                WrittenFile::write(&self.table, day, &encoded, self.now_millis())
            })
            .collect();
        all_or_none(written)
    }

    /// Keeps second contents beside the stored ones, each once however often it is sent.
    async fn record_conflicts(&mut self, chunks: &[UsageChunk], conflicts: &[Place]) -> Result<(), LakeError> {
        let mut fresh = Vec::new();
        for place in conflicts {
            let event = EventColumns::of(&chunks[place.chunk].columns)?.event(place.row);
            let raw = event.to_json().to_string();
            let entry = IdEntry::of(&event.id, raw.as_bytes());
            if self.recorded_conflicts.insert(entry) {
                fresh.push(Conflict { chunk: place.chunk, id: event.id, time_micros: event.time_micros, raw, entry });
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        tracing::warn!(
            conflicts = fresh.len(),
            "ids of usage events that are stored came again with another content; see the table `usage_conflicts`"
        );
        let batch = conflict_batch(chunks, &fresh)?;
        if let Err(error) = self.conflicts.append(&batch, self.now_millis()).await {
            for conflict in fresh {
                self.recorded_conflicts.remove(&conflict.entry);
            }
            return Err(error);
        }
        Ok(())
    }

    /// Removes the files of a commit that failed, as far as the log allows.
    pub(super) async fn forget(&mut self, files: &[WrittenFile]) {
        self.doubtful = true;
        files::forget(&mut self.table, files.iter().map(|file| &file.live.full_path)).await;
    }

    /// After a failure, what the log says is what happened: even a commit whose answer was lost.
    pub(super) async fn recover(&mut self) -> Result<(), LakeError> {
        if !self.doubtful {
            return Ok(());
        }
        self.table.refresh().await?;
        self.conflicts.refresh().await?;
        let known_to = self.files.now().next_seq;
        let files = FileSet::of(&self.table).await?;
        read_ids(&files, &mut self.index, known_to)?;
        self.files.publish(files);
        self.doubtful = false;
        Ok(())
    }

    pub(super) fn now_millis(&self) -> i64 {
        (self.clock)() / 1000
    }
}

/// Puts every id from `from_seq` on into the index.
fn read_ids(files: &FileSet, index: &mut IdIndex, from_seq: u64) -> Result<(), LakeError> {
    let mut scratch = Vec::new();
    for file in files.files.iter().filter(|file| file.span.last_seq >= from_seq) {
        for batch in columns::stream(&file.full_path, limits::MERGE_BATCH_ROWS)? {
            let batch = batch?;
            let (seq, events) = (seq_of(&batch)?, EventColumns::of(&batch)?);
            for row in 0..batch.num_rows() {
                if u64::try_from(seq.value(row)).unwrap_or_default() >= from_seq {
                    index.insert(events.entry(row, &mut scratch));
                }
            }
        }
        index.spill_when_full()?;
    }
    index.settle(files.next_seq)
}

/// Conflicts that are kept already, so that a source that repeats itself is recorded once.
async fn recorded_conflicts(conflicts: &Table) -> Result<HashSet<IdEntry>, LakeError> {
    let mut recorded = HashSet::new();
    for batch in conflicts.read_all().await? {
        let (ids, raws) = (text_of(&batch, "id")?, text_of(&batch, "raw")?);
        recorded.extend((0..batch.num_rows()).map(|row| IdEntry::of(ids.value(row), raws.value(row).as_bytes())));
    }
    Ok(recorded)
}

/// A second content under a stored id.
struct Conflict {
    chunk: usize,
    id: String,
    time_micros: i64,
    raw: String,
    entry: IdEntry,
}

fn conflict_batch(chunks: &[UsageChunk], conflicts: &[Conflict]) -> Result<RecordBatch, LakeError> {
    let text = |value: fn(&Conflict) -> &str| Arc::new(StringArray::from_iter_values(conflicts.iter().map(value)));
    let time = |values: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"));
    let sources = conflicts.iter().map(|conflict| chunks[conflict.chunk].source.as_str());
    Ok(RecordBatch::try_new(
        Arc::clone(&USAGE_CONFLICTS.columns),
        vec![
            text(|conflict| &conflict.id),
            time(conflicts.iter().map(|conflict| conflict.time_micros).collect()),
            time(conflicts.iter().map(|conflict| chunks[conflict.chunk].received_at).collect()),
            Arc::new(StringArray::from_iter_values(sources)),
            text(|conflict| &conflict.raw),
        ],
    )?)
}
