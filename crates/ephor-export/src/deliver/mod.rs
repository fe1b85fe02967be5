//! Delivery: a sink follows the lake from its place on, a batch at a time, and its place moves when the batch is taken.
//! At least once and in order, whatever stops when; a batch that is sent again is the same batch.
//! Never holds more than two batches, and never lets one sink wait for another.

mod assemble;
mod attempt;
mod findings;
mod gaps;
mod letters;
mod lock;
mod pace;
mod replay;

use std::path::PathBuf;
use std::time::Instant;

use ephor_lake::Lake;
use ephor_lake::control::{Control, DeadLetter, ExportAdvance, ExportFailure, ExportPlace, ExportStream, ExportTotals};
use serde::Serialize;
use tokio::sync::watch;

use crate::error::ExportError;
use crate::limits;
use crate::settings::{Plan, Secrets, SinkSettings, Start, What};
use assemble::{Assembler, Batch};
use attempt::{Attempts, Taken};
use pace::Pace;

pub(crate) use attempt::stopped_and_overdue;
pub use gaps::{GapsTold, RefusedGap, tell_gaps};
pub(crate) use lock::DeliveryLock;
pub use replay::{ReplaySpan, Replayed, Replaying, replay};

/// What every delivery works on.
#[derive(Debug, Clone)]
pub struct ExportContext {
    /// The lake.
    pub lake: Lake,
    /// Where places are kept.
    pub control: Control,
    /// The data folder: locks lie in it.
    pub data_dir: PathBuf,
    /// Microseconds since 1970, now.
    pub clock: fn() -> i64,
    /// How secrets are read.
    pub secrets: Secrets,
    /// Whether another process writes the lake, so that new commits have to be looked for.
    pub lake_is: LakeIs,
}

/// Who writes the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LakeIs {
    /// This process: commits are seen as they are made.
    Ours,
    /// Another one, perhaps.
    Anothers,
}

/// Until when a delivery goes on.
#[derive(Debug, Clone)]
pub enum Until {
    /// Until it is told to stop.
    Stopped(watch::Receiver<bool>),
    /// Until everything is delivered that was stored when it began.
    CaughtUp,
}

/// What a delivery did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Delivered {
    /// Records that the receiver took.
    pub delivered: u64,
    /// Of these, records that it had already.
    pub duplicates: u64,
    /// Records that the filter left out.
    pub filtered: u64,
    /// Records that it refused for good.
    pub rejected: u64,
    /// Bytes of the records that it took.
    pub bytes: u64,
}

/// Delivers to one sink.
pub async fn deliver(settings: &SinkSettings, context: &ExportContext, until: Until) -> Result<Delivered, ExportError> {
    let plan = settings.plan(context.secrets, context.clock)?;
    let _lock = DeliveryLock::take(&context.data_dir, &plan.name)?;
    let mut delivery = Delivery::open(plan, context, until).await?;
    let outcome = delivery.run().await;
    if let Err(refusal) = delivery.attempts.close().await {
        tracing::warn!(sink = delivery.name, why = refusal.why(), "the connection did not close well");
    }
    outcome.map(|()| delivery.done)
}

/// Records that wait, by sink.
const LAG: &str = "ephor_export_lag_records";

struct Delivery<'c> {
    name: String,
    context: &'c ExportContext,
    until: Until,
    assembler: Assembler,
    attempts: Attempts,
    what: What,
    activities: ExportPlace,
    findings: ExportPlace,
    /// Where the activities end that a run with an end delivers.
    end: u64,
    /// Rows passed over since the place was saved.
    passed_over: u64,
    pace: Pace,
    waiting_since: Option<Instant>,
    asked: Option<Instant>,
    resting: bool,
    done: Delivered,
}

/// What there was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Done,
    Nothing,
    Stop,
}

impl<'c> Delivery<'c> {
    async fn open(plan: Plan, context: &'c ExportContext, until: Until) -> Result<Self, ExportError> {
        let Plan { name, kind, format, what, start, filter, redaction, batch, retry_longest, sink } = plan;
        context.lake.refresh().await?;
        let end = context.lake.next_seq();
        let begin = match start {
            Start::Beginning => (0, 0),
            Start::Now => (end, findings::end(&context.control).await?),
        };
        let state = context.control.exports().ensure(&name, kind, begin, (context.clock)()).await?;
        let attempts = match until {
            Until::Stopped(_) => Attempts::without_end(sink, retry_longest),
            Until::CaughtUp => Attempts::some(sink, retry_longest),
        };
        Ok(Self {
            attempts,
            assembler: Assembler::new(context.lake.clone(), filter, redaction, format, batch),
            what,
            activities: state.activities,
            findings: state.findings,
            name,
            context,
            until,
            end,
            passed_over: 0,
            pace: Pace::default(),
            waiting_since: None,
            asked: None,
            resting: false,
            done: Delivered::default(),
        })
    }

