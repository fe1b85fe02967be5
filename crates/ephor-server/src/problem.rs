//! Every way a request can fail, as one value with a status, a published type and a sentence.
//! Promises one shape for all of them: `{"type":"error","error":{"type","message"},"request_id"}`.
//! Never tells a client what broke inside: that goes to the log, with the same request id.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use ephor_lake::LakeError;
use ephor_lake::control::ControlError;
use ephor_sources::UsageIntakeError;
use ephor_wire::error_body::{ErrorBody, ErrorType};
use ephor_wire::scope::{Scope, ScopeSet};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use crate::front::RequestId;

/// The published status for "come back later"; the `http` crate has no name for it.
pub(crate) const OVERLOADED: u16 = 529;

/// A request that could not be answered as asked.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) kind: ErrorType,
    pub(crate) message: String,
    /// Beside `error`, where a path says more than a sentence.
    details: Option<(&'static str, Arc<Value>)>,
}

impl Problem {
    fn new(status: StatusCode, kind: ErrorType, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), details: None }
    }

    /// With a field of its own beside `error`.
    pub(crate) fn with(self, name: &'static str, value: Value) -> Self {
        Self { details: Some((name, Arc::new(value))), ..self }
    }

    /// 400: the request is not one that can be answered.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorType::InvalidRequest, message)
    }

    /// 401, in the same words whatever the cause, so that nothing can be learned about keys by trying.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorType::Authentication, "Invalid or missing API key.")
    }

    /// 401 of somebody who was signed in to the console.
    pub(crate) fn signed_out(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorType::Authentication, message)
    }

    /// 429 of somebody who was wrong too often.
    pub(crate) fn too_many_tries(seconds: i64) -> Self {
        let message = format!("Too many tries that failed; wait {seconds} seconds and try again.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorType::RateLimit, message)
    }

    /// 403.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorType::Permission, message)
    }

    /// 403 for a key without the scope, in the published words.
    pub(crate) fn missing_scope(got: &ScopeSet, needed: Scope) -> Self {
        let got: Vec<String> = got.iter().map(|scope| format!("'{}'", scope.as_str())).collect();
        Self::forbidden(format!("Missing required scopes. Got: [{}] Needed: ['{}']", got.join(", "), needed.as_str()))
    }

    /// 404 for a thing that is not there, or not for this key.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorType::NotFound, format!("{what} not found: {}", shortened(id)))
    }

    /// 404, where words of its own say more than the name of what was asked for.
    pub(crate) fn not_found_because(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorType::NotFound, message)
    }

    /// 404 for a path that nobody serves.
    pub(crate) fn no_such_path(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorType::NotFound, format!("There is nothing at {}.", shortened(path)))
    }

    /// 409.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, ErrorType::Conflict, message)
    }

    /// 410: it was there, and begins anew.
    pub(crate) fn gone(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, ErrorType::InvalidRequest, message)
    }

    /// 413.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorType::RequestTooLarge, message)
    }

    /// 415.
    pub(crate) fn unsupported_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorType::InvalidRequest, message)
    }

    /// 422: understood, and nothing in it can be used.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorType::InvalidRequest, message)
    }

    /// 429; `shared_by` says who draws from the same budget.
    pub(crate) fn rate_limited(limit_per_minute: u32, shared_by: &str) -> Self {
        let message = format!(
            "The budget of {limit_per_minute} requests a minute, shared by {shared_by}, is used up; retry after the time in `retry-after`."
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorType::RateLimit, message)
    }

    /// 500: something broke here. The cause is logged and not told.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed inside");
        Self::generic(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// 504.
    pub(crate) fn timed_out() -> Self {
        Self::generic(StatusCode::GATEWAY_TIMEOUT)
    }

    /// 503: this node as a whole is not up to it now.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorType::Overloaded, message)
    }

    /// 529: right, but not now.
    pub(crate) fn overloaded(message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(OVERLOADED).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        Self::new(status, ErrorType::Overloaded, message)
    }

    /// The problem that a bare status stands for.
    pub(crate) fn generic(status: StatusCode) -> Self {
        let (kind, message) = match status {
            StatusCode::UNAUTHORIZED => return Self::unauthenticated(),
            StatusCode::FORBIDDEN => (ErrorType::Permission, "This is not allowed."),
            StatusCode::NOT_FOUND => (ErrorType::NotFound, "There is nothing here."),
            StatusCode::METHOD_NOT_ALLOWED => (
                ErrorType::InvalidRequest,
                "This path does not take this method; the `allow` header lists those it takes.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (ErrorType::RequestTooLarge, "The body is too large."),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                (ErrorType::InvalidRequest, "The body's content type or encoding is not one that this path takes.")
            }
            StatusCode::GATEWAY_TIMEOUT => (ErrorType::Timeout, "The request took too long and was given up."),
            status if status.is_client_error() => (ErrorType::InvalidRequest, "The request could not be understood."),
            _ => (ErrorType::Api, "Something went wrong on this server; its log says what, under this request id."),
        };
        Self::new(status, kind, message)
    }

    /// The answer as it goes out.
    pub(crate) fn render(&self, request_id: &RequestId, response: &mut Response) {
        let body = ErrorBody::new(self.kind.clone(), self.message.clone(), Some(request_id.as_str().to_owned()));
        let details = self.details.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        // Text and JSON values always serialise.
        let text = serde_json::to_vec(&Rendered { body, details }).unwrap_or_default();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().remove(header::CONTENT_ENCODING);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = text.into();
    }
}

