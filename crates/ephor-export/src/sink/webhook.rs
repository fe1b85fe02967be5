//! Any receiver that takes HTTPS posts: lines, an array or CloudEvents, with the credentials and the signature it asks for.
//! Every request names its batch (`Idempotency-Key`) the same way each time it is sent, and signs time and body by HMAC.
//! Never follows a redirect.

use async_trait::async_trait;
use ephor_wire::timestamp::Timestamp;
use hmac::{Hmac, Mac};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::elastic::basic;
use super::{Broken, Envelope, Part, Refusal, Sink, Verdict, all_delivered, broken, line, parts};
use crate::http::{HttpDoor, Packing, header, secret_header, with_body};
use crate::json;
use crate::record::{Place, Record};
use crate::tls::TlsSettings;

/// `webhook = { url = "https://…" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where to; `env:NAME` or `file:PATH` if the address is itself a secret.
    pub url: String,
    /// What a body is.
    #[serde(default)]
    pub body: WebhookBody,
    /// A bearer token: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub bearer: Option<String>,
    /// A user for basic authentication.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub password: Option<String>,
    /// A header with a shared secret: its name.
    #[serde(default)]
    pub secret_header: Option<String>,
    /// The shared secret: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub secret: Option<String>,
    /// What signs: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub hmac_secret: Option<String>,
    /// Bytes of one request at the most.
    #[serde(default = "half_a_megabyte")]
    pub request_bytes: usize,
    /// Whether bodies are packed.
    #[serde(default)]
    pub gzip: bool,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

impl WebhookSettings {
    /// An address and nothing else.
    pub(crate) fn at(url: &str, tls: &TlsSettings) -> Self {
        Self {
            url: url.to_owned(),
            body: WebhookBody::default(),
            bearer: None,
            username: None,
            password: None,
            secret_header: None,
            secret: None,
            hmac_secret: None,
            request_bytes: half_a_megabyte(),
            gzip: false,
            tls: tls.clone(),
        }
    }
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookBody {
    /// One record a line.
    #[default]
    Ndjson,
    /// A JSON array.
    Array,
    /// A batch of CloudEvents 1.0.
    Cloudevents,
}

/// What the strictest known receiver of this kind takes, headers included.
fn half_a_megabyte() -> usize {
    500_000
}

/// Whose events they are, in CloudEvents' words; with the record's id it is unique by that specification.
fn cloudevents_source(place: Place) -> &'static str {
    match place {
        Place::Activity { .. } => "/ephor/activities",
        Place::Finding { .. } => "/ephor/findings",
        Place::Gap { .. } => "/ephor/control-gaps",
    }
}

/// What lets the sink in.
#[derive(Default)]
pub(crate) struct WebhookCredentials {
    pub(crate) bearer: Option<SecretString>,
    pub(crate) password: Option<SecretString>,
    pub(crate) secret: Option<SecretString>,
    pub(crate) hmac: Option<SecretString>,
}

/// A receiver of HTTPS posts, its credentials and how posts to it are signed.
pub(crate) struct WebhookDoor {
    door: HttpDoor,
    url: Url,
    headers: HeaderMap,
    hmac: Option<SecretString>,
    packing: Packing,
    clock: fn() -> i64,
}

impl WebhookDoor {
    pub(crate) fn new(
        settings: &WebhookSettings,
        door: HttpDoor,
        url: &SecretString,
        credentials: WebhookCredentials,
        clock: fn() -> i64,
    ) -> Result<Self, String> {
        let url = door.url(url.expose_secret())?;
        let mut headers = HeaderMap::new();
        if let Some(token) = &credentials.bearer {
            headers.insert(AUTHORIZATION, secret_header("Bearer ", token)?);
        }
        if let (Some(user), Some(password)) = (&settings.username, &credentials.password) {
            headers.insert(AUTHORIZATION, basic(user, password)?);
        }
        if let (Some(name), Some(secret)) = (&settings.secret_header, &credentials.secret) {
            let (name, _) = header(name, "x")?;
            headers.insert(name, secret_header("", secret)?);
        }
        Ok(Self { door, url, headers, hmac: credentials.hmac, packing: Packing::from(settings.gzip), clock })
    }

