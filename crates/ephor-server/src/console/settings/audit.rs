//! What was done and looked at in this Ephor, by whom: its own rows of the feed.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use ephor_lake::{ActivityFilter, FeedCursor, FeedQuery, Order, PageFrom, TypeFilter};
use maud::html;

use crate::console::activity::{Shown, line};
use crate::console::parts;
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

const PATH: &str = "/settings/audit";
const ROWS: usize = 100;

/// What the record can be narrowed to: a word in the address, what people read, and types.
const KINDS: [(&str, &str, &[&str]); 5] = [
    ("looks", "Looks at people", &["ephor_console_viewed"]),
    ("copies", "Copies taken", &["ephor_console_exported"]),
    (
        "sign-in",
        "Signing in and out",
        &[
            "ephor_console_signed_in",
            "ephor_console_signed_out",
            "ephor_console_sign_in_failed",
            "ephor_console_sign_in_changed",
            "ephor_console_code_made",
        ],
    ),
    ("keys", "Keys", &["api_key_created", "scoped_api_key_updated", "scoped_api_key_deleted"]),
    (
        "roles",
        "Roles and switches",
        &[
            "claude_user_role_updated",
            "primary_owner_transferred",
            "org_compliance_api_settings_updated",
            "org_analytics_api_capability_updated",
            "claude_organization_settings_updated",
        ],
    ),
];

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let chosen = query.one("kind").and_then(|word| KINDS.iter().find(|(known, ..)| *known == word));
    let types = match chosen {
        Some((_, _, types)) => TypeFilter::Only(types.iter().map(|kind| (*kind).to_owned()).collect()),
        // Programs that read the API are told apart by their keys, and are many.
        None => TypeFilter::Except(vec!["compliance_api_accessed".to_owned()]),
    };
    let filter = ActivityFilter { types, sources: vec!["ephor".to_owned()], ..ActivityFilter::default() };
    let from =
        query.one("after").and_then(|token| FeedCursor::decode(token).ok()).map_or(PageFrom::Start, PageFrom::After);
    let page = app.lake().page(&FeedQuery { filter, order: Order::Descending, from, limit: ROWS }).await?;
    let rows: Vec<Shown> = page.rows.iter().filter_map(|row| Shown::read(row.created_at_micros, &row.raw)).collect();
    let narrowed = chosen.map_or_else(String::new, |(word, ..)| format!("kind={word}&"));
    let older = page
        .rows
        .last()
        .filter(|_| page.has_more)
        .map(|row| format!("{PATH}?{narrowed}after={}", escape(&row.cursor().encode())));
    let body = html! {
        p class="lead" { "Every change, every look at a named person, and every copy that was taken. The rows are activities like all others: signed, kept, and exported to your sinks." }
        nav class="chips" aria-label="Kinds" {
            a class="chip" href=(PATH) aria-current=[chosen.is_none().then_some("true")] { "Everything" }
            @for (word, words, _) in KINDS { a class="chip" href=(format!("{PATH}?kind={word}")) aria-current=[chosen.is_some_and(|(known, ..)| *known == word).then_some("true")] { (words) } }
        }
        section class="card flush" {
            @if rows.is_empty() { (parts::empty("Nothing yet", html! { "What is done here shows up within seconds." })) }
            @else { div class="scroll" tabindex="0" { table {
                caption class="hidden" { "Record" }
                thead { tr { th { "Time (UTC)" } th { "What" } th { "Who" } th { "From" } } }
                tbody { @for row in &rows { (line(row, &visitor, app.lake())) } }
            } } }
        }
        (parts::pager(None, older.as_deref()))
    };
    Ok(super::sheet(&visitor, PATH, body))
}
