//! Every campaign with how far it is, and a form that opens one.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ephor_reports::review::{Campaign, EntitlementKind, Reviews};
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use maud::{Markup, html};

use crate::console::access::Right;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Tone};
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::state::App;

/// The time that a campaign has unless somebody says otherwise.
const USUAL_DAYS: i64 = 14;

/// Campaigns that are not closed, the one due first first.
pub(in crate::console) async fn due(app: &App) -> Result<Vec<Campaign>, Problem> {
    let mut campaigns = Reviews::new(app.control()).list().await?;
    campaigns.retain(|campaign| campaign.closed_micros.is_none());
    campaigns.sort_by_key(|campaign| campaign.due_micros);
    Ok(campaigns)
}

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let campaigns = Reviews::new(app.control()).list().await?;
    let body = html! {
        section class="card flush" {
            h2 { "Campaigns" }
            @if campaigns.is_empty() { (parts::empty("No review", html! { "A campaign takes down who has access to what, and asks somebody about each." })) }
            @else { (table(&campaigns, &visitor)) }
        }
        @if visitor.may(Right::RunReviews) { section class="card" { h2 { "Open a campaign" } (form(&visitor)) } }
    };
    let open = campaigns.iter().filter(|campaign| campaign.closed_micros.is_none()).count() as u64;
    let lead = html! { (parts::plural(open, "open campaign", "open campaigns")) };
    let sheet = Sheet { title: "Access reviews", spot: Spot::Reviews, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

fn table(campaigns: &[Campaign], visitor: &Visitor) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Campaigns" }
            thead { tr { th scope="col" { "Campaign" } th scope="col" { "Opened (UTC)" } th scope="col" { "Due (UTC)" } th scope="col" class="n" { "Decided" } th scope="col" { "State" } } }
            tbody { @for campaign in campaigns { tr data-row="" {
                td { a href=(format!("/reviews/{}", escape(&campaign.id))) { strong { (campaign.name) } } span class="gist" { "by " (campaign.opened_by) } }
                td { (parts::moment(campaign.opened_micros, visitor.now())) }
                td { (parts::moment(campaign.due_micros, visitor.now())) }
                td class="n" { (parts::count(campaign.decided)) " of " (parts::count(campaign.items)) }
                td { (state(campaign, visitor.now())) }
            } } }
        } }
    }
}

/// How a campaign stands, as a badge.
pub(super) fn state(campaign: &Campaign, now_micros: i64) -> Markup {
    match campaign.closed_micros {
        Some(_) => parts::badge(Tone::Good, "closed, signed"),
        None if campaign.due_micros < now_micros => parts::badge(Tone::Bad, "overdue"),
        None => parts::badge(Tone::Fair, "open"),
    }
}

fn form(visitor: &Visitor) -> Markup {
    let due = UtcDay::from_micros(visitor.now() + USUAL_DAYS * DAY_MICROS);
    html! {
        form action="/reviews" method="post" class="stack" {
            (visitor.visit.form_field())
            div class="filters" {
                label class="text" { "What it is called" input name="name" required maxlength="200"; }
                label { "Due (day, UTC)" input name="due" value=(due) required maxlength="10"; }
                label class="text" { "Reviewer" span class="hint" { "where nobody's manager is known" } input name="reviewer" type="email" value=(visitor.signed_in.member.email) required maxlength="320"; }
            }
            fieldset {
                legend { "What is reviewed" }
                div class="columns" {
                    @for kind in EntitlementKind::ALL { label class="check" { input type="checkbox" name="kind" value=(kind.as_str()) checked; (kind.as_str().replace('_', " ")) } }
                    label class="check" { input type="checkbox" name="privileged" value="1"; "only what allows to change what others may do" }
                }
            }
            div { button class="button primary" { "Open it" } }
        }
    }
}
