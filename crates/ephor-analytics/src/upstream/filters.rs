//! `filter[]` over collected rows: what a row itself says can be filtered by, what it does not say cannot.
//! Promises to say so in the second case.
//! Never narrows the numbers of a row: a day's row of a skill does not tell which users made it.

use serde_json::Value;

use super::NotTold;
use super::over_days::Group;
use crate::query::{Filters, Listing};

/// Rows that pass. `groups_of` is asked by user id.
pub fn filter_rows(
    source: &str,
    listing: Listing,
    filters: &Filters,
    mut rows: Vec<Value>,
    groups_of: impl Fn(&str) -> Vec<Group>,
) -> Result<Vec<Value>, NotTold> {
    let not_told = |what: &'static str| Err(NotTold { source_name: source.to_owned(), what });
    let is_users = listing == Listing::Users;
    match listing {
        _ if !filters.surfaces.is_empty() => return not_told("a product's part of a day"),
        Listing::Users if !filters.project_ids.is_empty() => return not_told("what users did in a project"),
        _ if !is_users && !filters.user_ids.is_empty() => return not_told("what single users did"),
        _ if !is_users && !filters.rbac_group_ids.is_empty() => return not_told("what the users of a group did"),
        _ => {}
    }
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let any_of = |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|one| one == value);
    let any_case = |wanted: &[String], values: &[String]| {
        wanted.is_empty()
            || values.iter().any(|value| wanted.iter().any(|one| one.to_lowercase() == value.to_lowercase()))
    };
    rows.retain(|row| match listing {
        Listing::Users => {
            let id = row["user"]["id"].as_str().unwrap_or_default();
            let in_group = |wanted: &String| groups_of(id).iter().any(|group| is_group(&group.id, wanted));
            any_of(&filters.user_ids, id)
                && (filters.rbac_group_ids.is_empty() || filters.rbac_group_ids.iter().any(in_group))
        }
        Listing::Projects => any_of(&filters.project_ids, &text(row, "project_id")),
        Listing::Skills => {
            any_case(&filters.skill_names, &[text(row, "skill_name")])
                && any_of(&filters.share_statuses, &text(row, "share_status"))
        }
        Listing::Connectors => {
            any_case(&filters.connector_names, &[text(row, "connector_name"), text(row, "connector_display_name")])
        }
        Listing::Plugins => any_case(&filters.plugin_names, &[text(row, "plugin_name")]),
        Listing::Artifacts => {
            any_of(&filters.artifact_types, &text(row, "artifact_type"))
                && (filters.is_shared.is_empty() || filters.is_shared.contains(&(row["is_shared"] == true)))
        }
    });
    Ok(rows)
}

/// A group is named by its tagged id or its bare UUID (analytics_api.md §1.4).
fn is_group(id: &str, wanted: &str) -> bool {
    id == wanted || id.strip_prefix("rbac_group_") == Some(wanted)
}
