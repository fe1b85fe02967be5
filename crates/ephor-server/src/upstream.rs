//! The simulated upstream over HTTP: what a collector drains in a trial, a test or a demonstration.
//! Promises the headers of the original: request id and budget, and 429 when the budget is used up.
//! Never serves anything real.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use ephor_sources::simulator::SimulatedUpstream;
use ephor_wire::error_body::{ErrorBody, ErrorType};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use tokio::net::TcpListener;

use crate::error::ServerError;
use crate::rate_limit::Budget;
use crate::serve::serve_router;
use crate::state::{ServerOptions, new_id};

#[derive(Clone)]
struct Upstream {
    simulated: Arc<SimulatedUpstream>,
    budget: Arc<Budget>,
}

/// Serves a simulated upstream until `shutdown` resolves.
pub async fn serve_upstream(
    upstream: Arc<SimulatedUpstream>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let options = ServerOptions::default();
    let state = Upstream { simulated: upstream, budget: Arc::new(Budget::new(options.rate_limit_per_minute)) };
    let router = Router::new().fallback(answer).with_state(state);
    serve_router(router, &options, listener, shutdown).await
}

async fn answer(State(upstream): State<Upstream>, request: Request) -> Response {
    let request_id = new_id("req_");
    let mut response = answer_within_budget(&upstream, &request, &request_id);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("request-id", value);
    }
    response
}

fn answer_within_budget(upstream: &Upstream, request: &Request, request_id: &str) -> Response {
    let refuse = |status: StatusCode, kind: ErrorType, message: &str| {
        let body = ErrorBody::new(kind, message, Some(request_id.to_owned()));
        (status, serde_json::to_vec(&body).unwrap_or_default()).into_response()
    };
    if request.method() != Method::GET {
        return refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorType::InvalidRequest,
            "The simulated upstream answers GET only.",
        );
    }
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let key = request.headers().get("x-api-key").and_then(|value| value.to_str().ok());
    let answered = upstream.simulated.answer(request.uri().path(), &query, key);
    let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::UNAUTHORIZED {
        return (status, answered.body).into_response();
    }
    let standing = upstream.budget.spend(jiff::Timestamp::now().as_microsecond());
    let mut response = match standing.retry_after_seconds {
        None => (status, answered.body).into_response(),
        Some(_) => refuse(StatusCode::TOO_MANY_REQUESTS, ErrorType::RateLimit, "The budget of this minute is used up."),
    };
    standing.tell(response.headers_mut());
    response
}
