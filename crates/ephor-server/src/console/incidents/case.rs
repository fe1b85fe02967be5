//! One case: what was pinned and said, the timeline that it asks for, and what came of it.

use std::collections::HashSet;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ephor_reports::timeline::TimelineQuestion;
use ephor_reports::{Case, CaseEntry, Cases, Cell, Section};
use maud::{Markup, html};

use super::{list, question, story};
use crate::console::access::Right;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Tone};
use crate::console::reported;
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

const SAID: &[(&str, &str)] = &[("done", "Done, and recorded.")];

/// Forms that a case can be taken away in.
const FORMS: [&str; 4] = ["html", "json", "csv", "stix"];

pub(super) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let cases = Cases::new(app.control());
    let case = cases.get(&id).await?;
    let entries = cases.entries(&id).await?;
    let asked = asked(&case)?;
    let handles = visitor.may(Right::Handle) && case.closed_micros.is_none();
    let pins = Pins::of(&case, &entries, handles);
    let body = html! {
        (parts::notice(Query::parse(&visitor.visit.query).one("said"), SAID))
        div class="split" {
            section class="card" {
                h2 { "What was pinned and said" }
                (told(&entries, &visitor))
                @if let Some(outcome) = &case.outcome { p class="wrap" { strong { "Outcome: " } (outcome) } }
            }
            @if handles { div class="stack" { (forms(&case, &visitor)) } }
        }
        (story::told(&app, &visitor, &asked, Some(&pins)).await?)
    };
    let lead = html! { (list::state(&case)) " opened by " (case.opened_by) ", " (parts::instant(case.opened_micros, visitor.now())) };
    let actions = html! {
        a class="button" href=(question::address(&asked)) { "Ask further" }
        @for form in FORMS { a class="button" href=(format!("/incidents/{}/download?format={form}", escape(&case.id))) { (form.to_uppercase()) } }
    };
    let sheet = Sheet { title: &case.title, spot: Spot::Incidents, lead, actions, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

/// What is pinned to a case, and whether more can be.
pub(super) struct Pins {
    path: String,
    pinned: HashSet<String>,
    handles: bool,
}

impl Pins {
    fn of(case: &Case, entries: &[CaseEntry], handles: bool) -> Self {
        let pinned = entries.iter().filter_map(|entry| entry.activity.clone()).collect();
        Self { path: format!("/incidents/{}", escape(&case.id)), pinned, handles }
    }

    /// The timeline's table with a button beside each activity, and a mark beside those that are pinned.
    pub(super) fn section(&self, section: &Section, visitor: &Visitor) -> Markup {
        let id = section.table.column("id");
        let beside = |row: &[Cell]| match id.and_then(|id| row.get(id)) {
            Some(Cell::Text(id)) if id.starts_with("activity_") => self.beside(id, visitor),
            _ => html! {},
        };
        reported::section_with(section, section.table.rows.len(), None, visitor, Some(("Pin", &beside)))
    }

    fn beside(&self, activity: &str, visitor: &Visitor) -> Markup {
        html! {
            @if self.pinned.contains(activity) { (parts::badge(Tone::Good, "pinned")) }
            @else if self.handles {
                form action=(self.path) method="post" {
                    (visitor.visit.form_field())
                    input type="hidden" name="activity" value=(activity);
                    button class="button small" { "Pin" span class="hidden" { " " (activity) } }
                }
            }
        }
    }
}

/// What a case asks the timeline.
pub(super) fn asked(case: &Case) -> Result<TimelineQuestion, Problem> {
    serde_json::from_value(case.question.clone()).map_err(|error| Problem::internal(&error))
}

fn told(entries: &[CaseEntry], visitor: &Visitor) -> Markup {
    html! {
        @if entries.is_empty() { p class="muted" { "Nothing yet. Pin the activities that matter by the button of their row." } }
        @else { ol class="story" { @for entry in entries { li {
            span { (parts::moment(entry.at_micros, visitor.now())) " by " (entry.by) }
            div class="wrap" {
                @if let Some(activity) = &entry.activity { a class="mono" href=(format!("/activity/{}", escape(activity))) { (activity) } " " }
                (entry.words)
            }
        } } } }
    }
}

fn forms(case: &Case, visitor: &Visitor) -> Markup {
    let path = format!("/incidents/{}", escape(&case.id));
    html! {
        section class="card" {
            h2 { "Pin or note" }
            form action=(path) method="post" class="stack" {
                (visitor.visit.form_field())
                label { "Activity" span class="hint" { "its id; empty for a note" } input name="activity" maxlength="200"; }
                label { "Words" textarea name="words" maxlength="2000" {} }
                button class="button primary" { "Add" }
            }
        }
        section class="card" {
            h2 { "Close" }
            form action=(format!("{path}/close")) method="post" class="stack" {
                (visitor.visit.form_field())
                label { "What came of it" textarea name="outcome" required maxlength="2000" {} }
                button class="button" { "Close the case" }
            }
        }
    }
}
