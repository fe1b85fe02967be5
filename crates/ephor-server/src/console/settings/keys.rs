//! Keys of this Ephor: made, rotated, revoked. The secret stands on the one page that made it.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::{IssuedKey, KeyReach, KeyRecord, KeyState, NewKey, Organization, Place};
use ephor_wire::scope::{Scope, ScopeSet};
use ephor_wire::timestamp::DAY_MICROS;
use maud::{Markup, html};

use super::button;
use crate::console::access::Right;
use crate::console::form::Form;
use crate::console::parts::{self, Tone};
use crate::console::visitor::Visitor;
use crate::problem::{Problem, shortened};
use crate::query::Query;
use crate::state::{App, rng};

const PATH: &str = "/settings/keys";

/// How long the old key goes on working after a rotation here.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

const SAID: &[(&str, &str)] = &[("revoked", "The key is revoked, from the next request on.")];

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    page(&app, &visitor, None).await
}

async fn page(app: &App, visitor: &Visitor, made: Option<&IssuedKey>) -> Result<Response, Problem> {
    let keys = app.control().keys().list().await?;
    let organizations = app.control().organizations().list().await?;
    let body = html! {
        (parts::notice(Query::parse(&visitor.visit.query).one("said"), SAID))
        @if let Some(made) = made { (shown_once(made)) }
        @if visitor.may(Right::Administer) { (new_key(visitor, &organizations)) }
        section class="card flush" {
            h2 { "Keys of this Ephor" }
            div class="scroll" tabindex="0" { table {
                caption class="hidden" { "Keys of this Ephor" }
                thead { tr { th { "Name" } th { "State" } th { "Scopes" } th { "Reach" } th { "Made" } th { "Last used" } th { "Expires" } th { span class="hidden" { "Actions" } } } }
                tbody { @for key in keys.iter().rev() { (line(key, &organizations, visitor)) } }
            } }
        }
    };
    Ok(super::sheet(visitor, PATH, body))
}

fn shown_once(made: &IssuedKey) -> Markup {
    html! {
        section class="card" aria-label="The new key" {
            h2 { "The key, shown this once" }
            p { "Keep it where secrets are kept. " code { (made.record.id) } " can do: " (made.record.scopes.to_string()) }
            p class="shown-once" { code class="mono" id="secret" { (made.secret.expose()) } button class="button small" type="button" data-copy="#secret" hidden { "Copy" } }
        }
    }
}

fn new_key(visitor: &Visitor, organizations: &[Organization]) -> Markup {
    html! {
        details class="card" {
            summary { "Make a key" }
            form action=(PATH) method="post" class="stack" {
                (visitor.visit.form_field())
                label { "Name" span class="hint" { "what uses it" } input name="name" required maxlength="200"; }
                fieldset {
                    legend { "What it may do" }
                    div class="columns" { @for scope in Scope::ALL {
                        label class="check" { input type="checkbox" name="scope" value=(scope.as_str()); code { (scope.as_str()) } }
                    } }
                }
                div class="filters" {
                    label { "Reach" select name="organization" {
                        option value="" { "The parent and all linked organizations" }
                        @for organization in organizations.iter().filter(|organization| organization.place == Place::Linked) {
                            option value=(organization.uuid.as_str()) { (organization.name) }
                        }
                    } }
                    label { "Expires" select name="days" {
                        @for (days, words) in [("90", "In 90 days"), ("365", "In a year"), ("30", "In 30 days"), ("", "Never")] { option value=(days) { (words) } }
                    } }
                    button class="button primary" { "Make the key" }
                }
            }
        }
    }
}

fn line(key: &KeyRecord, organizations: &[Organization], visitor: &Visitor) -> Markup {
    let state = key.state(visitor.now());
    let tone = match state {
        KeyState::Active => Tone::Good,
        KeyState::Expired => Tone::Fair,
        KeyState::Revoked => Tone::Plain,
    };
    let reach = |uuid: &str| {
        organizations
            .iter()
            .find(|known| known.uuid.as_str() == uuid)
            .map_or(uuid.to_owned(), |known| known.name.clone())
    };
    html! {
        tr data-row="" {
            td { strong { (key.name) } span class="gist mono" { a href=(format!("/activity?key={}", key.id)) { (key.id) } " …" (key.hint) } }
            td { (parts::badge(tone, state.as_str())) }
            td class="mono" { (key.scopes.to_string().replace(' ', "\n")) }
            td { (key.reach.organization().map_or("everything".to_owned(), reach)) }
            td { (parts::day(key.created_at_micros)) span class="gist" { "by " (key.created_by) } }
            td { @match key.last_used_at_micros { Some(at) => (parts::ago(at, visitor.now())), None => "never" } }
            td { @match key.expires_at_micros { Some(at) => { (parts::day(at)) " " span class="ago" { (parts::ago(at, visitor.now())) } } None => "never" } }
            td class="act" {
                @if state == KeyState::Active && visitor.may(Right::Administer) {
                    (button(visitor, "/settings/keys/rotate", ("id", &key.id), "Rotate", &key.name))
                    " "
                    (button(visitor, "/settings/keys/revoke", ("id", &key.id), "Revoke", &key.name))
                }
            }
        }
    }
}

pub(super) async fn make(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let wanted = NewKey {
        name: form.needed("name")?.to_owned(),
        scopes: scopes(&form)?,
        reach: reach(&app, &form).await?,
        expires_at_micros: expiry(&form, visitor.now())?,
    };
    let made = app.control().keys().create(wanted, &visitor.actor(), visitor.now(), &mut rng()).await?;
    page(&app, &visitor, Some(&made)).await
}

fn scopes(form: &Form) -> Result<ScopeSet, Problem> {
    let parse = |name: &str| name.parse::<Scope>().map_err(|unknown| Problem::invalid(unknown.to_string()));
    form.many("scope").into_iter().map(parse).collect()
}

async fn reach(app: &App, form: &Form) -> Result<KeyReach, Problem> {
    let Some(wanted) = form.one("organization") else { return Ok(KeyReach::Parent) };
    let found = app.control().organizations().find(wanted).await?;
    Ok(KeyReach::Organization(found.ok_or_else(|| Problem::not_found("Organization", wanted))?.uuid))
}

fn expiry(form: &Form, now_micros: i64) -> Result<Option<i64>, Problem> {
    let Some(text) = form.one("days") else { return Ok(None) };
    let days: u32 =
        text.parse().map_err(|_| Problem::invalid(format!("days: `{}` is not a number", shortened(text))))?;
    Ok(Some(now_micros.saturating_add(i64::from(days).saturating_mul(DAY_MICROS))))
}

pub(super) async fn rotate(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let made =
        app.control().keys().rotate(form.needed("id")?, OVERLAP, &visitor.actor(), visitor.now(), &mut rng()).await?;
    page(&app, &visitor, Some(&made)).await
}

pub(super) async fn revoke(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    app.control().keys().revoke(form.needed("id")?, &visitor.actor(), visitor.now(), &mut rng()).await?;
    Ok(Redirect::to(&format!("{PATH}?said=revoked")).into_response())
}
