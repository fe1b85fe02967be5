//! Collecting from an Analytics API: every endpoint, every day, as far back as the upstream goes, again while it may change.
//! Rows are kept byte for byte with the history of their revisions; the place is committed with them.
//! Never narrows a question, never stores half an answer, never takes more than its share.

mod listings;
mod page;
mod plan;
mod refusal;
mod state;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ephor_lake::{Lake, UpstreamListing};
use ephor_wire::analytics::{AnalyticsEndpoint, slot};
use ephor_wire::timestamp::UtcDay;

use crate::Door;
use crate::collector::{Client, Endpoint, GapAlarm, SourceReport, UpstreamError, UpstreamPath};
use crate::error::SourceError;
use listings::{LISTINGS, Listing, Since};
use page::Page;
use plan::{FIRST_DAY, Plan, Step, Told};
use refusal::{DayRefusal, day_refusal};
use walk::{Walked, row_key, walk};

#[cfg(any(test, fuzzing))]
pub(crate) use page::hold_analytics_page;
pub use plan::Horizons;
#[cfg(any(test, fuzzing))]
pub(crate) use refusal::hold_refusal;
pub use state::AnalyticsState;

/// Failures of one listing after which the rest of it is left to the next run.
const LISTING_FAILURES: usize = 3;

/// Failures in a row after which the run ends: it is the upstream, and not a question.
const RUN_FAILURES: usize = 5;

/// Answers are stored together: so many questions, so many bytes or so long a time at most. A commit for each would make a
/// file for each and day; killed in between, a minute of reading is read again.
const BATCH_STEPS: usize = 32;
const BATCH_BYTES: usize = 8 << 20;
const BATCH_AGE: Duration = Duration::from_secs(60);

/// No published lag is half as long: an upstream that has nothing this new is broken, or is another API.
const LONGEST_LAG_DAYS: i32 = 60;

/// What to collect, and how.
#[derive(Debug, Clone)]
pub struct AnalyticsCollectorOptions {
    /// Where from.
    pub endpoint: Endpoint,
    /// Which days.
    pub horizons: Horizons,
    /// A newest day that ended longer ago than this raises an alarm; none raises none.
    pub stale_after: Option<Duration>,
    /// Microseconds since 1970, now.
    pub clock: fn() -> i64,
}

/// Collects one source.
#[derive(Debug)]
pub struct AnalyticsCollector {
    options: AnalyticsCollectorOptions,
    client: Client,
    lake: Lake,
    door: Arc<Door>,
    /// The place after everything that was read.
    state: AnalyticsState,
    /// The place of the last commit: what a run goes on from, wherever the one before it ended.
    stored: AnalyticsState,
    batch: Batch,
    report: SourceReport,
}

/// What was read and is not stored yet.
#[derive(Debug, Default)]
struct Batch {
    listings: Vec<UpstreamListing>,
    steps: usize,
    bytes: usize,
    since: Option<Instant>,
}

/// What this run has met beside rows.
#[derive(Debug, Default)]
struct Run {
    told: Told,
    /// Something that every profile has answered: the key is right.
    key_is_good: bool,
    failures_in_a_row: usize,
    failures: BTreeMap<String, usize>,
    first_error: Option<UpstreamError>,
}

impl AnalyticsCollector {
    /// Goes on from where the source's last commit says.
    pub async fn open(options: AnalyticsCollectorOptions, lake: &Lake, door: &Arc<Door>) -> Result<Self, SourceError> {
        let name = options.endpoint.name.clone();
        let state = match lake.upstream_rows().cursor(&name).await? {
            Some(stored) => serde_json::from_value(stored).unwrap_or_default(),
            None => AnalyticsState::default(),
        };
        let report = SourceReport { source: name.clone(), ..SourceReport::default() };
        let client = Client::new(options.endpoint.clone(), options.clock)
            .map_err(|error| SourceError::Collect { name, error })?;
        let (stored, batch) = (state.clone(), Batch::default());
        Ok(Self { options, client, lake: lake.clone(), door: Arc::clone(door), state, stored, batch, report })
    }

