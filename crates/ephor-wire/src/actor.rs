//! Who did it: the eleven published kinds of actor, and any other kept as it came.
//! An actor goes out as the same JSON value that came in, fields that nobody published included.
//! Never guesses: an actor whose known fields do not fit is kept whole as unknown.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::activity::Nullable;

/// A field that may be absent, null or text: which of the three is part of the value.
pub type OptionalText = Nullable<String>;

/// The fields that identify an actor, in the order in which an actor of an unpublished kind is asked for them.
pub const ID_FIELDS: [&str; 8] = [
    "user_id",
    "api_key_id",
    "admin_api_key_id",
    "service_account_id",
    "service",
    "directory_id",
    "subject",
    "external_client_id",
];

/// The place of a field in [`ID_FIELDS`]: a match, since it is asked for in each row of an import.
pub(crate) fn id_place(name: &str) -> Option<usize> {
    Some(match name {
        "user_id" => 0,
        "api_key_id" => 1,
        "admin_api_key_id" => 2,
        "service_account_id" => 3,
        "service" => 4,
        "directory_id" => 5,
        "subject" => 6,
        "external_client_id" => 7,
        _ => return None,
    })
}

macro_rules! actors {
    ($($(#[$doc:meta])* $variant:ident($name:ident) = $tag:literal, $id:expr,
        { $($text:ident),* $(; $($field:ident : $kind:ty),+)? })+) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        pub struct $name {
            $(
                #[doc = concat!("`", stringify!($text), "`.")]
                #[serde(default, skip_serializing_if = "Nullable::is_absent")]
                pub $text: OptionalText,
            )*
            $($(
                #[doc = concat!("`", stringify!($field), "`.")]
                #[serde(default, skip_serializing_if = "Nullable::is_absent")]
                pub $field: Nullable<$kind>,
            )+)?
            /// Fields that are not published.
            #[serde(flatten)]
            pub rest: Map<String, Value>,
        })+

        /// Who did it.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Actor {
            $($(#[$doc])* $variant($name),)+
            /// A kind that is not published, or one whose fields do not fit.
            Unknown(Map<String, Value>),
        }

        impl Actor {
            /// The published kinds.
            pub const KINDS: [&'static str; 11] = [$($tag),+];

            /// `actor.type`; empty when there is none.
            #[must_use]
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $tag,)+
                    Self::Unknown(fields) => fields.get("type").and_then(Value::as_str).unwrap_or(""),
                }
            }

            /// The text of a field, published or not; empty text says nothing.
            fn text(&self, name: &str) -> Option<&str> {
                let text = match self {
                    $(Self::$variant(actor) => match name {
                        $(stringify!($text) => actor.$text.as_deref(),)*
                        _ => actor.rest.get(name).and_then(Value::as_str),
                    },)+
                    Self::Unknown(fields) => fields.get(name).and_then(Value::as_str),
                };
                text.filter(|text| !text.is_empty())
            }

            fn from_fields(fields: Map<String, Value>) -> Self {
                match fields.get("type").and_then(Value::as_str) {
                    $(Some($tag) => typed(fields, Self::$variant),)+
                    _ => Self::Unknown(fields),
                }
            }

            fn to_fields(&self) -> Map<String, Value> {
                match self {
                    $(Self::$variant(actor) => untyped($tag, actor),)+
                    Self::Unknown(fields) => fields.clone(),
                }
            }
        }

        /// The field that identifies an actor of a published kind, if one does; nothing for a kind that is not published.
        pub(crate) fn id_field(kind: &str) -> Option<Option<&'static str>> {
            match kind {
                $($tag => Some($id),)+
                _ => None,
            }
        }
    };
}

actors! {
    /// A signed-in person.
    User(UserActor) = "user_actor", Some("user_id"), { user_id, email_address, ip_address, user_agent }
    /// A call with a customer's API key.
    Api(ApiActor) = "api_actor", Some("api_key_id"), { api_key_id, ip_address, user_agent }
    /// An Admin API key that manages users, invites, workspaces or keys.
    AdminApiKey(AdminApiKeyActor) = "admin_api_key_actor", Some("admin_api_key_id"), { admin_api_key_id, ip_address, user_agent }
    /// A service account.
    ServiceAccount(ServiceAccountActor) = "service_account_actor", Some("service_account_id"), { service_account_id, ip_address, user_agent }
    /// Somebody before a sign-in has succeeded.
    Unauthenticated(UnauthenticatedActor) = "unauthenticated_user_actor", None, { ip_address, user_agent, unauthenticated_email_address }
    /// The vendor's staff or tooling.
    Anthropic(AnthropicActor) = "anthropic_actor", None, { email_address }
    /// An automated process of the vendor's.
    System(SystemActor) = "system_actor", Some("service"), { service }
    /// An identity provider's push.
    ScimDirectorySync(ScimActor) = "scim_directory_sync_actor", Some("directory_id"), { directory_id, workos_event_id, idp_connection_type }
    /// A workload with a verified OIDC token.
    FederatedIdentity(FederatedIdentityActor) = "federated_identity_actor", Some("subject"), { issuer, subject, ip_address, user_agent; audience: Vec<String> }
    /// An outside identity that a cloud or issuer asserts.
    Federated(FederatedActor) = "federated_actor", Some("subject"), { subject, ip_address, user_agent; provider: FederatedProvider }
    /// A mobile device, attested.
    AttestedDevice(AttestedDeviceActor) = "attested_device_actor", Some("external_client_id"), { external_client_id, kid_hash, ip_address, user_agent }
}

