//! The lists of a simulated organisation into Ephor's own directory, its roster and the registers that rules ask.
//! Promises that a list given again replaces what the same source gave before.
//! Never takes a list that neither has a place for.

use std::collections::BTreeMap;
use std::path::Path;

use ephor_detect::Registers;
use ephor_lake::Lake;
use ephor_lake::control::Control;
use ephor_lake::directory::{DirectoryKind, DirectoryRow, DirectorySnapshot};
use ephor_sources::directory_key;
use ephor_sources::simulator::{Listing, SimulatedList};
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::node::now_micros;

/// Takes lists over; answers those of organizations, which the caller may link.
pub(super) async fn record(
    lake: &Lake,
    control: &Control,
    source: &str,
    lists: Vec<SimulatedList>,
) -> Result<Vec<Value>, Failure> {
    let registers = Registers::new(control);
    let (mut snapshots, mut organizations) = (Vec::new(), Vec::new());
    for list in lists {
        let Some(kind) = kind_of(list.listing) else {
            match list.listing {
                Listing::Registers => registers.take(source, &list.scope, &list.rows, now_micros()).await?,
                Listing::HrRoster => store_roster(control, source, &list.rows).await?,
                _ => {}
            }
            continue;
        };
        let values = match list.listing {
            Listing::EffectiveSettings => settings_of(list.rows),
            _ => list.rows,
        };
        if kind == DirectoryKind::Organizations {
            organizations.extend(values.iter().cloned());
        }
        let rows = values.into_iter().map(|value| DirectoryRow { key: directory_key(kind, &value), value }).collect();
        let source = source.to_owned();
        snapshots.push(DirectorySnapshot { kind, scope: list.scope, source, observed_at_micros: now_micros(), rows });
    }
    lake.directory().record_many(snapshots).await?;
    Ok(organizations)
}

/// What the personnel department knows: teams and leavers.
async fn store_roster(control: &Control, source: &str, people: &[Value]) -> Result<(), Failure> {
    let entries = ephor_reports::roster::read(Listing::HrRoster.as_str(), &serde_json::to_vec(people)?)?;
    Ok(control.roster().replace(source, &entries, now_micros()).await?)
}

/// The lists in a folder, as `ephor simulate --out` writes them under `directory/`.
pub(super) fn read(folder: &Path) -> Result<Vec<SimulatedList>, Failure> {
    #[derive(Deserialize)]
    struct ListFile {
        list: String,
        scopes: BTreeMap<String, Vec<Value>>,
    }
    let folder = if folder.join("directory").is_dir() { folder.join("directory") } else { folder.to_owned() };
    let mut lists = Vec::new();
    for listing in Listing::ALL {
        let path = folder.join(format!("{}.json", listing.as_str()));
        if !path.is_file() {
            continue;
        }
        let wrong = |what: String| Failure::new(format!("{}: {what}", path.display()));
        let file: ListFile =
            serde_json::from_slice(&std::fs::read(&path)?).map_err(|error| wrong(error.to_string()))?;
        if file.list != listing.as_str() {
            return Err(wrong(format!("this is the list `{}`", file.list)));
        }
        lists.extend(file.scopes.into_iter().map(|(scope, rows)| SimulatedList { listing, scope, rows }));
    }
    if lists.is_empty() {
        return Err(Failure::new(format!("there is no list in {}", folder.display()))
            .hint("`ephor simulate --out DIR` writes such a folder: DIR/directory"));
    }
    Ok(lists)
}

/// The settings within the one row of an organization's effective settings.
fn settings_of(rows: Vec<Value>) -> Vec<Value> {
    rows.into_iter()
        .flat_map(|mut row| row["settings"].as_array_mut().map(std::mem::take).unwrap_or_default())
        .collect()
}

/// Which listing of the directory a simulated one becomes. People come from the Compliance API's list, which has their
/// roles; what only the Admin API lists comes from there.
fn kind_of(listing: Listing) -> Option<DirectoryKind> {
    match listing {
        Listing::Organizations => Some(DirectoryKind::Organizations),
        Listing::Users => Some(DirectoryKind::Users),
        Listing::Roles => Some(DirectoryKind::Roles),
        Listing::RolePermissions => Some(DirectoryKind::RolePermissions),
        Listing::Groups => Some(DirectoryKind::Groups),
        Listing::GroupMembers => Some(DirectoryKind::GroupMembers),
        Listing::Projects => Some(DirectoryKind::Projects),
        Listing::ProjectCollaborators => Some(DirectoryKind::ProjectCollaborators),
        Listing::EffectiveSettings => Some(DirectoryKind::Settings),
        Listing::AdminInvites => Some(DirectoryKind::Invites),
        Listing::AdminWorkspaces => Some(DirectoryKind::Workspaces),
        Listing::AdminWorkspaceMembers => Some(DirectoryKind::WorkspaceMembers),
        Listing::AdminApiKeys => Some(DirectoryKind::ApiKeys),
        // The Compliance API's lists of these are there already.
        Listing::AdminOrganization
        | Listing::AdminUsers
        | Listing::AdminGroups
        | Listing::AdminGroupMembers
        | Listing::AdminRoles
        | Listing::AdminRolePermissions
        | Listing::HrRoster
        | Listing::Registers => None,
    }
}
