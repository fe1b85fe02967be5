//! What people work with: keys, connectors, skills, projects and workspaces, each kind as a list and each one with a page.
//! Promises everything that the directory lists, an activity ever named or telemetry told of, whichever knows of it.
//! Never tells a viewer who: people stand under pseudonyms here as everywhere.

mod facts;
mod gather;
mod kind;
mod list;
mod one;
mod register;

use axum::Extension;
use axum::extract::{Path, State};
use ephor_detect::Entity;
use maud::{Markup, html};

pub(super) use kind::Kind;
pub(crate) use register::Registered;

use super::access::Right;
use super::kept::Patience;
use super::page::{Page, Pages};
use super::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::state::App;

static KEYS: Page = Page::look("/keys", Right::Look);
static KEY: Page = Page::look("/keys/{id}", Right::Look);
static CONNECTORS: Page = Page::look("/connectors", Right::Look);
static CONNECTOR: Page = Page::look("/connectors/{id}", Right::Look);
static SKILLS: Page = Page::look("/skills", Right::Look);
static SKILL: Page = Page::look("/skills/{id}", Right::Look);
static PROJECTS: Page = Page::look("/projects", Right::Look);
static PROJECT: Page = Page::look("/projects/{id}", Right::Look);
static WORKSPACES: Page = Page::look("/workspaces", Right::Look);
static WORKSPACE: Page = Page::look("/workspaces/{id}", Right::Look);

/// Each kind with its two pages.
const PAGES: [(Kind, &Page, &Page); 5] = [
    (Kind::Key, &KEYS, &KEY),
    (Kind::Connector, &CONNECTORS, &CONNECTOR),
    (Kind::Skill, &SKILLS, &SKILL),
    (Kind::Project, &PROJECTS, &PROJECT),
    (Kind::Workspace, &WORKSPACES, &WORKSPACE),
];

pub(super) fn mount(pages: Pages) -> Pages {
    PAGES.into_iter().fold(pages, |pages, (kind, several, single)| {
        let list = move |State(app): State<App>, Extension(visitor): Extension<Visitor>| list::show(kind, app, visitor);
        let one = move |State(app): State<App>, Extension(visitor): Extension<Visitor>, Path(id): Path<String>| {
            one::show(kind, app, visitor, id)
        };
        pages.serve(several, list).serve(single, one)
    })
}

/// Reads what lists rest on, so that the next who asks need not wait for it.
pub(super) async fn warm(app: &App) -> Result<(), Problem> {
    app.console().registered().caught_up(app.lake()).await?;
    for what in Kind::ALL.into_iter().filter_map(|kind| kind.spec().used) {
        gather::uses(app, what, Patience::Endless).await?;
    }
    Ok(())
}

/// The page of a thing.
pub(super) fn address(kind: Kind, id: &str) -> String {
    format!("{}/{}", kind.spec().path, escape(id))
}

/// A thing by its id, as the way to what is known of it.
pub(super) fn link(kind: Kind, id: &str) -> Markup {
    html! { a class="mono" href=(address(kind, id)) { (id) } }
}

/// The page of what a finding is about, where it is one of these.
pub(super) fn of_entity(entity: &Entity) -> Option<String> {
    Kind::of_entity(&entity.kind).map(|kind| address(kind, &entity.id))
}

/// The page behind a field of an activity, where the field names one of these.
pub(super) fn of_field(name: &str, value: &str) -> Option<String> {
    Kind::of_field(name).map(|kind| address(kind, value))
}

/// The page behind a text that is an id of one of these, or ends with one in brackets.
pub(super) fn of_text(text: &str) -> Option<String> {
    let id = text.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')).map_or(text, |(_, id)| id);
    Kind::of_id(id).map(|kind| address(kind, id))
}
