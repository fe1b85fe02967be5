//! Insider threat: odd hours, bursts of refusals, guessed passwords, lists of people.
//! Promises counts above the thresholds the field uses, well below them for everybody else.
//! Never plants one failed sign-in as an incident.

use crate::simulator::actor::Actor;
use crate::simulator::calendar::{DAY, HOUR, MINUTE, SECOND, local_time};
use crate::simulator::people::Home;
use crate::simulator::plan::{Place, Scene, Stage};
use crate::simulator::truth::UseCase;

const FOREIGN_AGENT: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0";

pub(crate) fn night_export_and_deletion(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let ip = format!("192.0.2.{}", 100 + dice.below(60));
    let actor = Actor::user(&person.id, &person.email, &ip, FOREIGN_AGENT);
    let mut at = local_time(person.site(), span.day_start(day), 2, 17).max(span.start + MINUTE);
    let mut scene = Scene::open(plan, UseCase::InsiderThreat);
    scene.entity("user", &person.id).entity("ip_address", &ip);
    scene.act(dice, at, "sso_login_succeeded", &actor, Place::Nowhere, |row| {
        row.text("auth_method", "sso").null("mfa_method");
    });
    for _ in 0..16 {
        at += dice.between(20, 70) * SECOND;
        let file = dice.tagged("claude_file_");
        scene.act(dice, at, "claude_file_exported", &actor, place, |row| {
            row.text("export_destination", "google_drive").text("filename", "").text("claude_file_id", &file);
        });
    }
    for _ in 0..42 {
        at += dice.between(8, 40) * SECOND;
        let chat = dice.tagged("claude_chat_");
        scene.act(dice, at, "claude_chat_deleted", &actor, place, |row| {
            row.text("claude_chat_id", &chat);
        });
    }
    scene.close("At night and from a new network, files are exported and then dozens of chats deleted");
}

pub(crate) fn refused_again_and_again(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let mut at = local_time(person.site(), span.day_start(day), 15, 30);
    let mut scene = Scene::open(plan, UseCase::InsiderThreat);
    scene.entity("user", &person.id);
    for _ in 0..64 {
        at += dice.between(2, 8) * SECOND;
        let chat = dice.tagged("claude_chat_");
        scene.act(dice, at, "claude_chat_access_failed", person.office(), Place::In(&company.enterprise), |row| {
            row.text("claude_chat_id", &chat);
        });
    }
    scene.close("More than fifty different chats of other people are tried within ten minutes");
}

pub(crate) fn guessed_then_in(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let victims: Vec<u32> = (0..6).map(|_| stage.cast(|person| person.home == Home::Enterprise)).collect();
    let Stage { company, plan, dice, span } = stage;
    let ip = format!("192.0.2.{}", 160 + dice.below(35));
    let mut at = span.day_start(day) + dice.between(HOUR, 4 * HOUR);
    let mut scene = Scene::open(plan, UseCase::InsiderThreat);
    scene.entity("ip_address", &ip);
    for _ in 0..5 {
        for victim in &victims {
            let person = company.person(*victim);
            let actor = Actor::unauthenticated(Some(&person.email), &ip, FOREIGN_AGENT);
            at += dice.between(15, 40) * SECOND;
            scene.entity("email", &person.email);
            scene.act(dice, at, "sso_login_failed", &actor, Place::Nowhere, |_| {});
        }
    }
    let person = company.person(victims[0]);
    let actor = Actor::user(&person.id, &person.email, &ip, FOREIGN_AGENT);
    scene.entity("user", &person.id);
    scene.act(dice, at + 2 * MINUTE, "sso_login_succeeded", &actor, Place::Nowhere, |row| {
        row.text("auth_method", "sso").null("mfa_method");
    });
    for number in 0..12 {
        let document = dice.tagged("claude_proj_doc_");
        let project = dice.pick(&company.projects[..company.standing.projects]).id.clone();
        let at = at + 3 * MINUTE + number * 11 * SECOND;
        scene.act(dice, at, "claude_project_document_viewed", &actor, Place::In(&company.enterprise), |row| {
            row.text("claude_project_document_id", &document).text("claude_project_id", &project).text("filename", "");
        });
    }
    scene.close("One address tries many people, gets into one account and reads documents");
}

pub(crate) fn reads_the_member_list(stage: &mut Stage<'_>) {
    let day = stage.late_day();
    let who = stage.cast(|person| person.home == Home::Enterprise);
    let Stage { company, plan, dice, span } = stage;
    let person = company.person(who);
    let place = Place::In(&company.enterprise);
    let at = local_time(person.site(), span.day_start(day), 20, 52);
    let mut scene = Scene::open(plan, UseCase::InsiderThreat);
    scene.entity("user", &person.id);
    for (seconds, kind) in [(0, "org_users_listed"), (95, "group_list_viewed"), (210, "org_members_exported")] {
        scene.act(dice, at + seconds * SECOND, kind, person.office(), place, |_| {});
    }
    for _ in 0..14 {
        let shift = dice.between(5 * MINUTE, DAY / 12);
        let (chat, snapshot) = (dice.tagged("claude_chat_"), dice.tagged("claude_chat_snapshot_"));
        scene.act(dice, at + shift, "claude_chat_snapshot_created", person.office(), place, |row| {
            row.text("claude_chat_id", &chat).text("claude_chat_snapshot_id", &snapshot);
        });
    }
    scene.close("A member lists people and groups, exports the member list and then makes many snapshots");
}
