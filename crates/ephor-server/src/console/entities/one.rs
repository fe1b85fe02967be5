//! One thing: what it is, since when and by whom, what happened to it, who uses it, and what rules found about it.

use axum::response::{IntoResponse, Response};
use ephor_lake::{ActivityFilter, Census, CountedBy, FeedQuery, Order, PageFrom, TypeFilter};
use ephor_reports::used;
use maud::{Markup, html};

use super::facts;
use super::gather::{self, Thing};
use super::kind::Kind;
use super::list::tabs;
use super::register::LATEST;
use crate::console::activity::{OWN_READS, Shown};
use crate::console::findings;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::kept;
use crate::console::parts;
use crate::console::people::{Called, activity_table};
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::state::App;

/// What the feed says of a thing.
struct Story {
    /// By type.
    types: Census,
    actors: Vec<(String, u64)>,
    latest: Vec<Shown>,
}

pub(super) async fn show(kind: Kind, app: App, visitor: Visitor, id: String) -> Result<Response, Problem> {
    let spec = kind.spec();
    let missing = || Problem::not_found(spec.title.trim_end_matches('s'), &id);
    let thing = gather::all(&app, kind).await?.things.remove(&id).ok_or_else(missing)?;
    let (story, called) = (story(&app, kind, &thing).await?, Called::read(&app).await);
    let found = findings::about(&app, &id).await?;
    let members = facts::members(kind, &thing, app.lake().directory());
    let body = html! {
        (tabs(kind))
        div class="split" {
            div class="stack" {
                section class="card" { h2 { "What it is" } (facts::facts(kind, &thing, &visitor, &called)) }
                (uses(&app, kind, &thing, &visitor, &called).await?)
            }
            div class="stack" {
                section class="card" { h2 { "When" } (parts::days_of(&story.types)) }
                section class="card" { h2 { "What happened" } (parts::ranking(&story.types, |what| of_type(kind, &id, what))) }
                section class="card" { h2 { "By whom" } (facts::actors(&story.actors, &visitor, &called)) }
                @if let Some(members) = &members { (facts::members_card(members, &visitor, &called)) }
            }
        }
        section class="card flush" {
            header { h2 { "What rules found about it" } @if visitor.sees_names() { a href=(format!("/findings?status=all&about={}", escape(&id))) { "All of it" } } }
            @if found.is_empty() { (parts::empty("No finding", html! { "No rule has found anything about it." })) }
            @else { (findings::most_urgent(&found.iter().collect::<Vec<_>>(), &visitor)) }
        }
        section class="card flush" {
            header { h2 { "What happened last" } @if let Some(link) = all_of_it(kind, &id) { a href=(link) { "All of it" } } }
            @if story.latest.is_empty() { (parts::empty("No activity names it", html! { "It is known from a listing or from telemetry." })) }
            @else { (activity_table(&story.latest, &visitor, &app)) }
        }
    };
    let lead = html! { (spec.one) " " span class="mono wrap" { (id) } };
    let actions = html! {
        @if visitor.sees_names() { a class="button" href=(format!("/timeline?{}={}", spec.asked, escape(&id))) { "Timeline" } }
        @if kind == Kind::Key && thing.listed.is_none() { a class="button" href="/settings/keys" { "Keys of this Ephor" } }
    };
    let sheet = Sheet { title: thing.called(), spot: Spot::Inventory, lead, actions, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

/// Its use in the last days, where telemetry tells of any.
async fn uses(app: &App, kind: Kind, thing: &Thing, visitor: &Visitor, called: &Called) -> Result<Markup, Problem> {
    let (Some(what), Some(lately)) = (kind.spec().used, &thing.used) else { return Ok(html! {}) };
    let (names, days) = (lately.names.clone(), gather::lately(visitor.now()));
    let make = async move |app: App| Ok(used::of(app.lake(), what, &names, days).await?);
    let days = kept::days_of_use(app, format!("{what:?} {}", lately.names.join("\n")), make).await?;
    Ok(facts::used(&days.value, visitor, called, app.options().reports_floor_people))
}

async fn story(app: &App, kind: Kind, thing: &Thing) -> Result<Story, Problem> {
    let ids = vec![thing.id.clone()];
    let types = TypeFilter::Except(OWN_READS.map(str::to_owned).to_vec());
    let filter = match kind {
        Kind::Key => ActivityFilter { api_key_ids: ids, types, ..ActivityFilter::default() },
        Kind::Workspace => ActivityFilter { workspace_ids: ids, types, ..ActivityFilter::default() },
        Kind::Connector | Kind::Skill | Kind::Project => return told(app, kind, thing).await,
    };
    let latest = FeedQuery { filter: filter.clone(), order: Order::Descending, from: PageFrom::Start, limit: LATEST };
    let lake = app.lake();
    let (types, actors, latest) = tokio::try_join!(
        lake.census(&filter, Some(CountedBy::Type)),
        lake.census(&filter, Some(CountedBy::Actor)),
        lake.page(&latest),
    )?;
    // An admin key is named in fields of its own, for which the feed has no column.
    if types.total == 0 {
        return told(app, kind, thing).await;
    }
    let latest = latest.rows.iter().filter_map(|row| Shown::read(row.created_at_micros, &row.raw)).collect();
    Ok(Story { types, actors: actors.by_value.into_iter().collect(), latest })
}

/// The story of a thing for which the feed has no filter: as the register has it.
async fn told(app: &App, kind: Kind, thing: &Thing) -> Result<Story, Problem> {
    let register = app.console().registered().caught_up(app.lake()).await?;
    let told = register.one(kind, &thing.id).cloned();
    drop(register);
    let Some(told) = told else {
        return Ok(Story { types: Census::default(), actors: Vec::new(), latest: Vec::new() });
    };
    let latest = told.latest(app.lake()).await?;
    Ok(Story { types: told.census(), actors: told.by_actor.into_iter().collect(), latest })
}

/// Its activities of one type, where the feed can be asked for them.
fn of_type(kind: Kind, id: &str, what: &str) -> Option<String> {
    let filter = kind.spec().filter?;
    Some(format!("/activity?{filter}={}&type={}", escape(id), escape(what)))
}

fn all_of_it(kind: Kind, id: &str) -> Option<String> {
    let filter = kind.spec().filter?;
    Some(format!("/activity?{filter}={}", escape(id)))
}
