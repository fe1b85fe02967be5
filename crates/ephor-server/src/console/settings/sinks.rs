//! Where activities go: how far each sink has come, what it is doing, and what its receiver refuses.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use ephor_lake::control::ExportSink;
use maud::{Markup, html};

use crate::console::parts::{self, Tone};
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::state::App;

const PATH: &str = "/settings/sinks";

/// A sink that lies further behind than this has fallen behind. Places of what a filter leaves out are saved every 65,536
/// rows, so less than that says nothing.
const BEHIND_RECORDS: u64 = 100_000;

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let exports = app.control().exports();
    let (sinks, dead) = tokio::try_join!(exports.list(), exports.dead_counts())?;
    let dead_of = |sink: &str| dead.iter().find(|(name, _)| name == sink).map_or(0, |(_, count)| *count);
    let end = app.lake().next_seq();
    let body = html! {
        section class="card flush" {
            h2 { "Sinks" }
            @if sinks.is_empty() { (parts::empty("Nothing was delivered yet", html! { "A section " code { "[[sink]]" } " of ephor.toml sets one up; docs/export.md says how." })) }
            @else { (table(&sinks, end, dead_of, &visitor)) }
        }
    };
    Ok(super::sheet(&visitor, PATH, body))
}

/// Sinks that need somebody, and why.
pub(in crate::console) async fn trouble(app: &App) -> Result<Vec<(String, String)>, Problem> {
    let end = app.lake().next_seq();
    let mut trouble = Vec::new();
    for sink in app.control().exports().list().await? {
        let waiting = end.saturating_sub(sink.activities.next);
        if sink.failures_in_a_row > 0 {
            let times = parts::plural(sink.failures_in_a_row, "time", "times");
            trouble.push((
                sink.sink,
                format!("failed {times} in a row, {} wait", parts::plural(waiting, "activity", "activities")),
            ));
        } else if waiting > BEHIND_RECORDS {
            trouble.push((sink.sink, format!("is {} behind", parts::plural(waiting, "activity", "activities"))));
        }
    }
    Ok(trouble)
}

fn table(sinks: &[ExportSink], end: u64, dead_of: impl Fn(&str) -> u64, visitor: &Visitor) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Sinks" }
            thead { tr { th scope="col" { "Sink" } th scope="col" { "State" } th scope="col" class="n" { "Delivered" } th scope="col" class="n" { "Waiting" } th scope="col" class="n" { "A second" } th scope="col" class="n" { "Refused for good" } th scope="col" { "Last delivered (UTC)" } th scope="col" { "Last error" } } }
            tbody { @for sink in sinks { tr data-row="" {
                td { strong { (sink.sink) } span class="gist" { (sink.kind) } }
                td { (state(sink)) }
                td class="n" { (parts::count(sink.totals.delivered)) }
                td class="n" { (parts::count(end.saturating_sub(sink.activities.next))) }
                td class="n" { (format!("{:.0}", sink.events_per_second)) }
                td class="n" { (parts::count(dead_of(&sink.sink))) }
                td { @match sink.last_delivered_at_micros { Some(at) => (parts::moment(at, visitor.now())), None => span class="muted" { "never" } } }
                td class="wrap" { @if let Some(error) = &sink.last_error { (error) } @if let Some(at) = sink.last_error_at_micros { span class="gist" { (parts::ago(at, visitor.now())) } } }
            } } }
        } }
    }
}

fn state(sink: &ExportSink) -> Markup {
    let tone = match sink.state.as_str() {
        "idle" | "delivering" => Tone::Good,
        "backing_off" => Tone::Fair,
        _ => Tone::Bad,
    };
    parts::badge(tone, &sink.state.replace('_', " "))
}
