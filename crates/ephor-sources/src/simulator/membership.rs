//! Comings and goings: people who join, people who leave, and the departures that were not clean.
//! Promises that a leaver's routine ends with the last working day; whatever comes later is a planted violation.
//! Never removes anybody from the people: the directory leaves out those who were removed.

use super::actor::Actor;
use super::calendar::{DAY, HOUR, MINUTE, SECOND, local_time};
use super::company::{Company, ConsoleKey, LinkedOrganization};
use super::dice::Dice;
use super::people::{Fate, Home};
use super::plan::{Place, Scene, Stage};
use super::truth::UseCase;

pub(crate) fn welcome(stage: &mut Stage<'_>) {
    let joiners: Vec<u32> = stage
        .company
        .people
        .iter()
        .filter(|person| matches!(person.fate, Fate::Joins { .. }))
        .map(|person| person.index)
        .collect();
    for joiner in joiners {
        let joined = stage.span.clamp(stage.company.person(joiner).joined);
        stage.company.people[joiner as usize].joined = joined;
        if stage.company.person(joiner).home == Home::Enterprise {
            provision(stage, joiner, joined);
        } else {
            invite(stage, joiner, joined);
        }
        let company = &mut stage.company;
        let team = company.person(joiner).team;
        company.groups[team].members.push((joiner, joined));
    }
}

/// The identity provider makes the account; the person signs in.
fn provision(stage: &mut Stage<'_>, joiner: u32, joined: i64) {
    let Stage { company, plan, dice, .. } = stage;
    let person = company.person(joiner);
    let place = Place::In(&company.enterprise);
    let actor = scim(&company.scim_directory, dice);
    plan.act(dice, joined - 40 * MINUTE, "scim_user_created", &actor, place, |row| {
        row.text("user_id", &person.id);
    });
    let actor = scim(&company.scim_directory, dice);
    let group = &company.groups[person.team];
    plan.act(dice, joined - 39 * MINUTE, "group_member_added", &actor, place, |row| {
        row.text("group_id", &group.id).texts("member_ids", &[&person.id]);
    });
    let office = person.office();
    plan.act(dice, joined, "sso_login_succeeded", office, Place::Nowhere, |row| {
        row.text("auth_method", "sso").null("mfa_method");
    });
}

/// An admin invites; the person follows the link.
fn invite(stage: &mut Stage<'_>, joiner: u32, joined: i64) {
    let Stage { company, plan, dice, .. } = stage;
    let person = company.person(joiner);
    let admin = company.person(company.administrator(dice)).office();
    let place = Place::In(&company.subsidiary);
    plan.act(dice, joined - 30 * HOUR, "org_user_invite_sent", admin, place, |row| {
        row.text("invited_email", &person.email).text("invited_role", "user");
    });
    let office = person.office();
    plan.act(dice, joined, "magic_link_login_succeeded", office, Place::Nowhere, |row| {
        row.text("auth_method", "magic_link").null("mfa_method");
    });
    let accepted = joined + 20 * SECOND;
    plan.act(dice, accepted, "org_user_invite_accepted", office, place, |_| {});
}

fn scim(directory: &str, dice: &mut Dice) -> Actor {
    Actor::scim(directory, &dice.tagged("event_"))
}

/// How a departure goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Violation {
    RemovedLate,
    KeysLeftAlive,
    ActsAfterRemoval,
    PublicShareLeft,
}

/// Plays every departure; answers the ids of those that were not clean.
pub(crate) fn say_farewell(stage: &mut Stage<'_>) -> Vec<String> {
    let leavers: Vec<(u32, u32)> = stage
        .company
        .people
        .iter()
        .filter_map(|person| match person.fate {
            Fate::Leaves { day } => Some((person.index, day)),
            _ => None,
        })
        .collect();
    let mut violators = Vec::new();
    for (position, (leaver, day)) in leavers.into_iter().enumerate() {
        let violation = match position % 8 {
            0 => Some(Violation::RemovedLate),
            1 => Some(Violation::KeysLeftAlive),
            3 => Some(Violation::ActsAfterRemoval),
            5 => Some(Violation::PublicShareLeft),
            _ => None,
        };
        match violation {
            None => clean_departure(stage, leaver, day),
            Some(violation) => {
                violators.push(stage.company.person(leaver).id.clone());
                bad_departure(stage, leaver, day, violation);
            }
        }
    }
    violators
}

fn clean_departure(stage: &mut Stage<'_>, leaver: u32, day: u32) {
    let at = stage.span.day_start(day) + stage.dice.between(9 * HOUR, 12 * HOUR);
    close_keys(stage, leaver, at - 10 * MINUTE);
    let Stage { company, plan, dice, .. } = stage;
    for step in removal(company, dice, leaver, at) {
        plan.act(dice, step.at, step.kind, &step.actor, Place::In(step.organization(company)), |row| {
            step.fields(row);
        });
    }
    forget(stage, leaver);
}

