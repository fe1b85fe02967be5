//! Elasticsearch and OpenSearch: `_bulk` with `create` and the record's id, so that a second copy is no second document.
//! Every item's own answer counts: made, there already, later, or never.
//! Never overwrites a document.

use async_trait::async_trait;
use ephor_wire::timestamp::Timestamp;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{Broken, Envelope, Refusal, Sink, Verdict, parts, short};
use crate::http::{HttpDoor, Packing, secret_header, with_body};
use crate::json;
use crate::record::Record;
use crate::tls::TlsSettings;

/// `elastic = { url = "https://…:9200", … }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElasticSettings {
    /// Where the cluster is.
    pub url: String,
    /// A data stream or index; `{month}` becomes the record's month (`2026-11`).
    ///
    /// Ids are unique within one index. A data stream rolls over to a new one, and a record that is sent again after that is
    /// there twice; one index a month, named after the record's own time, has no such moment.
    #[serde(default = "data_stream")]
    pub index: String,
    /// An API key: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub api_key: Option<String>,
    /// A user, where there is no API key.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub password: Option<String>,
    /// An ingest pipeline.
    #[serde(default)]
    pub pipeline: Option<String>,
    /// Whether bodies are packed.
    #[serde(default = "yes")]
    pub gzip: bool,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

fn data_stream() -> String {
    "logs-anthropic.audit-default".to_owned()
}
fn yes() -> bool {
    true
}

/// Bytes of one request: well below the hundred megabytes that a cluster takes, and a size that it works through well.
const REQUEST_BYTES: usize = 8 << 20;

/// What a sink lets a cluster know it by.
pub(crate) enum ElasticCredentials {
    None,
    ApiKey(SecretString),
    Password(String, SecretString),
}

pub(crate) struct ElasticSink {
    settings: ElasticSettings,
    door: HttpDoor,
    bulk: Url,
    authorization: Option<HeaderValue>,
}

impl ElasticSink {
    pub(crate) fn new(settings: ElasticSettings, door: HttpDoor, who: &ElasticCredentials) -> Result<Self, String> {
        let base = door.url(&settings.url)?;
        let mut bulk = base.join("_bulk").map_err(|error| error.to_string())?;
        if let Some(pipeline) = &settings.pipeline {
            bulk.query_pairs_mut().append_pair("pipeline", pipeline);
        }
        let authorization = match who {
            ElasticCredentials::None => None,
            ElasticCredentials::ApiKey(key) => Some(secret_header("ApiKey ", key)?),
            ElasticCredentials::Password(user, password) => Some(basic(user, password)?),
        };
        Ok(Self { settings, door, bulk, authorization })
    }

    fn index_of(&self, record: &Record) -> String {
        match self.settings.index.contains("{month}") {
            false => self.settings.index.clone(),
            true => {
                let at = Timestamp::from_micros(record.at_micros);
                self.settings.index.replace("{month}", at.as_str().get(..7).unwrap_or("0000-00"))
            }
        }
    }

    fn item(&self, record: &Record, out: &mut Vec<u8>) {
        json::object(out, |action| {
            action.object("create", |create| {
                create.text("_index", self.index_of(record).as_str());
                create.text("_id", record.id.as_str());
            });
        });
        out.push(b'\n');
        out.extend_from_slice(&record.bytes);
        out.push(b'\n');
    }

    async fn bulk(&self, body: Vec<u8>, records: usize) -> Result<Vec<Verdict>, Refusal> {
        let mut request = self.door.post(self.bulk.clone());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let packing = Packing::from(self.settings.gzip);
        let answer = self.door.send(with_body(request, "application/x-ndjson", body, packing)).await?;
        if !answer.is_success() {
            return Err(answer.refusal());
        }
        let said = answer.json().unwrap_or_default();
        let items = said["items"].as_array().map_or(&[][..], Vec::as_slice);
        if items.len() != records {
            let why = format!("answered for {} of {records} records: {}", items.len(), answer.why());
            return Err(Refusal::Unreachable { why: short(&why) });
        }
        Ok(items.iter().map(verdict).collect())
    }
}

pub(super) fn basic(user: &str, password: &SecretString) -> Result<HeaderValue, String> {
    use base64::Engine;
    let pair = format!("{user}:{}", password.expose_secret());
    let packed = base64::engine::general_purpose::STANDARD.encode(pair);
    secret_header("Basic ", &SecretString::from(packed))
}

/// What one item's answer says.
fn verdict(item: &Value) -> Verdict {
    let item = &item["create"];
    let why = || {
        short(&format!(
            "{} {}",
            item["error"]["type"].as_str().unwrap_or("error"),
            item["error"]["reason"].as_str().unwrap_or_default()
        ))
    };
    match item["status"].as_u64().unwrap_or_default() {
        200..=299 => Verdict::Delivered,
        409 => Verdict::Duplicate,
        429 | 500..=599 => Verdict::Again(why()),
        // What is wrong with the index and not with the document: nothing is lost by trying again.
        403 | 404 => Verdict::Again(why()),
        _ => Verdict::Rejected(why()),
    }
}

#[async_trait]
impl Sink for ElasticSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let encode = |record: &Record, out: &mut Vec<u8>| self.item(record, out);
        let mut taken = Vec::with_capacity(batch.len());
        for part in parts(batch, &Envelope::LINES, REQUEST_BYTES, usize::MAX, encode) {
            match self.bulk(part.body, part.records.len()).await {
                Ok(verdicts) => taken.extend(verdicts),
                Err(refusal) => return Err(Broken { taken, refusal }),
            }
        }
        Ok(taken)
    }
}
