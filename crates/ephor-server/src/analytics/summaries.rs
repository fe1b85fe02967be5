//! `summaries`: who was active, day by day, over a range.
//! Promises the whole series in one page, under the names of old and of new clients.
//! Never makes an entry: the engine does.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use ephor_wire::scope::Scope;
use http::{Method, Uri};

use super::ask::{self, Moment};
use super::parameters::{ENDING_DATE, FILTER, FIRST_DATE, LIMIT, PAGE};
use super::{engine, envelope, reach};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::query::Query;
use crate::route::{Answer, Family, Permission, Route};
use crate::state::App;

pub(super) static LIST: Route = Route {
    method: Some(Method::GET),
    path: "/v1/organizations/analytics/summaries",
    permission: Permission::Scope(Scope::ReadAnalytics),
    family: Family::Analytics,
    summary: "Active users, seats and invitations, day by day",
    // `limit` and `page` have no effect, as published.
    parameters: &[FIRST_DATE, ENDING_DATE, FILTER, LIMIT, PAGE],
    body: None,
    answer: Answer::Summaries,
};

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    let moment = Moment { reach: reach::of(&app, &caller).await?, now_micros: app.now() };
    let asked = ask::summaries(&Query::of(&uri), &moment, &app.options().analytics)?;
    Ok(envelope::summaries(&engine::summaries(&app, &asked).await?))
}