    /// Posts a body under a key that is the same whenever the same body is sent.
    pub(crate) async fn post(&self, body: Vec<u8>, kind: &str, key: &str) -> Result<(), Refusal> {
        let time = (self.clock)().div_euclid(1_000_000).to_string();
        let mut request = self.door.post(self.url.clone()).headers(self.headers.clone());
        request = request.header("Idempotency-Key", key).header("X-Ephor-Timestamp", &time);
        if let Some(secret) = &self.hmac {
            request = request.header("X-Ephor-Signature", sign(secret, &time, &body));
        }
        let answer = self.door.send(with_body(request, kind, body, self.packing)).await?;
        if answer.is_success() { Ok(()) } else { Err(answer.refusal()) }
    }
}

pub(crate) struct WebhookSink {
    settings: WebhookSettings,
    door: WebhookDoor,
    is_json: bool,
}

impl WebhookSink {
    pub(crate) fn new(settings: WebhookSettings, door: WebhookDoor, is_json: bool) -> Result<Self, String> {
        if settings.body == WebhookBody::Array && !is_json {
            return Err("webhook.body = \"array\" needs a format that is JSON".to_owned());
        }
        Ok(Self { settings, door, is_json })
    }

    fn event(&self, record: &Record, out: &mut Vec<u8>) {
        json::object(out, |event| {
            event.text("specversion", "1.0");
            event.text("id", record.id.as_str());
            event.text("source", cloudevents_source(record.place));
            event.text("type", record.kind.as_str());
            event.text("time", Timestamp::from_micros(record.at_micros).as_str());
            event.text("subject", record.organization.as_deref());
            match self.is_json {
                true => {
                    event.text("datacontenttype", "application/json");
                    event.raw("data", &record.bytes);
                }
                false => {
                    event.text("datacontenttype", "text/plain");
                    event.text("data", String::from_utf8_lossy(&record.bytes).as_ref());
                }
            }
        });
    }

    fn parts(&self, batch: &[Record]) -> (Vec<Part>, &'static str) {
        let bytes = self.settings.request_bytes;
        match self.settings.body {
            WebhookBody::Ndjson => (parts(batch, &Envelope::LINES, bytes, usize::MAX, line), "application/x-ndjson"),
            WebhookBody::Array => {
                let as_it_is = |record: &Record, out: &mut Vec<u8>| out.extend_from_slice(&record.bytes);
                (parts(batch, &Envelope::ARRAY, bytes, usize::MAX, as_it_is), "application/json")
            }
            WebhookBody::Cloudevents => {
                let event = |record: &Record, out: &mut Vec<u8>| self.event(record, out);
                (parts(batch, &Envelope::ARRAY, bytes, usize::MAX, event), "application/cloudevents-batch+json")
            }
        }
    }
}

/// The same records have the same key.
fn batch_key(records: &[Record]) -> String {
    let mut hash = Sha256::new();
    for record in records {
        let stream: &[u8] = match record.place {
            Place::Activity { .. } => b"a",
            Place::Finding { .. } => b"f",
            Place::Gap { .. } => b"g",
        };
        hash.update(stream);
        hash.update(record.place.number().to_be_bytes());
        hash.update(record.id.as_bytes());
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `v1=` and the HMAC-SHA-256 of time, a dot and the body before it is packed, in hexadecimal.
fn sign(secret: &SecretString, time: &str, body: &[u8]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={digits}")
}

#[async_trait]
impl Sink for WebhookSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let (parts, kind) = self.parts(batch);
        for Part { body, records } in parts {
            let sent = self.door.post(body, kind, &batch_key(&batch[records.clone()])).await;
            sent.map_err(|refusal| broken(records.start, refusal))?;
        }
        Ok(all_delivered(batch))
    }
}
