//! Configuration drift: controls that are switched off, and not all of them on again.
//! Promises that what stays off is off in the effective settings too.
//! Never sets a time without recording within working hours.

use crate::simulator::calendar::{DAY, HOUR, MINUTE, local_time};
use crate::simulator::people::Home;
use crate::simulator::plan::{Place, Scene, Stage};
use crate::simulator::row::Change;
use crate::simulator::truth::UseCase;

pub(crate) fn recording_off(stage: &mut Stage<'_>) {
    let weekend = (stage.span.days / 2..stage.span.days.saturating_sub(1)).find(|day| stage.span.is_weekend(*day));
    let day = weekend.unwrap_or(stage.span.days / 2);
    let Stage { company, plan, dice, span } = stage;
    let owner = company.person(company.owner(dice));
    let place = Place::In(&company.enterprise);
    let off = span.day_start(day) + 3 * HOUR + dice.between(0, HOUR);
    let on = (off + 45 * MINUTE).min(span.end - HOUR);
    let mut scene = Scene::open(plan, UseCase::ConfigurationDrift);
    scene.entity("user", &owner.id).entity("organization", &company.enterprise.id);
    for (at, enabled) in [(off, false), (on, true)] {
        scene.act(dice, at, "org_compliance_api_settings_updated", &owner.devices[1].actor, place, |row| {
            row.flag("compliance_api_enabled", enabled).flag("compliance_api_logging_enabled", enabled);
        });
    }
    scene.silence(off, on);
    scene.close("Recording is switched off for three quarters of an hour on a quiet day");
}

pub(crate) fn sign_on_not_enforced(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let Stage { company, plan, dice, span } = stage;
    let owner = company.person(company.owner(dice));
    let place = Place::In(&company.enterprise);
    let at = local_time(owner.site(), span.day_start(day), 13, 10);
    let mut scene = Scene::open(plan, UseCase::ConfigurationDrift);
    scene.entity("user", &owner.id).entity("organization", &company.enterprise.id).entity("setting", "sso_enabled");
    scene.act(dice, at, "org_sso_toggled", owner.office(), place, |row| {
        row.flag("enabled", false);
    });
    scene.act(dice, at + 2 * MINUTE, "org_magic_link_second_factor_toggled", owner.office(), place, |row| {
        row.flag("enabled", false);
    });
    scene.act(dice, at + 3 * HOUR, "org_sso_toggled", owner.office(), place, |row| {
        row.flag("enabled", true);
    });
    scene.close("Single sign-on is off for three hours; the second factor of magic links stays off");
    let uuid = company.enterprise.uuid.clone();
    company.setting_changes.push((uuid, "magic_link_second_factor_enabled", "false".to_owned()));
}

pub(crate) fn address_restriction_gone(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let Stage { company, plan, dice, span } = stage;
    let owner = company.person(company.owner(dice));
    let at = local_time(owner.site(), span.day_start(day), 9, 55);
    let mut scene = Scene::open(plan, UseCase::ConfigurationDrift);
    scene.entity("user", &owner.id).entity("organization", &company.api.id).entity("setting", "ip_allowlist_enabled");
    scene.act(dice, at, "org_ip_restriction_deleted", owner.office(), Place::In(&company.api), |_| {});
    scene.close("The address restriction of the Console organization is deleted and not made again");
    // The look-alike: deleted and made again within ten minutes is how a rule is edited.
    let edited = span.clamp(at - 4 * DAY);
    let place = Place::In(&company.enterprise);
    plan.act(dice, edited, "org_ip_restriction_deleted", owner.office(), place, |_| {});
    plan.act(dice, edited + 5 * MINUTE, "org_ip_restriction_created", owner.office(), place, |_| {});
    let uuid = company.api.uuid.clone();
    company.setting_changes.push((uuid, "ip_allowlist_enabled", "false".to_owned()));
}

pub(crate) fn sharing_opened(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let Stage { company, plan, dice, span } = stage;
    let admin = company.person(company.administrator(dice));
    let at = local_time(admin.site(), span.day_start(day), 16, 2);
    let change = |attribute, previous: &str, current: &str| Change {
        attribute,
        previous: previous.to_owned(),
        current: current.to_owned(),
    };
    // The harmless change comes first and goes the other way: a rule must match element by element.
    let changes = [
        change("web_search_enabled", "true", "false"),
        change("artifact_external_sharing_enabled", "false", "true"),
        change("public_projects_enabled", "false", "true"),
    ];
    let place = Place::In(&company.subsidiary);
    let mut scene = Scene::open(plan, UseCase::ConfigurationDrift);
    scene
        .entity("user", &admin.id)
        .entity("organization", &company.subsidiary.id)
        .entity("setting", "public_projects_enabled");
    scene.act(dice, at, "claude_organization_settings_updated", admin.office(), place, |row| {
        row.updates(&changes);
    });
    scene.act(dice, at + 3 * MINUTE, "org_claude_code_zero_data_retention_disabled", admin.office(), place, |_| {});
    scene.close("External sharing and public projects are switched on, zero data retention off");
    let uuid = company.subsidiary.uuid.clone();
    company.setting_changes.push((uuid.clone(), "public_projects_enabled", "true".to_owned()));
    company.setting_changes.push((uuid, "web_search_enabled", "false".to_owned()));
}

pub(crate) fn hooks_switched_off(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise && person.team_name() == "security");
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let at = local_time(person.site(), span.day_start(day), 21, 15);
    let mut scene = Scene::open(plan, UseCase::ConfigurationDrift);
    scene.entity("user", &person.id).entity("organization", &company.enterprise.id);
    scene.act(dice, at, "inference_hooks_config_updated", person.office(), place, |row| {
        row.flag("enabled", false).text("enforcement_mode", "monitor").text("fail_mode", "open");
        row.number("final_verdict_timeout_ms", 3000).number("prompt_verdict_timeout_ms", 1500);
        row.text("webhook_url", "https://hooks.meridian.example/verdict");
    });
    scene.act(dice, at + 12 * MINUTE, "inference_hooks_config_deleted", person.office(), place, |_| {});
    scene.close("The inference hooks are switched off in the evening and then deleted");
}
