//! Rows of another Analytics API as it served them, with the history of their revisions: the table `upstream_rows`.
//! Stores only what changed since a listing was last recorded; every state that was ever recorded can be listed again.
//! Never changes a row's bytes and never decides what they mean.

mod changes;
mod rows;
#[cfg(test)]
mod stories;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use ephor_wire::timestamp::UtcDay;
use serde_json::Value;

use crate::compact::CompactReach;
use crate::cursors;
use crate::encode::{self, Effort, Encoded};
use crate::error::LakeError;
use crate::files::{self, FileSet, SEQ_TRANSACTION, WrittenFile, all_or_none};
use crate::lake::off_the_runtime;
use crate::limits;
use crate::lock::WritePermit;
use crate::merge;
use crate::table::{Change, Table};
use crate::table_view::TableView;
use changes::ByDay;
pub(crate) use rows::UPSTREAM_ROWS;
use rows::{FETCHED_AT, FILE_SCHEMA, HistoryRow, SlotKey, SlotState};

/// Everything that an upstream answered to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamListing {
    /// Who answered.
    pub source: String,
    /// What was asked.
    pub endpoint: String,
    /// The day, or the question's canonical text: with source, endpoint and day what makes it the same question again.
    pub slot: String,
    /// The day it is kept under.
    pub day: UtcDay,
    /// Whose rows they are.
    pub organization: String,
    /// When it was answered, in microseconds since 1970.
    pub fetched_at_micros: i64,
    /// Each row's key and its bytes, in the order of the answer. All of it: what is missing here is gone. A key that is
    /// listed twice (a page moved while it was read) counts as last seen.
    pub rows: Vec<(String, String)>,
}

/// How much a listing changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpstreamChanges {
    /// Rows that were not there before.
    pub added: usize,
    /// Rows that had other bytes or another place before.
    pub changed: usize,
    /// Rows that are there no more.
    pub removed: usize,
}

/// The upstream rows of a lake.
#[derive(Debug)]
pub struct UpstreamRows {
    view: TableView,
    permit: WritePermit,
    clock: fn() -> i64,
}

impl UpstreamRows {
    pub(crate) async fn open(dir: &Path, permit: WritePermit, clock: fn() -> i64) -> Result<Self, LakeError> {
        let rows = Self { view: TableView::open(dir, &UPSTREAM_ROWS).await?, permit, clock };
        if rows.permit.take().is_ok()
            && let Some(table) = rows.view.table.lock().await.as_ref()
        {
            rows.sweep(table).await?;
        }
        Ok(rows)
    }

    /// Stores what changed in some listings since each was last recorded, and a source's cursor, in one durable commit.
    /// Answers in the order of the listings. An empty listing says that everything is gone: give one only for an
    /// answer, never for a failure.
    pub async fn record(
        &self,
        listings: Vec<UpstreamListing>,
        cursor: Option<(String, Value)>,
    ) -> Result<Vec<UpstreamChanges>, LakeError> {
        let _open_for_writing = self.permit.take()?;
        let mut table = self.view.table.lock().await;
        // After a failure the log says what happened.
        self.view.catch_up(&mut table).await?;
        let files = self.view.files();
        let (days, answers) = off_the_runtime(move || changes::over_all(&files, listings)).await?;
        if days.is_empty() && cursor.is_none() {
            return Ok(answers);
        }
        let table = self.view.made(&mut table).await?;
        let touched: Vec<UtcDay> = days.keys().copied().collect();
        self.store(table, days, cursor).await?;
        for day in touched {
            if let Err(error) = self.merge_when_crowded(table, day).await {
                tracing::warn!(%error, %day, "files of upstream rows were not merged; the next listing tries again");
            }
        }
        Ok(answers)
    }

