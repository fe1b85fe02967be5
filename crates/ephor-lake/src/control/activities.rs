//! Ephor's audit of itself: what was changed here, as activities with the catalogue's own type and field names.
//! Each goes into the outbox in the transaction of the change, so neither is ever there without the other.
//! Never tells a secret or a hash, only ids, names, roles and values of settings.

use ephor_wire::actor::Actor;
use ephor_wire::ids;
use ephor_wire::timestamp::Timestamp;
use rand::{CryptoRng, RngCore};
use serde_json::{Map, Value, json};
use sqlx::{Row, SqliteConnection};

use super::ControlError;
use super::keys::{KeyReach, KeyRecord};
use super::members::Role;
use super::outbox::{self, OutboxItem};

/// A change that the feed is to tell of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed<'a> {
    KeyCreated(&'a KeyRecord),
    KeyStateChanged {
        key: &'a KeyRecord,
        previous: &'a str,
        current: &'a str,
    },
    KeyDeleted(&'a KeyRecord),
    RoleChanged {
        email: &'a str,
        user_id: &'a str,
        previous: Option<Role>,
        current: Option<Role>,
    },
    PrimaryOwnerTransferred {
        previous_owner_id: &'a str,
        new_owner_id: &'a str,
    },
    RecordingEnabled,
    RecordingDisabled,
    AnalyticsSwitched {
        previous: bool,
    },
    SettingChanged {
        name: &'a str,
        previous: Option<&'a Value>,
        current: Option<&'a Value>,
    },
    /// Something that the catalogue has no type for, as a type of Ephor's own.
    Own {
        kind: &'static str,
        fields: &'a Value,
    },
}

impl Deed<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::KeyCreated(_) => "api_key_created",
            Self::KeyStateChanged { .. } => "scoped_api_key_updated",
            Self::KeyDeleted(_) => "scoped_api_key_deleted",
            Self::RoleChanged { .. } => "claude_user_role_updated",
            Self::PrimaryOwnerTransferred { .. } => "primary_owner_transferred",
            Self::RecordingEnabled | Self::RecordingDisabled => "org_compliance_api_settings_updated",
            Self::AnalyticsSwitched { .. } => "org_analytics_api_capability_updated",
            Self::SettingChanged { .. } => "claude_organization_settings_updated",
            Self::Own { kind, .. } => kind,
        }
    }

    fn fields(&self) -> Value {
        match self {
            Self::KeyCreated(key) => json!({
                "api_key_id": key.id,
                "scopes": key.scope_names(),
                "restricted_to_organization": key.reach != KeyReach::Parent,
            }),
            Self::KeyStateChanged { key, previous, current } => json!({
                "api_key_id": key.id,
                "updates": [{ "type": "activation_state", "previous_value": previous, "current_value": current }],
            }),
            Self::KeyDeleted(key) => json!({
                "api_key_id": key.id,
                "api_key_name": key.name,
                "scopes": key.scope_names(),
            }),
            Self::RoleChanged { email, user_id, previous, current } => json!({
                "user_email": email,
                "user_id": user_id,
                "previous_role": previous.map(Role::as_str),
                "current_role": current.map(Role::as_str),
            }),
            Self::PrimaryOwnerTransferred { previous_owner_id, new_owner_id } => json!({
                "previous_owner_id": previous_owner_id,
                "new_owner_id": new_owner_id,
            }),
            Self::RecordingEnabled => json!({ "compliance_api_enabled": true, "compliance_api_logging_enabled": true }),
            // What was stored stays readable while recording is off, so only logging is false.
            Self::RecordingDisabled => {
                json!({ "compliance_api_enabled": true, "compliance_api_logging_enabled": false })
            }
            Self::AnalyticsSwitched { previous } => json!({ "current_value": !previous, "previous_value": previous }),
            Self::SettingChanged { name, previous, current } => json!({
                "updates": [{ "type": name, "previous_value": previous, "current_value": current }],
            }),
            Self::Own { fields, .. } => (*fields).clone(),
        }
    }

    /// The one organization that the change is about; the parent otherwise.
    fn organization_uuid(&self) -> Option<&str> {
        match self {
            Self::KeyCreated(key) | Self::KeyStateChanged { key, .. } | Self::KeyDeleted(key) => {
                key.reach.organization()
            }
            _ => None,
        }
    }
}

