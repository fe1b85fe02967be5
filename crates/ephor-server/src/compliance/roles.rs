//! The custom roles of an organization and what each allows.
//! Promises that a role is found only under its own organization.
//! Never says who holds a role: that is the groups' business.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use ephor_lake::directory::DirectoryKind;
use ephor_wire::envelope::TokenPage;
use ephor_wire::scope::Scope;
use http::{Method, Uri};

use super::listing::{self, LIMIT, PAGE, Row, USUAL};
use super::organizations::{ORGANIZATION, check_known};
use super::published;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::route::{Answer, Family, Parameter, Permission, Route};
use crate::state::App;

const ROLE: Parameter = Parameter::path("role_id", "Id of a role");

pub(super) static LIST: Route = Route {
    method: Some(Method::GET),
    path: "/v1/compliance/organizations/{org_uuid}/roles",
    permission: Permission::Scope(Scope::ReadComplianceOrgData),
    family: Family::Compliance,
    summary: "Roles of an organization",
    parameters: &[ORGANIZATION, PAGE, LIMIT],
    body: None,
    answer: Answer::TokenPage,
};

pub(super) static ONE: Route = Route {
    path: "/v1/compliance/organizations/{org_uuid}/roles/{role_id}",
    summary: "One role",
    parameters: &[ORGANIZATION, ROLE],
    answer: Answer::Object,
    method: Some(Method::GET),
    permission: Permission::Scope(Scope::ReadComplianceOrgData),
    family: Family::Compliance,
    body: None,
};

pub(super) static PERMISSIONS: Route = Route {
    path: "/v1/compliance/organizations/{org_uuid}/roles/{role_id}/permissions",
    summary: "What a role allows",
    parameters: &[ORGANIZATION, ROLE, PAGE, LIMIT],
    answer: Answer::TokenPage,
    method: Some(Method::GET),
    permission: Permission::Scope(Scope::ReadComplianceOrgData),
    family: Family::Compliance,
    body: None,
};

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(org_uuid): Path<String>,
    uri: Uri,
) -> Result<Json<TokenPage<Row>>, Problem> {
    let rows = roles(&app, &caller, &org_uuid).await?;
    listing::page(&caller, &uri, USUAL, &rows)
}

pub(super) async fn one(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path((org_uuid, role_id)): Path<(String, String)>,
) -> Result<Json<Row>, Problem> {
    Ok(Json(listing::one(&roles(&app, &caller, &org_uuid).await?, "Role", &role_id)?))
}

pub(super) async fn permissions(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path((org_uuid, role_id)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<TokenPage<Row>>, Problem> {
    listing::one(&roles(&app, &caller, &org_uuid).await?, "Role", &role_id)?;
    let rows = app.lake().directory().current(DirectoryKind::RolePermissions, &role_id);
    let rows: Vec<Row> = rows.iter().map(published::permission).collect();
    listing::page(&caller, &uri, USUAL, &rows)
}

async fn roles(app: &App, caller: &Caller, org_uuid: &str) -> Result<Vec<Row>, Problem> {
    check_known(app, caller, org_uuid).await?;
    let rows = app.lake().directory().current(DirectoryKind::Roles, org_uuid);
    Ok(rows.iter().map(published::role).collect())
}
