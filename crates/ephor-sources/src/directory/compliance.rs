//! The directory of a Compliance API: organizations, people, roles, groups, projects, settings and keys.
//! A scope that the key lacks leaves its lists out and says so; the others are read.
//! Never reads a project's instructions or attachments: there is no request for them.

use ephor_lake::directory::DirectoryKind;
use serde_json::Value;

use super::Listings;
use super::reader::{List, Paging, Reader, texts};
use crate::collector::{Endpoint, UpstreamError, UpstreamPath};
use crate::error::SourceError;

/// The published maximum of most lists.
const PAGE_ROWS: u32 = 1000;

/// Projects and collaborators come in smaller pages.
const PROJECT_PAGE_ROWS: u32 = 100;

/// Reads every list that the key may see.
pub async fn read_compliance_directory(endpoint: Endpoint, clock: fn() -> i64) -> Result<Listings, SourceError> {
    let name = endpoint.name.clone();
    let failed = |error: UpstreamError| SourceError::Collect { name: name.clone(), error };
    let mut reader = Reader::new(endpoint, clock).map_err(failed)?;
    read_all(&mut reader).await.map_err(failed)?;
    Ok(reader.listings)
}

async fn read_all(reader: &mut Reader) -> Result<(), UpstreamError> {
    let organizations = reader.take_in(list(DirectoryKind::Organizations, "", UpstreamPath::Organizations)).await?;
    for uuid in texts(&organizations, "uuid") {
        let people = UpstreamPath::OrganizationUsers(uuid.clone());
        reader.take_in(list(DirectoryKind::Users, &uuid, people)).await?;
        let roles = reader.take_in(list(DirectoryKind::Roles, &uuid, UpstreamPath::Roles(uuid.clone()))).await?;
        for role in texts(&roles, "id") {
            let path = UpstreamPath::RolePermissions(uuid.clone(), role.clone());
            reader.take_in(list(DirectoryKind::RolePermissions, &role, path)).await?;
        }
        settings(reader, &uuid).await?;
    }
    let groups = reader.take_in(list(DirectoryKind::Groups, "", UpstreamPath::Groups)).await?;
    for group in texts(&groups, "id") {
        reader.take_in(list(DirectoryKind::GroupMembers, &group, UpstreamPath::GroupMembers(group.clone()))).await?;
    }
    let projects = reader.take_in(list(DirectoryKind::Projects, "", UpstreamPath::Projects)).await?;
    for project in texts(&projects, "id") {
        let path = UpstreamPath::ProjectCollaborators(project.clone());
        reader.take_in(list(DirectoryKind::ProjectCollaborators, &project, path)).await?;
    }
    Ok(())
}

fn list(kind: DirectoryKind, scope: &str, path: UpstreamPath) -> List<'_> {
    let page_rows = match kind {
        DirectoryKind::Projects | DirectoryKind::ProjectCollaborators => PROJECT_PAGE_ROWS,
        _ => PAGE_ROWS,
    };
    List { kind, scope, path, paging: Paging::Token, page_rows, query: &[] }
}

/// Settings and keys come in one answer; both are lists of their own here.
async fn settings(reader: &mut Reader, uuid: &str) -> Result<(), UpstreamError> {
    let parse = |body: &bytes::Bytes| serde_json::from_slice::<Value>(body);
    let mut settings = match reader.client.get(&UpstreamPath::Settings(uuid.to_owned()), &[], parse).await {
        Ok(answer) => answer.value,
        // 404 hides three causes (compliance_api.md §7), the parent organization among them.
        Err(UpstreamError::Refused { status: 403, .. } | UpstreamError::NotFound(_)) => {
            reader.leave_out(DirectoryKind::Settings, &format!("not readable for {uuid}"));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for (name, kind) in [("settings", DirectoryKind::Settings), ("api_keys", DirectoryKind::ApiKeys)] {
        if let Value::Array(rows) = settings[name].take() {
            reader.keep(kind, uuid, rows);
        }
    }
    Ok(())
}
