//! Evidence: the frameworks, what the lake holds of each control in a period, and packages for auditors.
//! Promises the same grades and the same packages as `ephor evidence`.
//! Never lets a package out that is not finished.

mod coverage;
mod list;
mod packages;

pub(crate) use packages::Builds;

use std::sync::Arc;

use ephor_evidence::{EvidenceError, Frameworks, Grade, Period};
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use maud::Markup;

use super::access::Right;
use super::page::{Page, Pages};
use super::parts::{self, Tone};
use super::visitor::Visitor;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

pub(super) fn mount(pages: Pages) -> Pages {
    pages
        .serve(&LIST, list::show)
        .serve(&COVERAGE, coverage::show)
        .serve(&BUILD, packages::build)
        .serve(&TAKE, packages::take)
}

static LIST: Page = Page::look("/evidence", Right::Evidence);
static COVERAGE: Page = Page::look("/evidence/{framework}", Right::Evidence);
static BUILD: Page = Page::act("/evidence/{framework}", Right::Evidence);
static TAKE: Page = Page::look("/evidence/packages/{name}", Right::Evidence);

/// The days that are looked at unless somebody says otherwise: a quarter.
const USUAL_DAYS: i64 = 90;

fn frameworks(app: &App) -> Result<Arc<Frameworks>, Problem> {
    match &app.options().frameworks {
        Some(frameworks) => Ok(Arc::clone(frameworks)),
        None => Frameworks::carried().map(Arc::new).map_err(refused),
    }
}

/// The period that an address asks for; the quarter up to yesterday if it names none.
fn period(query: &Query, visitor: &Visitor) -> Result<Period, Problem> {
    let usual = |days_ago: i64| UtcDay::from_micros(visitor.now() - days_ago * DAY_MICROS).to_string();
    let day = |name: &str, usual: String| {
        query.one(name).map(str::trim).filter(|text| !text.is_empty()).map_or(usual, str::to_owned)
    };
    Period::parse(&day("from", usual(USUAL_DAYS)), &day("to", usual(1))).map_err(refused)
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

/// What was asked wrongly is told; what broke here is not.
fn refused(error: EvidenceError) -> Problem {
    match error {
        EvidenceError::NoSuchFramework { .. } => Problem::not_found_because(error.to_string()),
        EvidenceError::NoSuchControl { .. } | EvidenceError::Period(_) => Problem::invalid(error.to_string()),
        EvidenceError::Lake(error) => error.into(),
        EvidenceError::Control(error) => error.into(),
        error => Problem::internal(&error),
    }
}
