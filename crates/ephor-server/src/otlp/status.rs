//! Failures as OTLP tells them: `google.rpc.Status` in the body over HTTP, a gRPC status in the headers over gRPC.
//! Promises that what can be sent again says so and after how long, and that nothing else does.
//! Never tells more than the sentence that every other path would have told.

use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use http::header::{self, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use prost::Message;
use serde_json::json;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, RetryInfo, StatusExt as _, pb};

use super::{grpc, http as over_http};
use crate::body;
use crate::front::TROUBLE_RETRY_SECONDS;
use crate::problem::{OVERLOADED, Problem};

/// How a client of these paths wants to be told of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Protobuf,
    Json,
    Grpc,
}

impl Dialect {
    /// The dialect of a request; none if it is for another path.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let path = request.uri().path();
        if path == grpc::LOGS.path || path == grpc::METRICS.path {
            return Some(Self::Grpc);
        }
        if path != over_http::LOGS.path && path != over_http::METRICS.path {
            return None;
        }
        let protobuf = body::content_type(request.headers()).is_some_and(|name| name.ends_with("protobuf"));
        Some(if protobuf { Self::Protobuf } else { Self::Json })
    }

    /// The answer as it goes out.
    pub(crate) fn render(self, problem: &Problem, response: &mut Response) {
        let seconds = retry_after(response.headers());
        for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
            response.headers_mut().remove(name);
        }
        let code = code_of(problem.status) as i32;
        let (content_type, body) = match self {
            Self::Grpc => return render_grpc(problem, seconds, response),
            Self::Protobuf => {
                let status = pb::Status { code, message: problem.message.clone(), details: Vec::new() };
                ("application/x-protobuf", status.encode_to_vec())
            }
            Self::Json => {
                ("application/json", json!({ "code": code, "message": problem.message }).to_string().into_bytes())
            }
        };
        // OTLP knows 503 for "later" and not the published 529.
        if problem.status.as_u16() == OVERLOADED {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        *response.body_mut() = body.into();
    }
}

/// A failure as a gRPC status, with the time to wait where it can be sent again.
pub(super) fn status_of(problem: &Problem, retry_after_seconds: Option<u64>) -> Status {
    let code = code_of(problem.status);
    let seconds = match code {
        Code::Unavailable => retry_after_seconds.unwrap_or(TROUBLE_RETRY_SECONDS.into()),
        _ => return Status::new(code, problem.message.clone()),
    };
    let info = RetryInfo::new(Some(Duration::from_secs(seconds)));
    let mut metadata = MetadataMap::new();
    // Where the exporters of OpenTelemetry for Python look for it.
    let bytes = pb::RetryInfo::from(info.clone()).encode_to_vec();
    metadata.insert_bin("google.rpc.retryinfo-bin", MetadataValue::from_bytes(&bytes));
    let details = ErrorDetails::with_retry_info(info.retry_delay);
    Status::with_error_details_and_metadata(code, problem.message.clone(), details, metadata)
}

fn render_grpc(problem: &Problem, retry_after_seconds: Option<u64>, response: &mut Response) {
    // A gRPC failure is an HTTP success whose headers tell the failure.
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    *response.body_mut() = axum::body::Body::empty();
    if status_of(problem, retry_after_seconds).add_header(response.headers_mut()).is_err() {
        response.headers_mut().insert(Status::GRPC_STATUS, HeaderValue::from(Code::Internal as i32));
    }
}

/// The gRPC code of a status. Whatever can be sent again is UNAVAILABLE or DEADLINE_EXCEEDED, as OTLP asks.
fn code_of(status: StatusCode) -> Code {
    match status.as_u16() {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 | 405 => Code::Unimplemented,
        429 | 503 | OVERLOADED => Code::Unavailable,
        504 => Code::DeadlineExceeded,
        400..=499 => Code::InvalidArgument,
        _ => Code::Internal,
    }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}
