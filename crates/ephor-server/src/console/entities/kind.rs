//! The kinds of things: where each is listed, which fields name one, what makes it and what ends it.
//! One table of facts; a kind is a line of it.
//! Never holds a thing.

use ephor_lake::CountedBy;
use ephor_lake::directory::DirectoryKind;
use ephor_reports::used::UsedAs;

/// A kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::console) enum Kind {
    Key,
    Connector,
    Skill,
    Project,
    Workspace,
}

/// Everything that tells one kind from another.
#[derive(Debug)]
pub(in crate::console) struct Spec {
    /// The list of them; one is a part behind it.
    pub(in crate::console) path: &'static str,
    pub(super) one: &'static str,
    pub(super) many: &'static str,
    pub(super) title: &'static str,
    /// Fields of activities that hold its id.
    pub(super) ids: &'static [&'static str],
    /// Fields of the same activity that hold its name.
    pub(super) names: &'static [&'static str],
    /// Types that say that it is there from now on, and that it is no more.
    pub(super) made: &'static [&'static str],
    pub(super) ended: &'static [&'static str],
    /// What ids of it begin with.
    prefixes: &'static [&'static str],
    /// What rules call it.
    entities: &'static [&'static str],
    /// Where a source lists it.
    pub(super) directory: Option<DirectoryKind>,
    /// Where a source lists who belongs to it.
    pub(super) members: Option<DirectoryKind>,
    /// The column of activities that holds it, whoever acts.
    pub(super) counted: Option<CountedBy>,
    /// The filter of the feed that asks for it.
    pub(super) filter: Option<&'static str>,
    /// What usage events call it.
    pub(super) used: Option<UsedAs>,
    /// The list of those that are approved.
    pub(super) approved: Option<&'static str>,
    /// The field of the timeline's question that asks for it.
    pub(super) asked: &'static str,
}

static KEY: Spec = Spec {
    path: "/keys",
    one: "key",
    many: "keys",
    title: "Keys",
    ids: &["api_key_id", "admin_api_key_id", "service_key_id"],
    names: &["api_key_name", "key_name"],
    made: &["api_key_created", "platform_api_key_created", "admin_api_key_created", "service_key_created"],
    ended: &["scoped_api_key_deleted", "admin_api_key_deleted", "service_key_revoked"],
    prefixes: &["apikey_"],
    entities: &["api_key", "admin_api_key", "service_key"],
    directory: Some(DirectoryKind::ApiKeys),
    members: None,
    counted: Some(CountedBy::ApiKey),
    filter: Some("key"),
    used: Some(UsedAs::Key),
    approved: None,
    asked: "key",
};

static CONNECTOR: Spec = Spec {
    path: "/connectors",
    one: "connector",
    many: "connectors",
    title: "Connectors",
    ids: &["mcp_server_id", "mcp_directory_server_id"],
    names: &["mcp_server_name", "mcp_directory_server_name"],
    made: &["mcp_server_created"],
    ended: &["mcp_server_deleted"],
    prefixes: &["mcpsrv_"],
    entities: &["mcp_server", "connector"],
    directory: None,
    members: None,
    counted: None,
    filter: None,
    used: Some(UsedAs::Connector),
    approved: Some("approved_connectors"),
    asked: "resource",
};

static SKILL: Spec = Spec {
    path: "/skills",
    one: "skill",
    many: "skills",
    title: "Skills",
    ids: &["skill_id"],
    names: &["skill_name"],
    made: &["claude_skill_created"],
    ended: &["claude_skill_deleted"],
    prefixes: &["skill_"],
    entities: &["skill"],
    directory: None,
    members: None,
    counted: None,
    filter: None,
    used: Some(UsedAs::Skill),
    approved: Some("approved_skills"),
    asked: "resource",
};

static PROJECT: Spec = Spec {
    path: "/projects",
    one: "project",
    many: "projects",
    title: "Projects",
    ids: &["claude_project_id"],
    names: &[],
    made: &["claude_project_created"],
    ended: &["claude_project_deleted", "claude_project_archived"],
    prefixes: &["claude_proj_"],
    entities: &["project", "claude_project"],
    directory: Some(DirectoryKind::Projects),
    members: Some(DirectoryKind::ProjectCollaborators),
    counted: None,
    filter: None,
    used: Some(UsedAs::Project),
    approved: None,
    asked: "resource",
};

static WORKSPACE: Spec = Spec {
    path: "/workspaces",
    one: "workspace",
    many: "workspaces",
    title: "Workspaces",
    ids: &["workspace_id"],
    names: &["workspace_name"],
    made: &["platform_workspace_created"],
    ended: &["platform_workspace_archived"],
    prefixes: &["wrkspc_"],
    entities: &["workspace"],
    directory: Some(DirectoryKind::Workspaces),
    members: Some(DirectoryKind::WorkspaceMembers),
    counted: Some(CountedBy::Workspace),
    filter: Some("workspace"),
    used: None,
    approved: None,
    asked: "resource",
};

/// What begins like an id of another thing: a document lies in a project and is none.
const OTHERS: [&str; 1] = ["claude_proj_doc_"];

impl Kind {
    pub(in crate::console) const ALL: [Self; 5] =
        [Self::Key, Self::Connector, Self::Skill, Self::Project, Self::Workspace];

    pub(in crate::console) const fn spec(self) -> &'static Spec {
        match self {
            Self::Key => &KEY,
            Self::Connector => &CONNECTOR,
            Self::Skill => &SKILL,
            Self::Project => &PROJECT,
            Self::Workspace => &WORKSPACE,
        }
    }

    /// The kind that a field of an activity names.
    pub(super) fn of_field(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.spec().ids.contains(&name))
    }

    /// The kind that rules call so.
    pub(super) fn of_entity(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.spec().entities.contains(&name))
    }

    /// The kind whose ids begin like this one.
    pub(in crate::console) fn of_id(id: &str) -> Option<Self> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        if !id.chars().all(plain) || OTHERS.iter().any(|other| id.starts_with(other)) {
            return None;
        }
        Self::ALL.into_iter().find(|kind| kind.spec().prefixes.iter().any(|prefix| id.starts_with(prefix)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_known_by_its_id_by_its_field_and_by_what_rules_call_it() {
        assert_eq!(Kind::of_id("apikey_01"), Some(Kind::Key));
        assert_eq!(Kind::of_id("claude_proj_01"), Some(Kind::Project));
        for other in ["claude_proj_doc_01", "user_01", "skill_of/../x", ""] {
            assert_eq!(Kind::of_id(other), None, "{other}");
        }
        assert_eq!(Kind::of_field("mcp_server_id"), Some(Kind::Connector));
        assert_eq!(Kind::of_entity("admin_api_key"), Some(Kind::Key));
    }

    #[test]
    fn every_type_that_makes_or_ends_one_is_of_the_catalogue() {
        for spec in Kind::ALL.map(Kind::spec) {
            for kind in spec.made.iter().chain(spec.ended) {
                assert!(ephor_wire::catalogue::catalogue().get(kind).is_some(), "{kind}");
            }
        }
    }
}
