//! Offboarding verification: for everybody who left, what had to end, when it ended, and what went on all the same.
//! Promises a verdict for each leaver with the activities that it rests on, and says so where nothing can be proved.
//! Never calls a departure verified while recording was off.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use ephor_lake::control::RosterEntry;
use ephor_lake::directory::DirectoryKind;
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};

use super::ReportInfo;
use crate::answer::{Answer, quoted};
use crate::desk::{Desk, Question};
use crate::error::ReportError;
use crate::people::People;
use crate::provenance::{Gap, Period};
use crate::table::{Cell, Column, Figure, Report, Section, Table};

pub(super) const INFO: ReportInfo = ReportInfo {
    name: "offboarding",
    title: "Offboarding verification",
    question: "Has everybody who left lost access in time, and is nothing of theirs still at work?",
};

const USUAL_DAYS: u32 = 90;

/// Activities that end a person's access to the organisation.
const REMOVALS: [&str; 5] =
    ["org_user_deleted", "org_user_left", "scim_user_deleted", "account_deleted", "claude_user_role_updated"];

/// Somebody who left.
struct Leaver {
    id: String,
    email: Option<String>,
    name: Option<String>,
    /// Their last day, if the roster has it.
    left_on: Option<UtcDay>,
}

/// What is wrong with a departure, or open about it.
#[derive(Debug, Default)]
struct Findings {
    removed_micros: Option<i64>,
    removed_by: Option<String>,
    late_days: Option<i64>,
    acts_after: u64,
    last_act_micros: Option<i64>,
    failed_sign_ins: u64,
    keys_alive: Vec<String>,
    public_links: u64,
    memberships: Vec<String>,
    projects: u64,
    evidence: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Verified,
    Open,
    Violated,
    NotProvable,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Open => "open",
            Self::Violated => "violated",
            Self::NotProvable => "not provable",
        }
    }
}

pub(super) async fn make(desk: &Desk, question: &Question) -> Result<Report, ReportError> {
    let period = desk.period(question, USUAL_DAYS).await?;
    let people = People::of(desk).await?;
    let facts = Facts::read(desk).await?;
    let leavers = leavers(&people, &facts, period);
    let provenance = desk.provenance(period, format!("{} people who left", leavers.len())).await?;
    let mut table = Table::of(columns());
    let mut steps = Table::of(step_columns());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for leaver in &leavers {
        let found = facts.of(desk, &people, leaver);
        let verdict = verdict(leaver, &found, &provenance.gaps, desk.now_micros);
        *counts.entry(verdict.as_str()).or_default() += 1;
        table.push(row(leaver, &found, verdict));
        steps_of(&mut steps, leaver, &found);
    }
    let figures = ["violated", "open", "not provable", "verified"].map(|verdict| Figure {
        label: verdict.to_owned(),
        value: Cell::count(counts.get(verdict).copied().unwrap_or(0)),
        unit: None,
        note: None,
    });
    let mut report = Report {
        name: INFO.name,
        title: INFO.title.to_owned(),
        question: INFO.question,
        provenance,
        figures: figures.to_vec(),
        main: Section::new("leavers", "Leavers", table).noted(
            "Verified: removed in time, and nothing since. Open: not yet removed, and still within the time for it. Violated: removed late, active since, or something of theirs is still at work.",
        ),
        others: vec![Section::new("steps", "What was expected, and what the record shows", steps)],
        notes: notes(),
    };
    report.provenance.parameters = vec![("offboarding_days", desk.options.offboarding_days.to_string())];
    Ok(report)
}

fn columns() -> Vec<Column> {
    vec![
        Column::person("user_id", "User id"),
        Column::person("email", "E-mail"),
        Column::person("name", "Name"),
        Column::text("verdict", "Verdict"),
        Column::day("left_on", "Last day"),
        Column::instant("removed_at", "Access ended"),
        Column::count("late_days", "Late", "days"),
        Column::count("activities_after", "Activities since", "activities"),
        Column::instant("last_activity_at", "Last of them"),
        Column::count("keys_alive", "Keys alive", "keys"),
        Column::count("public_links", "Public links", "links"),
        Column::list("reasons", "Because"),
        Column::list("evidence", "Activities"),
    ]
}

