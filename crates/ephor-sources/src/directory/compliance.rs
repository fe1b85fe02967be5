//! The directory of a Compliance API: organizations, people, roles, groups, projects, settings and keys.
//! A scope that the key lacks leaves its lists out and says so; the others are read.
//! Never reads a project's instructions or attachments: there is no request for them.

use ephor_lake::directory::{DirectoryKind, DirectorySnapshot};
use ephor_wire::envelope::TokenPage;
use serde_json::Value;

use super::{Listings, snapshot};
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
    let mut reader = Reader { client, source: name.clone(), observed_at: clock(), listings: Listings::default() };
    reader.read_all().await.map_err(failed)?;
    Ok(reader.listings)
}

struct Reader {
    client: Client,
    source: String,
    observed_at: i64,
    listings: Listings,
}

impl Reader {
    async fn read_all(&mut self) -> Result<(), UpstreamError> {
        let organizations = self.list(DirectoryKind::Organizations, "", UpstreamPath::Organizations).await?;
        for uuid in texts(&organizations, "uuid") {
            self.list(DirectoryKind::Users, &uuid, UpstreamPath::OrganizationUsers(uuid.clone())).await?;
            let roles = self.list(DirectoryKind::Roles, &uuid, UpstreamPath::Roles(uuid.clone())).await?;
            for role in texts(&roles, "id") {
                let path = UpstreamPath::RolePermissions(uuid.clone(), role.clone());
                self.list(DirectoryKind::RolePermissions, &role, path).await?;
            }
            self.settings(&uuid).await?;
        }
        let groups = self.list(DirectoryKind::Groups, "", UpstreamPath::Groups).await?;
        for group in texts(&groups, "id") {
            self.list(DirectoryKind::GroupMembers, &group, UpstreamPath::GroupMembers(group.clone())).await?;
        }
        let projects = self.list(DirectoryKind::Projects, "", UpstreamPath::Projects).await?;
        for project in texts(&projects, "id") {
            self.list(
                DirectoryKind::ProjectCollaborators,
                &project,
                UpstreamPath::ProjectCollaborators(project.clone()),
            )
            .await?;
        }
        Ok(())
    }

    /// One list to its end. What the key may not read, or what is gone meanwhile, is left out: an empty listing would
    /// say that everything in it has been removed.
    async fn list(
        &mut self,
        kind: DirectoryKind,
        scope: &str,
        path: UpstreamPath,
    ) -> Result<Vec<Value>, UpstreamError> {
        let limit = match kind {
            DirectoryKind::Projects | DirectoryKind::ProjectCollaborators => PROJECT_PAGE_ROWS,
            _ => PAGE_ROWS,
        };
        let mut rows: Vec<Value> = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = vec![("limit", limit.to_owned())];
            query.extend(token.clone().map(|token| ("page", token)));
            let parse = |body: &bytes::Bytes| serde_json::from_slice::<TokenPage<Value>>(body);
            let page = match self.client.get(&path, &query, parse).await {
                Ok(answer) => answer.value,
                Err(UpstreamError::Refused { status: 403, message }) => {
                    self.listings.left_out.push(format!("{}: {message}", kind.table_name()));
                    return Ok(Vec::new());
                }
                Err(UpstreamError::NotFound(path)) => {
                    self.listings.left_out.push(format!("{}: {path} is not there", kind.table_name()));
                    return Ok(Vec::new());
                }
                Err(error) => return Err(error),
            };
            rows.extend(page.data);
            if !page.has_more {
                break;
            }
            if page.next_page.is_none() || page.next_page == token {
                // Half a listing would say that the other half has been removed.
                let left = format!("{}: {path} says that there is more, and not where", kind.table_name());
                self.listings.left_out.push(left);
                return Ok(Vec::new());
            }
            token = page.next_page;
        }
        self.listings.snapshots.push(self.snapshot(kind, scope, rows.clone()));
        Ok(rows)
    }

    /// Settings and keys come in one answer; both are lists of their own here.
    async fn settings(&mut self, uuid: &str) -> Result<(), UpstreamError> {
        let parse = |body: &bytes::Bytes| serde_json::from_slice::<Value>(body);
        let mut settings = match self.client.get(&UpstreamPath::Settings(uuid.to_owned()), &[], parse).await {
            Ok(answer) => answer.value,
            // 404 hides three causes (compliance_api.md §7), the parent organization among them.
            Err(UpstreamError::Refused { status: 403, .. } | UpstreamError::NotFound(_)) => {
                self.listings.left_out.push(format!("directory_settings: not readable for {uuid}"));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for (name, kind) in [("settings", DirectoryKind::Settings), ("api_keys", DirectoryKind::ApiKeys)] {
            if let Value::Array(rows) = settings[name].take() {
                self.listings.snapshots.push(self.snapshot(kind, uuid, rows));
            }
        }
        Ok(())
    }

    fn snapshot(&self, kind: DirectoryKind, scope: &str, rows: Vec<Value>) -> DirectorySnapshot {
        snapshot(kind, scope, &self.source, self.observed_at, rows)
    }
}

fn texts(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter().filter_map(|row| row[name].as_str().map(str::to_owned)).collect()
}
