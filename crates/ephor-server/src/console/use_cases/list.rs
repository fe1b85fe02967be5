//! All fifteen on one page, with what stands open in each and what either API can say of it.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ephor_detect::{Severity, UseCase};
use ephor_reports::catalogue;
use maud::html;

use crate::console::compare::{self, Says};
use crate::console::findings;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts;
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::state::App;

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let mut open: BTreeMap<UseCase, (u64, Severity)> = BTreeMap::new();
    for record in findings::standing(&app).await?.iter() {
        let (count, worst) = open.entry(record.finding.use_case).or_insert((0, Severity::Informational));
        *count += 1;
        *worst = record.finding.severity.max(*worst);
    }
    let body = html! {
        section class="card flush" { div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Use cases" }
            thead { tr { th { "Use case" } th { "To be handled" } th { "Analytics API alone" } th { "Compliance API alone" } } }
            tbody { @for info in catalogue() { tr data-row="" {
                td { a href=(format!("/use-cases/{}", info.name)) { strong { (info.title) } } span class="gist" { (info.question) } }
                td { @match UseCase::ALL.into_iter().find(|case| case.as_str() == info.name).and_then(|case| open.get(&case)) {
                    Some((count, worst)) => { a href=(format!("/findings?use_case={}", info.name)) { (parts::plural(*count, "finding", "findings")) } " " (findings::severity_badge(*worst)) }
                    None => span class="muted" { "nothing" },
                } }
                @match compare::of_use_case(info.name) {
                    Some(row) => { td { (said(row.analytics)) } td { (said(row.compliance)) } }
                    None => { td {} td {} }
                }
            } } }
        } } }
        p class="muted" { "What either API says by itself is the founding table's word; Ephor joins both with telemetry and the directory. " a href="/compare" { "The whole table" } "." }
    };
    let lead = html! { "Fifteen questions, each with its report" };
    let sheet = Sheet { title: "Use cases", spot: Spot::UseCases, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

fn said((says, note): (Says, &str)) -> maud::Markup {
    html! { (compare::badge(says)) @if !note.is_empty() { span class="gist" { (note) } } }
}
