//! One report: its figures, what is missing, pictures with the table behind each, and where it comes from.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ephor_detect::FindingRecord;
use ephor_reports::render::day_text;
use ephor_reports::{BY_GROUP, Group, Report, Section};
use maud::{Markup, html};

use crate::console::access::Right;
use crate::console::desk::discreet;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::kept::Patience;
use crate::console::visitor::{Visitor, escape};
use crate::console::{compare, findings, parts, reported};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

pub(super) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let kept = super::on_page(&app, &name, super::asked(&app, &visitor, &name)?, Patience::Little).await?;
    let report = discreet(&app, &visitor, kept.value.report.clone()).await?;
    let period = report.provenance.period;
    let standing = findings::standing(&app).await?;
    let open: Vec<&FindingRecord> =
        standing.iter().filter(|record| record.finding.use_case.as_str() == report.name).collect();
    let takes_copies = visitor.may(Right::SeeNames);
    let csv = |section: &Section| takes_copies.then(|| download(&report, &visitor, "csv", Some(section.id)));
    let body = html! {
        (period_form(&app, &report, &visitor))
        @if !report.provenance.gaps.is_empty() { (reported::gaps(&report.provenance)) }
        (said_by_itself(report.name))
        (reported::figures(&report.figures))
        @if !open.is_empty() {
            section class="card flush" {
                header { h2 { "To be handled" } a href=(format!("/findings?use_case={}", report.name)) { "All of them" } }
                (findings::most_urgent(&open, &visitor))
            }
        }
        (reported::section(&report.main, kept.value.rows_of(&report.main), csv(&report.main), &visitor))
        @for other in &report.others { (reported::section(other, kept.value.rows_of(other), csv(other), &visitor)) }
        @if !report.notes.is_empty() { section class="card" { h2 { "How to read this" } ul class="notes" { @for note in &report.notes { li { (note) } } } } }
        (reported::origin(&report.provenance))
    };
    let lead = html! { (report.question) " " (day_text(period.first)) " to " (day_text(period.last)) ", " (report.provenance.population) (parts::as_of(kept.made_micros, visitor.now())) };
    let actions = html! {
        a class="button" href=(format!("/findings?use_case={}", report.name)) { "Findings" }
        @if takes_copies {
            a class="button" href=(download(&report, &visitor, "html", None)) { "HTML" }
            a class="button" href=(download(&report, &visitor, "xlsx", None)) { "XLSX" }
            a class="button" href=(download(&report, &visitor, "json", None)) { "JSON" }
        }
    };
    let spot = match report.name {
        "adoption-governance" => Spot::Adoption,
        "cost-attribution" => Spot::Cost,
        _ => Spot::UseCases,
    };
    let sheet = Sheet { title: &report.title, spot, lead, actions, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

/// What either API can say of a use case by itself, as the founding table has it.
fn said_by_itself(name: &str) -> Markup {
    html! {
        @if let Some(line) = compare::of_use_case(name) {
            p class="muted said" {
                "By itself, the Analytics API: " (said(line.analytics)) "; the Compliance API: " (said(line.compliance)) "."
            }
        }
    }
}

fn said((says, note): (compare::Says, &str)) -> Markup {
    html! { (compare::badge(says)) @if !note.is_empty() { " " (note) } }
}

fn download(report: &Report, visitor: &Visitor, format: &str, section: Option<&str>) -> String {
    let period = Query::parse(&visitor.visit.query);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("format", format);
    for name in ["from", "to", "group"] {
        query.extend_pairs(period.one(name).filter(|value| !value.is_empty()).map(|value| (name, value)));
    }
    query.extend_pairs(section.map(|section| ("section", section)));
    format!("/use-cases/{}/download?{}", report.name, query.finish())
}

fn period_form(app: &App, report: &Report, visitor: &Visitor) -> Markup {
    let query = Query::parse(&visitor.visit.query);
    let value = |name: &str| query.one(name).unwrap_or_default().to_owned();
    html! {
        form class="filters" action=(format!("/use-cases/{}", escape(report.name))) method="get" aria-label="Period" {
            label { "From (day, UTC)" input name="from" value=(value("from")) placeholder=(day_text(report.provenance.period.first)) maxlength="10"; }
            label { "To (included)" input name="to" value=(value("to")) placeholder=(day_text(report.provenance.period.last)) maxlength="10"; }
            @if BY_GROUP.contains(&report.name) { (group_choice(app, &value("group"))) }
            button class="button" { "Show" }
        }
    }
}

/// Which group adoption or cost is narrowed to.
fn group_choice(app: &App, chosen: &str) -> Markup {
    let groups = Group::told(app.lake().directory(), app.options().reports_floor_people);
    html! {
        @if !groups.is_empty() { label { "Group" select name="group" {
            option value="" { "Everybody" }
            @for group in &groups { option value=(group.id) selected[group.id == chosen] { (group.name) " (" (group.members.len()) ")" } }
        } } }
    }
}
