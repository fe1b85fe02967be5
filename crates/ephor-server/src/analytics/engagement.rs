//! The engagement endpoints that list entities: users, chat projects, skills, connectors, plugins, artifacts.
//! Promises one handler for all of them: what differs stands in their tables.
//! Never makes a row: the engine does.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use ephor_analytics::query::Listing;
use ephor_wire::scope::Scope;
use ephor_wire::timestamp::UtcDay;
use http::{Method, Uri};

use super::ask::{self, Moment, PageRows, Walk};
use super::page_token::{Fingerprint, Place};
use super::parameters::{
    DATE, ENDING_DATE, FILTER, GROUP_BY, LIMIT, ONLY_DATE, ORDER, ORDER_BY, PAGE, STARTING_DATE, USERS_LIMIT,
};
use super::{engine, envelope, reach};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::query::Query;
use crate::route::{Answer, Family, Parameter, Permission, Route, Routes};
use crate::state::App;

const USUAL: &[Parameter] = &[DATE, STARTING_DATE, ENDING_DATE, FILTER, GROUP_BY, ORDER_BY, ORDER, LIMIT, PAGE];

const fn route(path: &'static str, summary: &'static str, parameters: &'static [Parameter]) -> Route {
    Route {
        method: Some(Method::GET),
        path,
        permission: Permission::Scope(Scope::ReadAnalytics),
        family: Family::Analytics,
        summary,
        parameters,
        body: None,
        answer: Answer::EngagementPage,
    }
}

/// Every listing with its path.
pub(super) static ROUTES: [(Listing, Route); 6] = [
    (
        Listing::Users,
        route(
            "/v1/organizations/analytics/users",
            "Activity by user, for a day or over a range",
            &[DATE, STARTING_DATE, ENDING_DATE, FILTER, GROUP_BY, ORDER_BY, ORDER, USERS_LIMIT, PAGE],
        ),
    ),
    (Listing::Projects, route("/v1/organizations/analytics/apps/chat/projects", "Activity by chat project", USUAL)),
    (Listing::Skills, route("/v1/organizations/analytics/skills", "Use of skills", USUAL)),
    (Listing::Connectors, route("/v1/organizations/analytics/connectors", "Use of connectors", USUAL)),
    (Listing::Plugins, route("/v1/organizations/analytics/plugins", "Use of plugins", USUAL)),
    (
        Listing::Artifacts,
        route(
            "/v1/organizations/analytics/artifacts",
            "Artifacts made on a day, by type and sharing",
            &[ONLY_DATE, FILTER, GROUP_BY, LIMIT, PAGE],
        ),
    ),
];

pub(super) fn mount(routes: Routes) -> Routes {
    ROUTES.iter().fold(routes, |routes, (listing, route)| {
        let handler = async move |State(app): State<App>, Extension(caller): Extension<Caller>, uri: Uri| {
            page(&app, &caller, &uri, *listing, route).await
        };
        routes.serve(route, handler)
    })
}

async fn page(app: &App, caller: &Caller, uri: &Uri, listing: Listing, route: &Route) -> Result<Response, Problem> {
    let query = Query::of(uri);
    let tokens = app.page_tokens().await?;
    let question = Fingerprint::of(route, reach::name(caller), &query);
    let place = query.one("page").map(|token| tokens.read(question, token)).transpose()?;
    let walk = place.map(|place| Walk { end: day(place.end), as_of: place.as_of });
    let moment = Moment { reach: reach::of(app, caller).await?, now_micros: app.now() };
    let (asked, rows) = ask::listing(&query, listing, &moment, &app.options().analytics, walk)?;
    let from = place.map_or(0, |place| place.rows_before as usize);
    let to = match rows {
        PageRows::Whole => usize::MAX,
        PageRows::AtMost(limit) => from + limit,
    };
    let answer = engine::page(app, &asked, from..to).await?;
    let (from, to) = (from.min(answer.len()), to.min(answer.len()));
    let next_page = (to < answer.len()).then(|| {
        let end = i64::from(ask::resolved_end(asked.days).0);
        let rows_before = u32::try_from(to).unwrap_or(u32::MAX);
        tokens.issue(question, &Place { rows_before, end, as_of: answer.as_of })
    });
    Ok(envelope::listing(&answer, from..to, next_page.as_deref()))
}

/// A day as tokens hold it. Tokens are signed, so what lies outside of all days never comes.
fn day(end: i64) -> UtcDay {
    UtcDay(i32::try_from(end).unwrap_or(i32::MAX))
}
