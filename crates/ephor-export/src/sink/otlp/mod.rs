//! OpenTelemetry collectors: batches of log records over HTTP or gRPC, protobuf, packed.
//! What a collector rejects of a request is final by the protocol and not told by name: it becomes a dead letter, with the
//! requests made smaller from then on so that a dead letter is the one that was meant.
//! Never sends again what was answered with success.

mod grpc;

use async_trait::async_trait;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use prost::Message;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Broken, Refusal, Sink, Verdict, short};
use crate::http::{Answer, HttpDoor, Packing, header, secret_header, with_body};
use crate::record::Record;
use crate::tls::TlsSettings;
use grpc::GrpcDoor;

/// `otlp = { url = "https://…:4318" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpSettings {
    /// The collector's address; `/v1/logs` is added for HTTP.
    pub url: String,
    /// How it is spoken to.
    #[serde(default)]
    pub protocol: OtlpProtocol,
    /// A bearer token: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub bearer: Option<String>,
    /// A header with a shared secret: its name.
    #[serde(default)]
    pub secret_header: Option<String>,
    /// The shared secret: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub secret: Option<String>,
    /// Whether requests are packed.
    #[serde(default = "yes")]
    pub gzip: bool,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtlpProtocol {
    /// Posts of protobuf, usually on port 4318.
    #[default]
    Http,
    /// gRPC, usually on port 4317.
    Grpc,
}

fn yes() -> bool {
    true
}

/// What a receiver of gRPC takes at the most, unless it was told otherwise; a record is smaller as protobuf than as JSON.
const REQUEST_BYTES: usize = 4_000_000;

/// Records of one request at the most: so many become dead letters where a collector does not say which of them it meant.
const REQUEST_RECORDS: usize = 250;

/// What lets the sink in.
pub(crate) struct OtlpCredentials {
    pub(crate) bearer: Option<SecretString>,
    pub(crate) secret: Option<SecretString>,
}

enum Way {
    Http { door: HttpDoor, url: Url, headers: HeaderMap, packing: Packing },
    Grpc(GrpcDoor),
}

pub(crate) struct OtlpSink {
    way: Way,
    /// Records of the next request at the most.
    most: usize,
}

impl OtlpSink {
    pub(crate) fn new(settings: &OtlpSettings, door: HttpDoor, credentials: &OtlpCredentials) -> Result<Self, String> {
        let base = door.url(&settings.url)?;
        let mut headers = HeaderMap::new();
        if let Some(token) = &credentials.bearer {
            headers.insert(AUTHORIZATION, secret_header("Bearer ", token)?);
        }
        if let (Some(name), Some(secret)) = (&settings.secret_header, &credentials.secret) {
            let (name, _) = header(name, "x")?;
            headers.insert(name, secret_header("", secret)?);
        }
        let packing = Packing::from(settings.gzip);
        let way = match settings.protocol {
            OtlpProtocol::Grpc => Way::Grpc(GrpcDoor::new(door, &base, headers, packing)?),
            OtlpProtocol::Http => {
                let mut url = base;
                let path = format!("{}/v1/logs", url.path().trim_end_matches('/'));
                url.set_path(&path);
                Way::Http { door, url, headers, packing }
            }
        };
        Ok(Self { way, most: REQUEST_RECORDS })
    }

    /// How many of these go into one request.
    fn fit(&self, records: &[Record]) -> usize {
        let mut bytes = 0;
        let fits = |record: &&Record| {
            bytes += record.bytes.len();
            bytes <= REQUEST_BYTES
        };
        records.iter().take(self.most).take_while(fits).count().max(1).min(records.len())
    }

    async fn export(&self, request: ExportLogsServiceRequest) -> Result<ExportLogsServiceResponse, Refusal> {
        match &self.way {
            Way::Grpc(door) => door.export(request).await,
            Way::Http { door, url, headers, packing } => {
                let post = door.post(url.clone()).headers(headers.clone());
                let post = with_body(post, "application/x-protobuf", request.encode_to_vec(), *packing);
                let answer = door.send(post).await?;
                if !answer.is_success() {
                    return Err(answer.refusal());
                }
                said(&answer)
            }
        }
    }

    /// What a success says of a request's records.
    fn hear(&mut self, records: usize, partial: Option<ExportLogsPartialSuccess>, verdicts: &mut Vec<Verdict>) {
        let partial = partial.unwrap_or_default();
        let rejected = usize::try_from(partial.rejected_log_records).unwrap_or_default().min(records);
        if rejected == 0 {
            verdicts.extend(std::iter::repeat_n(Verdict::Delivered, records));
            self.most = self.most.saturating_mul(2).min(REQUEST_RECORDS);
            return;
        }
        self.most = (records / 8).max(1);
        let verdict = match rejected == records {
            true => Verdict::Rejected(short(&format!("the collector rejected it: {}", partial.error_message))),
            false => Verdict::Doubtful(short(&format!(
                "the collector rejected {rejected} of the {records} records of a request, perhaps this one: {}",
                partial.error_message
            ))),
        };
        verdicts.extend(std::iter::repeat_n(verdict, records));
    }
}

/// The answer of a success over HTTP; one that is none counts as nothing said.
fn said(answer: &Answer) -> Result<ExportLogsServiceResponse, Refusal> {
    ExportLogsServiceResponse::decode(answer.bytes.as_slice())
        .map_err(|_| Refusal::Unreachable { why: format!("no answer of OTLP: {}", answer.why()) })
}

/// The records of a batch as one request; records of one source stand together.
fn request(records: &[Record]) -> Result<ExportLogsServiceRequest, Refusal> {
    let mut whole = ExportLogsServiceRequest::default();
    for record in records {
        let one: ExportLogsServiceRequest = serde_json::from_slice(&record.bytes)
            .map_err(|error| Refusal::Refused { why: format!("no log record of OTLP: {error}") })?;
        for logs in one.resource_logs {
            let same = whole.resource_logs.last_mut().filter(|last| last.resource == logs.resource);
            match (same.and_then(|last| last.scope_logs.last_mut()), logs.scope_logs.len()) {
                (Some(scope), 1) => {
                    scope.log_records.extend(logs.scope_logs.into_iter().flat_map(|scope| scope.log_records));
                }
                _ => whole.resource_logs.push(logs),
            }
        }
    }
    Ok(whole)
}

#[async_trait]
impl Sink for OtlpSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let mut verdicts = Vec::with_capacity(batch.len());
        while verdicts.len() < batch.len() {
            let rest = &batch[verdicts.len()..];
            let records = &rest[..self.fit(rest)];
            let answered = match request(records) {
                Ok(request) => self.export(request).await,
                Err(refusal) => Err(refusal),
            };
            match answered {
                Ok(answer) => self.hear(records.len(), answer.partial_success, &mut verdicts),
                Err(refusal) => return Err(Broken { taken: verdicts, refusal }),
            }
        }
        Ok(verdicts)
    }
}
