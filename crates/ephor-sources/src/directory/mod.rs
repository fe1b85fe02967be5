//! The directory from outside: who there is, in what role, group and workspace, and what is in force.
//! Every source gives full listings; the lake keeps what changed between two of them.
//! Never asks for or keeps a row's content: instructions, file names and attachments stay where they are.

mod admin_api;
mod compliance;
mod export;
mod reader;

use ephor_lake::directory::{DirectoryKind, DirectoryRow, DirectorySnapshot};
use ephor_wire::content;
use serde_json::Value;

pub use admin_api::read_admin_directory;
pub use compliance::read_compliance_directory;
#[cfg(any(test, fuzzing))]
pub(crate) use export::people;
pub use export::read_export;

/// What one reading of a directory brought.
#[derive(Debug, Default)]
pub struct Listings {
    /// Full listings, for the lake to compare with the last ones.
    pub snapshots: Vec<DirectorySnapshot>,
    /// Lists that could not be read, and why.
    pub left_out: Vec<String>,
}

/// A listing whose rows have lost what can carry content.
fn snapshot(
    kind: DirectoryKind,
    scope: &str,
    source: &str,
    observed_at_micros: i64,
    rows: Vec<Value>,
) -> DirectorySnapshot {
    let clean = |mut value: Value| {
        content::strip(&mut value);
        DirectoryRow { key: directory_key(kind, &value), value }
    };
    DirectorySnapshot {
        kind,
        scope: scope.to_owned(),
        source: source.to_owned(),
        observed_at_micros,
        rows: rows.into_iter().map(clean).collect(),
    }
}

/// What identifies a row within its listing.
#[must_use]
pub fn directory_key(kind: DirectoryKind, row: &Value) -> String {
    let names: &[&str] = match kind {
        DirectoryKind::Organizations => &["uuid", "id"],
        DirectoryKind::GroupMembers | DirectoryKind::WorkspaceMembers => &["user_id", "id"],
        DirectoryKind::Settings => &["name"],
        DirectoryKind::RolePermissions => return permission_key(row),
        DirectoryKind::ProjectCollaborators => {
            let ids = ["type", "user_id", "group_id", "organization_role", "organization_id", "id"];
            return ids.iter().filter_map(|name| row[*name].as_str()).collect::<Vec<_>>().join("/");
        }
        _ => &["id"],
    };
    match names.iter().find_map(|name| row[*name].as_str()) {
        Some(key) => key.to_owned(),
        // A row of a shape that nobody published is identified by all of it.
        None => row.to_string(),
    }
}

/// What a permission is about and what it allows; the Admin API puts the first into an object of several shapes.
fn permission_key(row: &Value) -> String {
    let resource = &row["resource"];
    let part = |name: &str| row[name].as_str().unwrap_or("*").to_owned();
    if !resource.is_object() {
        return [part("resource_type"), part("resource_id"), part("action")].join("/");
    }
    let fields = ["type", "organization_id", "connector_id", "tool_name", "scope"];
    let named = fields.iter().filter_map(|name| resource[*name].as_str().map(str::to_owned));
    named.chain([part("action")]).collect::<Vec<_>>().join("/")
}
