//! Splunk's HTTP Event Collector: envelopes in gzip, and, where the token asks for it, indexer acknowledgement.
//! With acknowledgement a record counts as delivered when the indexer says that it is written, and not before.
//! Never lets one bad event hold up the others: a body that is refused is cut in half until the bad one is alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Broken, Envelope, Refusal, Sink, Verdict, parts, short};
use crate::http::{Answer, HttpDoor, Packing, secret_header, with_body};
use crate::json;
use crate::record::Record;
use crate::tls::TlsSettings;

/// `splunk_hec = { url = "https://…:8088", token = "env:…", … }`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplunkHecSettings {
    /// Where the collector is, without its path.
    pub url: String,
    /// Where the token is: `env:NAME` or `file:PATH`.
    pub token: String,
    /// The index. Default: the token's.
    #[serde(default)]
    pub index: Option<String>,
    /// The source type. Default: `ocsf:anthropic:audit` for OCSF, else `anthropic:audit`.
    #[serde(default)]
    pub sourcetype: Option<String>,
    /// The source.
    #[serde(default = "source")]
    pub source: String,
    /// The host.
    #[serde(default)]
    pub host: Option<String>,
    /// Whether the token has indexer acknowledgement on (Splunk Enterprise only).
    #[serde(default)]
    pub acknowledge: bool,
    /// How long an acknowledgement may take before the events are sent again.
    #[serde(default = "five_minutes")]
    pub acknowledge_seconds: u64,
    /// How often the indexer is asked.
    #[serde(default = "ten_seconds")]
    pub ask_seconds: f64,
    /// Whether bodies are packed.
    #[serde(default = "yes")]
    pub gzip: bool,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

fn source() -> String {
    "ephor".to_owned()
}
fn five_minutes() -> u64 {
    300
}
fn ten_seconds() -> f64 {
    10.0
}
fn yes() -> bool {
    true
}

/// Bytes of one request: what Splunk Cloud takes.
const REQUEST_BYTES: usize = 1_000_000;

pub(crate) struct SplunkHecSink {
    settings: SplunkHecSettings,
    door: HttpDoor,
    events: Url,
    acks: Url,
    authorization: HeaderValue,
    /// The same for a sink whenever it starts: the indexer keeps acknowledgements by channel.
    channel: String,
    is_json: bool,
}

impl SplunkHecSink {
    pub(crate) fn new(
        name: &str,
        settings: SplunkHecSettings,
        door: HttpDoor,
        token: &SecretString,
        is_json: bool,
    ) -> Result<Self, String> {
        let base = door.url(&settings.url)?;
        let path = |path: &str| base.join(path).map_err(|error| error.to_string());
        let digest = Sha256::digest(format!("{name}\n{}", settings.url));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Ok(Self {
            events: path("services/collector/event")?,
            acks: path("services/collector/ack")?,
            authorization: secret_header("Splunk ", token)?,
            channel: uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string(),
            settings,
            door,
            is_json,
        })
    }

    fn envelope(&self, record: &Record, out: &mut Vec<u8>) {
        let settings = &self.settings;
        json::object(out, |envelope| {
            envelope.raw(
                "time",
                format!("{}.{:06}", record.at_micros.div_euclid(1_000_000), record.at_micros.rem_euclid(1_000_000))
                    .as_bytes(),
            );
            envelope.text("host", settings.host.as_deref());
            envelope.text("source", settings.source.as_str());
            envelope.text("sourcetype", settings.sourcetype.as_deref());
            envelope.text("index", settings.index.as_deref());
            match self.is_json {
                true => envelope.raw("event", &record.bytes),
                false => envelope.text("event", String::from_utf8_lossy(&record.bytes).as_ref()),
            }
            // What `dedup event_id` finds a second copy by.
            envelope.object("fields", |fields| fields.text("event_id", record.id.as_str()));
        });
        out.push(b'\n');
    }

