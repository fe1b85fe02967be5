//! The things of one kind: found by name or id, narrowed by how it stands with them, sorted as asked.

use axum::response::{IntoResponse, Response};
use ephor_lake::CountedBy;
use ephor_wire::timestamp::DAY_MICROS;
use maud::{Markup, html};

use super::address;
use super::gather::{self, Standing, Thing, USED_DAYS};
use super::kind::Kind;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Sorting, Tone};
use crate::console::people::Called;
use crate::console::views;
use crate::console::visitor::{Person, Visitor};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

/// Rows of a page.
const ROWS: usize = 100;

/// Days without a sign after which a thing is asked for as quiet.
const QUIET_DAYS: i64 = 30;

const SEEN: [(&str, &str); 3] = [("week", "In the last 7 days"), ("quiet", "Not for 30 days"), ("never", "Never")];

const APPROVED: [(&str, &str); 2] = [("yes", "Approved"), ("no", "Not approved")];

pub(super) async fn show(kind: Kind, app: App, visitor: Visitor) -> Result<Response, Problem> {
    let (query, spec) = (Query::parse(&visitor.visit.query), kind.spec());
    let called = Called::read(&app).await;
    let gathered = gather::all(&app, kind).await?;
    let mut things: Vec<Thing> = gathered.things.into_values().collect();
    let all = things.len() as u64;
    let asks_approval = things.iter().any(|thing| thing.approved.is_some());
    things.retain(|thing| asked_for(thing, &query, visitor.now()));
    let sorting = Sorting::read(&query, "name");
    sort(&mut things, &sorting);
    let page = parts::Slice::read(&query, things.len(), ROWS);
    let table = Table {
        kind,
        visitor: &visitor,
        sorting: &sorting,
        called: &called,
        floor: app.options().reports_floor_people,
    };
    let body = html! {
        (tabs(kind))
        (filters(kind, &query, asks_approval))
        (views::bar(&app, &visitor).await?)
        section class="card flush" {
            @if things.is_empty() { (nothing(kind, all)) } @else { (table.of(&things[page.range()])) }
        }
        (page.pager(spec.path, &visitor.visit.query))
    };
    let lead = html! { (parts::count(things.len() as u64)) " of " (parts::plural(all, spec.one, spec.many)) @if let Some(counted) = gathered.counted_micros { (parts::as_of(counted, visitor.now())) } };
    let sheet = Sheet { title: spec.title, spot: Spot::Inventory, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

/// The kinds, each a way to its list.
pub(super) fn tabs(here: Kind) -> Markup {
    html! {
        nav class="tabs" aria-label="Kinds" {
            @for kind in Kind::ALL { a href=(kind.spec().path) aria-current=[(kind == here).then_some("page")] { (kind.spec().title) } }
        }
    }
}

fn asked_for(thing: &Thing, query: &Query, now_micros: i64) -> bool {
    let one = |name: &str| query.one(name).map(str::trim).filter(|value| !value.is_empty());
    let words = one("q").unwrap_or_default().to_lowercase();
    let texts = [Some(thing.id.as_str()), thing.name.as_deref()];
    let named =
        words.split_whitespace().all(|word| texts.iter().flatten().any(|text| text.to_lowercase().contains(word)));
    let stands = one("state").is_none_or(|state| thing.standing.as_str() == state);
    let approved = match one("approved") {
        Some("yes") => thing.approved == Some(true),
        Some("no") => thing.approved == Some(false),
        _ => true,
    };
    let age = thing.last_micros().map(|last| now_micros.saturating_sub(last));
    let seen = match one("seen") {
        Some("week") => age.is_some_and(|age| age <= 7 * DAY_MICROS),
        Some("quiet") => thing.standing != Standing::Ended && age.is_none_or(|age| age > QUIET_DAYS * DAY_MICROS),
        Some("never") => age.is_none(),
        _ => true,
    };
    named && stands && approved && seen
}

fn sort(things: &mut [Thing], sorting: &Sorting) {
    match sorting.by.as_str() {
        "since" => things.sort_by_key(|thing| thing.since_micros),
        "seen" => things.sort_by_key(Thing::last_micros),
        "count" => things.sort_by_key(|thing| thing.seen.map_or(0, |seen| seen.count)),
        "used" => things.sort_by_key(|thing| thing.used.as_ref().map_or(0, |used| used.times)),
        _ => things.sort_by_cached_key(|thing| thing.called().to_lowercase()),
    }
    sorting.turn(things);
}

fn filters(kind: Kind, query: &Query, asks_approval: bool) -> Markup {
    let value = |name: &str| query.one(name).unwrap_or_default();
    html! {
        form class="filters" action=(kind.spec().path) method="get" role="search" aria-label=(kind.spec().title) {
            label class="text" { "Name or id" input type="search" name="q" value=(value("q")) maxlength="200" data-find=""; }
            label { "State" select name="state" {
                option value="" { "Any" }
                @for standing in Standing::ALL { option value=(standing.as_str()) selected[value("state") == standing.as_str()] { (standing.words()) } }
            } }
            label { "Last sign" select name="seen" {
                option value="" { "Any time" }
                @for (word, words) in SEEN { option value=(word) selected[value("seen") == word] { (words) } }
            } }
            @if asks_approval { label { "Approved" select name="approved" {
                option value="" { "Either" }
                @for (word, words) in APPROVED { option value=(word) selected[value("approved") == word] { (words) } }
            } } }
            button class="button primary" { "Show" }
        }
    }
}

fn nothing(kind: Kind, all: u64) -> Markup {
    let spec = kind.spec();
    html! {
        @if all > 0 { (parts::empty(&format!("No {} like this", spec.one), html! { "Take a filter away. " a href=(spec.path) { "Show all" } "." })) }
        @else { (parts::empty(&format!("No {} known", spec.one), html! { "Nothing lists one, no activity names one, and no telemetry tells of one. " a href="/settings/sources" { "See the sources" } "." })) }
    }
}

/// What a table of things is written with.
struct Table<'p> {
    kind: Kind,
    visitor: &'p Visitor,
    sorting: &'p Sorting,
    called: &'p Called,
    floor: u32,
}

impl Table<'_> {
    fn of(&self, things: &[Thing]) -> Markup {
        let spec = self.kind.spec();
        let heading = |by: &str, words: &str, class: &str| {
            self.sorting.heading(spec.path, &self.visitor.visit.query, (by, words), class)
        };
        let counted = if spec.counted == Some(CountedBy::ApiKey) { "Activities" } else { "Named" };
        html! {
            div class="scroll" tabindex="0" { table {
                caption class="hidden" { (spec.title) }
                thead { tr {
                    (heading("name", "Name", "")) th scope="col" { "State" } (heading("since", "Since", "")) th scope="col" { "By" } (heading("seen", "Last sign (UTC)", "")) (heading("count", counted, "n"))
                    @if spec.used.is_some() { (heading("used", &format!("Uses, {USED_DAYS} days"), "n")) th scope="col" class="n" { "People" } }
                } }
                tbody { @for thing in things { (self.row(thing)) } }
            } }
        }
    }

    fn row(&self, thing: &Thing) -> Markup {
        let used = thing.used.as_ref();
        html! { tr data-row="" {
            td class="told" { a href=(address(self.kind, &thing.id)) { strong { (thing.called()) } } @if thing.name.is_some() { span class="gist mono wrap" { (thing.id) } } }
            td { (standing(thing)) @if let Some(approved) = thing.approved { " " (approval(approved)) } }
            td { @if let Some(at) = thing.since_micros { (parts::day(at)) } }
            td { @if let Some(owner) = &thing.owner { (self.called.person(self.visitor, owner)) } }
            td { @match thing.last_micros() { Some(at) => (parts::moment(at, self.visitor.now())), None => span class="muted" { "never" } } }
            td class="n" { (parts::count(thing.seen.map_or(0, |seen| seen.count))) }
            @if self.kind.spec().used.is_some() {
                td class="n" { (parts::count(used.map_or(0, |used| used.times))) }
                td class="n" { (people(used.map_or(0, |used| used.people), self.visitor, self.floor)) }
            }
        } }
    }
}

