//! What is in force in one linked organization, and which keys can read it through this Ephor.
//! Promises the published shape; a setting that is missing cannot be changed there, which is not the same as off.
//! Never tells the parent, a foreign organization and a wrong UUID apart: all three are 404, as published.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use ephor_lake::control::{KeyRecord, KeyState, Place};
use ephor_lake::directory::DirectoryKind;
use ephor_wire::scope::Scope;
use ephor_wire::timestamp::Timestamp;
use http::Method;
use serde_json::{Value, json};

use super::organizations::check_known;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::route::{Answer, Family, Parameter, Permission, Route};
use crate::state::App;

pub(super) static EFFECTIVE: Route = Route {
    method: Some(Method::GET),
    path: "/v1/compliance/organizations/{org_uuid}/settings",
    permission: Permission::Scope(Scope::ReadComplianceOrgData),
    family: Family::Compliance,
    summary: "Settings in force in a linked organization, and the keys of the parent",
    parameters: &[Parameter::path("org_uuid", "UUID of a linked organization")],
    body: None,
    answer: Answer::Object,
};

pub(super) async fn effective(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(org_uuid): Path<String>,
) -> Result<Json<Value>, Problem> {
    check_known(&app, &caller, &org_uuid).await?;
    let own = app.control().organizations().find(&org_uuid).await?;
    if own.is_some_and(|organization| organization.place == Place::Parent) {
        return Err(Problem::not_found("Organization", &org_uuid));
    }
    Ok(Json(json!({
        "type": "effective_organization_settings",
        "organization_id": org_uuid,
        "settings": app.lake().directory().current(DirectoryKind::Settings, &org_uuid),
        "api_keys": keys(&app, &caller).await?,
    })))
}

/// Every key of the parent, active or not; to a key of one organization only those of the same one.
async fn keys(app: &App, caller: &Caller) -> Result<Vec<Value>, Problem> {
    let members = app.control().members().list().await?;
    let ids: HashMap<String, String> = members.into_iter().map(|member| (member.email, member.user_id)).collect();
    let keys = app.control().keys().list().await?;
    let seen = keys.iter().filter(|key| caller.sees_everything() || key.reach == caller.key.reach);
    Ok(seen.map(|key| published(key, &ids, app.now())).collect())
}

fn published(key: &KeyRecord, user_ids: &HashMap<String, String>, now_micros: i64) -> Value {
    let made_by_user = key.created_by.starts_with("user_").then_some(&key.created_by);
    json!({
        "type": "compliance_api_key",
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "is_active": key.state(now_micros) == KeyState::Active,
        "created_at": Timestamp::from_micros(key.created_at_micros),
        "created_by_id": user_ids.get(&key.created_by).or(made_by_user),
        "expires_at": key.expires_at_micros.map(Timestamp::from_micros),
    })
}