/// Puts the activity of a change into the outbox, within the change's transaction.
pub(super) async fn tell(
    connection: &mut SqliteConnection,
    deed: Deed<'_>,
    by: &Actor,
    now_micros: i64,
    rng: &mut impl CryptoRng,
) -> Result<(), ControlError> {
    let organization = organization_of(connection, deed).await?;
    outbox::insert(connection, &activity(deed, by, organization, now_micros, rng)?, now_micros).await
}

/// A new tagged id, such as `activity_…`.
pub(super) fn new_id(prefix: &str, rng: &mut impl RngCore) -> String {
    let mut random = [0_u8; 18];
    rng.fill_bytes(&mut random);
    ids::tagged(prefix, random)
}

/// How an actor is named in records that people read: the e-mail address if there is one, else the id, else the kind.
pub(super) fn name_of(actor: &Actor) -> String {
    actor.email().or_else(|| actor.id()).unwrap_or_else(|| actor.kind()).to_owned()
}

/// Id and UUID of the organization that an activity belongs to.
type OrganizationIds = Option<(String, String)>;

async fn organization_of(connection: &mut SqliteConnection, deed: Deed<'_>) -> Result<OrganizationIds, ControlError> {
    let query = match deed.organization_uuid() {
        Some(uuid) => sqlx::query("SELECT id, uuid FROM organizations WHERE uuid = $1").bind(uuid.to_owned()),
        None => sqlx::query("SELECT id, uuid FROM organizations WHERE is_parent"),
    };
    let row = query.fetch_optional(connection).await?;
    Ok(row.map(|row| Ok::<_, sqlx::Error>((row.try_get("id")?, row.try_get("uuid")?))).transpose()?)
}

fn activity(
    deed: Deed<'_>,
    by: &Actor,
    organization: OrganizationIds,
    now_micros: i64,
    rng: &mut impl CryptoRng,
) -> Result<OutboxItem, ControlError> {
    let id = new_id("activity_", rng);
    let (organization_id, organization_uuid) = organization.unzip();
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(id));
    object.insert("created_at".to_owned(), json!(Timestamp::from_micros(now_micros).as_str()));
    object.insert("type".to_owned(), json!(deed.kind()));
    let actor = serde_json::to_value(by)
        .map_err(|error| ControlError::Damaged { what: format!("an actor cannot be written as JSON: {error}") })?;
    object.insert("actor".to_owned(), actor);
    object.insert("organization_id".to_owned(), json!(organization_id));
    object.insert("organization_uuid".to_owned(), json!(organization_uuid));
    if let Value::Object(fields) = deed.fields() {
        object.extend(fields);
    }
    Ok(OutboxItem { id, raw: Value::Object(object).to_string() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ephor_wire::catalogue::catalogue;

    use super::*;
    use crate::control::keys::tests::some_key;

    #[test]
    fn every_deed_speaks_the_catalogue_s_names() {
        let key = some_key();
        let value = json!(true);
        let deeds = [
            Deed::KeyCreated(&key),
            Deed::KeyStateChanged { key: &key, previous: "active", current: "expiring" },
            Deed::KeyDeleted(&key),
            Deed::RoleChanged { email: "a@b.c", user_id: "user_1", previous: None, current: Some(Role::Admin) },
            Deed::PrimaryOwnerTransferred { previous_owner_id: "user_1", new_owner_id: "user_2" },
            Deed::RecordingEnabled,
            Deed::RecordingDisabled,
            Deed::AnalyticsSwitched { previous: false },
            Deed::SettingChanged { name: "web_search_enabled", previous: None, current: Some(&value) },
        ];
        for deed in deeds {
            let published = catalogue().get(deed.kind()).unwrap();
            for name in deed.fields().as_object().unwrap().keys() {
                assert!(published.fields.iter().any(|field| field.name == *name), "{} has no {name}", deed.kind());
            }
        }
    }
}
