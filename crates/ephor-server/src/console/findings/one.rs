//! One finding in full: why, what shows it, whom it touches, what to do next, and what was decided by whom.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ephor_detect::{Evidence, Finding, FindingId, FindingRecord, FindingStatus, Findings, StepMade};
use ephor_wire::timestamp::DAY_MICROS;
use maud::{Markup, html};

use super::{entity, severity_badge, status_badge, words};
use crate::console::access::Right;
use crate::console::activity::Shown;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Tone};
use crate::console::people;
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

/// Activities of the evidence that are shown; the rest are a link away.
const EVIDENCE_ROWS: usize = 30;

/// For how long a finding of the same rule about the same can be kept quiet.
pub(super) const SUPPRESSIONS: [(&str, i64); 4] =
    [("For 7 days", 7), ("For 30 days", 30), ("For 90 days", 90), ("For a year", 365)];

const SAID: &[(&str, &str)] = &[("done", "Done, and recorded.")];

pub(super) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let findings = Findings::new(app.control());
    let id = FindingId(id);
    let (record, steps) = tokio::try_join!(findings.get(&id), findings.steps(&id)).map_err(Problem::from)?;
    let finding = &record.finding;
    let evidence = evidence(&app, &finding.evidence).await?;
    let body = html! {
        (parts::notice(Query::parse(&visitor.visit.query).one("said"), SAID))
        div class="split" {
            div class="stack" {
                section class="card" {
                    h2 { "Why" }
                    p class="wrap" { (finding.explanation) }
                    h2 { "What to do" }
                    p class="wrap" { (finding.next_step) }
                }
                section class="card flush" {
                    header { h2 { "What shows it" } @if let Some(link) = around(finding) { a href=(link) { "Everything they did around it" } } }
                    @if evidence.is_empty() { (parts::empty("A state shows it", html! { "This rule asks how things stand, and not what happened." })) }
                    @else { (people::activity_table(&evidence, &visitor, &app)) }
                    @if finding.evidence.len() > EVIDENCE_ROWS { p class="muted" { "The first " (EVIDENCE_ROWS) " of " (finding.evidence.len()) "; " code { "ephor findings show " (finding.id) } " lists all." } }
                }
                section class="card" { h2 { "What was decided" } (history(&steps, &visitor)) }
            }
            div class="stack" {
                @if visitor.may(Right::Handle) { section class="card" { h2 { "Handle it" } (handling(&record, &visitor)) } }
                section class="card" { h2 { "Facts" } (facts(&record, &visitor)) }
            }
        }
    };
    let lead = html! { (severity_badge(finding.severity)) " " (status_badge(record.handling.status)) " last seen " (parts::instant(finding.last_seen_micros, visitor.now())) };
    let actions = html! { a class="button" href=(format!("/findings?status=all&rule={}", escape(&finding.rule))) { "All of this rule" } };
    let sheet = Sheet { title: &finding.title, spot: Spot::Findings, lead, actions, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

async fn evidence(app: &App, evidence: &[Evidence]) -> Result<Vec<Shown>, Problem> {
    let mut rows = Vec::new();
    for piece in evidence.iter().take(EVIDENCE_ROWS) {
        if let Some(raw) = app.lake().find(&piece.activity).await? {
            rows.extend(Shown::read(piece.at_micros, &raw));
        }
    }
    Ok(rows)
}

/// What the first person of a finding did from a day before it to a day after it.
fn around(finding: &Finding) -> Option<String> {
    let person = finding.entities().find(|entity| entity.id.starts_with("user_"))?;
    let day = |micros: i64| ephor_wire::timestamp::UtcDay::from_micros(micros);
    let (from, to) = (day(finding.first_seen_micros - DAY_MICROS), day(finding.last_seen_micros + DAY_MICROS));
    Some(format!("/activity?actor={}&from={from}&to={to}", escape(&person.id)))
}

fn facts(record: &FindingRecord, visitor: &Visitor) -> Markup {
    let finding = &record.finding;
    html! {
        dl class="facts" {
            dt { "Use case" } dd { a href=(format!("/use-cases/{}", finding.use_case)) { (words(finding.use_case.as_str())) } }
            dt { "Rule" } dd { a class="mono" href=(format!("/rules/{}", escape(&finding.rule))) { (finding.rule) } }
            dt { "About" } dd { @for about in &finding.subject { div { (entity(about, visitor)) " " span class="muted" { (words(&about.kind)) } } } }
            @if !finding.others.is_empty() { dt { "Touches" } dd { @for other in &finding.others { div { (entity(other, visitor)) " " span class="muted" { (words(&other.kind)) } } } } }
            dt { "First seen" } dd { (parts::instant(finding.first_seen_micros, visitor.now())) }
            dt { "Last seen" } dd { (parts::instant(finding.last_seen_micros, visitor.now())) }
            dt { "Activities" } dd { (parts::count(finding.count)) }
            dt { "Controls" } dd { @if finding.controls.is_empty() { span class="muted" { "none" } } @else { (finding.controls.join(", ")) } }
            dt { "Found" } dd { (parts::instant(record.found_at_micros, visitor.now())) }
            dt { "Id" } dd class="mono" { (finding.id) }
            @if record.standing == ephor_detect::Standing::Withdrawn { dt { "Standing" } dd { (parts::badge(Tone::Plain, "withdrawn")) " The rules of today do not find it any more." } }
        }
    }
}

fn handling(record: &FindingRecord, visitor: &Visitor) -> Markup {
    let now = record.handling.status;
    let assignee = record.handling.assignee.as_deref().unwrap_or_default();
    html! {
        form action=(format!("/findings/{}", escape(record.finding.id.as_str()))) method="post" class="stack" {
            (visitor.visit.form_field())
            label { "Status" select name="status" { @for status in FindingStatus::ALL { option value=(status) selected[status == now] { (words(status.as_str())) } } } }
            label { "With" span class="hint" { "who looks after it; empty for nobody" } input name="assignee" value=(assignee) maxlength="320" list="own"; }
            datalist id="own" { option value=(visitor.signed_in.member.email) {} }
            label { "Note" span class="hint" { "why; kept with the finding, not in the feed" } textarea name="note" maxlength="2000" {} }
            label { "Keep the same quiet" span class="hint" { "this rule about the same; only with resolved or false positive" }
                select name="quiet" { option value="" { "No" } @for (words, days) in SUPPRESSIONS { option value=(days) { (words) } } } }
            button class="button primary" { "Record it" }
        }
    }
}

fn history(steps: &[StepMade], visitor: &Visitor) -> Markup {
    html! {
        @if steps.is_empty() { p class="muted" { "Nothing yet." } }
        @else { ol class="story" { @for step in steps.iter().rev() { li {
            span { (parts::moment(step.at_micros, visitor.now())) }
            div {
                (status_badge(step.status)) " by " (step.by)
                @if let Some(assignee) = &step.assignee { ", with " (assignee) }
                @if let Some(until) = step.suppressed_until_micros { ", quiet until " (parts::day(until)) }
                @if let Some(note) = &step.note { p class="wrap" { (note) } }
            }
        } } } }
    }
}
