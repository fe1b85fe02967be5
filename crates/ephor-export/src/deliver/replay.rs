//! A span of what is stored, sent once more: the same bytes under the same ids, beside the sink's own place.
//! Promises that the receiver can tell a second copy where it can tell any; with `Rehearsal` nothing is sent at all.
//! Never moves a place and never leaves a dead letter.

use std::fmt::Write as _;
use std::ops::Range;

use ephor_lake::control::ExportPlace;
use ephor_lake::{MicrosRange, RowPredicate};
use ephor_wire::timestamp::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::assemble::Assembler;
use super::attempt::{Attempts, Taken};
use super::lock::DeliveryLock;
use super::{Delivered, ExportContext, Until};
use crate::error::ExportError;
use crate::settings::{Plan, SinkSettings};

/// What is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplaySpan {
    /// By place in the order of arrival.
    Places(Range<u64>),
    /// By the time at which it happened.
    Times(MicrosRange),
}

/// Whether a replay is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaying {
    /// Send it.
    InEarnest,
    /// Only count it.
    Rehearsal,
}

/// What a replay sent, or would send.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Replayed {
    /// Records.
    pub records: u64,
    /// Bytes of the records.
    pub bytes: u64,
    /// Records that the receiver refused for good.
    pub rejected: u64,
    /// SHA-256 of all records as lines: the same for every replay of the same span.
    pub sha256: String,
}

/// Sends a span once more.
pub async fn replay(
    settings: &SinkSettings,
    context: &ExportContext,
    span: &ReplaySpan,
    replaying: Replaying,
) -> Result<Replayed, ExportError> {
    let plan = settings.plan(context.secrets, context.clock)?;
    if !plan.what.has_activities() {
        let words = "it is given findings only, and a replay sends activities; a finding is sent again when it changes";
        return Err(ExportError::settings(&plan.name, words));
    }
    // Two at a time would mix up the order at the receiver; a rehearsal sends nothing.
    let _lock = match replaying {
        Replaying::Rehearsal => None,
        Replaying::InEarnest => Some(DeliveryLock::take(&context.data_dir, &plan.name)?),
    };
    context.lake.refresh().await?;
    let (places, filter) = reach(&plan, context, span)?;
    let Plan { name, format, redaction, batch, retry_longest, sink, .. } = plan;
    let assembler = Assembler::new(context.lake.clone(), filter, redaction, format, batch);
    let mut attempts = Attempts::some(sink, retry_longest);
    let (mut replayed, mut hash, mut next) = (Replayed::default(), Sha256::new(), places.start);
    while next < places.end {
        let batch = assembler.activities(ExportPlace { next, sending: None }, places.end).await?;
        next = batch.next;
        for record in &batch.records {
            hash.update(&record.bytes);
            hash.update(b"\n");
            replayed.records += 1;
            replayed.bytes += record.bytes.len() as u64;
        }
        if batch.records.is_empty() || replaying == Replaying::Rehearsal {
            continue;
        }
        match attempts.deliver(&batch.records, &name, context, &Until::CaughtUp).await? {
            Taken::All(verdicts) => replayed.rejected += verdicts.rejected.len() as u64,
            Taken::GivenUp(why) => {
                return Err(ExportError::NotDelivered {
                    sink: name,
                    why,
                    waiting: places.end.saturating_sub(next),
                    done: Delivered::default(),
                });
            }
            Taken::Stopped => break,
        }
    }
    if let Err(refusal) = attempts.close().await {
        tracing::warn!(sink = name, why = refusal.why(), "the connection did not close well");
    }
    replayed.sha256 = hash.finalize().iter().fold(String::new(), |mut digits, byte| {
        _ = write!(digits, "{byte:02x}");
        digits
    });
    Ok(replayed)
}

/// The places to read, and the condition that leaves of them what the span and the sink's own filter want.
fn reach(
    plan: &Plan,
    context: &ExportContext,
    span: &ReplaySpan,
) -> Result<(Range<u64>, Option<RowPredicate>), ExportError> {
    let end = context.lake.next_seq();
    match span {
        ReplaySpan::Places(places) => Ok((places.start..places.end.min(end), plan.filter.clone())),
        ReplaySpan::Times(range) => {
            let at = |micros: i64| Timestamp::from_micros(micros).as_str().to_owned();
            let from = range.from.map(|from| format!("created_at >= timestamp '{}'", at(from)));
            let to = range.to.map(|to| format!("created_at < timestamp '{}'", at(to)));
            let own = plan.filter.as_ref().map(|filter| format!("({})", filter.as_str()));
            let all: Vec<String> = [from, to, own].into_iter().flatten().collect();
            let filter = if all.is_empty() { None } else { Some(RowPredicate::parse(&all.join(" and "))?) };
            Ok((0..end, filter))
        }
    }
}
