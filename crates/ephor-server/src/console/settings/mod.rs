//! How this node is set up and run: organizations and switches, its own keys, members and roles, sources, sinks, what is kept, and
//! the record of what was done here.
//! Promises that each change is made by the same code as on the command line, with the same record.
//! Never shows a secret twice.

mod audit;
mod backfill;
mod keys;
mod lists;
mod members;
mod organization;
mod retention;
mod schedules;
pub(super) mod sinks;
mod sources;

use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::access::Right;
use super::frame::{self, Sheet, Spot};
use super::page::{Page, Pages};
use super::visitor::Visitor;

pub(super) fn mount(pages: Pages) -> Pages {
    pages
        .serve(&ORGANIZATION, organization::show)
        .serve(&RECORDING, organization::switch_recording)
        .serve(&ANALYTICS, organization::switch_analytics)
        .serve(&KEYS, keys::show)
        .serve(&MAKE_KEY, keys::make)
        .serve(&ROTATE_KEY, keys::rotate)
        .serve(&REVOKE_KEY, keys::revoke)
        .serve(&MEMBERS, members::show)
        .serve(&GRANT, members::grant)
        .serve(&REMOVE, members::remove)
        .serve(&INVITE, members::invite)
        .serve(&SOURCES, sources::show)
        .serve(&SINKS, sinks::show)
        .serve(&RETRY, sinks::retry)
        .serve(&LISTS, lists::show)
        .serve(&PUT, lists::put)
        .serve(&TAKE_OFF, lists::take_off)
        .serve(&SCHEDULES, schedules::show)
        .serve(&RETENTION, retention::show)
        .serve(&AUDIT, audit::show)
}

static ORGANIZATION: Page = Page::look("/settings", Right::SeeSettings);
static RECORDING: Page = Page::act("/settings/recording", Right::Switch);
static ANALYTICS: Page = Page::act("/settings/analytics", Right::Switch);
static KEYS: Page = Page::look("/settings/keys", Right::SeeSettings);
static MAKE_KEY: Page = Page::act("/settings/keys", Right::Administer);
static ROTATE_KEY: Page = Page::act("/settings/keys/rotate", Right::Administer);
static REVOKE_KEY: Page = Page::act("/settings/keys/revoke", Right::Administer);
static MEMBERS: Page = Page::look("/settings/members", Right::SeeSettings);
static GRANT: Page = Page::act("/settings/members", Right::GiveRoles);
static REMOVE: Page = Page::act("/settings/members/remove", Right::GiveRoles);
static INVITE: Page = Page::act("/settings/members/invite", Right::GiveRoles);
static SOURCES: Page = Page::look("/settings/sources", Right::SeeSettings);
static SINKS: Page = Page::look("/settings/sinks", Right::SeeSettings);
static RETRY: Page = Page::act("/settings/sinks/retry", Right::Administer);
static LISTS: Page = Page::look("/settings/lists", Right::SeeSettings);
static PUT: Page = Page::act("/settings/lists", Right::Administer);
static TAKE_OFF: Page = Page::act("/settings/lists/remove", Right::Administer);
static SCHEDULES: Page = Page::look("/settings/schedules", Right::SeeSettings);
static RETENTION: Page = Page::look("/settings/retention", Right::SeeSettings);
static AUDIT: Page = Page::look("/settings/audit", Right::SeeSettings);

/// The tabs of the settings.
const TABS: [(&str, &str); 9] = [
    ("/settings", "Organization"),
    ("/settings/members", "Members and roles"),
    ("/settings/keys", "Keys"),
    ("/settings/sources", "Sources"),
    ("/settings/sinks", "Sinks"),
    ("/settings/lists", "Lists"),
    ("/settings/schedules", "Schedules"),
    ("/settings/retention", "What is kept"),
    ("/settings/audit", "Record of this console"),
];

/// A page of the settings under its tab.
fn sheet(visitor: &Visitor, path: &str, body: Markup) -> Response {
    let body = html! {
        nav class="tabs" aria-label="Settings" {
            @for (tab, words) in TABS { a href=(tab) aria-current=[(tab == path).then_some("page")] { (words) } }
        }
        (body)
    };
    let title = TABS.iter().find(|(tab, _)| *tab == path).map_or("Settings", |(_, words)| words);
    let sheet = Sheet { title, spot: Spot::Settings, lead: html! {}, actions: html! {}, body };
    frame::sheet(visitor, sheet).into_response()
}

/// A button that posts the name of one thing; a screen reader hears of which.
fn button(visitor: &Visitor, path: &str, (field, value): (&str, &str), words: &str, of: &str) -> Markup {
    html! {
        form action=(path) method="post" {
            (visitor.visit.form_field())
            input type="hidden" name=(field) value=(value);
            button class="button small" { (words) span class="hidden" { " " (of) } }
        }
    }
}
