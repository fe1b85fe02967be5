//! What is said of one thing beside counts: facts, members, who used it day by day.

use std::collections::BTreeMap;

use ephor_lake::directory::Directory;
use ephor_reports::chart::{Chart, Series};
use ephor_reports::used::DayOfUse;
use ephor_wire::timestamp::UtcDay;
use maud::{Markup, html};
use serde_json::Value;

use super::gather::{Thing, lately};
use super::kind::Kind;
use super::list::{approval, people, standing};
use crate::console::parts;
use crate::console::people::Called;
use crate::console::visitor::Visitor;

/// People of a list that are shown; the rest are counted.
const LISTED: usize = 12;

pub(super) fn facts(kind: Kind, thing: &Thing, visitor: &Visitor, called: &Called) -> Markup {
    let scopes = thing.listed.as_ref().map(|row| texts(&row["scopes"])).unwrap_or_default();
    html! {
        dl class="facts" {
            dt { "State" } dd { (standing(thing)) @if let Some(approved) = thing.approved { " " (approval(approved)) } }
            dt { "Id" } dd class="mono" { (thing.id) }
            @if let Some(at) = thing.since_micros { dt { "Since" } dd { (parts::instant(at, visitor.now())) } }
            @if let Some(owner) = &thing.owner { dt { @if kind == Kind::Project { "Owner" } @else { "Made by" } } dd { (called.person(visitor, owner)) } }
            @if let Some(workspace) = &thing.workspace { dt { "Workspace" } dd { (super::link(Kind::Workspace, workspace)) } }
            @if let Some(at) = thing.expires_micros { dt { "Expires" } dd { (parts::instant(at, visitor.now())) } }
            @if !scopes.is_empty() { dt { "May" } dd { @for scope in &scopes { code { (scope) } " " } } }
            @if let Some(seen) = thing.seen {
                dt { "First seen" } dd { (parts::instant(seen.first_micros, visitor.now())) }
                dt { "Last seen" } dd { (parts::instant(seen.last_micros, visitor.now())) }
            }
            @if let Some(used) = thing.used.as_ref() {
                dt { "Last used" } dd { (parts::instant(used.last_micros, visitor.now())) }
                @if used.names.iter().any(|name| name != &thing.id) { dt { "In telemetry" } dd class="wrap" { (used.names.join(", ")) } }
            }
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Who belongs to it, as sources list it: each with their role.
pub(super) fn members(kind: Kind, thing: &Thing, directory: &Directory) -> Option<Vec<(String, String)>> {
    let listing = kind.spec().members?;
    let member = |row: &Value| {
        let text = |pointers: &[&str]| pointers.iter().find_map(|at| row.pointer(at)?.as_str()).map(str::to_owned);
        let who = text(&["/user_id", "/user/id", "/group/id", "/group_id", "/organization_uuid", "/id"])?;
        Some((who, text(&["/workspace_role", "/role"]).unwrap_or_default().replace('_', " ")))
    };
    Some(directory.current(listing, &thing.id).iter().filter_map(|row| member(row)).collect())
}

pub(super) fn members_card(members: &[(String, String)], visitor: &Visitor, called: &Called) -> Markup {
    html! {
        section class="card" {
            h2 { "Who belongs to it" }
            @if members.is_empty() { p class="muted" { "Nobody that a source lists." } }
            @else {
                dl class="facts" { @for (who, role) in members.iter().take(LISTED) { dt { (role) } dd { (called.person(visitor, who)) } } }
                @if members.len() > LISTED { p class="muted" { (parts::count((members.len() - LISTED) as u64)) " more" } }
            }
        }
    }
}

/// Who named it or acted with it, the most frequent first.
pub(super) fn actors(counts: &[(String, u64)], visitor: &Visitor, called: &Called) -> Markup {
    let mut counts: Vec<&(String, u64)> = counts.iter().collect();
    // The order of names would tell a viewer whose pseudonym is whose: ties stand in the order of what is shown.
    counts.sort_by_cached_key(|(who, count)| (std::cmp::Reverse(*count), called.person(visitor, who).into_string()));
    html! {
        @if counts.is_empty() { p class="muted" { "Nobody" } }
        @else { table {
            caption class="hidden" { "By whom" }
            thead class="hidden" { tr { th { "Who" } th { "Count" } } }
            tbody { @for (who, count) in counts.iter().take(LISTED) { tr { td { (called.person(visitor, who)) } td class="n" { (parts::count(*count)) } } }
                @if counts.len() > LISTED { tr { td class="muted" { (counts.len() - LISTED) " more" } td {} } }
            }
        } }
    }
}

/// Its use day by day, with the table behind it, and by whom.
pub(super) fn used(days: &[DayOfUse], visitor: &Visitor, called: &Called, floor: u32) -> Markup {
    let mut by_day: BTreeMap<UtcDay, u64> = lately(visitor.now()).each_day().map(|day| (day, 0)).collect();
    let mut by_person: BTreeMap<&str, u64> = BTreeMap::new();
    for day in days {
        *by_day.entry(day.day).or_default() += day.times;
        if let Some(person) = &day.person {
            *by_person.entry(person).or_default() += day.times;
        }
    }
    let labels = by_day.keys().map(ToString::to_string).collect();
    let series = Series::new("uses", by_day.values().map(|times| Some(*times as f64)).collect());
    let chart = Chart::lines("Uses a day", "uses", labels, vec![series]);
    let counted: Vec<(String, u64)> = by_person.iter().map(|(who, times)| ((*who).to_owned(), *times)).collect();
    html! {
        section class="card" {
            header { h2 { "In use, day by day" } span class="muted" { "by " (people(by_person.len() as u64, visitor, floor)) " of whom telemetry tells" } }
            figure class="picture" { figcaption { (chart.title) } (chart.svg()) }
            details { summary { "The table behind it" }
                div class="scroll" tabindex="0" { table {
                    caption class="hidden" { "Uses a day" }
                    thead { tr { th scope="col" { "Day" } th scope="col" class="n" { "Uses" } } }
                    tbody { @for (day, times) in by_day.iter().filter(|(_, times)| **times > 0) { tr { td { (day) } td class="n" { (parts::count(*times)) } } } }
                } }
            }
        }
        @if visitor.sees_names() { section class="card" { h2 { "Who uses it" } (actors(&counted, visitor, called)) } }
    }
}
