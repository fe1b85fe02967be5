//! The list of people: found by name or address, narrowed by role or by how long they were not seen, sorted as asked.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ephor_wire::timestamp::DAY_MICROS;
use maud::{Markup, html};

use super::roster::{Listed, Roster};
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Sorting};
use crate::console::views;
use crate::console::visitor::{Person, Visitor};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

const PATH: &str = "/people";

/// Rows of a page.
const ROWS: usize = 100;

/// People not seen for so long are asked for as dormant.
const DORMANT_DAYS: i64 = 30;

const SEEN: [(&str, &str); 4] = [
    ("week", "In the last 7 days"),
    ("dormant", "Not for 30 days"),
    ("never", "Never"),
    ("gone", "Seen, and listed no more"),
];

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let roster = Roster::read(&app).await?;
    let everybody = roster.people.len();
    let mut people: Vec<Listed> = roster.people.into_values().collect();
    let mut roles: Vec<String> =
        people.iter().flat_map(|person| person.roles.iter().map(|(_, role)| role.clone())).collect();
    roles.sort_unstable();
    roles.dedup();
    people.retain(|person| asked_for(person, &query, &visitor));
    let sorting = Sorting::read(&query, "name");
    sort(&mut people, &sorting, &visitor);
    let page = parts::Slice::read(&query, people.len(), ROWS);
    let body = html! {
        (filters(&query, &visitor, &roles))
        (views::bar(&app, &visitor).await?)
        section class="card flush" {
            @if people.is_empty() { (parts::empty("Nobody like this", html! { "Take a filter away. " a href=(PATH) { "Show everybody" } "." })) }
            @else { (table(&people[page.range()], &sorting, &visitor)) }
        }
        (page.pager(PATH, &visitor.visit.query))
    };
    let lead =
        html! { (parts::count(people.len() as u64)) " of " (parts::plural(everybody as u64, "person", "people")) };
    let sheet = Sheet { title: "People", spot: Spot::People, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

fn asked_for(person: &Listed, query: &Query, visitor: &Visitor) -> bool {
    let words = query.one("q").filter(|_| visitor.sees_names()).unwrap_or_default().to_lowercase();
    let texts = [Some(person.id.as_str()), person.name.as_deref(), person.email.as_deref()];
    let named =
        words.split_whitespace().all(|word| texts.iter().flatten().any(|text| text.to_lowercase().contains(word)));
    let role = query.one("role").filter(|role| !role.is_empty());
    let holds = role.is_none_or(|role| person.roles.iter().any(|(_, held)| held == role));
    let age = person.seen.map(|seen| visitor.now().saturating_sub(seen.last_micros));
    let seen = match query.one("seen") {
        Some("week") => age.is_some_and(|age| age <= 7 * DAY_MICROS),
        Some("dormant") => person.is_listed() && age.is_none_or(|age| age > DORMANT_DAYS * DAY_MICROS),
        Some("never") => age.is_none(),
        Some("gone") => !person.is_listed(),
        _ => true,
    };
    named && holds && seen
}

fn sort(people: &mut [Listed], sorting: &Sorting, visitor: &Visitor) {
    match sorting.by.as_str() {
        "since" => people.sort_by_key(|person| person.since_micros),
        "seen" => people.sort_by_key(|person| person.seen.map(|seen| seen.last_micros)),
        "count" => people.sort_by_key(|person| person.seen.map_or(0, |seen| seen.count)),
        // The order of names would tell a viewer whose pseudonym is whose.
        _ if !visitor.sees_names() => people.sort_by_cached_key(|person| visitor.name_of(Person::of(&person.id, None))),
        _ => people.sort_by_cached_key(|person| person.called().unwrap_or(&person.id).to_lowercase()),
    }
    sorting.turn(people);
}

fn filters(query: &Query, visitor: &Visitor, roles: &[String]) -> Markup {
    let value = |name: &str| query.one(name).unwrap_or_default();
    html! {
        form class="filters" action=(PATH) method="get" role="search" aria-label="People" {
            @if visitor.sees_names() {
                label class="text" { "Name or address" input type="search" name="q" value=(value("q")) maxlength="200" data-find=""; }
            }
            label { "Role" select name="role" {
                option value="" { "Any" }
                @for role in roles { option value=(role) selected[value("role") == role] { (role.replace('_', " ")) } }
            } }
            label { "Seen" select name="seen" {
                option value="" { "Any time" }
                @for (word, words) in SEEN { option value=(word) selected[value("seen") == word] { (words) } }
            } }
            button class="button primary" { "Show" }
        }
    }
}

fn table(people: &[Listed], sorting: &Sorting, visitor: &Visitor) -> Markup {
    let heading = |by: &str, words: &str, class: &str| sorting.heading(PATH, &visitor.visit.query, (by, words), class);
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "People" }
            thead { tr { (heading("name", "Person", "")) th { "Role" } (heading("since", "Since", "")) (heading("seen", "Last seen", "")) (heading("count", "Activities", "n")) } }
            tbody { @for person in people { tr data-row="" {
                td { (visitor.person(Person::of(&person.id, person.called())))
                    @if visitor.sees_names() { span class="gist" { (person.email.as_deref().unwrap_or(&person.id)) } } }
                td { @if person.is_listed() { (roles_of(person)) } @else { (parts::badge(parts::Tone::Plain, "not listed")) } }
                td { @if let Some(at) = person.since_micros { (parts::day(at)) } }
                td { @match person.seen { Some(seen) => (parts::moment(seen.last_micros, visitor.now())), None => span class="muted" { "never" } } }
                td class="n" { (parts::count(person.seen.map_or(0, |seen| seen.count))) }
            } } }
        } }
    }
}

/// Their roles, each said once.
pub(super) fn roles_of(person: &Listed) -> String {
    let mut roles: Vec<String> = person.roles.iter().map(|(_, role)| role.replace('_', " ")).collect();
    roles.sort_unstable();
    roles.dedup();
    roles.join(", ")
}
