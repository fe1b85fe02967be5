//! Bodies of requests: read within a limit, of a content type that is taken, and parsed with the error said.
//! Promises 413, 415 and 400 with a reason.
//! Never reads more than the limit into memory, whatever a length header or a compression says.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::problem::{Problem, shortened};

/// Wishes about keys and switches are a few lines.
const SMALL_BYTES: usize = 64 << 10;

/// The whole body, up to a limit.
pub(crate) async fn read(body: Body, limit_bytes: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit_bytes).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Problem::too_large(format!(
            "The body is larger than {limit_bytes} bytes (counted unpacked); send it in parts."
        ))),
        Err(_) => Err(Problem::invalid("The body broke off or could not be unpacked.")),
    }
}

/// A small JSON body.
pub(crate) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    match content_type(request.headers()).as_deref() {
        Some("application/json") => {}
        other => return Err(unsupported(other, "application/json")),
    }
    let body = read(request.into_body(), SMALL_BYTES).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Problem::invalid(format!("The body is not what this path takes: {error}")))
}

/// The media type without its parameters, in small letters.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// 415 with what came and what is taken.
pub(crate) fn unsupported(came: Option<&str>, taken: &str) -> Problem {
    let came = came.map_or_else(|| "missing".to_owned(), |came| format!("`{}`", shortened(came)));
    Problem::unsupported_type(format!("The content type is {came}; this path takes {taken}."))
}
