//! A plain HTTP client for what no SDK shows: raw bodies, headers, odd requests, and a walk over the whole feed.
//! Promises: one request at a time, and every walk is bounded.
//! Never retries: what a test sees is the first answer.

use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// The rows that reading the API makes of itself.
pub const OWN_READS: &str = "compliance_api_accessed";

/// More pages than any feed here has; a walk that goes further goes in circles.
const MOST_PAGES: usize = 2_000;

pub struct Client {
    runtime: Runtime,
    http: reqwest::Client,
    address: String,
    key: Option<String>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body of a success.
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "a success was expected: {self:?}");
        self.json()
    }

    /// The `error.type` of a refusal with this status.
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        self.json()["error"]["type"].as_str().unwrap_or_else(|| panic!("no error.type: {self:?}")).to_owned()
    }
}

impl Client {
    pub fn new(address: &str, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..Self::without_key(address) }
    }

    pub fn without_key(address: &str) -> Self {
        // The client is built without a TLS provider of its own; whoever comes first installs it.
        _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            address: address.to_owned(),
            key: None,
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(self.url(path)))
    }

    pub fn post(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.http.post(self.url(path)).header("content-type", content_type).body(body))
    }

    /// The status of an answer, if there is one: whoever is asked may be dead at this moment.
    pub fn try_post(&self, path: &str, content_type: &str, body: String) -> Option<u16> {
        let request = self.http.post(self.url(path)).header("content-type", content_type).body(body);
        let request = request.header("x-api-key", self.key.as_deref().unwrap_or_default());
        self.runtime.block_on(async { Some(request.send().await.ok()?.status().as_u16()) })
    }

    /// The whole feed under a query, page by page.
    pub fn feed(&self, query: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        for _ in 0..MOST_PAGES {
            let page = self.get(&format!("/v1/compliance/activities?limit=5000{query}{cursor}")).ok();
            rows.extend(page["data"].as_array().expect("a page has `data`").iter().cloned());
            if page["has_more"] != true {
                return rows;
            }
            let last = page["last_id"].as_str().expect("a page with more behind it has a last_id");
            cursor = format!("&after_id={}", escaped(last));
        }
        panic!("the feed did not end after {MOST_PAGES} pages");
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = match &self.key {
            Some(key) => request.header("x-api-key", key),
            None => request,
        };
        self.runtime.block_on(async {
            let response = request.header("anthropic-version", "2023-06-01").send().await.expect("Ephor answers");
            let status = response.status().as_u16();
            let headers = response.headers().clone();
            Answer { status, headers, body: response.text().await.expect("a body in UTF-8") }
        })
    }
}

/// Rows that are not the trace of somebody reading.
pub fn without_own_reads(rows: Vec<Value>) -> Vec<Value> {
    rows.into_iter().filter(|row| row["type"] != OWN_READS).collect()
}

pub fn id_of(row: &Value) -> &str {
    row["id"].as_str().expect("an activity has an id")
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
