//! The switch of the Analytics API over HTTP: read the state, turn it on, turn it off.
//! Promises that a write of the state that is there already succeeds and changes nothing.
//! Never turns it for anyone but the primary owner.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use ephor_lake::control::AnalyticsAccess;
use ephor_wire::scope::Scope;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::body;
use crate::compliance::{Switch, WishedState, maker_of};
use crate::problem::Problem;
use crate::route::{Answer, Body, Family, Permission, Route};
use crate::state::{App, rng};

pub(super) static READ: Route = Route {
    method: Some(Method::GET),
    path: "/ephor/v1/analytics_settings",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Whether the Analytics API is on",
    parameters: &[],
    body: None,
    answer: Answer::Object,
};

pub(super) static WRITE: Route = Route {
    method: Some(Method::POST),
    path: "/ephor/v1/analytics_settings",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Turn the Analytics API on or off; with a key that the primary owner made",
    parameters: &[],
    body: Some(Body {
        content_types: &["application/json"],
        description: "`state`: {\"type\":\"enabled\"|\"disabled\"} or the bare word",
    }),
    answer: Answer::Object,
};

#[derive(Debug, Deserialize)]
struct Wish {
    state: WishedState,
}

pub(super) async fn read(State(app): State<App>) -> Result<Json<Value>, Problem> {
    state(&app).await
}

pub(super) async fn write(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let wish: Wish = body::json(request).await?;
    if !caller.sees_everything() {
        return Err(Problem::forbidden(
            "The Analytics API is switched for the parent organization and all linked ones together; this key reaches one organization only.",
        ));
    }
    let by = maker_of(&app, &caller).await?;
    let wanted = match wish.state.word() {
        Switch::Enabled => AnalyticsAccess::On,
        Switch::Disabled => AnalyticsAccess::Off,
    };
    app.control().analytics_switch().turn(wanted, &by, app.now(), &mut rng()).await?;
    state(&app).await
}

async fn state(app: &App) -> Result<Json<Value>, Problem> {
    let word = match app.control().analytics_switch().state().await? {
        AnalyticsAccess::On => "enabled",
        AnalyticsAccess::Off => "disabled",
    };
    Ok(Json(json!({ "type": "analytics_settings", "state": { "type": word } })))
}
