//! Activities pushed in: NDJSON or a JSON array, gzip or not, each with its own result.
//! Promises that an answer of 200 means durable, and that sending the same again stores nothing twice.
//! Never stores content: every row goes through the door first.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use ephor_lake::{AppendBatch, AppendOutcome};
use ephor_sources::{PushBatch, PushError, PushFormat, PushResult};
use ephor_wire::scope::Scope;
use http::Method;
use serde::Serialize;
use serde_json::json;

use crate::auth::Caller;
use crate::body;
use crate::observe::metrics;
use crate::problem::{Problem, sentence};
use crate::route::{Answer, Body, Family, Permission, Route};
use crate::state::App;

/// The name under which pushed rows are stored in the column `source`.
const SOURCE: &str = "push";

/// Reasons that fit into the sentence of an error; all of them are in `results`.
const REASONS_TOLD: usize = 3;

pub(super) static PUSH: Route = Route {
    method: Some(Method::POST),
    path: "/ephor/v1/activities",
    permission: Permission::Scope(Scope::WriteActivities),
    family: Family::Intake,
    summary: "Push activities; answered when they are durable, with a result for each",
    parameters: &[],
    body: Some(Body {
        content_types: &["application/x-ndjson", "application/json"],
        description: "One activity a line, or one array; `content-encoding: gzip` is taken. At most 16 MiB unpacked (configurable) and 5000 activities",
    }),
    answer: Answer::Object,
};

/// What became of a push, of activities or of usage events.
#[derive(Debug, Serialize)]
pub(super) struct Pushed {
    results: Vec<PushResult>,
    added: u64,
    duplicates: u64,
    conflicts: u64,
    rejected: u64,
}

pub(super) async fn push(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<Pushed>, Problem> {
    if !caller.sees_everything() {
        // Its rows could name any organization, those that the key must not reach included.
        return Err(Problem::forbidden(
            "A push can hold activities of every organization, so it takes a key that reaches the parent; this one reaches one organization only.",
        ));
    }
    let content_type = body::content_type(request.headers());
    let format = content_type.as_deref().and_then(PushFormat::of_content_type);
    let format =
        format.ok_or_else(|| body::unsupported(content_type.as_deref(), "application/x-ndjson or application/json"))?;
    let body = body::read(request.into_body(), app.options().max_body_bytes).await?;
    let batch = read(&app, body, format).await?;
    if batch.rows.is_empty() {
        let results = batch.into_rejections();
        metrics::taken_in("rejected", results.len() as u64);
        return Err(nothing_acceptable(&results));
    }
    let pushed = append(&app, batch).await?;
    for (outcome, rows) in pushed.counts() {
        metrics::taken_in(outcome, rows);
    }
    Ok(Json(pushed))
}

/// Reads a body on a thread that may take its time: 16 MiB of JSON hold up every other request otherwise.
async fn read(app: &App, body: axum::body::Bytes, format: PushFormat) -> Result<PushBatch, Problem> {
    let own = app.clone();
    let read = tokio::task::spawn_blocking(move || PushBatch::parse(&body, format, SOURCE, own.door())).await;
    let read = read.map_err(|stopped| Problem::internal(&stopped))?;
    read.map_err(|error| refusal(&error))
}

/// The answer to a body that is no push at all.
pub(super) fn refusal(error: &PushError) -> Problem {
    match error {
        PushError::NotAnArray(_) => Problem::invalid(sentence(error)),
        PushError::TooManyRows => Problem::too_large(sentence(error)),
        PushError::Empty => Problem::unprocessable(sentence(error)),
    }
}

async fn append(app: &App, mut batch: PushBatch) -> Result<Pushed, Problem> {
    let rows = vec![batch.take_rows()];
    let append = AppendBatch { source: SOURCE.to_owned(), received_at_micros: app.now(), rows, cursor: None };
    let outcome = app.appender().append(append).await?;
    Ok(Pushed::of(batch.results(&outcome), &outcome))
}

impl Pushed {
    pub(super) fn of(results: Vec<PushResult>, outcome: &AppendOutcome) -> Self {
        let stored = outcome.added + outcome.duplicates + outcome.conflicts;
        let rejected = (results.len() as u64).saturating_sub(stored);
        Self { results, added: outcome.added, duplicates: outcome.duplicates, conflicts: outcome.conflicts, rejected }
    }

    pub(super) fn counts(&self) -> [(&'static str, u64); 4] {
        [
            ("added", self.added),
            ("duplicate", self.duplicates),
            ("conflict", self.conflicts),
            ("rejected", self.rejected),
        ]
    }
}

/// 422 with the first reasons in words and all of them beside it.
pub(super) fn nothing_acceptable(results: &[PushResult]) -> Problem {
    let told = results
        .iter()
        .take(REASONS_TOLD)
        .map(|result| format!("[{}] {}", result.index, result.reason.as_deref().unwrap_or_default()));
    let told: Vec<String> = told.collect();
    let more = results.len().saturating_sub(REASONS_TOLD);
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    Problem::unprocessable(format!("None of the rows could be taken in: {}{rest}.", told.join("; ")))
        .with("results", json!(results))
}
