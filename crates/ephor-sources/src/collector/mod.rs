//! Collecting from a Compliance API: pin the top, backfill, catch up, read an overlap again, reconcile once a day.
//! The place to go on from is committed with the rows; killed anywhere, it loses nothing and stores nothing twice.
//! Never filters by organization (sign-ins have none), never asks for content, never takes more than its share.

mod client;
mod gaps;
mod ledger;
mod page;
mod path;
mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ephor_lake::control::Budget;
use ephor_lake::{AppendBatch, AppendOutcome, Appender, Lake};
use ephor_wire::timestamp::{DAY_MICROS, Timestamp};
use serde::Serialize;

use crate::Door;
use crate::error::SourceError;
use crate::files::RejectsLog;
use page::{FeedPage, Recording, remember_request, sort_out};

pub(crate) use client::Client;
pub use client::{Endpoint, Pace, UpstreamError};
pub use gaps::{GapAlarm, GapCause, RecordingSwitch, Resumed, gap_end};
pub use ledger::Ledger;
pub use page::OwnRows;
#[cfg(any(test, fuzzing))]
pub(crate) use page::hold_feed_page;
pub use path::UpstreamPath;
pub use state::CollectorState;

/// Rows of one request: the published maximum.
const PAGE_ROWS: usize = 5_000;

/// Rows are queryable within a minute (compliance_api.md §10); a window that ends earlier is complete.
const INDEXING_LAG_MICROS: i64 = 60_000_000;

/// Reconciling reads that far back: two business days over a weekend, and one to spare.
const RECONCILE_MICROS: i64 = 5 * DAY_MICROS;

/// What to collect, and how.
#[derive(Debug, Clone)]
pub struct CollectorOptions {
    /// Where from.
    pub endpoint: Endpoint,
    /// How far back each run reads again for rows that came late.
    pub overlap: Duration,
    /// Rows that our own requests make upstream.
    pub own_rows: OwnRows,
    /// Nothing older than this.
    pub backfill_from_micros: Option<i64>,
    /// A newest row older than this raises an alarm; none raises none.
    pub stale_after: Option<Duration>,
    /// Where rows that are no activities are kept.
    pub rejects: PathBuf,
    /// Microseconds since 1970, now.
    pub clock: fn() -> i64,
}

/// What one run did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SourceReport {
    /// The source's name.
    pub source: String,
    /// Rows read, own and repeated ones included.
    pub read: u64,
    /// Rows stored now.
    pub added: u64,
    /// Rows that were stored already.
    pub duplicates: u64,
    /// Rows whose id is stored with another content.
    pub conflicts: u64,
    /// Rows that are no activities and were not met before; they are in the rejects file.
    pub rejected: u64,
    /// Rows that tell of our own requests, left out.
    pub own: u64,
    /// Rows that only reading again brought: late ones.
    pub late: u64,
    /// Requests made.
    pub requests: u64,
    /// The last answer's `request-id`.
    pub last_request_id: Option<String>,
    /// The upstream's clock minus ours, in microseconds.
    pub clock_skew_micros: Option<i64>,
    /// What is left of the upstream's budget.
    #[serde(skip)]
    pub budget: Option<Budget>,
    /// Why something may be missing for ever: from when, and why.
    pub alarms: Vec<GapAlarm>,
    /// When the upstream's recording was switched on again.
    pub resumed: Vec<Resumed>,
    /// The newest row that the upstream is known to have, in microseconds.
    pub newest_micros: Option<i64>,
}

/// Collects one source.
#[derive(Debug)]
pub struct Collector {
    options: CollectorOptions,
    client: Client,
    appender: Appender,
    door: Arc<Door>,
    state: CollectorState,
    /// The state of the last commit: what a run goes on from, wherever the one before it ended.
    stored: CollectorState,
    /// The newest row that this run has seen, in whatever order it was read.
    newest_seen_micros: Option<i64>,
    report: SourceReport,
}

/// Which way a walk goes, and what its pages move.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// Into the past from the top; every page moves the backfill cursor.
    Backfill,
    /// Towards now from the bookmark; the bookmark moves when the walk ends.
    CatchUp,
    /// Through a window once more; nothing moves.
    Again,
}

