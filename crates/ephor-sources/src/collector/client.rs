//! One upstream over HTTP: asks within its budget, waits when told to, tries again what may pass, gives up on what will not.
//! A request that failed has moved nothing.
//! Never lets the key into an error, a log or an address, and never asks for anything but an [`UpstreamPath`].

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use ephor_lake::control::Budget;
use ephor_wire::error_body::ErrorBody;
use ephor_wire::timestamp::Timestamp;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::ledger::Ledger;
use super::path::UpstreamPath;

/// The version that the compliance guides ask for (compliance_api.md §1).
const API_VERSION: &str = "2023-06-01";

/// How an upstream is reached.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its name in ephor.toml.
    pub name: String,
    /// `https://…`, or `http://` on loopback.
    pub base_url: Url,
    /// The key; printed nowhere.
    pub key: SecretString,
    /// The share of the upstream's budget that may be used, between 0 and 1.
    pub share: f64,
    /// Requests that the upstream allows in a window, as published, until an answer says otherwise; none is no limit.
    pub assumed_limit: Option<u32>,
    /// How long to wait, and how often to try.
    pub pace: Pace,
    /// What it was asked and said; clones of an endpoint share it, and with it the budget.
    pub ledger: Ledger,
}

/// Waiting times. The defaults are the published ones; tests shorten them.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The first wait after a failure that may pass; each further one doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// How long one request may take.
    pub timeout: Duration,
    /// Tries of one request before it is put off to the next run.
    pub tries: usize,
    /// The span over which the budget is counted.
    pub window: Duration,
    /// What a second in a `retry-after` header means.
    pub second: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            timeout: Duration::from_secs(60),
            tries: 8,
            window: Duration::from_secs(60),
            second: Duration::from_secs(1),
        }
    }
}

/// Why an upstream gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpstreamError {
    /// 400: the request itself is wrong, for a cursor that means that it no longer decodes.
    #[error("the upstream refuses the request: {0}")]
    BadRequest(String),
    /// 401 or 403.
    #[error("the upstream refuses the key ({status}): {message}; check its scopes, and that the API is on")]
    Refused {
        /// 401 or 403.
        status: u16,
        /// The upstream's words.
        message: String,
    },
    /// 404.
    #[error("the upstream has no {0}")]
    NotFound(String),
    /// 410: a page token whose data have been refreshed since.
    #[error("the page token has expired: {0}")]
    Expired(String),
    /// Everything that may pass, tried often enough.
    #[error("the upstream did not answer after {tries} tries: {last}; the next run goes on from the same place")]
    Unavailable {
        /// How often it was tried.
        tries: usize,
        /// What went wrong the last time.
        last: String,
    },
    /// An address that the key must not be sent to.
    #[error("{0} is neither https nor on this machine: the key would travel in the clear")]
    InTheClear(String),
    /// Any other refusal.
    #[error("the upstream answers {status}: {message}")]
    Other {
        /// The status.
        status: u16,
        /// The upstream's words.
        message: String,
    },
}

/// An answer, parsed.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    pub(crate) request_id: Option<String>,
    /// The organization that the key reads, where the upstream says so (analytics_api.md §1.1).
    pub(crate) organization: Option<String>,
}

/// What came of one try.
enum Try<T> {
    Done(T),
    Failed(UpstreamError),
    /// May pass: what happened, and how long the upstream asks to wait.
    Again(String, Option<Duration>),
}

