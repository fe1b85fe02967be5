//! How things stand now, for those watched questions that have a state: keys, connectors, rights, settings, workspaces.

use ephor_detect::UseCase;
use ephor_wire::timestamp::DAY_MICROS;
use serde_json::Value;

use super::offboarding::KeyStates;
use crate::answer::Answer;
use crate::desk::{Desk, within};
use crate::error::ReportError;
use crate::people::People;
use crate::provenance::Period;
use crate::review::{EntitlementKind, Flag, entitlements};
use crate::table::{Cell, Column, Section, Table};

pub(super) async fn sections(desk: &Desk, use_case: UseCase, period: Period) -> Result<Vec<Section>, ReportError> {
    Ok(match use_case {
        UseCase::ApiKeyHygiene => vec![keys(desk).await?],
        UseCase::PrivilegeEscalation => vec![privileged(desk).await?],
        UseCase::WorkspaceAccess => vec![workspaces(desk).await?],
        UseCase::ConfigurationDrift => vec![settings(desk, period).await?],
        UseCase::ThirdPartyAudit | UseCase::ShadowAi => vec![connectors(desk).await?],
        _ => Vec::new(),
    })
}

/// Every key that the directory or the feed knows.
async fn keys(desk: &Desk) -> Result<Section, ReportError> {
    let people = People::of(desk).await?;
    let states = KeyStates::read(desk).await?;
    let mut table = Table::of(vec![
        Column::text("key_id", "Key"),
        Column::person("owner", "Made by"),
        Column::text("state", "State"),
        Column::flag("owner_is_gone", "Owner is gone"),
        Column::instant("created_at", "Made"),
        Column::count("age_days", "Age", "days"),
        Column::instant("last_used_at", "Last seen in use"),
    ]);
    let used = last_use(desk).await?;
    for (key, owner) in &states.owner {
        let created = states.created.get(key).copied();
        let alive = !states.ended.contains_key(key);
        table.push(vec![
            key.as_str().into(),
            people.email_of(owner).unwrap_or(owner).into(),
            if alive { "active" } else { "ended" }.into(),
            (!people.by_id.contains_key(owner)).into(),
            created.map_or(Cell::Nothing, Cell::Instant),
            created.map(|created| (desk.now_micros - created) / DAY_MICROS).into(),
            used.get(key).copied().map_or(Cell::Nothing, Cell::Instant),
        ]);
    }
    Ok(Section::new("keys", "Keys as they stand", table).noted(
        "Use is seen only where a key acts on a recorded interface; an inference key that is never seen here may be in use all the same.",
    ))
}

async fn last_use(desk: &Desk) -> Result<std::collections::BTreeMap<String, i64>, ReportError> {
    let mut used = std::collections::BTreeMap::new();
    let statement = "select api_key_id, max(created_at) from activities where api_key_id is not null group by 1";
    Answer::of(&desk.lake, statement).await?.each(|row| {
        if let (Some(key), Some(at)) = (row.owned(0), row.number(1)) {
            used.insert(key, at);
        }
    });
    Ok(used)
}

async fn privileged(desk: &Desk) -> Result<Section, ReportError> {
    let mut table = Table::of(vec![
        Column::person("person", "Who"),
        Column::text("kind", "Kind"),
        Column::text("object", "Where"),
        Column::text("role", "Role"),
        Column::instant("granted_at", "Since"),
        Column::person("granted_by", "By"),
        Column::list("flags", "Look at"),
    ]);
    for one in entitlements(desk).await?.iter().filter(|one| one.flags.contains(&Flag::Privileged)) {
        table.push(vec![
            one.email.clone().unwrap_or_else(|| one.person.clone()).into(),
            one.kind.as_str().into(),
            one.object_name.clone().unwrap_or_else(|| one.object.clone()).into(),
            one.role.clone().into(),
            one.granted_micros.map_or(Cell::Nothing, Cell::Instant),
            one.granted_by.clone().into(),
            one.flags.iter().map(|flag| flag.as_str().to_owned()).collect::<Vec<_>>().into(),
        ]);
    }
    Ok(Section::new("privileged", "Who holds privileged rights now", table))
}

async fn workspaces(desk: &Desk) -> Result<Section, ReportError> {
    let mut table = Table::of(vec![
        Column::text("workspace", "Workspace or group"),
        Column::text("kind", "Kind"),
        Column::person("person", "Who"),
        Column::text("role", "Role"),
        Column::instant("granted_at", "Since"),
        Column::person("granted_by", "By"),
    ]);
    let kinds = [EntitlementKind::Workspace, EntitlementKind::Group];
    for one in entitlements(desk).await?.iter().filter(|one| kinds.contains(&one.kind)) {
        table.push(vec![
            one.object_name.clone().unwrap_or_else(|| one.object.clone()).into(),
            one.kind.as_str().into(),
            one.email.clone().unwrap_or_else(|| one.person.clone()).into(),
            one.role.clone().into(),
            one.granted_micros.map_or(Cell::Nothing, Cell::Instant),
            one.granted_by.clone().into(),
        ]);
    }
    Ok(Section::new("members", "Members as they stand", table))
}