impl Collector {
    /// Goes on from where the source's last commit says.
    pub async fn open(
        options: CollectorOptions,
        lake: &Lake,
        appender: &Appender,
        door: &Arc<Door>,
    ) -> Result<Self, SourceError> {
        let state = match lake.source_cursor(&options.endpoint.name).await? {
            Some(stored) => serde_json::from_value(stored).unwrap_or_default(),
            None => CollectorState::default(),
        };
        let name = options.endpoint.name.clone();
        let client = Client::new(options.endpoint.clone(), options.clock)
            .map_err(|error| SourceError::Collect { name, error })?;
        let report = SourceReport { source: options.endpoint.name.clone(), ..SourceReport::default() };
        let (appender, door) = (appender.clone(), Arc::clone(door));
        let stored = state.clone();
        Ok(Self { options, client, appender, door, state, stored, newest_seen_micros: None, report })
    }

    /// One run, to the end of what the upstream has. The report tells what was done even when the run failed midway.
    pub async fn run_once(&mut self) -> (SourceReport, Result<(), SourceError>) {
        self.report = SourceReport { source: self.options.endpoint.name.clone(), ..SourceReport::default() };
        // A run that failed or was dropped may have moved on from a page that was never stored.
        self.state = self.stored.clone();
        self.newest_seen_micros = None;
        let result = self.run_all().await;
        if let Err(SourceError::Collect { error: UpstreamError::Refused { status, .. }, .. }) = &result {
            self.report.alarms.push(GapAlarm::key_refused(*status, (self.options.clock)()));
        }
        // By what is committed: what an interrupted run met, the next one meets again.
        self.report.newest_micros = self.stored.latest_row_micros.or(self.stored.newest_micros);
        if result.is_ok() {
            self.note_staleness();
        }
        self.report.requests = std::mem::take(&mut self.client.requests);
        self.report.clock_skew_micros = self.client.skew_micros();
        self.report.budget = self.client.budget();
        (self.report.clone(), result)
    }

    async fn run_all(&mut self) -> Result<(), SourceError> {
        if self.state.bookmark.is_none() {
            self.pin().await?;
        }
        if self.state.bookmark.is_none() {
            // An empty feed has no top to pin: the next run begins again.
            return Ok(());
        }
        if !self.state.backfill_done {
            self.backfill().await?;
        }
        self.catch_up().await?;
        self.overlap().await?;
        self.reconcile().await
    }

    /// Nothing for longer than expected: the upstream may have stopped recording (compliance_api.md §11, 9).
    fn note_staleness(&mut self) {
        let Some((bound, newest)) = self.options.stale_after.zip(self.report.newest_micros) else { return };
        let silent_micros = self.client.upstream_now_micros() - newest;
        if silent_micros > micros(bound) {
            self.report.alarms.push(GapAlarm::stale(bound.as_secs() / 3600, newest));
        }
    }

    /// Notes the top of the feed before going down from it.
    async fn pin(&mut self) -> Result<(), SourceError> {
        let top = self.page(&[("limit", "1".to_owned())]).await?;
        if top.first_id.is_some() {
            self.state.bookmark = top.first_id;
            self.state.pinned_at_micros = Some(self.client.upstream_now_micros());
            self.commit(Vec::new()).await?;
        }
        Ok(())
    }

    async fn backfill(&mut self) -> Result<(), SourceError> {
        let mut filters = Vec::new();
        if let Some(from) = self.options.backfill_from_micros {
            filters.push(("created_at.gte", Timestamp::from_micros(from).as_str().to_owned()));
        }
        let start = self.state.backfill_cursor.clone();
        match self.walk(Walk::Backfill, &filters, start.clone()).await {
            // The place is lost upstream: begin again at the top. What is stored is a duplicate now, and no more.
            Err(SourceError::Collect { error: UpstreamError::BadRequest(_), .. }) if start.is_some() => {
                self.state.backfill_cursor = None;
                self.walk(Walk::Backfill, &filters, None).await?;
            }
            result => result?,
        }
        self.state.backfill_done = true;
        self.commit(Vec::new()).await?;
        Ok(())
    }

