//! Findings: the queue with its filters, one in full, and what people make of them.
//! Promises that a decision is made by the same code as on the command line, with the same record.
//! Never tells a viewer whom a finding is about: they see rules, numbers and pseudonyms.

mod list;
mod one;
mod step;

use ephor_detect::{Entity, FindingStatus, Severity};
use maud::{Markup, html};

use super::access::Right;
use super::entities;
use super::page::{Page, Pages};
use super::parts::{Tone, badge};
use super::visitor::{Person, Visitor, escape};

pub(super) use list::{about, by_use_case, most_urgent, standing, tally};

pub(super) fn mount(pages: Pages) -> Pages {
    pages.serve(&LIST, list::show).serve(&MANY, step::many).serve(&ONE, one::show).serve(&STEP, step::one)
}

static LIST: Page = Page::look("/findings", Right::Look);
static MANY: Page = Page::act("/findings", Right::Handle);
static ONE: Page = Page::look("/findings/{id}", Right::SeeNames);
static STEP: Page = Page::act("/findings/{id}", Right::Handle);

/// How urgent, as a badge.
pub(super) fn severity_badge(severity: Severity) -> Markup {
    html! { span class=(format!("badge {severity}")) { (severity) } }
}

/// How far it was handled, as a badge.
fn status_badge(status: FindingStatus) -> Markup {
    let tone = match status {
        FindingStatus::Open => Tone::Bad,
        FindingStatus::Acknowledged => Tone::Fair,
        FindingStatus::Resolved => Tone::Good,
        FindingStatus::FalsePositive => Tone::Plain,
    };
    badge(tone, &words(status.as_str()))
}

/// A word of the wire as people read it.
pub(super) fn words(text: &str) -> String {
    text.replace(['_', '-'], " ")
}

/// What a finding is about, as the way to what is known of it.
pub(super) fn entity(entity: &Entity, visitor: &Visitor) -> Markup {
    let id = entity.id.as_str();
    let page = match entity.kind.as_str() {
        "user" | "actor" if id.starts_with("user_") || !visitor.sees_names() => {
            return html! { (visitor.person(Person::of(id, None))) };
        }
        "ip" | "ip_address" => Some(format!("/activity?ip={}", escape(id))),
        _ => entities::of_entity(entity),
    };
    html! {
        @match (page, visitor.sees_names()) {
            (_, false) => span class="muted" { (words(&entity.kind)) },
            (Some(page), true) => a class="mono" href=(page) { (id) },
            (None, true) => span class="mono" { (id) },
        }
    }
}