    /// Sends one body and gives its acknowledgement's number, if there is one.
    async fn post(&self, body: Vec<u8>) -> Result<Option<u64>, Refusal> {
        let mut request = self.door.post(self.events.clone()).header(AUTHORIZATION, self.authorization.clone());
        if self.settings.acknowledge {
            request = request.header("X-Splunk-Request-Channel", &self.channel);
        }
        let answer =
            self.door.send(with_body(request, "application/json", body, Packing::from(self.settings.gzip))).await?;
        if !answer.is_success() {
            return Err(refusal(&answer));
        }
        match answer.json().and_then(|said| said["ackId"].as_u64()) {
            None if self.settings.acknowledge => Err(Refusal::Unauthorized {
                why: "the token has no indexer acknowledgement; turn it on in Splunk, or set acknowledge = false"
                    .to_owned(),
            }),
            number => Ok(number),
        }
    }

    /// Asks until every number is acknowledged or the time is up, and gives those that are not.
    async fn wait_for(&self, mut open: BTreeSet<u64>) -> Result<BTreeSet<u64>, Refusal> {
        let end = Instant::now() + Duration::from_secs(self.settings.acknowledge_seconds);
        let pause = Duration::try_from_secs_f64(self.settings.ask_seconds).unwrap_or(Duration::from_secs(10));
        while !open.is_empty() {
            let request = self.door.post(self.acks.clone()).header(AUTHORIZATION, self.authorization.clone());
            let request = request.header("X-Splunk-Request-Channel", &self.channel);
            let asked = serde_json::to_vec(&json!({ "acks": open })).unwrap_or_default();
            let answer = self.door.send(with_body(request, "application/json", asked, Packing::Plain)).await?;
            if !answer.is_success() {
                return Err(refusal(&answer));
            }
            let said: BTreeMap<String, bool> =
                answer.json().and_then(|said| serde_json::from_value(said["acks"].clone()).ok()).unwrap_or_default();
            // A yes is said once and then forgotten.
            open.retain(|number| said.get(&number.to_string()) != Some(&true));
            if open.is_empty() || Instant::now() >= end {
                break;
            }
            tokio::time::sleep(pause.min(end.saturating_duration_since(Instant::now()))).await;
        }
        Ok(open)
    }
}

#[async_trait]
impl Sink for SplunkHecSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let encode = |record: &Record, out: &mut Vec<u8>| self.envelope(record, out);
        let mut waiting: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        let mut taken = Vec::new();
        let mut refused = None;
        for part in parts(batch, &Envelope::LINES, REQUEST_BYTES, usize::MAX, encode) {
            match self.post(part.body).await {
                Ok(number) => {
                    taken.resize(part.records.end, Verdict::Delivered);
                    waiting.entry(number.unwrap_or_default()).or_default().extend(part.records);
                }
                Err(refusal) => {
                    refused = Some(refusal);
                    break;
                }
            }
        }
        if self.settings.acknowledge {
            for number in self.wait_for(waiting.keys().copied().collect()).await? {
                for index in &waiting[&number] {
                    taken[*index] = Verdict::Again("the indexer has not acknowledged it".to_owned());
                }
            }
        }
        match refused {
            None => Ok(taken),
            Some(refusal) => Err(Broken { taken, refusal }),
        }
    }
}

/// Splunk's own codes say more than the status.
fn refusal(answer: &Answer) -> Refusal {
    let code = answer.json().and_then(|said| said["code"].as_u64());
    let why = short(&answer.why());
    match code {
        Some(1..=4) => Refusal::Unauthorized { why },
        // An index that the token may not write to is for somebody to set right, not a fault of the events.
        Some(7 | 10 | 11 | 14) => Refusal::Unauthorized { why },
        Some(5 | 6 | 12 | 13 | 15) => Refusal::Refused { why },
        Some(8 | 9 | 18..=20 | 23) => Refusal::Busy { why, after: answer.retry_after() },
        _ => answer.refusal(),
    }
}
