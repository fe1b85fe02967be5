//! Answers that are kept while nothing that they rest on has changed: reports that take long, and what the overview counts.
//! Promises the answer that would be made now, before anything is taken out of it for whoever asks.
//! Never holds more than its limit: what was not asked for lately goes first.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ephor_detect::Findings;
use ephor_lake::directory::DirectoryKind;
use ephor_lake::{Lake, LakeError, RowPredicate};
use ephor_reports::used::{Used, UsedAs};
use ephor_reports::{Report, Section};
use ephor_wire::timestamp::UtcDay;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::activity::OWN_READS;
use super::overview::Glance;
use crate::problem::Problem;
use crate::state::App;

/// Cells of all kept reports together, at some 60 bytes each.
const CELLS: u64 = 1_000_000;

/// Reports and glances that are kept, however small.
const ANSWERS: usize = 64;

/// Kinds of things whose use is kept, with what it was an arrival ago.
const KINDS: usize = 8;

/// What is kept. One for the node.
pub(crate) struct Kept {
    reports: Cache<(String, Stamp), Arc<Report>, Cells>,
    glances: Cache<(UtcDay, Stamp), Arc<Glance>>,
    uses: Cache<(UsedAs, u64, UtcDay), Arc<Vec<Used>>>,
    arrived: tokio::sync::Mutex<Arrived>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({} reports)", self.reports.len())
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            reports: Cache::with_weighter(ANSWERS, CELLS, Cells),
            glances: Cache::new(ANSWERS),
            uses: Cache::new(KINDS),
            arrived: tokio::sync::Mutex::default(),
        }
    }
}

/// Everything that an answer rests on, as numbers that change with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Stamp {
    activities: u64,
    usage: u64,
    upstream: u64,
    directory: i64,
    /// Gaps, roster and findings.
    control: u64,
    /// Reports end with yesterday.
    today: UtcDay,
}

/// How far the lake was looked at, and where the last activity lies that was no look itself.
#[derive(Debug, Default)]
struct Arrived {
    seen: u64,
    counted: u64,
}

#[derive(Debug, Clone)]
struct Cells;

impl Weighter<(String, Stamp), Arc<Report>> for Cells {
    fn weight(&self, _: &(String, Stamp), report: &Arc<Report>) -> u64 {
        let cells = |section: &Section| section.table.rows.len() * section.table.columns.len();
        std::iter::once(&report.main).chain(&report.others).map(cells).sum::<usize>() as u64 + 1
    }
}

impl Kept {
    /// A report, made now unless the same question was answered from the same facts. Those who ask at once wait for one.
    pub(super) async fn report(
        &self,
        app: &App,
        question: String,
        make: impl Future<Output = Result<Report, Problem>>,
    ) -> Result<Arc<Report>, Problem> {
        let key = (question, self.stamp(app).await?);
        self.reports.get_or_insert_async(&key, async { make.await.map(Arc::new) }).await
    }

    /// What the overview counts, likewise.
    pub(super) async fn glance(
        &self,
        app: &App,
        counted_day: UtcDay,
        make: impl Future<Output = Result<Glance, Problem>>,
    ) -> Result<Arc<Glance>, Problem> {
        let key = (counted_day, self.stamp(app).await?);
        self.glances.get_or_insert_async(&key, async { make.await.map(Arc::new) }).await
    }

    /// What of a kind was used in the days up to today, likewise.
    pub(super) async fn uses(
        &self,
        app: &App,
        what: UsedAs,
        make: impl Future<Output = Result<Vec<Used>, Problem>>,
    ) -> Result<Arc<Vec<Used>>, Problem> {
        let key = (what, app.lake().usage().next_seq(), UtcDay::from_micros(app.now()));
        self.uses.get_or_insert_async(&key, async { make.await.map(Arc::new) }).await
    }

    async fn stamp(&self, app: &App) -> Result<Stamp, Problem> {
        let (lake, sources, roster) = (app.lake(), app.control().sources(), app.control().roster());
        let (gaps, roster) = tokio::try_join!(sources.gaps(), roster.revision())?;
        let found = Findings::new(app.control()).newest_revision().await.map_err(Problem::from)?;
        let mut control = DefaultHasher::new();
        let gaps = gaps.iter().map(|gap| (&gap.id, gap.from_micros, gap.to_micros, gap.closed_at_micros));
        (gaps.collect::<Vec<_>>(), roster, found).hash(&mut control);
        Ok(Stamp {
            activities: self.arrived.lock().await.up_to_now(lake).await?,
            usage: lake.usage().next_seq(),
            upstream: lake.upstream_rows().next_seq(),
            directory: DirectoryKind::all().map(|kind| lake.directory().revision(kind)).sum(),
            control: control.finish(),
            today: UtcDay::from_micros(app.now()),
        })
    }
}

impl Arrived {
    /// The place of the last activity that counts. Each look at a page leaves a row behind: if those counted, no answer
    /// would ever be kept for the next who looks.
    async fn up_to_now(&mut self, lake: &Lake) -> Result<u64, LakeError> {
        let end = lake.next_seq();
        if self.seen == 0 {
            (self.seen, self.counted) = (end, end);
        }
        if self.seen < end {
            let [one, other] = OWN_READS;
            let counts = RowPredicate::parse(&format!("type not in ('{one}', '{other}')"))?;
            while self.seen < end {
                let arrivals = lake.arrivals_where(self.seen..end, Some(&counts)).await?;
                if !arrivals.rows.is_empty() {
                    (self.seen, self.counted) = (end, end);
                }
                self.seen = self.seen.max(arrivals.next_seq);
            }
        }
        Ok(self.counted)
    }
}
