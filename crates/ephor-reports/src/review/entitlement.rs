//! Who may do what: every role, group, workspace, project, key and personal connector that somebody holds, with when it
//! was given, by whom, and when its holder was last seen using anything.
//! Promises the whole population as the directory and the feed have it, and says where a grant is older than the record.

use std::collections::{BTreeMap, HashMap};

use ephor_lake::directory::DirectoryKind;
use ephor_wire::timestamp::{DAY_MICROS, Timestamp, UtcDay};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Answer;
use crate::desk::Desk;
use crate::error::ReportError;
use crate::people::People;
use crate::reports::last_seen::LastSeen;

/// Something that somebody may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// Who holds it: `user_…`, or who made a key.
    pub person: String,
    /// Their address.
    pub email: Option<String>,
    /// What kind it is.
    pub kind: EntitlementKind,
    /// The organization, group, workspace, project, key or connector.
    pub object: String,
    /// What that is called.
    pub object_name: Option<String>,
    /// The role within it.
    pub role: Option<String>,
    /// When it was given, in microseconds since 1970.
    pub granted_micros: Option<i64>,
    /// By whom, where the record tells.
    pub granted_by: Option<String>,
    /// When its holder was last seen, in microseconds since 1970.
    pub last_seen_micros: Option<i64>,
    /// What a reviewer should look at.
    pub flags: Vec<Flag>,
}

/// Kinds of entitlements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntitlementKind {
    /// A role in an organization.
    OrganizationRole,
    /// Membership of a group.
    Group,
    /// A role in a workspace.
    Workspace,
    /// A role in a project.
    Project,
    /// An API key that they made.
    ApiKey,
    /// A connector that they connected.
    Connector,
}

impl EntitlementKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::OrganizationRole, Self::Group, Self::Workspace, Self::Project, Self::ApiKey, Self::Connector];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrganizationRole => "organization_role",
            Self::Group => "group",
            Self::Workspace => "workspace",
            Self::Project => "project",
            Self::ApiKey => "api_key",
            Self::Connector => "connector",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What a reviewer should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// It allows to change what others may do.
    Privileged,
    /// Its holder has no seat any more, or has left.
    Orphaned,
    /// Its holder has not been seen for the dormant period.
    Dormant,
    /// It was given within the last 30 days.
    New,
    /// A key older than 90 days.
    OldKey,
    /// Nobody's record tells who gave it.
    NoGrantor,
}

impl Flag {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Orphaned => "orphaned",
            Self::Dormant => "dormant",
            Self::New => "new",
            Self::OldKey => "old_key",
            Self::NoGrantor => "no_grantor",
        }
    }
}

const NEW_DAYS: i64 = 30;
const OLD_KEY_DAYS: i64 = 90;

/// Roles that allow to change what others may do.
pub(crate) fn is_privileged(role: &str) -> bool {
    matches!(role, "primary_owner" | "owner" | "admin" | "membership_admin" | "billing") || role.ends_with("_admin")
}

/// Every entitlement of now.
pub async fn entitlements(desk: &Desk) -> Result<Vec<Entitlement>, ReportError> {
    let people = People::of(desk).await?;
    let seen = LastSeen::before(desk, &people, desk.now_micros).await?;
    let grants = Grants::read(desk).await?;
    let mut all = Vec::new();
    roles(desk, &people, &mut all);
    memberships(desk, &mut all);
    projects(desk, &mut all);
    keys(desk, &mut all);
    connectors(desk, &mut all).await?;
    let today = UtcDay::from_micros(desk.now_micros);
    for entitlement in &mut all {
        entitlement.email = people.email_of(&entitlement.person).map(str::to_owned);
        entitlement.last_seen_micros = seen.newest(&entitlement.person).map(|(_, micros)| micros);
        if let Some((at, by)) = grants.of(entitlement) {
            entitlement.granted_micros.get_or_insert(at);
            entitlement.granted_by = by;
        }
        let left = people.roster_on(&entitlement.person, today).is_some_and(|entry| entry.left_on.is_some());
        let has_seat = people.by_id.contains_key(&entitlement.person);
        entitlement.flags = flags(desk, entitlement, left || !has_seat);
    }
    all.sort_by(|a, b| (&a.person, a.kind, &a.object).cmp(&(&b.person, b.kind, &b.object)));
    Ok(all)
}

