//! Lists that rules ask: what stands on each, since when and by whose hand; put on and taken off with a reason.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_detect::{Edited, Entries, ListedEntry, Registers, Since, Wanted};
use maud::{Markup, html};

use crate::console::access::Right;
use crate::console::entities;
use crate::console::form::Form;
use crate::console::parts::{self, Tone};
use crate::console::people::Called;
use crate::console::visitor::{Person, Visitor};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::{App, rng};

const PATH: &str = "/settings/lists";

/// Rows of a page.
const ROWS: usize = 100;

/// What entries that people put on a list have as their source.
const BY_HAND: &str = "by_hand";

/// Lists that the rules of Ephor ask, offered whether anything stands on them or not.
const ASKED: [&str; 8] = [
    "approved_connectors",
    "approved_extensions",
    "approved_plugins",
    "approved_skills",
    "break_glass",
    "restricted_groups",
    "restricted_workspaces",
    "service_accounts",
];

const SAID: &[(&str, &str)] = &[
    ("changed", "Done, and recorded. Rules ask the changed list within half a minute."),
    ("unchanged", "It was so already, so nothing was done."),
];

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let which = if query.one("history") == Some("true") { Entries::Ever } else { Entries::Standing };
    let mut entries = Registers::new(app.control()).entries(None, which).await?;
    let names = names(&entries);
    let asked = query.one("list").filter(|list| !list.is_empty());
    entries.retain(|entry| asked.is_none_or(|list| entry.list == list) && is_named(entry, &query));
    let page = parts::Slice::read(&query, entries.len(), ROWS);
    let (called, may) = (Called::read(&app).await, visitor.may(Right::Administer));
    let body = html! {
        (parts::notice(query.one("said"), SAID))
        @if may { (put_form(&visitor, &names, asked)) }
        (filters(&query, &names, which))
        section class="card flush" {
            @if entries.is_empty() { (parts::empty("Nothing stands here", html! { "Sources bring their registers, " code { "[detect.lists]" } " of ephor.toml names entries, and people put them here." })) }
            @else { (table(&entries[page.range()], &visitor, &called, may)) }
        }
        (page.pager(PATH, &visitor.visit.query))
    };
    Ok(super::sheet(&visitor, PATH, body))
}

/// Every list that there is or that rules ask.
fn names(entries: &[ListedEntry]) -> Vec<String> {
    let mut names: Vec<String> = entries.iter().map(|entry| entry.list.clone()).collect();
    names.extend(ASKED.map(str::to_owned));
    names.sort_unstable();
    names.dedup();
    names
}

fn is_named(entry: &ListedEntry, query: &Query) -> bool {
    let words = query.one("q").unwrap_or_default().to_lowercase();
    let texts = [Some(entry.id.as_str()), entry.name.as_deref()];
    words.split_whitespace().all(|word| texts.iter().flatten().any(|text| text.to_lowercase().contains(word)))
}

fn filters(query: &Query, names: &[String], which: Entries) -> Markup {
    let value = |name: &str| query.one(name).unwrap_or_default();
    html! {
        form class="filters" action=(PATH) method="get" role="search" aria-label="Lists" {
            label { "List" select name="list" {
                option value="" { "All" }
                @for name in names { option value=(name) selected[value("list") == name] { (name.replace('_', " ")) } }
            } }
            label class="text" { "Name or id" input type="search" name="q" value=(value("q")) maxlength="200" data-find=""; }
            label { "Entries" select name="history" {
                option value="" { "That stand there" }
                option value="true" selected[which == Entries::Ever] { "That ever stood there" }
            } }
            button class="button primary" { "Show" }
        }
    }
}

fn put_form(visitor: &Visitor, names: &[String], asked: Option<&str>) -> Markup {
    html! {
        details class="card" {
            summary { "Put something on a list" }
            form action=(PATH) method="post" class="stack" {
                (visitor.visit.form_field())
                div class="filters" {
                    label { "List" input name="list" required maxlength="100" list="lists" value=(asked.unwrap_or_default()); }
                    datalist id="lists" { @for name in names { option value=(name) {} } }
                    label class="text" { "Id" span class="hint" { "or any text that a field may hold" } input name="id" required maxlength="300"; }
                    label { "Name" span class="hint" { "if it has one" } input name="name" maxlength="300"; }
                    label { "From when on" input name="since" value="now" required maxlength="40" list="since"; }
                    datalist id="since" { option value="now" {} option value="always" {} }
                }
                label { "Why" span class="hint" { "told in the feed" } input name="reason" required maxlength="300"; }
                p class="muted" { "A day or a time, " code { "now" } ", or " code { "always" } ": then what was found because it was missing is withdrawn." }
                div { button class="button primary" { "Put it there" } }
            }
        }
    }
}

