//! One list of a directory read to its end, whichever way its pages are linked.
//! A list that the key may not read, that is not there or that never ends is left out with a word about why: a shorter one
//! would say that everything else in it has been removed.
//! Never keeps a row's content.

use bytes::Bytes;
use ephor_lake::directory::{DirectoryKind, DirectorySnapshot};
use serde::Deserialize;
use serde_json::Value;

use super::{Listings, snapshot};
use crate::collector::{Client, UpstreamError, UpstreamPath};

/// How a page names the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    /// `next_page`, passed back as `page`.
    Token,
    /// `last_id`, passed back as `after_id`.
    Cursor,
}

/// A list to read.
pub(super) struct List<'l> {
    pub(super) kind: DirectoryKind,
    pub(super) scope: &'l str,
    pub(super) path: UpstreamPath,
    pub(super) paging: Paging,
    /// Rows of one request.
    pub(super) page_rows: &'static str,
}

/// A page, whichever way it is linked.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    data: Vec<Value>,
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    next_page: Option<String>,
    #[serde(default)]
    last_id: Option<String>,
}

/// Reads the lists of one source.
pub(super) struct ListReader {
    pub(super) client: Client,
    source: String,
    observed_at: i64,
    pub(super) listings: Listings,
}

/// What came of a list.
pub(super) enum Read {
    /// All of it; it is among the listings.
    Whole(Vec<Value>),
    /// There is no such path.
    NotThere,
    /// Left out for another reason.
    LeftOut,
}

impl Read {
    /// A text field of each row; none of a list that was left out.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        match self {
            Self::Whole(rows) => rows.iter().filter_map(|row| row[name].as_str().map(str::to_owned)).collect(),
            Self::NotThere | Self::LeftOut => Vec::new(),
        }
    }
}

impl ListReader {
    pub(super) fn new(client: Client, source: String, observed_at: i64) -> Self {
        Self { client, source, observed_at, listings: Listings::default() }
    }

    /// One list to its end.
    pub(super) async fn read(&mut self, list: &List<'_>) -> Result<Read, UpstreamError> {
        let mut rows: Vec<Value> = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut query = vec![("limit", list.page_rows.to_owned())];
            let name = if list.paging == Paging::Token { "page" } else { "after_id" };
            query.extend(next.clone().map(|next| (name, next)));
            let page = match self.client.get(&list.path, &query, |body: &Bytes| serde_json::from_slice::<Page>(body)).await {
                Ok(answer) => answer.value,
                Err(UpstreamError::Refused { status: 403, message }) => return Ok(self.left_out(list.kind, &message)),
                Err(UpstreamError::NotFound(path)) => {
                    self.left_out(list.kind, &format!("{path} is not there"));
                    return Ok(Read::NotThere);
                }
                Err(error) => return Err(error),
            };
            rows.extend(page.data);
            if !page.has_more {
                self.listings.snapshots.push(self.snapshot(list.kind, list.scope, rows.clone()));
                return Ok(Read::Whole(rows));
            }
            let follows = if list.paging == Paging::Token { page.next_page } else { page.last_id };
            if follows.is_none() || follows == next {
                return Ok(self.left_out(list.kind, &format!("{} says that there is more, and not where", list.path)));
            }
            next = follows;
        }
    }

    pub(super) fn left_out(&mut self, kind: DirectoryKind, why: &str) -> Read {
        self.listings.left_out.push(format!("{}: {why}", kind.table_name()));
        Read::LeftOut
    }

    pub(super) fn snapshot(&self, kind: DirectoryKind, scope: &str, rows: Vec<Value>) -> DirectorySnapshot {
        snapshot(kind, scope, &self.source, self.observed_at, rows)
    }
}
