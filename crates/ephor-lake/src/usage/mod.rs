//! Usage events: a table of its own beside the activities, with its own writer, ids, `seq` and cursors.
//! Promises what the activities promise: stored once by id, gapless `seq`, acknowledged means fsynced.
//! Never decides what an event counts for; that is for the aggregation.

mod compact;
mod rows;
mod schema;
#[cfg(test)]
mod stories;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use ephor_wire::timestamp::UtcDay;
use rayon::prelude::*;
use serde_json::Value;

use crate::columns::{self, Text};
use crate::error::LakeError;
use crate::files::{FileSet, Published};
use crate::table::Table;
use crate::table_view::TableView;

pub use rows::UsageRows;
pub(crate) use schema::{USAGE_CONFLICTS, USAGE_EVENTS};
pub(crate) use writer::UsageWriter;

/// Usage events of one source, to be stored together.
#[derive(Debug)]
pub struct UsageBatch {
    /// The source's name, as in `ephor.toml`, or the door it came through.
    pub source: String,
    /// When Ephor got them, in microseconds since 1970.
    pub received_at_micros: i64,
    /// The events, in the order in which they get their `seq`.
    pub rows: UsageRows,
    /// Where the source goes on from; stored in the same commit as the rows.
    pub cursor: Option<Value>,
}

/// What is stored of one UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDay {
    /// The day of the events' `time`.
    pub day: UtcDay,
    /// Its events.
    pub rows: u64,
    /// The highest `seq` among them: a day with another one has other rows.
    pub last_seq: u64,
    /// Bytes of its data files.
    pub bytes: u64,
}

/// The usage events of a lake.
#[derive(Debug)]
pub struct Usage {
    view: TableView,
}

impl Usage {
    pub(crate) async fn open(dir: &Path) -> Result<Self, LakeError> {
        Ok(Self { view: TableView::open(dir, &USAGE_EVENTS).await? })
    }

    pub(crate) fn beside_writer(dir: &Path, table: Table, files: Published) -> Self {
        Self { view: TableView::beside_writer(dir, &USAGE_EVENTS, table, files) }
    }

    /// The next place in the order of arrival.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.view.files().next_seq
    }

    /// The days that hold events, ascending; known from the log, no file is opened.
    #[must_use]
    pub fn days(&self) -> Vec<UsageDay> {
        let mut days: BTreeMap<UtcDay, UsageDay> = BTreeMap::new();
        for file in &self.view.files().files {
            let day = days.entry(file.day).or_insert(UsageDay { day: file.day, rows: 0, last_seq: 0, bytes: 0 });
            day.rows += file.span.rows;
            day.last_seq = day.last_seq.max(file.span.last_seq);
            day.bytes += file.size_bytes;
        }
        days.into_values().collect()
    }

    /// Columns of a day's events, in the order asked for; text as `Dictionary(Int32, Utf8)`, each batch with its own
    /// dictionary, times as microseconds in UTC. Rows come in no particular order: `seq` is theirs. Blocks: call it
    /// where that is allowed.
    ///
    /// Files that another process has replaced are gone after a while: [`crate::Lake::refresh`] then.
    pub fn read_day(&self, day: UtcDay, columns: &[&str]) -> Result<Vec<RecordBatch>, LakeError> {
        let files = self.view.files().of_day(day);
        let read: Vec<Vec<RecordBatch>> = files
            .par_iter()
            .map(|file| columns::read(&file.full_path, columns, Text::Dictionary { distinct: &["id"] }))
            .collect::<Result<_, _>>()?;
        Ok(read.into_iter().flatten().collect())
    }

    pub(crate) async fn cursor(&self, source: &str) -> Result<Option<Value>, LakeError> {
        self.view.cursor(source).await
    }

    pub(crate) async fn refresh(&self) -> Result<(), LakeError> {
        self.view.refresh().await
    }

    pub(crate) fn files(&self) -> Arc<FileSet> {
        self.view.files()
    }
}
