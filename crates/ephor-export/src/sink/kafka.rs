//! Kafka: each record a message of one partition, acknowledged by every replica that is in step.
//! Key and header `event_id` are the record's id, by which a compacted topic or a consumer tells a second copy; the order is
//! that of the partition. A batch that broke off half way is sent again whole: Kafka's idempotent producer is not used.
//! Never has two requests under way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use rskafka::BackoffConfig;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::{ClientBuilder, Credentials, SaslConfig};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::timeout;

use super::{Broken, Refusal, Sink, Verdict, all_delivered, broken, short};
use crate::guard::Reach;
use crate::limits::REQUEST_TIMEOUT;
use crate::record::{Place, Record};
use crate::stream::host_and_port;
use crate::tls::TlsSettings;

/// `kafka = { brokers = ["kafka.example.com:9093"], topic = "claude" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaSettings {
    /// Host and port of brokers to begin with; they name the others.
    pub brokers: Vec<String>,
    /// The topic, which exists.
    pub topic: String,
    /// The one partition that is written to: across partitions Kafka keeps no order.
    #[serde(default)]
    pub partition: i32,
    /// What carries it.
    #[serde(default)]
    pub transport: KafkaTransport,
    /// How the user is told.
    #[serde(default)]
    pub mechanism: KafkaMechanism,
    /// A user.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub password: Option<String>,
    /// The most bytes of one request; brokers take a megabyte unless `message.max.bytes` says otherwise.
    #[serde(default = "below_a_megabyte")]
    pub max_request_bytes: usize,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// What carries records to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KafkaTransport {
    /// A stream that nobody else reads.
    #[default]
    Tls,
    /// A stream.
    Plaintext,
}

/// How a user is told to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KafkaMechanism {
    /// A challenge is answered, by SHA-512.
    #[default]
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
    /// A challenge is answered, by SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// The password itself.
    Plain,
}

fn below_a_megabyte() -> usize {
    900_000
}

/// How long the client tries by itself: enough to follow a partition to another broker. Longer pauses are the sink's own.
const CLIENT_RETRIES_WITHIN: Duration = Duration::from_secs(1);

/// What a message takes beside its key, value and headers, at the most.
const MESSAGE_BYTES: usize = 128;

pub(crate) struct KafkaSink {
    settings: KafkaSettings,
    password: Option<SecretString>,
    reach: Reach,
    tls: Option<Arc<rustls::ClientConfig>>,
    partition: Option<PartitionClient>,
}

impl KafkaSink {
    pub(crate) fn new(settings: KafkaSettings, reach: Reach, password: Option<SecretString>) -> Result<Self, String> {
        if settings.brokers.is_empty() {
            return Err("kafka.brokers names no broker".to_owned());
        }
        for broker in &settings.brokers {
            let (host, _) = host_and_port("kafka.brokers", broker)?;
            reach.check_host(host)?;
        }
        if settings.topic.is_empty() {
            return Err("kafka.topic is empty".to_owned());
        }
        if settings.username.is_some() != password.is_some() {
            return Err("kafka.username and kafka.password go together".to_owned());
        }
        if reach == Reach::Public && settings.transport == KafkaTransport::Plaintext {
            return Err("on the open network, records travel encrypted: kafka.transport = \"tls\"".to_owned());
        }
        let tls = match settings.transport {
            KafkaTransport::Tls => Some(Arc::new(settings.tls.client()?)),
            KafkaTransport::Plaintext => None,
        };
        Ok(Self { settings, password, reach, tls, partition: None })
    }

