//! The directory at the end of the span: the rows that the endpoints list, and what the organisation declares.
//! Promises the published field names of every list; removed people are gone from all of them.
//! Never keeps history: the feed tells how it came to be.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::calendar::{DAY, Span};
use super::company::{Company, LinkedOrganization, ScopedKey};
use super::people::{Fate, Home, Person};
use super::row::timestamp;

/// One list of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listing {
    /// Compliance API; scope: nothing.
    Organizations,
    /// Compliance API; scope: organization UUID.
    Users,
    /// Compliance API; scope: organization UUID.
    Roles,
    /// Compliance API; scope: role id.
    RolePermissions,
    /// Compliance API; scope: nothing.
    Groups,
    /// Compliance API; scope: group id.
    GroupMembers,
    /// Compliance API; scope: nothing.
    Projects,
    /// Compliance API; scope: project id.
    ProjectCollaborators,
    /// Compliance API; scope: organization UUID; one row.
    EffectiveSettings,
    /// Admin API: the organization of its key; scope: nothing, as with all of that API but members and permissions.
    AdminOrganization,
    AdminUsers,
    AdminInvites,
    AdminWorkspaces,
    /// Admin API; scope: workspace id.
    AdminWorkspaceMembers,
    AdminApiKeys,
    AdminGroups,
    /// Admin API; scope: group id.
    AdminGroupMembers,
    AdminRoles,
    /// Admin API; scope: role id.
    AdminRolePermissions,
    /// The personnel department's list, leavers included.
    HrRoster,
    /// What the organisation has approved or restricted; scope: the register's name.
    Registers,
}

impl Listing {
    pub const ALL: [Listing; 21] = [
        Listing::Organizations,
        Listing::Users,
        Listing::Roles,
        Listing::RolePermissions,
        Listing::Groups,
        Listing::GroupMembers,
        Listing::Projects,
        Listing::ProjectCollaborators,
        Listing::EffectiveSettings,
        Listing::AdminOrganization,
        Listing::AdminUsers,
        Listing::AdminInvites,
        Listing::AdminWorkspaces,
        Listing::AdminWorkspaceMembers,
        Listing::AdminApiKeys,
        Listing::AdminGroups,
        Listing::AdminGroupMembers,
        Listing::AdminRoles,
        Listing::AdminRolePermissions,
        Listing::HrRoster,
        Listing::Registers,
    ];

    /// The name of the list's file under `directory/`, without its ending.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Listing::Organizations => "organizations",
            Listing::Users => "users",
            Listing::Roles => "roles",
            Listing::RolePermissions => "role_permissions",
            Listing::Groups => "groups",
            Listing::GroupMembers => "group_members",
            Listing::Projects => "projects",
            Listing::ProjectCollaborators => "project_collaborators",
            Listing::EffectiveSettings => "effective_settings",
            Listing::AdminOrganization => "admin_organization",
            Listing::AdminUsers => "admin_users",
            Listing::AdminInvites => "admin_invites",
            Listing::AdminWorkspaces => "admin_workspaces",
            Listing::AdminWorkspaceMembers => "admin_workspace_members",
            Listing::AdminApiKeys => "admin_api_keys",
            Listing::AdminGroups => "admin_groups",
            Listing::AdminGroupMembers => "admin_group_members",
            Listing::AdminRoles => "admin_roles",
            Listing::AdminRolePermissions => "admin_role_permissions",
            Listing::HrRoster => "hr_roster",
            Listing::Registers => "registers",
        }
    }
}

/// The rows of one list within one scope, in published order.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedList {
    pub listing: Listing,
    pub scope: String,
    pub rows: Vec<Value>,
}

/// All lists.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDirectory {
    lists: BTreeMap<(Listing, String), Vec<Value>>,
}

impl SimulatedDirectory {
    /// The rows of a list, or `None` if there is no such scope.
    #[must_use]
    pub fn rows(&self, listing: Listing, scope: &str) -> Option<&[Value]> {
        self.lists.get(&(listing, scope.to_owned())).map(Vec::as_slice)
    }

    /// Every list and scope, in a stable order.
    pub fn lists(&self) -> impl Iterator<Item = SimulatedList> + '_ {
        self.lists.iter().map(|((listing, scope), rows)| SimulatedList {
            listing: *listing,
            scope: scope.clone(),
            rows: rows.clone(),
        })
    }

    fn put(&mut self, listing: Listing, scope: &str, rows: Vec<Value>) {
        self.lists.insert((listing, scope.to_owned()), rows);
    }
}

/// Organizations come with an offset; roles and groups come without a zone (compliance_api.md §7).
fn with_offset(at: i64) -> String {
    timestamp(at).replace('Z', "+00:00")
}