/// A connection to one upstream.
#[derive(Debug)]
pub(crate) struct Client {
    endpoint: Endpoint,
    http: reqwest::Client,
    /// Requests that this client made.
    pub(crate) requests: u64,
    /// What to ask by the name of, where paths are in beta.
    pub(crate) beta: Option<&'static str>,
    clock: fn() -> i64,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint, clock: fn() -> i64) -> Result<Self, UpstreamError> {
        let mut http = reqwest::Client::builder();
        if endpoint.base_url.scheme() != "https" {
            if !is_loopback(&endpoint.base_url) {
                let origin = endpoint.base_url.origin().ascii_serialization();
                return Err(UpstreamError::InTheClear(origin));
            }
            // A proxy of the environment would carry the key, unencrypted, to another machine.
            http = http.no_proxy();
        }
        let http = http
            .timeout(endpoint.pace.timeout)
            .connect_timeout(endpoint.pace.timeout.min(Duration::from_secs(10)))
            .user_agent(concat!("ephor/", env!("CARGO_PKG_VERSION")))
            // A redirect could lead the key to another host.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| UpstreamError::Other { status: 0, message: words(&error) })?;
        Ok(Self { endpoint, http, requests: 0, beta: None, clock })
    }

    /// Asks until there is an answer that `parse` can read, or none is to be had.
    pub(crate) async fn get<T>(
        &mut self,
        path: &UpstreamPath,
        query: &[(&str, String)],
        parse: impl Fn(&Bytes) -> Result<T, serde_json::Error>,
    ) -> Result<Answer<T>, UpstreamError> {
        let pace = self.endpoint.pace.clone();
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(pace.first_wait)
            .with_max_delay(pace.longest_wait)
            .with_jitter()
            .without_max_times()
            .build();
        let mut last = String::new();
        for tries in 1..=pace.tries {
            self.wait_for_turn().await;
            match self.attempt(path, query, &parse).await {
                Try::Done(answer) => return Ok(answer),
                Try::Failed(error) => return Err(error),
                Try::Again(what, asked) => {
                    tracing::debug!(upstream = self.endpoint.name, path = %path, what, "trying again");
                    last = what;
                    let own = waits.next().unwrap_or(pace.longest_wait);
                    if let Some(asked) = asked {
                        self.endpoint.ledger.close_for(asked, Instant::now());
                    }
                    if tries < pace.tries {
                        tokio::time::sleep(asked.unwrap_or(own)).await;
                    }
                }
            }
        }
        Err(UpstreamError::Unavailable { tries: pace.tries, last })
    }

    async fn attempt<T>(
        &mut self,
        path: &UpstreamPath,
        query: &[(&str, String)],
        parse: impl Fn(&Bytes) -> Result<T, serde_json::Error>,
    ) -> Try<Answer<T>> {
        let Ok(url) = self.endpoint.base_url.join(&path.to_string()) else {
            return Try::Failed(UpstreamError::NotFound(path.to_string()));
        };
        let request = self
            .http
            .get(url)
            .header("x-api-key", self.endpoint.key.expose_secret())
            .header("anthropic-version", API_VERSION)
            .query(query);
        let request = match self.beta {
            Some(beta) => request.header("anthropic-beta", beta),
            None => request,
        };
        self.requests += 1;
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Try::Again(words(&error), None),
        };
        self.note(response.headers());
        let request_id = header(response.headers(), "request-id").map(str::to_owned);
        let organization = header(response.headers(), "anthropic-organization-id").map(str::to_owned);
        if response.status() != StatusCode::OK {
            return self.refusal(path, response).await;
        }
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return Try::Again(format!("the answer was cut: {}", words(&error)), None),
        };
        match parse(&body) {
            Ok(value) => Try::Done(Answer { value, request_id, organization }),
            Err(error) => Try::Again(format!("the answer is not what it should be: {error}"), None),
        }
    }

    async fn refusal<T>(&self, path: &UpstreamPath, response: Response) -> Try<T> {
        let status = response.status().as_u16();
        let asked = self.retry_after(response.headers());
        let final_word = header(response.headers(), "x-should-retry") == Some("false");
        let message = match response.bytes().await.ok().and_then(|body| serde_json::from_slice::<ErrorBody>(&body).ok())
        {
            Some(body) => body.error.message.chars().take(300).collect(),
            None => "without an explanation".to_owned(),
        };
        match status {
            400 => Try::Failed(UpstreamError::BadRequest(message)),
            401 | 403 => Try::Failed(UpstreamError::Refused { status, message }),
            404 => Try::Failed(UpstreamError::NotFound(path.to_string())),
            410 => Try::Failed(UpstreamError::Expired(message)),
            408 | 409 | 425 | 429 => Try::Again(format!("{status}: {message}"), asked),
            500.. if !final_word => Try::Again(format!("{status}: {message}"), asked),
            _ => Try::Failed(UpstreamError::Other { status, message }),
        }
    }

    /// Seconds, or a date of HTTP.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = header(headers, "retry-after")?;
        let seconds = match text.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() => seconds.clamp(0.0, 3600.0),
            Ok(_) => return None,
            Err(_) => {
                let until = http_date(text)?;
                ((until - (self.clock)()) as f64 / 1e6).clamp(0.0, 3600.0)
            }
        };
        Some(self.endpoint.pace.second.mul_f64(seconds))
    }

    /// Reads what every answer tells of budget and clock.
    fn note(&self, headers: &HeaderMap) {
        let Endpoint { ledger, pace, .. } = &self.endpoint;
        let now = (self.clock)();
        if let Some(theirs) = header(headers, "date").and_then(http_date) {
            ledger.note_skew(theirs - now);
        }
        let number = |name: &str| header(headers, name).and_then(|text| text.parse::<i64>().ok());
        if let (Some(limit_requests), Some(remaining_requests)) =
            (number("anthropic-ratelimit-requests-limit"), number("anthropic-ratelimit-requests-remaining"))
        {
            let reset =
                header(headers, "anthropic-ratelimit-requests-reset").and_then(|text| Timestamp::parse(text).ok());
            let budget = Budget { limit_requests, remaining_requests, reset_at_micros: reset.map(|at| at.micros()) };
            ledger.note_budget(budget, pace, Instant::now(), now);
        }
    }

    /// Waits while our share of the budget is used up, or nobody has any left.
    async fn wait_for_turn(&self) {
        let Endpoint { ledger, pace, share, assumed_limit, .. } = &self.endpoint;
        while let Err(wait) = ledger.turn(*assumed_limit, *share, pace, Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }

    /// What is left of the upstream's budget.
    pub(crate) fn budget(&self) -> Option<Budget> {
        self.endpoint.ledger.budget()
    }

    /// How far the upstream's clock is ahead of ours.
    pub(crate) fn skew_micros(&self) -> Option<i64> {
        self.endpoint.ledger.skew_micros()
    }

    /// What time it is upstream, as far as its answers told.
    pub(crate) fn upstream_now_micros(&self) -> i64 {
        (self.clock)() + self.skew_micros().unwrap_or_default()
    }
}

