//! The organisation's ordinary administration: workspaces, projects, roles, invitations, chores, deliveries.
//! Promises that the directory ends in the state these activities lead to.
//! Never does what a rule should find: look-alikes of incidents here are harmless on purpose.

use super::actor::Actor;
use super::calendar::{DAY, HOUR, MINUTE};
use super::chores::CHORES;
use super::company::{Group, Invite, Named, Project};
use super::deeds::Realm;
use super::fill::{Memory, fill_fields};
use super::key_care::{compliance_key_rotated, console_key_created, console_keys_rotated};
use super::people::Fate;
use super::plan::{Place, Stage};

/// Something that happens now and then, at a given instant.
type Occasion = fn(&mut Stage<'_>, i64);

/// Everything administrative, day by day.
pub(crate) fn administrate(stage: &mut Stage<'_>) {
    let crowd = (stage.company.people.len() as u32 / 200).max(1);
    let mut memory = Memory::new();
    chores(stage, &mut memory, crowd);
    let occasions: [(u32, Occasion); 13] = [
        (12, project_created),
        (4, project_archived),
        (7, workspace_member_added),
        (4, workspace_member_changed),
        (7, console_key_created),
        (2, connector_listed),
        (4, role_changed),
        (2, custom_role_assigned),
        (4, skill_published),
        (2, group_founded),
        (4, invitation),
        (2, spend_limit_edited),
        (2, directory_resynchronised),
    ];
    for (per_month, occasion) in occasions {
        for day in 0..stage.span.days {
            for _ in 0..crowd {
                if !stage.span.is_weekend(day) && stage.dice.below(22) < per_month {
                    let at = stage.span.day_start(day) + stage.dice.between(8 * HOUR, 17 * HOUR);
                    occasion(stage, at);
                }
            }
        }
    }
    console_keys_rotated(stage);
    compliance_key_rotated(stage);
    access_by_the_vendor(stage);
}

fn chores(stage: &mut Stage<'_>, memory: &mut Memory, crowd: u32) {
    let Stage { company, plan, dice, span } = stage;
    for chore in CHORES {
        for day in (0..span.days).filter(|day| !span.is_weekend(*day)) {
            if dice.below(22) >= chore.per_month * crowd {
                continue;
            }
            let who = company.person(company.administrator(dice));
            let at = span.day_start(day) + dice.between(7 * HOUR, 18 * HOUR);
            let place = Place::In(if chore.realm == Realm::Console { &company.api } else { &company.enterprise });
            let mut inner =
                super::dice::Dice::numbered(at.unsigned_abs(), super::dice::Purpose::Administration, day, 1);
            plan.act(dice, at, chore.kind, who.office(), place, |row| {
                fill_fields(row, chore.fields, company, memory, &mut inner);
            });
        }
    }
}

pub(crate) fn steady(stage: &mut Stage<'_>, console: ConsoleOnly) -> Option<u32> {
    let fits = |person: &&super::people::Person| {
        person.is_steady() && person.role != "billing" && (console == ConsoleOnly::No || person.console)
    };
    let pool: Vec<u32> = stage.company.people.iter().filter(fits).map(|person| person.index).collect();
    (!pool.is_empty()).then(|| *stage.dice.pick(&pool))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsoleOnly {
    Yes,
    No,
}

fn project_created(stage: &mut Stage<'_>, at: i64) {
    let Some(owner) = steady(stage, ConsoleOnly::No) else {
        return;
    };
    let Stage { company, plan, dice, .. } = stage;
    let id = dice.tagged("claude_proj_");
    let person = company.person(owner);
    let name = format!("{} {}", person.team_name(), dice.pick(&["notes", "pilot", "roadmap", "intake", "playbook"]));
    let place = Place::In(company.home_of(person));
    plan.act(dice, at, "claude_project_created", person.office(), place, |row| {
        row.text("claude_project_id", &id);
    });
    company.projects.push(Project { id, name, owner, private: true, created_at: at, collaborators: Vec::new() });
}

fn project_archived(stage: &mut Stage<'_>, at: i64) {
    let Stage { company, plan, dice, .. } = stage;
    let project = dice.pick(&company.projects);
    let person = company.person(project.owner);
    if person.fate == Fate::Works && project.created_at < at {
        let place = Place::In(company.home_of(person));
        plan.act(dice, at, "claude_project_archived", person.office(), place, |row| {
            row.text("claude_project_id", &project.id);
        });
    }
}

fn workspace_member_added(stage: &mut Stage<'_>, at: i64) {
    let Some(member) = steady(stage, ConsoleOnly::Yes) else {
        return;
    };
    let Stage { company, plan, dice, .. } = stage;
    let admin = company.administrator(dice);
    let open = dice.below(4) as usize;
    if company.workspaces[open].members.iter().any(|(person, _)| *person == member) {
        return;
    }
    let (id, workspace) = (company.person(member).id.clone(), company.workspaces[open].id.clone());
    plan.act(
        dice,
        at,
        "platform_workspace_member_added",
        company.person(admin).office(),
        Place::In(&company.api),
        |row| {
            row.text("user_id", &id).text("workspace_id", &workspace);
        },
    );
    company.workspaces[open].members.push((member, "workspace_developer"));
}

fn workspace_member_changed(stage: &mut Stage<'_>, at: i64) {
    let Stage { company, plan, dice, .. } = stage;
    let admin = company.administrator(dice);
    let open = dice.below(4) as usize;
    let candidates: Vec<usize> = (0..company.workspaces[open].members.len())
        .filter(|position| company.person(company.workspaces[open].members[*position].0).is_steady())
        .collect();
    if candidates.is_empty() {
        return;
    }
    let position = *dice.pick(&candidates);
    let (member, role) = company.workspaces[open].members[position];
    let removed = dice.percent(40);
    let kind = if removed { "platform_workspace_member_removed" } else { "platform_workspace_member_updated" };
    let to = if role == "workspace_user" { "workspace_developer" } else { "workspace_user" };
    let workspace = company.workspaces[open].id.clone();
    plan.act(dice, at, kind, company.person(admin).office(), Place::In(&company.api), |row| {
        if !removed {
            row.update("workspace_role", role, to);
        }
        row.text("user_id", &company.person(member).id).text("workspace_id", &workspace);
    });
    let members = &mut company.workspaces[open].members;
    if removed {
        members.remove(position);
    } else {
        members[position].1 = to;
    }
}

/// Somebody gets, or gives back, Console access: no administrative rank is involved.
fn role_changed(stage: &mut Stage<'_>, at: i64) {
    let Some(who) = steady(stage, ConsoleOnly::No) else {
        return;
    };
    let Stage { company, plan, dice, .. } = stage;
    let admin = company.administrator(dice);
    let person = company.person(who);
    let (from, to) = match person.role {
        "user" => ("user", "claude_code_user"),
        "claude_code_user" => ("claude_code_user", "user"),
        _ => return,
    };
    let place = Place::In(company.home_of(person));
    plan.act(dice, at, "claude_user_role_updated", company.person(admin).office(), place, |row| {
        row.text("current_role", to).text("previous_role", from);
        row.text("user_email", &person.email).text("user_id", &person.id);
    });
    company.people[who as usize].role = to;
}

fn custom_role_assigned(stage: &mut Stage<'_>, at: i64) {
    let Some(who) = steady(stage, ConsoleOnly::No) else {
        return;
    };
    let Stage { company, plan, dice, .. } = stage;
    let owner = company.owner(dice);
    let auditor = company.roles[2].id.clone();
    let kind = if dice.percent(60) { "rbac_role_assigned" } else { "rbac_role_unassigned" };
    plan.act(dice, at, kind, company.person(owner).office(), Place::In(&company.enterprise), |row| {
        row.text("principal_id", &company.person(who).id).text("principal_type", "user").text("role_id", &auditor);
    });
}

fn skill_published(stage: &mut Stage<'_>, at: i64) {
    let Stage { company, plan, dice, .. } = stage;
    let admin = company.administrator(dice);
    let skill = Named {
        id: dice.tagged("skill_"),
        name: format!("{}-{}", dice.pick(&["faq", "pricing", "release", "runbook"]), dice.below(90) + 10),
    };
    plan.act(dice, at, "claude_skill_created", company.person(admin).office(), Place::In(&company.enterprise), |row| {
        row.text("skill_id", &skill.id).text("skill_name", &skill.name);
    });
    company.skills.push(skill);
}

/// Approved first, made live then: the register knows the id.
fn connector_listed(stage: &mut Stage<'_>, at: i64) {
    let Stage { company, plan, dice, .. } = stage;
    let known = company.approved_connectors.len() - company.standing.connectors;
    let Some(name) = ["Asana", "HubSpot", "Datadog", "Miro"].get(known) else {
        return;
    };
    let connector = Named { id: dice.tagged("mcpsrv_"), name: (*name).to_owned() };
    let admin = company.person(company.administrator(dice));
    plan.act(dice, at, "mcp_server_created", admin.office(), Place::In(&company.enterprise), |row| {
        row.text("mcp_server_id", &connector.id).text("mcp_server_name", &connector.name);
    });
    company.approved_connectors.push(connector);
}

fn group_founded(stage: &mut Stage<'_>, at: i64) {
    let Some(member) = steady(stage, ConsoleOnly::No) else {
        return;
    };
    let Stage { company, plan, dice, .. } = stage;
    let admin = company.administrator(dice);
    let actor = company.person(admin).office();
    let place = Place::In(&company.enterprise);
    let id = dice.tagged("rbac_group_");
    let name = format!("{}-{}", dice.pick(&["pilot", "launch", "guild", "circle"]), dice.below(900) + 100);
    plan.act(dice, at, "group_created", actor, place, |row| {
        row.text("group_id", &id).text("group_name", &name);
    });
    plan.act(dice, at + MINUTE, "group_member_added", actor, place, |row| {
        row.text("group_id", &id).texts("member_ids", &[&company.person(member).id]);
    });
    company.groups.push(Group {
        id,
        name,
        scim: false,
        restricted: false,
        created_at: at,
        members: vec![(member, at + MINUTE)],
        roles: Vec::new(),
        allowed: vec![member],
    });
}

fn invitation(stage: &mut Stage<'_>, at: i64) {
    let Stage { company, plan, dice, .. } = stage;
    let admin = company.administrator(dice);
    let actor = company.person(admin).office();
    let place = Place::In(&company.subsidiary);
    let email = format!("new.colleague{}@larkfield.example", company.invites.len() + 1);
    plan.act(dice, at, "org_user_invite_sent", actor, place, |row| {
        row.text("invited_email", &email).text("invited_role", "user").text("invited_seat_tier", "standard");
    });
    let id = dice.tagged("invite_");
    let mut status = "pending";
    if dice.percent(30) {
        plan.act(dice, at + 3 * HOUR, "org_user_invite_deleted", actor, place, |row| {
            row.text("invite_id", &id);
        });
        status = "deleted";
    } else if dice.percent(30) {
        plan.act(dice, at + 2 * HOUR, "org_user_invite_re_sent", actor, place, |row| {
            row.text("invited_email", &email).text("invited_role", "user");
        });
    }
    company.invites.push(Invite { id, email, role: "user", invited_at: at, status });
}

/// The only way to edit a cap is to delete it and make a new one; minutes apart, it is an edit.
fn spend_limit_edited(stage: &mut Stage<'_>, at: i64) {
    let Stage { company, plan, dice, .. } = stage;
    let owner = company.owner(dice);
    let actor = company.person(owner).office();
    let limit = dice.tagged("spend_limit_");
    plan.act(dice, at, "platform_spend_limit_deleted", actor, Place::In(&company.api), |row| {
        row.text("spend_limit_id", &limit);
    });
    plan.act(dice, at + 3 * MINUTE, "platform_spend_limit_created", actor, Place::In(&company.api), |row| {
        row.text("limit_action", "block").number("limit_usd", 12_000);
    });
}

fn directory_resynchronised(stage: &mut Stage<'_>, at: i64) {
    let Stage { company, plan, dice, .. } = stage;
    let owner = company.owner(dice);
    let actor = company.person(owner).office();
    let uuid = dice.uuid();
    plan.act(dice, at, "org_directory_resync_started", actor, Place::In(&company.enterprise), |row| {
        row.text("resync_uuid", &uuid).texts("sync_destinations", &["members", "groups"]);
    });
    plan.act(dice, at + 9 * MINUTE, "org_directory_resync_completed", actor, Place::In(&company.enterprise), |row| {
        row.text("resync_uuid", &uuid);
    });
}

fn access_by_the_vendor(stage: &mut Stage<'_>) {
    let Stage { company, plan, dice, span } = stage;
    let vendor = Actor::anthropic();
    for _ in 0..(span.days / 20).max(1) {
        let at = span.start + dice.between(0, i64::from(span.days) * DAY - 1);
        let accessed = super::row::timestamp(at - 30 * HOUR);
        plan.act(dice, at, "anthropic_access", &vendor, Place::In(&company.api), |row| {
            row.text("accessed_at", &accessed);
            row.text("accessor_department", "Trust and Safety");
            row.text("reason_code", "safety_review");
            row.raw("resource_details", r#"{"type":"message","id":null}"#);
            row.text("workspace_id", &company.workspaces[0].id);
        });
        let place = Place::In(&company.enterprise);
        plan.act(dice, at + HOUR, "extra_usage_credit_granted", &vendor, place, |_| {});
    }
}
