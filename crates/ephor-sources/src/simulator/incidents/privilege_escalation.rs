//! Privilege escalation: ranks that rise where they should not.
//! Promises the published role names, so that a rank order finds every rise.
//! Never leaves anybody raised in the directory without the feed having said so.

use crate::simulator::calendar::{DAY, HOUR, MINUTE, local_time};
use crate::simulator::company::{ConsoleKey, scoped_key};
use crate::simulator::people::Home;
use crate::simulator::plan::{Place, Scene, Stage};
use crate::simulator::truth::UseCase;

fn curator(stage: &mut Stage<'_>) -> u32 {
    let people = &stage.company.people;
    let found =
        people.iter().find(|person| person.role == "membership_admin" && !person.cast).map(|person| person.index);
    found.unwrap_or_else(|| stage.cast(|person| person.home == Home::Enterprise))
}

pub(crate) fn raises_themselves(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = curator(stage);
    stage.company.people[who as usize].cast = true;
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let at = local_time(person.site(), span.day_start(day), 22, 48);
    let mut scene = Scene::open(plan, UseCase::PrivilegeEscalation);
    scene.entity("user", &person.id);
    scene.act(dice, at, "claude_user_role_updated", &person.devices[1].actor, Place::In(&company.enterprise), |row| {
        row.text("current_role", "owner").text("previous_role", person.role);
        row.text("user_email", &person.email).text("user_id", &person.id);
    });
    scene.close("Somebody makes themselves owner late in the evening");
    company.people[who as usize].role = "owner";
}

pub(crate) fn rise_then_key(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let admin = company.person(company.administrator(dice));
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let at = local_time(person.site(), span.day_start(day), 14, 20);
    let mut key =
        scoped_key(dice, "exports", &["read:compliance_activities", "read:compliance_user_data"], span.day_start(day));
    key.created_by = who;
    key.created_at = span.clamp(at + 3 * HOUR);
    let mut scene = Scene::open(plan, UseCase::PrivilegeEscalation);
    scene.entity("user", &person.id).entity("api_key", &key.id);
    scene.act(dice, at, "claude_user_role_updated", admin.office(), place, |row| {
        row.text("current_role", "owner").text("previous_role", person.role);
        row.text("user_email", &person.email).text("user_id", &person.id);
    });
    scene.act(dice, at + 3 * HOUR, "api_key_created", person.office(), place, |row| {
        row.text("api_key_id", &key.id).texts("scopes", &key.scopes).flag("restricted_to_organization", false);
    });
    scene.close("A new owner makes a key that opens user data within hours of the rise");
    company.people[who as usize].role = "owner";
    company.compliance_keys.push(key);
}

pub(crate) fn short_elevation(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let admin = company.person(company.administrator(dice));
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let at = local_time(person.site(), span.day_start(day), 12, 35);
    let mut scene = Scene::open(plan, UseCase::PrivilegeEscalation);
    scene.entity("user", &person.id).entity("user", &admin.id);
    scene.act(dice, at, "claude_user_role_updated", admin.office(), place, |row| {
        row.text("current_role", "admin").text("previous_role", person.role);
        row.text("user_email", &person.email).text("user_id", &person.id);
    });
    scene.act(dice, at + 50 * MINUTE, "org_members_exported", person.office(), place, |_| {});
    scene.act(dice, at + 2 * HOUR, "claude_user_role_updated", admin.office(), place, |row| {
        row.text("current_role", person.role).text("previous_role", "admin");
        row.text("user_email", &person.email).text("user_id", &person.id);
    });
    scene.close("A member is admin for two hours, exports the member list and is member again");
}

pub(crate) fn custom_role_widened(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.console);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let at = local_time(person.site(), span.day_start(day), 19, 26);
    let role = company.roles[0].id.clone();
    let organization = company.enterprise.id.clone();
    let mut scene = Scene::open(plan, UseCase::PrivilegeEscalation);
    scene.entity("user", &person.id).entity("role", &role);
    scene.act(dice, at, "rbac_role_permission_added", person.office(), place, |row| {
        row.text("action", "manage_members").text("resource_id", &organization);
        row.text("resource_type", "organization").text("role_id", &role);
    });
    scene.act(dice, at + 2 * MINUTE, "rbac_role_assigned", person.office(), place, |row| {
        row.text("principal_id", &person.id).text("principal_type", "user").text("role_id", &role);
    });
    let key = dice.tagged("apikey_");
    scene.entity("api_key", &key);
    scene.act(dice, at + 20 * MINUTE, "platform_api_key_created", person.office(), Place::In(&company.api), |row| {
        row.text("api_key_id", &key);
    });
    scene.close("A custom role gets the right to manage members and is taken by the one who widened it");
    let created_at = span.clamp(at + 20 * MINUTE);
    company.console_keys.push(ConsoleKey {
        id: key,
        name: "temp".to_owned(),
        workspace: 1,
        created_by: who,
        created_at,
        status: "active",
        expires_at: Some(created_at + 30 * DAY),
    });
    let widened = ("organization", organization, "manage_members");
    company.roles[0].permissions.push(widened);
}
