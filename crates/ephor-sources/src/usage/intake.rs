//! Exports of telemetry into the lake: decoded, cleaned, running totals turned into what they grew by, stored.
//! An answer means durable. What a running total has been counted up to is stored in the same commit as the rows that
//! came of it, so that no crash lets a point count twice or not at all. Never holds one export up for another's commit.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ephor_lake::{AppendOutcome, Appender, Lake, LakeError, RowOutcome, UsageBatch, UsageRows};
use ephor_wire::usage::UsageEvent;
use tokio::sync::oneshot;

use super::UsageDoor;
use super::push::of_organization;
use crate::otlp::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, Measured, OtlpDecodeError, OtlpEncoding, Refused, SOURCE,
    Streams, Verdict, amounting, logs_request, metrics_request, read_logs, read_metrics,
};

/// The way in for telemetry. Cloning shares it.
#[derive(Debug, Clone)]
pub struct UsageIntake {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    lake: Lake,
    appender: Appender,
    door: UsageDoor,
    /// None until the lake has been asked, and after a commit of which nobody knows whether it came to be.
    streams: tokio::sync::Mutex<Option<Streams>>,
    /// Exports with running totals that the next commit takes together.
    waiting: Mutex<Vec<Waiting>>,
}

/// An export, as it came.
#[derive(Debug)]
pub enum OtlpExport<T> {
    /// The body of an HTTP request.
    Body(Bytes, OtlpEncoding),
    /// A message that gRPC has decoded.
    Message(T),
}

/// On whose behalf something is taken in, and when.
#[derive(Debug, Clone, Default)]
pub struct UsageSender {
    /// The one organization (UUID) that the sender's key reaches; none reaches all.
    pub organization: Option<String>,
    /// Microseconds since 1970.
    pub received_at_micros: i64,
}

/// What became of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageTaken {
    /// Events stored now.
    pub added: u64,
    /// Events that were stored already.
    pub duplicates: u64,
    /// Events whose id is stored with another content; both are kept.
    pub conflicts: u64,
    /// Records or points that were not taken.
    pub rejected: u64,
    /// Why the first of them was not.
    pub reason: Option<String>,
}

/// Why an export was not taken in.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UsageIntakeError {
    /// It is none.
    #[error(transparent)]
    Decode(#[from] OtlpDecodeError),
    /// The lake did not take it.
    #[error(transparent)]
    Lake(Arc<LakeError>),
    /// Whoever worked on it has stopped.
    #[error("its worker stopped: {0}")]
    Stopped(String),
}

/// An export with running totals, and who waits for it.
#[derive(Debug)]
struct Waiting {
    measured: Vec<Measured>,
    received_at_micros: i64,
    answer: oneshot::Sender<Result<UsageTaken, UsageIntakeError>>,
}

impl UsageIntake {
    /// The way into a lake.
    #[must_use]
    pub fn new(lake: Lake, appender: Appender) -> Self {
        let (streams, waiting) = (tokio::sync::Mutex::new(None), Mutex::new(Vec::new()));
        Self { inner: Arc::new(Inner { lake, appender, door: UsageDoor::new(), streams, waiting }) }
    }

    /// The door that everything comes through.
    #[must_use]
    pub fn door(&self) -> &UsageDoor {
        &self.inner.door
    }

    /// Takes in log records; resolves when their events are durable.
    pub async fn logs(
        &self,
        export: OtlpExport<ExportLogsServiceRequest>,
        from: UsageSender,
    ) -> Result<UsageTaken, UsageIntakeError> {
        let inner = Arc::clone(&self.inner);
        let UsageSender { organization, received_at_micros } = from;
        let (rows, refused) = blocking(move || {
            let decoded = read_logs(export.read(logs_request)?, &inner.door);
            let (mut rows, mut refused) = (UsageRows::new(), decoded.refused);
            for event in decoded.rows {
                match of_organization(event, organization.as_deref()) {
                    Ok(event) => rows.push(&event),
                    Err(reason) => refused.add(&reason.to_string()),
                }
            }
            Ok((rows, refused))
        })
        .await?;
        let outcome = self.inner.store(rows, received_at_micros, None).await?;
        Ok(UsageTaken::of(&outcome.rows, refused))
    }

    /// Takes in data points; resolves when their events, and what they are counted up to, are durable.
    pub async fn metrics(
        &self,
        export: OtlpExport<ExportMetricsServiceRequest>,
        from: UsageSender,
    ) -> Result<UsageTaken, UsageIntakeError> {
        let inner = Arc::clone(&self.inner);
        let UsageSender { organization, received_at_micros } = from;
        let (measured, mut refused) = blocking(move || {
            let decoded = read_metrics(export.read(metrics_request)?, &inner.door);
            let (mut measured, mut refused) = (Vec::with_capacity(decoded.rows.len()), decoded.refused);
            for point in decoded.rows {
                match point.of_organization(organization.as_deref()) {
                    Ok(point) => measured.push(point),
                    Err(reason) => refused.add(&reason),
                }
            }
            Ok((measured, refused))
        })
        .await?;
        if measured.iter().any(|point| matches!(point, Measured::Runs { .. })) {
            let mut taken = self.settle(measured, received_at_micros).await?;
            taken.add(&mut refused);
            return Ok(taken);
        }
        let mut rows = UsageRows::new();
        measured.into_iter().filter_map(Measured::at_once).for_each(|event| rows.push(&event));
        let outcome = self.inner.store(rows, received_at_micros, None).await?;
        Ok(UsageTaken::of(&outcome.rows, refused))
    }

