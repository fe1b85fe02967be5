//! Lists that rules ask, over HTTP: read them, put an entry on one, take it off again.
//! Promises the same record as `ephor lists`; a running node judges by a changed list within half a minute.
//! Never takes off what a source's register brought.

use axum::extract::{Path, Request, State};
use axum::{Extension, Json};
use ephor_detect::{Edited, ListEntry, ListedEntry, Registers};
use ephor_wire::scope::Scope;
use http::Method;
use serde::{Deserialize, Serialize};

use crate::auth::Caller;
use crate::body;
use crate::problem::Problem;
use crate::route::{Answer, Body, Family, Parameter, Permission, Route};
use crate::state::{App, rng};

const ENTRY: &[Parameter] = &[
    Parameter::path("list", "Name of a list, e.g. approved_connectors"),
    Parameter::path("id", "Id of what is on it"),
];

pub(super) static READ: Route = Route {
    method: Some(Method::GET),
    path: "/ephor/v1/lists",
    permission: Permission::Scope(Scope::ReadFindings),
    family: Family::Node,
    summary: "What sources brought and people put on the lists that rules ask; those of ephor.toml are not among it",
    parameters: &[],
    body: None,
    answer: Answer::Object,
};

pub(super) static PUT: Route = Route {
    method: Some(Method::PUT),
    path: "/ephor/v1/lists/{list}/{id}",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Put an entry on a list; told in the feed",
    parameters: ENTRY,
    body: Some(Body { content_types: &["application/json"], description: "`{}`, or `name`: what it is called" }),
    answer: Answer::Object,
};

pub(super) static TAKE_OFF: Route = Route {
    method: Some(Method::DELETE),
    path: "/ephor/v1/lists/{list}/{id}",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Take an entry off a list that somebody put there by hand; told in the feed",
    parameters: ENTRY,
    body: None,
    answer: Answer::Object,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Listed {
    data: Vec<ListedEntry>,
}

#[derive(Debug, Serialize)]
pub(super) struct Told {
    list: String,
    id: String,
    result: Edited,
}

pub(super) async fn read(State(app): State<App>) -> Result<Json<Listed>, Problem> {
    Ok(Json(Listed { data: Registers::new(app.control()).entries(None).await? }))
}

pub(super) async fn put(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path((list, id)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Told>, Problem> {
    let wish: Wish = body::json(request).await?;
    let entry = ListEntry { id: id.clone(), name: wish.name };
    let registers = Registers::new(app.control());
    let result = registers.put(&list, &entry, &caller.actor(), app.now(), &mut rng()).await?;
    Ok(Json(Told { list, id, result }))
}

pub(super) async fn take_off(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path((list, id)): Path<(String, String)>,
) -> Result<Json<Told>, Problem> {
    let registers = Registers::new(app.control());
    let result = registers.take_off(&list, &id, &caller.actor(), app.now(), &mut rng()).await?;
    Ok(Json(Told { list, id, result }))
}
