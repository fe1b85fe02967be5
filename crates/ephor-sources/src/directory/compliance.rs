//! The directory of a Compliance API: organizations, people, roles, groups, projects, settings and keys.
//! A scope that the key lacks leaves its lists out and says so; the others are read.
//! Never reads a project's instructions or attachments: there is no request for them.

use ephor_lake::directory::DirectoryKind;
use serde_json::Value;

use super::Listings;
use super::lists::{List, ListReader, Paging, Read};
use crate::collector::{Client, Endpoint, UpstreamError, UpstreamPath};
use crate::error::SourceError;

/// Rows of one request: the published maximum of most lists.
const PAGE_ROWS: &str = "1000";

/// Projects and collaborators come in smaller pages.
const PROJECT_PAGE_ROWS: &str = "100";

/// Reads every list that the key may see.
pub async fn read_compliance_directory(endpoint: Endpoint, clock: fn() -> i64) -> Result<Listings, SourceError> {
    let name = endpoint.name.clone();
    let failed = |error: UpstreamError| SourceError::Collect { name: name.clone(), error };
    let client = Client::new(endpoint, clock).map_err(failed)?;
    let mut reader = ListReader::new(client, name.clone(), clock());
    read_all(&mut reader).await.map_err(failed)?;
    Ok(reader.listings)
}

async fn read_all(reader: &mut ListReader) -> Result<(), UpstreamError> {
    let organizations = list(reader, DirectoryKind::Organizations, "", UpstreamPath::Organizations).await?;
    for uuid in organizations.texts("uuid") {
        list(reader, DirectoryKind::Users, &uuid, UpstreamPath::OrganizationUsers(uuid.clone())).await?;
        let roles = list(reader, DirectoryKind::Roles, &uuid, UpstreamPath::Roles(uuid.clone())).await?;
        for role in roles.texts("id") {
            let path = UpstreamPath::RolePermissions(uuid.clone(), role.clone());
            list(reader, DirectoryKind::RolePermissions, &role, path).await?;
        }
        settings(reader, &uuid).await?;
    }
    let groups = list(reader, DirectoryKind::Groups, "", UpstreamPath::Groups).await?;
    for group in groups.texts("id") {
        list(reader, DirectoryKind::GroupMembers, &group, UpstreamPath::GroupMembers(group.clone())).await?;
    }
    let projects = list(reader, DirectoryKind::Projects, "", UpstreamPath::Projects).await?;
    for project in projects.texts("id") {
        let path = UpstreamPath::ProjectCollaborators(project.clone());
        list(reader, DirectoryKind::ProjectCollaborators, &project, path).await?;
    }
    Ok(())
}

async fn list(
    reader: &mut ListReader,
    kind: DirectoryKind,
    scope: &str,
    path: UpstreamPath,
) -> Result<Read, UpstreamError> {
    let page_rows = match kind {
        DirectoryKind::Projects | DirectoryKind::ProjectCollaborators => PROJECT_PAGE_ROWS,
        _ => PAGE_ROWS,
    };
    reader.read(&List { kind, scope, path, paging: Paging::Token, page_rows }).await
}

/// Settings and keys come in one answer; both are lists of their own here.
async fn settings(reader: &mut ListReader, uuid: &str) -> Result<(), UpstreamError> {
    let parse = |body: &bytes::Bytes| serde_json::from_slice::<Value>(body);
    let mut settings = match reader.client.get(&UpstreamPath::Settings(uuid.to_owned()), &[], parse).await {
        Ok(answer) => answer.value,
        // 404 hides three causes (compliance_api.md §7), the parent organization among them.
        Err(UpstreamError::Refused { status: 403, .. } | UpstreamError::NotFound(_)) => {
            reader.left_out(DirectoryKind::Settings, &format!("not readable for {uuid}"));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for (name, kind) in [("settings", DirectoryKind::Settings), ("api_keys", DirectoryKind::ApiKeys)] {
        if let Value::Array(rows) = settings[name].take() {
            let snapshot = reader.snapshot(kind, uuid, rows);
            reader.listings.snapshots.push(snapshot);
        }
    }
    Ok(())
}
