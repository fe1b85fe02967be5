//! One's own account: how one signs in, where one is signed in, light or dark.
//! Promises that a way of signing in changes only soon after a sign-in, and that the sessions resting on it end.
//! Never shows or changes anybody else's.

mod set_up;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::Role;
use ephor_lake::control::console::{Opens, Passkey, Session, SessionEnd};
use maud::{Markup, html};

use super::cookies::{self, Kind};
use super::form::Form;
use super::frame::{self, Sheet, Spot};
use super::origin::safe_path;
use super::page::{Page, Pages, Takes};
use super::parts;
use super::visitor::{Theme, Visit, Visitor};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::{App, rng};

pub(super) fn mount(pages: Pages) -> Pages {
    pages
        .serve(&ACCOUNT, show)
        .serve(&THEME, theme)
        .serve(&END_SESSIONS, end_sessions)
        .serve(&REMOVE_PASSKEY, remove_passkey)
        .serve(&REMOVE_PASSWORD, remove_password)
        .serve(&set_up::SET_UP, set_up::show)
        .serve(&set_up::SET_PASSWORD, set_up::set_password)
        .serve(&set_up::ASK_PASSKEY, set_up::ask_passkey)
        .serve(&set_up::ADD_PASSKEY, set_up::add_passkey)
}

static ACCOUNT: Page = Page::own("/account");
static THEME: Page = Page::own_act("/theme", Takes::Form);
static END_SESSIONS: Page = Page::own_act("/account/sessions/end", Takes::Form);
static REMOVE_PASSKEY: Page = Page::own_act("/account/passkey/remove", Takes::Form);
static REMOVE_PASSWORD: Page = Page::own_act("/account/password/remove", Takes::Form);

/// How recent a sign-in has to be for a way of signing in to be changed: whoever finds an open browser must not keep it.
const FRESH_MICROS: i64 = 15 * 60 * 1_000_000;

const SAID: &[(&str, &str)] = &[
    ("password", "The password is set. Sessions that rested on an older one have ended."),
    ("no_password", "The password is gone."),
    ("passkey", "The passkey is added."),
    ("no_passkey", "The passkey is gone."),
    ("ended", "Those sessions have ended."),
];

