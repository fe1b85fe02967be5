//! Answers that a story tells in place of the engine, and the questions that it was asked.
//! Promises that a story hears every question; each story has a thread of its own, and so has this.
//! Never part of a build that serves.

#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use ephor_analytics::query::{AsOf, ListingQuery, ReportQuery, SummariesQuery};
use ephor_analytics::{Answer, ReportAnswer, ReportRow};
use serde_json::Value;

/// What the engine would answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) rows: Vec<Value>,
    /// Of a report: whether each row counts toward the limit.
    pub(crate) counted: Vec<bool>,
    /// The state of the lake: the next `seq` of usage.
    pub(crate) usage_seq: u64,
    pub(crate) refreshed_at_micros: Option<i64>,
}

thread_local! {
    static SCRIPT: RefCell<Option<Script>> = const { RefCell::new(None) };
    static ASKED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// From now on the engine answers this.
pub(crate) fn tell(script: Script) {
    SCRIPT.set(Some(script));
}

/// The questions since the last time, in words.
pub(crate) fn asked() -> Vec<String> {
    ASKED.take()
}

fn answer(question: String) -> Option<(Script, Vec<Bytes>)> {
    let script = SCRIPT.with_borrow(Clone::clone)?;
    ASKED.with_borrow_mut(|asked| asked.push(question));
    let rows = script.rows.iter().map(|row| Bytes::from(row.to_string())).collect();
    Some((script, rows))
}

pub(super) fn listing(query: &ListingQuery) -> Option<Answer> {
    let (script, rows) = answer(format!("{query:?}"))?;
    let as_of = query.as_of.unwrap_or(AsOf { usage_seq: script.usage_seq, upstream_seq: 0 });
    Some(Answer::told(Arc::from(rows), as_of))
}

pub(super) fn summaries(query: &SummariesQuery) -> Option<Vec<Bytes>> {
    answer(format!("{query:?}")).map(|(_, rows)| rows)
}

pub(super) fn report(query: &ReportQuery) -> Option<ReportAnswer> {
    let (script, rows) = answer(format!("{query:?}"))?;
    let counted = script.counted.iter().copied().chain(std::iter::repeat(true));
    let rows: Vec<ReportRow> = rows
        .into_iter()
        .zip(counted)
        .map(|(json, counts_toward_limit)| ReportRow { json, counts_toward_limit })
        .collect();
    let as_of = query.as_of.unwrap_or(AsOf { usage_seq: script.usage_seq, upstream_seq: 0 });
    Some(ReportAnswer { rows: Arc::from(rows), as_of, data_refreshed_at_micros: script.refreshed_at_micros })
}
