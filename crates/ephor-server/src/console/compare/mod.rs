//! What either API can do by itself, as the founding table has it, and where Ephor does it.
//! Promises that each cell of Ephor's leads to the page that shows it, where there is one.
//! Never claims for Ephor what no page or command does.

mod table;

use axum::Extension;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::access::Right;
use super::frame::{self, Sheet, Spot};
use super::page::{Page, Pages};
use super::parts::{self, Tone};
use super::visitor::Visitor;
use table::GROUPS;

pub(super) fn mount(pages: Pages) -> Pages {
    pages.serve(&COMPARE, show)
}

static COMPARE: Page = Page::look("/compare", Right::Look);

/// What the table says of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Yes,
    Partial,
    No,
    /// Neither of them: a fact that the note tells.
    Fact,
}

/// A line of the table.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) capability: &'static str,
    pub(super) about: &'static str,
    pub(super) analytics: (Says, &'static str),
    pub(super) compliance: (Says, &'static str),
    pub(super) ephor: &'static str,
    /// Where Ephor shows it.
    pub(super) path: Option<&'static str>,
}

/// The line of a use case, by its name.
pub(super) fn of_use_case(name: &str) -> Option<&'static Line> {
    let lines = GROUPS.iter().flat_map(|(_, lines)| lines.iter());
    lines.into_iter().find(|line| {
        line.path.and_then(|path| path.strip_prefix("/use-cases/")) == Some(name) && line.about.ends_with('.')
    })
}

/// What it says, as a badge.
pub(super) fn badge(says: Says) -> Markup {
    match says {
        Says::Yes => parts::badge(Tone::Good, "yes"),
        Says::Partial => parts::badge(Tone::Fair, "partial"),
        Says::No => parts::badge(Tone::Plain, "no"),
        Says::Fact => html! {},
    }
}

async fn show(Extension(visitor): Extension<Visitor>) -> Response {
    let cell = |(says, note): (Says, &'static str)| html! { (badge(says)) @if !note.is_empty() { " " span class=[(says != Says::Fact).then_some("gist")] { (note) } } };
    let body = html! {
        @for (group, lines) in GROUPS {
            section class="card flush" {
                h2 { (group) }
                div class="scroll" tabindex="0" { table class="compare" {
                    caption class="hidden" { (group) }
                    thead { tr { th scope="col" { "Capability" } th scope="col" { "Analytics API" } th scope="col" { "Compliance API" } th scope="col" { "Ephor" } } }
                    tbody { @for line in *lines { tr data-row="" {
                        td { strong { (line.capability) } @if !line.about.is_empty() { span class="gist" { (line.about) } } }
                        td { (cell(line.analytics)) }
                        td { (cell(line.compliance)) }
                        td { @match line.path { Some(path) => a href=(path) { (line.ephor) }, None => (line.ephor) } }
                    } } }
                } }
            }
        }
    };
    let lead = html! { "What either API says by itself, and where Ephor does it. Neither carries prompts, answers or files, and Ephor keeps none." };
    let sheet = Sheet { title: "Compare", spot: Spot::Compare, lead, actions: html! {}, body };
    frame::sheet(&visitor, sheet).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_report_has_its_line_in_the_table() {
        for info in ephor_reports::catalogue() {
            assert!(of_use_case(info.name).is_some(), "{}", info.name);
        }
        assert_eq!(of_use_case("shadow-ai").unwrap().compliance, (Says::Partial, "connection events only"));
        assert!(of_use_case("nothing").is_none());
    }
}
