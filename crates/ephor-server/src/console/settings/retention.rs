//! What is kept and for how long: retention, legal holds, and what has been let go.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use ephor_lake::ActivityFilter;
use maud::html;

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
                Some(days) => p { "Days older than " strong { (parts::plural(u64::from(days), "day", "days")) } " leave the table, each by a signed statement. Their proofs stay." },
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
                thead { tr { th { "Statement" } } }
                tbody { @for (removal, _) in removals.iter().rev() { tr { td { pre class="mono" { (serde_json::to_string_pretty(removal).unwrap_or_default()) } } } } }
            } } }
        }
    };
    Ok(super::sheet(&visitor, PATH, body))
}
