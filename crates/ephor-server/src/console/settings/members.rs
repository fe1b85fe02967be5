//! Who may do what in this Ephor: members, their roles, and codes with which they set up how they sign in.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::console::{CodeUse, Opens};
use ephor_lake::control::{Member, Role};
use ephor_wire::timestamp::DAY_MICROS;
use maud::{Markup, html};

use super::button;
use crate::console::access::{self, Right};
use crate::console::form::Form;
use crate::console::parts;
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::{App, rng};

const PATH: &str = "/settings/members";

const SAID: &[(&str, &str)] = &[
    ("granted", "The role is given, from the next request on."),
    ("removed", "They are no member any more, and their sessions have ended."),
];

/// A code just made, to hand over.
struct Invitation {
    email: String,
    code: String,
    link: String,
}

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    page(&app, &visitor, None).await
}

async fn page(app: &App, visitor: &Visitor, invitation: Option<&Invitation>) -> Result<Response, Problem> {
    let members = app.control().members().list().await?;
    let body = html! {
        (parts::notice(Query::parse(&visitor.visit.query).one("said"), SAID))
        @if let Some(invitation) = invitation { (shown_once(invitation)) }
        @if visitor.may(Right::GiveRoles) { (grant_form(visitor)) }
        section class="card flush" {
            h2 { "Members" }
            div class="scroll" tabindex="0" { table {
                caption class="hidden" { "Members" }
                thead { tr { th { "Member" } th { "Role" } th { "May" } th { "Since" } th { "Given by" } th { span class="hidden" { "Actions" } } } }
                tbody { @for member in &members { (line(member, visitor)) } }
            } }
        }
        section class="card" {
            h2 { "Roles" }
            dl class="facts" { @for role in Role::ALL.into_iter().rev() { dt { (role.as_str().replace('_', " ")) } dd { (access::described(role)) } } }
        }
    };
    Ok(super::sheet(visitor, PATH, body))
}

fn shown_once(invitation: &Invitation) -> Markup {
    html! {
        section class="card" aria-label="The new code" {
            h2 { "A code for " (invitation.email) ", shown this once" }
            p { "It works once, within a day, and lets them set up how they sign in. Hand it over on a way that only they read." }
            p class="shown-once" { code class="mono" id="code" { (invitation.code) } button class="button small" type="button" data-copy="#code" hidden { "Copy" } }
            p class="shown-once" { code class="mono" id="link" { (invitation.link) } button class="button small" type="button" data-copy="#link" hidden { "Copy" } }
        }
    }
}

fn grant_form(visitor: &Visitor) -> Markup {
    html! {
        section class="card" {
            h2 { "Give a role" }
            form action=(PATH) method="post" class="filters" {
                (visitor.visit.form_field())
                label class="text" { "E-mail address" input type="email" name="email" required maxlength="320"; }
                label { "Role" select name="role" { @for role in Role::ALL.into_iter().filter(|role| *role != Role::PrimaryOwner) { option value=(role.as_str()) selected[role == Role::Analyst] { (role.as_str()) } } } }
                button class="button primary" { "Give the role" }
            }
        }
    }
}

fn line(member: &Member, visitor: &Visitor) -> Markup {
    let own = member.user_id == visitor.signed_in.member.user_id;
    html! {
        tr data-row="" {
            td { strong { (member.email) } span class="gist mono" { (member.user_id) } }
            td { (member.role.as_str().replace('_', " ")) }
            td class="muted" { (access::described(member.role)) }
            td { (parts::day(member.granted_at_micros)) }
            td { (member.granted_by) }
            td class="act" {
                @if visitor.may(Right::GiveRoles) && !own {
                    (button(visitor, "/settings/members/invite", ("email", &member.email), "Make a code", &member.email))
                    @if member.role != Role::PrimaryOwner { " " (button(visitor, "/settings/members/remove", ("email", &member.email), "Remove", &member.email)) }
                }
            }
        }
    }
}

pub(super) async fn grant(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let role: Role = form.needed("role")?.parse()?;
    let by = visitor.actor();
    app.control().members().grant(form.needed("email")?, None, role, &by, visitor.now(), &mut rng()).await?;
    Ok(Redirect::to(&format!("{PATH}?said=granted")).into_response())
}

pub(super) async fn remove(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    app.control().members().remove(form.needed("email")?, &visitor.actor(), visitor.now(), &mut rng()).await?;
    Ok(Redirect::to(&format!("{PATH}?said=removed")).into_response())
}

pub(super) async fn invite(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let email = form.needed("email")?;
    let unknown = || Problem::not_found("Member", email);
    let member = app.control().members().find(email).await?.ok_or_else(unknown)?;
    if member.role > visitor.signed_in.member.role {
        // Whoever has somebody's code can be them.
        return Err(Problem::forbidden(
            "A code for somebody with a higher role than yours is made by them, or on the node.",
        ));
    }
    let what = (Opens::SetUp, CodeUse::Once);
    let (by, now) = (visitor.actor(), visitor.now());
    let code =
        app.control().console().codes().make(&member.user_id, what, now + DAY_MICROS, &by, now, &mut rng()).await?;
    let link = visitor.visit.origin.join(&format!("/sign-in#code={}", code.expose()));
    let invitation = Invitation { email: member.email, code: code.expose().to_owned(), link };
    page(&app, &visitor, Some(&invitation)).await
}