fn table(entries: &[ListedEntry], visitor: &Visitor, called: &Called, may: bool) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Entries" }
            thead { tr { th scope="col" { "List" } th scope="col" { "Entry" } th scope="col" { "From" } th scope="col" { "Stands there" } th scope="col" { "Why" } @if may { th scope="col" { span class="hidden" { "Actions" } } } } }
            tbody { @for entry in entries { (line(entry, visitor, called, may)) } }
        } }
    }
}

fn line(entry: &ListedEntry, visitor: &Visitor, called: &Called, may: bool) -> Markup {
    let stands = entry.stood_to.is_none();
    html! {
        tr data-row="" {
            td { (entry.list.replace('_', " ")) }
            td class="told" { (what(entry, visitor, called)) @if let Some(name) = &entry.name { span class="gist wrap" { (name) } } }
            td { @if entry.source == BY_HAND { (entry.added_by.as_deref().unwrap_or("somebody")) } @else { (entry.source) } }
            td {
                @match &entry.stands_from { Some(at) => { "since " (parts::moment(at.micros(), visitor.now())) } None => "always" }
                @if let Some(at) = &entry.stood_to { span class="gist" { (parts::badge(Tone::Plain, "taken off")) " " (parts::ago(at.micros(), visitor.now())) @if let Some(by) = &entry.removed_by { " by " (by) } } }
            }
            td class="wrap" { (entry.reason.as_deref().unwrap_or("")) @if let Some(reason) = &entry.removal_reason { span class="gist" { "off: " (reason) } } }
            @if may { td class="act" { @if stands && entry.source == BY_HAND { (take_off_form(entry, visitor)) } } }
        }
    }
}

/// An entry as the way to what is known of it.
fn what(entry: &ListedEntry, visitor: &Visitor, called: &Called) -> Markup {
    let id = entry.id.as_str();
    html! {
        @match (id.starts_with("user_"), entities::of_text(id)) {
            (true, _) => (visitor.person(Person::of(id, called.name_of(id)))),
            (false, Some(page)) => a class="mono wrap" href=(page) { (id) },
            (false, None) => span class="mono wrap" { (id) },
        }
    }
}

fn take_off_form(entry: &ListedEntry, visitor: &Visitor) -> Markup {
    html! {
        details {
            summary { "Take off" span class="hidden" { " " (entry.id) } }
            form action="/settings/lists/remove" method="post" class="stack" {
                (visitor.visit.form_field())
                input type="hidden" name="list" value=(entry.list); input type="hidden" name="id" value=(entry.id);
                label { "Why" input name="reason" required maxlength="300"; }
                button class="button small danger" { "Take it off" }
            }
        }
    }
}

pub(super) async fn put(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let list = form.needed("list")?;
    let since: Since = form.one("since").unwrap_or("now").parse().map_err(Problem::from)?;
    let wanted = Wanted {
        list: list.to_owned(),
        id: form.needed("id")?.to_owned(),
        name: form.one("name").map(str::to_owned),
        since,
        reason: Some(form.needed("reason")?.to_owned()),
    };
    let registers = Registers::new(app.control());
    let edited = registers.put(&wanted, &visitor.actor(), visitor.now(), &mut rng()).await?;
    Ok(back(list, edited))
}

pub(super) async fn take_off(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let (list, id, reason) = (form.needed("list")?, form.needed("id")?, form.needed("reason")?);
    let registers = Registers::new(app.control());
    let now = visitor.now();
    let edited = registers.take_off((list, id), Some(reason), &visitor.actor(), now, &mut rng()).await?;
    Ok(back(list, edited))
}

fn back(list: &str, edited: Edited) -> Response {
    let said = if edited == Edited::Changed { "changed" } else { "unchanged" };
    Redirect::to(&parts::with(PATH, "", &[("list", list), ("said", said)])).into_response()
}
