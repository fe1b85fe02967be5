//! The way in: batches wait for the one writer of their table, which commits what waits together and answers when it
//! is on the disk. An answer means durable: data, log and folders fsynced, each id stored once, the source's cursor
//! moved with its rows. Never lets activities wait for usage events, nor the other way round.

mod decide;
mod queue;
mod writer;

use serde_json::Value;

use crate::compact::{CompactOptions, CompactReport};
use crate::erase::{Erasure, ErasureReport};
use crate::error::LakeError;
use crate::rows::ActivityRows;
use crate::usage::{UsageBatch, UsageWriter};

pub(crate) use decide::{Place, Sorted, sort_out};
pub(crate) use queue::Intake;
use queue::{Queue, Request};
pub(crate) use writer::{Writer, WriterParts, read_ids};

/// Activities of one source, to be stored together.
#[derive(Debug)]
pub struct AppendBatch {
    /// The source's name, as in `ephor.toml`, or the door it came through (`import`, `push`, `ephor`).
    pub source: String,
    /// When Ephor got them, in microseconds since 1970.
    pub received_at_micros: i64,
    /// The activities, in the order in which they get their `seq`.
    pub rows: Vec<ActivityRows>,
    /// Where the source goes on from; stored in the same commit as the rows.
    pub cursor: Option<Value>,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppendOutcome {
    /// One for each row, in input order.
    pub rows: Vec<RowOutcome>,
    /// Rows stored now.
    pub added: u64,
    /// Rows that were stored already.
    pub duplicates: u64,
    /// Rows whose id is stored with another content; both are kept (table `conflicts`).
    pub conflicts: u64,
}

/// What became of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOutcome {
    /// Stored, with this place in the order of arrival.
    Added {
        /// The place.
        seq: u64,
    },
    /// Stored already, with the same content.
    Duplicate,
    /// The id is stored with another content; this one went to `conflicts`.
    Conflict,
}

/// What was signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Notarized {
    /// Whether there was news to sign a checkpoint of.
    pub checkpointed: bool,
    /// The day that was sealed, if one had ended.
    pub sealed: Option<String>,
}

impl AppendOutcome {
    pub(crate) fn push(&mut self, row: RowOutcome) {
        match row {
            RowOutcome::Added { .. } => self.added += 1,
            RowOutcome::Duplicate => self.duplicates += 1,
            RowOutcome::Conflict => self.conflicts += 1,
        }
        self.rows.push(row);
    }

    /// A row that was taken for a duplicate turns out to have another content.
    pub(crate) fn turn_into_conflict(&mut self, row: usize) {
        self.rows[row] = RowOutcome::Conflict;
        self.duplicates -= 1;
        self.conflicts += 1;
    }
}

/// The handle to a lake's writers. Clones share them; the lake is free for the next writer when the last one is closed
/// or dropped.
#[derive(Debug, Clone)]
pub struct Appender {
    activities: Queue<AppendBatch>,
    usage: Queue<UsageBatch>,
}

impl Appender {
    pub(crate) fn start(activities: Writer, usage: UsageWriter) -> Result<Self, LakeError> {
        Ok(Self {
            activities: Queue::start(activities, "lake-writer")?,
            usage: Queue::start(usage, "lake-usage-writer")?,
        })
    }

    /// Stores a batch of activities; resolves when it is on the disk.
    pub async fn append(&self, batch: AppendBatch) -> Result<AppendOutcome, LakeError> {
        self.activities.ask(|answer| Request::Append(batch, answer)).await
    }

    /// Stores a batch of usage events; resolves when it is on the disk.
    pub async fn append_usage(&self, batch: UsageBatch) -> Result<AppendOutcome, LakeError> {
        self.usage.ask(|answer| Request::Append(batch, answer)).await
    }

    /// Signs a checkpoint if there is news since the last one, and seals the day that has ended.
    pub async fn notarize(&self) -> Result<Notarized, LakeError> {
        self.activities.ask(Request::Notarize).await
    }

    /// Takes a person out of the activities. What was done is signed, and the tree stays as it was.
    pub async fn erase(&self, erasure: Erasure) -> Result<ErasureReport, LakeError> {
        self.activities.ask(|answer| Request::Erase(erasure, answer)).await
    }

    /// Merges small files into larger ones, and (with a retention policy) drops the activities that have expired.
    pub async fn compact(&self, options: CompactOptions) -> Result<CompactReport, LakeError> {
        let mut report = self.activities.ask(|answer| Request::Compact(options.clone(), answer)).await?;
        let usage = self.usage.ask(|answer| Request::Compact(options, answer)).await?;
        report.files_merged += usage.files_merged;
        report.files_written += usage.files_written;
        report.files_swept += usage.files_swept;
        Ok(report)
    }

    /// Finishes what was asked before, then frees the lake.
    pub async fn close(self) -> Result<(), LakeError> {
        let activities = self.activities.ask(Request::Close).await;
        let usage = self.usage.ask(Request::Close).await;
        activities.and(usage)
    }
}
