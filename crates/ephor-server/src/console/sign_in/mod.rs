//! Signing in: by password and one-time password, by passkey, by code, through an identity provider; and signing out.
//! Promises a new session token each time, the same answer to every wrong try, and a limit to how often one may be wrong.
//! Never says whether an address is known here.

mod attempts;
mod code;
pub(super) mod one_time;
pub(super) mod passkey;
pub(super) mod password;
mod provider;
mod provider_logout;
mod sheet;

pub(super) use attempts::Attempts;
pub(super) use passkey::Ceremonies;
pub(super) use provider::Provider;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::OutboxItem;
use ephor_lake::control::console::{NewSession, Opens, ProviderSession, SessionEnd};
use ephor_wire::actor::Actor;
use ephor_wire::timestamp::Timestamp;
use maud::{Markup, html};
use serde_json::json;

use super::cookies::{self, Kind};
use super::frame;
use super::page::{Page, Pages, Takes};
use super::visitor::{Visit, Visitor};
use crate::problem::{Problem, shortened};
use crate::state::{App, new_id, rng};

pub(super) fn mount(pages: Pages) -> Pages {
    pages
        .serve(&SIGN_IN, sheet::show)
        .serve(&password::TRY, password::try_it)
        .serve(&code::TRY, code::try_it)
        .serve(&passkey::ASK, passkey::ask)
        .serve(&passkey::TRY, passkey::try_it)
        .serve(&provider::GO, provider::go)
        .serve(&provider::BACK, provider::back)
        .serve(&provider_logout::LOGOUT, provider_logout::logout)
        .serve(&SIGN_OUT, sign_out)
        .serve(&SIGNED_OUT, signed_out)
}

static SIGN_IN: Page = Page::open("/sign-in");
static SIGN_OUT: Page = Page::own_act("/sign-out", Takes::Form);
static SIGNED_OUT: Page = Page::open("/signed-out");

/// How long somebody has to set up how they sign in.
pub(super) const SET_UP_MICROS: i64 = 30 * 60 * 1_000_000;

/// Begins a session and puts its token into an answer.
pub(super) async fn let_in(
    app: &App,
    visit: &Visit,
    whom: (&str, &str),
    method: &'static str,
    provider: Option<ProviderSession>,
    mut answer: Response,
) -> Result<Response, Problem> {
    let (user_id, email) = whom;
    let (ip, user_agent) = visit.from();
    let by = Actor::user(user_id, email, ip.as_deref(), user_agent);
    let ends_at_micros = ends_at(app, Opens::Console, visit.now_micros);
    let new = NewSession { user_id: user_id.to_owned(), method, opens: Opens::Console, provider, ends_at_micros };
    let (token, _) = app.control().console().sessions().begin(new, &by, visit.now_micros, &mut rng()).await?;
    cookies::set(answer.headers_mut(), Kind::Session, token.expose(), &visit.origin);
    Ok(answer)
}

/// When a session that begins now ends.
pub(super) fn ends_at(app: &App, opens: Opens, now_micros: i64) -> i64 {
    let whole = i64::try_from(app.options().console.whole.as_micros()).unwrap_or(i64::MAX);
    now_micros.saturating_add(match opens {
        Opens::Console => whole,
        Opens::SetUp => SET_UP_MICROS,
    })
}

/// Records a try that failed. The address is only what was typed.
async fn note_failure(app: &App, visit: &Visit, method: &'static str, typed: Option<&str>) {
    let (ip, user_agent) = visit.from();
    let id = new_id("activity_");
    let activity = json!({
        "id": id,
        "created_at": Timestamp::from_micros(visit.now_micros).as_str(),
        "type": "ephor_console_sign_in_failed",
        "actor": {
            "type": "unauthenticated_user_actor",
            "unauthenticated_email_address": typed.filter(|typed| typed.contains('@')).map(shortened),
            "ip_address": ip,
            "user_agent": user_agent,
        },
        "organization_id": null,
        "organization_uuid": null,
        "method": method,
    });
    app.recorder().accessed(OutboxItem { raw: activity.to_string(), id }).await;
}

async fn sign_out(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let session = &visitor.signed_in.session;
    let sessions = app.control().console().sessions();
    sessions.end(&session.id, SessionEnd::SignedOut, &visitor.actor(), visitor.now(), &mut rng()).await?;
    let mut answer = Redirect::to("/signed-out").into_response();
    cookies::forget(answer.headers_mut(), Kind::Session, &visitor.visit.origin);
    Ok(answer)
}

async fn signed_out(State(app): State<App>, Extension(visit): Extension<Visit>) -> Markup {
    let provider = app.options().console.oidc.as_ref();
    let elsewhere = match provider {
        Some(_) => app.console().provider().end_session(&app, &visit.origin.join("/sign-in")).await,
        None => None,
    };
    let body = html! {
        section class="card narrow" {
            p role="status" { "You are signed out, and this session ended on the node too." }
            p class="actions" {
                a class="button primary" href="/sign-in" { "Sign in again" }
                @if let (Some(provider), Some(elsewhere)) = (provider, &elsewhere) {
                    a class="button" href=(elsewhere) { "Sign out at " (provider.name) " too" }
                }
            }
        }
    };
    frame::bare(&visit, "Signed out", body)
}
