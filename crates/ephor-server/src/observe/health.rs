//! Alive and ready: the two questions that supervisors and load balancers ask.
//! Alive means that requests are answered; ready means that the lake and the control database answer too.
//! Never does work that a flood of questions could make expensive.

use axum::Json;
use axum::extract::State;
use http::Method;
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::route::{Answer, Family, Permission, Route};
use crate::state::App;

pub(crate) static ALIVE: Route = Route {
    method: Some(Method::GET),
    path: "/healthz",
    permission: Permission::Open,
    family: Family::Node,
    summary: "Whether this process answers",
    parameters: &[],
    body: None,
    answer: Answer::Object,
};

pub(crate) static READY: Route = Route {
    method: Some(Method::GET),
    path: "/readyz",
    permission: Permission::Open,
    family: Family::Node,
    summary: "Whether the lake and the control database answer; 503 while they do not",
    parameters: &[],
    body: None,
    answer: Answer::Object,
};

pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let not_ready = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "not ready");
        Problem::unavailable("This server is not ready: its control database or its lake does not answer.")
    };
    app.control().organizations().parent().await.map_err(|error| not_ready(&error))?;
    Ok(Json(json!({ "status": "ready", "next_seq": app.lake().next_seq() })))
}
