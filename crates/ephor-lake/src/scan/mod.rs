//! The way out: pages of the feed, single activities and whole columns, read from the files that they need and no other.
//! A page is taken from one version of the table; writers never wait for readers nor readers for writers.
//! Never changes anything.

mod arrivals;
mod census;
mod filter;
mod page;
mod parquet_file;
mod predicate;
mod query;
mod seen;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use ephor_wire::timestamp::UtcDay;

use crate::error::LakeError;
use crate::files::{DataFile, FileSet, Published};
use crate::rows::{in_feed_order, text_of};

pub use arrivals::{Arrival, Arrivals};
pub use census::{Census, CountedBy};
pub use predicate::RowPredicate;
pub use query::{
    ActivityFilter, CursorError, FeedCursor, FeedPage, FeedQuery, FeedRow, MicrosRange, Order, PageFrom, TypeFilter,
};
pub use seen::{Sighting, Sightings};

use parquet_file::ColumnStore;
use seen::SeenSoFar;

/// An activity looked for: its id, and the time at which it is most likely stored.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) id: String,
    pub(crate) created_at: i64,
}

/// Reads the current version of `activities`. Clones share caches and see the same commits.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    files: Published,
    store: Arc<ColumnStore>,
    seen: Arc<SeenSoFar>,
}

impl Reader {
    pub(crate) fn new(files: FileSet) -> Self {
        Self { files: Published::new(files), store: Arc::new(ColumnStore::new()), seen: Arc::default() }
    }

    /// The current version.
    pub(crate) fn files(&self) -> Arc<FileSet> {
        self.files.now()
    }

    /// Makes the next version visible.
    pub(crate) fn publish(&self, next: FileSet) {
        self.files.publish(next);
    }

    /// One page of the feed.
    pub(crate) fn page(&self, query: &FeedQuery) -> Result<FeedPage, LakeError> {
        page::page(&self.files(), &self.store, query)
    }

    /// Whole columns of one file.
    pub(crate) fn read_columns(&self, file: &DataFile, names: &[&str]) -> Result<RecordBatch, LakeError> {
        self.store.read_columns(file, names)
    }

    /// Some columns of every activity of a day, in feed order.
    pub(crate) fn day(&self, day: UtcDay, names: &[&str]) -> Result<Option<RecordBatch>, LakeError> {
        // Feed order needs these two, asked for or not.
        let mut read: Vec<&str> = ["created_at", "id"].into_iter().filter(|name| !names.contains(name)).collect();
        read.extend(names);
        let files = self.files().of_day(day);
        let batches = files.iter().map(|file| self.store.read_columns(file, &read)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = batches.first() else { return Ok(None) };
        match batches.len() {
            // One file is in feed order already.
            1 => Ok(Some(first.clone())),
            _ => Ok(Some(in_feed_order(&arrow::compute::concat_batches(&first.schema(), &batches)?)?)),
        }
    }

    /// Whether the file may hold any of the ids; it may say yes too often, never no.
    pub(crate) fn may_hold_any(&self, file: &DataFile, ids: &HashSet<&str>) -> Result<bool, LakeError> {
        self.store.may_hold_any(file, ids)
    }

    /// All columns of a file that is not worth caching (compaction reads each once).
    pub(crate) fn read_whole(path: &Path) -> Result<RecordBatch, LakeError> {
        parquet_file::read_whole(path)
    }

    /// The stored bytes of the wanted ids, as far as they are stored. Looks first where `created_at` says.
    pub(crate) fn find_many(&self, wanted: &[Wanted]) -> Result<HashMap<String, String>, LakeError> {
        let files = self.files();
        let mut missing: HashSet<&str> = wanted.iter().map(|w| w.id.as_str()).collect();
        let mut found = HashMap::new();
        let likely = |file: &DataFile| {
            wanted.iter().any(|w| (file.span.first_time..=file.span.last_time).contains(&w.created_at))
        };
        let (first, rest): (Vec<_>, Vec<_>) = files.files.iter().partition(|file| likely(file));
        for file in first.into_iter().chain(rest) {
            if missing.is_empty() {
                break;
            }
            if !self.store.may_hold_any(file, &missing)? {
                continue;
            }
            let ids = self.store.read_columns(file, &["id"])?;
            let ids = text_of(&ids, "id")?;
            let rows: Vec<usize> = (0..ids.len()).filter(|row| missing.contains(ids.value(*row))).collect();
            for (row, raw) in rows.iter().zip(self.store.fetch(file, &rows)?) {
                missing.remove(ids.value(*row));
                found.insert(ids.value(*row).to_owned(), raw);
            }
        }
        Ok(found)
    }
}
