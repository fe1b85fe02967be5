//! Third-party integrations: widened policies, forged webhooks, unlisted connectors, revealed tokens.
//! Promises that the approved register in the directory tells listed from unlisted.
//! Never reports a connector that is listed and unchanged.

use crate::simulator::actor::Actor;
use crate::simulator::calendar::{MINUTE, SECOND, local_time};
use crate::simulator::people::Home;
use crate::simulator::plan::{Place, Scene, Stage};
use crate::simulator::truth::UseCase;

pub(crate) fn policy_widened(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let Stage { company, plan, dice, span } = stage;
    let admin = company.person(company.administrator(dice));
    let connector = dice.pick(&company.approved_connectors[..company.standing.connectors]);
    let place = Place::In(&company.enterprise);
    let at = local_time(admin.site(), span.day_start(day), 14, 48);
    let mut scene = Scene::open(plan, UseCase::ThirdPartyAudit);
    scene.entity("mcp_server", &connector.id).entity("user", &admin.id);
    for (number, tool) in ["delete_records", "send_message", "export_all"].into_iter().enumerate() {
        let at = at + i64::from(number as u32) * 40 * SECOND;
        scene.act(dice, at, "mcp_tool_policy_updated", admin.office(), place, |row| {
            row.text("mcp_server_id", &connector.id).text("mcp_server_name", &connector.name);
            row.text("tool_name", tool).text("max_permission", "always_allow");
        });
    }
    scene.act(dice, at + 5 * MINUTE, "mcp_server_managed_auth_updated", admin.office(), place, |row| {
        row.text("mcp_server_id", &connector.id)
            .text("mcp_server_name", &connector.name)
            .text("managed_auth_mode", "none");
    });
    scene.close(format!(
        "The approved connector {} gets writing tools always allowed and loses its managed sign-in",
        connector.name
    ));
}

pub(crate) fn forged_webhooks(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let Stage { company, plan, dice, span } = stage;
    let configuration = dice.tagged("ghe_");
    let actor = Actor::system("github-webhooks");
    let mut at = span.day_start(day) + dice.between(2, 20) * 60 * MINUTE;
    let mut scene = Scene::open(plan, UseCase::ThirdPartyAudit);
    scene.entity("ghe_configuration", &configuration);
    for _ in 0..9 {
        at += dice.between(60, 300) * SECOND;
        scene.act(dice, at, "ghe_webhook_signature_invalid", &actor, Place::In(&company.enterprise), |row| {
            row.text("ghe_configuration_id", &configuration);
        });
    }
    scene.close("Nine webhooks with a wrong signature arrive within the hour");
}

pub(crate) fn unlisted_connector_approved(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let Stage { company, plan, dice, span } = stage;
    let admin = company.person(company.administrator(dice));
    let place = Place::In(&company.enterprise);
    let at = local_time(admin.site(), span.day_start(day), 11, 27);
    let server = dice.tagged("mcpsrv_");
    let mut scene = Scene::open(plan, UseCase::ThirdPartyAudit);
    scene.entity("mcp_server", &server).entity("user", &admin.id);
    scene.act(dice, at, "mcp_server_created", admin.office(), place, |row| {
        row.text("mcp_server_id", &server).text("mcp_server_name", "Ledger Sync (beta)");
    });
    scene.act(dice, at + 6 * MINUTE, "admin_connector_request_resolved", admin.office(), place, |row| {
        row.text("decision", "approved").text("mcp_server_id", &server).number("resolved_count", 7);
    });
    scene.close("An admin makes a connector live that is not on the approved register");
}

pub(crate) fn tunnel_token_shown(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.console && person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let place = Place::In(&company.api);
    let at = local_time(person.site(), span.day_start(day), 19, 4);
    let (tunnel, token, app) = (dice.tagged("tnl_"), dice.tagged("tnltok_"), dice.tagged("oapp_"));
    let workspace = company.workspaces[0].id.clone();
    let mut scene = Scene::open(plan, UseCase::ThirdPartyAudit);
    scene.entity("user", &person.id).entity("tunnel", &tunnel).entity("oauth_app", &app);
    scene.act(dice, at, "tunnel_created", person.office(), place, |row| {
        row.text("tunnel_id", &tunnel);
    });
    scene.act(dice, at + 2 * MINUTE, "tunnel_token_revealed", person.office(), place, |row| {
        row.text("tunnel_id", &tunnel).text("tunnel_token_id", &token);
    });
    scene.act(dice, at + 9 * MINUTE, "platform_oauth_app_created", person.office(), place, |row| {
        row.text("oauth_app_id", &app).text("workspace_id", &workspace);
    });
    scene.close("A developer makes a tunnel, reveals its token and registers an application beside it");
}
