//! Requests to receivers that speak HTTP: one client a sink, guarded addresses, verified TLS, no redirects.
//! An answer becomes a verdict on the batch by its status; a receiver's own codes are read by its sink.
//! Never puts a URL or a header into an error: some are secrets.

use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use crate::guard::Reach;
use crate::limits::{CONNECT_TIMEOUT, REQUEST_TIMEOUT};
use crate::sink::{Refusal, short};
use crate::tls::TlsSettings;

/// A way to one receiver.
#[derive(Clone)]
pub(crate) struct HttpDoor {
    client: Client,
    reach: Reach,
}

/// What a receiver answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: String,
}

/// Bytes of an answer that are read; no receiver has more to say about a batch.
const ANSWER_BYTES: usize = 16 << 20;

impl HttpDoor {
    /// Opens a way; nothing is connected yet.
    pub(crate) fn open(tls: &TlsSettings, reach: Reach) -> Result<Self, String> {
        Self::with(Client::builder().tls_backend_preconfigured(tls.client()?), reach)
    }

    /// A way to a receiver that speaks nothing but HTTP/2, in the clear too.
    pub(crate) fn open_http2(tls: &TlsSettings, reach: Reach) -> Result<Self, String> {
        let mut tls = tls.client()?;
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Self::with(Client::builder().tls_backend_preconfigured(tls).http2_prior_knowledge(), reach)
    }

    fn with(builder: ClientBuilder, reach: Reach) -> Result<Self, String> {
        let client = builder
            .dns_resolver(Arc::new(Guarded(reach)))
            // A receiver that has moved is for the operator to follow, not for whoever answers to send elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("ephor/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("the HTTP client cannot be made: {}", error.without_url()))?;
        Ok(Self { client, reach })
    }

    /// Checks an address that was given by hand.
    pub(crate) fn url(&self, text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|error| format!("the URL is not one: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("the URL begins with `{}:`; it must be https: or http:", url.scheme()));
        }
        let host = url.host_str().ok_or("the URL has no host")?;
        self.reach.check_host(host)?;
        let is_near = self.reach == Reach::Private;
        if url.scheme() == "http" && !is_near {
            return Err("the URL is not https: on the open network, records travel encrypted".to_owned());
        }
        Ok(url)
    }

    pub(crate) fn post(&self, url: Url) -> RequestBuilder {
        self.client.post(url)
    }

    pub(crate) fn put(&self, url: Url) -> RequestBuilder {
        self.client.put(url)
    }

    pub(crate) fn head(&self, url: Url) -> RequestBuilder {
        self.client.head(url)
    }

    /// Sends a request as it is; the answer's body is still to be read.
    pub(crate) async fn exchange(&self, request: reqwest::Request) -> Result<reqwest::Response, String> {
        self.client.execute(request).await.map_err(|error| short(&chain(&error.without_url())))
    }

    /// Sends a request and reads the answer, whatever it says.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Refusal> {
        let failed = |error: reqwest::Error| Refusal::Unreachable { why: short(&chain(&error.without_url())) };
        let mut response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&part[..part.len().min(ANSWER_BYTES - body.len())]);
        }
        let words = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status, headers, bytes: body, body: words })
    }
}

/// An error and what caused it, without the address.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        words = format!("{words}: {current}");
        cause = current.source();
    }
    words
}

/// Looks names up and leaves out what may not be reached.
struct Guarded(Reach);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            match reach.resolve(name.as_str(), 0).await {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(refusal) => Err(refusal.why().to_owned().into()),
            }
        })
    }
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// What a status says about a batch where the receiver has no codes of its own.
    pub(crate) fn refusal(&self) -> Refusal {
        let why = self.why();
        match self.status.as_u16() {
            401 | 403 => Refusal::Unauthorized { why },
            410 => Refusal::Gone { why },
            413 => Refusal::TooLarge { why },
            408 | 425 | 429 | 503 => Refusal::Busy { why, after: self.retry_after() },
            400..=499 => Refusal::Refused { why },
            _ => Refusal::Unreachable { why },
        }
    }

    pub(crate) fn why(&self) -> String {
        short(&format!("answered {}: {}", self.status, self.body))
    }

    /// `Retry-After` in seconds. A date is not read: no receiver here sends one.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.body).ok()
    }
}

/// A body, and whether it is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
}

impl From<bool> for Packing {
    fn from(gzip: bool) -> Self {
        if gzip { Self::Gzip } else { Self::Plain }
    }
}

/// Puts a body on a request.
pub(crate) fn with_body(request: RequestBuilder, kind: &str, body: Vec<u8>, packing: Packing) -> RequestBuilder {
    let request = request.header(CONTENT_TYPE, kind);
    match packing {
        Packing::Plain => request.body(body),
        Packing::Gzip => request.header(CONTENT_ENCODING, "gzip").body(gzip(&body)),
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    // Level 1 packs such text to a tenth already; more costs more than the network.
    let mut packer = GzEncoder::new(Vec::with_capacity(bytes.len() / 6), Compression::fast());
    // A vector takes every byte.
    let written = packer.write_all(bytes).and_then(|()| packer.finish());
    written.unwrap_or_default()
}

/// A header whose value no log shows.
pub(crate) fn secret_header(before: &str, secret: &SecretString) -> Result<HeaderValue, String> {
    let text = format!("{before}{}", secret.expose_secret());
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| "the secret holds characters that no header may".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// A header that the operator names.
pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let named = name.parse().map_err(|_| format!("`{name}` is no header's name"))?;
    let value = value.parse().map_err(|_| format!("the value of `{name}` holds characters that no header may"))?;
    Ok((named, value))
}
