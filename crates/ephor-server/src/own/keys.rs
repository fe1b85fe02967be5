//! Keys of this Ephor over HTTP: list, make, rotate, revoke.
//! Promises that a secret is shown in the one answer that made it, and that a key makes none that sees more than itself.
//! Never lists a key to an administrator of another organization.

use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use ephor_lake::control::{IssuedKey, KeyReach, KeyRecord, NewKey};
use ephor_wire::scope::{Scope, ScopeSet};
use ephor_wire::timestamp::Timestamp;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::body;
use crate::problem::Problem;
use crate::route::{Answer, Body, Family, Parameter, Permission, Route};
use crate::state::{App, rng};

const KEY: Parameter = Parameter::path("key_id", "Id of a key, apikey_…");

/// How long the old key goes on working unless the request says otherwise.
const USUAL_OVERLAP_SECONDS: u64 = 24 * 3600;

/// A longer overlap would be a second key and not a rotation.
const LONGEST_OVERLAP_SECONDS: u64 = 90 * 24 * 3600;

pub(super) static LIST: Route = Route {
    method: Some(Method::GET),
    path: "/ephor/v1/keys",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Every key of this Ephor, without its secret",
    parameters: &[],
    body: None,
    answer: Answer::Object,
};

pub(super) static CREATE: Route = Route {
    method: Some(Method::POST),
    path: "/ephor/v1/keys",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Make a key; `key` in the answer is its secret, shown this once",
    parameters: &[],
    body: Some(Body {
        content_types: &["application/json"],
        description: "`name`, `scopes`, and optionally `organization` (org_… id or UUID: the key sees only that one) and `expires_at` (RFC 3339)",
    }),
    answer: Answer::Created,
};

pub(super) static ROTATE: Route = Route {
    method: Some(Method::POST),
    path: "/ephor/v1/keys/{key_id}/rotate",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Make a key's successor; the old key goes on working for the overlap",
    parameters: &[KEY],
    body: Some(Body {
        content_types: &["application/json"],
        description: "Optional: `overlap_seconds`, a day unless said otherwise, 90 days at the most",
    }),
    answer: Answer::Created,
};

pub(super) static REVOKE: Route = Route {
    method: Some(Method::DELETE),
    path: "/ephor/v1/keys/{key_id}",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Take a key back, from the next request on",
    parameters: &[KEY],
    body: None,
    answer: Answer::Object,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    name: String,
    scopes: ScopeSet,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    overlap_seconds: Option<u64>,
}

pub(super) async fn list(State(app): State<App>, Extension(caller): Extension<Caller>) -> Result<Json<Value>, Problem> {
    let keys = app.control().keys().list().await?;
    let shown: Vec<Value> =
        keys.iter().filter(|key| may_manage(&caller, key)).map(|key| show(key, app.now())).collect();
    Ok(Json(json!({ "data": shown })))
}

pub(super) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let wish: Wish = body::json(request).await?;
    let wanted = NewKey {
        reach: reach(&app, &caller, wish.organization.as_deref()).await?,
        name: wish.name,
        scopes: wish.scopes,
        expires_at_micros: wish.expires_at.map(|at| at.micros()),
    };
    let issued = app.control().keys().create(wanted, &caller.actor(), app.now(), &mut rng()).await?;
    Ok(show_once(&issued, app.now()))
}

pub(super) async fn rotate(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(key_id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    manageable(&app, &caller, &key_id).await?;
    let wish: Rotation = match body::content_type(request.headers()) {
        None => Rotation { overlap_seconds: None },
        Some(_) => body::json(request).await?,
    };
    let seconds = wish.overlap_seconds.unwrap_or(USUAL_OVERLAP_SECONDS);
    if seconds > LONGEST_OVERLAP_SECONDS {
        return Err(Problem::invalid(format!("overlap_seconds: {seconds} is more than {LONGEST_OVERLAP_SECONDS}")));
    }
    let overlap = Duration::from_secs(seconds);
    let issued = app.control().keys().rotate(&key_id, overlap, &caller.actor(), app.now(), &mut rng()).await?;
    Ok(show_once(&issued, app.now()))
}

pub(super) async fn revoke(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(key_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    manageable(&app, &caller, &key_id).await?;
    let revoked = app.control().keys().revoke(&key_id, &caller.actor(), app.now(), &mut rng()).await?;
    Ok(Json(show(&revoked, app.now())))
}

/// An administrator of one organization manages the keys of that one and no others.
fn may_manage(caller: &Caller, key: &KeyRecord) -> bool {
    caller.sees_everything() || caller.key.reach == key.reach
}

async fn manageable(app: &App, caller: &Caller, key_id: &str) -> Result<(), Problem> {
    let key = app.control().keys().find(key_id).await?.filter(|key| may_manage(caller, key));
    key.map(|_| ()).ok_or_else(|| Problem::not_found("Key", key_id))
}

/// What the new key will see: what was asked for, and never more than the key that makes it.
async fn reach(app: &App, caller: &Caller, organization: Option<&str>) -> Result<KeyReach, Problem> {
    let Some(wanted) = organization else {
        return Ok(caller.key.reach.clone());
    };
    let found = app.control().organizations().find(wanted).await?;
    let found = found.filter(|organization| caller.sees(organization.uuid.as_str()));
    Ok(KeyReach::Organization(found.ok_or_else(|| Problem::not_found("Organization", wanted))?.uuid))
}

fn show_once(issued: &IssuedKey, now_micros: i64) -> Response {
    let mut shown = show(&issued.record, now_micros);
    shown["key"] = json!(issued.secret.expose());
    (StatusCode::CREATED, [(http::header::CACHE_CONTROL, "no-store")], Json(shown)).into_response()
}

fn show(key: &KeyRecord, now_micros: i64) -> Value {
    json!({
        "type": "api_key",
        "id": key.id,
        "name": key.name,
        "state": key.state(now_micros).as_str(),
        "hint": key.hint,
        "scopes": key.scopes,
        "organization_uuid": key.reach.organization(),
        "created_at": Timestamp::from_micros(key.created_at_micros),
        "created_by": key.created_by,
        "expires_at": key.expires_at_micros.map(Timestamp::from_micros),
        "revoked_at": key.revoked_at_micros.map(Timestamp::from_micros),
        "last_used_at": key.last_used_at_micros.map(Timestamp::from_micros),
        "rotated_from": key.rotated_from,
    })
}
