//! What became of what was revoked: the activity that shows its end, or the day by which there should have been one.
//! Promises that a ticket proves nothing here: only the record does.

use std::collections::HashMap;

use ephor_wire::timestamp::DAY_MICROS;
use serde::Serialize;
use serde_json::Value;

use super::entitlement::{Entitlement, EntitlementKind, Flag, connected};
use super::store::{Item, Verdict};
use crate::answer::{Answer, instant};
use crate::desk::Desk;
use crate::error::ReportError;

/// Days within which a revoked right must be gone; a privileged one within a day.
const DUE_DAYS: i64 = 7;

/// What became of one revoked item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// The item's number.
    pub item: u64,
    /// Who held it.
    pub person: String,
    /// What it was.
    pub object: String,
    /// How it stands.
    pub state: RemovalState,
    /// When it ended.
    #[serde(rename = "ended_at", serialize_with = "crate::render::instants::optional")]
    pub ended_micros: Option<i64>,
    /// The activity that shows it.
    pub activity: Option<String>,
}

/// How a revoked item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalState {
    /// The record shows its end.
    Removed,
    /// It is still there, and there is time.
    Due,
    /// It is still there, and the time is over.
    Overdue,
    /// It ended, and was given again.
    GivenAgain,
}

impl RemovalState {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::GivenAgain => "given again",
        }
    }
}

/// What became of every item that was revoked.
pub async fn removals(desk: &Desk, items: &[Item]) -> Result<Vec<Removal>, ReportError> {
    let revoked: Vec<(&Item, i64)> = items
        .iter()
        .filter_map(|item| Some((item, item.decision.as_ref().filter(|d| d.verdict == Verdict::Revoke)?.at_micros)))
        .collect();
    let Some(first) = revoked.iter().map(|(_, at)| *at).min() else { return Ok(Vec::new()) };
    let record = Record::read(desk, first).await?;
    let now = Now::of(super::entitlements(desk).await?);
    Ok(revoked.into_iter().map(|(item, decided)| removal(desk, item, decided, &record, &now)).collect())
}

fn removal(desk: &Desk, item: &Item, decided: i64, record: &Record, now: &Now) -> Removal {
    let entitlement = &item.entitlement;
    let course = record.course(entitlement, decided, now);
    let listed = now.granted(entitlement);
    let due_days = if entitlement.flags.contains(&Flag::Privileged) { 1 } else { DUE_DAYS };
    let state = match (&course.end, listed) {
        (Some(_), _) if course.given_again => RemovalState::GivenAgain,
        // A listing of before the end says nothing; one that dates the grant later says that there is a new one.
        (Some(end), Some(Some(granted))) if granted > end.at => RemovalState::GivenAgain,
        (Some(_), _) => RemovalState::Removed,
        // The directory no longer lists it: it is gone, though nothing in the feed says who did it.
        (None, None) => RemovalState::Removed,
        (None, Some(_)) if desk.now_micros > decided + due_days * DAY_MICROS => RemovalState::Overdue,
        (None, Some(_)) => RemovalState::Due,
    };
    Removal {
        item: item.number,
        person: entitlement.email.clone().unwrap_or_else(|| entitlement.person.clone()),
        object: entitlement.object_name.clone().unwrap_or_else(|| entitlement.object.clone()),
        state,
        ended_micros: course.end.as_ref().map(|end| end.at),
        activity: course.end.map(|end| end.activity),
    }
}

/// What the directory lists now.
struct Now {
    /// When each right was granted, where anything says so.
    granted: HashMap<(Right, Option<String>), Option<i64>>,
    /// The organizations in which somebody has a role.
    organizations: HashMap<String, Vec<String>>,
}

impl Now {
    fn of(entitlements: Vec<Entitlement>) -> Self {
        let mut now = Self { granted: HashMap::new(), organizations: HashMap::new() };
        for one in entitlements {
            if one.kind == EntitlementKind::OrganizationRole {
                now.organizations.entry(one.person.clone()).or_default().push(one.object.clone());
            }
            now.granted.insert((Right::of(&one), one.role), one.granted_micros);
        }
        now
    }

    /// When a right that is listed was granted, where anything says so; nothing if it is not listed.
    fn granted(&self, entitlement: &Entitlement) -> Option<Option<i64>> {
        self.granted.get(&(Right::of(entitlement), entitlement.role.clone())).copied()
    }

    /// Whether somebody who left an organization is still in another.
    fn is_elsewhere(&self, person: &str, left: &str) -> bool {
        self.organizations.get(person).is_some_and(|all| all.iter().any(|organization| organization != left))
    }
}

/// Something that somebody may do, whatever role they have in it. A key belongs to whoever made it, whoever ends it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Right {
    person: Option<String>,
    kind: EntitlementKind,
    object: String,
}