fn zoneless(at: i64) -> String {
    timestamp(at).replace('Z', "")
}

pub(crate) fn directory(company: &Company, span: &Span) -> SimulatedDirectory {
    let mut all = SimulatedDirectory::default();
    let mut organizations = company.linked().to_vec();
    organizations.sort_by_key(|linked| linked.created_at);
    let rows = organizations
        .iter()
        .map(|linked| json!({"uuid": linked.uuid, "name": linked.name, "created_at": with_offset(linked.created_at)}))
        .collect();
    all.put(Listing::Organizations, "", rows);
    for linked in organizations {
        all.put(Listing::Users, &linked.uuid, users(company, linked));
        all.put(Listing::Roles, &linked.uuid, roles(company));
        all.put(Listing::EffectiveSettings, &linked.uuid, vec![settings(company, linked)]);
    }
    for role in &company.roles {
        let permission = |(kind, id, action): &(&str, String, &str)| json!({"resource_type": kind, "resource_id": id, "action": action});
        all.put(Listing::RolePermissions, &role.id, role.permissions.iter().map(permission).collect());
    }
    groups(company, &mut all);
    projects(company, &mut all);
    administration(company, span, &mut all);
    declarations(company, span, &mut all);
    all
}

/// The members of an organization, by the day they joined.
fn members<'c>(company: &'c Company, linked: &LinkedOrganization) -> Vec<&'c Person> {
    let mut list: Vec<&Person> = company
        .people
        .iter()
        .filter(|person| !person.removed)
        .filter(|person| {
            if linked.uuid == company.api.uuid {
                person.console
            } else {
                (person.home == Home::Enterprise) == (linked.uuid == company.enterprise.uuid)
            }
        })
        .collect();
    list.sort_by_key(|person| (person.joined, person.index));
    list
}

fn users(company: &Company, linked: &LinkedOrganization) -> Vec<Value> {
    members(company, linked)
        .into_iter()
        .map(|person| {
            json!({
                "id": person.id,
                "full_name": person.name,
                "email": person.email,
                "created_at": timestamp(person.joined),
                "organization_role": person.role,
            })
        })
        .collect()
}

fn roles(company: &Company) -> Vec<Value> {
    company
        .roles
        .iter()
        .map(|role| {
            json!({
                "id": role.id,
                "name": role.name,
                "description": role.description,
                "created_at": zoneless(role.created_at),
                "updated_at": zoneless(role.created_at),
            })
        })
        .collect()
}

fn groups(company: &Company, all: &mut SimulatedDirectory) {
    let mut rows = Vec::new();
    for group in &company.groups {
        let roles: Vec<Value> = group.roles.iter().map(|role| json!({"id": company.roles[*role].id})).collect();
        rows.push(json!({
            "id": group.id,
            "name": group.name,
            "description": "",
            "source_type": if group.scim { "scim" } else { "direct" },
            "roles": roles,
            "created_at": zoneless(group.created_at),
            "updated_at": zoneless(group.created_at),
        }));
        let members = group
            .members
            .iter()
            .map(|(person, since)| {
                let person = company.person(*person);
                json!({"user_id": person.id, "email": person.email, "created_at": zoneless(*since), "updated_at": zoneless(*since)})
            })
            .collect();
        all.put(Listing::GroupMembers, &group.id, members);
    }
    all.put(Listing::Groups, "", rows);
}

fn projects(company: &Company, all: &mut SimulatedDirectory) {
    let mut sorted: Vec<_> = company.projects.iter().collect();
    sorted.sort_by_key(|project| project.created_at);
    let mut rows = Vec::new();
    for project in sorted {
        let owner = company.person(project.owner);
        let home = company.home_of(owner);
        rows.push(json!({
            "id": project.id,
            "name": project.name,
            "is_private": project.private,
            "user": {"id": owner.id, "email_address": owner.email},
            "organization_id": home.id,
            "organization_uuid": home.uuid,
            "created_at": timestamp(project.created_at),
            "updated_at": timestamp(project.created_at + DAY),
            "deleted_at": null,
        }));
        let row = |person: &Person, role: &str, at: i64| json!({"type": "user", "user_id": person.id, "role": role, "granted_at": timestamp(at)});
        let mut grants = vec![(owner, "owner", project.created_at)];
        grants.extend(project.collaborators.iter().map(|(person, role, at)| (company.person(*person), *role, *at)));
        grants.sort_by(|(a, _, at), (b, _, bt)| (at, &a.id).cmp(&(bt, &b.id)));
        // A person has one role in a project: the first that was given.
        let mut named = HashSet::new();
        grants.retain(|(person, _, _)| named.insert(person.id.as_str()));
        let collaborators = grants.iter().map(|(person, role, at)| row(person, role, *at)).collect();
        all.put(Listing::ProjectCollaborators, &project.id, collaborators);
    }
    all.put(Listing::Projects, "", rows);
}

