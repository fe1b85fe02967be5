//! Google SecOps: events of the Unified Data Model, imported through the Chronicle API.
//! An import is taken whole or not at all; what it cannot read is narrowed down to the event that causes it.
//! SecOps has no key for second copies; `metadata.productLogId` is the record's id.

use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;

use super::{Broken, Envelope, Part, Refusal, Sink, Verdict, all_delivered, broken, parts};
use crate::google::GoogleClient;
use crate::http::{HttpDoor, Packing, with_body};
use crate::record::Record;
use crate::tls::TlsSettings;

/// `secops = { project = "…", location = "eu", instance = "…", credentials = "file:…" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecopsSettings {
    /// The Google Cloud project that the instance is bound to.
    pub project: String,
    /// Where the instance is: `us`, `eu`, `europe-west2`, …
    #[serde(default = "us")]
    pub location: String,
    /// The instance, which is the customer's id.
    pub instance: String,
    /// The key file of a service account: `env:NAME` or `file:PATH`.
    pub credentials: String,
    /// The API's address, where it is not the location's own (a relay, say).
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

fn us() -> String {
    "us".to_owned()
}

/// What is known to be taken in one import: others who write to this API stay within these.
const REQUEST_BYTES: usize = 2_000_000;
const REQUEST_EVENTS: usize = 1_000;

const IMPORT: Envelope<'static> = Envelope { begin: br#"{"inlineSource":{"events":["#, between: b",", end: b"]}}" };

pub(crate) struct SecopsSink {
    door: HttpDoor,
    url: Url,
    google: GoogleClient,
}

impl SecopsSink {
    pub(crate) fn new(settings: &SecopsSettings, door: HttpDoor, google: GoogleClient) -> Result<Self, String> {
        let plain =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        let SecopsSettings { project, location, instance, .. } = settings;
        for (name, text) in [("project", project), ("location", location), ("instance", instance)] {
            if !plain(text) {
                return Err(format!("secops.{name} = \"{text}\" has other characters than letters, digits, - _ ."));
            }
        }
        let usual = format!("https://{location}-chronicle.googleapis.com");
        let path = format!("/v1/projects/{project}/locations/{location}/instances/{instance}/events:import");
        let mut url = door.url(settings.endpoint.as_deref().unwrap_or(&usual))?;
        url.set_path(&path);
        Ok(Self { door, url, google })
    }

    async fn import(&mut self, body: Vec<u8>) -> Result<(), Refusal> {
        let authorization = self.google.authorization().await?;
        let request = self.door.post(self.url.clone()).header(AUTHORIZATION, authorization);
        let answer = self.door.send(with_body(request, "application/json", body, Packing::Plain)).await?;
        match answer.status.as_u16() {
            200..=299 => Ok(()),
            // A token may end before its time: the next try has a new one.
            401 => {
                self.google.forget();
                Err(answer.refusal())
            }
            // Nothing of an event makes an instance that is not there.
            404 => Err(Refusal::Unauthorized { why: answer.why() }),
            _ => Err(answer.refusal()),
        }
    }
}

#[async_trait]
impl Sink for SecopsSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let event = |record: &Record, out: &mut Vec<u8>| {
            out.extend_from_slice(br#"{"udm":"#);
            out.extend_from_slice(&record.bytes);
            out.push(b'}');
        };
        for Part { body, records } in parts(batch, &IMPORT, REQUEST_BYTES, REQUEST_EVENTS, event) {
            self.import(body).await.map_err(|refusal| broken(records.start, refusal))?;
        }
        Ok(all_delivered(batch))
    }
}
