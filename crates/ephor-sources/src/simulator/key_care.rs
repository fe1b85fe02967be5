//! How the organisation looks after its keys: made by developers, replaced before they are a quarter old.
//! Promises that no key of the routine grows older than the field's limit of ninety days while there is time to act.
//! Never hands a key of somebody who leaves to anybody: the farewell closes it.

use super::administration::{ConsoleOnly, steady};
use super::calendar::{DAY, HOUR, local_time};
use super::company::{ConsoleKey, scoped_key};
use super::people::Fate;
use super::plan::{Place, Stage};

pub(crate) fn console_key_created(stage: &mut Stage<'_>, at: i64) {
    let Some(maker) = steady(stage, ConsoleOnly::Yes) else {
        return;
    };
    let Stage { company, plan, dice, .. } = stage;
    let id = dice.tagged("apikey_");
    plan.act(dice, at, "platform_api_key_created", company.person(maker).office(), Place::In(&company.api), |row| {
        row.text("api_key_id", &id);
    });
    company.console_keys.push(ConsoleKey {
        id,
        name: format!("{}-{}", dice.pick(&["ingest", "eval", "bot"]), dice.below(900) + 100),
        workspace: dice.below(4) as usize,
        created_by: maker,
        created_at: at,
        status: "active",
        expires_at: Some(at + 180 * DAY),
    });
}

/// Keys are replaced before they are a quarter old: a new key of the same name first, the old one switched off two
/// days later. Keys of people who leave are left to their farewell.
pub(crate) fn console_keys_rotated(stage: &mut Stage<'_>) {
    let Stage { company, plan, dice, span } = stage;
    let mut position = 0;
    while position < company.console_keys.len() {
        let old = &company.console_keys[position];
        position += 1;
        let day = span.working_day(span.day_of(old.created_at + ROTATION_DAYS * DAY));
        let at = span.day_start(day) + dice.between(9 * HOUR, 16 * HOUR);
        if old.status != "active" || span.end - old.created_at < (ROTATION_DAYS + 5) * DAY || at + 2 * DAY >= span.end {
            continue;
        }
        let maker = company.person(old.created_by);
        if matches!(maker.fate, Fate::Leaves { .. }) {
            continue;
        }
        let owner = if maker.is_member_on(day + 3) { old.created_by } else { company.administrator(dice) };
        let actor = company.person(owner).office();
        let place = Place::In(&company.api);
        let id = dice.tagged("apikey_");
        plan.act(dice, at, "platform_api_key_created", actor, place, |row| {
            row.text("api_key_id", &id);
        });
        plan.act(dice, at + 2 * DAY, "platform_api_key_updated", actor, place, |row| {
            row.text("api_key_id", &old.id).update("status", "active", "inactive");
        });
        let (name, workspace) = (old.name.clone(), old.workspace);
        company.console_keys[position - 1].status = "inactive";
        let expires_at = Some(at + 180 * DAY);
        company.console_keys.push(ConsoleKey {
            id,
            name,
            workspace,
            created_by: owner,
            created_at: at,
            status: "active",
            expires_at,
        });
    }
}

/// The age at which a key is replaced; the field's limit is ninety days.
const ROTATION_DAYS: i64 = 78;

pub(crate) fn compliance_key_rotated(stage: &mut Stage<'_>) {
    let day = stage.span.working_day(stage.span.days / 2);
    let Stage { company, plan, dice, span } = stage;
    let at = local_time(company.person(0).site(), span.day_start(day), 11, 0);
    let actor = company.person(0).office();
    let place = Place::In(&company.enterprise);
    let mut renewed = scoped_key(dice, "archive", &["read:compliance_activities"], span.day_start(day));
    renewed.created_at = span.clamp(at);
    let Some(old) = company.compliance_keys.get(2) else {
        return;
    };
    plan.act(dice, at, "api_key_created", actor, place, |row| {
        row.text("api_key_id", &renewed.id).texts("scopes", &renewed.scopes).flag("restricted_to_organization", false);
    });
    let off = at + 20 * HOUR;
    plan.act(dice, off, "scoped_api_key_updated", actor, place, |row| {
        row.text("api_key_id", &old.id).update("activation_state", "active", "inactive");
    });
    plan.act(dice, off + HOUR, "scoped_api_key_deleted", actor, place, |row| {
        row.text("api_key_id", &old.id).text("api_key_name", &old.name).texts("scopes", &old.scopes);
    });
    company.compliance_keys.remove(2);
    company.compliance_keys.push(renewed);
}