fn step_columns() -> Vec<Column> {
    vec![
        Column::person("user_id", "User id"),
        Column::text("step", "Step"),
        Column::text("state", "State"),
        Column::text("detail", "What the record shows"),
    ]
}

/// Everybody who left within the period: by the roster, and whoever was removed though no roster says so.
fn leavers(people: &People, facts: &Facts, period: Period) -> Vec<Leaver> {
    let mut leavers: BTreeMap<String, Leaver> = BTreeMap::new();
    for entry in people.roster() {
        let Some(left_on) = left_on(entry).filter(|day| period.first <= *day && *day <= period.last) else { continue };
        let id = entry.user_id.clone().unwrap_or_else(|| people.id_of(&entry.email).to_owned());
        let leaver = Leaver {
            id: id.clone(),
            email: Some(entry.email.clone()),
            name: entry.name.clone(),
            left_on: Some(left_on),
        };
        leavers.insert(id, leaver);
    }
    for (id, removal) in &facts.removals {
        let within = (period.from_micros()..period.to_micros()).contains(&removal.at_micros);
        // Who has a seat again was removed and came back.
        if within && !people.by_id.contains_key(id) && !leavers.contains_key(id) {
            let email = people.email_of(id).map(str::to_owned).or_else(|| facts.emails.get(id).cloned());
            leavers.insert(id.clone(), Leaver { id: id.clone(), email, name: None, left_on: None });
        }
    }
    leavers.into_values().collect()
}

fn left_on(entry: &RosterEntry) -> Option<UtcDay> {
    UtcDay::from_str(entry.left_on.as_ref()?).ok()
}

struct Removal {
    at_micros: i64,
    by: Option<String>,
    activity: String,
}

/// What the record shows of removals and of acts, for everybody at once.
#[derive(Default)]
struct Facts {
    removals: BTreeMap<String, Removal>,
    emails: BTreeMap<String, String>,
    /// Acts of people who are gone from the directory, or on the roster as gone: person, time, type, activity.
    acts: BTreeMap<String, Vec<(i64, String, String)>>,
    failed: BTreeMap<String, Vec<i64>>,
    keys: KeyStates,
    links: BTreeMap<String, BTreeSet<String>>,
}

impl Facts {
    async fn read(desk: &Desk) -> Result<Self, ReportError> {
        let mut facts = Self::default();
        facts.read_removals(desk).await?;
        facts.keys = KeyStates::read(desk).await?;
        facts.read_links(desk).await?;
        facts.read_acts(desk).await?;
        Ok(facts)
    }

    async fn read_removals(&mut self, desk: &Desk) -> Result<(), ReportError> {
        let types = REMOVALS.map(quoted).join(", ");
        let statement = format!(
            "select created_at, type, actor_id, actor_email, id, raw from activities where type in ({types}) order by created_at, id"
        );
        Answer::of(&desk.lake, &statement).await?.each(|row| {
            let raw: serde_json::Value = row.text(5).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
            let text = |name: &str| raw.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
            let kind = row.text(1).unwrap_or_default();
            let person = match kind {
                "org_user_left" | "account_deleted" => row.owned(2),
                // A role that became nothing is a removal; any other change of a role is not.
                "claude_user_role_updated" if !raw["current_role"].is_null() => None,
                _ => text("deleted_user_id").or_else(|| text("user_id")),
            };
            let Some(person) = person else { return };
            if let Some(email) = text("deleted_user_email") {
                self.emails.insert(person.clone(), email);
            }
            let removal = Removal {
                at_micros: row.number(0).unwrap_or_default(),
                by: row.owned(3).or_else(|| row.owned(2)),
                activity: row.owned(4).unwrap_or_default(),
            };
            self.removals.insert(person, removal);
        });
        Ok(())
    }

