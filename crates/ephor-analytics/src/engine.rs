//! Answers to the questions of the Analytics API: from day tables where a whole day is asked for, else from the facts.
//! An answer is a function of the lake as of one moment; the same moment gives the same pages.
//! Never blocks the runtime: counting happens on threads that may.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ephor_lake::{BuiltFrom, Lake, LakeError};
use ephor_wire::timestamp::UtcDay;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rayon::prelude::*;

use crate::answer::{Answer, ReportAnswer};
use crate::connector_name::ConnectorNames;
use crate::days::{self, DayTables};
use crate::facts::{self, Column, Context, Load, Wanted};
use crate::frame::{self, Frame};
use crate::groups::{DirectoryViews, Groups, People};
use crate::listing::spec::Spec;
use crate::listing::{self, Cut, Surroundings};
use crate::prices::{PriceEntry, PriceError, PriceList};
use crate::projects::Projects;
use crate::query::{AsOf, Days, Direction, Listing, ListingQuery, Ordering, Reach, ReportQuery, SummariesQuery};
use crate::report::{self, ReportRow};
use crate::summaries::{self, ActiveDay, Numbering, WINDOW_DAYS};
use crate::upstream::{NotTold, Origin, OriginRule, Origins};

/// Memory for answers that may be asked for again, such as by their next page.
const ANSWER_CACHE_BYTES: u64 = 192 << 20;

/// What the configuration says of analytics.
#[derive(Debug, Clone, Default)]
pub struct AnalyticsOptions {
    /// Connector names as sent → as published, before the shipped ones.
    pub connector_aliases: HashMap<String, String>,
    /// Negotiated prices.
    pub prices: Vec<PriceEntry>,
    /// Who answers what; without any, all is counted here.
    pub origins: Vec<OriginRule>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnalyticsError {
    /// The lake could not be read or written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A configured price is of no use.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// The upstream that answers for this does not tell it.
    #[error(transparent)]
    NotTold(#[from] NotTold),
    /// The counting stopped in the middle.
    #[error("the counting stopped: {0}")]
    Stopped(String),
}

/// The Analytics API's answers. Clones share everything.
#[derive(Debug, Clone)]
pub struct Analytics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    lake: Lake,
    tables: DayTables,
    connectors: ConnectorNames,
    prices: PriceList,
    origins: Vec<OriginRule>,
    frames: Cache<FrameKey, Arc<Frame>, FrameWeight>,
    reports: Cache<(ReportQuery, AsOf), Arc<[ReportRow]>, ReportWeight>,
    active: Mutex<Active>,
    projects: Projects,
    directory: DirectoryViews,
    /// How facts are counted here: the code, the names, the prices.
    recipe: u64,
    /// One day is built at a time, and once however many ask for it.
    building: tokio::sync::Mutex<()>,
}

/// A question whose answer is kept: without its order, which is made anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum FrameKey {
    Day { listing: Listing, day: UtcDay, built_from: BuiltFrom },
    Counted { query: Box<ListingQuery>, as_of: AsOf },
}

#[derive(Debug, Default)]
struct Active {
    numbering: Numbering,
    days: HashMap<(Reach, UtcDay), (BuiltFrom, Arc<ActiveDay>)>,
}

#[derive(Debug, Clone)]
struct FrameWeight;

impl Weighter<FrameKey, Arc<Frame>> for FrameWeight {
    fn weight(&self, _: &FrameKey, frame: &Arc<Frame>) -> u64 {
        frame.bytes() as u64 + 256
    }
}

#[derive(Debug, Clone)]
struct ReportWeight;

impl Weighter<(ReportQuery, AsOf), Arc<[ReportRow]>> for ReportWeight {
    fn weight(&self, _: &(ReportQuery, AsOf), rows: &Arc<[ReportRow]>) -> u64 {
        rows.iter().map(|row| row.json.len() as u64 + 64).sum::<u64>() + 256
    }
}

/// What building days came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Days built.
    pub days: u64,
    /// Rows of all their tables.
    pub rows: u64,
}

