//! Microsoft Sentinel through the Logs Ingestion API: a JSON array for one stream of a data collection rule.
//! Promises bodies within its 1 MB, and a new token when the old one is refused before its time.
//! The API has no key for second copies; every row carries the record's id as `EventUid`.

use async_trait::async_trait;
use ephor_wire::timestamp::Timestamp;
use reqwest::Url;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;

use super::{Broken, Envelope, Part, Refusal, Sink, Verdict, all_delivered, broken, parts};
use crate::entra::EntraClient;
use crate::http::{HttpDoor, Packing, with_body};
use crate::json;
use crate::record::Record;
use crate::tls::TlsSettings;

/// `sentinel = { endpoint = "https://….ingest.monitor.azure.com", … }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentinelSettings {
    /// The data collection endpoint, or the rule's own.
    pub endpoint: String,
    /// The rule's immutable id, `dcr-…`.
    pub rule: String,
    /// The stream, `Custom-…`.
    pub stream: String,
    /// The Entra tenant.
    pub tenant: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret: `env:NAME` or `file:PATH`.
    pub client_secret: String,
    /// Where tokens are asked for; another one in national clouds.
    #[serde(default = "login")]
    pub login: String,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

fn login() -> String {
    "https://login.microsoftonline.com".to_owned()
}

/// What tokens are for.
pub(crate) const SCOPE: &str = "https://monitor.azure.com/.default";

/// A call takes 1 MB, packed or not; some room is left for what the service counts beside the body.
const REQUEST_BYTES: usize = 1_000_000;

/// The version of the API.
const API_VERSION: &str = "2023-01-01";

pub(crate) struct SentinelSink {
    door: HttpDoor,
    url: Url,
    entra: EntraClient,
    is_json: bool,
}

impl SentinelSink {
    pub(crate) fn new(
        settings: &SentinelSettings,
        door: HttpDoor,
        entra: EntraClient,
        is_json: bool,
    ) -> Result<Self, String> {
        let path = format!("dataCollectionRules/{}/streams/{}", settings.rule, settings.stream);
        let mut url = door.url(&settings.endpoint)?.join(&path).map_err(|error| error.to_string())?;
        url.query_pairs_mut().append_pair("api-version", API_VERSION);
        Ok(Self { door, url, entra, is_json })
    }

    fn row(&self, record: &Record, out: &mut Vec<u8>) {
        json::object(out, |row| {
            row.text("TimeGenerated", Timestamp::from_micros(record.at_micros).as_str());
            row.text("EventUid", record.id.as_str());
            row.text("EventType", record.kind.as_str());
            row.text("EventSeverity", record.level.as_str());
            match self.is_json {
                true => row.raw("Event", &record.bytes),
                false => row.text("Event", String::from_utf8_lossy(&record.bytes).as_ref()),
            }
        });
    }

    async fn post(&mut self, body: Vec<u8>) -> Result<(), Refusal> {
        let authorization = self.entra.authorization().await?;
        let request = self.door.post(self.url.clone()).header(AUTHORIZATION, authorization);
        let answer = self.door.send(with_body(request, "application/json", body, Packing::Plain)).await?;
        match answer.status.as_u16() {
            200..=299 => Ok(()),
            401 => {
                self.entra.forget();
                // A token may end early: the next try has a new one, and does not wait for somebody to act.
                Err(Refusal::Busy { why: answer.why(), after: None })
            }
            403 => Err(Refusal::Unauthorized {
                why: format!(
                    "{}; the application needs the role Monitoring Metrics Publisher on the rule",
                    answer.why()
                ),
            }),
            404 => Err(Refusal::Unauthorized { why: answer.why() }),
            _ => Err(answer.refusal()),
        }
    }
}

#[async_trait]
impl Sink for SentinelSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let encode = |record: &Record, out: &mut Vec<u8>| self.row(record, out);
        for Part { body, records } in parts(batch, &Envelope::ARRAY, REQUEST_BYTES, usize::MAX, encode) {
            self.post(body).await.map_err(|refusal| broken(records.start, refusal))?;
        }
        Ok(all_delivered(batch))
    }
}