    /// Hands running totals to the next commit that takes them, and waits for it.
    async fn settle(&self, measured: Vec<Measured>, received_at_micros: i64) -> Result<UsageTaken, UsageIntakeError> {
        let (answer, settled) = oneshot::channel();
        let waiting = Waiting { measured, received_at_micros, answer };
        self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
        // On a task of its own: who asked may give up waiting, and the commit must be known to its end all the same.
        tokio::spawn(Arc::clone(&self.inner).settle_waiting());
        settled.await.map_err(|gone| UsageIntakeError::Stopped(gone.to_string()))?
    }
}

impl Inner {
    /// Settles all exports that wait, in one commit: whoever comes while one is under way is taken by the next.
    async fn settle_waiting(self: Arc<Self>) {
        let mut held = self.streams.lock().await;
        let group = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(received_at_micros) = group.iter().map(|export| export.received_at_micros).max() else { return };
        let known = match held.take() {
            Some(streams) => Ok(streams),
            None => self.stored_streams(received_at_micros).await,
        };
        let mut streams = match known {
            Ok(streams) => streams,
            Err(error) => return fail_all(group.into_iter().map(|export| export.answer), &error),
        };
        let mut rows = UsageRows::new();
        let mut grew = false;
        let mut parts = Vec::with_capacity(group.len());
        let mut waiting = Vec::with_capacity(group.len());
        for Waiting { measured, answer, .. } in group {
            let (before, mut refused) = (rows.len(), Refused::default());
            for event in grown(measured, &mut streams, received_at_micros, &mut refused, &mut grew) {
                rows.push(&event);
            }
            parts.push((rows.len() - before, refused));
            waiting.push(answer);
        }
        // Without a grown total there is nothing that a restart could count again.
        let cursor = grew.then(|| streams.to_json());
        match self.store(rows, received_at_micros, cursor).await {
            Ok(outcome) => {
                *held = Some(streams);
                let mut stored = outcome.rows.as_slice();
                for (answer, (count, refused)) in waiting.into_iter().zip(parts) {
                    let (own, rest) = stored.split_at(count.min(stored.len()));
                    stored = rest;
                    let _ = answer.send(Ok(UsageTaken::of(own, refused)));
                }
            }
            Err(error) => fail_all(waiting.into_iter(), &error),
        }
    }

    /// What the lake says the running totals are counted up to.
    async fn stored_streams(&self, now_micros: i64) -> Result<Streams, UsageIntakeError> {
        let stored = self.lake.usage_cursor(SOURCE).await.map_err(|error| UsageIntakeError::Lake(Arc::new(error)))?;
        let Some(stored) = stored else { return Ok(Streams::default()) };
        Ok(Streams::of_json(&stored).unwrap_or_else(|| {
            tracing::error!(
                "the state of running totals is of another version; each one counts from its next point on"
            );
            Streams::unknown_before(nanos(now_micros))
        }))
    }

    async fn store(
        &self,
        rows: UsageRows,
        received_at_micros: i64,
        cursor: Option<serde_json::Value>,
    ) -> Result<AppendOutcome, UsageIntakeError> {
        if rows.is_empty() {
            return Ok(AppendOutcome::default());
        }
        let batch = UsageBatch { source: SOURCE.to_owned(), received_at_micros, rows, cursor };
        self.appender.append_usage(batch).await.map_err(|error| UsageIntakeError::Lake(Arc::new(error)))
    }
}

/// The events of an export, running totals as what they grew by.
fn grown(
    measured: Vec<Measured>,
    streams: &mut Streams,
    now_micros: i64,
    refused: &mut Refused,
    grew: &mut bool,
) -> Vec<UsageEvent> {
    let mut events = Vec::with_capacity(measured.len());
    for point in measured {
        let Measured::Runs { event, column, reading } = point else {
            events.extend(point.at_once());
            continue;
        };
        match streams.take(reading, nanos(now_micros)) {
            Verdict::Adds(more) => {
                *grew |= more > 0;
                events.extend(amounting(event, column, more));
            }
            Verdict::NoRoom => refused.add(
                "too many streams with cumulative temporality; set OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta",
            ),
        }
    }
    events
}

fn fail_all(
    waiting: impl Iterator<Item = oneshot::Sender<Result<UsageTaken, UsageIntakeError>>>,
    error: &UsageIntakeError,
) {
    for answer in waiting {
        // Who gave up waiting needs no answer.
        let _ = answer.send(Err(error.clone()));
    }
}

fn nanos(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or_default().saturating_mul(1000)
}

/// Runs what takes its time where it holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UsageIntakeError> + Send + 'static,
) -> Result<T, UsageIntakeError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|stopped| UsageIntakeError::Stopped(stopped.to_string()))?
}

impl<T> OtlpExport<T> {
    fn read(
        self,
        decode: impl FnOnce(&[u8], OtlpEncoding) -> Result<T, OtlpDecodeError>,
    ) -> Result<T, OtlpDecodeError> {
        match self {
            Self::Body(body, encoding) => decode(&body, encoding),
            Self::Message(message) => Ok(message),
        }
    }
}

impl UsageTaken {
    fn of(rows: &[RowOutcome], mut refused: Refused) -> Self {
        let mut taken = Self::default();
        for row in rows {
            match row {
                RowOutcome::Added { .. } => taken.added += 1,
                RowOutcome::Duplicate => taken.duplicates += 1,
                RowOutcome::Conflict => taken.conflicts += 1,
            }
        }
        taken.add(&mut refused);
        taken
    }

    fn add(&mut self, refused: &mut Refused) {
        self.rejected += refused.count;
        self.reason = self.reason.take().or(refused.first_reason.take());
    }
}
