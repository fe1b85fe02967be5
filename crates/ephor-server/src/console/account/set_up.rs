//! Setting up how one signs in: a passkey, or a password with an authenticator.
//! Promises that a secret is confirmed by six right digits before it counts, and that the way in that led here is closed.
//! Never sets one without the other: a password alone opens nothing.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::console::{Opens, Password, SessionEnd};
use http::header::CONTENT_TYPE;
use maud::{Markup, html};
use serde_json::json;

use super::{demand_fresh, end_others, may_have_local};
use crate::console::form::{Form, JsonBody};
use crate::console::frame::{self, Sheet, Spot};
use crate::console::page::{Page, Takes};
use crate::console::seal::Purpose;
use crate::console::sign_in::{self, one_time, passkey, password};
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::state::{App, rng};

pub(super) static SET_UP: Page = Page::own("/set-up");
pub(super) static SET_PASSWORD: Page = Page::own_act("/account/password", Takes::Form);
pub(super) static ASK_PASSKEY: Page = Page::own_act("/account/passkey/ask", Takes::Json);
pub(super) static ADD_PASSKEY: Page = Page::own_act("/account/passkey", Takes::Json);

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    if let Err(answer) = may_set_up(&app, &visitor) {
        return answer;
    }
    let seal = app.console().seal(&app).await?;
    let body = sheet(&visitor, &seal, &one_time::new_secret(), None);
    Ok(page(&visitor, body))
}

fn page(visitor: &Visitor, body: Markup) -> Response {
    match visitor.signed_in.session.opens {
        Opens::SetUp => frame::bare(&visitor.visit, "Set up how you sign in", body).into_response(),
        Opens::Console => {
            let lead = html! { (visitor.signed_in.member.email) };
            let sheet = Sheet { title: "Set up how you sign in", spot: Spot::None, lead, actions: html! {}, body };
            frame::sheet(visitor, sheet).into_response()
        }
    }
}

fn sheet(visitor: &Visitor, seal: &crate::console::seal::Seal, secret: &str, objection: Option<&str>) -> Markup {
    let visit = &visitor.visit;
    let email = &visitor.signed_in.member.email;
    let address = one_time::address(secret, email);
    html! {
        @if visitor.signed_in.session.opens == Opens::SetUp {
            p class="lead" { "You are " strong { (email) } ". Choose one of the two; it takes a minute." }
        }
        @if let Some(objection) = objection { p class="notice bad" role="alert" { (objection) } }
        @if visit.origin.domain().is_some() {
            section class="card narrow" data-passkey="add" hidden {
                h2 { "A passkey" }
                p { "Your device, its lock or a security key signs you in. Nothing to remember, nothing to type." }
                label { "What to call it" input type="text" name="name" value="passkey" maxlength="80"; }
                button class="button primary" type="button" { "Add a passkey" }
                p class="muted" data-told role="status" {}
            }
        }
        section class="card narrow" {
            h2 { "A password and an authenticator" }
            form action="/account/password" method="post" class="stack" {
                (visit.form_field())
                input type="hidden" name="secret" value=(seal.close(Purpose::OneTimeSecret, &bound(visitor, secret)));
                input type="hidden" name="email" value=(email) autocomplete="username";
                label { "Password" span class="hint" { (password::LEAST_CHARACTERS) " characters or more; several words are easy to remember" }
                    input type="password" name="password" autocomplete="new-password" required minlength=(password::LEAST_CHARACTERS) maxlength=(password::MOST_CHARACTERS); }
                label { "The same again" input type="password" name="again" autocomplete="new-password" required maxlength=(password::MOST_CHARACTERS); }
                p { "Photograph this with your authenticator, or type the secret into it." }
                @if let Some(picture) = address.as_deref().and_then(one_time::picture) { (picture) }
                p { "Secret: " code class="mono wrap" { (in_groups(secret)) } }
                label { "One-time password" span class="hint" { "the six digits that it shows now" }
                    input type="text" name="one_time" inputmode="numeric" autocomplete="one-time-code" required maxlength="9"; }
                button class="button primary" { "Set the password" }
            }
        }
    }
}

/// The secret together with whose form it is in.
fn bound(visitor: &Visitor, secret: &str) -> String {
    format!("{} {secret}", visitor.signed_in.session.id)
}

fn opened(seal: &crate::console::seal::Seal, visitor: &Visitor, sealed: &str) -> Option<String> {
    let text = seal.open(Purpose::OneTimeSecret, sealed)?;
    let (session, secret) = text.split_once(' ')?;
    (session == visitor.signed_in.session.id).then(|| secret.to_owned())
}

