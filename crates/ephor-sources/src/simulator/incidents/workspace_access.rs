//! Unauthorised workspace access: into restricted workspaces and groups, by people, service accounts and keys.
//! Promises that the restricted places are named as such in the directory's registers.
//! Never uses an open workspace.

use crate::simulator::calendar::{HOUR, local_time};
use crate::simulator::people::Home;
use crate::simulator::plan::{Place, Scene, Stage};
use crate::simulator::truth::UseCase;

pub(crate) fn lets_themselves_in(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.console);
    let Stage { company, plan, dice, span } = stage;
    let restricted = company.restricted_workspace(dice);
    let workspace = company.workspaces[restricted].id.clone();
    let person = company.person(who);
    let at = local_time(person.site(), span.day_start(day), 18, 31);
    let place = Place::In(&company.api);
    let mut scene = Scene::open(plan, UseCase::WorkspaceAccess);
    scene.entity("user", &person.id).entity("workspace", &workspace);
    scene.act(dice, at, "platform_workspace_member_added", person.office(), place, |row| {
        row.text("user_id", &person.id).text("workspace_id", &workspace);
    });
    scene.act(dice, at + HOUR / 12, "platform_workspace_member_updated", person.office(), place, |row| {
        row.update("workspace_role", "workspace_user", "workspace_admin");
        row.text("user_id", &person.id).text("workspace_id", &workspace);
    });
    scene.close("Somebody adds themselves to a restricted workspace and becomes its admin");
    let members = &mut company.workspaces[restricted].members;
    members.retain(|(member, _)| *member != who);
    members.push((who, "workspace_admin"));
}

pub(crate) fn service_account_moved_in(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.console);
    let Stage { company, plan, dice, span } = stage;
    let workspace = company.workspaces[company.restricted_workspace(dice)].id.clone();
    let account = dice.pick(&company.service_accounts).id.clone();
    let person = company.person(who);
    let at = local_time(person.site(), span.day_start(day), 10, 14);
    let mut scene = Scene::open(plan, UseCase::WorkspaceAccess);
    scene.entity("service_account", &account).entity("workspace", &workspace).entity("user", &person.id);
    let place = Place::In(&company.api);
    scene.act(dice, at, "platform_service_account_workspace_member_added", person.office(), place, |row| {
        row.text("service_account_id", &account).text("workspace_id", &workspace);
    });
    scene.act(dice, at + HOUR, "platform_federation_rule_workspace_added", person.office(), place, |row| {
        row.text("federation_rule_id", &company.federation_rule).text("workspace_id", &workspace);
    });
    scene.close("A service account and a federation rule are let into a restricted workspace");
}

pub(crate) fn key_moved_in(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.console);
    let Stage { company, plan, dice, span } = stage;
    let restricted = company.restricted_workspace(dice);
    let Some(key) =
        company.console_keys.iter().position(|key| key.status == "active" && key.created_at < span.day_start(day))
    else {
        return;
    };
    let (from, to) =
        (company.workspaces[company.console_keys[key].workspace].id.clone(), company.workspaces[restricted].id.clone());
    let id = company.console_keys[key].id.clone();
    let person = company.person(who);
    let at = local_time(person.site(), span.day_start(day), 17, 47);
    let mut scene = Scene::open(plan, UseCase::WorkspaceAccess);
    scene.entity("api_key", &id).entity("workspace", &to).entity("user", &person.id);
    scene.act(dice, at, "platform_api_key_updated", person.office(), Place::In(&company.api), |row| {
        row.text("api_key_id", &id).update("workspace", &from, &to);
    });
    scene.close("An API key is moved into a restricted workspace");
    company.console_keys[key].workspace = restricted;
}

pub(crate) fn group_for_two_hours(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| {
        person.home == Home::Enterprise && person.team_name() != "legal" && person.team_name() != "finance"
    });
    let Stage { company, plan, dice, span } = stage;
    let restricted: Vec<String> =
        company.groups.iter().filter(|group| group.restricted).map(|group| group.id.clone()).collect();
    let group = dice.pick(&restricted).clone();
    let admin = company.person(company.administrator(dice));
    let person = company.person(who);
    let at = local_time(admin.site(), span.day_start(day), 12, 20);
    let place = Place::In(&company.enterprise);
    let mut scene = Scene::open(plan, UseCase::WorkspaceAccess);
    scene.entity("user", &person.id).entity("group", &group);
    for (hours, kind) in [(0, "group_member_added"), (2, "group_member_removed")] {
        scene.act(dice, at + hours * HOUR, kind, admin.office(), place, |row| {
            row.text("group_id", &group).texts("member_ids", &[&person.id]);
        });
    }
    scene.close("An outsider is member of a restricted group for two hours");
}
