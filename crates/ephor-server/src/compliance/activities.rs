//! The activity feed, under its published path and under the founding document's.
//! Promises each row as the bytes that were received, in the published order, under a cursor that survives everything.
//! Never parses a stored row to serve it.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use ephor_lake::{ActivityFilter, FeedCursor, FeedPage, FeedQuery, Order, PageFrom, TypeFilter};
use ephor_wire::header::Header;
use ephor_wire::scope::Scope;
use http::header::CONTENT_TYPE;
use http::{Method, Uri};

use crate::auth::Caller;
use crate::observe::metrics;
use crate::problem::{Problem, shortened};
use crate::query::{PageSize, Query, earlier};
use crate::route::{Answer, Family, Parameter, Permission, Route, Shape};
use crate::state::App;

const SIZE: PageSize = PageSize { default: 100, max: 5000 };

const TYPES: Parameter = Parameter::query(
    "activity_types[]",
    Shape::TextList,
    "Only these types; not together with exclude_activity_types[]",
);
const EXCEPT: Parameter = Parameter::query("exclude_activity_types[]", Shape::TextList, "All types but these");
const ACTORS: Parameter = Parameter::query("actor_ids[]", Shape::TextList, "Only these actors");
const USERS: Parameter = Parameter::query("user_ids[]", Shape::TextList, "As actor_ids[]; the two lists are merged");
const ORGANIZATIONS: Parameter = Parameter::query(
    "organization_ids[]",
    Shape::TextList,
    "Only these organizations, by org_… id or UUID; rows without an organization do not match",
);
const KEYS: Parameter =
    Parameter::query("api_key_ids[]", Shape::TextList, "Only activities by or about these API keys");
const GTE: Parameter = Parameter::query("created_at.gte", Shape::Instant, "Not before; RFC 3339 with a zone");
const GT: Parameter = Parameter::query("created_at.gt", Shape::Instant, "After");
const LTE: Parameter = Parameter::query("created_at.lte", Shape::Instant, "Not after");
const LT: Parameter = Parameter::query("created_at.lt", Shape::Instant, "Before");
const START: Parameter = Parameter::query("start_time", Shape::Instant, "As created_at.gte");
const END: Parameter = Parameter::query("end_time", Shape::Instant, "As created_at.lt");
const ORDER: Parameter = Parameter::query(
    "order",
    Shape::OneOf(&["desc", "asc"]),
    "By created_at, ties by id; newest first unless asked otherwise",
);
const AFTER: Parameter =
    Parameter::query("after_id", Shape::Text, "`last_id` of a page: the next page in the order of the result");
const BEFORE: Parameter =
    Parameter::query("before_id", Shape::Text, "`first_id` of a page: the page before it in the order of the result");
const LIMIT: Parameter =
    Parameter::query("limit", Shape::Number { default: SIZE.default, min: 1, max: SIZE.max }, "Rows in a page");

pub(super) static FEED: Route = Route {
    method: Some(Method::GET),
    path: "/v1/compliance/activities",
    permission: Permission::Scope(Scope::ReadComplianceActivities),
    family: Family::Compliance,
    summary: "The activity feed",
    parameters: &[TYPES, EXCEPT, ACTORS, USERS, ORGANIZATIONS, GTE, GT, LTE, LT, ORDER, AFTER, BEFORE, LIMIT],
    body: None,
    answer: Answer::CursorPage,
};

pub(super) static SEED_FEED: Route = Route {
    method: Some(Method::GET),
    path: "/v1/organizations/activity",
    permission: Permission::Scope(Scope::ReadComplianceActivities),
    family: Family::Compliance,
    summary: "The activity feed under the founding document's path, also filtered by API key",
    parameters: &[
        TYPES,
        EXCEPT,
        ACTORS,
        USERS,
        KEYS,
        ORGANIZATIONS,
        START,
        END,
        GTE,
        GT,
        LTE,
        LT,
        ORDER,
        AFTER,
        BEFORE,
        LIMIT,
    ],
    body: None,
    answer: Answer::CursorPage,
};

pub(super) async fn feed(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::of(&uri);
    let filter = filter(&query)?;
    serve(&app, &caller, &query, filter).await
}

pub(super) async fn seed_feed(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::of(&uri);
    let mut filter = filter(&query)?;
    filter.api_key_ids = query.many("api_key_ids");
    filter.created_at.from = filter.created_at.from.max(query.instant("start_time")?);
    filter.created_at.to = earlier(filter.created_at.to, query.instant("end_time")?);
    serve(&app, &caller, &query, filter).await
}

async fn serve(app: &App, caller: &Caller, query: &Query, mut filter: ActivityFilter) -> Result<Response, Problem> {
    let limit = query.limit(SIZE)?;
    let order = order(query)?;
    let from = page_from(app, caller, query).await?;
    let page = match narrow(app, caller, &mut filter).await? {
        Reach::Something => app.lake().page(&FeedQuery { filter, order, from, limit }).await?,
        Reach::Nothing => FeedPage::default(),
    };
    metrics::served(page.rows.len());
    Ok(([(CONTENT_TYPE, "application/json")], body(&page)).into_response())
}

fn filter(query: &Query) -> Result<ActivityFilter, Problem> {
    let types = match (query.many("activity_types"), query.many("exclude_activity_types")) {
        (only, except) if only.is_empty() && except.is_empty() => TypeFilter::All,
        (only, except) if except.is_empty() => TypeFilter::Only(only),
        (only, except) if only.is_empty() => TypeFilter::Except(except),
        _ => {
            return Err(Problem::invalid(
                "activity_types[] and exclude_activity_types[] exclude each other; send one of them",
            ));
        }
    };
    let mut actor_ids = query.many("actor_ids");
    actor_ids.extend(query.many("user_ids"));
    let organizations = query.many("organization_ids");
    Ok(ActivityFilter {
        types,
        actor_ids,
        organizations,
        created_at: query.range("created_at")?,
        ..ActivityFilter::default()
    })
}