fn in_groups(secret: &str) -> String {
    let characters: Vec<char> = secret.chars().collect();
    characters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

pub(super) async fn set_password(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    if let Err(answer) = may_set_up(&app, &visitor) {
        return answer;
    }
    let seal = app.console().seal(&app).await?;
    let stale =
        || Problem::forbidden("This form is not one that was served to you here. Go back and load the page anew.");
    let secret = form.one("secret").and_then(|sealed| opened(&seal, &visitor, sealed)).ok_or_else(stale)?;
    let chosen = form.raw("password").unwrap_or_default();
    let member = &visitor.signed_in.member;
    let step = form.one("one_time").and_then(|digits| one_time::step_of(&secret, digits, visitor.now()));
    let objection = password::objection(chosen, &member.email)
        .or_else(|| (form.raw("again") != Some(chosen)).then(|| "The two passwords differ.".to_owned()))
        .or_else(|| {
            step.is_none().then(|| {
                "The six digits are not those of this secret, or too old. Check the clock of the device.".to_owned()
            })
        });
    let (None, Some(step)) = (&objection, step) else {
        // The same secret again: a mistyped password must not cost a second photograph.
        let body = sheet(&visitor, &seal, &secret, objection.as_deref());
        let mut answer = page(&visitor, body);
        *answer.status_mut() = http::StatusCode::UNPROCESSABLE_ENTITY;
        answer.extensions_mut().insert(crate::front::Shaped);
        return Ok(answer);
    };
    let password = Password {
        hash: password::hash(chosen).await?,
        totp_secret: secret,
        totp_last_step: step,
        set_at_micros: visitor.now(),
    };
    let passwords = app.control().console().passwords();
    passwords.set(&member.user_id, &password, &visitor.actor(), visitor.now(), &mut rng()).await?;
    finished(&app, &visitor, "password", Redirect::to(after(&visitor, "password")).into_response()).await
}

pub(super) async fn ask_passkey(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Problem> {
    if let Err(answer) = may_set_up(&app, &visitor) {
        return answer;
    }
    let options = passkey::options_to_add(&app, &visitor.visit, &visitor.signed_in.member).await?;
    Ok(([(CONTENT_TYPE, "application/json")], options).into_response())
}

pub(super) async fn add_passkey(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(JsonBody(body)): Extension<JsonBody>,
) -> Result<Response, Problem> {
    if let Err(answer) = may_set_up(&app, &visitor) {
        return answer;
    }
    let passkey = passkey::added(&app, &visitor.visit, &visitor.signed_in.member, &body).await?;
    let passkeys = app.control().console().passkeys();
    passkeys.add(&passkey, &visitor.actor(), visitor.now(), &mut rng()).await?;
    let answer = Json(json!({ "to": after(&visitor, "passkey") })).into_response();
    finished(&app, &visitor, "passkey", answer).await
}

/// Whether somebody may set up a way of signing in now; otherwise what they get.
#[expect(clippy::result_large_err, reason = "it is the handler's own answer")]
fn may_set_up(app: &App, visitor: &Visitor) -> Result<(), Result<Response, Problem>> {
    if visitor.signed_in.session.opens == Opens::SetUp {
        return Ok(());
    }
    if !may_have_local(app, visitor.signed_in.member.role) {
        return Err(Err(Problem::forbidden(
            "You sign in through the identity provider; only owners keep another way beside it.",
        )));
    }
    demand_fresh(visitor, "/set-up").map_err(|answer| Ok(*answer))
}

fn after(visitor: &Visitor, what: &str) -> &'static str {
    match (visitor.signed_in.session.opens, what) {
        (Opens::SetUp, _) => "/",
        (Opens::Console, "passkey") => "/account?said=passkey",
        (Opens::Console, _) => "/account?said=password",
    }
}

/// Ends what rested on the old ways; a session that was for setting up only becomes one of the console.
async fn finished(app: &App, visitor: &Visitor, method: &'static str, answer: Response) -> Result<Response, Problem> {
    end_others(app, visitor, SessionEnd::SignInChanged).await?;
    let (member, session) = (&visitor.signed_in.member, &visitor.signed_in.session);
    if session.opens == Opens::Console {
        return Ok(answer);
    }
    let sessions = app.control().console().sessions();
    sessions.end(&session.id, SessionEnd::SignInChanged, &visitor.actor(), visitor.now(), &mut rng()).await?;
    sign_in::let_in(app, &visitor.visit, (&member.user_id, &member.email), method, None, answer).await
}
