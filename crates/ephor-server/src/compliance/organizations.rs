//! The organizations of the parent: those that this node was told of and those that collectors have seen.
//! Promises each UUID once, the oldest first.
//! Never lists an organization to a key of another one.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use ephor_lake::directory::DirectoryKind;
use ephor_wire::envelope::TokenPage;
use ephor_wire::scope::Scope;
use ephor_wire::timestamp::Timestamp;
use http::{Method, Uri};
use serde_json::json;

use super::listing::{self, PAGE, Row, text};
use super::published;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::query::PageSize;
use crate::route::{Answer, Family, Parameter, Permission, Route, Shape};
use crate::state::App;

const SIZE: PageSize = PageSize { default: 1000, max: 1000 };

pub(super) static LIST: Route = Route {
    method: Some(Method::GET),
    path: "/v1/compliance/organizations",
    permission: Permission::Scope(Scope::ReadComplianceOrgData),
    family: Family::Compliance,
    summary: "Organizations under the parent",
    parameters: &[
        PAGE,
        Parameter::query("limit", Shape::Number { default: SIZE.default, min: 1, max: SIZE.max }, "Rows in a page"),
    ],
    body: None,
    answer: Answer::TokenPage,
};

/// The path parameter that names an organization.
pub(super) const ORGANIZATION: Parameter = Parameter::path("org_uuid", "UUID of an organization");

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Json<TokenPage<Row>>, Problem> {
    let mut rows = all(&app).await?;
    rows.retain(|row| text(row, "uuid").is_some_and(|uuid| caller.sees(uuid)));
    listing::page(&caller, &uri, SIZE, &rows)
}

/// Every organization, the oldest first; where both know one, what was seen upstream counts.
async fn all(app: &App) -> Result<Vec<Row>, Problem> {
    let rows = app.lake().directory().current(DirectoryKind::Organizations, "");
    let mut rows: Vec<Row> = rows.iter().map(published::organization).collect();
    for own in app.control().organizations().list().await? {
        if !rows.iter().any(|row| text(row, "uuid") == Some(own.uuid.as_str())) {
            let created_at = Timestamp::from_micros(own.created_at_micros);
            rows.push(Arc::new(json!({ "uuid": own.uuid, "name": own.name, "created_at": created_at })));
        }
    }
    rows.sort_by_cached_key(|row| {
        let created_at = text(row, "created_at").and_then(|text| Timestamp::parse(text).ok());
        (created_at.map_or(i64::MAX, |at| at.micros()), text(row, "uuid").unwrap_or_default().to_owned())
    });
    Ok(rows)
}

/// The organization with this UUID is there and the caller may know it; both are one error, as published.
pub(super) async fn check_known(app: &App, caller: &Caller, uuid: &str) -> Result<(), Problem> {
    let not_found = || Problem::not_found("Organization", uuid);
    if !caller.sees(uuid) {
        return Err(not_found());
    }
    let own = app.control().organizations().find(uuid).await?;
    let known = own.is_some_and(|organization| organization.uuid.as_str() == uuid)
        || app.lake().directory().get(DirectoryKind::Organizations, "", uuid).is_some();
    if known { Ok(()) } else { Err(not_found()) }
}
