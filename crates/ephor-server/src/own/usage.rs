//! Usage events pushed in: NDJSON or a JSON array, gzip or not, each with its own result.
//! Promises that an answer of 200 means durable, and that sending the same again counts nothing twice.
//! Never stores content: every event goes through the door first.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use ephor_lake::UsageBatch;
use ephor_sources::{PushFormat, UsagePush};
use ephor_wire::scope::Scope;
use http::Method;

use super::intake::{Pushed, nothing_acceptable, refusal};
use crate::auth::Caller;
use crate::body;
use crate::observe::metrics;
use crate::problem::Problem;
use crate::route::{Answer, Body, Family, Permission, Route};
use crate::state::App;

/// The name under which pushed events are stored in the column `source`.
const SOURCE: &str = "push";

pub(super) static PUSH: Route = Route {
    method: Some(Method::POST),
    path: "/ephor/v1/usage",
    permission: Permission::Scope(Scope::WriteUsage),
    family: Family::Usage,
    summary: "Push usage events; answered when they are durable, with a result for each",
    parameters: &[],
    body: Some(Body {
        content_types: &["application/x-ndjson", "application/json"],
        description: "One event a line, or one array; `content-encoding: gzip` is taken. At most 16 MiB unpacked (configurable) and 5000 events",
    }),
    answer: Answer::Object,
};

pub(super) async fn push(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<Pushed>, Problem> {
    let content_type = body::content_type(request.headers());
    let format = content_type.as_deref().and_then(PushFormat::of_content_type);
    let format =
        format.ok_or_else(|| body::unsupported(content_type.as_deref(), "application/x-ndjson or application/json"))?;
    let body = body::read(request.into_body(), app.options().max_body_bytes).await?;
    let mut push = read(&app, &caller, body, format).await?;
    if push.rows.is_empty() {
        let results = push.into_rejections();
        metrics::usage_taken_in(SOURCE, "rejected", results.len() as u64);
        return Err(nothing_acceptable(&results));
    }
    let rows = push.take_rows();
    let batch = UsageBatch { source: SOURCE.to_owned(), received_at_micros: app.now(), rows, cursor: None };
    let outcome = app.appender().append_usage(batch).await?;
    let pushed = Pushed::of(push.results(&outcome), &outcome);
    for (outcome, rows) in pushed.counts() {
        metrics::usage_taken_in(SOURCE, outcome, rows);
    }
    Ok(Json(pushed))
}

/// Reads a body on a thread that may take its time.
async fn read(app: &App, caller: &Caller, body: axum::body::Bytes, format: PushFormat) -> Result<UsagePush, Problem> {
    let own = app.clone();
    let organization = caller.key.reach.organization().map(str::to_owned);
    let read = tokio::task::spawn_blocking(move || {
        UsagePush::parse(&body, format, SOURCE, organization.as_deref(), own.usage().door())
    });
    let read = read.await.map_err(|stopped| Problem::internal(&stopped))?;
    read.map_err(|error| refusal(&error))
}