impl Right {
    fn of(entitlement: &Entitlement) -> Self {
        let person = (entitlement.kind != EntitlementKind::ApiKey).then(|| entitlement.person.clone());
        Self { person, kind: entitlement.kind, object: entitlement.object.clone() }
    }
}

/// What an activity says of a right.
#[derive(Debug, Clone)]
struct Saying {
    at: i64,
    activity: String,
    says: Says,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Says {
    Ended,
    Given,
    /// From now on it is this role, or none.
    RoleIs(Option<String>),
}

/// How a right went on after it was revoked.
#[derive(Debug, Default)]
struct Course {
    end: Option<Saying>,
    given_again: bool,
}

/// What activities say of rights, in order of time.
#[derive(Default)]
struct Record {
    of_right: HashMap<Right, Vec<Saying>>,
    /// The ends of groups, workspaces and projects: nobody has a right in them any more.
    of_object: HashMap<(EntitlementKind, String), Vec<Saying>>,
    /// Departures, each from an organization if the activity names one.
    of_person: HashMap<String, Vec<(Option<String>, Saying)>>,
}

impl Record {
    async fn read(desk: &Desk, from_micros: i64) -> Result<Self, ReportError> {
        let types = TYPES.map(|name| format!("'{name}'")).join(", ");
        let statement = format!(
            "select created_at, id, type, organization_uuid, actor_id, raw from activities \
             where created_at >= {} and type in ({types}) order by created_at, id",
            instant(from_micros)
        );
        let mut record = Self::default();
        Answer::of(&desk.lake, &statement).await?.each(|row| {
            let raw: Value = row.text(5).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
            record.take(&Told {
                at: row.number(0).unwrap_or_default(),
                id: row.text(1).unwrap_or_default(),
                kind: row.text(2).unwrap_or_default(),
                organization: row.text(3),
                actor: row.text(4),
                raw: &raw,
            });
        });
        Ok(record)
    }

    fn take(&mut self, told: &Told<'_>) {
        match told.kind {
            "org_user_deleted" => self.departed(told, told.text("deleted_user_id")),
            "scim_user_deleted" => self.departed(told, told.text("user_id")),
            "org_user_left" => self.departed(told, told.actor),
            "claude_user_role_updated" => {
                let role = Says::RoleIs(told.text("current_role").map(str::to_owned));
                self.says(told, EntitlementKind::OrganizationRole, told.organization, told.text("user_id"), role);
            }
            "org_user_invite_accepted" => {
                self.says(told, EntitlementKind::OrganizationRole, told.organization, told.actor, Says::Given);
            }
            "scim_user_created" => {
                let person = told.text("user_id");
                self.says(told, EntitlementKind::OrganizationRole, told.organization, person, Says::Given);
            }
            "group_member_added" => self.members(told, &Says::Given),
            "group_member_removed" => self.members(told, &Says::Ended),
            "group_deleted" => self.closed(told, EntitlementKind::Group, told.text("group_id")),
            "platform_workspace_archived" => self.closed(told, EntitlementKind::Workspace, told.text("workspace_id")),
            "claude_project_deleted" => self.closed(told, EntitlementKind::Project, told.text("claude_project_id")),
            "platform_workspace_member_added" => self.workspace(told, Says::Given),
            "platform_workspace_member_removed" => self.workspace(told, Says::Ended),
            "platform_workspace_member_updated" => {
                if let Some(role) = told.update("workspace_role") {
                    self.workspace(told, Says::RoleIs(Some(role.to_owned())));
                }
            }
            "role_assignment_granted" => self.resource(told, Says::Given),
            "role_assignment_revoked" => self.resource(told, Says::Ended),
            "integration_user_connected" => self.connector(told, Says::Given),
            "integration_user_disconnected" => self.connector(told, Says::Ended),
            _ => self.key(told),
        }
    }

    fn says(&mut self, told: &Told<'_>, kind: EntitlementKind, object: Option<&str>, person: Option<&str>, says: Says) {
        let (Some(object), Some(person)) = (object, person) else { return };
        let right = Right { person: Some(person.to_owned()), kind, object: object.to_owned() };
        self.of_right.entry(right).or_default().push(told.saying(says));
    }

    fn departed(&mut self, told: &Told<'_>, person: Option<&str>) {
        let Some(person) = person else { return };
        let departure = (told.organization.map(str::to_owned), told.saying(Says::Ended));
        self.of_person.entry(person.to_owned()).or_default().push(departure);
    }

    fn closed(&mut self, told: &Told<'_>, kind: EntitlementKind, object: Option<&str>) {
        let Some(object) = object else { return };
        self.of_object.entry((kind, object.to_owned())).or_default().push(told.saying(Says::Ended));
    }

