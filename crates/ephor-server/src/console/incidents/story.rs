//! A timeline: what happened around people, addresses, keys and things, in one order of time.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ephor_reports::render::day_text;
use ephor_reports::timeline::{TimelineQuestion, timeline};
use maud::{Markup, html};

use super::case::Pins;
use super::{lanes, question};
use crate::console::access::Right;
use crate::console::desk::{desk, discreet};
use crate::console::frame::{self, Sheet, Spot};
use crate::console::kept;
use crate::console::parts;
use crate::console::reported;
use crate::console::views;
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let asked = question::read(|name| query.one(name))?;
    let body = html! {
        (views::bar(&app, &visitor).await?)
        form class="filters" action="/timeline" method="get" role="search" aria-label="Timeline" {
            (question::fields(&asked))
            button class="button primary" { "Show" }
        }
        @if visitor.may(Right::Handle) && question::names_something(&asked) { (keep(&asked, &visitor)) }
        @if question::names_something(&asked) { (told(&app, &visitor, &asked, None).await?) }
        @else { section class="card" { (parts::empty("Name somebody or something", html! { "A person, an address, a key, a session or anything else that activities name; without days, the last 30 are looked at." })) } }
    };
    let lead = html! { "What happened, in which order, and who and what was part of it" };
    let sheet = Sheet { title: "Timeline", spot: Spot::Incidents, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

/// The timeline of a question, as parts of a page.
pub(super) async fn told(
    app: &App,
    visitor: &Visitor,
    asked: &TimelineQuestion,
    pins: Option<&Pins>,
) -> Result<Markup, Problem> {
    let question = asked.clone();
    let make = async move |app: App| Ok(timeline(&desk(&app), &question).await?);
    let kept = kept::timeline(app, question::address(asked), make).await?;
    let report = discreet(app, visitor, kept.value.clone()).await?;
    let period = report.provenance.period;
    Ok(html! {
        p class="muted" { (day_text(period.first)) " to " (day_text(period.last)) ", " (report.provenance.population) (parts::as_of(kept.made_micros, visitor.now())) }
        @if !report.provenance.gaps.is_empty() { (reported::gaps(&report.provenance)) }
        (reported::figures(&report.figures))
        (lanes::picture(&report.main.table, asked))
        @match pins { Some(pins) => (pins.section(&report.main, visitor)), None => (reported::section(&report.main, report.main.table.rows.len(), None, visitor)) }
        @for other in &report.others { (reported::section(other, other.table.rows.len(), None, visitor)) }
        (reported::origin(&report.provenance))
    })
}

/// Keeps the question as a case.
fn keep(asked: &TimelineQuestion, visitor: &Visitor) -> Markup {
    html! {
        details class="card" {
            summary { "Keep this as a case" }
            form action="/incidents" method="post" class="filters" {
                (visitor.visit.form_field())
                label class="text" { "What it is called" input name="title" required maxlength="200"; }
                div hidden { (question::fields(asked)) }
                button class="button primary" { "Open the case" }
            }
        }
    }
}
