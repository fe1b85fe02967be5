//! The console: server-rendered pages for the people of a security team, behind one door.
//! Promises that every page works without scripts, loads nothing from elsewhere, and records whom it named.
//! Never shows content: it shows what the lake holds, and the lake holds metadata only.

#![expect(clippy::needless_pass_by_value, reason = "markup is made where it is handed over, and is used up there")]

mod access;
mod account;
mod activity;
mod assets;
mod compare;
mod cookies;
mod desk;
mod door;
mod entities;
mod evidence;
mod findings;
mod form;
mod frame;
mod headers;
mod incidents;
mod kept;
mod options;
mod origin;
mod overview;
mod page;
mod parts;
mod people;
mod problem_page;
mod reported;
mod reviews;
mod rules;
mod seal;
mod settings;
mod sign_in;
mod state;
mod use_cases;
mod views;
mod visitor;

pub(crate) use door::not_here;
pub(crate) use kept::keep_warm;
pub use options::{ConsoleOptions, EmailTrust, NodeFacts, OidcOptions, ScheduleFact, UpstreamFact};
#[cfg(test)]
pub(crate) use page::{Admits, Page, Takes};
pub(crate) use state::ConsoleState;

use axum::Router;

use crate::state::App;
use page::Pages;

/// Every page of the console, as a router.
pub(crate) fn router(app: App) -> Router<App> {
    mount(app).router
}

/// Every page with its door.
pub(crate) fn mount(app: App) -> Pages {
    let pages = Pages::new(app).serve(&assets::ASSET, assets::asset).serve(&overview::OVERVIEW, overview::show);
    let pages = views::mount(pages);
    let pages = activity::mount(account::mount(sign_in::mount(pages)));
    let pages =
        compare::mount(use_cases::mount(findings::mount(people::mount(settings::mount(entities::mount(pages))))));
    rules::mount(evidence::mount(reviews::mount(incidents::mount(pages))))
}
