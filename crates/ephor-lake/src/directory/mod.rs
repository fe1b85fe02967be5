//! The directory: organizations, people, roles, groups, projects, settings and keys as sources list them over time.
//! A listing stores only what changed, so every row of a `directory_…` table is an observed change; the view of now is in memory.
//! Never forgets a removed row: its history stays.

mod history;
mod instant;
mod kinds;
#[cfg(test)]
mod stories;
mod view;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;
use tokio::sync::Mutex;

use crate::error::LakeError;
use crate::table::Table;
use history::{Change, HistoryRow};
pub use kinds::DirectoryKind;
use view::{KindView, Listing};

/// One row of a listing as it was received.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectoryRow {
    /// What it is known by within its scope, such as a user id.
    pub key: String,
    /// The row.
    pub value: Value,
}

/// Everything that a source lists of one kind within one scope.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectorySnapshot {
    /// What is listed.
    pub kind: DirectoryKind,
    /// Where: an organization's UUID, a group's, role's or workspace's id, or empty.
    pub scope: String,
    /// Who says so.
    pub source: String,
    /// When it was so, in microseconds since 1970.
    pub observed_at_micros: i64,
    /// All of it; what is missing here is gone. A key listed twice (a page moved while it was read) counts as last seen.
    pub rows: Vec<DirectoryRow>,
}

/// How much a listing changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DirectoryChanges {
    /// Rows that were not there before.
    pub added: usize,
    /// Rows that were different before.
    pub changed: usize,
    /// Rows that are there no more.
    pub removed: usize,
}

/// One observed change of a listing, without the row itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryChange {
    /// When it was seen, in microseconds since 1970.
    pub observed_at_micros: i64,
    /// The listing's scope, such as a group's id.
    pub scope: String,
    /// What the row is known by, such as a user's id.
    pub key: String,
    /// Whether it was gone; it was new or different otherwise.
    pub removed: bool,
}

/// What a row was from some moment on, of all sources together.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectoryVersion {
    /// When it was seen, in microseconds since 1970.
    pub observed_at_micros: i64,
    /// The listing's scope, such as a group's id.
    pub scope: String,
    /// What the row is known by, such as a user's id.
    pub key: String,
    /// The row; nothing once nobody lists it any more.
    pub value: Option<Arc<Value>>,
}

/// The directory of a lake.
#[derive(Debug)]
pub struct Directory {
    dir: PathBuf,
    /// Tables that exist, in the version that `views` shows; held while recording, so that listings queue.
    tables: Mutex<HashMap<DirectoryKind, Table>>,
    views: RwLock<Views>,
}

#[derive(Debug, Default)]
struct Views {
    by_kind: HashMap<DirectoryKind, KindView>,
    preferred_sources: Vec<String>,
}

impl Directory {
    /// Reads the directory of a data folder; a kind that was never recorded has no table yet.
    pub async fn open(dir: &Path) -> Result<Self, LakeError> {
        let directory = Self { dir: dir.to_owned(), tables: Mutex::default(), views: RwLock::default() };
        directory.refresh().await?;
        Ok(directory)
    }

    /// Believes these sources first, in this order, where several list the same row; all others follow in the order
    /// in which they first appeared.
    pub fn prefer_sources(&self, sources: Vec<String>) {
        let views = &mut *self.views_mut();
        views.preferred_sources = sources;
        for (kind, view) in &mut views.by_kind {
            view.merge_all(*kind, &views.preferred_sources);
        }
    }

    /// Stores what changed in a listing since the same source last listed the same scope.
    /// An empty listing says that everything is gone: give one only for an answer, never for a failure.
    pub async fn record(&self, snapshot: DirectorySnapshot) -> Result<DirectoryChanges, LakeError> {
        let changes = self.record_many(vec![snapshot]).await?;
        Ok(changes.first().copied().unwrap_or_default())
    }

    /// Stores many listings with one commit for each kind among them: hundreds of groups at once.
    /// Answers in the order of the listings. After an error, kinds before the one that failed are stored.
    pub async fn record_many(&self, snapshots: Vec<DirectorySnapshot>) -> Result<Vec<DirectoryChanges>, LakeError> {
        let mut answers = vec![DirectoryChanges::default(); snapshots.len()];
        let mut by_kind: BTreeMap<DirectoryKind, BTreeMap<usize, DirectorySnapshot>> = BTreeMap::new();
        for (place, snapshot) in snapshots.into_iter().enumerate() {
            by_kind.entry(snapshot.kind).or_default().insert(place, snapshot);
        }
        let mut tables = self.tables.lock().await;
        for (kind, snapshots) in by_kind {
            // Another process may have recorded since; what it stored must not be stored again.
            self.catch_up(kind, &mut tables).await?;
            let (rows, counts) = self.changes_of(kind, snapshots);
            for (place, count) in counts {
                answers[place] = count;
            }
            if !rows.is_empty() {
                self.append(kind, &mut tables, &rows).await?;
            }
        }
        Ok(answers)
    }

    /// Reads what another process has recorded since.
    pub async fn refresh(&self) -> Result<(), LakeError> {
        let mut tables = self.tables.lock().await;
        for kind in DirectoryKind::all() {
            self.catch_up(kind, &mut tables).await?;
        }
        Ok(())
    }

    /// The listing now, of all sources together, in the published order.
    #[must_use]
    pub fn current(&self, kind: DirectoryKind, scope: &str) -> Vec<Arc<Value>> {
        self.views().by_kind.get(&kind).map(|view| view.current(scope)).unwrap_or_default()
    }