async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    if visitor.signed_in.session.opens == Opens::SetUp {
        return Ok(Redirect::to("/set-up").into_response());
    }
    let member = &visitor.signed_in.member;
    let console = app.control().console();
    let passkeys = console.passkeys().of(&member.user_id).await?;
    let password = console.passwords().of(&member.user_id).await?;
    let issuers = console.identities().of(&member.user_id).await?;
    let idle = i64::try_from(app.options().console.idle.as_micros()).unwrap_or(i64::MAX);
    let sessions = console.sessions().of_user(&member.user_id, idle, visitor.now()).await?;
    let local = may_have_local(&app, member.role);
    let body = html! {
        (parts::notice(Query::parse(&visitor.visit.query).one("said"), SAID))
        section class="card" {
            h2 { "How you sign in" }
            @for issuer in &issuers { p { "Through " code { (issuer) } "." } }
            (passkey_list(&visitor, &passkeys))
            @match &password {
                Some(password) => {
                    p { "A password with one-time passwords, set " (parts::instant(password.set_at_micros, visitor.now())) "." }
                    form action="/account/password/remove" method="post" { (visitor.visit.form_field()) button class="button" { "Take the password away" } }
                }
                None => p class="muted" { "No password." }
            }
            @if local {
                p class="actions" { a class="button" href="/set-up" { "Add a passkey or set a password" } }
            } @else {
                p class="muted" { "Where people sign in through an identity provider, only owners keep a passkey or a password beside it." }
            }
        }
        (session_list(&visitor, &sessions))
    };
    let title = "How you sign in";
    let lead = html! { (member.email) ", " (member.role.as_str().replace('_', " ")) };
    let sheet = Sheet { title, spot: Spot::None, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

fn passkey_list(visitor: &Visitor, passkeys: &[Passkey]) -> Markup {
    html! {
        @if passkeys.is_empty() { p class="muted" { "No passkey." } }
        @else {
            div class="scroll" tabindex="0" { table {
                caption class="hidden" { "Passkeys" }
                thead { tr { th { "Passkey" } th { "Added" } th { "Last used" } th { span class="hidden" { "Actions" } } } }
                tbody { @for passkey in passkeys {
                    tr {
                        td { (passkey.name) }
                        td { (parts::instant(passkey.added_at_micros, visitor.now())) }
                        td { @match passkey.last_used_at_micros { Some(at) => (parts::instant(at, visitor.now())), None => "never" } }
                        td class="act" {
                            form action="/account/passkey/remove" method="post" {
                                (visitor.visit.form_field())
                                input type="hidden" name="id" value=(passkey.credential_id);
                                button class="button small" { "Remove " span class="hidden" { (passkey.name) } }
                            }
                        }
                    }
                } }
            } }
        }
    }
}

fn session_list(visitor: &Visitor, sessions: &[Session]) -> Markup {
    html! {
        section class="card" {
            h2 { "Where you are signed in" }
            div class="scroll" tabindex="0" { table {
                caption class="hidden" { "Sessions" }
                thead { tr { th { "Since" } th { "Last seen" } th { "Ends" } th { "How" } th { "From" } th { "With" } } }
                tbody { @for session in sessions {
                    tr {
                        td { (parts::instant(session.began_at_micros, visitor.now()))
                            @if session.id == visitor.signed_in.session.id { " " (parts::badge(parts::Tone::Good, "this one")) } }
                        td { (parts::ago(session.seen_at_micros, visitor.now())) }
                        td { (parts::ago(session.ends_at_micros, visitor.now())) }
                        td { (session.method.replace('_', " ")) }
                        td { (session.ip_address.as_deref().unwrap_or("")) }
                        td class="wrap" { (session.user_agent.as_deref().unwrap_or("")) }
                    }
                } }
            } }
            @if sessions.len() > 1 {
                form action="/account/sessions/end" method="post" class="actions" {
                    (visitor.visit.form_field())
                    button class="button" { "End all others" }
                }
            }
        }
    }
}

/// Whether a member of this role keeps ways of signing in of their own. Where a provider vouches for people, its word
/// has to count when it takes somebody's role away; owners keep a way in for the day on which it is down.
fn may_have_local(app: &App, role: Role) -> bool {
    app.options().console.oidc.is_none() || role >= Role::Owner
}

/// Demands a recent sign-in; otherwise where to get one.
fn demand_fresh(visitor: &Visitor, to: &str) -> Result<(), Box<Response>> {
    let age = visitor.now().saturating_sub(visitor.signed_in.session.began_at_micros);
    if age <= FRESH_MICROS {
        return Ok(());
    }
    Err(Box::new(Redirect::to(&format!("/sign-in?said=again&to={to}")).into_response()))
}

async fn theme(Extension(visit): Extension<Visit>, Extension(form): Extension<Form>) -> Response {
    let mut answer = Redirect::to(&safe_path(form.one("to"))).into_response();
    let theme = Theme::parse(form.one("theme").unwrap_or_default());
    cookies::set(answer.headers_mut(), Kind::Theme, theme.as_str(), &visit.origin);
    answer
}

async fn end_sessions(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    end_others(&app, &visitor, SessionEnd::EndedElsewhere).await?;
    Ok(Redirect::to("/account?said=ended").into_response())
}

async fn end_others(app: &App, visitor: &Visitor, why: SessionEnd) -> Result<(), Problem> {
    let (member, session) = (&visitor.signed_in.member, &visitor.signed_in.session);
    let (sessions, by) = (app.control().console().sessions(), visitor.actor());
    sessions.end_all_of(&member.user_id, Some(&session.id), why, &by, visitor.now(), &mut rng()).await?;
    Ok(())
}

async fn remove_passkey(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    if let Err(answer) = demand_fresh(&visitor, "/account") {
        return Ok(*answer);
    }
    let passkeys = app.control().console().passkeys();
    let (user_id, id) = (&visitor.signed_in.member.user_id, form.needed("id")?);
    passkeys.remove(user_id, id, &visitor.actor(), visitor.now(), &mut rng()).await?;
    end_others(&app, &visitor, SessionEnd::SignInChanged).await?;
    Ok(Redirect::to("/account?said=no_passkey").into_response())
}

async fn remove_password(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    if let Err(answer) = demand_fresh(&visitor, "/account") {
        return Ok(*answer);
    }
    let passwords = app.control().console().passwords();
    passwords.remove(&visitor.signed_in.member.user_id, &visitor.actor(), visitor.now(), &mut rng()).await?;
    end_others(&app, &visitor, SessionEnd::SignInChanged).await?;
    Ok(Redirect::to("/account?said=no_password").into_response())
}
