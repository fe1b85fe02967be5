//! Changes of settings as the feed tells them: of each organization and setting the last one, by event time.
//! Promises the same last change whatever the order of arrival; ties are broken by the activity's id.
//! Never keeps a value of a field that is content: the door has emptied those.

use std::collections::BTreeMap;

use ephor_wire::actor::Actor;
use ephor_wire::timestamp::parse_micros;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::finding::Entity;

/// A setting of an organization.
pub(crate) type Spot = (String, String);

/// The last change of a setting.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingChange {
    /// When, in microseconds since 1970.
    pub at_micros: i64,
    /// The activity that tells of it.
    pub activity: String,
    /// Its place in the lake.
    pub seq: u64,
    /// Who, in words: an address, else an id, else the kind of actor.
    pub by: String,
    /// Who, as an entity, where they have an id.
    pub entity: Option<Entity>,
    /// What it was, where the activity says so.
    pub from: Option<Value>,
    /// What it has been since.
    pub to: Value,
}

/// The last change of every setting that activities told of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Changes {
    last: BTreeMap<Spot, SettingChange>,
}

/// Activity types that tell of a setting under another name than their own.
const OTHERWISE: [(&str, &str, bool); 4] = [
    ("org_ip_restriction_created", "ip_allowlist_enabled", true),
    ("org_ip_restriction_deleted", "ip_allowlist_enabled", false),
    ("org_hipaa_self_serve_enabled", "hipaa_compliance_enabled", true),
    ("org_hipaa_self_serve_disabled", "hipaa_compliance_enabled", false),
];

#[derive(Deserialize)]
struct Envelope<'r> {
    #[serde(borrow, rename = "type")]
    kind: std::borrow::Cow<'r, str>,
}

/// One setting that an activity tells of.
struct Told {
    name: String,
    from: Option<Value>,
    to: Value,
}

impl Changes {
    pub(crate) fn last(&self, spot: &Spot) -> Option<&SettingChange> {
        self.last.get(spot)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&Spot, &SettingChange)> {
        self.last.iter()
    }

    /// Takes one activity; most are not about settings, and are left after their type was read.
    pub(crate) fn take(&mut self, raw: &str, seq: u64) {
        let Ok(Envelope { kind }) = serde_json::from_str(raw) else { return };
        if !is_about_settings(&kind) {
            return;
        }
        let Ok(Value::Object(row)) = serde_json::from_str(raw) else { return };
        let text = |name: &str| row.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(organization) = text("organization_uuid").or_else(|| text("organization_id")) else { return };
        let (Some(id), Some(at_micros)) = (text("id"), text("created_at").and_then(parse_micros)) else { return };
        let (by, entity) = who(row.get("actor"));
        for Told { name, from, to } in told(&kind, &row) {
            let change = SettingChange {
                at_micros,
                activity: id.to_owned(),
                seq,
                by: by.clone(),
                entity: entity.clone(),
                from,
                to,
            };
            self.put((organization.to_owned(), name), change);
        }
    }

    fn put(&mut self, spot: Spot, change: SettingChange) {
        let order = |change: &SettingChange| (change.at_micros, change.activity.clone());
        match self.last.get(&spot) {
            Some(known) if order(known) >= order(&change) => {}
            _ => drop(self.last.insert(spot, change)),
        }
    }
}

fn is_about_settings(kind: &str) -> bool {
    kind == "claude_organization_settings_updated"
        || OTHERWISE.iter().any(|(name, ..)| *name == kind)
        || kind.starts_with("org_")
            && (["_enabled", "_disabled", "_toggled"].iter().any(|ending| kind.ends_with(ending))
                || matches!(kind, "org_sso_provisioning_mode_changed" | "org_compliance_api_settings_updated"))
}

fn told(kind: &str, row: &Map<String, Value>) -> Vec<Told> {
    let field = |name: &str| row.get(name).filter(|value| !value.is_null()).cloned();
    let one = |name: String, from: Option<Value>, to: Option<Value>| {
        to.map(|to| Told { name, from, to }).into_iter().collect::<Vec<_>>()
    };
    if let Some((_, name, to)) = OTHERWISE.iter().find(|(name, ..)| *name == kind) {
        return one((*name).to_owned(), None, Some(Value::Bool(*to)));
    }
    match kind {
        "claude_organization_settings_updated" => updates(row.get("updates")),
        "org_sso_provisioning_mode_changed" => {
            one("sso_provisioning_mode".to_owned(), field("previous_mode"), field("new_mode"))
        }
        "org_compliance_api_settings_updated" => ["compliance_api_enabled", "compliance_api_logging_enabled"]
            .into_iter()
            .flat_map(|name| one(name.to_owned(), None, field(name)))
            .collect(),
        _ => {
            // `org_X_enabled`, `org_X_disabled` and `org_X_toggled` are about the setting `X_enabled`.
            let bare = kind.trim_start_matches("org_");
            let (stem, to) = match bare.rsplit_once('_') {
                Some((stem, "enabled")) => (stem, Some(Value::Bool(true))),
                Some((stem, "disabled")) => (stem, Some(Value::Bool(false))),
                Some((stem, _)) => (stem, field("enabled")),
                None => return Vec::new(),
            };
            let from = field("previous_enabled").or_else(|| field("previous_value"));
            one(format!("{stem}_enabled"), from, to)
        }
    }
}

fn updates(updates: Option<&Value>) -> Vec<Told> {
    let all = updates.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let read = |update: &Value| {
        let name = update.get("type")?.as_str()?.to_owned();
        let value = |key: &str| update.get(key).filter(|value| !value.is_null()).cloned();
        Some(Told { name, from: value("previous_value"), to: value("current_value")? })
    };
    all.iter().filter_map(read).collect()
}

fn who(actor: Option<&Value>) -> (String, Option<Entity>) {
    let Some(actor) = actor.and_then(|actor| serde_json::from_value::<Actor>(actor.clone()).ok()) else {
        return ("somebody".to_owned(), None);
    };
    let by = actor.email().or_else(|| actor.id()).unwrap_or_else(|| actor.kind()).to_owned();
    let kind = match actor.kind() {
        "api_actor" => "api_key",
        other => other.strip_suffix("_actor").unwrap_or(other),
    };
    let entity = actor.id().map(|id| Entity::new(kind, id));
    (by, entity)
}
