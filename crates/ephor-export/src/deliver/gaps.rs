//! Gaps of controls told to a sink, once and beside its own place.
//! The same gap has the same id each time, so that a receiver that knows second copies keeps one.
//! Never leaves a dead letter: what a receiver refuses is in the answer.

use serde::Serialize;

use super::attempt::{Attempts, Taken};
use super::lock::DeliveryLock;
use super::{Delivered, ExportContext, Until};
use crate::error::ExportError;
use crate::format::{self, ControlGap};
use crate::settings::{Plan, SinkSettings};

/// What became of the gaps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct GapsTold {
    /// Gaps that the receiver took.
    pub delivered: u64,
    /// Of these, gaps that it had already.
    pub duplicates: u64,
    /// Gaps that it refused for good, with its reason.
    pub rejected: Vec<RefusedGap>,
}

/// A gap that a receiver refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedGap {
    /// The record's id.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// Tells a sink of gaps.
pub async fn tell_gaps(
    settings: &SinkSettings,
    context: &ExportContext,
    gaps: &[ControlGap],
) -> Result<GapsTold, ExportError> {
    let Plan { name, format, redaction, retry_longest, batch, sink, .. } =
        settings.plan(context.secrets, context.clock)?;
    // A file has one writer; every other receiver takes connections from several.
    let _lock = settings.file.as_ref().map(|_| DeliveryLock::take(&context.data_dir, &name)).transpose()?;
    let records: Vec<_> = (1..).zip(gaps).map(|(number, gap)| format::gap(gap, number, format, &redaction)).collect();
    let mut attempts = Attempts::some(sink, retry_longest);
    let mut told = GapsTold::default();
    for part in records.chunks(batch.events) {
        match attempts.deliver(part, &name, context, &Until::CaughtUp).await? {
            Taken::All(verdicts) => {
                told.delivered += part.len() as u64 - verdicts.rejected.len() as u64;
                told.duplicates += verdicts.duplicates;
                let refused = verdicts.rejected.into_iter();
                told.rejected.extend(refused.map(|(_, id, reason)| RefusedGap { id, reason }));
            }
            Taken::GivenUp(why) => {
                let waiting = records.len() as u64 - told.delivered - told.rejected.len() as u64;
                let done = Delivered { delivered: told.delivered, ..Delivered::default() };
                return Err(ExportError::NotDelivered { sink: name, why, waiting, done });
            }
            Taken::Stopped => break,
        }
    }
    if let Err(refusal) = attempts.close().await {
        tracing::warn!(sink = name, why = refusal.why(), "the connection did not close well");
    }
    Ok(told)
}
