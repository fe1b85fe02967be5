//! Where activities and usage come from: how each source fares, what it may ask, and the times of which it is not sure.

use std::collections::HashMap;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use ephor_lake::control::{Gap, SourceState};
use ephor_lake::{CountedBy, Sighting};
use maud::{Markup, html};

use super::backfill::{self, Backfill};
use crate::console::options::UpstreamFact;
use crate::console::parts::{self, Tone};
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::state::App;

const PATH: &str = "/settings/sources";

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let states = app.control().sources().list().await?;
    let gaps = app.control().sources().gaps().await?;
    let seen = app.lake().sightings(CountedBy::Source).await?;
    let upstreams = &app.options().console.facts.upstreams;
    let backfills = backfill::of_all(&app, upstreams).await?;
    let mut seen: Vec<(&String, &Sighting)> = seen.iter().collect();
    seen.sort_by_key(|(name, _)| name.as_str());
    let body = html! {
        section class="card flush" {
            h2 { "What came from where" }
            @if seen.is_empty() { (parts::empty("Nothing came in yet", html! { "Set a collector up in " code { "[[upstream]]" } " of ephor.toml, push over HTTP, or import a file." })) }
            @else { (seen_table(&seen, &visitor)) }
        }
        section class="card flush" {
            h2 { "Collectors" }
            @if upstreams.is_empty() && states.is_empty() { (parts::empty("No collector", html! { "A section " code { "[[upstream]]" } " of ephor.toml sets one up; docs/collecting.md says how." })) }
            @else { (collector_table(upstreams, &states, &backfills, &visitor)) }
        }
        section class="card flush" {
            h2 { "Gaps" }
            @if gaps.is_empty() { (parts::empty("No gap", html! { "Every source says that it has everything it was to bring." })) }
            @else { (gap_table(&gaps, &visitor)) }
        }
    };
    Ok(super::sheet(&visitor, PATH, body))
}

fn seen_table(seen: &[(&String, &Sighting)], visitor: &Visitor) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Sources of activities" }
            thead { tr { th { "Source" } th class="n" { "Activities" } th { "Oldest" } th { "Newest" } } }
            tbody { @for (name, sighting) in seen { tr {
                td { a href=(format!("/activity?source={}", escape(name))) { (name) } }
                td class="n" { (parts::count(sighting.count)) }
                td { (parts::instant(sighting.first_micros, visitor.now())) }
                td { (parts::instant(sighting.last_micros, visitor.now())) }
            } } }
        } }
    }
}

fn collector_table(
    upstreams: &[UpstreamFact],
    states: &[SourceState],
    backfills: &HashMap<String, Backfill>,
    visitor: &Visitor,
) -> Markup {
    let names: std::collections::BTreeSet<&str> = upstreams
        .iter()
        .map(|upstream| upstream.name.as_str())
        .chain(states.iter().map(|state| state.source.as_str()))
        .collect();
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Collectors" }
            thead { tr { th { "Name" } th { "State" } th { "Last run" } th { "Last success" } th { "Backfill" } th class="n" { "Rows" } th { "Budget" } th { "Clock" } th { "Last error" } } }
            tbody { @for name in names {
                @let state = states.iter().find(|state| state.source == name);
                @let upstream = upstreams.iter().find(|upstream| upstream.name == name);
                (collector((name, upstream), state, backfills.get(name), visitor))
            } }
        } }
    }
}

fn collector(
    (name, upstream): (&str, Option<&UpstreamFact>),
    state: Option<&SourceState>,
    progress: Option<&Backfill>,
    visitor: &Visitor,
) -> Markup {
    let ago = |at: Option<i64>| at.map_or_else(|| "never".to_owned(), |at| parts::ago(at, visitor.now()));
    html! {
        tr {
            td { strong { (name) } @match upstream {
                Some(upstream) => span class="gist" { (upstream.kind) " at " (upstream.base_url) ", every " (upstream.poll_seconds) " s" },
                None => span class="gist" { "not in ephor.toml" },
            } }
            td { @match state {
                None => (parts::badge(Tone::Plain, "has not run")),
                Some(state) if state.failures_in_a_row == 0 => (parts::badge(Tone::Good, "well")),
                Some(state) if state.failures_in_a_row < 3 => (parts::badge(Tone::Fair, "failed")),
                Some(state) => (parts::badge(Tone::Bad, &format!("failed {} times", state.failures_in_a_row))),
            } }
            td { (ago(state.map(|state| state.last_run_at_micros))) }
            td { (ago(state.and_then(|state| state.last_success_at_micros))) }
            td { (backfill::told(progress)) }
            td class="n" { @if let Some(state) = state { (parts::count(state.rows_total)) } }
            td { @if let Some(budget) = state.and_then(|state| state.budget) { (budget.remaining_requests) " of " (budget.limit_requests) } }
            td { @if let Some(skew) = state.and_then(|state| state.clock_skew_micros) { (format!("{:+.1} s", skew as f64 / 1e6)) } }
            td class="wrap" { (state.and_then(|state| state.last_error.as_deref()).unwrap_or("")) }
        }
    }
}

fn gap_table(gaps: &[Gap], visitor: &Visitor) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Gaps" }
            thead { tr { th { "Source" } th { "State" } th { "From" } th { "To" } th { "Why" } } }
            tbody { @for gap in gaps.iter().rev() { tr {
                td { (gap.source) }
                td { @if gap.closed_at_micros.is_some() { (parts::badge(Tone::Plain, "closed")) } @else { (parts::badge(Tone::Bad, "open")) } }
                td { (parts::instant(gap.from_micros, visitor.now())) }
                td { @match gap.to_micros { Some(to) => (parts::instant(to, visitor.now())), None => "growing" } }
                td { (gap.reason.replace('_', " ")) }
            } } }
        } }
    }
}
