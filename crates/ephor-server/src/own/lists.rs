//! Lists that rules ask, over HTTP: read them, put an entry on one, take it off again.
//! Promises the same record as `ephor lists`; a running node judges by a changed list within half a minute.
//! Never takes off what a source's register brought.

use axum::extract::{Path, Request, State};
use axum::{Extension, Json};
use ephor_detect::{Edited, Entries, ListedEntry, Registers, Wanted};
use ephor_wire::scope::Scope;
use http::{Method, Uri};
use serde::{Deserialize, Serialize};

use crate::auth::Caller;
use crate::body;
use crate::problem::Problem;
use crate::query::Query;
use crate::route::{Answer, Body, Family, Parameter, Permission, Route, Shape};
use crate::state::{App, rng};

const ENTRY: &[Parameter] = &[
    Parameter::path("list", "Name of a list, e.g. approved_connectors"),
    Parameter::path("id", "Id of what is on it"),
];

const ENTRY_OFF: &[Parameter] = &[ENTRY[0], ENTRY[1], Parameter::query("reason", Shape::Text, "Why; told in the feed")];

pub(super) static READ: Route = Route {
    method: Some(Method::GET),
    path: "/ephor/v1/lists",
    permission: Permission::Scope(Scope::ReadFindings),
    family: Family::Node,
    summary: "What stands on the lists that rules ask, since when and by whom",
    parameters: &[Parameter::query("history", Shape::OneOf(&["true", "false"]), "`true`: what stood there once, too")],
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
    body: Some(Body {
        content_types: &["application/json"],
        description: "`{}`, or any of `name`: what it is called; `since`: `now` (as without), `always`, a day or a time; `reason`",
    }),
    answer: Answer::Object,
};

pub(super) static TAKE_OFF: Route = Route {
    method: Some(Method::DELETE),
    path: "/ephor/v1/lists/{list}/{id}",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Take an entry off a list that somebody put there by hand; told in the feed",
    parameters: ENTRY_OFF,
    body: None,
    answer: Answer::Object,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    reason: Option<String>,
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

pub(super) async fn read(State(app): State<App>, uri: Uri) -> Result<Json<Listed>, Problem> {
    let which = if Query::of(&uri).one("history") == Some("true") { Entries::Ever } else { Entries::Standing };
    Ok(Json(Listed { data: Registers::new(app.control()).entries(None, which).await? }))
}

pub(super) async fn put(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path((list, id)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Told>, Problem> {
    let wish: Wish = body::json(request).await?;
    let since = wish.since.as_deref().map(str::parse).transpose()?.unwrap_or_default();
    let wanted = Wanted { list: list.clone(), id: id.clone(), name: wish.name, since, reason: wish.reason };
    let registers = Registers::new(app.control());
    let result = registers.put(&wanted, &caller.actor(), app.now(), &mut rng()).await?;
    Ok(Json(Told { list, id, result }))
}

pub(super) async fn take_off(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path((list, id)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<Told>, Problem> {
    let (registers, query) = (Registers::new(app.control()), Query::of(&uri));
    let (entry, reason) = ((list.as_str(), id.as_str()), query.one("reason"));
    let result = registers.take_off(entry, reason, &caller.actor(), app.now(), &mut rng()).await?;
    Ok(Json(Told { list, id, result }))
}
