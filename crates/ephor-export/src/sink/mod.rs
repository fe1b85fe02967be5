//! The doors that records go out by: one folder or file for each kind of receiver, all of one shape.
//! A sink takes a batch and says of every record what became of it; it neither waits for better times nor gives up.
//! Never keeps a record that it has said something about.

mod datadog;
mod elastic;
mod file;
mod kafka;
mod nats;
mod objects;
mod otlp;
mod secops;
mod sentinel;
mod splunk_hec;
mod stdout;
mod sumo_logic;
mod syslog;
mod webhook;

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;

use crate::limits;
use crate::record::Record;

pub use datadog::DatadogSettings;
pub use elastic::ElasticSettings;
pub use file::FileSettings;
pub use kafka::{KafkaMechanism, KafkaSettings, KafkaTransport};
pub use nats::NatsSettings;
pub use objects::{ObjectLayout, ObjectsSettings};
pub use otlp::{OtlpProtocol, OtlpSettings};
pub use secops::SecopsSettings;
pub use sentinel::SentinelSettings;
pub use splunk_hec::SplunkHecSettings;
pub use stdout::StdoutSettings;
pub use sumo_logic::SumoLogicSettings;
pub use syslog::{Framing, SyslogSettings, Transport};
pub use webhook::{WebhookBody, WebhookSettings};

pub(crate) use datadog::DatadogSink;
pub(crate) use elastic::{ElasticCredentials, ElasticSink};
pub(crate) use file::FileSink;
pub(crate) use kafka::KafkaSink;
#[cfg(any(test, fuzzing))]
pub(crate) use nats::hold_answers as hold_nats_answers;
pub(crate) use nats::{NatsCredentials, NatsSink};
pub(crate) use objects::{BucketCredentials, ObjectsSink};
pub(crate) use otlp::{OtlpCredentials, OtlpSink};
pub(crate) use secops::SecopsSink;
pub(crate) use sentinel::{SCOPE as SENTINEL_SCOPE, SentinelSink};
pub(crate) use splunk_hec::SplunkHecSink;
pub(crate) use stdout::StdoutSink;
pub(crate) use sumo_logic::SumoLogicSink;
pub(crate) use syslog::SyslogSink;
pub(crate) use webhook::{WebhookCredentials, WebhookDoor, WebhookSink};

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Delivered,
    /// The receiver had it already.
    Duplicate,
    /// Not now: this record is to be sent again.
    Again(String),
    /// Never: the receiver will not have this record.
    Rejected(String),
    /// Never, perhaps: the receiver took others of the same request and does not say which ones it will not have.
    Doubtful(String),
}

/// Why a whole batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody answered, or the receiver is broken: try again.
    Unreachable { why: String },
    /// The receiver is full: try again, not before this.
    Busy { why: String, after: Option<Duration> },
    /// The receiver does not let this sink in: somebody has to do something.
    Unauthorized { why: String },
    /// Too much at once: try with half.
    TooLarge { why: String },
    /// Something in the batch is not acceptable: find out what.
    Refused { why: String },
    /// The receiver says that it is gone for good.
    Gone { why: String },
}

impl Refusal {
    pub(crate) fn unreachable(why: impl std::fmt::Display) -> Self {
        Self::Unreachable { why: short(&why.to_string()) }
    }

    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Unreachable { why }
            | Self::Busy { why, .. }
            | Self::Unauthorized { why }
            | Self::TooLarge { why }
            | Self::Refused { why }
            | Self::Gone { why } => why,
        }
    }

    /// The state that a sink is in because of it.
    pub(crate) fn state(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } => "backing_off",
            Self::Unauthorized { .. } => "unauthorized",
            Self::TooLarge { .. } | Self::Refused { .. } => "refused",
            Self::Gone { .. } => "gone",
        }
    }
}

/// A batch that was taken in part: a verdict for each of its first records, and why the rest was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) taken: Vec<Verdict>,
    pub(crate) refusal: Refusal,
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Self { taken: Vec::new(), refusal }
    }
}

/// Words of a receiver, short enough for a line.
pub(crate) fn short(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limits::REASON_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A receiver's door.
#[async_trait]
pub(crate) trait Sink: Send + Sync {
    /// Hands a batch over, in order. The answer has one verdict for each record.
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken>;

    /// Lets go of the connection; what was delivered stays so.
    async fn close(&mut self) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Every record of a batch taken.
pub(crate) fn all_delivered(batch: &[Record]) -> Vec<Verdict> {
    vec![Verdict::Delivered; batch.len()]
}

/// The records of a batch as lines.
pub(crate) fn lines(batch: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(batch.iter().map(|record| record.bytes.len() + 1).sum());
    batch.iter().for_each(|record| line(record, &mut bytes));
    bytes
}

/// One record and its line end.
pub(crate) fn line(record: &Record, out: &mut Vec<u8>) {
    out.extend_from_slice(&record.bytes);
    out.push(b'\n');
}

/// A request's body and the records in it.
pub(crate) struct Part {
    pub(crate) body: Vec<u8>,
    pub(crate) records: Range<usize>,
}

/// How records become a body: what stands before, between and behind them.
pub(crate) struct Envelope<'e> {
    pub(crate) begin: &'e [u8],
    pub(crate) between: &'e [u8],
    pub(crate) end: &'e [u8],
}

impl Envelope<'_> {
    /// A JSON array.
    pub(crate) const ARRAY: Self = Self { begin: b"[", between: b",", end: b"]" };
    /// One record a line.
    pub(crate) const LINES: Self = Self { begin: b"", between: b"", end: b"" };
}

/// A batch cut into bodies of at most so many bytes and records; a record that is larger has a body of its own.
pub(crate) fn parts(
    batch: &[Record],
    envelope: &Envelope<'_>,
    most_bytes: usize,
    most_records: usize,
    encode: impl Fn(&Record, &mut Vec<u8>),
) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (index, record) in batch.iter().enumerate() {
        let mut encoded = Vec::with_capacity(record.bytes.len() + 256);
        encode(record, &mut encoded);
        let more = envelope.between.len() + encoded.len() + envelope.end.len();
        match parts.last_mut() {
            Some(part) if part.body.len() + more <= most_bytes && part.records.len() < most_records => {
                part.body.extend_from_slice(envelope.between);
                part.body.extend_from_slice(&encoded);
                part.records.end = index + 1;
            }
            _ => parts.push(Part { body: [envelope.begin, &encoded].concat(), records: index..index + 1 }),
        }
    }
    parts.iter_mut().for_each(|part| part.body.extend_from_slice(envelope.end));
    parts
}

/// So many records taken, and why the next one was not.
pub(crate) fn broken(taken: usize, refusal: Refusal) -> Broken {
    Broken { taken: vec![Verdict::Delivered; taken], refusal }
}
