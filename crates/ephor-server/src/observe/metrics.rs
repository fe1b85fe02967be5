//! Numbers for Prometheus: requests by route and status, rows served and taken in, how far the lake and the outbox are.
//! Promises a bounded number of series: labels are routes, statuses, outcomes and names of ephor.toml, never ids.
//! Never counts by person, key or organization.

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::problem::Problem;
use crate::route::{Answer, Family, Permission, Route};
use crate::state::App;

pub(crate) static METRICS: Route = Route {
    method: Some(Method::GET),
    path: "/metrics",
    permission: Permission::Open,
    family: Family::Node,
    summary: "Metrics in Prometheus' text format",
    parameters: &[],
    body: None,
    answer: Answer::Text,
};

const REQUESTS: &str = "ephor_http_requests_total";
const REQUEST_SECONDS: &str = "ephor_http_request_seconds";
const FEED_ROWS: &str = "ephor_feed_rows_served_total";
const INTAKE_ROWS: &str = "ephor_intake_rows_total";
const USAGE_ROWS: &str = "ephor_usage_rows_total";
const NEXT_SEQ: &str = "ephor_lake_next_seq";
const NEWEST_AGE: &str = "ephor_lake_newest_activity_age_seconds";
const OPEN_GAPS: &str = "ephor_source_open_gaps";
const FAILURES: &str = "ephor_source_failures_in_a_row";
const OUTBOX: &str = "ephor_outbox_activities";

/// From a page out of memory to a push that waits for a slow disk.
const SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The process's recorder, installed by the first who asks: `metrics` knows one for the whole process.
pub(crate) fn handle() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let builder = PrometheusBuilder::new();
    // Refused only when the list is empty.
    let builder = builder.set_buckets(&SECONDS).unwrap_or_else(|_| PrometheusBuilder::new());
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder is installed in this process; /metrics will be empty");
    }
    describe_counter!(REQUESTS, "Requests answered, by method, route and status.");
    describe_histogram!(REQUEST_SECONDS, "Time from a request's head to the head of its answer, by route.");
    describe_counter!(FEED_ROWS, "Activities served by the feed.");
    describe_counter!(INTAKE_ROWS, "Activities pushed, by what became of them.");
    describe_counter!(USAGE_ROWS, "Usage events that came in, by source and by what became of them.");
    describe_gauge!(NEXT_SEQ, "The next place in the order of arrival; so many activities have ever been stored.");
    describe_gauge!(NEWEST_AGE, "Age of the newest activity in the lake.");
    describe_gauge!(OPEN_GAPS, "Times of which a source cannot say that it has everything, and that still last.");
    describe_gauge!(FAILURES, "Runs of a source that failed since the last one that did not.");
    describe_gauge!(OUTBOX, "Activities of Ephor's own that wait to be moved into the lake.");
    handle
}

/// Counts an answered request.
pub(crate) fn answered(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let known = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD, Method::OPTIONS];
    let method = if known.contains(method) { method.as_str().to_owned() } else { "OTHER".to_owned() };
    counter!(REQUESTS, "method" => method, "route" => route.to_owned(), "status" => status.as_u16().to_string())
        .increment(1);
    histogram!(REQUEST_SECONDS, "route" => route.to_owned()).record(took.as_secs_f64());
}

/// Counts activities that a page of the feed carried.
pub(crate) fn served(rows: usize) {
    counter!(FEED_ROWS).increment(rows as u64);
}

/// Counts pushed activities.
pub(crate) fn taken_in(outcome: &'static str, rows: u64) {
    counter!(INTAKE_ROWS, "outcome" => outcome).increment(rows);
}

/// Counts usage events; `source` is `push` or `otlp`.
pub(crate) fn usage_taken_in(source: &'static str, outcome: &'static str, rows: u64) {
    counter!(USAGE_ROWS, "source" => source, "outcome" => outcome).increment(rows);
}

pub(crate) async fn render(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    gauge!(NEXT_SEQ).set(app.lake().next_seq() as f64);
    if let Some(newest) = app.lake().newest_created_at() {
        gauge!(NEWEST_AGE).set(app.now().saturating_sub(newest) as f64 / 1e6);
    }
    gauge!(OUTBOX).set(app.control().outbox().len().await? as f64);
    sources(&app).await?;
    app.metrics().run_upkeep();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics().render()))
}

/// How the collectors fare. A source whose last gap has closed shows 0, so that an alert on it ends.
async fn sources(app: &App) -> Result<(), Problem> {
    let gaps = app.control().sources().gaps().await?;
    for state in app.control().sources().list().await? {
        let open = gaps.iter().filter(|gap| gap.source == state.source && gap.closed_at_micros.is_none()).count();
        gauge!(OPEN_GAPS, "source" => state.source.clone()).set(open as f64);
        gauge!(FAILURES, "source" => state.source).set(state.failures_in_a_row as f64);
    }
    Ok(())
}
