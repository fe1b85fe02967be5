//! Answers that take longer than a page may: kept, told with their age once something newer has come, and made anew behind it.
//! Promises the numbers that were right at the moment that a page names; what a visitor may not see is taken out afterwards,
//! for each visitor, and is never part of what is kept.
//! Never holds more than its limit: what was not asked for lately goes first.

mod exact;
mod on_page;
mod shelf;
mod stamp;
mod warm;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ephor_detect::{FindingFilter, FindingRecord, Findings};
use ephor_evidence::Coverage;
use ephor_reports::Report;
use ephor_reports::used::{DayOfUse, Used};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::overview::Glance;
use super::people::Called;
use super::rules::Rules;
use crate::problem::Problem;
use crate::state::App;

use exact::Exact;
pub(super) use on_page::{OnPage, ROWS};
pub(super) use shelf::{Answer, Patience};
use shelf::{Paces, Shelf, Weigh};
use stamp::{RestsOn, Stamps};
pub(crate) use warm::keep_warm;

/// Cells of all kept reports together, at some 60 bytes each.
const CELLS: u64 = 1_000_000;

/// Answers of one kind that are kept, however small.
const ANSWERS: usize = 128;

/// Findings of all kept lists together, at some 2 kB each.
const RECORDS: u64 = 20_000;

/// What is kept. One for the node.
#[derive(Debug)]
pub(crate) struct Kept {
    stamps: Stamps,
    reports: Shelf<OnPage>,
    timelines: Shelf<Report>,
    glances: Shelf<Glance>,
    uses: Shelf<Vec<Used>>,
    days_of_use: Shelf<Vec<DayOfUse>>,
    coverages: Shelf<Coverage>,
    #[cfg(test)]
    numbers: Shelf<u32>,
    findings: Cache<(u64, String), Arc<Vec<FindingRecord>>, Records>,
    rules: Exact<u64, Rules>,
    called: Exact<i64, Called>,
    paces: Paces,
    looked_at_micros: AtomicI64,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            stamps: Stamps::default(),
            reports: Shelf::new(ANSWERS, CELLS),
            timelines: Shelf::new(ANSWERS, CELLS),
            glances: Shelf::new(ANSWERS, CELLS),
            uses: Shelf::new(ANSWERS, CELLS),
            days_of_use: Shelf::new(ANSWERS, CELLS),
            coverages: Shelf::new(ANSWERS, CELLS),
            #[cfg(test)]
            numbers: Shelf::new(ANSWERS, CELLS),
            findings: Cache::with_weighter(ANSWERS, RECORDS, Records),
            rules: Exact::default(),
            called: Exact::default(),
            paces: Paces::default(),
            looked_at_micros: AtomicI64::new(i64::MIN),
        }
    }
}

impl Kept {
    /// Notes that somebody looks: answers are kept warm while somebody does.
    pub(super) fn looked_at(&self, now_micros: i64) {
        self.looked_at_micros.fetch_max(now_micros, Ordering::Relaxed);
    }

    /// Notes that somebody did something here: what was kept before may not show it.
    pub(super) fn acted(&self) {
        self.stamps.acted();
    }

    /// The findings that a filter lets through, as of now: they are read again when any of them has changed.
    pub(super) async fn findings(&self, app: &App, filter: &FindingFilter) -> Result<Arc<Vec<FindingRecord>>, Problem> {
        let findings = Findings::new(app.control());
        let newest = findings.newest_revision().await.map_err(Problem::from)?;
        let read = async { findings.list(filter).await.map(Arc::new).map_err(Problem::from) };
        self.findings.get_or_insert_async(&(newest, format!("{filter:?}")), read).await
    }

    /// The rules in force, under what their files say.
    pub(super) fn rules(&self) -> &Exact<u64, Rules> {
        &self.rules
    }

    /// What people are called, under the revision of the directory.
    pub(super) fn called(&self) -> &Exact<i64, Called> {
        &self.called
    }
}

