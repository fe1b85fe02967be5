//! OTLP: logs and metrics of Claude Code and Cowork, over HTTP and over gRPC on the same port, with the same keys.
//! Promises that a success means durable, and that every failure is told as OTLP tells it.
//! Never answers a client that has to wait as one that has to give up.

mod grpc;
mod http;
mod status;

use ephor_sources::{UsageSender, UsageTaken};
use ephor_wire::scope::Scope;

use crate::auth::Caller;
use crate::observe::metrics;
use crate::route::{Permission, Routes};
use crate::state::App;

pub(crate) use status::Dialect;

/// Who may send telemetry.
const SENDERS: Permission = Permission::Scope(Scope::WriteUsage);

pub(crate) fn mount(routes: Routes) -> Routes {
    routes
        .serve(&http::LOGS, http::logs)
        .serve(&http::METRICS, http::metrics)
        .serve(&grpc::LOGS, grpc::logs)
        .serve(&grpc::METRICS, grpc::metrics)
}

fn sender(app: &App, caller: &Caller) -> UsageSender {
    let organization = caller.key.reach.organization().map(str::to_owned);
    UsageSender { organization, received_at_micros: app.now() }
}

/// Counts what came of an export, and says what a partial success has to: how many were not taken, and why.
fn told(taken: &UsageTaken) -> Option<(i64, String)> {
    for (outcome, rows) in [
        ("added", taken.added),
        ("duplicate", taken.duplicates),
        ("conflict", taken.conflicts),
        ("rejected", taken.rejected),
    ] {
        metrics::usage_taken_in("otlp", outcome, rows);
    }
    let rejected = i64::try_from(taken.rejected).unwrap_or(i64::MAX);
    (rejected > 0).then(|| (rejected, taken.reason.clone().unwrap_or_default()))
}