    /// One run, to the end of what there is to read now. The report tells what was done even when the run failed midway.
    pub async fn run_once(&mut self) -> (SourceReport, Result<(), SourceError>) {
        self.report = SourceReport { source: self.options.endpoint.name.clone(), ..SourceReport::default() };
        // A run that was dropped may have moved on from answers that were never stored.
        self.state = self.stored.clone();
        self.batch = Batch::default();
        let read = self.run_all().await;
        let result = self.commit().await.and(read);
        if let Err(SourceError::Collect { error: UpstreamError::Refused { status, .. }, .. }) = &result {
            self.report.alarms.push(GapAlarm::key_refused(*status, (self.options.clock)()));
        }
        self.report.newest_micros = self.state.newest_day().map(UtcDay::end_micros);
        if let (Ok(()), Some(bound), Some(newest)) = (&result, self.options.stale_after, self.report.newest_micros) {
            let silent_micros = self.client.upstream_now_micros() - newest;
            if u128::try_from(silent_micros).is_ok_and(|silent| silent > bound.as_micros()) {
                self.report.alarms.push(GapAlarm::stale(bound.as_secs() / 3600, newest));
            }
        }
        self.report.requests = std::mem::take(&mut self.client.requests);
        self.report.clock_skew_micros = self.client.skew_micros();
        self.report.budget = self.client.budget();
        (self.report.clone(), result)
    }

