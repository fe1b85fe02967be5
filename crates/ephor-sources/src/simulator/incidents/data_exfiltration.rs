//! Data exfiltration: many distinct objects in a short time, and doors to the outside.
//! Promises distinct object ids, since counts of ids are all that the feed shows.
//! Never uses the migration account's ordinary traffic.

use crate::simulator::actor::Actor;
use crate::simulator::calendar::{HOUR, MINUTE, SECOND, local_time};
use crate::simulator::people::Home;
use crate::simulator::plan::{Place, Scene, Stage};
use crate::simulator::truth::UseCase;

pub(crate) fn files_by_a_key(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let Stage { company, plan, dice, span } = stage;
    let Some(key) =
        company.console_keys.iter().find(|key| key.status == "active" && key.created_at < span.day_start(day))
    else {
        return;
    };
    let ip = format!("192.0.2.{}", 120 + dice.below(30));
    let actor = Actor::api(&key.id, &ip, "curl/8.16.0");
    let mut at = span.day_start(day) + dice.between(HOUR, 5 * HOUR);
    let mut scene = Scene::open(plan, UseCase::DataExfiltration);
    scene.entity("api_key", &key.id).entity("ip_address", &ip);
    for _ in 0..60 {
        at += dice.between(1, 5) * SECOND;
        let file = dice.tagged("file_");
        scene.act(dice, at, "platform_file_content_downloaded", &actor, Place::In(&company.api), |row| {
            row.text("file_id", &file);
        });
    }
    scene.close("Sixty different files are downloaded with one key within minutes");
}

pub(crate) fn export_to_a_drive(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let mut at = local_time(person.site(), span.day_start(day), 18, 55);
    let mut scene = Scene::open(plan, UseCase::DataExfiltration);
    scene.entity("user", &person.id);
    for _ in 0..32 {
        let file = dice.tagged("claude_file_");
        at += dice.between(10, 45) * SECOND;
        scene.act(dice, at, "claude_file_viewed", person.office(), place, |row| {
            row.text("claude_file_id", &file);
        });
        scene.act(dice, at + 4 * SECOND, "claude_file_exported", person.office(), place, |row| {
            row.text("export_destination", "google_drive").text("filename", "").text("claude_file_id", &file);
        });
    }
    scene.close("Thirty-two files are opened and exported to a drive one after the other");
}

pub(crate) fn public_links(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let at = local_time(person.site(), span.day_start(day), 12, 41);
    let mut scene = Scene::open(plan, UseCase::DataExfiltration);
    scene.entity("user", &person.id);
    for number in 0..4 {
        let (artifact, version) = (dice.tagged("claude_artifact_"), dice.tagged("claude_artifact_version_"));
        scene.entity("artifact", &artifact);
        scene.act(dice, at + number * 3 * MINUTE, "claude_artifact_sharing_updated", person.office(), place, |row| {
            row.raw("audience", r#"[{"type":"organization"},{"type":"anyone_with_link"}]"#);
            row.text("claude_artifact_id", &artifact).text("claude_artifact_version_id", &version);
            row.text("new_mode", "anyone_with_link").text("previous_mode", "organization");
        });
    }
    let project = dice.pick(&company.projects[..company.standing.projects]).id.clone();
    scene.entity("project", &project);
    scene.act(dice, at + 20 * MINUTE, "claude_project_sharing_updated", person.office(), place, |row| {
        row.raw("audience", r#"[{"type":"public"}]"#).text("claude_project_id", &project);
    });
    scene.close("Four artifacts and a project are opened to anyone with the link");
}

pub(crate) fn export_collected_by_another(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let owner = company.person(company.owner(dice));
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let at = local_time(owner.site(), span.day_start(day), 17, 30);
    let mut scene = Scene::open(plan, UseCase::DataExfiltration);
    scene.entity("user", &owner.id).entity("user", &person.id);
    let steps = [
        (at, "org_data_export_started", owner),
        (at + 40 * MINUTE, "org_data_export_completed", owner),
        (at + 55 * MINUTE, "org_data_export_accessed", person),
    ];
    for (at, kind, who) in steps {
        scene.act(dice, at, kind, who.office(), place, |row| {
            row.text("export_type", "conversations");
        });
    }
    scene.act(dice, at + 70 * MINUTE, "audit_log_export_started", person.office(), place, |_| {});
    scene.act(dice, at + 75 * MINUTE, "audit_log_export_accessed", person.office(), place, |_| {});
    scene.close("An organization export is started by one person and collected by another");
}

pub(crate) fn snapshots(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let mut at = local_time(person.site(), span.day_start(day), 9, 20);
    let mut scene = Scene::open(plan, UseCase::DataExfiltration);
    scene.entity("user", &person.id);
    for _ in 0..24 {
        at += dice.between(2, 14) * MINUTE;
        let (chat, snapshot) = (dice.tagged("claude_chat_"), dice.tagged("claude_chat_snapshot_"));
        scene.act(dice, at, "claude_chat_snapshot_created", person.office(), place, |row| {
            row.text("claude_chat_id", &chat).text("claude_chat_snapshot_id", &snapshot);
        });
    }
    scene.close("Two dozen chats are turned into shareable snapshots within one working day");
}