fn new(person: &str, kind: EntitlementKind, object: &str) -> Entitlement {
    Entitlement {
        person: person.to_owned(),
        email: None,
        kind,
        object: object.to_owned(),
        object_name: None,
        role: None,
        granted_micros: None,
        granted_by: None,
        last_seen_micros: None,
        flags: Vec::new(),
    }
}

fn roles(desk: &Desk, people: &People, all: &mut Vec<Entitlement>) {
    let directory = desk.lake.directory();
    let mut names = HashMap::new();
    for scope in directory.scopes(DirectoryKind::Organizations) {
        for row in directory.current(DirectoryKind::Organizations, &scope) {
            names.insert(row["uuid"].as_str().unwrap_or_default().to_owned(), text(&row, "name"));
        }
    }
    for person in people.by_id.values() {
        for (organization, role) in &person.roles {
            all.push(Entitlement {
                object_name: names.get(organization).cloned().flatten(),
                role: Some(role.clone()),
                granted_micros: person.joined_micros,
                ..new(&person.id, EntitlementKind::OrganizationRole, organization)
            });
        }
    }
}

fn memberships(desk: &Desk, all: &mut Vec<Entitlement>) {
    let directory = desk.lake.directory();
    for (listing, members, kind) in [
        (DirectoryKind::Groups, DirectoryKind::GroupMembers, EntitlementKind::Group),
        (DirectoryKind::Workspaces, DirectoryKind::WorkspaceMembers, EntitlementKind::Workspace),
    ] {
        for scope in directory.scopes(listing) {
            for object in directory.current(listing, &scope) {
                let Some(id) = object["id"].as_str() else { continue };
                for member in directory.current(members, id) {
                    let Some(person) = member["user_id"].as_str().or_else(|| member["id"].as_str()) else { continue };
                    all.push(Entitlement {
                        object_name: text(&object, "name"),
                        role: text(&member, "workspace_role").or_else(|| text(&member, "role")),
                        granted_micros: time(&member, "created_at"),
                        ..new(person, kind, id)
                    });
                }
            }
        }
    }
}

fn projects(desk: &Desk, all: &mut Vec<Entitlement>) {
    let directory = desk.lake.directory();
    for scope in directory.scopes(DirectoryKind::Projects) {
        for project in directory.current(DirectoryKind::Projects, &scope) {
            let Some(id) = project["id"].as_str().filter(|_| project["deleted_at"].is_null()) else { continue };
            for grant in directory.current(DirectoryKind::ProjectCollaborators, id) {
                let Some(person) = grant["user_id"].as_str() else { continue };
                all.push(Entitlement {
                    object_name: text(&project, "name"),
                    role: text(&grant, "role"),
                    granted_micros: time(&grant, "granted_at"),
                    ..new(person, EntitlementKind::Project, id)
                });
            }
        }
    }
}

fn keys(desk: &Desk, all: &mut Vec<Entitlement>) {
    let directory = desk.lake.directory();
    for scope in directory.scopes(DirectoryKind::ApiKeys) {
        for key in directory.current(DirectoryKind::ApiKeys, &scope) {
            let active = key["status"].as_str().is_none_or(|status| status == "active") && key["is_active"] != false;
            let owner = key["created_by_id"].as_str().or_else(|| key["created_by"]["id"].as_str());
            let (Some(id), Some(owner), true) = (key["id"].as_str(), owner, active) else { continue };
            all.push(Entitlement {
                object_name: text(&key, "name"),
                role: text(&key, "workspace_id"),
                granted_micros: time(&key, "created_at"),
                granted_by: Some(owner.to_owned()),
                ..new(owner, EntitlementKind::ApiKey, id)
            });
        }
    }
}