/// Who asserts an outside identity: `aws` with account and principal, `azure` with a subscription, `gcp` with a project,
/// `oidc` with an issuer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FederatedProvider {
    /// `type`: `aws`, `azure`, `gcp`, `oidc`, or one that is not published.
    #[serde(rename = "type", default, skip_serializing_if = "Nullable::is_absent")]
    pub kind: OptionalText,
    /// The AWS account.
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    pub account_id: OptionalText,
    /// The AWS principal that signed.
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    pub signed_principal: OptionalText,
    /// The Azure subscription.
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    pub subscription_id: OptionalText,
    /// The Google Cloud project.
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    pub project_number: OptionalText,
    /// The OpenID Connect issuer.
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    pub issuer: OptionalText,
    /// Fields that are not published.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Actor {
    /// A person of whom id and e-mail address are known.
    #[must_use]
    pub fn user(id: &str, email: &str, ip: Option<&str>, user_agent: Option<&str>) -> Self {
        Self::User(UserActor {
            user_id: Some(id).into(),
            email_address: Some(email).into(),
            ip_address: ip.into(),
            user_agent: user_agent.into(),
            rest: Map::new(),
        })
    }

    /// A key in use.
    #[must_use]
    pub fn api(key_id: &str, ip: Option<&str>, user_agent: Option<&str>) -> Self {
        Self::Api(ApiActor {
            api_key_id: Some(key_id).into(),
            ip_address: ip.into(),
            user_agent: user_agent.into(),
            rest: Map::new(),
        })
    }

    /// A process without a person behind it.
    #[must_use]
    pub fn system(service: &str) -> Self {
        Self::System(SystemActor { service: Some(service).into(), rest: Map::new() })
    }

    /// What identifies the actor. Somebody who has not signed in has nothing that does; an actor of an unpublished kind
    /// has the first known field that could.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match id_field(self.kind()) {
            Some(own) => own.and_then(|name| self.text(name)),
            None => ID_FIELDS.iter().find_map(|name| self.text(name)),
        }
    }

    /// The e-mail address, verified or (before a sign-in) only claimed.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.text("email_address").or_else(|| self.text("unauthenticated_email_address"))
    }

    /// The key that acts, whichever kind of key it is.
    #[must_use]
    pub fn api_key_id(&self) -> Option<&str> {
        self.text("api_key_id").or_else(|| self.text("admin_api_key_id"))
    }

    /// Where from.
    #[must_use]
    pub fn ip_address(&self) -> Option<&str> {
        self.text("ip_address")
    }

    /// With what.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.text("user_agent")
    }
}

fn typed<T: DeserializeOwned>(fields: Map<String, Value>, variant: fn(T) -> Actor) -> Actor {
    let mut own = fields.clone();
    own.remove("type");
    match serde_json::from_value(Value::Object(own)) {
        Ok(actor) => variant(actor),
        Err(_) => Actor::Unknown(fields),
    }
}

