//! The directory of an Admin API: people, invites, workspaces and their members, keys with status and expiry; for Enterprise
//! groups with their members, roles and what they allow.
//! Its key needs scopes that open no content: the source to prefer (compliance_api.md §2, §17).
//! Never changes anything upstream: every request is a GET.

use ephor_lake::directory::DirectoryKind;

use super::Listings;
use super::lists::{List, ListReader, Paging, Read};
use crate::collector::{Client, Endpoint, UpstreamError, UpstreamPath};
use crate::error::SourceError;

/// Rows of one request: the published maximum.
const PAGE_ROWS: &str = "1000";

/// What groups and roles are to be asked for with while they are in beta; without it they are 404, as if not there.
const USER_MANAGEMENT_BETA: &str = "ce-user-management-2026-07-13";

/// Reads every list that the key may see.
pub async fn read_admin_directory(endpoint: Endpoint, clock: fn() -> i64) -> Result<Listings, SourceError> {
    let source = endpoint.name.clone();
    let failed = |error: UpstreamError| SourceError::Collect { name: source.clone(), error };
    let client = Client::new(endpoint, clock).map_err(failed)?;
    let mut reader = ListReader::new(client, source.clone(), clock());
    read_people_and_workspaces(&mut reader).await.map_err(failed)?;
    read_groups_and_roles(&mut reader).await.map_err(failed)?;
    Ok(reader.listings)
}

async fn read_people_and_workspaces(reader: &mut ListReader) -> Result<(), UpstreamError> {
    reader.read(&by_cursor(DirectoryKind::Users, "", UpstreamPath::AdminUsers)).await?;
    reader.read(&by_cursor(DirectoryKind::Invites, "", UpstreamPath::AdminInvites)).await?;
    reader.read(&by_cursor(DirectoryKind::ApiKeys, "", UpstreamPath::AdminApiKeys)).await?;
    let workspaces = reader.read(&by_cursor(DirectoryKind::Workspaces, "", UpstreamPath::AdminWorkspaces)).await?;
    for workspace in workspaces.texts("id") {
        let path = UpstreamPath::AdminWorkspaceMembers(workspace.clone());
        reader.read(&by_cursor(DirectoryKind::WorkspaceMembers, &workspace, path)).await?;
    }
    Ok(())
}

async fn read_groups_and_roles(reader: &mut ListReader) -> Result<(), UpstreamError> {
    let groups = read_in_beta(reader, &by_token(DirectoryKind::Groups, "", UpstreamPath::AdminGroups)).await?;
    for group in groups.texts("id") {
        let path = UpstreamPath::AdminGroupMembers(group.clone());
        reader.read(&by_token(DirectoryKind::GroupMembers, &group, path)).await?;
    }
    let roles = read_in_beta(reader, &by_token(DirectoryKind::Roles, "", UpstreamPath::AdminRoles)).await?;
    for role in roles.texts("id") {
        let path = UpstreamPath::AdminRolePermissions(role.clone());
        reader.read(&by_token(DirectoryKind::RolePermissions, &role, path)).await?;
    }
    Ok(())
}

/// A list that may have to be asked for by the name of its beta.
async fn read_in_beta(reader: &mut ListReader, list: &List<'_>) -> Result<Read, UpstreamError> {
    match reader.read(list).await? {
        Read::NotThere if reader.client.beta.is_none() => {
            reader.listings.left_out.pop();
            reader.client.beta = Some(USER_MANAGEMENT_BETA);
            reader.read(list).await
        }
        read => Ok(read),
    }
}

fn by_cursor(kind: DirectoryKind, scope: &str, path: UpstreamPath) -> List<'_> {
    List { kind, scope, path, paging: Paging::Cursor, page_rows: PAGE_ROWS }
}

fn by_token(kind: DirectoryKind, scope: &str, path: UpstreamPath) -> List<'_> {
    List { kind, scope, path, paging: Paging::Token, page_rows: PAGE_ROWS }
}