fn order(query: &Query) -> Result<Order, Problem> {
    match query.one("order") {
        None | Some("desc") => Ok(Order::Descending),
        Some("asc") => Ok(Order::Ascending),
        Some(other) => Err(Problem::invalid(format!("order: `{}` is neither `desc` nor `asc`", shortened(other)))),
    }
}

async fn page_from(app: &App, caller: &Caller, query: &Query) -> Result<PageFrom, Problem> {
    match (query.one("after_id"), query.one("before_id")) {
        (None, None) => Ok(PageFrom::Start),
        (Some(after), None) => Ok(PageFrom::After(cursor(app, caller, "after_id", after).await?)),
        (None, Some(before)) => Ok(PageFrom::Before(cursor(app, caller, "before_id", before).await?)),
        (Some(_), Some(_)) => Err(Problem::invalid("after_id and before_id exclude each other; send one of them")),
    }
}

/// The place behind a cursor. The id of an activity is one too: the published samples look like that.
async fn cursor(app: &App, caller: &Caller, name: &str, token: &str) -> Result<FeedCursor, Problem> {
    if let Ok(place) = FeedCursor::decode(token) {
        return Ok(place);
    }
    let undecodable = || {
        Problem::invalid(format!(
            "{name}: `{}` cannot be decoded; use `first_id` or `last_id` of a page as it came",
            shortened(token)
        ))
    };
    if !token.starts_with("activity_") {
        return Err(undecodable());
    }
    let raw = app.lake().find(token).await?.ok_or_else(undecodable)?;
    let header = Header::parse(raw.as_bytes()).map_err(|error| Problem::internal(&error))?;
    // A key of one organization must not learn which ids others have.
    if !caller.sees_everything() && !header.organization_uuid.as_deref().is_some_and(|uuid| caller.sees(uuid)) {
        return Err(undecodable());
    }
    Ok(FeedCursor { created_at_micros: header.created_at_micros, id: token.to_owned() })
}

/// Whether anything can be left after narrowing.
enum Reach {
    Something,
    Nothing,
}

/// Narrows the filter to what the key sees.
async fn narrow(app: &App, caller: &Caller, filter: &mut ActivityFilter) -> Result<Reach, Problem> {
    let Some(own_uuid) = caller.key.reach.organization() else {
        return Ok(Reach::Something);
    };
    let mut own = vec![own_uuid.to_owned()];
    own.extend(app.control().organizations().find(own_uuid).await?.map(|organization| organization.id.0));
    let asked = &filter.organizations;
    if !asked.is_empty() && !asked.iter().any(|wanted| own.contains(wanted)) {
        return Ok(Reach::Nothing);
    }
    filter.organizations = own;
    Ok(Reach::Something)
}

/// The page as it goes out: rows are copied once, from the lake's text into the one buffer of the answer.
fn body(page: &FeedPage) -> Bytes {
    const ENVELOPE_BYTES: usize = 1024;
    let rows: usize = page.rows.iter().map(|row| row.raw.len() + 1).sum();
    let mut body = BytesMut::with_capacity(rows + ENVELOPE_BYTES);
    body.put_slice(br#"{"data":["#);
    for (place, row) in page.rows.iter().enumerate() {
        if place > 0 {
            body.put_u8(b',');
        }
        body.put_slice(row.raw.as_bytes());
    }
    body.put_slice(if page.has_more {
        br#"],"has_more":true,"first_id":"#
    } else {
        br#"],"has_more":false,"first_id":"#
    });
    // A token is base64 and needs no escaping.
    let token = |row: Option<&ephor_lake::FeedRow>| {
        row.map_or_else(|| "null".to_owned(), |row| format!("\"{}\"", row.cursor().encode()))
    };
    body.put_slice(token(page.rows.first()).as_bytes());
    body.put_slice(br#","last_id":"#);
    body.put_slice(token(page.rows.last()).as_bytes());
    body.put_u8(b'}');
    body.freeze()
}

/// Holds any text against what reads a question to the feed. For `crate::outside_bytes`.
#[cfg(any(test, fuzzing))]
pub(crate) fn hold_feed_question(text: &str) {
    let query = Query::parse(text);
    if let (Ok(filter), Ok(limit)) = (filter(&query), query.limit(SIZE)) {
        assert!((1..=SIZE.max).contains(&limit));
        assert!(!matches!(&filter.types, TypeFilter::Only(types) | TypeFilter::Except(types) if types.is_empty()));
    }
    drop((order(&query), query.instant("start_time")));
}

#[cfg(test)]
mod tests {
    use ephor_lake::FeedRow;

    use super::*;

    #[test]
    fn rows_go_out_byte_for_byte() {
        let row = |id: &str, raw: &str| FeedRow { created_at_micros: 1, id: id.to_owned(), raw: raw.to_owned() };
        let rows = vec![row("activity_1", "{\"b\": 1e0,  \"a\":\"\\u00e9\"}"), row("activity_2", "{}")];
        let text = |page: &FeedPage| String::from_utf8_lossy(&body(page)).into_owned();
        insta::assert_snapshot!(text(&FeedPage { rows, has_more: true }), @r#"{"data":[{"b": 1e0,  "a":"\u00e9"},{}],"has_more":true,"first_id":"AQAAAAAAAAABYWN0aXZpdHlfMagT","last_id":"AQAAAAAAAAABYWN0aXZpdHlfMqum"}"#);
        insta::assert_snapshot!(text(&FeedPage::default()), @r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#);
    }
}