/// Connectors that people connected and have not disconnected since.
async fn connectors(desk: &Desk, all: &mut Vec<Entitlement>) -> Result<(), ReportError> {
    let statement = "select actor_id, type, created_at, raw from activities \
        where type in ('integration_user_connected', 'integration_user_disconnected') and actor_id is not null order by created_at, id";
    let mut live: BTreeMap<(String, String), Entitlement> = BTreeMap::new();
    Answer::of(&desk.lake, statement).await?.each(|row| {
        let raw: Value = row.text(3).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
        let (Some(person), Some(object)) = (row.text(0), connected(&raw)) else { return };
        let key = (person.to_owned(), object.to_owned());
        if row.text(1) == Some("integration_user_disconnected") {
            live.remove(&key);
            return;
        }
        let name = text(&raw, "mcp_server_name").or_else(|| text(&raw, "integration_type"));
        live.insert(
            key,
            Entitlement {
                object_name: name,
                granted_micros: row.number(2),
                granted_by: Some(person.to_owned()),
                ..new(person, EntitlementKind::Connector, object)
            },
        );
    });
    all.extend(live.into_values());
    Ok(())
}

/// What somebody connected or disconnected.
pub(super) fn connected(raw: &Value) -> Option<&str> {
    ["mcp_server_id", "integration_id", "integration_type"].iter().find_map(|name| raw[*name].as_str())
}

fn text(row: &Value, name: &str) -> Option<String> {
    row.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn time(row: &Value, name: &str) -> Option<i64> {
    let text = text(row, name)?;
    // Some listings come without a zone; they are in UTC.
    Timestamp::parse(&text).or_else(|_| Timestamp::parse(&format!("{text}Z"))).ok().map(|time| time.micros())
}

fn flags(desk: &Desk, entitlement: &Entitlement, gone: bool) -> Vec<Flag> {
    let now = desk.now_micros;
    let age = entitlement.granted_micros.map(|granted| now - granted);
    let older = |days: i64| age.is_some_and(|age| age > days * DAY_MICROS);
    let dormant_micros = i64::from(desk.options.dormant_days) * DAY_MICROS;
    let mut flags = Vec::new();
    let mut set = |condition: bool, flag: Flag| {
        if condition {
            flags.push(flag);
        }
    };
    set(entitlement.role.as_deref().is_some_and(is_privileged), Flag::Privileged);
    set(gone, Flag::Orphaned);
    set(
        entitlement.last_seen_micros.is_none_or(|seen| now - seen > dormant_micros)
            && older(i64::from(desk.options.dormant_days)),
        Flag::Dormant,
    );
    set(age.is_some_and(|age| age <= NEW_DAYS * DAY_MICROS), Flag::New);
    set(entitlement.kind == EntitlementKind::ApiKey && older(OLD_KEY_DAYS), Flag::OldKey);
    set(entitlement.granted_by.is_none(), Flag::NoGrantor);
    flags
}

/// Who gave what to whom, as the feed tells it; the newest grant counts.
#[derive(Default)]
struct Grants {
    by_person_and_object: HashMap<(String, String), (i64, Option<String>)>,
}

impl Grants {
    async fn read(desk: &Desk) -> Result<Self, ReportError> {
        let statement = "select created_at, coalesce(actor_email, actor_id, actor_type), organization_uuid, type, raw from activities \
            where type in ('claude_user_role_updated', 'org_user_invite_accepted', 'scim_user_created', 'group_member_added', \
                           'platform_workspace_member_added', 'platform_workspace_member_updated', 'role_assignment_granted', \
                           'rbac_role_assigned', 'design_project_member_added') order by created_at, id";
        let mut grants = Self::default();
        Answer::of(&desk.lake, statement).await?.each(|row| {
            let raw: Value = row.text(4).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
            let object = ["group_id", "workspace_id", "target_id", "design_project_id"]
                .iter()
                .find_map(|name| raw[*name].as_str())
                .or_else(|| row.text(2))
                .map(str::to_owned);
            let Some(object) = object else { return };
            let grant = (row.number(0).unwrap_or_default(), row.owned(1));
            let one = ["user_id", "principal_id"].iter().find_map(|name| raw[*name].as_str());
            let many = raw["member_ids"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for person in one.into_iter().chain(many) {
                grants.by_person_and_object.insert((person.to_owned(), object.clone()), grant.clone());
            }
        });
        Ok(grants)
    }

    fn of(&self, entitlement: &Entitlement) -> Option<(i64, Option<String>)> {
        self.by_person_and_object.get(&(entitlement.person.clone(), entitlement.object.clone())).cloned()
    }
}