    /// Public links by who opened them, without those that were closed again.
    async fn read_links(&mut self, desk: &Desk) -> Result<(), ReportError> {
        let statement = "select actor_id, raw from activities where type in ('claude_artifact_sharing_updated', \
            'claude_project_sharing_updated', 'session_share_created', 'design_project_sharing_updated') order by created_at, id";
        Answer::of(&desk.lake, statement).await?.each(|row| {
            let raw: serde_json::Value = row.text(1).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
            let object = ["claude_artifact_id", "claude_project_id", "session_id", "design_project_id"]
                .iter()
                .find_map(|name| raw[*name].as_str());
            let (Some(person), Some(object)) = (row.owned(0), object) else { return };
            let public = raw.to_string().contains("anyone_with_link") && raw["new_mode"] != "private";
            match public {
                true => _ = self.links.entry(person).or_default().insert(object.to_owned()),
                false => self.links.values_mut().for_each(|links| _ = links.remove(object)),
            }
        });
        Ok(())
    }

    /// Acts of whoever was removed or is on the roster as gone.
    async fn read_acts(&mut self, desk: &Desk) -> Result<(), ReportError> {
        let mut gone: BTreeSet<String> = self.removals.keys().cloned().collect();
        for entry in desk.control.roster().list().await? {
            if entry.left_on.is_some() {
                gone.extend(entry.user_id);
            }
        }
        let ids: Vec<String> = gone.iter().map(|id| quoted(id)).collect();
        for part in ids.chunks(IDS_AT_ONCE) {
            let statement = format!(
                "select actor_id, created_at, type, id from activities where actor_id in ({}) and actor_type = 'user_actor' order by created_at, id",
                part.join(", ")
            );
            Answer::of(&desk.lake, &statement).await?.each(|row| {
                if let (Some(person), Some(at)) = (row.owned(0), row.number(1)) {
                    let act = (at, row.owned(2).unwrap_or_default(), row.owned(3).unwrap_or_default());
                    self.acts.entry(person).or_default().push(act);
                }
            });
        }
        let failed = "select lower(actor_email), created_at from activities where type in ('sso_login_failed', 'magic_link_login_failed') and actor_email is not null";
        Answer::of(&desk.lake, failed).await?.each(|row| {
            if let (Some(email), Some(at)) = (row.owned(0), row.number(1)) {
                self.failed.entry(email).or_default().push(at);
            }
        });
        Ok(())
    }

    fn of(&self, desk: &Desk, people: &People, leaver: &Leaver) -> Findings {
        let mut found = Findings::default();
        let removal = self.removals.get(&leaver.id);
        // Who still has a seat has not been removed, whatever happened before.
        let removal = removal.filter(|_| !people.by_id.contains_key(&leaver.id));
        if let Some(removal) = removal {
            found.removed_micros = Some(removal.at_micros);
            found.removed_by = removal.by.clone();
            found.evidence.insert(removal.activity.clone());
        }
        let due = leaver.left_on.map(|day| day.end_micros() + i64::from(desk.options.offboarding_days) * DAY_MICROS);
        let ended = found.removed_micros.unwrap_or(desk.now_micros);
        found.late_days = due.filter(|due| ended > *due).map(|due| (ended - due).div_euclid(DAY_MICROS) + 1);
        let last_day_ends = leaver.left_on.map(|day| day.end_micros() + LAST_ZONE_MICROS);
        let since = match (found.removed_micros, last_day_ends) {
            (Some(removed), Some(ends)) => removed.min(ends),
            (Some(removed), None) => removed,
            (None, Some(ends)) => ends,
            (None, None) => i64::MAX,
        };
        for (at, kind, activity) in self.acts.get(&leaver.id).into_iter().flatten() {
            // Being signed out is not an act of theirs.
            if *at > since && !matches!(kind.as_str(), "user_logged_out" | "session_revoked") {
                found.acts_after += 1;
                found.last_act_micros = Some(*at);
                found.evidence.insert(activity.clone());
            }
        }
        if let Some(email) = &leaver.email {
            let failed = self.failed.get(&email.to_lowercase()).into_iter().flatten();
            found.failed_sign_ins = failed.filter(|at| **at > since).count() as u64;
        }
        found.keys_alive = self
            .keys
            .owner
            .iter()
            .filter(|(key, owner)| **owner == leaver.id && !self.keys.ended.contains_key(*key))
            .map(|(key, _)| key.clone())
            .collect();
        found.public_links = self.links.get(&leaver.id).map_or(0, |links| links.len() as u64);
        self.memberships(desk, leaver, &mut found);
        found
    }

