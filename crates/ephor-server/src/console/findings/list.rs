//! The queue: what stands, the most urgent first, narrowed by status, severity, use case and whom it is about.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ephor_detect::{FindingFilter, FindingRecord, FindingStatus, Severity, UseCase};
use maud::{Markup, html};

use super::{entity, severity_badge, status_badge, words};
use crate::console::access::Right;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Sorting};
use crate::console::views;
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

const PATH: &str = "/findings";

/// Rows of a page: a morning's work.
const ROWS: usize = 50;

/// Rows where the queue is only mentioned.
const FEW: usize = 6;

/// Entities that a row has room for.
const ENTITIES: usize = 3;

const SAID: &[(&str, &str)] =
    &[("done", "Done, and recorded."), ("none", "No finding was chosen, so nothing was done.")];

/// The order unless a column is asked for.
const URGENCY: &str = "urgency";

/// What is shown at first: what still needs somebody.
const PENDING: [FindingStatus; 2] = [FindingStatus::Open, FindingStatus::Acknowledged];

/// Everything that is open or acknowledged.
pub(in crate::console) async fn standing(app: &App) -> Result<Arc<Vec<FindingRecord>>, Problem> {
    let filter = FindingFilter { statuses: PENDING.to_vec(), ..FindingFilter::default() };
    app.console().kept().findings(app, &filter).await
}

/// Everything that was found about a thing or a person, however it was handled.
pub(in crate::console) async fn about(app: &App, id: &str) -> Result<Arc<Vec<FindingRecord>>, Problem> {
    let filter = FindingFilter { entity_id: Some(id.to_owned()), ..FindingFilter::default() };
    app.console().kept().findings(app, &filter).await
}

/// How many of each severity, each a way into the queue.
pub(in crate::console) fn tally(standing: &[FindingRecord]) -> Markup {
    html! {
        @if standing.is_empty() { p { (parts::badge(parts::Tone::Good, "none")) " Nothing that rules found waits for somebody." } }
        @else { ul class="tally" { @for severity in Severity::ALL.into_iter().rev() {
            @let count = standing.iter().filter(|record| record.finding.severity == severity).count() as u64;
            @if count > 0 { li { a href=(format!("{PATH}?severity={severity}")) { span class="value" { (parts::count(count)) } } " " (severity_badge(severity)) } }
        } } }
    }
}

/// How many of each use case, the most first, each a way into the queue.
pub(in crate::console) fn by_use_case(standing: &[FindingRecord]) -> Markup {
    let mut counts: Vec<(UseCase, u64, Severity)> = UseCase::ALL
        .into_iter()
        .filter_map(|case| {
            let of_case = || standing.iter().filter(move |record| record.finding.use_case == case);
            Some((case, of_case().count() as u64, of_case().map(|record| record.finding.severity).max()?))
        })
        .collect();
    counts.sort_by_key(|(_, count, worst)| Reverse((*worst, *count)));
    html! {
        @if !counts.is_empty() { table {
            caption class="hidden" { "By use case" }
            thead class="hidden" { tr { th { "Use case" } th { "The worst" } th { "Findings" } } }
            tbody { @for (case, count, worst) in counts { tr {
                td { a href=(format!("{PATH}?use_case={case}")) { (words(case.as_str())) } }
                td { (severity_badge(worst)) }
                td class="n" { (parts::count(count)) }
            } } }
        } }
    }
}

/// The few that come first.
pub(in crate::console) fn most_urgent(standing: &[&FindingRecord], visitor: &Visitor) -> Markup {
    let mut standing = standing.to_vec();
    by_urgency(&mut standing);
    standing.truncate(FEW);
    table(&standing, visitor, Chosen::Nothing, None)
}

fn by_urgency(found: &mut [&FindingRecord]) {
    found.sort_by_key(|record| {
        let (handling, finding) = (&record.handling, &record.finding);
        Reverse((handling.status == FindingStatus::Open, finding.severity, finding.last_seen_micros))
    });
}

