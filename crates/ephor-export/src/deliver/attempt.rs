//! A batch handed to a sink until every record of it is taken or refused for good: halves, single records, pauses.
//! Pauses grow with chance in them, and a receiver's own word comes first; while the lake holds the records nothing is given up.
//! Never buries a record when it looks as if the sink itself were wrong.

use std::collections::VecDeque;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::{ExportContext, Until, note_failure};
use crate::error::ExportError;
use crate::limits;
use crate::record::Record;
use crate::sink::{Broken, Refusal, Sink, Verdict};

/// How a batch ended.
#[derive(Debug)]
pub(super) enum Taken {
    /// Every record is taken or refused for good.
    All(Verdicts),
    /// The order to stop came first.
    Stopped,
    /// A run that is to end has tried often enough.
    GivenUp(String),
}

/// What became of a batch's records.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    pub(super) duplicates: u64,
    pub(super) bytes: u64,
    /// Place, id and reason.
    pub(super) rejected: Vec<(u64, String, String)>,
}

/// A sink and how often it is tried.
pub(super) struct Attempts {
    sink: Box<dyn Sink>,
    longest: Duration,
    most: Option<u32>,
    /// Whether this sink has taken anything since it was opened: before that, a refusal speaks of the sink.
    has_taken: bool,
}

impl Attempts {
    pub(super) fn without_end(sink: Box<dyn Sink>, longest: Duration) -> Self {
        Self { sink, longest, most: None, has_taken: false }
    }

    pub(super) fn some(sink: Box<dyn Sink>, longest: Duration) -> Self {
        Self { sink, longest, most: Some(limits::ATTEMPTS_ONCE), has_taken: false }
    }

    pub(super) async fn close(&mut self) -> Result<(), Refusal> {
        self.sink.close().await
    }

    /// Hands a batch over.
    pub(super) async fn deliver(
        &mut self,
        batch: &[Record],
        name: &str,
        context: &ExportContext,
        until: &Until,
    ) -> Result<Taken, ExportError> {
        let mut verdicts = Verdicts::default();
        let mut waiting: Vec<&Record> = batch.iter().collect();
        let mut pauses = self.pauses();
        let mut failures = 0;
        loop {
            let round = tokio::select! {
                round = self.round(&waiting) => round,
                () = stopped_and_overdue(until) => return Ok(Taken::Stopped),
            };
            if round.takes_anything() {
                self.has_taken = true;
                // A receiver that takes some of it is there: the next pause is a short one.
                (pauses, failures) = (self.pauses(), 0);
            }
            verdicts.add(&round);
            waiting = round.again;
            let Some(refusal) = round.refusal else { return Ok(Taken::All(verdicts)) };
            failures += 1;
            let pause = pause(&refusal, pauses.next().unwrap_or(self.longest));
            let first = batch.first().map_or(0, |record| record.place.number());
            note_failure(context, name, &refusal, pause, context.lake.next_seq().saturating_sub(first)).await?;
            if let Refusal::Gone { why } = &refusal {
                return Ok(Taken::GivenUp(why.clone()));
            }
            if self.most.is_some_and(|most| failures >= most) {
                return Ok(Taken::GivenUp(refusal.why().to_owned()));
            }
            if paused(until, pause).await == Paused::Stopped {
                return Ok(Taken::Stopped);
            }
        }
    }