fn untyped<T: Serialize>(tag: &str, actor: &T) -> Map<String, Value> {
    let mut fields = match serde_json::to_value(actor) {
        Ok(Value::Object(fields)) => fields,
        // Text and maps of JSON always serialise, and a struct is an object.
        _ => Map::new(),
    };
    fields.insert("type".to_owned(), tag.into());
    fields
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_fields().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_fields(Map::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    /// One row of every published kind as the feed sends it, and what is to be known of it: id, e-mail, address.
    fn published() -> [(Value, [Option<&'static str>; 3]); 11] {
        let from = |mut actor: Value| {
            actor["ip_address"] = json!("192.0.2.7");
            actor["user_agent"] = json!("Mozilla/5.0");
            actor
        };
        let ip = Some("192.0.2.7");
        [
            (
                from(json!({ "type": "user_actor", "user_id": "user_1", "email_address": "ada@example.com" })),
                [Some("user_1"), Some("ada@example.com"), ip],
            ),
            (from(json!({ "type": "api_actor", "api_key_id": "apikey_1" })), [Some("apikey_1"), None, ip]),
            (
                from(json!({ "type": "admin_api_key_actor", "admin_api_key_id": "apikey_2" })),
                [Some("apikey_2"), None, ip],
            ),
            (
                from(json!({ "type": "service_account_actor", "service_account_id": "svac_1" })),
                [Some("svac_1"), None, ip],
            ),
            (
                from(json!({ "type": "unauthenticated_user_actor", "unauthenticated_email_address": "x@example.com" })),
                [None, Some("x@example.com"), ip],
            ),
            (json!({ "type": "anthropic_actor", "email_address": null }), [None, None, None]),
            (json!({ "type": "system_actor", "service": "retention" }), [Some("retention"), None, None]),
            (
                json!({ "type": "scim_directory_sync_actor", "directory_id": "directory_1", "workos_event_id": "event_1", "idp_connection_type": "OktaSCIMV2" }),
                [Some("directory_1"), None, None],
            ),
            (
                from(
                    json!({ "type": "federated_identity_actor", "issuer": "https://idp", "subject": "repo:x", "audience": ["a", "b"] }),
                ),
                [Some("repo:x"), None, ip],
            ),
            (
                from(
                    json!({ "type": "federated_actor", "provider": { "type": "aws", "account_id": "1", "signed_principal": "arn:x" }, "subject": "s" }),
                ),
                [Some("s"), None, ip],
            ),
            (
                from(json!({ "type": "attested_device_actor", "external_client_id": "device_1", "kid_hash": "k" })),
                [Some("device_1"), None, ip],
            ),
        ]
    }

    #[test]
    fn every_published_kind_is_typed_and_goes_out_as_it_came() {
        for ((wire, [id, email, ip]), kind) in published().into_iter().zip(Actor::KINDS) {
            let actor: Actor = serde_json::from_value(wire.clone()).unwrap();
            assert!(!matches!(actor, Actor::Unknown(_)), "{wire}");
            assert_eq!((actor.kind(), actor.id(), actor.email(), actor.ip_address()), (kind, id, email, ip));
            assert_eq!(serde_json::to_value(&actor).unwrap(), wire);
        }
    }

    #[test]
    fn the_field_that_identifies_each_kind_has_its_place() {
        for (place, name) in ID_FIELDS.iter().enumerate() {
            assert_eq!(id_place(name), Some(place));
        }
        for field in Actor::KINDS.into_iter().filter_map(|kind| id_field(kind).unwrap()) {
            assert!(ID_FIELDS.contains(&field), "{field}");
        }
    }

    #[test]
    fn null_absent_and_unpublished_fields_survive_in_every_kind() {
        for (mut wire, _) in published() {
            for field in wire.as_object().unwrap().keys().cloned().collect::<Vec<_>>() {
                if field == "type" {
                    continue;
                }
                for odd in [Value::Null, json!(7), json!({ "x": [1] }), json!("")] {
                    let mut changed = wire.clone();
                    changed[&field] = odd;
                    let actor: Actor = serde_json::from_value(changed.clone()).unwrap();
                    assert_eq!(serde_json::to_value(&actor).unwrap(), changed);
                }
                wire.as_object_mut().unwrap().remove(&field);
                wire["shoe_size"] = json!({ "eu": 43 });
                let actor: Actor = serde_json::from_value(wire.clone()).unwrap();
                assert_eq!(serde_json::to_value(&actor).unwrap(), wire);
            }
        }
    }

    #[test]
    fn a_field_of_another_type_makes_the_actor_unknown_and_the_others_stay_readable() {
        let wire = json!({ "type": "user_actor", "user_id": "user_1", "email_address": 7, "ip_address": "192.0.2.7" });
        let actor: Actor = serde_json::from_value(wire.clone()).unwrap();
        assert!(matches!(actor, Actor::Unknown(_)));
        assert_eq!((actor.kind(), actor.id(), actor.ip_address()), ("user_actor", Some("user_1"), Some("192.0.2.7")));
        assert_eq!(serde_json::to_value(&actor).unwrap(), wire);
    }

    #[test]
    fn a_kind_of_next_year_is_asked_for_what_could_identify_it() {
        let actor: Actor =
            serde_json::from_value(json!({ "type": "guest_actor", "subject": "s", "user_id": "user_9" })).unwrap();
        assert_eq!((actor.kind(), actor.id()), ("guest_actor", Some("user_9")));
        let nobody: Actor = serde_json::from_value(json!({})).unwrap();
        assert_eq!((nobody.kind(), nobody.id()), ("", None));
    }

    #[test]
    fn what_ephor_emits_is_what_the_feed_would_say() {
        insta::assert_json_snapshot!([Actor::user("user_1", "ada@example.com", None, Some("cli")), Actor::api("apikey_1", Some("::1"), None), Actor::system("retention")], @r#"
        [
          {
            "email_address": "ada@example.com",
            "ip_address": null,
            "type": "user_actor",
            "user_agent": "cli",
            "user_id": "user_1"
          },
          {
            "api_key_id": "apikey_1",
            "ip_address": "::1",
            "type": "api_actor",
            "user_agent": null
          },
          {
            "service": "retention",
            "type": "system_actor"
          }
        ]
        "#);
    }
}
