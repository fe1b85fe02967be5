//! The switch of the Compliance API, as the Admin API publishes it: read the state, turn it on, turn it off.
//! Promises that a write of the state that is there already succeeds and changes nothing.
//! Never turns recording on without a reference to the agreement that allows it, or for anyone but the primary owner.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use ephor_lake::control::Recording;
use ephor_wire::actor::Actor;
use ephor_wire::scope::Scope;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::body;
use crate::problem::Problem;
use crate::route::{Answer, Body, Family, Permission, Route};
use crate::state::{App, rng};

pub(super) static READ: Route = Route {
    method: Some(Method::GET),
    path: "/v1/organizations/compliance_settings",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Whether the Compliance API is on",
    parameters: &[],
    body: None,
    answer: Answer::Object,
};

pub(super) static WRITE: Route = Route {
    method: Some(Method::POST),
    path: "/v1/organizations/compliance_settings",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Turn the Compliance API on or off; with a key that the primary owner made",
    parameters: &[],
    body: Some(Body {
        content_types: &["application/json"],
        description: "`state`: {\"type\":\"enabled\"|\"disabled\"} or the bare word. `agreement`: the NDA or agreement that allows recording; needed the first time",
    }),
    answer: Answer::Object,
};

/// A key made with a key made with a key …: further back than this nobody looks.
const LONGEST_DESCENT: usize = 32;

#[derive(Debug, Deserialize)]
struct Wish {
    state: WishedState,
    #[serde(default)]
    agreement: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum WishedState {
    Word(Switch),
    Object {
        #[serde(rename = "type")]
        word: Switch,
    },
}

impl WishedState {
    /// The position, whichever way it was written.
    pub(crate) fn word(&self) -> Switch {
        match self {
            Self::Word(word) | Self::Object { word } => *word,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    Enabled,
    Disabled,
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
            "The Compliance API is switched for the parent organization and all linked ones together; this key reaches one organization only.",
        ));
    }
    let by = maker_of(&app, &caller).await?;
    let enablement = app.control().enablement();
    match wish.state.word() {
        Switch::Disabled => {
            enablement.disable(&by, app.now(), &mut rng()).await?;
        }
        Switch::Enabled => {
            let agreement = match wish.agreement {
                Some(agreement) => agreement,
                None => last_agreement(&app).await?,
            };
            enablement.enable(&agreement, &by, app.now(), &mut rng()).await?;
        }
    }
    state(&app).await
}

async fn state(app: &App) -> Result<Json<Value>, Problem> {
    let word = match app.control().enablement().state().await? {
        Recording::On(_) => "enabled",
        Recording::Off => "disabled",
    };
    Ok(Json(json!({ "type": "compliance_settings", "state": { "type": word } })))
}

/// The agreement that was named when recording was last on.
async fn last_agreement(app: &App) -> Result<String, Problem> {
    let periods = app.control().enablement().periods().await?;
    let last = periods.into_iter().next_back().map(|period| period.agreement);
    last.ok_or_else(|| Problem::invalid("agreement: no agreement is on record yet; send `agreement` with the reference of the NDA or agreement that allows recording"))
}

/// The person on whose behalf the key acts: whoever made it, or made the key that made it.
pub(crate) async fn maker_of(app: &App, caller: &Caller) -> Result<Actor, Problem> {
    let mut maker = caller.key.created_by.clone();
    for _ in 0..LONGEST_DESCENT {
        match app.control().keys().find(&maker).await? {
            Some(key) => maker = key.created_by,
            None => break,
        }
    }
    let ip = caller.ip_address.map(|ip| ip.to_string());
    match app.control().members().find(&maker).await? {
        Some(member) => Ok(Actor::user(&member.user_id, &member.email, ip.as_deref(), caller.user_agent.as_deref())),
        // Nobody we know, and so not the primary owner; the control database says so.
        None => Ok(caller.actor()),
    }
}
