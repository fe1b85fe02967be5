//! What the simulated organisation owns: linked organizations, workspaces, groups, roles, projects, connectors, keys.
//! Promises that whatever an activity names is listed here, and that the directory shows the state at the end.
//! Never changes by itself: administration and the planted incidents change it, in time order where it matters.

use super::calendar::{DAY, HOUR, Span};
use super::dice::{Dice, Purpose};
use super::people::{Home, Person, TEAMS};
use super::row::quoted;

/// One organization of the feed.
pub(crate) struct LinkedOrganization {
    pub(crate) id: String,
    pub(crate) uuid: String,
    pub(crate) name: &'static str,
    pub(crate) created_at: i64,
    /// The envelope's two organization fields, rendered.
    pub(crate) tag: String,
}

pub(crate) struct Workspace {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) restricted: bool,
    pub(crate) created_at: i64,
    /// (person, workspace role)
    pub(crate) members: Vec<(u32, &'static str)>,
    /// Who may be in: the members at the start.
    pub(crate) allowed: Vec<u32>,
}

pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scim: bool,
    pub(crate) restricted: bool,
    pub(crate) created_at: i64,
    pub(crate) members: Vec<(u32, i64)>,
    pub(crate) roles: Vec<usize>,
    /// Who may be in: the members at the start.
    pub(crate) allowed: Vec<u32>,
}

pub(crate) struct CustomRole {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) created_at: i64,
    /// (resource type, resource id, action)
    pub(crate) permissions: Vec<(&'static str, String, &'static str)>,
}

pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) owner: u32,
    pub(crate) private: bool,
    pub(crate) created_at: i64,
    pub(crate) collaborators: Vec<(u32, &'static str, i64)>,
}

/// A named thing with an id: a connector, a skill, a plugin.
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) name: String,
}

pub(crate) struct ConsoleKey {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) workspace: usize,
    pub(crate) created_by: u32,
    pub(crate) created_at: i64,
    pub(crate) status: &'static str,
    pub(crate) expires_at: Option<i64>,
}

#[derive(Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) projects: usize,
    pub(crate) connectors: usize,
    pub(crate) skills: usize,
}

/// A Compliance Access Key, or an Admin API key.
pub(crate) struct ScopedKey {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scopes: Vec<&'static str>,
    pub(crate) created_by: u32,
    pub(crate) created_at: i64,
    pub(crate) active: bool,
    pub(crate) expires_at: Option<i64>,
}

pub(crate) struct Invite {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) role: &'static str,
    pub(crate) invited_at: i64,
    pub(crate) status: &'static str,
}

pub(crate) struct Company {
    pub(crate) parent: LinkedOrganization,
    pub(crate) enterprise: LinkedOrganization,
    pub(crate) subsidiary: LinkedOrganization,
    pub(crate) api: LinkedOrganization,
    pub(crate) people: Vec<Person>,
    pub(crate) workspaces: Vec<Workspace>,
    pub(crate) groups: Vec<Group>,
    pub(crate) roles: Vec<CustomRole>,
    pub(crate) projects: Vec<Project>,
    /// How many entries of projects, connectors and skills were there from the start; routine uses only those.
    pub(crate) standing: Standing,
    pub(crate) approved_connectors: Vec<Named>,
    pub(crate) skills: Vec<Named>,
    pub(crate) plugins: Vec<Named>,
    pub(crate) marketplace: String,
    pub(crate) extensions: Vec<String>,
    pub(crate) console_keys: Vec<ConsoleKey>,
    pub(crate) admin_keys: Vec<ScopedKey>,
    pub(crate) compliance_keys: Vec<ScopedKey>,
    pub(crate) service_accounts: Vec<Named>,
    pub(crate) federation_issuer: String,
    pub(crate) federation_rule: String,
    pub(crate) scim_directory: String,
    pub(crate) tunnel: String,
    pub(crate) agents: Vec<String>,
    pub(crate) invites: Vec<Invite>,
    /// Settings that ended up different from the declared ones: (name, JSON value), per organization uuid.
    pub(crate) setting_changes: Vec<(String, &'static str, String)>,
}

const CONNECTORS: [&str; 10] =
    ["GitHub", "Google Drive", "Jira", "Slack", "Confluence", "Salesforce", "Snowflake", "Figma", "Linear", "Zendesk"];
const SKILLS: [&str; 10] = [
    "brand-voice",
    "contract-review",
    "sql-explainer",
    "release-notes",
    "quarterly-report",
    "ticket-triage",
    "onboarding-guide",
    "security-questionnaire",
    "slide-template",
    "code-style",
];
const PLUGINS: [&str; 6] =
    ["deploy-tools", "jira-bridge", "test-runner", "docs-publisher", "data-catalog", "design-tokens"];
const WORKSPACES: [(&str, bool); 6] = [
    ("production", false),
    ("staging", false),
    ("research", false),
    ("support-bot", false),
    ("fraud-models", true),
    ("payroll-assistant", true),
];
const PROJECT_TOPICS: [&str; 6] = ["handbook", "planning", "research", "templates", "reviews", "knowledge base"];

impl Company {
    pub(crate) fn found(seed: u64, people: Vec<Person>, span: &Span) -> Self {
        let mut dice = Dice::new(seed, Purpose::Company);
        let founded = span.start - 900 * DAY;
        let named = |dice: &mut Dice, prefix: &str, names: &[&str]| -> Vec<Named> {
            names.iter().map(|name| Named { id: dice.tagged(prefix), name: (*name).to_owned() }).collect()
        };
        let dice = &mut dice;
        let projects = projects(dice, &people, span);
        Self {
            parent: linked(dice, "Meridian Group", founded),
            enterprise: linked(dice, "Meridian", founded + DAY),
            subsidiary: linked(dice, "Larkfield", founded + 200 * DAY),
            api: linked(dice, "Meridian Platform", founded + 20 * DAY),
            workspaces: workspaces(dice, &people, founded),
            groups: groups(dice, &people, founded),
            roles: custom_roles(dice, founded),
            standing: Standing { projects: projects.len(), connectors: CONNECTORS.len(), skills: SKILLS.len() },
            projects,
            approved_connectors: named(dice, "mcpsrv_", &CONNECTORS),
            skills: named(dice, "skill_", &SKILLS),
            plugins: named(dice, "plugin_", &PLUGINS),
            marketplace: dice.tagged("marketplace_"),
            extensions: (0..4).map(|_| dice.tagged("dxt_")).collect(),
            console_keys: console_keys(dice, &people, span),
            admin_keys: vec![scoped_key(dice, "provisioning", &["org:admin"], span.start - 20 * DAY)],
            compliance_keys: compliance_keys(dice, span),
            service_accounts: named(
                dice,
                "svac_",
                &["batch-scoring", "ticket-summaries", "nightly-evals", "data-migration"],
            ),
            federation_issuer: dice.tagged("fdis_"),
            federation_rule: dice.tagged("fdrl_"),
            scim_directory: dice.tagged("directory_"),
            tunnel: dice.tagged("tnl_"),
            agents: (0..5).map(|_| dice.tagged("agent_")).collect(),
            invites: Vec::new(),
            setting_changes: Vec::new(),
            people,
        }
    }

