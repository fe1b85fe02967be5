//! Passkeys (WebAuthn): asked for, checked, added. The authenticator has verified the person, so one is two factors.
//! Promises that a challenge is answered once, within five minutes, on the page of this console that asked.
//! Never asks who somebody is before they have proved it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ephor_lake::control::Member;
use ephor_lake::control::console::Passkey;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    CredProtect, Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle, Username,
};
use webauthn_rp::request::{AsciiDomain, FixedCapHashSet, InsertResult, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::auth::ser_relaxed::AuthenticationRelaxed;
use webauthn_rp::response::register::ser_relaxed::RegistrationRelaxed;
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthenticationServerState, DiscoverableCredentialRequestOptions,
    PublicKeyCredentialCreationOptions, RegistrationServerState,
};

use super::attempts::MayTry;
use super::{let_in, note_failure};
use crate::console::form::JsonBody;
use crate::console::origin::{Origin, safe_path};
use crate::console::page::{Page, Takes};
use crate::console::seal::Seal;
use crate::console::visitor::Visit;
use crate::problem::{Problem, sentence};
use crate::state::App;

pub(super) static ASK: Page = Page::try_act("/sign-in/passkey/ask", Takes::Json);
pub(super) static TRY: Page = Page::try_act("/sign-in/passkey", Takes::Json);

/// The length of what a passkey calls its person: all of a hash.
const HANDLE_BYTES: usize = 32;

/// Challenges that wait for an answer at the same time; each is forgotten after five minutes.
const WAITING: usize = 4096;

/// Tries with passkeys count under one account: who it is is not known before.
const ACCOUNT: &str = "a passkey";

/// Challenges that wait for an answer.
#[derive(Debug)]
pub(crate) struct Ceremonies {
    adding: Mutex<FixedCapHashSet<RegistrationServerState<HANDLE_BYTES>>>,
    signing_in: Mutex<FixedCapHashSet<DiscoverableAuthenticationServerState>>,
}