    /// Groups, workspaces and projects that still name the leaver.
    fn memberships(&self, desk: &Desk, leaver: &Leaver, found: &mut Findings) {
        let directory = desk.lake.directory();
        for (kind, word) in [(DirectoryKind::GroupMembers, "group"), (DirectoryKind::WorkspaceMembers, "workspace")] {
            for scope in directory.scopes(kind) {
                let is_them = |row: &std::sync::Arc<serde_json::Value>| row["user_id"] == leaver.id.as_str();
                if directory.current(kind, &scope).iter().any(is_them) {
                    found.memberships.push(format!("{word} {scope}"));
                }
            }
        }
        for scope in directory.scopes(DirectoryKind::Projects) {
            let owned = |row: &&std::sync::Arc<serde_json::Value>| {
                row["user"]["id"] == leaver.id.as_str() && row["deleted_at"].is_null()
            };
            found.projects += directory.current(DirectoryKind::Projects, &scope).iter().filter(owned).count() as u64;
        }
    }
}

/// Keys: who made them, when, and which have ended.
#[derive(Default)]
pub(super) struct KeyStates {
    pub(super) owner: BTreeMap<String, String>,
    pub(super) created: BTreeMap<String, i64>,
    pub(super) ended: BTreeMap<String, i64>,
}

impl KeyStates {
    /// From the feed, and where it does not tell, from the directory.
    pub(super) async fn read(desk: &Desk) -> Result<Self, ReportError> {
        let mut states = Self::default();
        let statement = "select created_at, type, actor_id, raw from activities where type in \
            ('platform_api_key_created', 'platform_api_key_updated', 'api_key_created', 'scoped_api_key_deleted', \
             'scoped_api_key_updated', 'admin_api_key_created', 'admin_api_key_deleted', 'service_key_created', \
             'service_key_revoked') order by created_at, id";
        Answer::of(&desk.lake, statement).await?.each(|row| {
            let raw: serde_json::Value = row.text(3).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
            let id = ["api_key_id", "admin_api_key_id", "service_key_id"].iter().find_map(|name| raw[*name].as_str());
            let Some(id) = id else { return };
            let kind = row.text(1).unwrap_or_default();
            if kind.ends_with("_created") {
                states.created.insert(id.to_owned(), row.number(0).unwrap_or_default());
                if let Some(actor) = row.owned(2) {
                    states.owner.insert(id.to_owned(), actor);
                }
            } else if kind.ends_with("_deleted") || kind.ends_with("_revoked") || has_ended(&raw) {
                states.ended.insert(id.to_owned(), row.number(0).unwrap_or_default());
            } else if has_begun_again(&raw) {
                states.ended.remove(id);
            }
        });
        let directory = desk.lake.directory();
        for scope in directory.scopes(DirectoryKind::ApiKeys) {
            for key in directory.current(DirectoryKind::ApiKeys, &scope) {
                let Some(id) = key["id"].as_str() else { continue };
                let owner = key["created_by_id"].as_str().or_else(|| key["created_by"]["id"].as_str());
                if let Some(owner) = owner {
                    states.owner.entry(id.to_owned()).or_insert_with(|| owner.to_owned());
                }
                let ended =
                    key["status"].as_str().is_some_and(|status| status != "active") || key["is_active"] == false;
                if ended {
                    states.ended.entry(id.to_owned()).or_insert(i64::MIN);
                }
            }
        }
        Ok(states)
    }
}

/// A last day ends so long after the UTC day in the westernmost time zone (UTC-12).
const LAST_ZONE_MICROS: i64 = DAY_MICROS / 2;

/// Ids in one statement.
const IDS_AT_ONCE: usize = 500;

fn status_change(raw: &serde_json::Value) -> Option<&str> {
    let updates = raw["updates"].as_array()?;
    let change = updates.iter().find(|update| update["type"] == "status" || update["type"] == "activation_state")?;
    change["current_value"].as_str()
}

fn has_ended(raw: &serde_json::Value) -> bool {
    status_change(raw).is_some_and(|status| status != "active")
}

fn has_begun_again(raw: &serde_json::Value) -> bool {
    status_change(raw) == Some("active")
}