    async fn open(&self) -> Result<PartitionClient, Refusal> {
        for broker in &self.settings.brokers {
            let (host, port) = host_and_port("kafka.brokers", broker).map_err(|why| Refusal::Unreachable { why })?;
            // The client looks the name up once more, and follows the brokers that these tell of. On the open network
            // whoever answers has to have a certificate for the name; without TLS only private networks are reached.
            self.reach.resolve(host, port).await?;
        }
        let retries = BackoffConfig { deadline: Some(CLIENT_RETRIES_WITHIN), ..BackoffConfig::default() };
        let mut builder = ClientBuilder::new(self.settings.brokers.clone()).client_id("ephor").backoff_config(retries);
        if let Some(tls) = &self.tls {
            builder = builder.tls_config(Arc::clone(tls));
        }
        if let (Some(user), Some(password)) = (&self.settings.username, &self.password) {
            let who = Credentials::new(user.clone(), password.expose_secret().to_owned());
            builder = builder.sasl_config(match self.settings.mechanism {
                KafkaMechanism::ScramSha512 => SaslConfig::ScramSha512(who),
                KafkaMechanism::ScramSha256 => SaslConfig::ScramSha256(who),
                KafkaMechanism::Plain => SaslConfig::Plain(who),
            });
        }
        let client = builder.build().await.map_err(|error| refusal(&error))?;
        client
            .partition_client(&self.settings.topic, self.settings.partition, UnknownTopicHandling::Error)
            .await
            .map_err(|error| refusal(&error))
    }

    async fn produce(&mut self, records: &[Record]) -> Result<(), Refusal> {
        if self.partition.is_none() {
            self.partition = Some(self.open().await?);
        }
        let Some(partition) = &self.partition else { return Ok(()) };
        let messages = records.iter().map(message).collect();
        partition.produce(messages, Compression::NoCompression).await.map(drop).map_err(|error| refusal(&error))
    }
}

fn message(record: &Record) -> rskafka::record::Record {
    let of = match record.place {
        Place::Activity { .. } => "activity",
        Place::Finding { .. } => "finding",
        Place::Gap { .. } => "control_gap",
    };
    let headers = [("event_id", record.id.as_str()), ("event_type", record.kind.as_str()), ("record", of)];
    rskafka::record::Record {
        key: Some(record.id.clone().into_bytes()),
        value: Some(record.bytes.clone()),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .collect::<BTreeMap<_, _>>(),
        timestamp: DateTime::from_timestamp_micros(record.at_micros).unwrap_or_default(),
    }
}

/// What a message takes of a request.
fn size(record: &Record) -> usize {
    record.bytes.len() + 2 * record.id.len() + record.kind.len() + MESSAGE_BYTES
}

/// The records of a batch in parts that a broker takes at once; one that is larger goes alone.
fn parts(batch: &[Record], most_bytes: usize) -> Vec<&[Record]> {
    let mut parts = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (index, record) in batch.iter().enumerate() {
        if bytes + size(record) > most_bytes && index > begin {
            parts.push(&batch[begin..index]);
            (begin, bytes) = (index, 0);
        }
        bytes += size(record);
    }
    if begin < batch.len() {
        parts.push(&batch[begin..]);
    }
    parts
}

/// What an error means for the batch.
fn refusal(error: &Error) -> Refusal {
    let why = short(&error.to_string());
    let Error::ServerError { protocol_error, .. } = error else { return Refusal::Unreachable { why } };
    let why = short(&format!("the broker says {protocol_error:?}"));
    match protocol_error {
        ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge => Refusal::TooLarge { why },
        ProtocolError::CorruptMessage | ProtocolError::InvalidTimestamp => Refusal::Refused { why },
        ProtocolError::UnknownTopicOrPartition
        | ProtocolError::InvalidTopicException
        | ProtocolError::TopicAuthorizationFailed
        | ProtocolError::ClusterAuthorizationFailed
        | ProtocolError::SaslAuthenticationFailed
        | ProtocolError::PolicyViolation => Refusal::Unauthorized { why },
        _ => Refusal::Unreachable { why },
    }
}

#[async_trait]
impl Sink for KafkaSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let mut taken = 0;
        for part in parts(batch, self.settings.max_request_bytes) {
            let outcome = match timeout(REQUEST_TIMEOUT, self.produce(part)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Refusal::Unreachable { why: "the broker does not answer".to_owned() }),
            };
            if let Err(refusal) = outcome {
                if !matches!(refusal, Refusal::TooLarge { .. } | Refusal::Refused { .. }) {
                    self.partition = None;
                }
                return Err(broken(taken, refusal));
            }
            taken += part.len();
        }
        Ok(all_delivered(batch))
    }

    async fn close(&mut self) -> Result<(), Refusal> {
        self.partition = None;
        Ok(())
    }
}