    async fn run(&mut self) -> Result<(), ExportError> {
        while !self.is_stopped() {
            let mut work = match self.what.has_activities() {
                true => self.activities().await?,
                false => self.leave_activities().await?,
            };
            if work != Work::Stop && self.it_is_time_to_ask() {
                work = work.max(self.letters().await?);
                if work != Work::Stop && self.what.has_findings() {
                    work = work.max(self.findings().await?);
                }
            }
            match (work, &self.until) {
                (Work::Stop, _) => return Ok(()),
                (Work::Done, _) => self.resting = false,
                (Work::Nothing, Until::CaughtUp) => return self.rest().await,
                (Work::Nothing, Until::Stopped(_)) => {
                    self.rest().await?;
                    self.stopped_within(limits::LOOK_EVERY).await;
                }
            }
        }
        self.save_passed_over().await
    }

    /// Delivers what there is of the activities, up to one batch and the one after it.
    async fn activities(&mut self) -> Result<Work, ExportError> {
        if !self.is_worth_a_batch().await? {
            return Ok(Work::Nothing);
        }
        let mut batch = self.assembler.activities(self.activities, self.known_end()).await?;
        if batch.records.is_empty() {
            self.pass_over(&batch).await?;
            return Ok(Work::Done);
        }
        self.context.control.exports().begin(&self.name, ExportStream::Activities, batch.next).await?;
        loop {
            // The next batch is made while this one is on its way.
            let after = ExportPlace { next: batch.next, sending: None };
            let (end, assembler) = (self.known_end(), &self.assembler);
            let ahead = async {
                match end.saturating_sub(after.next) >= assembler.batch_events() {
                    true => assembler.activities(after, end).await.map(Some),
                    false => Ok(None),
                }
            };
            let taken = self.attempts.deliver(&batch.records, &self.name, self.context, &self.until);
            let (taken, ahead) = tokio::join!(taken, ahead);
            let (taken, ahead) = (taken?, ahead?);
            let ahead = ahead.filter(|ahead| !ahead.records.is_empty());
            match taken {
                Taken::All(verdicts) => {
                    let sending = ahead.as_ref().map(|ahead| ahead.next);
                    self.advance(ExportStream::Activities, &batch, &verdicts, sending).await?;
                }
                Taken::Stopped => return Ok(Work::Stop),
                Taken::GivenUp(why) => {
                    let waiting = self.known_end().saturating_sub(self.activities.next);
                    return Err(ExportError::NotDelivered { sink: self.name.clone(), why, waiting, done: self.done });
                }
            }
            match ahead {
                Some(next) if !self.is_stopped() => batch = next,
                _ => return Ok(if self.is_stopped() { Work::Stop } else { Work::Done }),
            }
        }
    }

