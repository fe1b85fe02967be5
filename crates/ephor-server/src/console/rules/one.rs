//! One rule: what it is after, what it found day by day, and its file.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ephor_detect::{FindingRecord, RuleCard};
use ephor_reports::chart::{Chart, Series};
use ephor_wire::timestamp::UtcDay;
use maud::{Markup, html};

use super::{Rules, backtest};
use crate::console::access::Right;
use crate::console::findings::{severity_badge, words};
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts;
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::state::App;

/// Days that the picture shows.
const DAYS_DRAWN: i32 = 60;

pub(super) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let rules = super::rules(&app).await?;
    let card = super::card(&rules, &name)?;
    let found = super::found(&app, Some(&name)).await?;
    let text = text_of(&rules, card);
    let body = html! {
        div class="split" {
            div class="stack" {
                section class="card" { h2 { "What it is after" } p class="wrap" { (card.description) }
                    @if !card.false_positives.is_empty() { h2 { "What it finds wrongly" } ul class="notes" { @for wrongly in &card.false_positives { li { (wrongly) } } } }
                }
                section class="card" { h2 { "What it found" } (history(&found, visitor.now())) }
            }
            div class="stack" {
                section class="card" { h2 { "Facts" } (facts(card)) }
                section class="card" {
                    h2 { "On history" }
                    p { "What it would have found in any days, without putting anything down; " code { "ephor rules backtest " (card.name) } " does the same." }
                    @if visitor.may(super::TRIES_RIGHT) { (backtest::form(&card.name, ("", ""), &visitor)) }
                    @else if visitor.may(Right::SeeNames) { a class="button" href=(backtest::address(&card.name)) { "What was tried" } }
                }
            }
        }
        section class="card" {
            header { h2 { "Its file" } span class="muted mono" { (card.file) ", line " (card.line) } }
            pre class="mono" tabindex="0" aria-label="The rule's file" { (text) }
        }
    };
    let lead = html! { (severity_badge(card.severity)) " " span class="mono" { (card.name) } };
    let actions = html! { a class="button" href=(format!("/findings?status=all&rule={}", escape(&card.name))) { "Its findings" } };
    let sheet = Sheet { title: &card.title, spot: Spot::Rules, lead, actions, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

/// The file that a rule stands in.
fn text_of<'r>(rules: &'r Rules, card: &RuleCard) -> &'r str {
    rules.files.iter().find(|source| source.file == card.file).map_or("", |source| source.text.as_str())
}

fn facts(card: &RuleCard) -> Markup {
    html! {
        dl class="facts" {
            dt { "Use case" } dd { a href=(format!("/use-cases/{}", card.use_case)) { (words(card.use_case.as_str())) } }
            dt { "How it decides" } dd { (words(card.turn)) }
            dt { "Status" } dd { (card.status) }
            @if let Some(id) = &card.id { dt { "Sigma id" } dd class="mono" { (id) } }
            dt { "Controls" } dd { @if card.controls.is_empty() { span class="muted" { "none" } } @else { (card.controls.join(", ")) } }
            dt { "Tags" } dd { @if card.tags.is_empty() { span class="muted" { "none" } } @else { (card.tags.join(", ")) } }
        }
    }
}

fn history(found: &[FindingRecord], now_micros: i64) -> Markup {
    let last = UtcDay::from_micros(now_micros);
    let first = last.plus_days(1 - DAYS_DRAWN);
    let mut by_day: BTreeMap<UtcDay, u32> = (0..DAYS_DRAWN).map(|day| (first.plus_days(day), 0)).collect();
    for record in found {
        if let Some(count) = by_day.get_mut(&UtcDay::from_micros(record.finding.last_seen_micros)) {
            *count += 1;
        }
    }
    let labels = by_day.keys().map(ToString::to_string).collect();
    let series = Series::new("findings", by_day.values().map(|count| Some(f64::from(*count))).collect());
    let chart = Chart::lines("Findings a day, by when they were last seen", "findings", labels, vec![series]);
    let days: Vec<(&UtcDay, &u32)> = by_day.iter().filter(|(_, count)| **count > 0).collect();
    html! {
        @if days.is_empty() { p class="muted" { "Nothing in " (DAYS_DRAWN) " days." } }
        @else {
            figure class="picture" { figcaption { (chart.title) } (chart.svg()) }
            details { summary { "The table behind it" }
                div class="scroll" tabindex="0" { table {
                    caption class="hidden" { "Findings a day" }
                    thead { tr { th scope="col" { "Day" } th scope="col" class="n" { "Findings" } } }
                    tbody { @for (day, count) in days { tr { td { (day) } td class="n" { (count) } } } }
                } }
            }
        }
        p { (parts::plural(found.len() as u64, "finding", "findings")) " in all" }
    }
}
