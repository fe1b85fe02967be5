//! Lists of an upstream's directory, each read to its end: by cursor or by token, as its API cuts them.
//! A list that the key may not read, that is gone, or that leads nowhere is left out, and the reason is kept.
//! Never takes half a listing for a whole one: that would say that the other half has been removed.

use ephor_lake::directory::DirectoryKind;
use serde::Deserialize;
use serde_json::Value;

use super::{Listings, snapshot};
use crate::collector::{Client, Endpoint, UpstreamError, UpstreamPath};

/// How an API cuts a list into pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    /// `after_id` is the id of the last row, and `has_more` says whether to go on.
    Cursor,
    /// `page` is the `next_page` of the page before; some lists have no `has_more` beside it.
    Token,
}

/// A list to be read.
#[derive(Debug)]
pub(super) struct List<'a> {
    pub(super) kind: DirectoryKind,
    pub(super) scope: &'a str,
    pub(super) path: UpstreamPath,
    pub(super) paging: Paging,
    /// Rows of one request: the published maximum.
    pub(super) page_rows: u32,
    /// Parameters that every page of it needs.
    pub(super) query: &'a [(&'static str, &'static str)],
}

/// What came of reading a list.
#[derive(Debug)]
pub(super) enum Reading {
    /// All of it.
    Whole(Vec<Value>),
    /// Not readable; why is kept.
    LeftOut,
}

/// Reads lists one after the other with one key.
pub(super) struct Reader {
    pub(super) client: Client,
    source: String,
    observed_at_micros: i64,
    pub(super) listings: Listings,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    data: Vec<Value>,
    has_more: Option<bool>,
    last_id: Option<String>,
    next_page: Option<String>,
}

impl Page {
    /// Where the next page is, if there is one: a place, or nowhere.
    fn next(&mut self, paging: Paging) -> Option<Option<String>> {
        let place = match paging {
            Paging::Cursor => self.last_id.take(),
            Paging::Token => self.next_page.take(),
        };
        let goes_on = self.has_more.unwrap_or(paging == Paging::Token && place.is_some());
        goes_on.then_some(place)
    }
}

impl Reader {
    pub(super) fn new(endpoint: Endpoint, clock: fn() -> i64) -> Result<Self, UpstreamError> {
        let source = endpoint.name.clone();
        Ok(Self {
            client: Client::new(endpoint, clock)?,
            source,
            observed_at_micros: clock(),
            listings: Listings::default(),
        })
    }

    /// Reads a list and takes it over; the rows, for what hangs on them.
    pub(super) async fn take_in(&mut self, list: List<'_>) -> Result<Vec<Value>, UpstreamError> {
        let Reading::Whole(rows) = self.read(&list).await? else { return Ok(Vec::new()) };
        self.keep(list.kind, list.scope, rows.clone());
        Ok(rows)
    }

    /// Takes a full listing over.
    pub(super) fn keep(&mut self, kind: DirectoryKind, scope: &str, rows: Vec<Value>) {
        self.listings.snapshots.push(snapshot(kind, scope, &self.source, self.observed_at_micros, rows));
    }

    pub(super) fn leave_out(&mut self, kind: DirectoryKind, why: &str) {
        self.listings.left_out.push(format!("{}: {why}", kind.table_name()));
    }

    /// Reads a list to its end, and keeps nothing of it.
    pub(super) async fn read(&mut self, list: &List<'_>) -> Result<Reading, UpstreamError> {
        let mut rows: Vec<Value> = Vec::new();
        let mut place: Option<String> = None;
        loop {
            let mut query: Vec<(&str, String)> = list.query.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
            query.push(("limit", list.page_rows.to_string()));
            let name = if list.paging == Paging::Cursor { "after_id" } else { "page" };
            query.extend(place.clone().map(|place| (name, place)));
            let parse = |body: &bytes::Bytes| serde_json::from_slice::<Page>(body);
            let mut page = match self.client.get(&list.path, &query, parse).await {
                Ok(answer) => answer.value,
                Err(UpstreamError::Refused { status: 403, message }) => {
                    self.leave_out(list.kind, &message);
                    return Ok(Reading::LeftOut);
                }
                Err(UpstreamError::NotFound(path)) => {
                    self.leave_out(list.kind, &format!("{path} is not there"));
                    return Ok(Reading::LeftOut);
                }
                Err(error) => return Err(error),
            };
            let next = page.next(list.paging);
            rows.extend(page.data);
            match next {
                None => return Ok(Reading::Whole(rows)),
                Some(next) if next.is_none() || next == place => {
                    let why = format!("{} says that there is more, and not where", list.path);
                    self.leave_out(list.kind, &why);
                    return Ok(Reading::LeftOut);
                }
                Some(next) => place = next,
            }
        }
    }
}

/// The texts under a name, of those rows that have one.
pub(super) fn texts(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter().filter_map(|row| row[name].as_str().map(str::to_owned)).collect()
}
