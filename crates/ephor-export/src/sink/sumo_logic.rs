//! Sumo Logic's HTTP source: lines, packed, to an address that is itself the secret.
//! Promises bodies below the megabyte that a source advises.
//! Never shows the address.

use async_trait::async_trait;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Broken, Envelope, Part, Refusal, Sink, Verdict, all_delivered, broken, line, parts};
use crate::http::{HttpDoor, Packing, with_body};
use crate::record::Record;
use crate::tls::TlsSettings;

/// `sumo_logic = { url = "env:…" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SumoLogicSettings {
    /// Where the source's address is: `env:NAME` or `file:PATH`.
    pub url: String,
    /// `X-Sumo-Category`.
    #[serde(default)]
    pub category: Option<String>,
    /// `X-Sumo-Name`.
    #[serde(default)]
    pub source_name: Option<String>,
    /// `X-Sumo-Host`.
    #[serde(default)]
    pub host: Option<String>,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// A source advises 100 KB to 1 MB a request.
const REQUEST_BYTES: usize = 1_000_000;

pub(crate) struct SumoLogicSink {
    settings: SumoLogicSettings,
    door: HttpDoor,
    url: Url,
}

impl SumoLogicSink {
    pub(crate) fn new(settings: SumoLogicSettings, door: HttpDoor, url: &SecretString) -> Result<Self, String> {
        let url = door.url(url.expose_secret())?;
        Ok(Self { settings, door, url })
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), Refusal> {
        let settings = &self.settings;
        let mut request = self.door.post(self.url.clone());
        let headers = [
            ("X-Sumo-Category", &settings.category),
            ("X-Sumo-Name", &settings.source_name),
            ("X-Sumo-Host", &settings.host),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = self.door.send(with_body(request, "application/x-ndjson", body, Packing::Gzip)).await?;
        match answer.status.as_u16() {
            200..=299 => Ok(()),
            // A source that was deleted or mistyped: somebody has to give the right address.
            401 | 404 => Err(Refusal::Unauthorized { why: answer.why() }),
            504 => Err(Refusal::Busy { why: answer.why(), after: answer.retry_after() }),
            _ => Err(answer.refusal()),
        }
    }
}

#[async_trait]
impl Sink for SumoLogicSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        for Part { body, records } in parts(batch, &Envelope::LINES, REQUEST_BYTES, usize::MAX, line) {
            self.post(body).await.map_err(|refusal| broken(records.start, refusal))?;
        }
        Ok(all_delivered(batch))
    }
}