    async fn catch_up(&mut self) -> Result<(), SourceError> {
        let Some(bookmark) = self.state.bookmark.clone() else {
            return Ok(());
        };
        match self.walk(Walk::CatchUp, &self.frequent_filters(), Some(bookmark)).await {
            Err(SourceError::Collect { error: UpstreamError::BadRequest(_), .. }) => self.read_since_newest().await,
            result => result,
        }
    }

    /// The bookmark no longer decodes: pin the top anew, then read everything since the newest stored row by time.
    async fn read_since_newest(&mut self) -> Result<(), SourceError> {
        tracing::warn!(
            source = self.options.endpoint.name,
            "the upstream no longer knows the bookmark; reading by time instead"
        );
        let top = self.page(&[("limit", "1".to_owned())]).await?;
        let newest = self.state.newest_micros;
        let from = newest.unwrap_or(0).saturating_sub(self.overlap_micros()).max(0);
        let mut filters = self.frequent_filters();
        filters.push(("created_at.gte", Timestamp::from_micros(from).as_str().to_owned()));
        self.walk(Walk::Again, &filters, None).await?;
        // Only now: the walk begins at the newest row, and one that ended early has not read what lies below it.
        self.state.newest_micros = newest.max(self.newest_seen_micros);
        self.state.bookmark = top.first_id.or(self.state.bookmark.take());
        self.commit(Vec::new()).await?;
        Ok(())
    }

    /// Reads the last minutes again: a row can be indexed behind a cursor that has passed (compliance_api.md §10).
    async fn overlap(&mut self) -> Result<(), SourceError> {
        let now = self.client.upstream_now_micros();
        let filters = window(self.frequent_filters(), now - self.overlap_micros(), now - INDEXING_LAG_MICROS);
        let before = self.report.added;
        self.walk(Walk::Again, &filters, None).await?;
        self.report.late += self.report.added - before;
        Ok(())
    }

    /// Once a day, the last days again, with the rows of every key. The frequent reads leave some out, so this one goes
    /// back to before the last time, or before the backfill, however long ago that was.
    async fn reconcile(&mut self) -> Result<(), SourceError> {
        let now = self.client.upstream_now_micros();
        let last = self.state.last_reconciled_to_micros;
        if last.is_some_and(|to| now - to < DAY_MICROS) {
            return Ok(());
        }
        let since = last.or(self.state.pinned_at_micros).unwrap_or(now).min(now);
        let from = self.options.backfill_from_micros.unwrap_or(0).max(since - RECONCILE_MICROS);
        let filters = window(Vec::new(), from, now - INDEXING_LAG_MICROS);
        let before = self.report.added;
        self.walk(Walk::Again, &filters, None).await?;
        self.report.late += self.report.added - before;
        self.state.last_reconciled_to_micros = Some(now);
        self.commit(Vec::new()).await?;
        Ok(())
    }

    /// Our own requests make a row each; the frequent reads leave the type out, the daily one sorts it by key.
    fn frequent_filters(&self) -> Vec<(&'static str, String)> {
        match self.options.own_rows {
            OwnRows::Exclude => vec![("exclude_activity_types[]", "compliance_api_accessed".to_owned())],
            OwnRows::Keep => Vec::new(),
        }
    }

    fn overlap_micros(&self) -> i64 {
        micros(self.options.overlap)
    }

    /// Walks pages and stores each before the next is asked for.
    async fn walk(&mut self, walk: Walk, filters: &[(&str, String)], start: Option<String>) -> Result<(), SourceError> {
        let mut place = start;
        let mut stuck = 0;
        loop {
            let mut query = filters.to_vec();
            query.push(("limit", PAGE_ROWS.to_string()));
            if let Some(place) = &place {
                query.push((if walk == Walk::CatchUp { "before_id" } else { "after_id" }, place.clone()));
            }
            let page = self.page(&query).await?;
            let next = if walk == Walk::CatchUp { page.first_id.clone() } else { page.last_id.clone() };
            let goes_on = page.has_more;
            if walk == Walk::Backfill && next.is_some() {
                self.state.backfill_cursor.clone_from(&next);
            }
            if walk == Walk::CatchUp && !goes_on && next.is_some() {
                self.state.bookmark.clone_from(&next);
            }
            self.take_in(walk, &page).await?;
            if !goes_on {
                return Ok(());
            }
            if next.is_none() || next == place {
                // An empty page gives no cursor, and one that says «more» at the place we came from leads nowhere: asked
                // again, the upstream may have found its way.
                stuck += 1;
                if stuck >= self.options.endpoint.pace.tries {
                    let last = "a page says that there is more and does not say where".to_owned();
                    return Err(self.failed(UpstreamError::Unavailable { tries: stuck, last }));
                }
                tokio::time::sleep(self.options.endpoint.pace.first_wait).await;
                continue;
            }
            stuck = 0;
            place = next;
        }
    }

