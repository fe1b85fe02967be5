//! Where activities go: how far each sink has come, what it is doing, and what its receiver refuses.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::ExportSink;
use maud::{Markup, html};

use super::button;
use crate::console::access::Right;
use crate::console::form::Form;
use crate::console::parts::{self, Tone};
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::{App, rng};

const PATH: &str = "/settings/sinks";

/// Dead letters of a sink that are shown.
const LETTERS: u32 = 50;

const SAID: &[(&str, &str)] =
    &[("again", "They are sent again with the next delivery; what is refused again stays here.")];

/// A sink that lies further behind than this has fallen behind. Places of what a filter leaves out are saved every 65,536
/// rows, so less than that says nothing.
const BEHIND_RECORDS: u64 = 100_000;

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let exports = app.control().exports();
    let (sinks, dead) = tokio::try_join!(exports.list(), exports.dead_counts())?;
    let dead_of = |sink: &str| dead.iter().find(|(name, _)| name == sink).map_or(0, |(_, count)| *count);
    let end = app.lake().next_seq();
    let body = html! {
        (parts::notice(Query::parse(&visitor.visit.query).one("said"), SAID))
        section class="card flush" {
            h2 { "Sinks" }
            @if sinks.is_empty() { (parts::empty("Nothing was delivered yet", html! { "A section " code { "[[sink]]" } " of ephor.toml sets one up; docs/export.md says how." })) }
            @else { (table(&sinks, end, dead_of, &visitor)) }
        }
        @for (sink, count) in &dead { (letters_of(&app, sink, *count, &visitor).await?) }
    };
    Ok(super::sheet(&visitor, PATH, body))
}

/// What a receiver refuses for good: which records, what it said, and a way to try them again.
async fn letters_of(app: &App, sink: &str, count: u64, visitor: &Visitor) -> Result<Markup, Problem> {
    let letters = app.control().exports().dead_letters(sink, LETTERS).await?;
    Ok(html! {
        section class="card flush" {
            header {
                h2 { "Refused for good by " (sink) }
                @if visitor.may(Right::Administer) { (button(visitor, "/settings/sinks/retry", ("sink", sink), "Try all again", sink)) }
            }
            div class="scroll" tabindex="0" { table {
                caption class="hidden" { "Dead letters of " (sink) }
                thead { tr { th scope="col" { "Record" } th scope="col" { "What the receiver said" } th scope="col" { "First (UTC)" } th scope="col" { "Last (UTC)" } th scope="col" class="n" { "Tries" } th scope="col" { "State" } } }
                tbody { @for letter in &letters { tr data-row="" {
                    td { (record(&letter.record_id)) span class="gist" { (letter.stream.as_str()) " " (parts::count(letter.place)) } }
                    td class="wrap" { (letter.reason) }
                    td { (parts::moment(letter.first_at_micros, visitor.now())) }
                    td { (parts::moment(letter.last_at_micros, visitor.now())) }
                    td class="n" { (parts::count(letter.attempts)) }
                    td { @if letter.again { (parts::badge(Tone::Fair, "tried again")) } @else { (parts::badge(Tone::Bad, "refused")) } }
                } } }
            } }
            @if count > letters.len() as u64 { p class="muted after" { "The first " (letters.len()) " of " (parts::count(count)) "." } }
        }
    })
}

/// A record as the way to what it was.
fn record(id: &str) -> Markup {
    let page = if id.starts_with("finding_") {
        format!("/findings/{}", escape(id))
    } else {
        format!("/activity/{}", escape(id))
    };
    html! { a class="mono" href=(page) { (id) } }
}

/// Asks for every dead letter of a sink to be tried again, as `ephor export retry` does.
pub(super) async fn retry(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let sink = form.needed("sink")?;
    let exports = app.control().exports();
    exports.find(sink).await?.ok_or_else(|| Problem::not_found("Sink", sink))?;
    exports.retry(sink, &visitor.actor(), visitor.now(), &mut rng()).await?;
    Ok(Redirect::to(&format!("{PATH}?said=again")).into_response())
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