/// A report as pages show it.
pub(super) async fn report<F>(
    app: &App,
    question: String,
    patience: Patience,
    make: impl FnOnce(App) -> F + Send + 'static,
) -> Result<Arc<Answer<OnPage>>, Problem>
where
    F: Future<Output = Result<OnPage, Problem>> + Send + 'static,
{
    shelf::ask(app, |kept| &kept.reports, (question, RestsOn::All), patience, make).await
}

/// A timeline, whole: its picture shows every row.
pub(super) async fn timeline<F>(
    app: &App,
    question: String,
    make: impl FnOnce(App) -> F + Send + 'static,
) -> Result<Arc<Answer<Report>>, Problem>
where
    F: Future<Output = Result<Report, Problem>> + Send + 'static,
{
    shelf::ask(app, |kept| &kept.timelines, (question, RestsOn::All), Patience::Little, make).await
}

/// What the overview counts over days.
pub(super) async fn glance<F>(
    app: &App,
    counted_day: String,
    patience: Patience,
    make: impl FnOnce(App) -> F + Send + 'static,
) -> Result<Arc<Answer<Glance>>, Problem>
where
    F: Future<Output = Result<Glance, Problem>> + Send + 'static,
{
    shelf::ask(app, |kept| &kept.glances, (counted_day, RestsOn::All), patience, make).await
}

/// What of a kind was used lately.
pub(super) async fn uses<F>(
    app: &App,
    what: String,
    patience: Patience,
    make: impl FnOnce(App) -> F + Send + 'static,
) -> Result<Arc<Answer<Vec<Used>>>, Problem>
where
    F: Future<Output = Result<Vec<Used>, Problem>> + Send + 'static,
{
    shelf::ask(app, |kept| &kept.uses, (what, RestsOn::Usage), patience, make).await
}

/// Who used one thing on which day.
pub(super) async fn days_of_use<F>(
    app: &App,
    question: String,
    make: impl FnOnce(App) -> F + Send + 'static,
) -> Result<Arc<Answer<Vec<DayOfUse>>>, Problem>
where
    F: Future<Output = Result<Vec<DayOfUse>, Problem>> + Send + 'static,
{
    shelf::ask(app, |kept| &kept.days_of_use, (question, RestsOn::Usage), Patience::Little, make).await
}

/// How far a framework is covered.
pub(super) async fn coverage<F>(
    app: &App,
    question: String,
    patience: Patience,
    make: impl FnOnce(App) -> F + Send + 'static,
) -> Result<Arc<Answer<Coverage>>, Problem>
where
    F: Future<Output = Result<Coverage, Problem>> + Send + 'static,
{
    shelf::ask(app, |kept| &kept.coverages, (question, RestsOn::All), patience, make).await
}

fn cells(report: &Report) -> u64 {
    let sections = std::iter::once(&report.main).chain(&report.others);
    sections.map(|section| section.table.rows.len() * section.table.columns.len()).sum::<usize>() as u64 + 1
}

#[derive(Debug, Clone)]
struct Records;

impl Weighter<(u64, String), Arc<Vec<FindingRecord>>> for Records {
    fn weight(&self, _: &(u64, String), records: &Arc<Vec<FindingRecord>>) -> u64 {
        records.len() as u64 + 1
    }
}

impl Weigh for OnPage {
    fn weight(&self) -> u64 {
        cells(&self.report)
    }
}

impl Weigh for Report {
    fn weight(&self) -> u64 {
        cells(self)
    }
}

impl Weigh for Glance {
    fn weight(&self) -> u64 {
        1
    }
}

impl Weigh for Vec<Used> {
    fn weight(&self) -> u64 {
        self.len() as u64 + 1
    }
}

impl Weigh for Vec<DayOfUse> {
    fn weight(&self) -> u64 {
        self.len() as u64 + 1
    }
}

impl Weigh for Coverage {
    fn weight(&self) -> u64 {
        self.controls.len() as u64 + 1
    }
}
