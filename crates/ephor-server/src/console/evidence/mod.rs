//! Evidence: the frameworks, what the lake holds of each control in a period, and packages for auditors.
//! Promises the same grades and the same packages as `ephor evidence`.
//! Never lets a package out that is not finished.

mod coverage;
mod list;
mod packages;
mod verify;

pub(crate) use packages::Builds;

use ephor_evidence::{Grade, Period};
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use maud::Markup;

use super::access::Right;
use super::kept::Patience;
use super::page::{Page, Pages};
use super::parts::{self, Tone};
use crate::own::known;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

pub(super) fn mount(pages: Pages) -> Pages {
    pages
        .serve(&LIST, list::show)
        .serve(&COVERAGE, coverage::show)
        .serve(&BUILD, packages::build)
        .serve(&TAKE, packages::take)
        .serve(&VERIFY, verify::check)
}

static LIST: Page = Page::look("/evidence", Right::Evidence);
static COVERAGE: Page = Page::look("/evidence/{framework}", Right::Evidence);
static BUILD: Page = Page::act("/evidence/{framework}", Right::Evidence);
static TAKE: Page = Page::look("/evidence/packages/{name}", Right::Evidence);
static VERIFY: Page = Page::upload("/evidence/verify", Right::Evidence);

/// The days that are looked at unless somebody says otherwise: a quarter.
const USUAL_DAYS: i64 = 90;

/// The period that an address asks for; the quarter up to yesterday if it names none.
fn period(query: &Query, now_micros: i64) -> Result<Period, Problem> {
    let usual = |days_ago: i64| UtcDay::from_micros(now_micros - days_ago * DAY_MICROS).to_string();
    let day = |name: &str, usual: String| {
        query.one(name).map(str::trim).filter(|text| !text.is_empty()).map_or(usual, str::to_owned)
    };
    Ok(Period::parse(&day("from", usual(USUAL_DAYS)), &day("to", usual(1)))?)
}

/// How many frameworks there are.
pub(super) fn frameworks(app: &App) -> usize {
    known(app).map_or(0, |frameworks| frameworks.iter().count())
}

/// Looks how far one of the frameworks is covered, so that the next who asks need not wait for it.
pub(super) async fn warm(app: &App, place: usize) -> Result<(), Problem> {
    let Some(framework) = known(app)?.iter().nth(place).map(|framework| framework.id.clone()) else { return Ok(()) };
    let period = period(&Query::parse(""), app.now())?;
    coverage::covered(app, &framework, period, Patience::Endless).await.map(drop)
}

/// A grade as a badge.
fn grade(grade: Grade) -> Markup {
    let tone = match grade {
        Grade::Full => Tone::Good,
        Grade::Partial => Tone::Fair,
        Grade::None => Tone::Plain,
    };
    parts::badge(tone, grade.as_str())
}
