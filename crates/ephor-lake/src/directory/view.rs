//! The directory as it stands, in memory: history replayed, sources merged, each listing in its published order.
//! The same history always gives the same view.
//! Never touches the disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::DirectoryVersion;
use super::history::{Change, HistoryRow};
use super::instant;
use super::kinds::{DirectoryKind, PublishedOrder};

/// Rows by key.
pub(super) type Listing = BTreeMap<String, Arc<Value>>;

/// Everything of one kind.
#[derive(Debug, Default)]
pub(super) struct KindView {
    /// Sources in the order in which they first appeared: the order in which they are believed.
    sources: Vec<Arc<str>>,
    scopes: HashMap<Arc<str>, ScopeView>,
    /// Rows that a source has removed, by scope, as it last listed them.
    removed: BTreeMap<Arc<str>, Listing>,
    last_revision: i64,
}

/// One scope's listings and what they come to together.
#[derive(Debug, Default)]
struct ScopeView {
    by_source: HashMap<Arc<str>, Listing>,
    merged: Merged,
}

/// A listing of all sources together.
#[derive(Debug, Default)]
struct Merged {
    in_order: Vec<Arc<Value>>,
    by_key: Listing,
}

impl KindView {
    /// The view that a whole history gives.
    pub(super) fn replay(kind: DirectoryKind, history: &[HistoryRow], preferred: &[String]) -> Self {
        let mut view = Self::default();
        view.take(history);
        view.merge_all(kind, preferred);
        view
    }

    /// Takes in changes that were recorded just now, all of them of one kind.
    pub(super) fn apply(&mut self, kind: DirectoryKind, changes: &[HistoryRow], preferred: &[String]) {
        self.take(changes);
        let ranking = self.ranking(preferred);
        // Changes come scope by scope, so a change of scope is the end of one.
        for scope in changes.chunk_by(|a, b| a.scope == b.scope).filter_map(|chunk| chunk.first()) {
            if let Some(view) = self.scopes.get_mut(&scope.scope) {
                view.merge(kind, &ranking);
            }
        }
    }

    /// Merges anew, after another order of belief was chosen.
    pub(super) fn merge_all(&mut self, kind: DirectoryKind, preferred: &[String]) {
        let ranking = self.ranking(preferred);
        self.scopes.values_mut().for_each(|scope| scope.merge(kind, &ranking));
    }

    pub(super) fn last_revision(&self) -> i64 {
        self.last_revision
    }

    /// Rows that nobody lists any more, as they were last listed, in the order of scopes and keys.
    pub(super) fn gone(&self) -> Vec<Arc<Value>> {
        let still = |scope: &Arc<str>, key: &str| {
            self.scopes.get(scope).is_some_and(|view| view.merged.by_key.contains_key(key))
        };
        let rows = self.removed.iter().flat_map(|(scope, rows)| rows.iter().map(move |(key, row)| (scope, key, row)));
        rows.filter(|(scope, key, _)| !still(scope, key)).map(|(_, _, row)| Arc::clone(row)).collect()
    }

    pub(super) fn next_revision(&self) -> i64 {
        self.last_revision + 1
    }

    /// What one source last listed in a scope.
    pub(super) fn listing(&self, scope: &str, source: &str) -> Option<&Listing> {
        self.scopes.get(scope)?.by_source.get(source)
    }

    pub(super) fn current(&self, scope: &str) -> Vec<Arc<Value>> {
        self.scopes.get(scope).map(|scope| scope.merged.in_order.clone()).unwrap_or_default()
    }

    pub(super) fn get(&self, scope: &str, key: &str) -> Option<Arc<Value>> {
        self.scopes.get(scope)?.merged.by_key.get(key).cloned()
    }

    /// Scopes that have rows now.
    pub(super) fn scopes(&self) -> Vec<String> {
        let filled = self.scopes.iter().filter(|(_, view)| !view.merged.in_order.is_empty());
        let mut scopes: Vec<String> = filled.map(|(scope, _)| scope.to_string()).collect();
        scopes.sort();
        scopes
    }

