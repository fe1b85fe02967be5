//! NATS JetStream: each record a message under a subject of its own kind, acknowledged by the stream that keeps it.
//! `Nats-Msg-Id` is the record's id, so that a stream drops second copies within its window and says so.
//! Never takes a message for kept before a stream has acknowledged it.

mod wire;

#[cfg(any(test, fuzzing))]
pub(crate) use wire::hold_answers;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Broken, Refusal, Sink, Verdict};
use crate::guard::Reach;
use crate::record::{Place, Record};
use crate::stream::host_and_port;
use crate::tls::TlsSettings;
use wire::{Login, Message, Wire};

/// `nats = { address = "nats.example.com:4222" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSettings {
    /// Host and port.
    pub address: String,
    /// What subjects begin with; `.activities.TYPE` or `.findings.RULE` follows.
    #[serde(default = "ephor")]
    pub subject: String,
    /// The stream that has to take the messages; any by default.
    #[serde(default)]
    pub stream: Option<String>,
    /// A user.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub password: Option<String>,
    /// A token, where there is no user: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub token: Option<String>,
    /// Whether the connection has to be under TLS, which a server can demand too.
    #[serde(default)]
    pub require_tls: bool,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

fn ephor() -> String {
    "ephor".to_owned()
}

/// What lets the sink in.
pub(crate) struct NatsCredentials {
    pub(crate) password: Option<SecretString>,
    pub(crate) token: Option<SecretString>,
}

/// Messages on their way at once, not yet acknowledged.
const WINDOW: usize = 256;

pub(crate) struct NatsSink {
    settings: NatsSettings,
    login: Login,
    reach: Reach,
    tls: rustls::ClientConfig,
    wire: Option<Wire>,
}

impl NatsSink {
    pub(crate) fn new(settings: NatsSettings, reach: Reach, credentials: NatsCredentials) -> Result<Self, String> {
        let (host, _) = host_and_port("nats.address", &settings.address)?;
        reach.check_host(host)?;
        let is_token = |token: &str| !token.is_empty() && token.chars().all(is_plain);
        if !settings.subject.split('.').all(is_token) {
            return Err(format!("nats.subject = \"{}\" is no subject without wildcards", settings.subject));
        }
        if settings.stream.as_deref().is_some_and(|stream| !is_token(stream)) {
            return Err("nats.stream is no stream's name".to_owned());
        }
        if reach == Reach::Public && !settings.require_tls {
            return Err("on the open network, records travel encrypted: nats.require_tls = true".to_owned());
        }
        let login = Login {
            user: settings.username.clone(),
            password: credentials.password,
            token: credentials.token,
            require_tls: settings.require_tls,
        };
        let tls = settings.tls.client()?;
        Ok(Self { settings, login, reach, tls, wire: None })
    }

    async fn wire(&mut self) -> Result<&mut Wire, Refusal> {
        match &mut self.wire {
            Some(wire) => Ok(wire),
            none => {
                let (host, port) = host_and_port("nats.address", &self.settings.address)
                    .map_err(|why| Refusal::Unreachable { why })?;
                let addresses = self.reach.resolve(host, port).await?;
                Ok(none.insert(Wire::open(&addresses, host, self.tls.clone(), &self.login).await?))
            }
        }
    }

    async fn publish(&mut self, records: &[Record], verdicts: &mut Vec<Verdict>) -> Result<(), Refusal> {
        let subjects: Vec<String> = records.iter().map(|record| self.subject(record)).collect();
        let stream = self.settings.stream.clone();
        let messages: Vec<Message<'_>> = records
            .iter()
            .zip(&subjects)
            .map(|(record, subject)| Message {
                subject,
                id: &record.id,
                stream: stream.as_deref(),
                payload: &record.bytes,
            })
            .collect();
        self.wire().await?.publish(&messages, verdicts).await
    }

    fn subject(&self, record: &Record) -> String {
        let of = match record.place {
            Place::Activity { .. } => "activities",
            Place::Finding { .. } => "findings",
            Place::Gap { .. } => "gaps",
        };
        let kind: String = record.kind.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        let kind = if kind.is_empty() { "_" } else { kind.as_str() };
        format!("{}.{of}.{kind}", self.settings.subject)
    }
}

/// What a token of a subject may hold without meaning more than itself.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_".contains(character)
}

#[async_trait]
impl Sink for NatsSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let mut verdicts = Vec::with_capacity(batch.len());
        for records in batch.chunks(WINDOW) {
            let before = verdicts.len();
            if let Err(refusal) = self.publish(records, &mut verdicts).await {
                self.wire = None;
                debug_assert!(verdicts.len() - before <= records.len());
                return Err(Broken { taken: verdicts, refusal });
            }
        }
        Ok(verdicts)
    }

    async fn close(&mut self) -> Result<(), Refusal> {
        self.wire = None;
        Ok(())
    }
}