fn verdict(leaver: &Leaver, found: &Findings, gaps: &[Gap], now_micros: i64) -> Verdict {
    if found.late_days.is_some() || found.acts_after > 0 || !found.keys_alive.is_empty() || found.public_links > 0 {
        return Verdict::Violated;
    }
    if found.removed_micros.is_none() {
        return Verdict::Open;
    }
    let since = found.removed_micros.unwrap_or(now_micros);
    let silent = |gap: &Gap| gap.what != "usage events" && gap.to_micros.is_none_or(|to| to > since);
    // The directory shows what is left; what happened in a gap it does not.
    if gaps.iter().any(silent)
        && leaver
            .left_on
            .is_some_and(|day| gaps.iter().any(|gap| gap.from_micros < day.end_micros() && gap.to_micros.is_none()))
    {
        return Verdict::NotProvable;
    }
    if found.memberships.is_empty() { Verdict::Verified } else { Verdict::Open }
}

fn row(leaver: &Leaver, found: &Findings, verdict: Verdict) -> Vec<Cell> {
    let instant = |micros: Option<i64>| micros.map_or(Cell::Nothing, Cell::Instant);
    vec![
        leaver.id.as_str().into(),
        leaver.email.clone().into(),
        leaver.name.clone().into(),
        verdict.as_str().into(),
        leaver.left_on.into(),
        instant(found.removed_micros),
        found.late_days.into(),
        Cell::Integer(i64::try_from(found.acts_after).unwrap_or(i64::MAX)),
        instant(found.last_act_micros),
        Cell::count(found.keys_alive.len()),
        Cell::Integer(i64::try_from(found.public_links).unwrap_or(i64::MAX)),
        reasons(found).into(),
        found.evidence.iter().take(EVIDENCE_SHOWN).cloned().collect::<Vec<_>>().into(),
    ]
}

/// Activities that are named beside a verdict; the timeline has them all.
const EVIDENCE_SHOWN: usize = 20;

fn reasons(found: &Findings) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(days) = found.late_days {
        reasons.push(match found.removed_micros {
            Some(_) => format!("access ended {days} days late"),
            None => format!("access should have ended {days} days ago"),
        });
    }
    if found.acts_after > 0 {
        reasons.push(format!("{} activities after it should have ended", found.acts_after));
    }
    reasons.extend(found.keys_alive.iter().map(|key| format!("key {key} is still active")));
    if found.public_links > 0 {
        reasons.push(format!("{} public links are still open", found.public_links));
    }
    if found.failed_sign_ins > 0 {
        reasons.push(format!("{} failed sign-ins since", found.failed_sign_ins));
    }
    reasons.extend(found.memberships.iter().map(|place| format!("still listed in {place}")));
    if found.projects > 0 {
        reasons.push(format!("{} projects of theirs have no other owner", found.projects));
    }
    reasons
}

fn steps_of(table: &mut Table, leaver: &Leaver, found: &Findings) {
    let mut step = |step: &str, done: bool, detail: String| {
        let state = if done { "done" } else { "not done" };
        table.push(vec![leaver.id.as_str().into(), step.into(), state.into(), detail.into()]);
    };
    let by = found.removed_by.as_deref().map(|by| format!("by {by}")).unwrap_or_default();
    step("access to the organisation removed", found.removed_micros.is_some(), by);
    step("nothing done since", found.acts_after == 0, format!("{} activities", found.acts_after));
    step("API keys ended or handed over", found.keys_alive.is_empty(), found.keys_alive.join(", "));
    step("public links closed", found.public_links == 0, format!("{} open", found.public_links));
    step("groups and workspaces left", found.memberships.is_empty(), found.memberships.join(", "));
    step("projects handed over", found.projects == 0, format!("{} still theirs", found.projects));
}

fn notes() -> Vec<String> {
    [
        "A person's last day comes from the roster (`ephor roster import FILE`). Without one, leavers are those whose access was removed, and nothing can be said about whether that was in time.",
        "Quiet is proof only while activities were recorded: gaps are listed above.",
        "A key goes on working when its maker leaves. It counts as alive until its status changes or it is deleted.",
    ]
    .map(str::to_owned)
    .to_vec()
}