    fn take(&mut self, history: &[HistoryRow]) {
        for row in history {
            self.last_revision = self.last_revision.max(row.revision);
            if !self.sources.contains(&row.source) {
                self.sources.push(Arc::clone(&row.source));
            }
            let scope = self.scopes.entry(Arc::clone(&row.scope)).or_default();
            let listing = scope.by_source.entry(Arc::clone(&row.source)).or_default();
            match row.change {
                Change::Added | Change::Changed => drop(listing.insert(row.key.clone(), Arc::clone(&row.value))),
                Change::Removed => {
                    listing.remove(&row.key);
                    let removed = self.removed.entry(Arc::clone(&row.scope)).or_default();
                    removed.insert(row.key.clone(), Arc::clone(&row.value));
                }
            }
        }
    }

    /// Preferred sources first, then the others in the order of their appearance.
    fn ranking(&self, preferred: &[String]) -> Vec<Arc<str>> {
        let mut ranking: Vec<Arc<str>> = preferred.iter().map(|source| Arc::from(source.as_str())).collect();
        ranking.extend(self.sources.iter().filter(|source| !preferred.iter().any(|p| **p == ***source)).cloned());
        ranking
    }
}

/// What each row was after each change of it, of all sources together.
pub(super) fn versions(kind: DirectoryKind, history: &[HistoryRow], preferred: &[String]) -> Vec<DirectoryVersion> {
    let mut view = KindView::default();
    let seen_together = |a: &HistoryRow, b: &HistoryRow| {
        (a.observed_at_micros, &a.scope, &a.source) == (b.observed_at_micros, &b.scope, &b.source)
    };
    let mut versions = Vec::with_capacity(history.len());
    for rows in history.chunk_by(seen_together) {
        view.take(rows);
        let ranking = view.ranking(preferred);
        versions.extend(rows.iter().map(|row| DirectoryVersion {
            observed_at_micros: row.observed_at_micros,
            scope: row.scope.to_string(),
            key: row.key.clone(),
            value: view.scopes.get(&row.scope).and_then(|scope| scope.believed(kind, &ranking, &row.key)),
        }));
    }
    versions
}

/// The time by which a kind is ordered.
fn time(kind: DirectoryKind, row: &Value) -> Option<i64> {
    match kind.spec().order {
        PublishedOrder::Time(pointers) => instant::first_micros(row, pointers),
        PublishedOrder::Key => None,
    }
}

/// A source that says less (an Admin API does not say since when an organization is) gives way.
fn says_more(kind: DirectoryKind, value: &Value, known: &Value) -> bool {
    time(kind, known).is_none() && time(kind, value).is_some()
}

impl ScopeView {
    /// One row of all sources together.
    fn believed(&self, kind: DirectoryKind, ranking: &[Arc<str>], key: &str) -> Option<Arc<Value>> {
        let told = ranking.iter().filter_map(|source| self.by_source.get(source)?.get(key));
        told.reduce(|known, value| if says_more(kind, value, known) { value } else { known }).cloned()
    }

    fn merge(&mut self, kind: DirectoryKind, ranking: &[Arc<str>]) {
        let mut by_key = Listing::new();
        for listing in ranking.iter().filter_map(|source| self.by_source.get(source)) {
            for (key, value) in listing {
                if by_key.get(key).is_none_or(|known: &Arc<Value>| says_more(kind, value, known)) {
                    by_key.insert(key.clone(), Arc::clone(value));
                }
            }
        }
        let mut in_order: Vec<Arc<Value>> = by_key.values().cloned().collect();
        if let PublishedOrder::Time(_) = kind.spec().order {
            // Stable, so equal times stay in the order of keys; a row without a time comes last.
            in_order.sort_by_cached_key(|row| time(kind, row).unwrap_or(i64::MAX));
        }
        self.merged = Merged { in_order, by_key };
    }
}

/// The changes that turn what a source listed before into what it lists now, in the order of keys.
pub(super) fn difference(before: Option<&Listing>, now: &Listing) -> Vec<(Change, String, Arc<Value>)> {
    let none = Listing::new();
    let before = before.unwrap_or(&none);
    let mut changes = Vec::new();
    for (key, value) in now {
        match before.get(key) {
            None => changes.push((Change::Added, key.clone(), Arc::clone(value))),
            Some(old) if old != value => changes.push((Change::Changed, key.clone(), Arc::clone(value))),
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|(key, _)| !now.contains_key(*key));
    changes.extend(gone.map(|(key, value)| (Change::Removed, key.clone(), Arc::clone(value))));
    changes
}
