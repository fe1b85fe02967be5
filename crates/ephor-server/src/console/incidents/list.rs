//! Every case, the newest first, and a form that asks the timeline.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ephor_reports::timeline::TimelineQuestion;
use ephor_reports::{Case, Cases};
use maud::{Markup, html};

use super::question;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Tone};
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::state::App;

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let cases = Cases::new(app.control()).list().await?;
    let body = html! {
        section class="card" {
            h2 { "Ask the timeline" }
            form class="filters" action="/timeline" method="get" {
                (question::fields(&TimelineQuestion::default()))
                button class="button primary" { "Show" }
            }
        }
        section class="card flush" {
            h2 { "Cases" }
            @if cases.is_empty() { (parts::empty("No case", html! { "Ask the timeline, and keep the question as a case." })) }
            @else { (table(&cases, &visitor)) }
        }
    };
    let open = cases.iter().filter(|case| case.closed_micros.is_none()).count() as u64;
    let lead = html! { (parts::plural(open, "open case", "open cases")) };
    let sheet = Sheet { title: "Incidents", spot: Spot::Incidents, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

fn table(cases: &[Case], visitor: &Visitor) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Cases" }
            thead { tr { th scope="col" { "Case" } th scope="col" { "Opened (UTC)" } th scope="col" { "By" } th scope="col" { "State" } } }
            tbody { @for case in cases { tr data-row="" {
                td { a href=(format!("/incidents/{}", escape(&case.id))) { strong { (case.title) } } span class="gist mono" { (case.id) } }
                td { (parts::moment(case.opened_micros, visitor.now())) }
                td class="wrap" { (case.opened_by) }
                td { (state(case)) @if let Some(outcome) = &case.outcome { span class="gist wrap" { (outcome) } } }
            } } }
        } }
    }
}

/// Whether a case is open, as a badge.
pub(super) fn state(case: &Case) -> Markup {
    match case.closed_micros {
        None => parts::badge(Tone::Bad, "open"),
        Some(_) => parts::badge(Tone::Good, "closed"),
    }
}
