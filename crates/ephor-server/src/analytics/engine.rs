//! The way to the engine, and its failures as problems of a request.
//! Promises that what broke inside is logged and not told.
//! Never asks twice.

use std::ops::Range;

use bytes::Bytes;
use ephor_analytics::query::{ListingQuery, ReportQuery, SummariesQuery};
use ephor_analytics::{AnalyticsError, Answer, ReportAnswer};

use crate::problem::Problem;
use crate::state::App;

/// Some rows of a listing, and how many it has.
pub(super) async fn page(app: &App, query: &ListingQuery, rows: Range<usize>) -> Result<Answer, Problem> {
    #[cfg(test)]
    if let Some(answer) = super::told::listing(query) {
        return Ok(answer);
    }
    app.analytics().page(query, rows).await.map_err(problem)
}

pub(super) async fn summaries(app: &App, query: &SummariesQuery) -> Result<Vec<Bytes>, Problem> {
    #[cfg(test)]
    if let Some(days) = super::told::summaries(query) {
        return Ok(days);
    }
    app.analytics().summaries(query).await.map_err(problem)
}

pub(super) async fn report(app: &App, query: &ReportQuery) -> Result<ReportAnswer, Problem> {
    #[cfg(test)]
    if let Some(answer) = super::told::report(query) {
        return Ok(answer);
    }
    app.analytics().report(query).await.map_err(problem)
}

fn problem(error: AnalyticsError) -> Problem {
    match error {
        AnalyticsError::Lake(error) => error.into(),
        AnalyticsError::NotTold(error) => Problem::invalid(error.to_string()),
        other => Problem::internal(&other),
    }
}