/// The declared state, which the planted changes depart from.
const SETTINGS: [(&str, &str, &str); 16] = [
    ("artifact_connectors_enabled", "boolean", "true"),
    ("chat_enabled", "boolean", "true"),
    ("claude_ai_chat_sharing_enabled", "boolean", "true"),
    ("claude_code_desktop_bypass_permissions_enabled", "boolean", "false"),
    ("claude_code_web_enabled", "boolean", "true"),
    ("directory_sync_enabled", "boolean", "true"),
    ("inline_visualizations_enabled", "boolean", "true"),
    ("ip_allowlist_enabled", "boolean", "true"),
    ("public_projects_enabled", "boolean", "false"),
    ("skills_enabled", "boolean", "true"),
    ("sso_enabled", "boolean", "true"),
    ("web_search_enabled", "boolean", "true"),
    ("account_session_duration_seconds", "integer", "604800"),
    ("allowed_invite_domains", "string_list", r#"["meridian.example","larkfield.example"]"#),
    ("sso_provisioning_mode", "provisioning_mode", r#""scim_advanced""#),
    (
        "data_retention_periods",
        "data_retention",
        r#"[{"data_type":"chat","type":"fixed","timescale":"month","duration":24}]"#,
    ),
];

fn settings(company: &Company, linked: &LinkedOrganization) -> Value {
    let rows: Vec<Value> = SETTINGS
        .iter()
        .map(|(name, kind, declared)| {
            let changed =
                company.setting_changes.iter().rev().find(|(uuid, changed, _)| *uuid == linked.uuid && changed == name);
            let value = changed.map_or(*declared, |(_, _, value)| value.as_str());
            json!({"name": name, "type": kind, "value": serde_json::from_str::<Value>(value).unwrap_or(Value::Null)})
        })
        .collect();
    let keys: Vec<Value> = company.compliance_keys.iter().map(|key| compliance_key(company, key)).collect();
    json!({"type": "effective_organization_settings", "organization_id": linked.uuid, "settings": rows, "api_keys": keys})
}

fn compliance_key(company: &Company, key: &ScopedKey) -> Value {
    json!({
        "type": "compliance_api_key",
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "is_active": key.active,
        "created_at": timestamp(key.created_at),
        "created_by_id": company.person(key.created_by).id,
        "expires_at": key.expires_at.map(timestamp),
    })
}

/// Groups and roles as the Admin API spells them: times with a zone, roles by id, what a permission is about in an object.
fn administered_access(company: &Company, all: &mut SimulatedDirectory) {
    let mut rows = Vec::new();
    for group in &company.groups {
        let roles: Vec<&str> = group.roles.iter().map(|role| company.roles[*role].id.as_str()).collect();
        rows.push(json!({
            "type": "rbac_group", "id": group.id, "name": group.name, "role_ids": roles,
            "source_type": if group.scim { "scim" } else { "direct" },
            "created_at": timestamp(group.created_at), "updated_at": timestamp(group.created_at),
        }));
        let member = |(person, since): &(u32, i64)| {
            let person = company.person(*person);
            json!({
                "type": "rbac_group_member", "rbac_group_id": group.id, "user_id": person.id, "email": person.email,
                "created_at": timestamp(*since),
            })
        };
        all.put(Listing::AdminGroupMembers, &group.id, group.members.iter().map(member).collect());
    }
    all.put(Listing::AdminGroups, "", rows);
    let mut rows = Vec::new();
    for role in &company.roles {
        rows.push(json!({
            "type": "rbac_role", "id": role.id, "display_name": role.name, "source": {"type": "custom"},
            "created_at": timestamp(role.created_at), "updated_at": timestamp(role.created_at),
        }));
        let permission = |(kind, _, action): &(&str, String, &str)| match *kind {
            "mcp_server" => {
                json!({"type": "rbac_role_permission", "resource": {"type": "all_connectors"}, "action": "use"})
            }
            _ => json!({
                "type": "rbac_role_permission", "resource": {"type": "organization", "organization_id": company.enterprise.uuid},
                "action": format!("permission_{kind}_{action}"),
            }),
        };
        all.put(Listing::AdminRolePermissions, &role.id, role.permissions.iter().map(permission).collect());
    }
    all.put(Listing::AdminRoles, "", rows);
}

fn administration(company: &Company, span: &Span, all: &mut SimulatedDirectory) {
    let api = &company.api;
    all.put(Listing::AdminOrganization, "", vec![json!({"type": "organization", "id": api.uuid, "name": api.name})]);
    administered_access(company, all);
    let rows = members(company, &company.api)
        .into_iter()
        .map(|person| {
            let role = if person.is_admin() { "admin" } else { person.role };
            json!({"type": "user", "id": person.id, "email": person.email, "name": person.name, "role": role, "added_at": timestamp(person.joined)})
        })
        .collect();
    all.put(Listing::AdminUsers, "", rows);
    let rows = company
        .invites
        .iter()
        .filter(|invite| invite.status != "deleted")
        .map(|invite| {
            let expires_at = invite.invited_at + 21 * DAY;
            let status = if expires_at < span.end { "expired" } else { invite.status };
            json!({
                "type": "invite", "id": invite.id, "email": invite.email, "role": invite.role, "status": status,
                "invited_at": timestamp(invite.invited_at), "expires_at": timestamp(expires_at),
            })
        })
        .collect();
    all.put(Listing::AdminInvites, "", rows);
    let mut rows = Vec::new();
    for workspace in &company.workspaces {
        rows.push(json!({
            "type": "workspace", "id": workspace.id, "name": workspace.name, "display_color": "#0ea5e9",
            "created_at": timestamp(workspace.created_at), "archived_at": null,
        }));
        let members = workspace
            .members
            .iter()
            .map(|(person, role)| {
                json!({"type": "workspace_member", "user_id": company.person(*person).id, "workspace_id": workspace.id, "workspace_role": role})
            })
            .collect();
        all.put(Listing::AdminWorkspaceMembers, &workspace.id, members);
    }
    all.put(Listing::AdminWorkspaces, "", rows);
    let rows = company
        .console_keys
        .iter()
        .map(|key| {
            json!({
                "type": "api_key", "id": key.id, "name": key.name, "status": key.status,
                "workspace_id": company.workspaces[key.workspace].id, "partial_key_hint": "sk-ant-api03-…",
                "created_at": timestamp(key.created_at), "expires_at": key.expires_at.map(timestamp),
                "created_by": {"type": "user", "id": company.person(key.created_by).id},
            })
        })
        .collect();
    all.put(Listing::AdminApiKeys, "", rows);
}

/// What only the organisation itself can say: who works here, and what is approved or restricted.
fn declarations(company: &Company, span: &Span, all: &mut SimulatedDirectory) {
    let rows = company
        .people
        .iter()
        .map(|person| {
            let departed_on = match person.fate {
                Fate::Leaves { day } => Some(timestamp(span.day_start(day) - DAY)[..10].to_owned()),
                _ => None,
            };
            json!({
                "user_id": person.id, "email": person.email, "name": person.name, "team": person.team_name(),
                "site": person.site().city, "utc_offset_minutes": person.site().offset_minutes,
                "working_hours": {"from": "08:00", "to": "18:00"},
                "status": if departed_on.is_some() { "departed" } else { "employed" }, "departed_on": departed_on,
            })
        })
        .collect();
    all.put(Listing::HrRoster, "", rows);
    let named = |list: &[super::company::Named]| -> Vec<Value> {
        list.iter().map(|entry| json!({"id": entry.id, "name": entry.name})).collect()
    };
    all.put(Listing::Registers, "approved_connectors", named(&company.approved_connectors));
    all.put(Listing::Registers, "approved_skills", named(&company.skills));
    all.put(Listing::Registers, "approved_plugins", named(&company.plugins));
    all.put(Listing::Registers, "service_accounts", named(&company.service_accounts));
    let extensions = company.extensions.iter().map(|id| json!({"id": id})).collect();
    all.put(Listing::Registers, "approved_extensions", extensions);
    let organization = |linked: &LinkedOrganization, is_parent: bool| json!({"id": linked.id, "uuid": linked.uuid, "name": linked.name, "is_parent": is_parent, "created_at": timestamp(linked.created_at)});
    let mut rows = vec![organization(&company.parent, true)];
    rows.extend(company.linked().into_iter().map(|linked| organization(linked, false)));
    all.put(Listing::Registers, "organizations", rows);
    let people =
        |allowed: &[u32]| -> Vec<&str> { allowed.iter().map(|person| company.person(*person).id.as_str()).collect() };
    let workspaces = company.workspaces.iter().filter(|workspace| workspace.restricted);
    let rows = workspaces
        .map(|one| json!({"id": one.id, "name": one.name, "allowed_user_ids": people(&one.allowed)}))
        .collect();
    all.put(Listing::Registers, "restricted_workspaces", rows);
    let groups = company.groups.iter().filter(|group| group.restricted);
    let rows =
        groups.map(|one| json!({"id": one.id, "name": one.name, "allowed_user_ids": people(&one.allowed)})).collect();
    all.put(Listing::Registers, "restricted_groups", rows);
}