/// By the column that was asked for; ties by urgency.
fn sort(found: &mut [&FindingRecord], sorting: &Sorting) {
    by_urgency(found);
    match sorting.by.as_str() {
        "severity" => found.sort_by_key(|record| record.finding.severity),
        "title" => found.sort_by(|a, b| a.finding.title.cmp(&b.finding.title)),
        "use_case" => found.sort_by_key(|record| record.finding.use_case.as_str()),
        "count" => found.sort_by_key(|record| record.finding.count),
        "seen" => found.sort_by_key(|record| record.finding.last_seen_micros),
        "status" => found.sort_by_key(|record| record.handling.status.as_str()),
        _ => return,
    }
    sorting.turn(found);
}

/// What can be done with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chosen {
    /// Some can be chosen, and handled together.
    Several,
    Nothing,
}

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let filter = filter(&query, &visitor)?;
    let listed = app.console().kept().findings(&app, &filter).await?;
    let mut found: Vec<&FindingRecord> = listed.iter().collect();
    let sorting = Sorting::read(&query, URGENCY);
    sort(&mut found, &sorting);
    let page = parts::Slice::read(&query, found.len(), ROWS);
    let chosen = if visitor.may(Right::Handle) { Chosen::Several } else { Chosen::Nothing };
    let body = html! {
        (parts::notice(query.one("said"), SAID))
        (statuses(&query, &visitor.visit.query))
        (views::bar(&app, &visitor).await?)
        (filters(&query, &visitor))
        @if found.is_empty() {
            section class="card flush" { (nothing(&query)) }
        } @else {
            form action=(PATH) method="post" {
                (visitor.visit.form_field())
                input type="hidden" name="query" value=(visitor.visit.query);
                section class="card flush" { (table(&found[page.range()], &visitor, chosen, Some(&sorting))) }
                @if visitor.may(Right::Handle) { (decisions()) }
            }
        }
        (page.pager(PATH, &visitor.visit.query))
    };
    let lead = html! {
        (parts::plural(found.len() as u64, "finding", "findings"))
        @if sorting.by == URGENCY { ", the most urgent first" }
        @else { ". " a href=(parts::with(PATH, &visitor.visit.query, &[("sort", ""), ("way", ""), ("page", "")])) { "The most urgent first" } }
    };
    let sheet = Sheet { title: "Findings", spot: Spot::Findings, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

fn filter(query: &Query, visitor: &Visitor) -> Result<FindingFilter, Problem> {
    let one = |name: &str| query.one(name).map(str::trim).filter(|value| !value.is_empty());
    let statuses = match one("status") {
        None => PENDING.to_vec(),
        Some("all") => Vec::new(),
        Some(status) => vec![status.parse().map_err(Problem::from)?],
    };
    Ok(FindingFilter {
        statuses,
        use_cases: one("use_case").map(str::parse).transpose().map_err(Problem::from)?.into_iter().collect(),
        rules: one("rule").map(str::to_owned).into_iter().collect(),
        severity: one("severity").map(str::parse).transpose().map_err(Problem::from)?,
        // Whom it is about, a viewer cannot ask: the answer would tell who a pseudonym is.
        entity_id: one("about").filter(|_| visitor.sees_names()).map(str::to_owned),
        ..FindingFilter::default()
    })
}

fn statuses(query: &Query, here: &str) -> Markup {
    let asked = query.one("status").filter(|status| !status.is_empty());
    let chip = |value: Option<&str>, words: &str| {
        let link = parts::with(PATH, here, &[("status", value.unwrap_or_default()), ("page", ""), ("said", "")]);
        html! { a class="chip" href=(link) aria-current=[(asked == value).then_some("true")] { (words) } }
    };
    html! {
        nav class="chips filters" aria-label="Status" {
            (chip(None, "To be handled"))
            @for status in FindingStatus::ALL { (chip(Some(status.as_str()), &words(status.as_str()))) }
            (chip(Some("all"), "all"))
        }
    }
}

fn filters(query: &Query, visitor: &Visitor) -> Markup {
    let value = |name: &str| query.one(name).unwrap_or_default();
    html! {
        form class="filters" action=(PATH) method="get" role="search" aria-label="Findings" {
            @for kept in ["status", "sort", "way"] { @if !value(kept).is_empty() { input type="hidden" name=(kept) value=(value(kept)); } }
            label { "Severity" select name="severity" {
                option value="" { "Any" }
                @for level in Severity::ALL.into_iter().rev() { option value=(level) selected[value("severity") == level.as_str()] { (level) " or more" } }
            } }
            label { "Use case" select name="use_case" {
                option value="" { "Any" }
                @for case in UseCase::ALL { option value=(case) selected[value("use_case") == case.as_str()] { (words(case.as_str())) } }
            } }
            label { "Rule" input name="rule" value=(value("rule")) maxlength="120"; }
            @if visitor.sees_names() { label class="text" { "About (an id)" input name="about" value=(value("about")) maxlength="200" data-find=""; } }
            button class="button primary" { "Show" }
        }
    }
}

fn table(found: &[&FindingRecord], visitor: &Visitor, chosen: Chosen, sorting: Option<&Sorting>) -> Markup {
    let handles = chosen == Chosen::Several;
    let heading = |by: &str, words: &str, class: &str| match sorting {
        Some(sorting) => sorting.heading(PATH, &visitor.visit.query, (by, words), class),
        None => html! { th scope="col" class=[(!class.is_empty()).then_some(class)] { (words) } },
    };
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Findings" }
            thead { tr {
                @if handles { th { label data-all="" hidden { input type="checkbox" data-of="id" aria-label="All of this page"; } } }
                (heading("severity", "Severity", "")) (heading("title", "Finding", "")) th scope="col" { "About" } (heading("use_case", "Use case", "")) (heading("count", "Activities", "n")) (heading("seen", "Last seen (UTC)", "")) (heading("status", "Status", ""))
            } }
            tbody { @for record in found { (line(record, visitor, handles)) } }
        } }
    }
}