    /// Rows of a kind that were listed once and are no more, as they were last listed: people who have left, say.
    #[must_use]
    pub fn gone(&self, kind: DirectoryKind) -> Vec<Arc<Value>> {
        self.views().by_kind.get(&kind).map(KindView::gone).unwrap_or_default()
    }

    /// The number of the last change of a kind; 0 before the first. While it is the same, so is every answer about the kind.
    #[must_use]
    pub fn revision(&self, kind: DirectoryKind) -> i64 {
        self.views().by_kind.get(&kind).map_or(0, KindView::last_revision)
    }

    /// Every change of a kind that was ever observed, in the order of recording.
    pub async fn changes(&self, kind: DirectoryKind) -> Result<Vec<DirectoryChange>, LakeError> {
        let Some(table) = self.tables.lock().await.get(&kind).cloned() else { return Ok(Vec::new()) };
        let history = history::from_batches(kind, &table.read_all().await?)?;
        Ok(history
            .into_iter()
            .map(|row| DirectoryChange {
                observed_at_micros: row.observed_at_micros,
                scope: row.scope.to_string(),
                key: row.key,
                removed: row.change == Change::Removed,
            })
            .collect())
    }

    /// What every row of a kind was from when on, in the order of recording.
    pub async fn versions(&self, kind: DirectoryKind) -> Result<Vec<DirectoryVersion>, LakeError> {
        let Some(table) = self.tables.lock().await.get(&kind).cloned() else { return Ok(Vec::new()) };
        let history = history::from_batches(kind, &table.read_all().await?)?;
        Ok(view::versions(kind, &history, &self.views().preferred_sources))
    }

    /// One row as it is now.
    #[must_use]
    pub fn get(&self, kind: DirectoryKind, scope: &str, key: &str) -> Option<Arc<Value>> {
        self.views().by_kind.get(&kind)?.get(scope, key)
    }

    /// The scopes in which there is something of a kind now.
    #[must_use]
    pub fn scopes(&self, kind: DirectoryKind) -> Vec<String> {
        self.views().by_kind.get(&kind).map(KindView::scopes).unwrap_or_default()
    }

    async fn catch_up(&self, kind: DirectoryKind, tables: &mut HashMap<DirectoryKind, Table>) -> Result<(), LakeError> {
        match tables.get_mut(&kind) {
            Some(table) => {
                let known = table.version();
                table.refresh().await?;
                if table.version() == known {
                    return Ok(());
                }
            }
            None => match Table::open(&self.dir, &kind.table_spec()).await? {
                Some(table) => drop(tables.insert(kind, table)),
                None => return Ok(()),
            },
        }
        let Some(table) = tables.get(&kind) else { return Ok(()) };
        let replayed = history::from_batches(kind, &table.read_all().await?)?;
        let views = &mut *self.views_mut();
        views.by_kind.insert(kind, KindView::replay(kind, &replayed, &views.preferred_sources));
        Ok(())
    }

    /// What some listings of one kind change, as history; a listing given twice counts against the one before it.
    fn changes_of(
        &self,
        kind: DirectoryKind,
        snapshots: BTreeMap<usize, DirectorySnapshot>,
    ) -> (Vec<HistoryRow>, Vec<(usize, DirectoryChanges)>) {
        let views = self.views();
        let view = views.by_kind.get(&kind);
        let mut revision = view.map_or(1, KindView::next_revision);
        let mut listed: HashMap<(Arc<str>, Arc<str>), Listing> = HashMap::new();
        let (mut rows, mut counts) = (Vec::new(), Vec::new());
        for (place, snapshot) in snapshots {
            let (scope, source): (Arc<str>, Arc<str>) = (snapshot.scope.into(), snapshot.source.into());
            let now: Listing = snapshot.rows.into_iter().map(|row| (row.key, Arc::new(row.value))).collect();
            let slot = (Arc::clone(&scope), Arc::clone(&source));
            let before = listed.get(&slot).or_else(|| view.and_then(|view| view.listing(&scope, &source)));
            let changes = view::difference(before, &now);
            counts.push((place, DirectoryChanges::of(&changes)));
            for (change, key, value) in changes {
                let (source, scope) = (Arc::clone(&source), Arc::clone(&scope));
                let observed_at_micros = snapshot.observed_at_micros;
                rows.push(HistoryRow { revision, observed_at_micros, change, source, scope, key, value });
                revision += 1;
            }
            listed.insert(slot, now);
        }
        (rows, counts)
    }

    async fn append(
        &self,
        kind: DirectoryKind,
        tables: &mut HashMap<DirectoryKind, Table>,
        rows: &[HistoryRow],
    ) -> Result<(), LakeError> {
        let batch = history::to_batch(kind, rows)?;
        let table = match tables.entry(kind) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => none.insert(Table::open_or_create(&self.dir, &kind.table_spec()).await?),
        };
        let newest = rows.iter().map(|row| row.observed_at_micros).max().unwrap_or(0);
        table.append(&batch, newest / 1_000).await?;
        let views = &mut *self.views_mut();
        views.by_kind.entry(kind).or_default().apply(kind, rows, &views.preferred_sources);
        Ok(())
    }

    /// A view is replaced or extended in one step, so one that a panic left behind is still whole.
    fn views(&self) -> RwLockReadGuard<'_, Views> {
        self.views.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn views_mut(&self) -> RwLockWriteGuard<'_, Views> {
        self.views.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DirectoryChanges {
    fn of(changes: &[(Change, String, Arc<Value>)]) -> Self {
        let count = |wanted: Change| changes.iter().filter(|(change, ..)| *change == wanted).count();
        Self { added: count(Change::Added), changed: count(Change::Changed), removed: count(Change::Removed) }
    }
}
