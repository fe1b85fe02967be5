//! The directory of an Admin API: people, invites, workspaces and their members, keys with status and expiry.
//! Its key needs `read:org_audit` and opens no content: the source to prefer (compliance_api.md §2, §17).
//! Never changes anything upstream: every request is a GET.

use ephor_lake::directory::DirectoryKind;
use ephor_wire::envelope::CursorPage;
use serde_json::Value;

use super::{Listings, snapshot};
use crate::collector::{Client, Endpoint, UpstreamError, UpstreamPath};
use crate::error::SourceError;

/// Rows of one request: the published maximum.
const PAGE_ROWS: &str = "1000";

/// Reads every list that the key may see.
pub async fn read_admin_directory(endpoint: Endpoint, clock: fn() -> i64) -> Result<Listings, SourceError> {
    let source = endpoint.name.clone();
    let failed = |error: UpstreamError| SourceError::Collect { name: source.clone(), error };
    let mut client = Client::new(endpoint, clock).map_err(failed)?;
    let observed_at = clock();
    let mut listings = Listings::default();
    let lists = [
        (DirectoryKind::Users, UpstreamPath::AdminUsers),
        (DirectoryKind::Invites, UpstreamPath::AdminInvites),
        (DirectoryKind::ApiKeys, UpstreamPath::AdminApiKeys),
        (DirectoryKind::Workspaces, UpstreamPath::AdminWorkspaces),
    ];
    let mut workspaces = Vec::new();
    for (kind, path) in lists {
        let Some(rows) = list(&mut client, kind, &path, &mut listings).await.map_err(failed)? else {
            continue;
        };
        if kind == DirectoryKind::Workspaces {
            workspaces = rows.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect();
        }
        listings.snapshots.push(snapshot(kind, "", &source, observed_at, rows));
    }
    for workspace in workspaces {
        let path = UpstreamPath::AdminWorkspaceMembers(workspace.clone());
        let kind = DirectoryKind::WorkspaceMembers;
        if let Some(rows) = list(&mut client, kind, &path, &mut listings).await.map_err(failed)? {
            listings.snapshots.push(snapshot(kind, &workspace, &source, observed_at, rows));
        }
    }
    Ok(listings)
}

/// One list to its end; `None` when the key may not read it.
async fn list(
    client: &mut Client,
    kind: DirectoryKind,
    path: &UpstreamPath,
    listings: &mut Listings,
) -> Result<Option<Vec<Value>>, UpstreamError> {
    let mut rows = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut query = vec![("limit", PAGE_ROWS.to_owned())];
        query.extend(after.clone().map(|after| ("after_id", after)));
        let page = match client.get(path, &query, |body| serde_json::from_slice::<CursorPage<Value>>(body)).await {
            Ok(answer) => answer.value,
            Err(UpstreamError::Refused { status: 403, message }) => {
                listings.left_out.push(format!("{}: {message}", kind.table_name()));
                return Ok(None);
            }
            Err(UpstreamError::NotFound(path)) => {
                listings.left_out.push(format!("{}: {path} is not there", kind.table_name()));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        rows.extend(page.data);
        if !page.has_more {
            return Ok(Some(rows));
        }
        if page.last_id.is_none() || page.last_id == after {
            // Half a listing would say that the other half has been removed.
            let left = format!("{}: {path} says that there is more, and not where", kind.table_name());
            listings.left_out.push(left);
            return Ok(None);
        }
        after = page.last_id;
    }
}