    async fn page(&mut self, query: &[(&str, String)]) -> Result<FeedPage, SourceError> {
        let answer = self.client.get(&UpstreamPath::Activities, query, FeedPage::parse).await;
        let answer = answer.map_err(|error| self.failed(error))?;
        remember_request(&mut self.state.own_requests, answer.request_id.clone());
        self.report.last_request_id = answer.request_id;
        Ok(answer.value)
    }

    async fn take_in(&mut self, walk: Walk, page: &FeedPage) -> Result<(), SourceError> {
        let name = &self.options.endpoint.name;
        let sorted = sort_out(page, name, &self.door, self.options.own_rows, &mut self.state);
        // A row of the future says nothing about how fresh the upstream is.
        let now = self.client.upstream_now_micros();
        self.state.latest_row_micros = self.state.latest_row_micros.map(|latest| latest.min(now));
        self.report.read += page.rows.len() as u64;
        self.report.own += sorted.own;
        self.report.rejected += sorted.rejected.len() as u64;
        RejectsLog::append(&self.options.rejects, &self.options.endpoint.name, &sorted.rejected)?;
        for switch in &sorted.switches {
            self.note_switch(switch);
        }
        self.newest_seen_micros = self.newest_seen_micros.max(sorted.newest_micros);
        if walk != Walk::Again {
            self.state.newest_micros = self.state.newest_micros.max(sorted.newest_micros);
        }
        let outcome = self.commit(vec![sorted.rows]).await?;
        self.report.added += outcome.added;
        self.report.duplicates += outcome.duplicates;
        self.report.conflicts += outcome.conflicts;
        Ok(())
    }

    /// Rows are read more than once; what they tell is told once a run.
    fn note_switch(&mut self, switched: &page::Switched) {
        let page::Switched { at_micros, activity, switch, to } = switched;
        match to {
            Recording::On => {
                let resumed = Resumed { at_micros: *at_micros, switch: *switch };
                if !self.report.resumed.contains(&resumed) {
                    self.report.resumed.push(resumed);
                }
            }
            Recording::Off => {
                let alarm = GapAlarm::switched_off(*switch, activity, *at_micros);
                if !self.report.alarms.contains(&alarm) {
                    self.report.alarms.push(alarm);
                }
            }
        }
    }

    /// Rows and place in one commit. A place that has not moved needs none: polls that bring nothing new would fill the
    /// log. Requests alone are no move either; those of a day's reconciling are stored with it and are enough to learn
    /// our key by.
    async fn commit(&mut self, rows: Vec<ephor_lake::ActivityRows>) -> Result<AppendOutcome, SourceError> {
        let requests_alone = CollectorState { own_requests: self.state.own_requests.clone(), ..self.stored.clone() };
        let moved = self.state != requests_alone;
        let batch = AppendBatch {
            source: self.options.endpoint.name.clone(),
            received_at_micros: (self.options.clock)(),
            rows,
            cursor: if moved { serde_json::to_value(&self.state).ok() } else { None },
        };
        let outcome = self.appender.append(batch).await?;
        if moved {
            self.stored.clone_from(&self.state);
        }
        Ok(outcome)
    }

    fn failed(&self, error: UpstreamError) -> SourceError {
        SourceError::Collect { name: self.options.endpoint.name.clone(), error }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn window(mut filters: Vec<(&'static str, String)>, from_micros: i64, to_micros: i64) -> Vec<(&'static str, String)> {
    filters.push(("created_at.gte", Timestamp::from_micros(from_micros).as_str().to_owned()));
    filters.push(("created_at.lt", Timestamp::from_micros(to_micros).as_str().to_owned()));
    filters
}
