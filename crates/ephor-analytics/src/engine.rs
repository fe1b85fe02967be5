//! The signatures of the engine, so that the server compiles beside it. Answers nothing yet.
//! Promises the shapes that the server pages over.
//! Never the real thing: it is replaced by it.

use std::sync::Arc;

use bytes::Bytes;
use ephor_lake::{Appender, Lake, LakeError};

use crate::query::{AsOf, ListingQuery, ReportQuery, SummariesQuery};

/// How the engine behaves.
#[derive(Debug, Clone, Default)]
pub struct AnalyticsOptions {}

/// The engine. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Analytics {
    _lake: Lake,
}

/// Rows of a listing.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Every row, in order, each one JSON object.
    pub rows: Arc<[Bytes]>,
    /// What they were made from.
    pub as_of: AsOf,
}

/// Rows of a report.
#[derive(Debug, Clone)]
pub struct ReportAnswer {
    /// Buckets or user rows, in order.
    pub rows: Arc<[ReportRow]>,
    /// What they were made from.
    pub as_of: AsOf,
    /// Up to when the facts are in.
    pub data_refreshed_at_micros: Option<i64>,
}

/// A bucket or a user row.
#[derive(Debug, Clone)]
pub struct ReportRow {
    /// One JSON object.
    pub json: Bytes,
    /// Rows that `cost_type` and `token_type` fan out of one do not; the first of each fan does.
    pub counts_toward_limit: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnalyticsError {
    /// The lake could not be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// What the answer was made from is no longer all there.
    #[error("the state that this answer was read from is no longer kept")]
    AsOfGone,
}

impl Analytics {
    /// Opens it.
    #[must_use]
    pub fn open(lake: Lake, _appender: Appender, _options: AnalyticsOptions) -> Self {
        Self { _lake: lake }
    }

    /// Rows of an engagement endpoint.
    pub async fn listing(&self, query: &ListingQuery) -> Result<Answer, AnalyticsError> {
        Ok(Answer { rows: Arc::new([]), as_of: query.as_of.unwrap_or(NOTHING) })
    }

    /// One JSON object a day.
    pub async fn summaries(&self, _query: &SummariesQuery) -> Result<Vec<Bytes>, AnalyticsError> {
        Ok(Vec::new())
    }

    /// Buckets or user rows of a cost or usage endpoint.
    pub async fn report(&self, query: &ReportQuery) -> Result<ReportAnswer, AnalyticsError> {
        let as_of = query.as_of.unwrap_or(NOTHING);
        Ok(ReportAnswer { rows: Arc::new([]), as_of, data_refreshed_at_micros: None })
    }
}

const NOTHING: AsOf = AsOf { usage_seq: 0, upstream_seq: 0 };
