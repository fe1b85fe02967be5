//! Shadow AI: connectors, skills and extensions that nobody approved.
//! Promises names and ids that are not on the approved register, or a registered name with a foreign id.
//! Never touches approved connectors.

use crate::simulator::calendar::{DAY, MINUTE, local_time};
use crate::simulator::people::Home;
use crate::simulator::plan::{Place, Scene, Stage};
use crate::simulator::truth::UseCase;

const PERSONAL: [&str; 4] = ["Quick Notes AI", "MeetingScribe", "PromptVault", "SlideGenie"];
const SERVERS: [&str; 4] = ["pdf-chat-free", "notion-mirror", "crm-scraper", "gpt-bridge"];

pub(crate) fn connector_spreads(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let crowd = (5 + stage.dice.below(4)).min(stage.company.people.len() as u32 / 4);
    let people: Vec<u32> = (0..crowd).map(|_| stage.cast(|person| person.home == Home::Enterprise)).collect();
    let Stage { company, plan, dice, span } = stage;
    let (server, name) = (dice.tagged("mcpsrv_"), *dice.pick(&PERSONAL));
    let mut scene = Scene::open(plan, UseCase::ShadowAi);
    scene.entity("mcp_server", &server);
    let mut start = span.day_start(day);
    for who in people {
        let person = company.person(who);
        let at = local_time(person.site(), start, 10, 0) + dice.between(0, 5 * 60) * MINUTE;
        scene.entity("user", &person.id);
        scene.act(dice, at, "integration_user_connected", person.office(), Place::In(&company.enterprise), |row| {
            row.text("integration_type", "mcp").text("mcp_server_id", &server).text("mcp_server_name", name);
        });
        start = (start + DAY * dice.between(0, 1)).min(span.end - DAY);
    }
    scene.close(format!("The unapproved connector {name} spreads from person to person"));
}

pub(crate) fn server_by_a_member(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let at = local_time(person.site(), span.day_start(day), 15, 12);
    let (server, name) = (dice.tagged("mcpsrv_"), *dice.pick(&SERVERS));
    let place = Place::In(&company.enterprise);
    let mut scene = Scene::open(plan, UseCase::ShadowAi);
    scene.entity("user", &person.id).entity("mcp_server", &server);
    scene.act(dice, at, "mcp_server_created", person.office(), place, |row| {
        row.text("mcp_server_id", &server).text("mcp_server_name", name);
    });
    scene.act(dice, at + 4 * MINUTE, "mcp_tool_policy_updated", person.office(), place, |row| {
        row.text("mcp_server_id", &server).text("mcp_server_name", name);
        row.text("tool_name", "run").text("max_permission", "always_allow");
    });
    scene.close(format!(
        "A member without administrative rights makes the server {name} for everybody and always allows its tool"
    ));
}

pub(crate) fn known_name_other_server(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let at = local_time(person.site(), span.day_start(day), 11, 41);
    let name = dice.pick(&company.approved_connectors[..company.standing.connectors]).name.clone();
    let server = dice.tagged("mcpsrv_");
    let mut scene = Scene::open(plan, UseCase::ShadowAi);
    scene.entity("user", &person.id).entity("mcp_server", &server);
    scene.act(dice, at, "mcp_server_created", person.office(), Place::In(&company.enterprise), |row| {
        row.text("mcp_server_id", &server).text("mcp_server_name", &name);
    });
    scene.close(format!("A server with the approved name {name} but another id appears"));
}

pub(crate) fn private_extension(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let at = local_time(person.site(), span.day_start(day), 17, 3);
    let (extension, plugin) = (dice.tagged("dxt_"), dice.tagged("plugin_"));
    let mut scene = Scene::open(plan, UseCase::ShadowAi);
    scene.entity("user", &person.id).entity("extension", &extension).entity("plugin", &plugin);
    scene.act(dice, at, "desktop_extension_uploaded", person.office(), place, |row| {
        row.text("extension_id", &extension).text("version", "0.0.1");
    });
    for (minutes, kind) in [(6, "claude_plugin_created"), (8, "claude_plugin_enabled")] {
        scene.act(dice, at + minutes * MINUTE, kind, person.office(), place, |row| {
            row.text("plugin_id", &plugin).text("plugin_name", "shell-anywhere");
        });
    }
    scene.close("A member uploads a desktop extension of their own and makes and enables a plugin nobody reviewed");
}