    fn pauses(&self) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_min_delay(limits::RETRY_FIRST.min(self.longest))
            .with_max_delay(self.longest)
            .with_jitter()
            .without_max_times()
            .build()
    }

    /// One try of everything that waits, in order, in parts where the receiver wants smaller ones.
    async fn round<'r>(&mut self, waiting: &[&'r Record]) -> Round<'r> {
        let mut round = Round::default();
        let mut parts: VecDeque<Vec<&'r Record>> = VecDeque::from([waiting.to_vec()]);
        while let Some(part) = parts.pop_front() {
            let records: Vec<Record> = part.iter().map(|record| (*record).clone()).collect();
            let (part, refusal) = match self.sink.send(&records).await {
                Ok(said) => {
                    round.hear(&part, said);
                    continue;
                }
                Err(Broken { taken, refusal }) => {
                    let (heard, rest) = part.split_at(taken.len());
                    round.hear(heard, taken);
                    (rest.to_vec(), refusal)
                }
            };
            match refusal {
                Refusal::TooLarge { .. } | Refusal::Refused { .. } if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.push_front(second.to_vec());
                    parts.push_front(first.to_vec());
                }
                Refusal::TooLarge { why } | Refusal::Refused { why } => {
                    round.rejected.extend(part.iter().map(|record| (*record, why.clone())));
                }
                refusal => {
                    round.again.extend(part.into_iter().chain(parts.into_iter().flatten()));
                    round.refusal = Some(refusal);
                    break;
                }
            }
        }
        self.suspect(round, waiting.len())
    }

    /// Where nothing at all was acceptable, the sink is more likely wrong than every record.
    fn suspect<'r>(&self, mut round: Round<'r>, tried: usize) -> Round<'r> {
        let everything = round.refusal.is_none() && !round.took_some && round.rejected.len() == tried;
        let suspicious = !self.has_taken || tried >= limits::SUSPICIOUS_RECORDS;
        if everything && suspicious && self.most.is_none_or(|_| tried >= limits::SUSPICIOUS_RECORDS) {
            let why = round.rejected.first().map(|(_, why)| why.clone()).unwrap_or_default();
            round.again = round.rejected.drain(..).map(|(record, _)| record).collect();
            round.refusal = Some(Refusal::Refused { why: format!("refuses every record: {why}") });
        }
        round
    }
}

/// What came of one try.
#[derive(Default)]
struct Round<'r> {
    taken: Vec<&'r Record>,
    /// Whether more was taken than is known by name.
    took_some: bool,
    duplicates: u64,
    rejected: Vec<(&'r Record, String)>,
    again: Vec<&'r Record>,
    refusal: Option<Refusal>,
}

impl<'r> Round<'r> {
    fn hear(&mut self, part: &[&'r Record], said: Vec<Verdict>) {
        debug_assert_eq!(part.len(), said.len(), "a sink says something about every record");
        for (record, verdict) in part.iter().zip(said) {
            match verdict {
                Verdict::Delivered => self.taken.push(record),
                Verdict::Duplicate => {
                    self.taken.push(record);
                    self.duplicates += 1;
                }
                Verdict::Rejected(why) => self.rejected.push((record, why)),
                Verdict::Doubtful(why) => {
                    self.rejected.push((record, why));
                    self.took_some = true;
                }
                Verdict::Again(why) => {
                    self.again.push(record);
                    self.refusal.get_or_insert(Refusal::Busy { why, after: None });
                }
            }
        }
    }

    fn takes_anything(&self) -> bool {
        self.took_some || !self.taken.is_empty()
    }
}

impl Verdicts {
    fn add(&mut self, round: &Round<'_>) {
        self.duplicates += round.duplicates;
        self.bytes += round.taken.iter().map(|record| record.bytes.len() as u64).sum::<u64>();
        let rejected = round.rejected.iter();
        self.rejected.extend(rejected.map(|(record, why)| (record.place.number(), record.id.clone(), why.clone())));
    }
}

/// What the receiver asks for counts, up to a day; somebody who has to act needs no hurry.
fn pause(refusal: &Refusal, usual: Duration) -> Duration {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    match refusal {
        Refusal::Busy { after: Some(after), .. } => usual.max(*after).min(DAY),
        _ => usual,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Paused {
    Over,
    Stopped,
}

async fn paused(until: &Until, pause: Duration) -> Paused {
    match until {
        Until::CaughtUp => {
            tokio::time::sleep(pause).await;
            Paused::Over
        }
        Until::Stopped(stop) => {
            let mut stop = stop.clone();
            tokio::select! {
                () = tokio::time::sleep(pause) => Paused::Over,
                _ = stop.wait_for(|stopped| *stopped) => Paused::Stopped,
            }
        }
    }
}

/// Resolves when the order to stop came and what was under way has had its time.
pub(crate) async fn stopped_and_overdue(until: &Until) {
    match until {
        Until::CaughtUp => std::future::pending().await,
        Until::Stopped(stop) => {
            let mut stop = stop.clone();
            let _ = stop.wait_for(|stopped| *stopped).await;
            tokio::time::sleep(limits::STOP_WITHIN).await;
        }
    }
}
