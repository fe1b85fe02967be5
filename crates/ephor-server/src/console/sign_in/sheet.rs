//! The page on which people sign in: every way that this node offers, the usual one first.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use crate::console::frame;
use crate::console::origin::safe_path;
use crate::console::visitor::{Visit, Visitor, escape};
use crate::query::Query;
use crate::state::App;

/// What a try that failed may have been told. The word in the address picks the sentence; it is never shown.
const SAID: &[(&str, &str)] = &[
    ("wrong", "That did not work. Check the address, the password and the one-time password, and try again."),
    (
        "code",
        "This code does not work: it was used, its time is up, or it was typed wrong. Whoever runs this Ephor makes another with `ephor console invite`.",
    ),
    ("again", "To change how you sign in, sign in once more."),
    ("wait", "Too many tries that failed. Wait a few minutes, then try again."),
    ("provider", "The identity provider did not vouch for you. Try again; if it persists, the node's log says why."),
    ("role", "Your groups at the identity provider give you no role here. Whoever runs this Ephor can change that."),
];

pub(super) async fn show(
    State(app): State<App>,
    visitor: Option<Extension<Visitor>>,
    Extension(visit): Extension<Visit>,
) -> Response {
    let query = Query::parse(&visit.query);
    let to = safe_path(query.one("to"));
    if visitor.is_some() && query.one("said").is_none() {
        return Redirect::to(&to).into_response();
    }
    let said = query.one("said").and_then(|said| SAID.iter().find(|(word, _)| *word == said));
    let body = html! {
        @if let Some((_, sentence)) = said { p class="notice bad" role="alert" { (sentence) } }
        @if let Some(provider) = &app.options().console.oidc {
            section class="card narrow" {
                a class="button primary wide" href=(format!("/sign-in/provider?to={}", escape(&to))) { "Sign in with " (provider.name) }
            }
        }
        (passkey(&visit, &to))
        (password(&visit, &to))
        (code(&visit, &to))
    };
    frame::bare(&visit, "Sign in", body).into_response()
}

/// Passkeys take a script and belong to names, so the button shows itself where both are there.
fn passkey(visit: &Visit, to: &str) -> Markup {
    html! {
        @if visit.origin.domain().is_some() {
            section class="card narrow" data-passkey="sign-in" data-to=(to) hidden {
                button class="button wide" type="button" { "Sign in with a passkey" }
                p class="muted" data-told role="status" {}
            }
        }
    }
}

fn password(visit: &Visit, to: &str) -> Markup {
    html! {
        section class="card narrow" {
            h2 { "With a password" }
            form action="/sign-in/password" method="post" class="stack" {
                (visit.form_field())
                input type="hidden" name="to" value=(to);
                label { "E-mail address" input type="email" name="email" autocomplete="username" required maxlength="320"; }
                label { "Password" input type="password" name="password" autocomplete="current-password" required maxlength="128"; }
                label { "One-time password" span class="hint" { "six digits from your authenticator" }
                    input type="text" name="one_time" inputmode="numeric" autocomplete="one-time-code" required maxlength="9"; }
                button class="button primary" { "Sign in" }
            }
        }
    }
}

fn code(visit: &Visit, to: &str) -> Markup {
    html! {
        section class="card narrow" data-code="" {
            h2 { "With a code" }
            p class="muted" { "From whoever runs this Ephor, or from the terminal of " code { "ephor demo" } "." }
            form action="/sign-in/code" method="post" class="stack" {
                (visit.form_field())
                input type="hidden" name="to" value=(to);
                label { "Code" input type="text" name="code" class="mono" autocomplete="off" spellcheck="false" required maxlength="80"; }
                button class="button" { "Use the code" }
            }
        }
    }
}
