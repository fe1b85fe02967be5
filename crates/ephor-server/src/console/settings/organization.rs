//! Organizations, whether activities are recorded, and whether the Analytics API answers.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::{AnalyticsAccess, Organization, Place, Recording, RecordingPeriod};
use maud::{Markup, html};

use crate::console::access::Right;
use crate::console::form::Form;
use crate::console::parts::{self, Tone};
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::{App, rng};

const PATH: &str = "/settings";

const SAID: &[(&str, &str)] = &[
    ("on", "Recording is on."),
    ("off", "Recording is off. The time until it is on again is a gap that nothing can fill."),
    ("analytics_on", "The Analytics API answers keys with the scope read:analytics."),
    ("analytics_off", "The Analytics API refuses every request. Usage is taken in all the same."),
];

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let control = app.control();
    let (enablement, switch, listed) = (control.enablement(), control.analytics_switch(), control.organizations());
    let (recording, periods, analytics, organizations) =
        tokio::try_join!(enablement.state(), enablement.periods(), switch.state(), listed.list())?;
    let body = html! {
        (parts::notice(Query::parse(&visitor.visit.query).one("said"), SAID))
        section class="card" {
            h2 { "Recording of activities" }
            (recording_state(&recording, &visitor))
            @if visitor.may(Right::Switch) { (recording_switch(&recording, &visitor)) }
            @else { p class="muted" { "Only the primary owner turns it on and off." } }
            @if !periods.is_empty() { (period_table(&periods, &visitor)) }
        }
        section class="card" {
            h2 { "Analytics API" }
            (analytics_state(analytics, &visitor))
        }
        section class="card" {
            h2 { "Organizations" }
            (organization_table(&organizations, &visitor))
        }
    };
    Ok(super::sheet(&visitor, PATH, body))
}

fn recording_state(recording: &Recording, visitor: &Visitor) -> Markup {
    html! {
        @match recording {
            Recording::On(period) => p { (parts::badge(Tone::Good, "on")) " Since " (parts::instant(period.from_micros, visitor.now())) ", under " strong { (period.agreement) } ", turned on by " (period.enabled_by) "." },
            Recording::Off => p { (parts::badge(Tone::Bad, "off")) " The Compliance API and pushes are refused. Imports and collectors go on." },
        }
    }
}

fn recording_switch(recording: &Recording, visitor: &Visitor) -> Markup {
    html! {
        form action="/settings/recording" method="post" class="filters" {
            (visitor.visit.form_field())
            @match recording {
                Recording::On(_) => {
                    input type="hidden" name="state" value="off";
                    label class="check" { input type="checkbox" name="sure" value="yes" required; "I know that what happens meanwhile is not recorded" }
                    button class="button danger" { "Turn recording off" }
                }
                Recording::Off => {
                    input type="hidden" name="state" value="on";
                    label class="text" { "Agreement that it rests on" input name="agreement" required maxlength="200" placeholder="NDA 2026-117"; }
                    button class="button primary" { "Turn recording on" }
                }
            }
        }
    }
}

fn period_table(periods: &[RecordingPeriod], visitor: &Visitor) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Times of recording" }
            thead { tr { th { "From" } th { "To" } th { "Agreement" } th { "Turned on by" } th { "Turned off by" } } }
            tbody { @for period in periods.iter().rev() { tr {
                td { (parts::instant(period.from_micros, visitor.now())) }
                td { @match period.to_micros { Some(to) => (parts::instant(to, visitor.now())), None => "now" } }
                td { (period.agreement) }
                td { (period.enabled_by) }
                td { (period.disabled_by.as_deref().unwrap_or("")) }
            } } }
        } }
    }
}

fn analytics_state(access: AnalyticsAccess, visitor: &Visitor) -> Markup {
    let (tone, words, wanted, button) = match access {
        AnalyticsAccess::On => (Tone::Good, " Keys with the scope read:analytics are answered.", "off", "Turn it off"),
        AnalyticsAccess::Off => {
            (Tone::Plain, " Every request is refused. Usage is taken in all the same.", "on", "Turn it on")
        }
    };
    html! {
        p { (parts::badge(tone, access.as_str())) (words) }
        @if visitor.may(Right::Switch) {
            form action="/settings/analytics" method="post" {
                (visitor.visit.form_field())
                input type="hidden" name="state" value=(wanted);
                button class="button" { (button) }
            }
        }
    }
}

fn organization_table(organizations: &[Organization], visitor: &Visitor) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Organizations" }
            thead { tr { th { "Name" } th { "Place" } th { "Id" } th { "UUID" } th { "Since" } } }
            tbody { @for organization in organizations { tr {
                td { (organization.name) }
                td { (if organization.place == Place::Parent { "parent" } else { "linked" }) }
                td class="mono" { (organization.id.as_str()) }
                td class="mono" { a href=(format!("/activity?organization={}", organization.uuid.as_str())) { (organization.uuid.as_str()) } }
                td { (parts::day(organization.created_at_micros)) " " span class="ago" { (parts::ago(organization.created_at_micros, visitor.now())) } }
            } } }
        } }
    }
}

pub(super) async fn switch_recording(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let (enablement, by) = (app.control().enablement(), visitor.actor());
    let said = match form.needed("state")? {
        "on" => {
            enablement.enable(form.needed("agreement")?, &by, visitor.now(), &mut rng()).await?;
            "on"
        }
        "off" if form.one("sure").is_some() => {
            enablement.disable(&by, visitor.now(), &mut rng()).await?;
            "off"
        }
        _ => return Err(Problem::invalid("Say that you know what turning recording off means.")),
    };
    Ok(Redirect::to(&format!("{PATH}?said={said}")).into_response())
}

pub(super) async fn switch_analytics(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let wanted = if form.needed("state")? == "on" { AnalyticsAccess::On } else { AnalyticsAccess::Off };
    app.control().analytics_switch().turn(wanted, &visitor.actor(), visitor.now(), &mut rng()).await?;
    Ok(Redirect::to(&format!("{PATH}?said=analytics_{}", wanted.as_str())).into_response())
}
