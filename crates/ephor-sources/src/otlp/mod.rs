//! OpenTelemetry into usage events: the logs and metrics of Claude Code and Cowork, over OTLP.
//! Promises the same event for the same record however often it comes, and right totals of running counters.
//! Never keeps a text that somebody wrote: what can carry content goes at the door, with a log record's body.

mod attributes;
mod decode;
mod identity;
mod logs;
mod metrics;
#[cfg(test)]
mod stories;
mod streams;
mod who;

pub use decode::{OtlpDecodeError, OtlpEncoding};
pub use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
pub use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

pub(crate) use decode::{logs_request, metrics_request};
pub(crate) use logs::read_logs;
pub(crate) use metrics::{Measured, amounting, read_metrics};
pub(crate) use streams::{Reading, Streams, Verdict};

use ephor_wire::usage::UsageEvent;

use crate::usage::UsageDoor;

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

/// The events of an export as it came, of logs or of metrics, each running total as if it were its stream's first: what an
/// intake would store, without one. For those who test or try the decoder.
pub fn otlp_events(body: &[u8], encoding: OtlpEncoding, door: &UsageDoor) -> Result<Vec<UsageEvent>, OtlpDecodeError> {
    let (logs, metrics) = (logs_request(body, encoding), metrics_request(body, encoding));
    let mut events = Vec::new();
    match (logs, metrics) {
        (Err(error), Err(_)) => return Err(error),
        (logs, metrics) => {
            events.extend(logs.into_iter().flat_map(|export| read_logs(export, door).rows));
            let measured = metrics.into_iter().flat_map(|export| read_metrics(export, door).rows);
            events.extend(measured.filter_map(|point| match point {
                Measured::Runs { event, column, reading } => amounting(event, column, reading.value),
                told => told.at_once(),
            }));
        }
    }
    Ok(events)
}
