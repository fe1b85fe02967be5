//! The cost and usage endpoints: buckets of time, or users by rank.
//! Promises pages of whole fans: rows that `cost_type` and `token_type` split stay on the page of their first one.
//! Never makes a row: the engine does.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use ephor_analytics::ReportRow;
use ephor_analytics::query::Report;
use ephor_wire::scope::Scope;
use http::{Method, Uri};

use super::ask::{self, Moment, ReportWalk};
use super::page_token::{Fingerprint, Place};
use super::parameters as p;
use super::{engine, envelope, reach};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::query::Query;
use crate::route::{Answer, Family, Parameter, Permission, Route, Routes};
use crate::state::App;

const fn route(path: &'static str, summary: &'static str, parameters: &'static [Parameter]) -> Route {
    Route {
        method: Some(Method::GET),
        path,
        permission: Permission::Scope(Scope::ReadAnalytics),
        family: Family::Analytics,
        summary,
        parameters,
        body: None,
        answer: Answer::ReportPage,
    }
}

const BUCKETED: &[Parameter] = &[
    p::STARTING_AT,
    p::ENDING_AT,
    p::BUCKET_WIDTH,
    p::GROUP_BY,
    p::PRODUCTS,
    p::MODELS,
    p::USER_IDS,
    p::CONTEXT_WINDOWS,
    p::INFERENCE_GEOS,
    p::SPEEDS,
    p::RBAC_GROUP_IDS,
    p::SLACK_CHANNEL_IDS,
    p::TAG_CATEGORIES,
    p::TAG_USER_IDS,
    p::BUCKETS,
    p::PAGE,
];

/// Parameters of a per-user endpoint, which differ in what users are ranked by.
const fn ranked(order_by: Parameter) -> [Parameter; 19] {
    [
        p::STARTING_AT,
        p::ENDING_AT,
        p::USER_BUCKET_WIDTH,
        p::GROUP_BY,
        p::PRODUCTS,
        p::MODELS,
        p::USER_IDS,
        p::CONTEXT_WINDOWS,
        p::INFERENCE_GEOS,
        p::SPEEDS,
        p::RBAC_GROUP_IDS,
        p::SLACK_CHANNEL_IDS,
        p::TAG_CATEGORIES,
        p::TAG_USER_IDS,
        order_by,
        p::RANK_ORDER,
        p::EXCLUDE_DELETED,
        p::USERS,
        p::PAGE,
    ]
}

static BY_TOKENS: [Parameter; 19] = ranked(p::USAGE_ORDER_BY);
static BY_AMOUNT: [Parameter; 19] = ranked(p::COST_ORDER_BY);

/// Every report with its path.
pub(super) static ROUTES: [(Report, Route); 4] = [
    (Report::Usage, route("/v1/organizations/analytics/usage_report", "Tokens by bucket of time", BUCKETED)),
    (Report::Cost, route("/v1/organizations/analytics/cost_report", "Cost by bucket of time", BUCKETED)),
    (Report::UserUsage, route("/v1/organizations/analytics/user_usage_report", "Users by tokens", &BY_TOKENS)),
    (Report::UserCost, route("/v1/organizations/analytics/user_cost_report", "Users by cost", &BY_AMOUNT)),
];

pub(super) fn mount(routes: Routes) -> Routes {
    ROUTES.iter().fold(routes, |routes, (report, route)| {
        let handler = async move |State(app): State<App>, Extension(caller): Extension<Caller>, uri: Uri| {
            page(&app, &caller, &uri, *report, route).await
        };
        routes.serve(route, handler)
    })
}

async fn page(app: &App, caller: &Caller, uri: &Uri, report: Report, route: &Route) -> Result<Response, Problem> {
    let query = Query::of(uri);
    let tokens = app.page_tokens().await?;
    let question = Fingerprint::of(route, reach::name(caller), &query);
    let place = query.one("page").map(|token| tokens.read(question, token)).transpose()?;
    let walk = place.map(|place| ReportWalk { to_micros: place.end, as_of: place.as_of });
    let moment = Moment { reach: reach::of(app, caller).await?, now_micros: app.now() };
    let (asked, limit) = ask::report(&query, report, &moment, &app.options().analytics, walk)?;
    let organization_id = reach::organization_id(app, &moment.reach).await?;
    let answer = engine::report(app, &asked).await?;
    let from = place.map_or(0, |place| place.rows_before as usize).min(answer.rows.len());
    let to = from + rows_of_page(&answer.rows[from..], limit);
    let next_page = (to < answer.rows.len()).then(|| {
        let rows_before = u32::try_from(to).unwrap_or(u32::MAX);
        tokens.issue(question, &Place { rows_before, end: asked.to_micros, as_of: answer.as_of })
    });
    let rows = answer.rows[from..to].iter().map(|row| &row.json);
    let refreshed = answer.data_refreshed_at_micros.map(ask::seconds);
    Ok(envelope::report(&organization_id, rows, next_page.as_deref(), refreshed.as_deref()))
}

/// So many rows that count, each with those after it that do not.
fn rows_of_page(rows: &[ReportRow], limit: usize) -> usize {
    let counted = rows.iter().enumerate().filter(|(_, row)| row.counts_toward_limit);
    counted.map(|(at, _)| at).nth(limit).unwrap_or(rows.len())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_page_ends_before_the_row_that_is_one_too_many() {
        let rows = |marks: &str| -> Vec<ReportRow> {
            marks.chars().map(|mark| ReportRow { json: Bytes::new(), counts_toward_limit: mark == 'x' }).collect()
        };
        let cases =
            [("", 3, 0), ("xxxxx", 3, 3), ("xxx", 3, 3), ("x..x..x..", 2, 6), ("x..x..", 2, 6), ("x..x..x", 1, 3)];
        for (marks, limit, expected) in cases {
            assert_eq!(rows_of_page(&rows(marks), limit), expected, "{marks} by {limit}");
        }
    }
}
