//! An activity with its envelope typed and everything else kept.
//! Serialising gives the same JSON value that came in.
//! Never drops a field, and never invents one.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::actor::Actor;
use crate::ids::{ActivityId, OrganizationId, OrganizationUuid};
use crate::timestamp::Timestamp;

/// A field that can be left out, null, or there: the wire tells the three apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Nullable<T> {
    /// Not there.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// There.
    Value(T),
}

impl<T> Nullable<T> {
    /// Whether the field was left out.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}

impl Nullable<String> {
    /// The text, if there is one.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.value().map(String::as_str)
    }
}

impl From<Option<&str>> for Nullable<String> {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, |text| Self::Value(text.to_owned()))
    }
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// One activity of the feed.
///
/// ```
/// use ephor_wire::activity::Activity;
/// let wire = serde_json::json!({
///     "id": "activity_1", "created_at": "2026-11-23T12:00:00Z", "type": "a_type_of_next_year",
///     "actor": { "type": "user_actor", "user_id": "user_1", "shoe_size": 43 }, "organization_id": null, "anything": [1],
/// });
/// let activity: Activity = serde_json::from_value(wire.clone()).unwrap();
/// assert_eq!(activity.actor.id(), Some("user_1"));
/// assert_eq!(serde_json::to_value(&activity).unwrap(), wire);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Activity {
    /// The key that activities dedupe by.
    pub id: ActivityId,
    /// When it happened.
    pub created_at: Timestamp,
    /// What happened: an open set.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who did it.
    pub actor: Actor,
    /// The organization it happened in; null for sign-ins and for calls to the Compliance API itself. What is neither
    /// text nor null stays in `rest`.
    #[serde(skip_serializing_if = "Nullable::is_absent")]
    pub organization_id: Nullable<OrganizationId>,
    /// The same organization by its UUID.
    #[serde(skip_serializing_if = "Nullable::is_absent")]
    pub organization_uuid: Nullable<OrganizationUuid>,
    /// The fields of its type, known or not.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// By hand, because of a key that comes twice the last counts, as in [`crate::header::Header`]; a derived reader would
/// refuse it.
impl<'de> Deserialize<'de> for Activity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut rest = Map::deserialize(deserializer)?;
        Ok(Self {
            id: required(&mut rest, "id")?,
            created_at: required(&mut rest, "created_at")?,
            kind: required(&mut rest, "type")?,
            actor: required(&mut rest, "actor")?,
            organization_id: nullable_text(&mut rest, "organization_id"),
            organization_uuid: nullable_text(&mut rest, "organization_uuid"),
            rest,
        })
    }
}

fn required<T: DeserializeOwned, E: Error>(fields: &mut Map<String, Value>, name: &'static str) -> Result<T, E> {
    let value = fields.remove(name).ok_or_else(|| E::missing_field(name))?;
    serde_json::from_value(value).map_err(|error| E::custom(format_args!("`{name}`: {error}")))
}

fn nullable_text<T: From<String>>(fields: &mut Map<String, Value>, name: &str) -> Nullable<T> {
    match fields.remove(name) {
        None => Nullable::Absent,
        Some(Value::Null) => Nullable::Null,
        Some(Value::String(text)) => Nullable::Value(T::from(text)),
        Some(odd) => {
            fields.insert(name.to_owned(), odd);
            Nullable::Absent
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    use crate::arbitrary;

    fn goes_round(wire: &Value) {
        let activity: Activity = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&activity).unwrap(), *wire);
        let text = wire.to_string();
        assert_eq!(serde_json::from_str::<Activity>(&text).unwrap(), activity);
    }

    #[test]
    fn an_absent_organization_a_null_one_and_an_odd_one_stay_what_they_are() {
        for organization in
            [None, Some(Value::Null), Some(json!("org_1")), Some(json!("")), Some(json!(7)), Some(json!(["org_1"]))]
        {
            let mut wire = json!({ "id": "a", "created_at": "2026-11-23T12:00:00+01:00", "type": "t", "actor": {} });
            if let Some(organization) = organization {
                wire["organization_id"] = organization.clone();
                wire["organization_uuid"] = organization;
            }
            goes_round(&wire);
        }
    }

    #[test]
    fn of_a_key_that_comes_twice_the_last_counts() {
        let raw = r#"{"id":"a","created_at":"2026-11-23T12:00:00Z","type":"first","actor":{},"type":"last"}"#;
        assert_eq!(serde_json::from_str::<Activity>(raw).unwrap().kind, "last");
    }

    #[test]
    fn what_is_missing_or_does_not_fit_is_named() {
        let said = |wire: Value| serde_json::from_value::<Activity>(wire).unwrap_err().to_string();
        insta::assert_snapshot!(said(json!({ "id": "a", "type": "t", "actor": {} })), @"missing field `created_at`");
        insta::assert_snapshot!(
            said(json!({ "id": "a", "created_at": "2026-11-23", "type": "t", "actor": {} })),
            @"`created_at`: `2026-11-23` is not an RFC 3339 timestamp with a zone, such as 2026-11-23T12:00:00Z"
        );
        insta::assert_snapshot!(
            said(json!({ "id": "a", "created_at": "2026-11-23T12:00:00Z", "type": "t", "actor": 5 })),
            @"`actor`: invalid type: integer `5`, expected a map"
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_with_an_envelope_goes_out_the_same(wire in arbitrary::activity()) {
            goes_round(&wire);
        }
    }
}
