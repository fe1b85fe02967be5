//! The people of an organization, as last seen.
//! Promises the order of joining; somebody who was removed is gone from here and stays in the feed.
//! Never more than the published fields of the source: who they are and which role they hold.

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
use crate::route::{Answer, Family, Permission, Route};
use crate::state::App;

pub(super) static LIST: Route = Route {
    method: Some(Method::GET),
    path: "/v1/compliance/organizations/{org_uuid}/users",
    permission: Permission::Scope(Scope::ReadComplianceUserData),
    family: Family::Compliance,
    summary: "People in an organization",
    parameters: &[ORGANIZATION, PAGE, LIMIT],
    body: None,
    answer: Answer::TokenPage,
};

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(org_uuid): Path<String>,
    uri: Uri,
) -> Result<Json<TokenPage<Row>>, Problem> {
    check_known(&app, &caller, &org_uuid).await?;
    let rows = app.lake().directory().current(DirectoryKind::Users, &org_uuid);
    let rows: Vec<Row> = rows.iter().map(published::user).collect();
    listing::page(&caller, &uri, USUAL, &rows)
}
