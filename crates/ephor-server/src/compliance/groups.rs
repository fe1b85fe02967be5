//! Groups and who is in them.
//! Promises the same rows to every key that reaches the parent; groups belong to the parent and not to one organization.
//! Never tells a key of one organization of a group that none of its people is in, nor of the people of others.

use std::collections::HashSet;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use ephor_lake::directory::DirectoryKind;
use ephor_wire::envelope::TokenPage;
use ephor_wire::scope::Scope;
use http::{Method, Uri};

use super::listing::{self, LIMIT, PAGE, Row, USUAL, text};
use super::published;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::query::Query;
use crate::route::{Answer, Family, Parameter, Permission, Route, Shape};
use crate::state::App;

const GROUP: Parameter = Parameter::path("group_id", "Id of a group");
const PREFIX: Parameter = Parameter::query("name_prefix", Shape::Text, "Only groups whose name begins like this");

pub(super) static LIST: Route = Route {
    method: Some(Method::GET),
    path: "/v1/compliance/groups",
    permission: Permission::Scope(Scope::ReadComplianceOrgData),
    family: Family::Compliance,
    summary: "Groups",
    parameters: &[PREFIX, PAGE, LIMIT],
    body: None,
    answer: Answer::TokenPage,
};

pub(super) static ONE: Route = Route {
    method: Some(Method::GET),
    path: "/v1/compliance/groups/{group_id}",
    permission: Permission::Scope(Scope::ReadComplianceOrgData),
    family: Family::Compliance,
    summary: "One group",
    parameters: &[GROUP],
    body: None,
    answer: Answer::Object,
};

pub(super) static MEMBERS: Route = Route {
    method: Some(Method::GET),
    path: "/v1/compliance/groups/{group_id}/members",
    permission: Permission::Scope(Scope::ReadComplianceUserData),
    family: Family::Compliance,
    summary: "People in a group",
    parameters: &[GROUP, PAGE, LIMIT],
    body: None,
    answer: Answer::TokenPage,
};

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Json<TokenPage<Row>>, Problem> {
    let mut rows = groups(&app, &caller);
    if let Some(prefix) = Query::of(&uri).one("name_prefix") {
        rows.retain(|row| text(row, "name").is_some_and(|name| name.starts_with(prefix)));
    }
    listing::page(&caller, &uri, USUAL, &rows)
}

pub(super) async fn one(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(group_id): Path<String>,
) -> Result<Json<Row>, Problem> {
    Ok(Json(listing::one(&groups(&app, &caller), "Group", &group_id)?))
}

pub(super) async fn members(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(group_id): Path<String>,
    uri: Uri,
) -> Result<Json<TokenPage<Row>>, Problem> {
    listing::one(&groups(&app, &caller), "Group", &group_id)?;
    let mut rows = app.lake().directory().current(DirectoryKind::GroupMembers, &group_id);
    if let Some(people) = people_of(&app, &caller) {
        rows.retain(|member| is_of(&people, member));
    }
    listing::page(&caller, &uri, USUAL, &rows)
}

/// The groups that a key may know of.
fn groups(app: &App, caller: &Caller) -> Vec<Row> {
    let directory = app.lake().directory();
    let rows = directory.current(DirectoryKind::Groups, "");
    let mut rows: Vec<Row> = rows.iter().map(published::group).collect();
    if let Some(people) = people_of(app, caller) {
        rows.retain(|group| {
            let members = text(group, "id").map(|id| directory.current(DirectoryKind::GroupMembers, id));
            let has_own = members.is_some_and(|members| members.iter().any(|member| is_of(&people, member)));
            has_own || text(group, "organization_uuid").is_some_and(|uuid| caller.sees(uuid))
        });
    }
    rows
}

/// Ids and addresses of the people of the one organization that a key reaches; none for a key that reaches all.
fn people_of(app: &App, caller: &Caller) -> Option<HashSet<String>> {
    let uuid = caller.key.reach.organization()?;
    let people = app.lake().directory().current(DirectoryKind::Users, uuid);
    let names = people.iter().flat_map(|row| [text(row, "id"), text(row, "email")]).flatten();
    Some(names.map(str::to_lowercase).collect())
}

fn is_of(people: &HashSet<String>, member: &Row) -> bool {
    ["user_id", "email"]
        .into_iter()
        .filter_map(|name| text(member, name))
        .any(|name| people.contains(&name.to_lowercase()))
}