impl Analytics {
    /// Opens the day tables of a lake, making those that are missing.
    pub async fn open(lake: &Lake, options: AnalyticsOptions) -> Result<Self, AnalyticsError> {
        let connectors = ConnectorNames::with_aliases(options.connector_aliases);
        let prices = PriceList::with(&options.prices)?;
        let inner = Inner {
            lake: lake.clone(),
            tables: DayTables::open(lake).await?,
            recipe: mixed(mixed(days::COUNTING, connectors.fingerprint()), prices.fingerprint()),
            connectors,
            prices,
            origins: options.origins,
            frames: Cache::with_weighter(1_024, ANSWER_CACHE_BYTES, FrameWeight),
            reports: Cache::with_weighter(256, ANSWER_CACHE_BYTES / 8, ReportWeight),
            active: Mutex::default(),
            projects: Projects::default(),
            directory: DirectoryViews::default(),
            building: tokio::sync::Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How much of the lake an answer of now would be made from.
    #[must_use]
    pub fn as_of(&self) -> AsOf {
        AsOf { usage_seq: self.inner.lake.usage().next_seq(), upstream_seq: self.inner.lake.upstream_rows().next_seq() }
    }

    /// The one name of a connector, whatever a client calls it.
    #[must_use]
    pub fn connector_name(&self, name: &str) -> String {
        self.inner.connectors.published(name)
    }

    pub(crate) fn people(&self, reach: &Reach) -> Arc<People> {
        self.inner.people(reach)
    }

    pub(crate) fn lake(&self) -> &Lake {
        &self.inner.lake
    }

    pub(crate) fn connectors(&self) -> &ConnectorNames {
        &self.inner.connectors
    }

    pub(crate) fn prices(&self) -> &PriceList {
        &self.inner.prices
    }

    /// Who answers a question of this reach; nothing where all of it is counted here.
    fn origins(&self, reach: &Reach) -> Option<Origins> {
        let origins = Origins::of(&self.inner.origins, reach);
        (origins.only() != Some(&Origin::Computed)).then_some(origins)
    }

    /// The rows of a listing, of which only these fields are wanted: a day's table is read no wider than that.
    pub async fn narrow_listing(&self, query: &ListingQuery, paths: &[&str]) -> Result<Answer, AnalyticsError> {
        let as_of = query.as_of.unwrap_or_else(|| self.as_of());
        let as_the_table_lies = query.listing != Listing::Projects && query.ordering.is_natural();
        if as_the_table_lies
            && self.origins(&query.reach).is_none()
            && let Some(day) = self.built_day(query, as_of).await?
            && self.inner.frames.get(&self.inner.day_key(query.listing, day)).is_none()
        {
            let (inner, listing) = (Arc::clone(&self.inner), query.listing);
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            let read = move || days::read_fields(inner.tables.of(listing), listing, day, &paths);
            return Ok(Answer::counted(Arc::new(off_the_runtime(read).await?), None, as_of));
        }
        self.listing(query).await
    }

    /// Some rows of a listing, and how many it has. A page of a day costs what a page costs, not what the day does.
    pub async fn page(&self, query: &ListingQuery, rows: Range<usize>) -> Result<Answer, AnalyticsError> {
        let as_of = query.as_of.unwrap_or_else(|| self.as_of());
        let as_the_table_lies = query.listing != Listing::Projects && query.ordering.is_natural();
        if as_the_table_lies
            && self.origins(&query.reach).is_none()
            && let Some(day) = self.built_day(query, as_of).await?
            && self.inner.frames.get(&self.inner.day_key(query.listing, day)).is_none()
        {
            return self.part_of_day(query.listing, day, rows, as_of).await;
        }
        self.listing(query).await
    }

    /// The rows of a listing.
    pub async fn listing(&self, query: &ListingQuery) -> Result<Answer, AnalyticsError> {
        let as_of = query.as_of.unwrap_or_else(|| self.as_of());
        match self.origins(&query.reach) {
            None => self.counted_listing(query, as_of).await,
            Some(origins) => self.merged_listing(query, as_of, &origins).await,
        }
    }

    pub(crate) async fn counted_listing(&self, query: &ListingQuery, as_of: AsOf) -> Result<Answer, AnalyticsError> {
        let frame = self.frame(query, as_of).await?;
        let frame = match query.listing {
            Listing::Projects => {
                let people = self.inner.people(&Reach::Parent);
                self.inner.projects.told(&frame, self.inner.lake.directory(), &people, &self.inner.tables).await?
            }
            _ => frame,
        };
        let sorted_by = listing::sort_columns(Spec::of(query.listing), &query.group_by);
        let order = frame::ordered(&frame, &sorted_by, &query.ordering);
        Ok(Answer::counted(frame, order, as_of))
    }

    /// One entry a day, each one JSON object.
    pub async fn summaries(&self, query: &SummariesQuery) -> Result<Vec<Bytes>, AnalyticsError> {
        match self.origins(&query.reach) {
            None => self.counted_summaries(query).await,
            Some(origins) => self.merged_summaries(query, &origins).await,
        }
    }

    pub(crate) async fn counted_summaries(&self, query: &SummariesQuery) -> Result<Vec<Bytes>, AnalyticsError> {
        let days = days_of(query.first, query.end);
        let mut active = Vec::new();
        for day in days_of(query.first.plus_days(1 - WINDOW_DAYS), query.end) {
            active.push(self.active_on(day, &query.reach).await?);
        }
        let groups = match query.rbac_group_ids.is_empty() {
            true => None,
            false => Some(self.groups().await?),
        };
        let people = self.inner.people(&query.reach);
        if let Some(groups) = &groups {
            let covered = days_of(query.first.plus_days(1 - WINDOW_DAYS), query.end);
            let numbers = &self.lock_active().numbering;
            for (set, day) in active.iter_mut().zip(covered) {
                let ids = query.rbac_group_ids.iter().map(|asked| groups.resolve(asked));
                let members = numbers.set(ids.flat_map(|id| groups.members_on(id, day)));
                *set = Arc::new(set.within(&members));
            }
        }
        let told = groups.is_none().then_some(&*people);
        let entries = summaries::summaries(&days, &active, told);
        Ok(entries.iter().filter_map(|entry| serde_json::to_vec(entry).ok()).map(Bytes::from).collect())
    }

    /// The rows of a cost or usage report.
    pub async fn report(&self, query: &ReportQuery) -> Result<ReportAnswer, AnalyticsError> {
        let as_of = query.as_of.unwrap_or_else(|| self.as_of());
        match self.origins(&query.reach) {
            None => self.counted_report(query, as_of).await,
            Some(origins) => self.merged_report(query, as_of, &origins).await,
        }
    }

    pub(crate) async fn counted_report(
        &self,
        query: &ReportQuery,
        as_of: AsOf,
    ) -> Result<ReportAnswer, AnalyticsError> {
        let key = (query.clone(), as_of);
        // What the facts reach to is told by the rows' own days; a cached report has the same.
        let data_refreshed_at_micros = self.refreshed_at(query);
        if let Some(rows) = self.inner.reports.get(&key) {
            return Ok(ReportAnswer { rows, as_of, data_refreshed_at_micros });
        }
        let groups = self.groups().await?;
        let (inner, query) = (Arc::clone(&self.inner), query.clone());
        let rows: Arc<[ReportRow]> = off_the_runtime(move || {
            let days = report::days(&query);
            let people = inner.people(&query.reach);
            let load = Load {
                reach: &query.reach,
                before_seq: Some(as_of.usage_seq),
                columns: report::COLUMNS,
                spent: true,
                rows: Wanted::Requests,
            };
            let context = Context { connectors: &inner.connectors, people: &people.id_by_email };
            let around = report::Surroundings { groups: &groups, prices: &inner.prices };
            let of_day = |day: &UtcDay| -> Result<report::Counted, LakeError> {
                let facts = facts::load(inner.lake.usage(), std::slice::from_ref(day), &load, &context)?;
                Ok(report::count(&facts, *day, &query, &around))
            };
            let counted = days.par_iter().map(of_day).try_reduce(report::Counted::default, |mut all, day| {
                all.add(day);
                Ok(all)
            })?;
            Ok(report::rows(counted, &query, &people))
        })
        .await?
        .into();
        self.inner.reports.insert(key, Arc::clone(&rows));
        Ok(ReportAnswer { rows, as_of, data_refreshed_at_micros })
    }

    /// Builds the days of a span anew, whether they are stale or not.
    pub async fn rebuild(&self, first: UtcDay, last: UtcDay) -> Result<Rebuilt, AnalyticsError> {
        let mut rebuilt = Rebuilt::default();
        for day in self.inner.with_facts(&days_of(first, last.plus_days(1))) {
            let _alone = self.inner.building.lock().await;
            rebuilt.rows += self.build(day, self.inner.facts_to(day)).await?;
            rebuilt.days += 1;
        }
        Ok(rebuilt)
    }

    /// Builds the days up to one that have facts which their tables do not know.
    pub async fn catch_up(&self, last: UtcDay) -> Result<Rebuilt, AnalyticsError> {
        let mut rebuilt = Rebuilt::default();
        for day in self.inner.lake.usage().days().into_iter().map(|day| day.day).filter(|day| *day <= last) {
            if let Some(rows) = self.ensure_built(day).await? {
                rebuilt.rows += rows;
                rebuilt.days += 1;
            }
        }
        Ok(rebuilt)
    }

    /// Builds a day if its tables do not know all its facts; the number of rows if it was built.
    async fn ensure_built(&self, day: UtcDay) -> Result<Option<u64>, AnalyticsError> {
        if self.inner.is_built(day) {
            return Ok(None);
        }
        let _alone = self.inner.building.lock().await;
        if self.inner.is_built(day) {
            return Ok(None);
        }
        Ok(Some(self.build(day, self.inner.facts_to(day)).await?))
    }

    async fn build(&self, day: UtcDay, to_seq: u64) -> Result<u64, AnalyticsError> {
        let inner = Arc::clone(&self.inner);
        let people = inner.people(&Reach::Parent);
        let of = Arc::clone(&people);
        let built =
            off_the_runtime(move || days::build(&inner.lake, day, to_seq, &of, &inner.connectors, &inner.prices))
                .await?;
        let recipe = match built.asked_directory {
            true => mixed(self.inner.recipe, people.fingerprint),
            false => self.inner.recipe,
        };
        Ok(self.inner.tables.replace(day, &built, BuiltFrom { seq: to_seq, recipe }).await?)
    }

    pub(crate) async fn groups(&self) -> Result<Arc<Groups>, AnalyticsError> {
        Ok(self.inner.directory.groups(self.inner.lake.directory()).await?)
    }

    async fn frame(&self, query: &ListingQuery, as_of: AsOf) -> Result<Arc<Frame>, AnalyticsError> {
        match self.built_day(query, as_of).await? {
            Some(day) => self.day_frame(query.listing, day).await,
            None => self.counted(query, as_of).await,
        }
    }

    /// The day whose table answers a question, built; nothing where the facts have to be counted.
    async fn built_day(&self, query: &ListingQuery, as_of: AsOf) -> Result<Option<UtcDay>, AnalyticsError> {
        if let Days::Day(day) = query.days
            && query.reach == Reach::Parent
            && query.filters.is_empty()
            && query.group_by.is_empty()
            && self.inner.facts_to(day) <= as_of.usage_seq
            && self.inner.has_day_tables(day)
        {
            self.ensure_built(day).await?;
            return Ok(Some(day));
        }
        Ok(None)
    }

    async fn day_frame(&self, listing: Listing, day: UtcDay) -> Result<Arc<Frame>, AnalyticsError> {
        let key = self.inner.day_key(listing, day);
        if let Some(frame) = self.inner.frames.get(&key) {
            return Ok(frame);
        }
        let inner = Arc::clone(&self.inner);
        let frame = Arc::new(off_the_runtime(move || days::read(inner.tables.of(listing), listing, day)).await?);
        self.inner.frames.insert(key, Arc::clone(&frame));
        Ok(frame)
    }

    async fn part_of_day(
        &self,
        listing: Listing,
        day: UtcDay,
        rows: Range<usize>,
        as_of: AsOf,
    ) -> Result<Answer, AnalyticsError> {
        let (inner, first, key) = (Arc::clone(&self.inner), rows.start, self.inner.day_key(listing, day));
        let read = move || days::read_rows(inner.tables.of(listing), listing, day, rows);
        let (frame, of) = off_the_runtime(read).await?;
        let frame = Arc::new(frame);
        if frame.rows == of {
            self.inner.frames.insert(key, Arc::clone(&frame));
        }
        Ok(Answer::part(frame, first, of, as_of))
    }

    /// Counts a question from the facts.
    async fn counted(&self, query: &ListingQuery, as_of: AsOf) -> Result<Arc<Frame>, AnalyticsError> {
        let plain = Ordering { metric: None, direction: Direction::Ascending };
        let question = ListingQuery { ordering: plain, as_of: None, ..query.clone() };
        let key = FrameKey::Counted { query: Box::new(question.clone()), as_of };
        if let Some(frame) = self.inner.frames.get(&key) {
            return Ok(frame);
        }
        let groups = self.groups().await?;
        let inner = Arc::clone(&self.inner);
        let frame = Arc::new(off_the_runtime(move || inner.count(&question, as_of, &groups)).await?);
        self.inner.frames.insert(key, Arc::clone(&frame));
        Ok(frame)
    }

    async fn active_on(&self, day: UtcDay, reach: &Reach) -> Result<Arc<ActiveDay>, AnalyticsError> {
        let to_seq = self.inner.facts_to(day);
        if to_seq == 0 {
            return Ok(Arc::default());
        }
        let from_tables = *reach == Reach::Parent && self.inner.has_day_tables(day);
        let built_from = match from_tables {
            true => {
                self.ensure_built(day).await?;
                self.inner.tables.built_from(day).unwrap_or_default()
            }
            false => {
                let recipe = mixed(self.inner.recipe, self.inner.people(reach).fingerprint);
                BuiltFrom { seq: to_seq, recipe }
            }
        };
        let key = (reach.clone(), day);
        let known = self.lock_active().days.get(&key).filter(|(of, _)| *of == built_from).map(|(_, d)| Arc::clone(d));
        if let Some(active) = known {
            return Ok(active);
        }
        let batches = match from_tables {
            true => {
                let inner = Arc::clone(&self.inner);
                off_the_runtime(move || {
                    let columns = summaries::columns();
                    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                    inner.tables.of(Listing::Users).read(day, &columns)
                })
                .await?
            }
            false => {
                let query = ListingQuery::whole_day(Listing::Users, reach.clone(), day);
                vec![self.counted(&query, self.as_of()).await?.to_batch()?]
            }
        };
        let mut active = self.lock_active();
        let read = Arc::new(ActiveDay::read(&batches, &mut active.numbering));
        active.days.insert(key, (built_from, Arc::clone(&read)));
        Ok(read)
    }

    /// What is kept is replaced whole, so a panic leaves it as it was.
    fn lock_active(&self) -> std::sync::MutexGuard<'_, Active> {
        self.inner.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of the newest day that has facts for a report, or of its span if that is earlier.
    fn refreshed_at(&self, query: &ReportQuery) -> Option<i64> {
        let newest = self.inner.with_facts(&report::days(query)).last().copied()?;
        Some(newest.end_micros().min(query.to_micros))
    }
}

impl Inner {
    /// The `seq` after the last fact of a day; 0 if it has none.
    fn facts_to(&self, day: UtcDay) -> u64 {
        self.lake.usage().day(day).map_or(0, |day| day.last_seq + 1)
    }

    fn day_key(&self, listing: Listing, day: UtcDay) -> FrameKey {
        FrameKey::Day { listing, day, built_from: self.tables.built_from(day).unwrap_or_default() }
    }

    /// Whether a day's tables say what they would say if they were built now.
    fn is_built(&self, day: UtcDay) -> bool {
        let to_seq = self.facts_to(day);
        match self.tables.built_from(day) {
            None => to_seq == 0,
            Some(built) => {
                let by_facts_alone = built.recipe == self.recipe;
                built.seq == to_seq
                    && (by_facts_alone || built.recipe == mixed(self.recipe, self.people(&Reach::Parent).fingerprint))
            }
        }
    }

    /// Whether a day's tables answer: they are built, or can be. Beside a running node, an unbuilt day is counted.
    fn has_day_tables(&self, day: UtcDay) -> bool {
        self.is_built(day) || self.tables.can_be_built()
    }

    fn people(&self, reach: &Reach) -> Arc<People> {
        self.directory.people(self.lake.directory(), reach)
    }

    /// Those of some days that have facts.
    fn with_facts(&self, days: &[UtcDay]) -> Vec<UtcDay> {
        days.iter().copied().filter(|day| self.facts_to(*day) > 0).collect()
    }

    /// Blocking.
    fn count(&self, query: &ListingQuery, as_of: AsOf, groups: &Groups) -> Result<Frame, LakeError> {
        let days = match query.days {
            Days::Day(day) => vec![day],
            Days::Range { first, end } => days_of(first, end),
        };
        let mut columns: Vec<Column> = Spec::of(query.listing).columns();
        let mut also = |wanted: bool, column: Column| {
            if wanted && !columns.contains(&column) {
                columns.push(column);
            }
        };
        let filters = &query.filters;
        also(!filters.project_ids.is_empty(), Column::Project);
        also(!filters.skill_names.is_empty(), Column::Skill);
        also(!filters.connector_names.is_empty(), Column::Connector);
        also(!filters.connector_names.is_empty(), Column::DisplayName);
        also(!filters.plugin_names.is_empty(), Column::Plugin);
        also(Spec::of(query.listing).prices(), Column::ContextWindow);
        also(Spec::of(query.listing).prices(), Column::Speed);
        let load = Load {
            reach: &query.reach,
            before_seq: Some(as_of.usage_seq),
            columns: &columns,
            spent: Spec::of(query.listing).prices(),
            // People are told by an id or an address, and a row of nobody counts in their groups' sums.
            rows: match Spec::of(query.listing).named_by() {
                Some(column) if query.listing != Listing::Users => Wanted::Naming(column),
                _ => Wanted::All,
            },
        };
        let people = self.people(&query.reach);
        let context = Context { connectors: &self.connectors, people: &people.id_by_email };
        let facts = facts::load(self.lake.usage(), &days, &load, &context)?;
        let cut = Cut { listing: query.listing, days: query.days, filters, group_by: &query.group_by };
        let around = Surroundings { people: &people, groups, connectors: &self.connectors, prices: &self.prices };
        listing::count(&facts, &cut, &around)
    }
}

/// Two numbers as one, in which their order counts.
fn mixed(one: u64, other: u64) -> u64 {
    let mut hasher = twox_hash::XxHash3_64::default();
    (one, other).hash(&mut hasher);
    hasher.finish()
}

/// The days from one up to another, which is not among them.
pub(crate) fn days_of(first: UtcDay, end: UtcDay) -> Vec<UtcDay> {
    let mut days = Vec::new();
    let mut day = first;
    while day < end {
        days.push(day);
        day = day.plus_days(1);
    }
    days
}

pub(crate) async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LakeError> + Send + 'static,
) -> Result<T, AnalyticsError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => Ok(answer?),
        Err(stopped) => Err(AnalyticsError::Stopped(stopped.to_string())),
    }
}