fn bad_departure(stage: &mut Stage<'_>, leaver: u32, day: u32, violation: Violation) {
    let left = stage.span.day_start(day);
    let room_days = i64::from(stage.span.days - day).max(1);
    let delay = if violation == Violation::RemovedLate { 5.min(room_days - 1) * DAY } else { 0 };
    let removed_at = stage.span.clamp(left + delay + stage.dice.between(9 * HOUR, 12 * HOUR));
    match violation {
        Violation::KeysLeftAlive => make_key(stage, leaver, day),
        _ => close_keys(stage, leaver, removed_at - 10 * MINUTE),
    }
    let Stage { company, plan, dice, span } = stage;
    let mut scene = Scene::open(plan, UseCase::Offboarding);
    let person = company.person(leaver);
    scene.entity("user", &person.id);
    match violation {
        Violation::PublicShareLeft => shares_publicly(&mut scene, dice, company, leaver, left - DAY),
        Violation::RemovedLate => {
            stays_active(&mut scene, dice, company, leaver, left + 6 * HOUR, removed_at - HOUR);
        }
        _ => {}
    }
    for step in removal(company, dice, leaver, removed_at) {
        let place = Place::In(step.organization(company));
        scene.act(dice, step.at, step.kind, &step.actor, place, |row| step.fields(row));
    }
    match violation {
        Violation::KeysLeftAlive => {
            let alive = |key: &&ConsoleKey| key.created_by == leaver && key.status == "active";
            for key in company.console_keys.iter().filter(alive) {
                scene.entity("api_key", &key.id);
            }
        }
        Violation::ActsAfterRemoval => {
            let from = removed_at + 2 * HOUR;
            let to = (removed_at + 2 * DAY).min(span.end - HOUR).max(from + HOUR);
            stays_active(&mut scene, dice, company, leaver, from, to);
        }
        _ => {}
    }
    let name = &person.name;
    scene.close(match violation {
        Violation::RemovedLate => format!("{name} left but was removed days later and went on working meanwhile"),
        Violation::KeysLeftAlive => format!("{name} left and was removed, but an API key made by them stays active"),
        Violation::ActsAfterRemoval => format!("{name} was removed but an old session still acts"),
        Violation::PublicShareLeft => format!("{name} left a public link behind"),
    });
    forget(stage, leaver);
}

