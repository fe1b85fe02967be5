//! The organization that this node serves: parent and linked ones, its people, and when activities were recorded.
//! Promises every period of recording, so that the ends of each gap can be read off.
//! Never shows people or other organizations to a key of one organization.

use axum::extract::State;
use axum::{Extension, Json};
use ephor_lake::control::{Organization, Place, Recording, RecordingPeriod};
use ephor_wire::scope::Scope;
use ephor_wire::timestamp::Timestamp;
use http::Method;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::problem::Problem;
use crate::route::{Answer, Family, Permission, Route};
use crate::state::App;

pub(super) static SHOW: Route = Route {
    method: Some(Method::GET),
    path: "/ephor/v1/organization",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Organizations, people and recording of this node",
    parameters: &[],
    body: None,
    answer: Answer::Object,
};

pub(super) async fn show(State(app): State<App>, Extension(caller): Extension<Caller>) -> Result<Json<Value>, Problem> {
    let organizations = app.control().organizations().list().await?;
    let seen: Vec<Value> =
        organizations.iter().filter(|found| caller.sees(found.uuid.as_str())).map(organization).collect();
    let members = if caller.sees_everything() { app.control().members().list().await? } else { Vec::new() };
    let members: Vec<Value> = members
        .iter()
        .map(|member| json!({ "email": member.email, "user_id": member.user_id, "role": member.role.as_str() }))
        .collect();
    let recording = match app.control().enablement().state().await? {
        Recording::On(_) => "on",
        Recording::Off => "off",
    };
    let periods: Vec<Value> = app.control().enablement().periods().await?.iter().map(period).collect();
    let analytics = app.control().analytics_switch().state().await?.as_str();
    Ok(Json(json!({
        "organizations": seen,
        "members": members,
        "recording": recording,
        "analytics": analytics,
        "periods": periods,
    })))
}

fn organization(organization: &Organization) -> Value {
    json!({
        "id": organization.id,
        "uuid": organization.uuid,
        "name": organization.name,
        "created_at": Timestamp::from_micros(organization.created_at_micros),
        "parent": organization.place == Place::Parent,
    })
}

fn period(period: &RecordingPeriod) -> Value {
    json!({
        "from": Timestamp::from_micros(period.from_micros),
        "to": period.to_micros.map(Timestamp::from_micros),
        "enabled_by": period.enabled_by,
        "agreement": period.agreement,
        "disabled_by": period.disabled_by,
    })
}
