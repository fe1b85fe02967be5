//! The way in: batches wait for the one writer, which commits what waits together and answers when it is on the disk.
//! An answer means durable: data, log and folders fsynced, each id stored once, the source's cursor moved with its rows.
//! Never holds more than [`limits::APPEND_QUEUE`] batches; the next one waits at the door.

mod decide;
mod writer;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::compact::{CompactOptions, CompactReport};
use crate::error::LakeError;
use crate::limits;
use crate::rows::ActivityRows;

pub(crate) use writer::{Writer, read_ids};

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

impl AppendOutcome {
    pub(crate) fn push(&mut self, row: RowOutcome) {
        match row {
            RowOutcome::Added { .. } => self.added += 1,
            RowOutcome::Duplicate => self.duplicates += 1,
            RowOutcome::Conflict => self.conflicts += 1,
        }
        self.rows.push(row);
    }
}

/// What the writer is asked to do.
pub(crate) enum Request {
    Append(AppendBatch, oneshot::Sender<Result<AppendOutcome, LakeError>>),
    Compact(CompactOptions, oneshot::Sender<Result<CompactReport, LakeError>>),
    Close(oneshot::Sender<Result<(), LakeError>>),
}

/// The handle to a lake's writer. Clones share it; the lake is free for the next writer when the last one is closed
/// or dropped.
#[derive(Debug, Clone)]
pub struct Appender {
    requests: mpsc::Sender<Request>,
}

impl Appender {
    /// Starts the writer on a thread of its own: encoding and fsync never hold up who serves.
    pub(crate) fn start(writer: Writer) -> Result<Self, LakeError> {
        let (requests, inbox) = mpsc::channel(limits::APPEND_QUEUE);
        let run = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(writer.run(inbox)),
            Err(error) => tracing::error!(%error, "the lake's writer could not start"),
        };
        std::thread::Builder::new()
            .name("lake-writer".to_owned())
            .spawn(run)
            .map_err(|error| LakeError::WriterGone(error.to_string()))?;
        Ok(Self { requests })
    }

    /// Stores a batch; resolves when it is on the disk.
    pub async fn append(&self, batch: AppendBatch) -> Result<AppendOutcome, LakeError> {
        self.ask(|answer| Request::Append(batch, answer)).await
    }

    /// Merges small files into sorted ones, and (with a retention policy) drops what has expired.
    pub async fn compact(&self, options: CompactOptions) -> Result<CompactReport, LakeError> {
        self.ask(|answer| Request::Compact(options, answer)).await
    }

    /// Finishes what was asked before, then frees the lake.
    pub async fn close(self) -> Result<(), LakeError> {
        self.ask(Request::Close).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, LakeError>>) -> Request,
    ) -> Result<T, LakeError> {
        let (answer, result) = oneshot::channel();
        let gone = || LakeError::WriterGone("it was closed".to_owned());
        self.requests.send(request(answer)).await.map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}