    /// A listing's rows, in its order, as they were before `before_seq` was given to a row; as they are now without it.
    /// Blocks: call it where that is allowed.
    pub fn current(
        &self,
        source: &str,
        endpoint: &str,
        slot: &str,
        day: UtcDay,
        before_seq: Option<u64>,
    ) -> Result<Vec<String>, LakeError> {
        let key = SlotKey { source: source.to_owned(), endpoint: endpoint.to_owned(), slot: slot.to_owned() };
        let wanted = HashSet::from([&key]);
        let mut slots = rows::load(&self.view.files(), day, &wanted, before_seq.unwrap_or(u64::MAX))?;
        Ok(slots.remove(&key).map(SlotState::into_listing).unwrap_or_default())
    }

    /// The next place in the order of arrival.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.view.files().next_seq
    }

    /// Where a source goes on from, as committed with its last rows.
    pub async fn cursor(&self, source: &str) -> Result<Option<Value>, LakeError> {
        self.view.cursor(source).await
    }

    pub(crate) async fn refresh(&self) -> Result<(), LakeError> {
        self.view.refresh().await
    }

    async fn store(&self, table: &mut Table, days: ByDay, cursor: Option<(String, Value)>) -> Result<(), LakeError> {
        let now_millis = self.now_millis();
        let next_seq = self.next_seq() + days.values().map(|rows| rows.len() as u64).sum::<u64>();
        let written = {
            let table = table.clone();
            off_the_runtime(move || {
                all_or_none(
                    days.iter()
                        .map(|(day, rows)| WrittenFile::write(&table, *day, &encoded(rows)?, now_millis))
                        .collect(),
                )
            })
            .await?
        };
        let mut change = Change { add: written.iter().map(|file| file.new.clone()).collect(), ..Change::default() };
        change.transactions.push((SEQ_TRANSACTION.to_owned(), i64::try_from(next_seq).unwrap_or(i64::MAX)));
        if let Some((source, cursor)) = cursor {
            change.transactions.push(cursors::prepare(table, &source, &cursor).await?);
        }
        if let Err(error) = table.commit(change, now_millis).await {
            files::forget(table, written.iter().map(|file| &file.live.full_path)).await;
            return Err(error);
        }
        let added = written.into_iter().map(|file| Arc::new(file.live)).collect();
        self.view.files.publish(self.view.files().after(added, &[], next_seq, table.version()));
        Ok(())
    }

    /// A day that is asked for again and again becomes many small files.
    async fn merge_when_crowded(&self, table: &mut Table, day: UtcDay) -> Result<(), LakeError> {
        let files = self.view.files().of_day(day);
        for group in merge::groups(files, CompactReach::Crowded, limits::UPSTREAM_FILE_ROWS) {
            let removed: Vec<String> = group.iter().map(|file| file.path.clone()).collect();
            let now_millis = self.now_millis();
            let file = {
                let table = table.clone();
                off_the_runtime(move || {
                    let properties = rows::properties(Effort::Compaction)?;
                    let merged = merge::one_after_another(&group, &FILE_SCHEMA, properties)?;
                    WrittenFile::write(&table, day, &merged, now_millis)
                })
                .await?
            };
            if let Err(error) = merge::swap(table, &file, &removed, now_millis).await {
                files::forget(table, std::iter::once(&file.live.full_path)).await;
                return Err(error);
            }
            let files = self.view.files();
            let next = files.after(vec![Arc::new(file.live)], &removed, files.next_seq, table.version());
            self.view.files.publish(next);
            self.sweep(table).await?;
        }
        Ok(())
    }

    async fn sweep(&self, table: &Table) -> Result<(), LakeError> {
        let files: Arc<FileSet> = self.view.files();
        let live = files.files.iter().map(|file| file.path.as_str()).collect();
        table.sweep(&live, self.now_millis()).await.map(drop)
    }

    fn now_millis(&self) -> i64 {
        (self.clock)() / 1000
    }
}

fn encoded(rows: &[HistoryRow]) -> Result<Encoded, LakeError> {
    encode::encode_with(&rows::to_batch(rows)?, FETCHED_AT, rows::properties(Effort::Intake)?)
}