/// Whether an address stays on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(HeaderName::try_from(name).ok()?)?.to_str().ok()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` in microseconds.
fn http_date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_microsecond())
}

/// An error's chain without its address, which can hold ids of people in its query.
fn words(error: &reqwest::Error) -> String {
    let mut text = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "no answer in time".to_owned(),
        (_, true) => "no connection".to_owned(),
        _ => "the connection broke".to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(current) = cause {
        text = format!("{text}: {current}");
        cause = current.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// One second past the epoch.
    fn clock() -> i64 {
        1_000_000
    }

    fn client(base_url: &str) -> Result<Client, UpstreamError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = "sk-ant-api01-secret".into();
        let base_url = base_url.parse().unwrap();
        let endpoint = Endpoint {
            name: "upstream".to_owned(),
            base_url,
            key,
            share: 0.5,
            assumed_limit: None,
            pace: Pace::default(),
            ledger: Ledger::default(),
        };
        Client::new(endpoint, clock)
    }

    #[test]
    fn a_key_is_never_sent_in_the_clear_or_shown() {
        let refused = client("http://user:password@example.com/x").unwrap_err().to_string();
        let clear = "http://example.com is neither https nor on this machine: the key would travel in the clear";
        assert_eq!(refused, clear);
        for good in ["https://example.com/", "http://127.0.0.1:8080/", "http://[::1]/", "http://localhost/"] {
            assert!(!format!("{:?}", client(good).unwrap()).contains("secret"), "{good}");
        }
    }
}
