//! One person: who they are, what they hold, when and from where they were seen, and what they did last.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ephor_lake::directory::{Directory, DirectoryKind};
use ephor_lake::{ActivityFilter, CountedBy, FeedQuery, Order, PageFrom, TypeFilter};
use maud::{Markup, html};

use super::list::roles_of;
use super::roster::{Listed, Roster};
use crate::console::activity::{OWN_READS, Shown, line};
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts;
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::state::App;

/// What they did last.
const ROWS: usize = 20;

pub(super) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let person = Roster::one(&app, &id).await?.ok_or_else(|| Problem::not_found("Person", &id))?;
    visitor.has_seen(&id);
    let filter = ActivityFilter {
        actor_ids: vec![id.clone()],
        types: TypeFilter::Except(OWN_READS.map(str::to_owned).to_vec()),
        ..ActivityFilter::default()
    };
    let lake = app.lake();
    let latest = FeedQuery { filter: filter.clone(), order: Order::Descending, from: PageFrom::Start, limit: ROWS };
    let (types, addresses, agents, latest) = tokio::try_join!(
        lake.census(&filter, Some(CountedBy::Type)),
        lake.census(&filter, Some(CountedBy::IpAddress)),
        lake.census(&filter, Some(CountedBy::UserAgent)),
        lake.page(&latest),
    )?;
    let rows: Vec<Shown> = latest.rows.iter().filter_map(|row| Shown::read(row.created_at_micros, &row.raw)).collect();
    let of = format!("actor={}", escape(&id));
    let body = html! {
        div class="grid" {
            section class="card" { h2 { "Who" } (facts(&person, lake.directory(), &visitor)) }
            section class="card" { h2 { "When" } (parts::days_of(&types)) }
        }
        div class="grid" {
            section class="card" { h2 { "What" } (parts::ranking(&types, |kind| Some(format!("/activity?{of}&type={}", escape(kind))))) }
            section class="card" { h2 { "From where" } (parts::ranking(&addresses, |ip| Some(format!("/activity?{of}&ip={}", escape(ip))))) }
            section class="card" { h2 { "With what" } (parts::ranking(&agents, |_| None)) }
        }
        section class="card flush" {
            header { h2 { "What they did last" } a href=(format!("/activity?{of}")) { "All of it" } }
            @if rows.is_empty() { (parts::empty("Never seen in the feed", html! { "The directory lists them, and no activity names them as its actor." })) }
            @else { (activity_table(&rows, &visitor, &app)) }
        }
    };
    let title = person.called().unwrap_or(&person.id).to_owned();
    let lead = html! { (person.email.as_deref().unwrap_or("")) " " span class="mono" { (person.id) } };
    let actions = html! { a class="button" href=(format!("/activity?{of}&span=7d")) { "Last 7 days" } };
    let sheet = Sheet { title: &title, spot: Spot::People, lead, actions, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

pub(in crate::console) fn activity_table(rows: &[Shown], visitor: &Visitor, app: &App) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Activities" }
            thead { tr { th scope="col" { "Time (UTC)" } th scope="col" { "What" } th scope="col" { "Who" } th scope="col" { "From" } } }
            tbody { @for row in rows { (line(row, visitor, app.lake())) } }
        } }
    }
}

fn facts(person: &Listed, directory: &Directory, visitor: &Visitor) -> Markup {
    let groups = memberships(directory, &person.id, DirectoryKind::GroupMembers, DirectoryKind::Groups);
    let workspaces = memberships(directory, &person.id, DirectoryKind::WorkspaceMembers, DirectoryKind::Workspaces);
    html! {
        dl class="facts" {
            dt { "Role" } dd { @if person.is_listed() { (roles_of(person)) } @else { (parts::badge(parts::Tone::Fair, "not listed")) " The directory does not know them, or no more." } }
            @if let Some(at) = person.since_micros { dt { "Since" } dd { (parts::instant(at, visitor.now())) } }
            dt { "Organizations" } dd { @for (uuid, _) in &person.roles { span class="mono" { (organization_name(directory, uuid)) } " " } }
            dt { "Groups" } dd { @if groups.is_empty() { span class="muted" { "none" } } @else { (groups.join(", ")) } }
            dt { "Workspaces" } dd { @if workspaces.is_empty() { span class="muted" { "none" } } @else { (workspaces.join(", ")) } }
            @if let Some(seen) = person.seen {
                dt { "First seen" } dd { (parts::instant(seen.first_micros, visitor.now())) }
                dt { "Last seen" } dd { (parts::instant(seen.last_micros, visitor.now())) }
            }
        }
    }
}

fn organization_name(directory: &Directory, uuid: &str) -> String {
    let row = directory.get(DirectoryKind::Organizations, "", uuid);
    row.and_then(|row| row["name"].as_str().map(str::to_owned)).unwrap_or_else(|| uuid.to_owned())
}

/// Names of the groups or workspaces that list somebody.
fn memberships(directory: &Directory, person: &str, members: DirectoryKind, of: DirectoryKind) -> Vec<String> {
    let scopes = directory.scopes(members).into_iter().filter(|scope| directory.get(members, scope, person).is_some());
    let parents = directory.scopes(of);
    let name = |id: &String| {
        let row = parents.iter().find_map(|scope| directory.get(of, scope, id));
        row.and_then(|row| row["name"].as_str().map(str::to_owned)).unwrap_or_else(|| id.clone())
    };
    let mut names: Vec<String> = scopes.map(|id| name(&id)).collect();
    names.sort_unstable();
    names
}
