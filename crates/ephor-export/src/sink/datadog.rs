//! Datadog's log intake: a JSON array of entries, packed.
//! Promises bodies within its limits of 5 MB and 1,000 entries.
//! Datadog has no key for second copies; every entry carries the record's id.

use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Broken, Envelope, Part, Sink, Verdict, all_delivered, broken, parts};
use crate::http::{HttpDoor, Packing, secret_header, with_body};
use crate::json;
use crate::record::Record;
use crate::tls::TlsSettings;

/// `datadog = { site = "datadoghq.eu", api_key = "env:…" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatadogSettings {
    /// The site that the account is on.
    #[serde(default = "usual_site")]
    pub site: String,
    /// The intake's address, where it is not the site's own (a relay, say).
    #[serde(default)]
    pub url: Option<String>,
    /// The API key: `env:NAME` or `file:PATH`.
    pub api_key: String,
    /// `service` of every entry.
    #[serde(default = "service")]
    pub service: String,
    /// `ddsource` of every entry.
    #[serde(default = "anthropic")]
    pub source: String,
    /// `ddtags` of every entry.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

fn usual_site() -> String {
    "datadoghq.com".to_owned()
}
fn service() -> String {
    "ephor".to_owned()
}
fn anthropic() -> String {
    "anthropic".to_owned()
}

/// The intake rejects a body above 5 MB unpacked and an array of more than 1,000.
const REQUEST_BYTES: usize = 5_000_000;
const REQUEST_ENTRIES: usize = 1_000;

pub(crate) struct DatadogSink {
    settings: DatadogSettings,
    door: HttpDoor,
    url: Url,
    key: HeaderValue,
}

impl DatadogSink {
    pub(crate) fn new(settings: DatadogSettings, door: HttpDoor, key: &SecretString) -> Result<Self, String> {
        let base = match &settings.url {
            Some(url) => url.clone(),
            None => format!("https://http-intake.logs.{}", settings.site),
        };
        let url = door.url(&base)?.join("api/v2/logs").map_err(|error| error.to_string())?;
        Ok(Self { url, key: secret_header("", key)?, settings, door })
    }

    fn entry(&self, record: &Record, out: &mut Vec<u8>) {
        let settings = &self.settings;
        json::object(out, |entry| {
            entry.text("ddsource", settings.source.as_str());
            entry.text("service", settings.service.as_str());
            entry.text("ddtags", Some(settings.tags.join(",").as_str()).filter(|tags| !tags.is_empty()));
            entry.text("id", record.id.as_str());
            entry.text("evt.name", record.kind.as_str());
            entry.number("timestamp", record.at_micros.div_euclid(1000));
            entry.text("status", record.level.as_str());
            // A text by Datadog's own schema, JSON too: the intake takes its fields out of it.
            entry.text("message", String::from_utf8_lossy(&record.bytes).as_ref());
        });
    }
}

#[async_trait]
impl Sink for DatadogSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let encode = |record: &Record, out: &mut Vec<u8>| self.entry(record, out);
        for Part { body, records } in parts(batch, &Envelope::ARRAY, REQUEST_BYTES, REQUEST_ENTRIES, encode) {
            let request = self.door.post(self.url.clone()).header("DD-API-KEY", self.key.clone());
            let answer = self.door.send(with_body(request, "application/json", body, Packing::Gzip)).await;
            let answer = answer.map_err(|refusal| broken(records.start, refusal))?;
            if !answer.is_success() {
                return Err(broken(records.start, answer.refusal()));
            }
        }
        Ok(all_delivered(batch))
    }
}