    async fn run_all(&mut self) -> Result<(), SourceError> {
        let mut run = Run::default();
        while let Some(step) = self.plan(&run.told).next() {
            let done = match step {
                Step::Read { listing, first, end } => self.read(&mut run, listing, first, end).await,
                Step::FindHorizon(known_good) => self.find_horizon(&mut run, known_good).await,
            };
            match done {
                Ok(()) => {
                    run.failures_in_a_row = 0;
                    self.batch.steps += 1;
                    if self.batch.is_full() {
                        self.commit().await?;
                    }
                }
                Err(SourceError::Collect { error, .. }) if may_be_put_off(&error) => {
                    run.put_off(step, error.clone());
                    if run.failures_in_a_row >= RUN_FAILURES {
                        return Err(self.failed(error));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        run.first_error.map_or(Ok(()), |error| Err(self.failed(error)))
    }

    fn plan<'a>(&'a self, told: &'a Told) -> Plan<'a> {
        Plan::new(&self.state, told, &self.options.horizons, self.client.upstream_now_micros())
    }

    /// Reads some days of a listing, or learns why they cannot be read.
    async fn read(
        &mut self,
        run: &mut Run,
        listing: &'static Listing,
        first: UtcDay,
        end: UtcDay,
    ) -> Result<(), SourceError> {
        let pace = self.options.endpoint.pace.clone();
        match walk(&mut self.client, listing, first, end, &pace).await {
            Ok(walked) => {
                run.key_is_good |= listing.since == Since::First;
                self.take_in(run, listing, first, end, walked)
            }
            Err(error @ (UpstreamError::NotFound(_) | UpstreamError::Refused { status: 403, .. })) => {
                self.not_there(run, listing, error).await
            }
            Err(UpstreamError::BadRequest(message)) => {
                self.refused_days(run, listing, first, end.plus_days(-1), message)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Takes an answer in, to be stored with the place that it makes.
    fn take_in(
        &mut self,
        run: &Run,
        listing: &'static Listing,
        first: UtcDay,
        end: UtcDay,
        mut walked: Walked,
    ) -> Result<(), SourceError> {
        let now = self.client.upstream_now_micros();
        let days = (first.0..end.0).map(UtcDay);
        let settled: Vec<(UtcDay, bool)> = {
            let plan = self.plan(&run.told);
            days.map(|day| (day, plan.settles(listing, day))).collect()
        };
        let organization = walked.organization.take().or_else(|| self.state.organization.clone());
        let mut taken = Vec::with_capacity(settled.len());
        for (day, _) in &settled {
            let rows = walked.days.remove(day).unwrap_or_default();
            self.report.read += rows.len() as u64;
            self.batch.bytes += rows.iter().map(bytes::Bytes::len).sum::<usize>();
            taken.push(UpstreamListing {
                source: self.options.endpoint.name.clone(),
                endpoint: listing.endpoint.to_string(),
                slot: slot(listing.group_by),
                day: *day,
                organization: organization.clone().unwrap_or_default(),
                fetched_at_micros: (self.options.clock)(),
                rows: self.keyed(listing, &rows)?,
            });
        }
        self.batch.listings.extend(taken);
        self.batch.since.get_or_insert_with(Instant::now);
        self.state.organization = organization;
        let progress = self.state.progress_mut(listing);
        progress.missing_since = None;
        progress.data_refreshed_at = walked.data_refreshed_at.or(progress.data_refreshed_at.take());
        for (day, settled) in settled {
            progress.note_read(day, now, settled);
        }
        self.report.last_request_id = walked.request_id;
        Ok(())
    }

    /// Rows with their keys, without content. A name that an upstream lists twice is two rows.
    fn keyed(&self, listing: &Listing, rows: &[bytes::Bytes]) -> Result<Vec<(String, String)>, SourceError> {
        let source = &self.options.endpoint.name;
        let no_text = |what: String| {
            let last = format!("a row of {} is not what it should be: {what}", listing.name());
            self.failed(UpstreamError::Unavailable { tries: 1, last })
        };
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        rows.iter()
            .map(|row| {
                let key = row_key(listing, row);
                let times = seen.entry(key.clone()).or_default();
                *times += 1;
                let key = if *times == 1 { key } else { format!("{key} #{times}") };
                let clean = self.door.clean(source, row).map_err(|error| no_text(error.to_string()))?;
                let raw = String::from_utf8(clean.into_owned()).map_err(|error| no_text(error.to_string()))?;
                Ok((key, raw))
            })
            .collect()
    }

    /// Stores what was read and the place after it in one commit; a place that has not moved needs none.
    async fn commit(&mut self) -> Result<(), SourceError> {
        let Batch { listings, .. } = std::mem::take(&mut self.batch);
        if self.state == self.stored {
            return Ok(());
        }
        let cursor = serde_json::to_value(&self.state).ok().map(|cursor| (self.options.endpoint.name.clone(), cursor));
        let changes = match self.lake.upstream_rows().record(listings, cursor).await {
            Ok(changes) => changes,
            Err(error) => {
                // What was not stored was not read: the place must never get ahead of the rows.
                self.state.clone_from(&self.stored);
                return Err(error.into());
            }
        };
        self.report.added += changes.iter().map(|changes| (changes.added + changes.changed) as u64).sum::<u64>();
        self.stored.clone_from(&self.state);
        Ok(())
    }

    /// 404 and 403. An older profile lacks what came later; but the article lets a wrong key answer 404 as well
    /// (analytics_api.md §1.6), so something that every profile has must have answered before a listing counts as
    /// missing.
    async fn not_there(
        &mut self,
        run: &mut Run,
        listing: &'static Listing,
        error: UpstreamError,
    ) -> Result<(), SourceError> {
        if listing.since == Since::First {
            return Err(self.failed(match error {
                UpstreamError::NotFound(path) => UpstreamError::Refused {
                    status: 404,
                    message: format!("there is no {path}, as this API answers a key that it does not know"),
                },
                refused => refused,
            }));
        }
        if !run.key_is_good {
            let day = self.plan(&run.told).newest(&LISTINGS[1]);
            match self.probe(day).await {
                Ok(()) | Err(UpstreamError::BadRequest(_)) => run.key_is_good = true,
                Err(UpstreamError::NotFound(_)) => return Err(self.failed(error)),
                Err(refused) => return Err(self.failed(refused)),
            }
        }
        self.remember_missing(listing, &error.to_string());
        Ok(())
    }

    fn remember_missing(&mut self, listing: &Listing, why: &str) {
        tracing::info!(source = self.options.endpoint.name, listing = listing.name(), why, "left out for a week");
        self.state.progress_mut(listing).missing_since = Some(self.client.upstream_now_micros());
    }

    /// 400 about days, or about a cut that an older profile does not know.
    fn refused_days(
        &mut self,
        run: &mut Run,
        listing: &'static Listing,
        first: UtcDay,
        last: UtcDay,
        message: String,
    ) -> Result<(), SourceError> {
        let now = self.client.upstream_now_micros();
        let today = UtcDay::from_micros(now);
        // The whole listing comes before its cuts: days that it has are there, and what is refused is the cut.
        let whole = LISTINGS.iter().find(|whole| whole.endpoint == listing.endpoint && whole.group_by.is_empty());
        let whole = whole.and_then(|whole| self.state.progress(whole));
        let days_are_there = whole.is_some_and(|whole| whole.read.contains(first) && whole.read.contains(last));
        if !listing.group_by.is_empty() && days_are_there && !refusal::names_a_day(&message) {
            self.remember_missing(listing, &message);
            return Ok(());
        }
        match day_refusal(&message, first, last, today) {
            DayRefusal::TooRecent(newest) => {
                let newest = newest.unwrap_or(last.plus_days(-1)).min(last.plus_days(-1));
                if newest < today.plus_days(-LONGEST_LAG_DAYS) {
                    return Err(self.failed(UpstreamError::BadRequest(message)));
                }
                run.told.newest.insert(listing.name(), newest);
                Ok(())
            }
            DayRefusal::TooOld(oldest) => {
                let oldest = oldest.unwrap_or(first.plus_days(1)).max(first.plus_days(1));
                self.state.progress_mut(listing).horizon = Some(oldest);
                Ok(())
            }
            DayRefusal::Unclear => {
                run.told.single_days.insert(listing.name());
                Ok(())
            }
        }
    }

    /// Asks for one row of a day of an endpoint that every profile has.
    async fn probe(&mut self, day: UtcDay) -> Result<(), UpstreamError> {
        let path = UpstreamPath::Analytics(AnalyticsEndpoint::Skills);
        let query = [("date", day.to_string()), ("limit", "1".to_owned())];
        self.client.get(&path, &query, |body| Page::parse(AnalyticsEndpoint::Skills, day, body)).await.map(drop)
    }

    /// Finds the oldest day that is still there: 90 days, 366 or all are what profiles differ in, so it is searched for
    /// by halves, with the day that a refusal names tried first.
    async fn find_horizon(&mut self, run: &mut Run, known_good: UtcDay) -> Result<(), SourceError> {
        let first = self.options.horizons.backfill_from.unwrap_or(FIRST_DAY).max(FIRST_DAY);
        let (mut gone, mut there) = (first.plus_days(-1), known_good.max(first));
        let (mut next, mut named) = (first, None);
        while gone.plus_days(1) < there {
            match self.probe(next).await {
                Ok(()) => there = next,
                Err(UpstreamError::BadRequest(message)) => {
                    gone = next;
                    let today = UtcDay::from_micros(self.client.upstream_now_micros());
                    if let DayRefusal::TooOld(Some(day)) = day_refusal(&message, next, next, today)
                        && (gone.0 + 1..there.0).contains(&day.0)
                    {
                        (next, named) = (day, Some(day));
                        continue;
                    }
                }
                Err(error) => return Err(self.failed(error)),
            }
            if named == Some(there) {
                // The day that the refusal named is there, so the one before it is not.
                break;
            }
            next = UtcDay(gone.0 + (there.0 - gone.0) / 2);
        }
        run.key_is_good = true;
        self.state.horizon = Some(there);
        Ok(())
    }

    fn failed(&self, error: UpstreamError) -> SourceError {
        SourceError::Collect { name: self.options.endpoint.name.clone(), error }
    }
}

impl Batch {
    fn is_full(&self) -> bool {
        self.steps >= BATCH_STEPS
            || self.bytes >= BATCH_BYTES
            || self.since.is_some_and(|since| since.elapsed() >= BATCH_AGE)
    }
}

/// Whether other questions may still be answered where this one was not.
fn may_be_put_off(error: &UpstreamError) -> bool {
    matches!(error, UpstreamError::Unavailable { .. } | UpstreamError::Other { .. } | UpstreamError::BadRequest(_))
}

impl Run {
    /// Leaves a question to the next run.
    fn put_off(&mut self, step: Step, error: UpstreamError) {
        self.failures_in_a_row += 1;
        match step {
            Step::FindHorizon(_) => self.told.no_horizon = Some(error.to_string()),
            Step::Read { listing, first, end } => {
                let name = listing.name();
                let failures = self.failures.entry(name.clone()).or_default();
                *failures += 1;
                if *failures >= LISTING_FAILURES {
                    self.told.listings_put_off.insert(name.clone());
                }
                self.told.put_off.extend((first.0..end.0).map(|day| (name.clone(), UtcDay(day))));
            }
        }
        self.first_error.get_or_insert(error);
    }
}
