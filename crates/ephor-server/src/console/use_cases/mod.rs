//! The fifteen use cases: what each asks, what either API can say of it, what is open, and its report with pictures.
//! Promises the same tables as `ephor report`, and what is missing beside them.
//! Never shows a viewer a name: what they may not see is taken out before the page is written.

mod download;
mod list;
mod one;

use ephor_reports::{Group, Question, Report, make};
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

/// Reports that take long and rest on nothing but what [`super::kept`] looks at.
const LONG: [&str; 2] = ["adoption-governance", "cost-attribution"];

/// The report that an address asks for, as this visitor may see it.
async fn report(app: &App, visitor: &Visitor, name: &str) -> Result<Report, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let question = Question { from: day(&query, "from")?, to: day(&query, "to")?, group: group(app, &query, name)? };
    let made = async { Ok(make(&desk(app, visitor), name, &question).await?) };
    let report = match LONG.contains(&name) {
        true => {
            let asked = format!("{name} {:?} {:?} {:?}", question.from, question.to, question.group);
            app.console().kept().report(app, asked, made).await?.as_ref().clone()
        }
        false => made.await?,
    };
    discreet(app, visitor, report).await
}

/// The group that adoption or cost is narrowed to. One too small to hide in is not told of.
fn group(app: &App, query: &Query, name: &str) -> Result<Option<String>, Problem> {
    let Some(id) = query.one("group").filter(|id| !id.is_empty() && LONG.contains(&name)) else { return Ok(None) };
    let known = groups(app).into_iter().find(|group| group.id == id);
    let small = || {
        Problem::invalid(format!(
            "group: there is no such group, or fewer than {} people are in it, and figures of so few would tell of each",
            app.options().reports_floor_people
        ))
    };
    known.map(|group| Some(group.id)).ok_or_else(small)
}

/// Groups that are large enough to be told of.
fn groups(app: &App) -> Vec<Group> {
    let mut groups = Group::all(app.lake().directory());
    groups.retain(|group| {
        group.members.len() >= usize::try_from(app.options().reports_floor_people).unwrap_or(usize::MAX)
    });
    groups
}

fn day(query: &Query, name: &str) -> Result<Option<UtcDay>, Problem> {
    let wrong = |text: &str| Problem::invalid(format!("{name}: `{}` is not a day such as 2026-10-31", shortened(text)));
    let given = query.one(name).map(str::trim).filter(|text| !text.is_empty());
    given.map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}