    /// Whether enough waits, or has waited long enough.
    async fn is_worth_a_batch(&mut self) -> Result<bool, ExportError> {
        if self.context.lake_is == LakeIs::Anothers && matches!(self.until, Until::Stopped(_)) {
            self.context.lake.refresh().await?;
        }
        let waiting = self.known_end().saturating_sub(self.activities.next);
        metrics::gauge!(LAG, "sink" => self.name.clone()).set(waiting as f64);
        if waiting == 0 {
            self.waiting_since = None;
            return Ok(false);
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let full = waiting >= self.assembler.batch_events();
        let due = since.elapsed() >= self.assembler.batch_age();
        let same_again = self.activities.sending.is_some();
        Ok(full || due || same_again || matches!(self.until, Until::CaughtUp))
    }

    /// Where the activities end that may be delivered now.
    fn known_end(&self) -> u64 {
        match self.until {
            Until::CaughtUp => self.end,
            Until::Stopped(_) => self.context.lake.next_seq(),
        }
    }

    async fn advance(
        &mut self,
        stream: ExportStream,
        batch: &Batch,
        verdicts: &attempt::Verdicts,
        sending: Option<u64>,
    ) -> Result<(), ExportError> {
        let at_micros = (self.context.clock)();
        let taken = batch.records.len() as u64 - verdicts.rejected.len() as u64;
        let bytes = verdicts.bytes;
        let dead = verdicts.rejected.iter().map(|(place, record_id, reason)| DeadLetter {
            stream,
            place: *place,
            record_id: record_id.clone(),
            reason: reason.clone(),
            first_at_micros: at_micros,
            last_at_micros: at_micros,
            attempts: 1,
            again: false,
        });
        // What was passed over is noted with the place that it moved.
        let passed_over = match stream {
            ExportStream::Activities => std::mem::take(&mut self.passed_over),
            ExportStream::Findings => 0,
        };
        let added = ExportTotals {
            delivered: taken,
            duplicates: verdicts.duplicates,
            filtered: batch.filtered + passed_over,
            rejected: verdicts.rejected.len() as u64,
            bytes,
            batches: 1,
        };
        let step = ExportAdvance {
            stream,
            place: ExportPlace { next: batch.next, sending },
            dead: dead.collect(),
            events_per_second: self.pace.after(taken, Instant::now()),
            added,
            at_micros,
        };
        self.context.control.exports().advance(&self.name, &step).await?;
        metrics::counter!("ephor_export_delivered_total", "sink" => self.name.clone()).increment(added.delivered);
        metrics::counter!("ephor_export_rejected_total", "sink" => self.name.clone()).increment(added.rejected);
        match stream {
            ExportStream::Activities => (self.activities, self.waiting_since) = (step.place, None),
            ExportStream::Findings => self.findings = step.place,
        }
        self.add(added);
        Ok(())
    }

    fn add(&mut self, added: ExportTotals) {
        self.done.delivered += added.delivered;
        self.done.duplicates += added.duplicates;
        self.done.filtered += added.filtered;
        self.done.rejected += added.rejected;
        self.done.bytes += added.bytes;
    }

    /// A sink that is given findings only: activities count as left out, so that it is never behind.
    async fn leave_activities(&mut self) -> Result<Work, ExportError> {
        let (next, end) = (self.activities.next, self.known_end());
        if end > next {
            self.pass_over(&Batch { records: Vec::new(), next: end, filtered: end - next }).await?;
            // The place is saved at the next rest.
            self.resting = false;
        }
        Ok(Work::Nothing)
    }

    /// A batch of which the filter left nothing: the place moves in memory, and on the disk once in a while.
    async fn pass_over(&mut self, batch: &Batch) -> Result<(), ExportError> {
        self.activities = ExportPlace { next: batch.next, sending: None };
        self.passed_over += batch.filtered;
        self.waiting_since = None;
        if self.passed_over >= limits::PASSED_OVER_ROWS {
            self.save_passed_over().await?;
        }
        Ok(())
    }

    async fn save_passed_over(&mut self) -> Result<(), ExportError> {
        if self.passed_over == 0 {
            return Ok(());
        }
        let added = ExportTotals { filtered: std::mem::take(&mut self.passed_over), ..ExportTotals::default() };
        let step = ExportAdvance {
            stream: ExportStream::Activities,
            place: self.activities,
            added,
            dead: Vec::new(),
            events_per_second: 0.0,
            at_micros: (self.context.clock)(),
        };
        self.context.control.exports().advance(&self.name, &step).await?;
        self.add(added);
        Ok(())
    }

    fn it_is_time_to_ask(&mut self) -> bool {
        let due = self.asked.is_none_or(|asked| asked.elapsed() >= limits::ASK_EVERY);
        if due {
            self.asked = Some(Instant::now());
        }
        due
    }

    /// Notes once that nothing waits, together with what was passed over.
    async fn rest(&mut self) -> Result<(), ExportError> {
        let waits = self.what.has_activities() && self.known_end() > self.activities.next;
        if !self.resting && !waits {
            self.save_passed_over().await?;
            self.context.control.exports().rest(&self.name).await?;
            self.resting = true;
        }
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        matches!(&self.until, Until::Stopped(stop) if *stop.borrow())
    }

    /// Waits, but no longer than until the order to stop.
    async fn stopped_within(&mut self, time: std::time::Duration) {
        if let Until::Stopped(stop) = &mut self.until {
            tokio::select! {
                () = tokio::time::sleep(time) => {}
                _ = stop.wait_for(|stopped| *stopped) => {}
            }
        }
    }
}

impl Work {
    fn max(self, other: Self) -> Self {
        match (self, other) {
            (Self::Stop, _) | (_, Self::Stop) => Self::Stop,
            (Self::Done, _) | (_, Self::Done) => Self::Done,
            (Self::Nothing, Self::Nothing) => Self::Nothing,
        }
    }
}

/// Notes a failure where `ephor export status` shows it.
async fn note_failure(
    context: &ExportContext,
    sink: &str,
    refusal: &crate::sink::Refusal,
    pause: std::time::Duration,
    waiting: u64,
) -> Result<(), ExportError> {
    metrics::counter!("ephor_export_failures_total", "sink" => sink.to_owned()).increment(1);
    metrics::gauge!(LAG, "sink" => sink.to_owned()).set(waiting as f64);
    let at_micros = (context.clock)();
    let pause_micros = i64::try_from(pause.as_micros()).unwrap_or(i64::MAX);
    let failure = ExportFailure {
        state: refusal.state(),
        error: refusal.why().to_owned(),
        at_micros,
        next_attempt_at_micros: Some(at_micros.saturating_add(pause_micros)),
    };
    tracing::warn!(
        sink,
        why = refusal.why(),
        state = refusal.state(),
        pause_seconds = pause.as_secs_f64(),
        "not delivered"
    );
    Ok(context.control.exports().fail(sink, &failure).await?)
}
