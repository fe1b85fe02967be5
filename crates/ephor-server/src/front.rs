//! The outermost layer: a request id for every request, one shape for every failure, one log line, the numbers.
//! Promises that every answer carries `request-id` and that no failure leaves in another shape.
//! Never logs a header's value, a query or a body.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, HeaderName, HeaderValue, RETRY_AFTER};

use crate::auth::Caller;
use crate::console;
use crate::observe::metrics;
use crate::otlp::Dialect;
use crate::problem::Problem;
use crate::state::{App, new_id};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Paths that nobody serves are counted under one name, so that a scanner cannot fill the metrics.
const UNMATCHED: &str = "unmatched";

/// How long a client should wait when the server itself is in trouble.
pub(crate) const TROUBLE_RETRY_SECONDS: u16 = 5;

/// The id of a request, `req_…`.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(String);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A failure that has its shape already: a page of the console.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shaped;

/// The address at the other end of the connection.
pub(crate) fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical())
}

/// Wraps every request, whatever becomes of it.
pub(crate) async fn desk(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let request_id = RequestId(new_id("req_"));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| UNMATCHED.to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(request_id.clone());
    let dialect = Dialect::of(&request);
    // Across loopback, bytes cost less than packing and unpacking them.
    if peer(&request).is_some_and(|ip| ip.is_loopback()) {
        request.headers_mut().remove(ACCEPT_ENCODING);
    }
    let mut response = match tokio::time::timeout(app.options().request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timed_out().into_response(),
    };
    shape(&mut response, &request_id, dialect);
    if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, took) = (response.status(), began.elapsed());
    metrics::answered(&method, &route, status, took);
    let key = response.extensions().get::<Caller>().map(|caller| caller.key.id.as_str());
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::info!(%method, path, status = status.as_u16(), micros, request_id = request_id.as_str(), key, "request");
    response
}

/// Gives every failure the shape of the protocol that was spoken, those of the framework included.
fn shape(response: &mut Response, request_id: &RequestId, dialect: Option<Dialect>) {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || response.extensions_mut().remove::<Shaped>().is_some()
    {
        return;
    }
    let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| Problem::generic(status));
    if matches!(status.as_u16(), 503 | 529) {
        response.headers_mut().insert(RETRY_AFTER, TROUBLE_RETRY_SECONDS.into());
    }
    match dialect {
        Some(dialect) => dialect.render(&problem, response),
        None => problem.render(request_id, response),
    }
}

/// What nobody serves.
pub(crate) async fn nothing_here(State(app): State<App>, request: Request) -> Response {
    match console::not_here(&app, &request) {
        Some(page) => page,
        None => Problem::no_such_path(request.uri().path()).into_response(),
    }
}