/// Changes of settings, attribute by attribute.
async fn settings(desk: &Desk, period: Period) -> Result<Section, ReportError> {
    let mut table = Table::of(vec![
        Column::instant("at", "When"),
        Column::text("attribute", "Setting"),
        Column::text("before", "Before"),
        Column::text("after", "After"),
        Column::person("actor", "By"),
        Column::text("organization", "Organization"),
        Column::text("activity", "Activity"),
    ]);
    let statement = format!(
        "select created_at, coalesce(actor_email, actor_id, actor_type), organization_id, id, raw from activities \
         where {} and type in ('claude_organization_settings_updated', 'org_compliance_api_settings_updated', \
           'org_analytics_api_capability_updated', 'org_sso_toggled', 'org_model_default_updated') order by created_at, id",
        within(period)
    );
    Answer::of(&desk.lake, &statement).await?.each(|row| {
        let raw: Value = row.text(4).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
        let mut push = |attribute: String, before: Value, after: Value| {
            table.push(vec![
                row.number(0).map_or(Cell::Nothing, Cell::Instant),
                attribute.into(),
                shown(&before).into(),
                shown(&after).into(),
                row.owned(1).into(),
                row.owned(2).into(),
                row.owned(3).into(),
            ]);
        };
        match raw["updates"].as_array() {
            Some(updates) => updates.iter().for_each(|update| {
                let attribute = update["type"].as_str().unwrap_or("(unnamed)").to_owned();
                push(attribute, update["previous_value"].clone(), update["current_value"].clone());
            }),
            None => {
                let kind = raw["type"].as_str().unwrap_or_default().to_owned();
                push(
                    kind,
                    raw["previous_value"].clone(),
                    first_of(&raw, &["current_value", "enabled", "compliance_api_logging_enabled"]),
                );
            }
        }
    });
    Ok(Section::new("settings", "Settings that were changed", table))
}

fn first_of(raw: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| raw[*name].clone()).find(|value| !value.is_null()).unwrap_or(Value::Null)
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Connectors by when they became live and how many people connected them.
async fn connectors(desk: &Desk) -> Result<Section, ReportError> {
    let mut live: std::collections::BTreeMap<String, Connector> = std::collections::BTreeMap::new();
    let statement = "select created_at, type, coalesce(actor_email, actor_id), raw from activities where type in \
        ('mcp_server_created', 'mcp_server_updated', 'mcp_server_deleted', 'integration_user_connected', \
         'integration_user_disconnected', 'mcp_tool_policy_updated') order by created_at, id";
    Answer::of(&desk.lake, statement).await?.each(|row| {
        let raw: Value = row.text(3).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
        let Some(id) = ["mcp_server_id", "integration_type"].iter().find_map(|name| raw[*name].as_str()) else {
            return;
        };
        let at = row.number(0).unwrap_or_default();
        let one = live.entry(id.to_owned()).or_insert_with(|| Connector { since: at, ..Connector::default() });
        if let Some(name) = raw["mcp_server_name"].as_str() {
            one.name = Some(name.to_owned());
        }
        one.note(row.text(1).unwrap_or_default(), row.text(2).unwrap_or_default(), at, &raw);
    });
    let mut table = Table::of(vec![
        Column::text("connector_id", "Connector"),
        Column::text("name", "Name"),
        Column::text("state", "State"),
        Column::instant("first_seen", "First seen"),
        Column::person("first_by", "First by"),
        Column::count("people", "People connected", "people"),
        Column::text("tool_policy", "Widest tool policy"),
        Column::instant("last_change", "Last change"),
    ]);
    for (id, one) in live {
        table.push(vec![
            id.into(),
            one.name.into(),
            if one.removed { "removed" } else { "live" }.into(),
            Cell::Instant(one.since),
            one.first_by.into(),
            Cell::count(one.people.len()),
            one.policy.into(),
            Cell::Instant(one.last_change),
        ]);
    }
    Ok(Section::new("connectors", "Connectors as the record knows them", table).noted(
        "A connector that was there before the recording began is not in this list until something happens to it.",
    ))
}

#[derive(Default)]
struct Connector {
    name: Option<String>,
    since: i64,
    last_change: i64,
    first_by: Option<String>,
    people: std::collections::BTreeSet<String>,
    policy: Option<String>,
    removed: bool,
}

impl Connector {
    fn note(&mut self, kind: &str, actor: &str, at: i64, raw: &Value) {
        self.last_change = at;
        self.first_by.get_or_insert_with(|| actor.to_owned());
        match kind {
            "mcp_server_deleted" => self.removed = true,
            "mcp_server_created" => self.removed = false,
            "integration_user_connected" => _ = self.people.insert(actor.to_owned()),
            "integration_user_disconnected" => _ = self.people.remove(actor),
            "mcp_tool_policy_updated" => {
                self.policy = raw["max_permission"].as_str().map(str::to_owned).or(self.policy.take());
            }
            _ => {}
        }
    }
}