fn shares_publicly(scene: &mut Scene<'_>, dice: &mut Dice, company: &Company, leaver: u32, day_start: i64) {
    let person = company.person(leaver);
    let (artifact, version) = (dice.tagged("claude_artifact_"), dice.tagged("claude_artifact_version_"));
    let at = local_time(person.site(), day_start, 16, 20);
    let place = Place::In(company.home_of(person));
    scene.entity("artifact", &artifact);
    scene.act(dice, at, "claude_artifact_sharing_updated", person.office(), place, |row| {
        row.raw("audience", r#"[{"type":"anyone_with_link"}]"#);
        row.text("claude_artifact_id", &artifact);
        row.text("claude_artifact_version_id", &version);
        row.text("new_mode", "anyone_with_link").text("previous_mode", "private");
    });
}

/// Activity after the last day, from home.
fn stays_active(scene: &mut Scene<'_>, dice: &mut Dice, company: &Company, leaver: u32, from: i64, to: i64) {
    let person = company.person(leaver);
    let actor = &person.devices[1].actor;
    let place = Place::In(company.home_of(person));
    let step = (to - from).max(9 * MINUTE) / 9;
    scene.act(dice, from, "sso_login_succeeded", actor, Place::Nowhere, |row| {
        row.text("auth_method", "sso").null("mfa_method");
    });
    for number in 1..=3 {
        let chat = dice.tagged("claude_chat_");
        scene.act(dice, from + number * step, "claude_chat_viewed", actor, place, |row| {
            row.text("claude_chat_id", &chat);
        });
    }
    for number in 4..=8 {
        let file = dice.tagged("claude_file_");
        scene.act(dice, from + number * step, "claude_file_exported", actor, place, |row| {
            row.text("export_destination", "google_drive").text("filename", "").text("claude_file_id", &file);
        });
    }
}

fn make_key(stage: &mut Stage<'_>, leaver: u32, day: u32) {
    stage.company.people[leaver as usize].console = true;
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(leaver);
    let at = local_time(person.site(), span.day_start(span.working_day(day.saturating_sub(6))), 11, 5);
    let id = dice.tagged("apikey_");
    let mut scene = Scene::open(plan, UseCase::ApiKeyHygiene);
    scene.act(dice, at, "platform_api_key_created", person.office(), Place::In(&company.api), |row| {
        row.text("api_key_id", &id);
    });
    scene.entity("user", &person.id).entity("api_key", &id);
    scene.close("The creator of this API key has left; the key was neither switched off nor handed over");
    company.console_keys.push(ConsoleKey {
        id,
        name: "notebook-private".to_owned(),
        workspace: 2,
        created_by: leaver,
        created_at: span.clamp(at),
        status: "active",
        expires_at: None,
    });
}

fn close_keys(stage: &mut Stage<'_>, leaver: u32, at: i64) {
    let Stage { company, plan, dice, .. } = stage;
    let admin = company.administrator(dice);
    let actor = company.people[admin as usize].office();
    for key in company.console_keys.iter_mut().filter(|key| key.created_by == leaver && key.status == "active") {
        plan.act(dice, at, "platform_api_key_updated", actor, Place::In(&company.api), |row| {
            row.text("api_key_id", &key.id).update("status", "active", "inactive");
        });
        key.status = "inactive";
    }
}

fn forget(stage: &mut Stage<'_>, leaver: u32) {
    let company = &mut stage.company;
    company.people[leaver as usize].removed = true;
    for group in &mut company.groups {
        group.members.retain(|(person, _)| *person != leaver);
    }
    for workspace in &mut company.workspaces {
        workspace.members.retain(|(person, _)| *person != leaver);
    }
}

/// One activity of a removal.
struct Removal {
    at: i64,
    kind: &'static str,
    actor: Actor,
    console: bool,
    home: Home,
    fields: Vec<(&'static str, Vec<String>)>,
}

impl Removal {
    fn organization<'c>(&self, company: &'c Company) -> &'c LinkedOrganization {
        match (self.console, self.home) {
            (true, _) => &company.api,
            (false, Home::Enterprise) => &company.enterprise,
            (false, Home::Subsidiary) => &company.subsidiary,
        }
    }

    fn fields(&self, row: &mut super::row::Row<'_>) {
        for (name, values) in &self.fields {
            match values.as_slice() {
                [one] if *name != "member_ids" => row.text(name, one),
                many => row.texts(name, many),
            };
        }
    }
}

fn removal(company: &Company, dice: &mut Dice, leaver: u32, at: i64) -> Vec<Removal> {
    let person = company.person(leaver);
    let admin = company.person(company.administrator(dice)).office().clone();
    let step = |at, kind, actor: Actor, console, fields: Vec<(&'static str, Vec<String>)>| Removal {
        at,
        kind,
        actor,
        console,
        home: person.home,
        fields,
    };
    let user = || vec![person.id.clone()];
    let mut steps = Vec::new();
    for (number, workspace) in company.workspaces.iter().enumerate() {
        if workspace.members.iter().any(|(member, _)| *member == leaver) {
            let at = at + i64::from(number as u32) * 7 * SECOND;
            let fields = vec![("user_id", user()), ("workspace_id", vec![workspace.id.clone()])];
            steps.push(step(at, "platform_workspace_member_removed", admin.clone(), true, fields));
        }
    }
    let at = at + MINUTE;
    let synced = person.home == Home::Enterprise;
    for group in company.groups.iter().filter(|group| group.members.iter().any(|(member, _)| *member == leaver)) {
        let actor = if synced { scim(&company.scim_directory, dice) } else { admin.clone() };
        let fields = vec![("group_id", vec![group.id.clone()]), ("member_ids", user())];
        steps.push(step(at, "group_member_removed", actor, false, fields));
    }
    if synced {
        let actor = scim(&company.scim_directory, dice);
        steps.push(step(at + 2 * SECOND, "scim_user_deleted", actor, false, vec![("user_id", user())]));
    } else {
        let fields = vec![("deleted_user_email", vec![person.email.clone()]), ("deleted_user_id", user())];
        steps.push(step(at + 2 * SECOND, "org_user_deleted", admin, false, fields));
    }
    steps
}

/// Ids of people whose seat was idle for the last thirty days, or for the whole span if it is shorter.
pub(crate) fn dormant(stage: &Stage<'_>) -> Vec<String> {
    stage
        .company
        .people
        .iter()
        .filter(|person| matches!(person.fate, Fate::Dormant { .. }))
        .map(|person| person.id.clone())
        .collect()
}

/// Ids of people who left within the span.
pub(crate) fn leavers(stage: &Stage<'_>) -> Vec<String> {
    stage
        .company
        .people
        .iter()
        .filter(|person| matches!(person.fate, Fate::Leaves { .. }))
        .map(|person| person.id.clone())
        .collect()
}
