//! The directory of an Admin API: people, invites, keys, workspaces, groups, who is in them, and roles with what they allow.
//! Its key needs `read:org_audit` and opens no content: the source to prefer (compliance_api.md §2, §17).
//! Never changes anything upstream: every request is a GET.

use ephor_lake::directory::DirectoryKind;
use serde_json::{Value, json};

use super::Listings;
use super::reader::{List, Paging, Reader, Reading, texts};
use crate::collector::{Endpoint, UpstreamError, UpstreamPath};
use crate::error::SourceError;

/// The published maximum of every list.
const PAGE_ROWS: u32 = 1000;

/// Groups and roles are published in beta; the vendor's SDK asks for them with this.
const BETA: &[(&str, &str)] = &[("beta", "true")];

/// How often the groups are read before they are left out because the upstream does not know their roles.
const GROUP_READINGS: usize = 3;

/// Reads every list that the key may see.
pub async fn read_admin_directory(endpoint: Endpoint, clock: fn() -> i64) -> Result<Listings, SourceError> {
    let name = endpoint.name.clone();
    let failed = |error: UpstreamError| SourceError::Collect { name: name.clone(), error };
    let again_after = endpoint.pace.first_wait;
    let mut reader = Reader::new(endpoint, clock).map_err(failed)?;
    let organization = read_organization(&mut reader).await.map_err(failed)?;
    read_people_and_keys(&mut reader, &organization).await.map_err(failed)?;
    read_groups(&mut reader, again_after).await.map_err(failed)?;
    read_roles(&mut reader, &organization).await.map_err(failed)?;
    Ok(reader.listings)
}

/// The UUID of the key's organization, under which its people, keys and roles are listed; empty where it is not told.
async fn read_organization(reader: &mut Reader) -> Result<String, UpstreamError> {
    let parse = |body: &bytes::Bytes| serde_json::from_slice::<Value>(body);
    let told = match reader.client.get(&UpstreamPath::AdminOrganization, &beta(), parse).await {
        Ok(answer) => answer.value,
        Err(UpstreamError::Refused { status: 403, .. } | UpstreamError::NotFound(_)) => Value::Null,
        Err(error) => return Err(error),
    };
    let Some(uuid) = told["id"].as_str().map(str::to_owned) else {
        reader.leave_out(DirectoryKind::Organizations, "the upstream does not say whose the key is");
        return Ok(String::new());
    };
    reader.keep(DirectoryKind::Organizations, "", vec![json!({ "uuid": uuid, "name": told["name"] })]);
    Ok(uuid)
}

async fn read_people_and_keys(reader: &mut Reader, organization: &str) -> Result<(), UpstreamError> {
    reader.take_in(by_cursor(DirectoryKind::Users, organization, UpstreamPath::AdminUsers)).await?;
    reader.take_in(by_cursor(DirectoryKind::Invites, organization, UpstreamPath::AdminInvites)).await?;
    reader.take_in(by_cursor(DirectoryKind::ApiKeys, organization, UpstreamPath::AdminApiKeys)).await?;
    let workspaces =
        reader.take_in(by_cursor(DirectoryKind::Workspaces, organization, UpstreamPath::AdminWorkspaces)).await?;
    for workspace in texts(&workspaces, "id") {
        let path = UpstreamPath::AdminWorkspaceMembers(workspace.clone());
        reader.take_in(by_cursor(DirectoryKind::WorkspaceMembers, &workspace, path)).await?;
    }
    Ok(())
}

async fn read_groups(reader: &mut Reader, again_after: std::time::Duration) -> Result<(), UpstreamError> {
    let list = by_token(DirectoryKind::Groups, "", UpstreamPath::AdminGroups);
    let mut readings = 1;
    let groups = loop {
        let Reading::Whole(groups) = reader.read(&list).await? else { return Ok(()) };
        if groups.iter().all(knows_its_roles) || readings == GROUP_READINGS {
            break groups;
        }
        readings += 1;
        tokio::time::sleep(again_after).await;
    };
    for group in texts(&groups, "id") {
        let path = UpstreamPath::AdminGroupMembers(group.clone());
        reader.take_in(by_token(DirectoryKind::GroupMembers, &group, path)).await?;
    }
    match groups.iter().all(knows_its_roles) {
        true => reader.keep(DirectoryKind::Groups, "", groups),
        // Kept, the rows would say that every role had been taken from the group.
        false => {
            reader.leave_out(DirectoryKind::Groups, "the upstream does not know the roles of a group at the moment");
        }
    }
    Ok(())
}

/// `role_ids` is null while the upstream cannot tell, which is not the same as none.
fn knows_its_roles(group: &Value) -> bool {
    group.get("role_ids").is_none_or(|roles| !roles.is_null())
}

async fn read_roles(reader: &mut Reader, organization: &str) -> Result<(), UpstreamError> {
    let roles = reader.take_in(by_token(DirectoryKind::Roles, organization, UpstreamPath::AdminRoles)).await?;
    for role in texts(&roles, "id") {
        let path = UpstreamPath::AdminRolePermissions(role.clone());
        reader.take_in(by_token(DirectoryKind::RolePermissions, &role, path)).await?;
    }
    Ok(())
}

fn beta() -> Vec<(&'static str, String)> {
    BETA.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn by_cursor(kind: DirectoryKind, scope: &str, path: UpstreamPath) -> List<'_> {
    List { kind, scope, path, paging: Paging::Cursor, page_rows: PAGE_ROWS, query: &[] }
}

fn by_token(kind: DirectoryKind, scope: &str, path: UpstreamPath) -> List<'_> {
    List { kind, scope, path, paging: Paging::Token, page_rows: PAGE_ROWS, query: BETA }
}
