//! OpenTelemetry into usage events: the logs and metrics of Claude Code and Cowork, over OTLP.
//! Promises the same event for the same record however often it comes, and right totals of running counters.
//! Never keeps a text that somebody wrote: what can carry content goes at the door, with a log record's body.

mod attributes;
mod decode;
mod identity;
mod logs;
mod metrics;
mod streams;
#[cfg(test)]
mod stories;
mod who;

pub use decode::{OtlpDecodeError, OtlpEncoding};
pub use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
pub use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

pub(crate) use decode::{logs_request, metrics_request};
pub(crate) use logs::read_logs;
pub(crate) use metrics::{Measured, amounting, read_metrics};
pub(crate) use streams::{Reading, Streams, Verdict};

/// The name under which telemetry is stored in the column `source`, and under which the running counters' state is kept.
pub(crate) const SOURCE: &str = "otlp";

/// What an export held, read.
#[derive(Debug)]
pub(crate) struct Decoded<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) refused: Refused,
}

/// Records or points that were not taken, as a partial success tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) count: u64,
    pub(crate) first_reason: Option<String>,
}

impl Refused {
    pub(crate) fn add(&mut self, reason: &str) {
        self.count += 1;
        self.first_reason.get_or_insert_with(|| reason.to_owned());
    }
}