    pub(crate) fn person(&self, index: u32) -> &Person {
        &self.people[index as usize]
    }

    /// The organization whose chats and projects a person works in.
    pub(crate) fn home_of(&self, person: &Person) -> &LinkedOrganization {
        match person.home {
            Home::Enterprise => &self.enterprise,
            Home::Subsidiary => &self.subsidiary,
        }
    }

    /// Somebody who may administer: the primary owner, owners and admins come first in the list of people.
    pub(crate) fn administrator(&self, dice: &mut Dice) -> u32 {
        let count =
            self.people.iter().take_while(|person| matches!(person.role, "primary_owner" | "owner" | "admin")).count();
        dice.below(count.max(1) as u32)
    }

    /// Owners, the primary owner included, come first.
    pub(crate) fn owner(&self, dice: &mut Dice) -> u32 {
        let count = self.people.iter().take_while(|person| matches!(person.role, "primary_owner" | "owner")).count();
        dice.below(count.max(1) as u32)
    }

    pub(crate) fn linked(&self) -> [&LinkedOrganization; 3] {
        [&self.enterprise, &self.api, &self.subsidiary]
    }

    pub(crate) fn restricted_workspace(&self, dice: &mut Dice) -> usize {
        let restricted: Vec<usize> = self
            .workspaces
            .iter()
            .enumerate()
            .filter(|(_, workspace)| workspace.restricted)
            .map(|(at, _)| at)
            .collect();
        *dice.pick(&restricted)
    }
}

fn linked(dice: &mut Dice, name: &'static str, created_at: i64) -> LinkedOrganization {
    let id = dice.tagged("org_");
    let uuid = dice.uuid();
    let tag = format!(r#""organization_id":{},"organization_uuid":{}"#, quoted(&id), quoted(&uuid));
    LinkedOrganization { id, uuid, name, created_at, tag }
}

fn workspaces(dice: &mut Dice, people: &[Person], founded: i64) -> Vec<Workspace> {
    let mut list = Vec::new();
    for (name, restricted) in WORKSPACES {
        let share = if restricted { 8 } else { 45 };
        let members: Vec<(u32, &'static str)> = people
            .iter()
            .filter(|person| person.console)
            .filter_map(|person| {
                let joined_before = !matches!(person.fate, super::people::Fate::Joins { .. });
                if person.is_admin() {
                    Some((person.index, "workspace_admin"))
                } else if joined_before && dice.percent(share) {
                    Some((person.index, "workspace_developer"))
                } else {
                    None
                }
            })
            .collect();
        let allowed = members.iter().map(|(person, _)| *person).collect();
        let id = dice.tagged("wrkspc_");
        list.push(Workspace { id, name, restricted, created_at: founded + 30 * DAY, members, allowed });
    }
    list
}

fn groups(dice: &mut Dice, people: &[Person], founded: i64) -> Vec<Group> {
    let mut list: Vec<Group> = Vec::new();
    for (team, record) in TEAMS.iter().enumerate() {
        let members: Vec<(u32, i64)> = people
            .iter()
            .filter(|person| person.team == team && !matches!(person.fate, super::people::Fate::Joins { .. }))
            .map(|person| (person.index, person.joined))
            .collect();
        list.push(Group {
            id: dice.tagged("rbac_group_"),
            name: format!("team-{}", record.name),
            scim: true,
            restricted: false,
            created_at: founded + 2 * DAY,
            allowed: allowed(&members),
            members,
            roles: Vec::new(),
        });
    }
    for (name, team) in
        [("legal-privileged", "legal"), ("finance-close", "finance"), ("connector-curators", "operations")]
    {
        let members: Vec<(u32, i64)> = people
            .iter()
            .filter(|person| person.team_name() == team && person.is_member_on(0))
            .take(6)
            .map(|person| (person.index, person.joined + DAY))
            .collect();
        list.push(Group {
            id: dice.tagged("rbac_group_"),
            name: name.to_owned(),
            scim: false,
            restricted: name != "connector-curators",
            created_at: founded + 40 * DAY,
            allowed: allowed(&members),
            members,
            roles: if name == "connector-curators" { vec![0] } else { Vec::new() },
        });
    }
    list
}

fn allowed(members: &[(u32, i64)]) -> Vec<u32> {
    members.iter().map(|(person, _)| *person).collect()
}

fn custom_roles(dice: &mut Dice, founded: i64) -> Vec<CustomRole> {
    let mut role = |name, description, resource_type, action| CustomRole {
        id: dice.tagged("rbac_role_"),
        name,
        description,
        created_at: founded + 35 * DAY,
        permissions: vec![(resource_type, "*".to_owned(), action)],
    };
    vec![
        role("Connector curator", "Adds and removes connectors from the approved register", "mcp_server", "manage"),
        role("Skill publisher", "Publishes skills to everybody", "skill", "publish"),
        role("Project auditor", "Looks at projects of other teams", "project", "read"),
    ]
}

fn projects(dice: &mut Dice, people: &[Person], span: &Span) -> Vec<Project> {
    let mut list = Vec::new();
    for (team, record) in TEAMS.iter().enumerate() {
        let staff: Vec<&Person> =
            people.iter().filter(|person| person.team == team && person.is_member_on(0)).collect();
        if staff.is_empty() {
            continue;
        }
        for topic in PROJECT_TOPICS.iter().take(2 + staff.len().min(8) / 2) {
            let owner = dice.pick(&staff).index;
            let created_at = span.start - dice.between(20, 300) * DAY + dice.between(8 * HOUR, 18 * HOUR);
            let collaborators = (0..3)
                .map(|_| {
                    (dice.pick(&staff).index, *dice.pick(&["editor", "viewer"]), created_at + dice.between(1, 9) * DAY)
                })
                .filter(|(person, _, _)| *person != owner)
                .collect();
            list.push(Project {
                id: dice.tagged("claude_proj_"),
                name: format!("{} {topic}", record.name),
                owner,
                private: dice.percent(60),
                created_at,
                collaborators,
            });
        }
    }
    list.sort_by_key(|project| project.created_at);
    list
}

fn console_keys(dice: &mut Dice, people: &[Person], span: &Span) -> Vec<ConsoleKey> {
    let makers: Vec<&Person> = people.iter().filter(|person| person.console && person.is_member_on(0)).collect();
    let mut list = Vec::new();
    for number in 0..(people.len() / 12).max(4) {
        let created_at = span.start - dice.between(1, 80) * DAY + dice.between(8 * HOUR, 18 * HOUR);
        list.push(ConsoleKey {
            id: dice.tagged("apikey_"),
            name: format!("{}-{number:02}", dice.pick(&["ingest", "eval", "bot", "pipeline", "notebook"])),
            workspace: dice.below(4) as usize,
            created_by: dice.pick(&makers).index,
            created_at,
            status: "active",
            expires_at: dice.percent(60).then_some(created_at + 365 * DAY),
        });
    }
    list
}

pub(crate) fn scoped_key(dice: &mut Dice, name: &str, scopes: &[&'static str], created_at: i64) -> ScopedKey {
    ScopedKey {
        id: dice.tagged("apikey_"),
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        created_by: 0,
        created_at: created_at + 10 * HOUR,
        active: true,
        expires_at: None,
    }
}

/// The first reads the feed all day, the second the directory at night, the third is rotated while we watch.
fn compliance_keys(dice: &mut Dice, span: &Span) -> Vec<ScopedKey> {
    let mut list = vec![
        scoped_key(dice, "siem-feed", &["read:compliance_activities"], span.start - 20 * DAY),
        scoped_key(dice, "nightly-inventory", &["read:compliance_org_data"], span.start - 15 * DAY),
        scoped_key(dice, "archive", &["read:compliance_activities"], span.start - 70 * DAY),
    ];
    if let Some(inventory) = list.get_mut(1) {
        inventory.scopes.push("read:compliance_user_data");
    }
    list
}
