//! Scheduled reports: what is made when, when it is due next, and what came of the last.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use ephor_lake::control::ScheduleState;
use ephor_reports::Timing;
use maud::{Markup, html};

use crate::console::options::ScheduleFact;
use crate::console::parts::{self, Tone};
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::state::App;

const PATH: &str = "/settings/schedules";

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let schedules = &app.options().console.facts.schedules;
    let mut states = Vec::new();
    for schedule in schedules {
        states.push(app.control().schedules().of(&schedule.name).await?);
    }
    let body = html! {
        section class="card flush" {
            h2 { "Scheduled reports" }
            @if schedules.is_empty() { (parts::empty("No schedule", html! { "A section " code { "[[schedule]]" } " of ephor.toml makes one; docs/reports.md says how." })) }
            @else { div class="scroll" tabindex="0" { table {
                caption class="hidden" { "Scheduled reports" }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Report" } th scope="col" { "When" } th scope="col" { "Goes to" } th scope="col" { "State" } th scope="col" { "Next (UTC)" } th scope="col" { "Last handed over for (UTC)" } th scope="col" { "Last error" } } }
                tbody { @for (schedule, state) in schedules.iter().zip(&states) { (line(schedule, state.as_ref(), &visitor)) } }
            } } }
        }
    };
    Ok(super::sheet(&visitor, PATH, body))
}

fn line(schedule: &ScheduleFact, state: Option<&ScheduleState>, visitor: &Visitor) -> Markup {
    let next =
        Timing::parse(&schedule.cron, &schedule.time_zone).ok().and_then(|timing| timing.next_after(visitor.now()));
    let failures = state.map_or(0, |state| state.failures_in_a_row);
    html! {
        tr data-row="" {
            td { strong { (schedule.name) } }
            td { a href=(format!("/use-cases/{}", schedule.report)) { (schedule.report) } span class="gist" { (schedule.form) } }
            td { code { (schedule.cron) } span class="gist" { (schedule.time_zone) } }
            td class="wrap" { (schedule.to) }
            td { @match (state, failures) {
                (None, _) => (parts::badge(Tone::Plain, "not minded yet")),
                (Some(_), 0) => (parts::badge(Tone::Good, "well")),
                (Some(_), times) => (parts::badge(Tone::Bad, &format!("failed {}", parts::plural(times, "time", "times")))),
            } }
            td { @match next { Some(at) => (parts::moment(at, visitor.now())), None => span class="muted" { "never" } } }
            td { @match state.and_then(|state| state.served_due_at_micros) { Some(at) => (parts::moment(at, visitor.now())), None => span class="muted" { "none yet" } } }
            td class="wrap" { (state.and_then(|state| state.last_error.as_deref()).unwrap_or("")) }
        }
    }
}