/// How many people; for whoever sees no names a small number is not said.
pub(super) fn people(count: u64, visitor: &Visitor, floor: u32) -> Markup {
    html! { @if count > 0 && count < u64::from(floor) && !visitor.sees_names() { em { "few people" } } @else { (parts::count(count)) } }
}

/// How it stands, as a badge.
pub(super) fn standing(thing: &Thing) -> Markup {
    let tone = match thing.standing {
        Standing::Live => Tone::Good,
        Standing::Ended => Tone::Plain,
        Standing::Named | Standing::Used => Tone::Fair,
    };
    parts::badge(tone, thing.standing.words())
}

/// Whether it is approved, as a badge.
pub(super) fn approval(approved: bool) -> Markup {
    if approved { parts::badge(Tone::Good, "approved") } else { parts::badge(Tone::Bad, "not approved") }
}

impl Called {
    /// A person, by their id or address, or whatever else is named as one.
    pub(super) fn person(&self, visitor: &Visitor, who: &str) -> Markup {
        let id = self.id_of(who);
        if id.starts_with("user_") {
            return visitor.person(Person::of(id, self.name_of(id)));
        }
        match Kind::of_id(id) {
            Some(kind) => super::link(kind, id),
            None if id.contains('@') => html! { span class="person" { (visitor.name_of(Person::of(id, None))) } },
            // A group, a service account, or what nobody knows yet.
            None => html! { span class="mono wrap" { (id) } },
        }
    }
}
