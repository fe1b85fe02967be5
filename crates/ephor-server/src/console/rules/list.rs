//! Every rule by use case, with how often it found something in the last 30 days.

use std::collections::HashMap;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ephor_detect::{RuleCard, UseCase};
use ephor_wire::timestamp::DAY_MICROS;
use maud::{Markup, html};

use crate::console::findings::{severity_badge, words};
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts;
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

const PATH: &str = "/rules";
const COUNTED_DAYS: i64 = 30;

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let rules = super::rules(&app).await?;
    let super::Rules { cards, problems, .. } = rules.as_ref();
    let since = visitor.now() - COUNTED_DAYS * DAY_MICROS;
    let mut counts: HashMap<String, u64> = HashMap::new();
    for record in super::found(&app, None).await?.iter() {
        if record.finding.last_seen_micros >= since {
            *counts.entry(record.finding.rule.clone()).or_default() += 1;
        }
    }
    let asked = query.one("use_case").filter(|asked| !asked.is_empty());
    let shown: Vec<&RuleCard> =
        cards.iter().filter(|card| card.finds && asked.is_none_or(|asked| card.use_case.as_str() == asked)).collect();
    let body = html! {
        @if !problems.is_empty() {
            section class="card" { h2 { "Files that are not in force as they are" } ul class="notes" { @for problem in problems { li class="wrap" { (problem) } } } }
        }
        (chips(asked, cards))
        section class="card flush" { (table(&shown, &counts)) }
    };
    let feeding = cards.iter().filter(|card| !card.finds).count() as u64;
    let lead = html! { (parts::plural(shown.len() as u64, "rule", "rules")) " that find something; " (parts::count(feeding)) " more feed them" };
    let sheet = Sheet { title: "Rules", spot: Spot::Rules, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

fn chips(asked: Option<&str>, cards: &[RuleCard]) -> Markup {
    let chip = |value: Option<&str>, text: &str| {
        let link = value.map_or_else(|| PATH.to_owned(), |value| format!("{PATH}?use_case={value}"));
        html! { a class="chip" href=(link) aria-current=[(asked == value).then_some("true")] { (text) } }
    };
    let served = |case: &UseCase| cards.iter().any(|card| card.finds && card.use_case == *case);
    html! {
        nav class="chips filters" aria-label="Use case" {
            (chip(None, "All"))
            @for case in UseCase::ALL.into_iter().filter(served) { (chip(Some(case.as_str()), &words(case.as_str()))) }
        }
    }
}

fn table(cards: &[&RuleCard], counts: &HashMap<String, u64>) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Rules" }
            thead { tr { th scope="col" { "Rule" } th scope="col" { "Severity" } th scope="col" { "Use case" } th scope="col" { "How it decides" } th scope="col" { "Status" } th scope="col" class="n" { "Findings in 30 days" } } }
            tbody { @for card in cards { tr data-row="" {
                td { a href=(format!("{PATH}/{}", escape(&card.name))) { strong { (card.title) } } span class="gist mono" { (card.name) } }
                td { (severity_badge(card.severity)) }
                td { (words(card.use_case.as_str())) }
                td { (words(card.turn)) }
                td { (card.status) }
                td class="n" { (parts::count(counts.get(&card.name).copied().unwrap_or_default())) }
            } } }
        } }
    }
}