/// The published body, and beside it what a path says besides.
#[derive(Serialize)]
struct Rendered<'p> {
    #[serde(flatten)]
    body: ErrorBody,
    #[serde(flatten)]
    details: BTreeMap<&'static str, &'p Value>,
}

/// An error's text as a sentence.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text + "."
}

/// What a client sent, cut to a length that fits a sentence.
pub(crate) fn shortened(text: &str) -> String {
    const CHARACTERS: usize = 128;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The body is written by the outermost layer, which knows the request id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<LakeError> for Problem {
    fn from(error: LakeError) -> Self {
        match error {
            LakeError::Control(error) => error.into(),
            error => (&error).into(),
        }
    }
}

impl From<&LakeError> for Problem {
    fn from(error: &LakeError) -> Self {
        match error {
            LakeError::DiskFull { .. } => {
                tracing::error!(%error, "the disk is full");
                Self::overloaded(
                    "This server's disk is full; nothing of the request was kept. Try again when its operator has made room.",
                )
            }
            LakeError::WriterGone(_) => {
                tracing::error!(%error, "the lake's writer is gone");
                Self::overloaded(
                    "This server is not taking anything in right now; nothing of the request was kept. Try again later.",
                )
            }
            error => Self::internal(error),
        }
    }
}

impl From<UsageIntakeError> for Problem {
    fn from(error: UsageIntakeError) -> Self {
        match error {
            UsageIntakeError::Decode(error) => Self::invalid(sentence(&error)),
            UsageIntakeError::Lake(error) => error.as_ref().into(),
            error @ UsageIntakeError::Stopped(_) => Self::internal(&error),
        }
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        use ControlError as E;
        let said = error.to_string();
        match error {
            E::UnknownKey { .. } | E::UnknownOrganization { .. } | E::UnknownMember { .. } | E::UnknownGap { .. } => {
                Self::new(StatusCode::NOT_FOUND, ErrorType::NotFound, said)
            }
            E::KeyNotRotatable { .. } | E::SecondParent { .. } | E::UserIdTaken { .. } => Self::conflict(said),
            E::NotAMember { .. } | E::RoleTooLow { .. } | E::PrimaryOwnerFixed { .. } | E::NoPrimaryOwner => {
                Self::forbidden(said)
            }
            E::KeyName { .. }
            | E::KeyWithoutScope
            | E::KeyExpiryInPast
            | E::Email { .. }
            | E::Role { .. }
            | E::AgreementMissing
            | E::SettingName { .. } => Self::invalid(said),
            E::DiskFull => {
                tracing::error!("the disk is full: {said}");
                Self::overloaded(
                    "This server's disk is full; nothing of the request was kept. Try again when its operator has made room.",
                )
            }
            error => Self::internal(&error),
        }
    }
}
