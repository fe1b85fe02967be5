//! OTLP over HTTP: `/v1/logs` and `/v1/metrics`, protobuf or JSON, packed or not.
//! Promises the answer in the encoding of the request, with a partial success where not everything was taken.
//! Never reads a body larger than the limit, however it is packed.

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use ephor_sources::{OtlpEncoding, OtlpExport};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse};
use prost::Message;
use serde_json::json;

use super::{SENDERS, sender, told};
use crate::auth::Caller;
use crate::body;
use crate::problem::Problem;
use crate::route::{Answer, Body, Family, Route};
use crate::state::App;

const BODY: Body = Body {
    content_types: &["application/x-protobuf", "application/json"],
    description: "An OTLP export request; `content-encoding: gzip` is taken",
};

pub(super) static LOGS: Route = Route {
    method: Some(Method::POST),
    path: "/v1/logs",
    permission: SENDERS,
    family: Family::Telemetry,
    summary: "Events of Claude Code and Cowork over OTLP; answered when they are durable",
    parameters: &[],
    body: Some(BODY),
    answer: Answer::Object,
};

pub(super) static METRICS: Route = Route {
    method: Some(Method::POST),
    path: "/v1/metrics",
    permission: SENDERS,
    family: Family::Telemetry,
    summary: "Metrics of Claude Code over OTLP, delta or cumulative; answered when they are durable",
    parameters: &[],
    body: Some(BODY),
    answer: Answer::Object,
};

pub(super) async fn logs(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let encoding = encoding(request.headers())?;
    let body = body::read(request.into_body(), app.options().max_body_bytes).await?;
    let taken = app.usage().logs(OtlpExport::Body(body, encoding), sender(&app, &caller)).await?;
    let partial = told(&taken);
    Ok(match encoding {
        OtlpEncoding::Protobuf => {
            let partial_success = partial.map(|(rejected_log_records, error_message)| ExportLogsPartialSuccess {
                rejected_log_records,
                error_message,
            });
            protobuf(&ExportLogsServiceResponse { partial_success })
        }
        OtlpEncoding::Json => json_answer("rejectedLogRecords", partial),
    })
}

pub(super) async fn metrics(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let encoding = encoding(request.headers())?;
    let body = body::read(request.into_body(), app.options().max_body_bytes).await?;
    let taken = app.usage().metrics(OtlpExport::Body(body, encoding), sender(&app, &caller)).await?;
    let partial = told(&taken);
    Ok(match encoding {
        OtlpEncoding::Protobuf => {
            let partial_success = partial.map(|(rejected_data_points, error_message)| ExportMetricsPartialSuccess {
                rejected_data_points,
                error_message,
            });
            protobuf(&ExportMetricsServiceResponse { partial_success })
        }
        OtlpEncoding::Json => json_answer("rejectedDataPoints", partial),
    })
}

fn encoding(headers: &HeaderMap) -> Result<OtlpEncoding, Problem> {
    let content_type = body::content_type(headers);
    content_type
        .as_deref()
        .and_then(OtlpEncoding::of_content_type)
        .ok_or_else(|| body::unsupported(content_type.as_deref(), "application/x-protobuf or application/json"))
}

fn protobuf(message: &impl Message) -> Response {
    ([(CONTENT_TYPE, "application/x-protobuf")], message.encode_to_vec()).into_response()
}

/// In protobuf's JSON a field that is not set is not there, and a large number is text.
fn json_answer(rejected: &str, partial: Option<(i64, String)>) -> Response {
    let answer = match partial {
        None => json!({}),
        Some((count, reason)) => {
            json!({ "partialSuccess": { rejected: count.to_string(), "errorMessage": reason } })
        }
    };
    axum::Json(answer).into_response()
}