impl Ceremonies {
    pub(crate) fn new() -> Self {
        Self {
            adding: Mutex::new(FixedCapHashSet::new(WAITING)),
            signing_in: Mutex::new(FixedCapHashSet::new(WAITING)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the script sends when a passkey has answered.
#[derive(Debug, Deserialize)]
pub(crate) struct Answered {
    credential: serde_json::Value,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    pub(crate) name: Option<String>,
}

pub(super) async fn ask(State(app): State<App>, Extension(visit): Extension<Visit>) -> Result<Response, Problem> {
    let party = party(&visit.origin)?;
    let begun = DiscoverableCredentialRequestOptions::passkey(&party).start_ceremony();
    let (server, client) = begun.map_err(|error| Problem::internal(&error))?;
    let options = serde_json::to_vec(&client).map_err(|error| Problem::internal(&error))?;
    wait_for(lock(&app.console().ceremonies().signing_in).insert_or_replace_all_expired(server))?;
    Ok(([(CONTENT_TYPE, "application/json")], options).into_response())
}

pub(super) async fn try_it(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Extension(JsonBody(body)): Extension<JsonBody>,
) -> Result<Response, Problem> {
    let attempts = app.console().attempts();
    if let MayTry::After(seconds) = attempts.may_try(ACCOUNT, visit.ip_address, visit.now_micros) {
        return Err(Problem::too_many_tries(seconds));
    }
    let answered: Answered = serde_json::from_slice(&body).map_err(|error| Problem::invalid(sentence(&error)))?;
    let Some((member, passkey)) = proven(&app, &visit, &answered).await? else {
        attempts.failed(ACCOUNT, visit.ip_address, visit.now_micros);
        note_failure(&app, &visit, "passkey", None).await;
        return Err(Problem::forbidden("This passkey is not known here, or it did not prove itself. Try another way."));
    };
    attempts.succeeded(ACCOUNT, visit.ip_address);
    let moving = passkey.moving_state.as_str();
    app.control().console().passkeys().used(&passkey.credential_id, moving, visit.now_micros).await?;
    let answer = Json(json!({ "to": safe_path(answered.to.as_deref()) })).into_response();
    let_in(&app, &visit, (&member.user_id, &member.email), "passkey", None, answer).await
}

/// Who has proved to be who, and the passkey as its use left it; nothing for a proof that fails.
async fn proven(app: &App, visit: &Visit, answered: &Answered) -> Result<Option<(Member, Passkey)>, Problem> {
    let party = party(&visit.origin)?;
    let json = answered.credential.to_string();
    let Ok(AuthenticationRelaxed(answer)) = serde_json::from_str::<AuthenticationRelaxed<HANDLE_BYTES, true>>(&json)
    else {
        return Ok(None);
    };
    let Ok(challenge) = answer.challenge_relaxed() else { return Ok(None) };
    let waiting = lock(&app.console().ceremonies().signing_in).take(&challenge);
    let Some(waiting) = waiting else { return Ok(None) };
    let id = URL_SAFE_NO_PAD.encode(answer.raw_id().into_inner());
    let Some(mut passkey) = app.control().console().passkeys().find(&id).await? else { return Ok(None) };
    let Some(member) = app.control().members().find(&passkey.user_id).await? else { return Ok(None) };
    let seal = app.console().seal(app).await?;
    let handle = handle_of(&seal, &passkey.user_id)?;
    let Some((fixed, moving)) = states_of(&passkey) else {
        return Err(Problem::internal(&"a passkey is not one"));
    };
    let Ok(mut credential) = AuthenticatedCredential::new(answer.raw_id(), &handle, fixed, moving) else {
        return Ok(None);
    };
    let origins = [visit.origin.text()];
    let options = AuthenticationVerificationOptions::<'_, '_, String, String> {
        allowed_origins: &origins,
        ..AuthenticationVerificationOptions::default()
    };
    if waiting.verify(&party, &answer, &mut credential, &options).is_err() {
        return Ok(None);
    }
    passkey.moving_state = encoded_moving(credential.as_parts().3);
    Ok(Some((member, passkey)))
}

/// What a browser needs to make a passkey for a member.
pub(crate) async fn options_to_add(app: &App, visit: &Visit, member: &Member) -> Result<Vec<u8>, Problem> {
    let party = party(&visit.origin)?;
    let seal = app.console().seal(app).await?;
    let handle = handle_of(&seal, &member.user_id)?;
    let known = app.control().console().passkeys().of(&member.user_id).await?;
    let known = known.iter().filter_map(|passkey| {
        let id = URL_SAFE_NO_PAD.decode(&passkey.credential_id).ok()?;
        Some(PublicKeyCredentialDescriptor {
            id: CredentialId::decode(id).ok()?,
            transports: AuthTransports::decode(0).ok()?,
        })
    });
    let user = PublicKeyCredentialUserEntity {
        // An address that the profile for user names does not take is still a fine nickname.
        name: Username::try_from(member.email.as_str())
            .or_else(|_| Username::try_from("member"))
            .map_err(unexpected)?,
        id: &handle,
        display_name: Nickname::try_from(member.email.as_str()).ok(),
    };
    let mut options = PublicKeyCredentialCreationOptions::passkey(&party, user, known.collect());
    // A browser refuses every authenticator that does not know this extension, which most platforms' own do not. Nothing
    // is lost: a sign-in names no credential beforehand, and is taken only if the person was verified.
    options.extensions.cred_protect = CredProtect::None;
    let (server, client) = options.start_ceremony().map_err(|error| Problem::internal(&error))?;
    let json = serde_json::to_vec(&client).map_err(|error| Problem::internal(&error))?;
    wait_for(lock(&app.console().ceremonies().adding).insert_or_replace_all_expired(server))?;
    Ok(json)
}

/// The passkey that a browser has made for a member.
pub(crate) async fn added(app: &App, visit: &Visit, member: &Member, body: &[u8]) -> Result<Passkey, Problem> {
    let refused = || Problem::invalid("The passkey did not prove itself; nothing was added. Try again.");
    let answered: Answered = serde_json::from_slice(body).map_err(|error| Problem::invalid(sentence(&error)))?;
    let party = party(&visit.origin)?;
    let RegistrationRelaxed(answer) = serde_json::from_str(&answered.credential.to_string()).map_err(|_| refused())?;
    let challenge = answer.challenge_relaxed().map_err(|_| refused())?;
    let waiting = lock(&app.console().ceremonies().adding).take(&challenge).ok_or_else(refused)?;
    let origins = [visit.origin.text()];
    let options = RegistrationVerificationOptions::<'_, '_, String, String> {
        allowed_origins: &origins,
        ..RegistrationVerificationOptions::default()
    };
    let made = waiting.verify(&party, &answer, &options).map_err(|error| {
        tracing::info!(%error, "a passkey was not taken");
        refused()
    })?;
    let seal = app.console().seal(app).await?;
    if *made.user_id() != handle_of(&seal, &member.user_id)? {
        return Err(refused());
    }
    let fixed = made.static_state().encode().map_err(unexpected)?;
    let name: String = answered.name.unwrap_or_default().trim().chars().take(80).collect();
    Ok(Passkey {
        credential_id: URL_SAFE_NO_PAD.encode(made.id().into_inner()),
        user_id: member.user_id.clone(),
        name: if name.is_empty() { "passkey".to_owned() } else { name },
        fixed_state: URL_SAFE_NO_PAD.encode(fixed),
        moving_state: encoded_moving(made.dynamic_state()),
        added_at_micros: visit.now_micros,
        last_used_at_micros: None,
    })
}

/// The party that passkeys are for: the name under which the console is reached.
fn party(origin: &Origin) -> Result<RpId, Problem> {
    let by_name =
        || Problem::invalid("Passkeys belong to a name and not to an address: open the console under its name.");
    let domain = origin.domain().ok_or_else(by_name)?;
    AsciiDomain::try_from(domain.to_owned()).map(RpId::Domain).map_err(|_| by_name())
}

/// What a passkey calls its person: it says nothing to whoever finds the passkey.
fn handle_of(seal: &Seal, user_id: &str) -> Result<UserHandle<HANDLE_BYTES>, Problem> {
    UserHandle::decode(seal.handle(user_id)).map_err(unexpected)
}

type FixedState = StaticState<CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>>;

fn states_of(passkey: &Passkey) -> Option<(FixedState, DynamicState)> {
    let fixed = URL_SAFE_NO_PAD.decode(&passkey.fixed_state).ok()?;
    let moving: [u8; 7] = URL_SAFE_NO_PAD.decode(&passkey.moving_state).ok()?.try_into().ok()?;
    Some((StaticState::decode(fixed.as_slice()).ok()?, DynamicState::decode(moving).ok()?))
}

fn encoded_moving(state: DynamicState) -> String {
    let Ok(bytes) = state.encode();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn wait_for(inserted: InsertResult) -> Result<(), Problem> {
    match inserted {
        InsertResult::Success => Ok(()),
        _ => Err(Problem::overloaded("Too many people sign in at this moment; try again in a minute.")),
    }
}

fn unexpected(error: impl std::fmt::Display) -> Problem {
    Problem::internal(&error)
}
