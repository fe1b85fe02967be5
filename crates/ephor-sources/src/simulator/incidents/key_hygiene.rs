//! API key hygiene: keys made by the wrong people, with the wrong scopes, or used from the wrong place.
//! Promises that the keys are in the directory as the feed left them.
//! Never touches the rotation that ordinary administration does.

use crate::simulator::actor::Actor;
use crate::simulator::calendar::{DAY, HOUR, MINUTE, SECOND, local_time};
use crate::simulator::company::{ConsoleKey, scoped_key};
use crate::simulator::plan::{Place, Scene, Stage};
use crate::simulator::truth::UseCase;

pub(crate) fn admin_key_by_a_member(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.console);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let at = local_time(person.site(), span.day_start(day), 18, 9);
    let mut key = scoped_key(dice, "local-admin", &["org:admin"], span.day_start(day));
    key.created_by = who;
    key.created_at = span.clamp(at);
    let mut scene = Scene::open(plan, UseCase::ApiKeyHygiene);
    scene.entity("user", &person.id).entity("admin_api_key", &key.id);
    scene.act(dice, at, "admin_api_key_created", person.office(), Place::In(&company.api), |row| {
        row.text("admin_api_key_id", &key.id).texts("scopes", &key.scopes);
    });
    scene.close("An Admin API key is made by somebody who is no admin");
    company.admin_keys.push(key);
}

pub(crate) fn key_that_may_delete(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let Stage { company, plan, dice, span } = stage;
    let owner = company.owner(dice);
    let person = company.person(owner);
    let at = local_time(person.site(), span.day_start(day), 16, 44);
    let scopes = ["read:compliance_user_data", "delete:compliance_user_data"];
    let mut key = scoped_key(dice, "cleanup-script", &scopes, span.day_start(day));
    key.created_by = owner;
    key.created_at = span.clamp(at);
    let mut scene = Scene::open(plan, UseCase::ApiKeyHygiene);
    scene.entity("user", &person.id).entity("api_key", &key.id);
    scene.act(dice, at, "api_key_created", person.office(), Place::In(&company.enterprise), |row| {
        row.text("api_key_id", &key.id).texts("scopes", &key.scopes).flag("restricted_to_organization", false);
    });
    scene.close("A compliance key that may delete user data is made and never expires");
    company.compliance_keys.push(key);
}

pub(crate) fn burst_of_keys(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.console);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let start = local_time(person.site(), span.day_start(day), 13, 5);
    let mut scene = Scene::open(plan, UseCase::ApiKeyHygiene);
    scene.entity("user", &person.id);
    let mut made = Vec::new();
    for number in 0..5 {
        let (id, at) = (dice.tagged("apikey_"), start + number * 7 * MINUTE);
        scene.entity("api_key", &id);
        scene.act(dice, at, "platform_api_key_created", person.office(), Place::In(&company.api), |row| {
            row.text("api_key_id", &id);
        });
        made.push((id, at));
    }
    for (id, _) in made.iter().skip(2) {
        scene.act(
            dice,
            start + 9 * HOUR,
            "platform_api_key_updated",
            person.office(),
            Place::In(&company.api),
            |row| {
                row.text("api_key_id", id).update("status", "active", "archived");
            },
        );
    }
    scene.close("Five keys within half an hour, three of them gone again the same day");
    for (number, (id, at)) in made.into_iter().enumerate() {
        company.console_keys.push(ConsoleKey {
            id,
            name: format!("tmp-{number}"),
            workspace: 1,
            created_by: who,
            created_at: span.clamp(at),
            status: if number < 2 { "active" } else { "archived" },
            expires_at: None,
        });
    }
}

pub(crate) fn feed_read_from_elsewhere(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let Stage { company, plan, dice, span } = stage;
    let Some(key) = company.compliance_keys.get(1) else {
        return;
    };
    let ip = format!("192.0.2.{}", 200 + dice.below(40));
    let actor = Actor::api(&key.id, &ip, "python-requests/2.32.5");
    let mut at = span.day_start(day) + dice.between(0, 5 * HOUR);
    let mut scene = Scene::open(plan, UseCase::ApiKeyHygiene);
    scene.entity("api_key", &key.id).entity("ip_address", &ip);
    let uuid = company.enterprise.uuid.clone();
    for number in 0..14 {
        let url = match number {
            0 => "/v1/compliance/organizations".to_owned(),
            1 => format!("/v1/compliance/organizations/{uuid}/users?limit=1000"),
            _ => format!("/v1/compliance/apps/chats/{}/messages", dice.tagged("claude_chat_")),
        };
        let request = dice.tagged("req_");
        scene.act(dice, at, "compliance_api_accessed", &actor, Place::Nowhere, |row| {
            row.text("request_id", &request).text("request_method", "GET").number("status_code", 200).text("url", &url);
        });
        at += 3 * SECOND;
    }
    scene.close("The inventory key is used from a new network with a new client, and opens chat content");
}

pub(crate) fn old_key_renamed(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.console);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let at = local_time(person.site(), span.day_start(day), 10, 36);
    let id = dice.tagged("apikey_");
    let mut scene = Scene::open(plan, UseCase::ApiKeyHygiene);
    scene.entity("api_key", &id).entity("user", &person.id);
    scene.act(dice, at, "platform_api_key_updated", person.office(), Place::In(&company.api), |row| {
        row.text("api_key_id", &id).update("name", "legacy", "legacy-v2");
    });
    scene.close("A key of more than a year is renamed instead of replaced, and stays active");
    company.console_keys.push(ConsoleKey {
        id,
        name: "legacy-v2".to_owned(),
        workspace: 0,
        created_by: who,
        created_at: span.start - 400 * DAY,
        status: "active",
        expires_at: None,
    });
}
