//! The list of activities: filters, how many on which day, the rows, and the ways to older and newer ones.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::{Census, FeedPage, FeedQuery, FeedRow, Order, PageFrom};
use ephor_wire::catalogue::catalogue;
use ephor_wire::timestamp::UtcDay;
use maud::{Markup, html};

use super::asked::{self, Asked, Depth, FIELDS, OwnReads, SPANS};
use super::row::{Shown, line};
use crate::console::access::Right;
use crate::console::entities;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts;
use crate::console::views;
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

const PATH: &str = "/activity";

/// Rows of a page: two screens.
const ROWS: usize = 50;

/// Activities whose fields are searched for words in one request; the next request goes on from there.
const SEARCHED_ROWS: usize = 20_000;
const SEARCHED_AT_ONCE: usize = 5_000;

/// The longest span whose days are drawn one by one.
const DAYS_DRAWN: i32 = 120;

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let asked = Asked::read(&Query::parse(&visitor.visit.query), &visitor)?;
    let found = find(&app, &asked).await?;
    let census = match asked.words.is_empty() {
        true => Some(app.lake().census(&asked.filter, None).await?),
        // Counting what holds a word would read everything, for a number that nobody asked for.
        false => None,
    };
    let rows: Vec<Shown> =
        found.page.rows.iter().filter_map(|row| Shown::read(row.created_at_micros, &row.raw)).collect();
    let body = html! {
        (filters(&asked, &visitor))
        (views::bar(&app, &visitor).await?)
        (narrowings(&asked, &visitor))
        @if let Some(census) = &census { (days(census, &asked)) }
        section class="card flush" {
            @if rows.is_empty() { (nothing(&asked, &found)) }
            @else {
                div class="scroll" tabindex="0" { table {
                    caption class="hidden" { "Activities" }
                    thead { tr { th scope="col" { "Time (UTC)" } th scope="col" { "What" } th scope="col" { "Who" } th scope="col" { "From" } } }
                    tbody id="feed" { @for row in &rows { (line(row, &visitor, app.lake())) } }
                } }
            }
        }
        (pages(&asked, &found))
    };
    let lead = html! {
        @match &census {
            Some(census) => (parts::plural(census.total, "activity", "activities")),
            None => "Newest first, as far as words are found",
        }
    };
    let sheet = Sheet { title: "Activity", spot: Spot::Activity, lead, actions: actions(&asked, &visitor), body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

/// A page of rows, and how far was searched for it.
struct Found {
    page: FeedPage,
    /// The place at which a search for words in fields stopped for now.
    searched_to: Option<FeedRow>,
}

async fn find(app: &App, asked: &Asked) -> Result<Found, Problem> {
    let query =
        |from: PageFrom, limit: usize| FeedQuery { filter: asked.filter.clone(), order: asked.order, from, limit };
    if asked.depth == Depth::Columns || asked.words.is_empty() {
        let page = app.lake().page(&query(asked.from.clone(), ROWS)).await?;
        return Ok(Found { page, searched_to: None });
    }
    let words: Vec<String> = asked.words.split_whitespace().map(str::to_lowercase).collect();
    let mut page = FeedPage::default();
    let (mut from, mut searched) = (asked.from.clone(), 0);
    loop {
        let block = app.lake().page(&query(from, SEARCHED_AT_ONCE)).await?;
        searched += block.rows.len();
        let last = block.rows.last().cloned();
        let holds = |row: &FeedRow| {
            let raw = row.raw.to_lowercase();
            words.iter().all(|word| raw.contains(word))
        };
        page.rows.extend(block.rows.into_iter().filter(holds));
        if page.rows.len() > ROWS {
            page.rows.truncate(ROWS);
            page.has_more = true;
            return Ok(Found { page, searched_to: None });
        }
        match last {
            Some(last) if block.has_more && searched < SEARCHED_ROWS => from = PageFrom::After(last.cursor()),
            Some(last) if block.has_more => return Ok(Found { page, searched_to: Some(last) }),
            _ => return Ok(Found { page, searched_to: None }),
        }
    }
}

fn actions(asked: &Asked, visitor: &Visitor) -> Markup {
    let newest = asked.order == Order::Descending && asked.from == PageFrom::Start;
    let follows =
        newest && (asked.words.is_empty() || asked.depth == Depth::Columns) && asked.filter.created_at.to.is_none();
    html! {
        @if follows {
            span class="live" data-live=(asked.at("/activity/live")) hidden {
                span class="lamp" aria-hidden="true" {} span data-told role="status" { "Live" }
                button class="button small" type="button" data-key="l" data-says="pause and resume" { "Pause" }
            }
        }
        @if visitor.may(Right::SeeNames) {
            a class="button" href=(asked.with("/activity/export", "format", Some("csv"))) { "CSV" }
            a class="button" href=(asked.with("/activity/export", "format", Some("ndjson"))) { "NDJSON" }
        }
    }
}

fn filters(asked: &Asked, visitor: &Visitor) -> Markup {
    let value = |name: &str| asked.one(name).unwrap_or_default();
    let more_is_open = FIELDS.iter().any(|(name, _)| asked.one(name).is_some())
        || ["type", "not", "from", "to", "order", "own", "in"].iter().any(|name| asked.one(name).is_some());
    html! {
        form class="filters" action=(PATH) method="get" role="search" aria-label="Activities" {
            @if visitor.sees_names() {
                label class="text" { "Words" input type="search" name="q" value=(value("q")) placeholder="Part of a type, address, key, agent…" maxlength="200" data-find=""; }
            }
            label { "Time" select name="span" {
                option value="" { "All" }
                @for (name, words, _) in SPANS { option value=(name) selected[value("span") == name] { (words) } }
            } }
            label { "Category" select name="category" {
                option value="" { "All" }
                @for category in asked::categories() { option value=(category) selected[value("category") == category] { (category.replace('_', " ")) } }
            } }
            button class="button primary" { "Show" }
            details class="more" open[more_is_open] {
                summary { "All filters" }
                div {
                    label { "Type" input name="type" value=(value("type")) list="types" maxlength="120"; }
                    label { "Not this type" input name="not" value=(value("not")) list="types" maxlength="120"; }
                    @for (name, words) in FIELDS.into_iter().filter(|(name, _)| visitor.sees_names() || !matches!(*name, "actor" | "ip")) {
                        label { (words) input name=(name) value=(value(name)) maxlength="200"; }
                    }
                    label { "From (day or time, UTC)" input name="from" value=(value("from")) placeholder="2026-11-01" maxlength="40"; }
                    label { "To (included)" input name="to" value=(value("to")) placeholder="2026-11-30" maxlength="40"; }
                    label { "Order" select name="order" {
                        option value="" { "Newest first" }
                        option value="asc" selected[asked.order == Order::Ascending] { "Oldest first" }
                    } }
                    @if visitor.sees_names() {
                        label { "Look for words in" select name="in" {
                            option value="" { "Type, actor, address, key…" }
                            option value="fields" selected[asked.depth == Depth::Fields] { "Every field (slower)" }
                        } }
                    }
                    label { "Reads of this record" select name="own" {
                        option value="" { "Hidden" }
                        option value="show" selected[asked.own == OwnReads::Shown] { "Shown" }
                    } }
                }
            }
            datalist id="types" { @for kind in catalogue().iter() { option value=(kind.name) {} } }
        }
    }
}

fn narrowings(asked: &Asked, visitor: &Visitor) -> Markup {
    let narrowings = asked.narrowings(PATH);
    html! {
        @if !narrowings.is_empty() {
            ul class="chips" aria-label="Filters in force" {
                @for (name, value, without) in &narrowings {
                    @if name == "actor" { (note(visitor, value)) }
                    li { a class="chip" href=(without) { (told(name)) " " strong { (value) } span class="x" aria-hidden="true" { "×" } span class="hidden" { "take away" } } }
                }
                li { a class="chip" href=(PATH) { "Take all away" } }
            }
        }
    }
}

/// Filtering by a person is a look at that person.
fn note(visitor: &Visitor, actor: &str) -> Markup {
    visitor.has_seen(actor);
    html! {}
}

fn told(name: &str) -> &str {
    match name {
        "q" => "words",
        "span" => "time",
        "not" => "not",
        other => FIELDS.iter().find(|(field, _)| *field == other).map_or(other, |(_, words)| words),
    }
}

/// How many on which day, as bars that lead to that day.
fn days(census: &Census, asked: &Asked) -> Markup {
    let (Some((first, _)), Some((last, _))) = (census.by_day.first_key_value(), census.by_day.last_key_value()) else {
        return html! {};
    };
    let last = *last;
    let first = (*first).max(last.plus_days(1 - DAYS_DRAWN));
    let days: Vec<UtcDay> = (first.0..=last.0).map(UtcDay).collect();
    let most = days.iter().filter_map(|day| census.by_day.get(day)).max().copied().unwrap_or(0).max(1);
    const HEIGHT: f64 = 50.0;
    const STEP: f64 = 10.0;
    html! {
        @if days.len() > 1 {
            section class="card" aria-label="Activities by day" {
                svg class="spark" role="group" aria-label="Activities a day" viewBox=(format!("0 0 {} {HEIGHT}", days.len() as f64 * STEP)) preserveAspectRatio="none" {
                    title { "Activities a day from " (first) " to " (last) ", " (parts::count(most)) " at the most" }
                    @for (place, day) in days.iter().enumerate() {
                        @let count = census.by_day.get(day).copied().unwrap_or(0);
                        @if count > 0 {
                            @let height = (count as f64 / most as f64 * HEIGHT).max(1.0);
                            @let link = day_link(asked, *day);
                            a href=(link) tabindex="-1" { rect x=(place as f64 * STEP) y=(HEIGHT - height) width=(STEP - 2.0) height=(height) { title { (day) ": " (parts::count(count)) } } }
                        }
                    }
                }
                p class="ends muted" { span { (first) } span { "at the most " (parts::count(most)) " a day" } span { (last) } }
            }
        }
    }
}

fn day_link(asked: &Asked, day: UtcDay) -> String {
    let text = day.to_string();
    let base = asked.with(PATH, "span", None);
    let separator = if base.contains('?') { '&' } else { '?' };
    match (asked.one("from"), asked.one("to")) {
        (None, None) => format!("{base}{separator}from={text}&to={text}"),
        _ => format!("{PATH}?from={text}&to={text}"),
    }
}

fn nothing(asked: &Asked, found: &Found) -> Markup {
    html! {
        @match (&found.searched_to, asked.narrowings(PATH).is_empty()) {
            (Some(_), _) => (parts::empty("Not found so far", html! { "Older activities have not been searched yet: go on below." })),
            (None, false) => (parts::empty("No activity like this", html! { "Take a filter away, or look at a longer time. " a href=(PATH) { "Show all" } "." })),
            (None, true) => (parts::empty("No activity yet", html! { "Activities come from collectors, pushes and files. " a href="/settings/sources" { "See the sources" } "." })),
        }
    }
}

fn pages(asked: &Asked, found: &Found) -> Markup {
    let rows = &found.page.rows;
    let at = |name: &str, row: Option<&FeedRow>| row.map(|row| asked.with(PATH, name, Some(&row.cursor().encode())));
    let backwards = matches!(asked.from, PageFrom::Before(_));
    let is_start = asked.from == PageFrom::Start;
    let newer = (!is_start && (!backwards || found.page.has_more)).then(|| at("before", rows.first())).flatten();
    let older = (found.page.has_more || backwards).then(|| at("after", rows.last())).flatten();
    let older = older.or_else(|| at("after", found.searched_to.as_ref()));
    parts::pager(newer.as_deref(), older.as_deref())
}

/// The one field of the frame: an id, an address or a key leads to its page, anything else to the feed.
pub(super) async fn seek(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let wanted = query.one("q").unwrap_or_default().trim().to_owned();
    let part = escape(&wanted);
    let to = if !visitor.sees_names() || wanted.is_empty() {
        PATH.to_owned()
    } else if wanted.starts_with("activity_") && app.lake().find(&wanted).await?.is_some() {
        format!("/activity/{part}")
    } else if wanted.starts_with("user_") {
        format!("/people/{part}")
    } else if let Some(page) = entities::of_text(&wanted) {
        page
    } else if wanted.parse::<std::net::IpAddr>().is_ok() {
        format!("{PATH}?ip={part}")
    } else {
        format!("{PATH}?q={part}")
    };
    Ok(Redirect::to(&to).into_response())
}
