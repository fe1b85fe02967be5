//! The first page: what needs somebody today, how recording stands, what came in.
//! Promises that what is wrong stands first.
//! Never counts what it could not read: it says so.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ephor_lake::control::Recording;
use maud::html;

use super::access::Right;
use super::frame::{self, Sheet, Spot};
use super::page::Page;
use super::parts;
use super::visitor::Visitor;
use crate::problem::Problem;
use crate::state::App;

pub(super) static OVERVIEW: Page = Page::look("/", Right::Look);

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let recording = app.control().enablement().state().await?;
    let body = html! {
        section class="card" {
            h2 { "Recording" }
            @match &recording {
                Recording::On(period) => p { (parts::badge(parts::Tone::Good, "on")) " since " (parts::instant(period.from_micros, visitor.now())) ", under " (period.agreement) "." },
                Recording::Off => p { (parts::badge(parts::Tone::Bad, "off")) " Nothing is recorded. The primary owner turns it on in the settings." },
            }
            p { (parts::plural(app.lake().next_seq(), "activity", "activities")) " stored." }
        }
    };
    let sheet = Sheet { title: "Overview", spot: Spot::Overview, lead: html! {}, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}
