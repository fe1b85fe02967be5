//! What is kept and for how long: retention, legal holds, and what has been let go.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use ephor_lake::ActivityFilter;
use ephor_lake::proof::{Removal, Removed};
use maud::{Markup, html};

use crate::console::parts;
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::state::App;

const PATH: &str = "/settings/retention";

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let facts = &app.options().console.facts;
    let census = app.lake().census(&ActivityFilter::default(), None).await?;
    let removals = app.lake().proof_log().removals()?;
    let usage = app.lake().usage().days();
    let body = html! {
        section class="card" {
            h2 { "What is here" }
            dl class="facts" {
                dt { "Activities" } dd { (parts::count(census.total)) " of " (parts::count(app.lake().next_seq())) " that ever came, over " (parts::plural(census.by_day.len() as u64, "day", "days")) }
                @if let (Some(first), Some(last)) = (census.first_micros, census.last_micros) {
                    dt { "Oldest" } dd { (parts::instant(first, visitor.now())) }
                    dt { "Newest" } dd { (parts::instant(last, visitor.now())) }
                }
                dt { "Usage events" } dd { "of " (parts::plural(usage.len() as u64, "day", "days")) }
            }
        }
        section class="card" {
            h2 { "Retention" }
            @match facts.retention_days {
                Some(days) => p { "Days older than " strong { (parts::plural(u64::from(days), "day", "days")) } " leave the table, each by a signed statement. Their proofs stay." @if let Some((first, _)) = census.by_day.first_key_value() { " The oldest that is here, " (first) ", leaves after " (first.plus_days(i32::try_from(days).unwrap_or(i32::MAX))) " unless a legal hold keeps it." } },
                None => p { "Everything is kept. " code { "[retention] days" } " in ephor.toml lets older days go." },
            }
            @if !facts.legal_holds.is_empty() {
                h2 { "Legal holds" }
                dl class="facts" { @for (name, span) in &facts.legal_holds { dt { (name) } dd { (span) } } }
            }
        }
        section class="card flush" {
            h2 { "What was let go or erased" }
            @if removals.is_empty() { (parts::empty("Nothing was let go", html! { "Each removal would stand here, with the statement that was signed before it." })) }
            @else { div class="scroll" tabindex="0" { table {
                caption class="hidden" { "Removals" }
                thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" class="n" { "Activities" } th scope="col" { "Statement" } } }
                tbody { @for (removal, _) in removals.iter().rev() { (line(removal)) } }
            } } }
        }
    };
    Ok(super::sheet(&visitor, PATH, body))
}

fn line(removal: &Removal) -> Markup {
    let (what, rows) = match &removal.what {
        Removed::Expired { policy_days, days, spans } => {
            let span = match (days.first(), days.last()) {
                (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
                (Some(day), _) => day.clone(),
                (None, _) => "no day".to_owned(),
            };
            let rows = spans.iter().map(|(first, last)| last.saturating_sub(*first) + 1).sum();
            (format!("{span} went: {policy_days} days are kept"), rows)
        }
        Removed::Erased { reason, rows } => (format!("a person was erased: {reason}"), rows.len() as u64),
    };
    html! {
        tr data-row="" {
            td class="nowrap" { (removal.at) }
            td class="wrap" { (what) }
            td class="n" { (parts::count(rows)) }
            td { details { summary { "As it was signed" } pre class="mono" tabindex="0" aria-label="The statement as it was signed" { (serde_json::to_string_pretty(removal).unwrap_or_default()) } } }
        }
    }
}