fn line(record: &FindingRecord, visitor: &Visitor, handles: bool) -> Markup {
    let finding = &record.finding;
    html! {
        tr data-row="" {
            @if handles { td { input type="checkbox" name="id" value=(finding.id) aria-label=(format!("Choose: {}", finding.title)); } }
            td { (severity_badge(finding.severity)) }
            td class="told" {
                @if visitor.sees_names() {
                    a href=(format!("{PATH}/{}", escape(finding.id.as_str()))) { strong { (finding.title) } }
                    span class="gist wrap" { (finding.explanation) }
                } @else { strong { (finding.title) } span class="gist" { (finding.rule) } }
            }
            td class="about" { @for about in finding.subject.iter().take(ENTITIES) { div { (entity(about, visitor)) } } }
            td { (words(finding.use_case.as_str())) }
            td class="n" { (parts::count(finding.count)) }
            td { (parts::moment(finding.last_seen_micros, visitor.now())) }
            td { (status_badge(record.handling.status)) @if let (Some(assignee), true) = (&record.handling.assignee, visitor.sees_names()) { span class="gist wrap" { (assignee) } } }
        }
    }
}

fn decisions() -> Markup {
    html! {
        section class="card" {
            h2 { "With those chosen" }
            div class="filters" {
                label class="text" { "Note" span class="hint" { "why; kept with the finding, not in the feed" } input name="note" maxlength="2000"; }
                button class="button" name="status" value="acknowledged" data-key="a" data-says="acknowledge those chosen" { "Acknowledge" }
                button class="button" name="status" value="resolved" data-key="r" data-says="resolve those chosen" { "Resolve" }
                button class="button" name="status" value="false_positive" data-key="f" data-says="call those chosen false positives" { "False positive" }
            }
        }
    }
}

fn nothing(query: &Query) -> Markup {
    let asked = ["status", "severity", "use_case", "rule", "about"]
        .iter()
        .any(|name| query.one(name).is_some_and(|value| !value.is_empty()));
    html! {
        @if asked { (parts::empty("No finding like this", html! { "Take a filter away. " a href=(PATH) { "Show what is to be handled" } "." })) }
        @else { (parts::empty("Nothing to handle", html! { "Rules judge activities as they arrive; docs/detections.md lists them. " a href=(format!("{PATH}?status=all")) { "Show what was handled" } "." })) }
    }
}