    fn members(&mut self, told: &Told<'_>, says: &Says) {
        for person in told.raw["member_ids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            self.says(told, EntitlementKind::Group, told.text("group_id"), Some(person), says.clone());
        }
    }

    fn workspace(&mut self, told: &Told<'_>, says: Says) {
        self.says(told, EntitlementKind::Workspace, told.text("workspace_id"), told.text("user_id"), says);
    }

    /// A role on a project; of other resources nobody reviews anything.
    fn resource(&mut self, told: &Told<'_>, says: Says) {
        self.says(told, EntitlementKind::Project, told.text("resource_id"), told.text("target_id"), says);
    }

    fn connector(&mut self, told: &Told<'_>, says: Says) {
        self.says(told, EntitlementKind::Connector, connected(told.raw), told.actor, says);
    }

    /// A new name or workspace ends no key; what is not active does nothing.
    fn key(&mut self, told: &Told<'_>) {
        let active = |state: &str| if state == "active" { Says::Given } else { Says::Ended };
        let says = match told.kind {
            "platform_api_key_updated" => told.update("status").map(active),
            "scoped_api_key_updated" => told.update("activation_state").map(active),
            _ => Some(Says::Ended),
        };
        let id = ["api_key_id", "admin_api_key_id", "service_key_id"].iter().find_map(|name| told.text(name));
        let (Some(says), Some(id)) = (says, id) else { return };
        let right = Right { person: None, kind: EntitlementKind::ApiKey, object: id.to_owned() };
        self.of_right.entry(right).or_default().push(told.saying(says));
    }

    /// How a right went on since a moment.
    fn course(&self, entitlement: &Entitlement, since: i64, now: &Now) -> Course {
        let right = Right::of(entitlement);
        let own = self.of_right.get(&right).into_iter().flatten();
        let closed = self.of_object.get(&(right.kind, right.object.clone())).into_iter().flatten();
        let mut said: Vec<&Saying> = own.chain(closed).chain(self.departures(entitlement, now)).collect();
        said.retain(|saying| saying.at >= since);
        said.sort_by(|a, b| (a.at, &a.activity).cmp(&(b.at, &b.activity)));
        let mut course = Course::default();
        for saying in said {
            let ended = match &saying.says {
                Says::Ended => true,
                Says::Given => false,
                Says::RoleIs(role) => *role != entitlement.role,
            };
            match ended {
                true => course = Course { end: Some(saying.clone()), given_again: false },
                false => course.given_again = course.end.is_some(),
            }
        }
        course
    }

    /// Departures that end a right: a role with its organization, a key never, and everything else when its holder is
    /// in no organization any more.
    fn departures<'r>(&'r self, entitlement: &'r Entitlement, now: &'r Now) -> impl Iterator<Item = &'r Saying> {
        let person = &entitlement.person;
        let ends = move |left: &Option<String>| match (entitlement.kind, left.as_deref()) {
            (EntitlementKind::ApiKey, _) => false,
            (_, None) => true,
            (EntitlementKind::OrganizationRole, Some(left)) => left == entitlement.object,
            (_, Some(left)) => !now.is_elsewhere(person, left),
        };
        let departures = self.of_person.get(person).into_iter().flatten();
        departures.filter(move |(left, _)| ends(left)).map(|(_, saying)| saying)
    }
}

/// Activities that give or end what is reviewed.
const TYPES: [&str; 23] = [
    "admin_api_key_deleted",
    "claude_project_deleted",
    "claude_user_role_updated",
    "group_deleted",
    "group_member_added",
    "group_member_removed",
    "integration_user_connected",
    "integration_user_disconnected",
    "org_user_deleted",
    "org_user_invite_accepted",
    "org_user_left",
    "platform_api_key_updated",
    "platform_workspace_archived",
    "platform_workspace_member_added",
    "platform_workspace_member_removed",
    "platform_workspace_member_updated",
    "role_assignment_granted",
    "role_assignment_revoked",
    "scim_user_created",
    "scim_user_deleted",
    "scoped_api_key_deleted",
    "scoped_api_key_updated",
    "service_key_revoked",
];

/// An activity of one of these types.
struct Told<'a> {
    at: i64,
    id: &'a str,
    kind: &'a str,
    organization: Option<&'a str>,
    actor: Option<&'a str>,
    raw: &'a Value,
}

impl Told<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.raw[name].as_str()
    }

    /// What an attribute was changed to.
    fn update(&self, attribute: &str) -> Option<&str> {
        let mut updates = self.raw["updates"].as_array().into_iter().flatten();
        updates.find(|update| update["type"] == attribute)?["current_value"].as_str()
    }

    fn saying(&self, says: Says) -> Saying {
        Saying { at: self.at, activity: self.id.to_owned(), says }
    }
}
