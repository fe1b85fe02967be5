//! The fifteen use cases: what each asks, what either API can say of it, what is open, and its report with pictures.
//! Promises the same tables as `ephor report`, and what is missing beside them.
//! Never shows a viewer a name: what they may not see is taken out before the page is written.

mod download;
mod list;
mod one;

use std::sync::Arc;

use ephor_reports::{BY_GROUP, Group, Question, Report, make};
use ephor_wire::timestamp::UtcDay;

use super::access::Right;
use super::desk::{desk, discreet};
use super::kept::{self, Answer, OnPage, Patience};
use super::page::{Page, Pages};
use super::visitor::Visitor;
use crate::problem::{Problem, shortened};
use crate::query::Query;
use crate::state::App;

pub(super) fn mount(pages: Pages) -> Pages {
    pages.serve(&LIST, list::show).serve(&ONE, one::show).serve(&DOWNLOAD, download::take)
}

static LIST: Page = Page::look("/use-cases", Right::Look);
static ONE: Page = Page::look("/use-cases/{name}", Right::Look);
static DOWNLOAD: Page = Page::look("/use-cases/{name}/download", Right::SeeNames);

/// What an address asks a report for.
fn asked(app: &App, visitor: &Visitor, name: &str) -> Result<Question, Problem> {
    let query = Query::parse(&visitor.visit.query);
    Ok(Question { from: day(&query, "from")?, to: day(&query, "to")?, group: group(app, &query, name)? })
}

/// A report whole and made now, as this visitor may see it.
async fn report(app: &App, visitor: &Visitor, name: &str) -> Result<Report, Problem> {
    let report = make(&desk(app), name, &asked(app, visitor, name)?).await?;
    discreet(app, visitor, report).await
}

/// What a page shows of a report, before anything of it is taken out for a visitor.
pub(super) async fn on_page(
    app: &App,
    name: &str,
    question: Question,
    patience: Patience,
) -> Result<Arc<Answer<OnPage>>, Problem> {
    let words = format!("{name} {:?} {:?} {:?}", question.from, question.to, question.group);
    let name = name.to_owned();
    let make = async move |app: App| {
        let report = make(&desk(&app), &name, &question).await?;
        Ok(OnPage::of(report, app.options().reports_floor_people))
    };
    kept::report(app, words, patience, make).await
}

/// The group that adoption or cost is narrowed to.
fn group(app: &App, query: &Query, name: &str) -> Result<Option<String>, Problem> {
    let asked = query.one("group").filter(|id| !id.is_empty() && BY_GROUP.contains(&name));
    let named = |id: &str| Group::named(app.lake().directory(), app.options().reports_floor_people, id);
    Ok(asked.map(named).transpose()?.map(|group| group.id))
}

fn day(query: &Query, name: &str) -> Result<Option<UtcDay>, Problem> {
    let wrong = |text: &str| Problem::invalid(format!("{name}: `{}` is not a day such as 2026-10-31", shortened(text)));
    let given = query.one(name).map(str::trim).filter(|text| !text.is_empty());
    given.map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}
