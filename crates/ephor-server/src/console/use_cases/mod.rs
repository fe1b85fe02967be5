//! The fifteen use cases: what each asks, what either API can say of it, what is open, and its report with pictures.
//! Promises the same tables as `ephor report`, and what is missing beside them.
//! Never shows a viewer a name: what they may not see is taken out before the page is written.

mod download;
mod list;
mod one;

use ephor_reports::{Question, Report, make};
use ephor_wire::timestamp::UtcDay;

use super::access::Right;
use super::desk::{desk, discreet};
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

/// The report that an address asks for, as this visitor may see it.
async fn report(app: &App, visitor: &Visitor, name: &str) -> Result<Report, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let question = Question { from: day(&query, "from")?, to: day(&query, "to")? };
    let report = make(&desk(app, visitor), name, &question).await?;
    discreet(app, visitor, report).await
}

fn day(query: &Query, name: &str) -> Result<Option<UtcDay>, Problem> {
    let wrong = |text: &str| Problem::invalid(format!("{name}: `{}` is not a day such as 2026-10-31", shortened(text)));
    let given = query.one(name).map(str::trim).filter(|text| !text.is_empty());
    given.map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}
