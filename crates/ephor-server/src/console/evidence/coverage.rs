//! The coverage matrix of a framework: control by control, what each source could give and what is held.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ephor_evidence::{ControlCoverage, Coverage, House, Period, Source, Status, cover};
use maud::{Markup, html};

use super::{grade, period};
use crate::console::frame::{self, Sheet, Spot};
use crate::console::kept::{self, Answer, Patience};
use crate::console::parts::{self, Tone};
use crate::console::visitor::{Visitor, escape};
use crate::own::known;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

pub(super) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(framework): Path<String>,
) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let period = period(&query, visitor.now())?;
    let kept = covered(&app, &framework, period, Patience::Little).await?;
    let covered = &kept.value;
    let (from, to) = bounds(covered);
    let path = format!("/evidence/{}", escape(&framework));
    let body = html! {
        form class="filters" action=(path) method="get" aria-label="Period" {
            label { "From (day, UTC)" input name="from" value=(from) maxlength="10"; }
            label { "To (included)" input name="to" value=(to) maxlength="10"; }
            button class="button" { "Show" }
        }
        section class="card" aria-label="Figures" { div class="metrics" {
            (metric("Controls", covered.summary.controls)) (metric("Covered", covered.summary.covered)) (metric("Partly", covered.summary.partial)) (metric("Gaps", covered.summary.gaps))
        } }
        section class="card flush" { h2 { "Control by control" } (table(covered)) }
        (build_form(&path, (&from, &to), &visitor))
        @if !covered.also_needed.is_empty() { section class="card" { h2 { "What an auditor will need besides" } ul class="notes" { @for need in &covered.also_needed { li { (need) } } } } }
    };
    let lead = html! { (covered.version) ", " (from) " to " (to) ", from " (parts::plural(covered.size, "activity", "activities")) (parts::as_of(kept.made_micros, visitor.now())) };
    let sheet = Sheet { title: &covered.title, spot: Spot::Evidence, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

/// How far a framework is covered in a period.
pub(super) async fn covered(
    app: &App,
    framework: &str,
    period: Period,
    patience: Patience,
) -> Result<Arc<Answer<Coverage>>, Problem> {
    let (question, framework) = (format!("{framework} {period:?}"), framework.to_owned());
    let make = async move |app: App| {
        let house = House { lake: app.lake(), control: Some(app.control()) };
        Ok(cover(house, &*known(&app)?, (&framework, &[]), period, app.now()).await?)
    };
    kept::coverage(app, question, patience, make).await
}

fn bounds(covered: &Coverage) -> (String, String) {
    let days: Vec<String> = covered.period.days().map(|day| day.to_string()).collect();
    (days.first().cloned().unwrap_or_default(), days.last().cloned().unwrap_or_default())
}

fn metric(name: &str, value: u64) -> Markup {
    html! { div class="metric" { span class="name" { (name) } span class="value" { (parts::count(value)) } } }
}

fn table(covered: &Coverage) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Coverage" }
            thead { tr { th scope="col" { "Control" } th scope="col" { "Held" } th scope="col" { "Analytics API" } th scope="col" { "Compliance API" } th scope="col" { "Evidence" } } }
            tbody { @for control in &covered.controls { (row(control)) } }
        } }
    }
}

fn row(control: &ControlCoverage) -> Markup {
    let tone = match control.status {
        Status::Covered => Tone::Good,
        Status::Partial => Tone::Fair,
        Status::Gap => Tone::Bad,
    };
    html! {
        tr data-row="" {
            td { strong { (control.id) } " " (control.title) span class="gist wrap" { (control.asks) } }
            td { (parts::badge(tone, control.status.as_str())) }
            @for source in [Source::Analytics, Source::Compliance] {
                @let given = control.sources.of(source);
                td { (grade(given.held)) @if given.held != given.possible { span class="gist" { "could be " (given.possible.as_str()) } } span class="gist wrap" { (given.reason) } }
            }
            td { @for evidence in &control.evidence { div { (evidence.title) } } }
        }
    }
}

fn build_form(path: &str, (from, to): (&str, &str), visitor: &Visitor) -> Markup {
    html! {
        section class="card" {
            h2 { "Build a package of these days" }
            p { "A zip with matrix, populations, samples, queries, proofs and a signature, for somebody who does not trust this Ephor." }
            form action=(path) method="post" class="filters" {
                (visitor.visit.form_field())
                input type="hidden" name="from" value=(from); input type="hidden" name="to" value=(to);
                label { "Persons" select name="persons" { option value="named" { "As they are" } option value="pseudonymised" { "Under pseudonyms" } option value="left_out" { "Left out" } } }
                button class="button primary" { "Build it" }
            }
        }
    }
}
