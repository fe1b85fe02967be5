//! Every request that a collector can make: metadata paths, and no others, because there is no way to write another.
//! Parts that come from a row are escaped, so that no row can lead elsewhere.
//! Never a content path: a test holds the list against the published ones.

use std::fmt;

use ephor_wire::analytics::AnalyticsEndpoint;

/// A path of an upstream's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamPath {
    /// The activity feed.
    Activities,
    /// The parent's organizations.
    Organizations,
    /// People of an organization.
    OrganizationUsers(String),
    /// Custom roles of an organization.
    Roles(String),
    /// What a role allows: organization, role.
    RolePermissions(String, String),
    /// What is in force in an organization.
    Settings(String),
    /// Groups of the parent.
    Groups,
    /// People of a group.
    GroupMembers(String),
    /// Projects, without what is in them.
    Projects,
    /// Who may do what in a project.
    ProjectCollaborators(String),
    /// Admin API: people.
    AdminUsers,
    /// Admin API: invites.
    AdminInvites,
    /// Admin API: workspaces.
    AdminWorkspaces,
    /// Admin API: people of a workspace.
    AdminWorkspaceMembers(String),
    /// Admin API: keys with status and expiry.
    AdminApiKeys,
    /// Admin API: the organization of the key.
    AdminOrganization,
    /// Admin API: groups.
    AdminGroups,
    /// Admin API: people of a group.
    AdminGroupMembers(String),
    /// Admin API: roles, those that the vendor made among them.
    AdminRoles,
    /// Admin API: what a role allows.
    AdminRolePermissions(String),
    /// Analytics API: numbers.
    Analytics(AnalyticsEndpoint),
}

impl fmt::Display for UpstreamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activities => f.write_str("/v1/compliance/activities"),
            Self::Organizations => f.write_str("/v1/compliance/organizations"),
            Self::OrganizationUsers(org) => write!(f, "/v1/compliance/organizations/{}/users", escaped(org)),
            Self::Roles(org) => write!(f, "/v1/compliance/organizations/{}/roles", escaped(org)),
            Self::RolePermissions(org, role) => {
                write!(f, "/v1/compliance/organizations/{}/roles/{}/permissions", escaped(org), escaped(role))
            }
            Self::Settings(org) => write!(f, "/v1/compliance/organizations/{}/settings", escaped(org)),
            Self::Groups => f.write_str("/v1/compliance/groups"),
            Self::GroupMembers(group) => write!(f, "/v1/compliance/groups/{}/members", escaped(group)),
            Self::Projects => f.write_str("/v1/compliance/apps/projects"),
            Self::ProjectCollaborators(project) => {
                write!(f, "/v1/compliance/apps/projects/{}/collaborators", escaped(project))
            }
            Self::AdminUsers => f.write_str("/v1/organizations/users"),
            Self::AdminInvites => f.write_str("/v1/organizations/invites"),
            Self::AdminWorkspaces => f.write_str("/v1/organizations/workspaces"),
            Self::AdminWorkspaceMembers(workspace) => {
                write!(f, "/v1/organizations/workspaces/{}/members", escaped(workspace))
            }
            Self::AdminApiKeys => f.write_str("/v1/organizations/api_keys"),
            Self::AdminOrganization => f.write_str("/v1/organizations/me"),
            Self::AdminGroups => f.write_str("/v1/organizations/rbac_groups"),
            Self::AdminGroupMembers(group) => write!(f, "/v1/organizations/rbac_groups/{}/members", escaped(group)),
            Self::AdminRoles => f.write_str("/v1/organizations/rbac_roles"),
            Self::AdminRolePermissions(role) => {
                write!(f, "/v1/organizations/rbac_roles/{}/permissions", escaped(role))
            }
            Self::Analytics(endpoint) => write!(f, "/v1/organizations/analytics/{endpoint}"),
        }
    }
}

/// Everything but letters, digits, `-` and `_` is escaped: an id of `../x` stays one segment that names nothing.
fn escaped(part: &str) -> String {
    part.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// compliance_api.md §4: paths that answer with content, or with what people named it.
    const CONTENT: [&str; 17] = [
        "/user_preferences",
        "/apps/chats",
        "/messages",
        "/files",
        "/generated-files",
        "/content",
        "/apps/artifacts",
        "/apps/code",
        "/versions",
        "/attachments",
        "/documents",
        "/metadata",
        "/apps/sessions",
        "/local",
        "/remote",
        "/apps/projects/claude_proj_1$",
        "/instructions",
    ];

    #[test]
    fn no_request_can_reach_content() {
        let hostile = "x/../../apps/chats/1/messages?y=/content#";
        for id in ["claude_proj_1", hostile] {
            let id = || id.to_owned();
            let mut paths = vec![
                UpstreamPath::Activities,
                UpstreamPath::Organizations,
                UpstreamPath::OrganizationUsers(id()),
                UpstreamPath::Roles(id()),
                UpstreamPath::RolePermissions(id(), id()),
                UpstreamPath::Settings(id()),
                UpstreamPath::Groups,
                UpstreamPath::GroupMembers(id()),
                UpstreamPath::Projects,
                UpstreamPath::ProjectCollaborators(id()),
                UpstreamPath::AdminUsers,
                UpstreamPath::AdminInvites,
                UpstreamPath::AdminWorkspaces,
                UpstreamPath::AdminWorkspaceMembers(id()),
                UpstreamPath::AdminApiKeys,
                UpstreamPath::AdminOrganization,
                UpstreamPath::AdminGroups,
                UpstreamPath::AdminGroupMembers(id()),
                UpstreamPath::AdminRoles,
                UpstreamPath::AdminRolePermissions(id()),
            ];
            paths.extend(AnalyticsEndpoint::ALL.map(UpstreamPath::Analytics));
            for path in paths {
                let ended = format!("{path}$");
                // `artifacts` of the Analytics API are counts by media type (analytics_api.md §8).
                assert!(CONTENT.iter().all(|content| !ended.contains(content)), "{path}");
            }
        }
    }
}
