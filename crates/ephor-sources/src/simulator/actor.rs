//! The eleven actor kinds of the feed, rendered once as JSON and reused for every row they write.
//! Promises the fields of compliance_api.md §6, all present, nullable ones as null where unknown.
//! Never draws random numbers: who acts is decided elsewhere.

use super::row::{object, quoted};

/// A rendered actor object.
#[derive(Clone, Debug)]
pub(crate) struct Actor(String);

impl Actor {
    pub(crate) fn json(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn of_kind(kind: &str, fields: &[(&str, String)]) -> Self {
        let mut all = vec![("type", quoted(kind))];
        all.extend_from_slice(fields);
        Self(object(&all))
    }

    pub(crate) fn user(user_id: &str, email: &str, ip: &str, agent: &str) -> Self {
        Self::of_kind(
            "user_actor",
            &[
                ("user_id", quoted(user_id)),
                ("email_address", quoted(email)),
                ("ip_address", quoted(ip)),
                ("user_agent", quoted(agent)),
            ],
        )
    }

    pub(crate) fn api(key_id: &str, ip: &str, agent: &str) -> Self {
        Self::of_kind(
            "api_actor",
            &[("api_key_id", quoted(key_id)), ("ip_address", quoted(ip)), ("user_agent", quoted(agent))],
        )
    }

    pub(crate) fn admin_api_key(key_id: &str, ip: &str, agent: &str) -> Self {
        Self::of_kind(
            "admin_api_key_actor",
            &[("admin_api_key_id", quoted(key_id)), ("ip_address", quoted(ip)), ("user_agent", quoted(agent))],
        )
    }

    pub(crate) fn service_account(account_id: &str, ip: &str, agent: &str) -> Self {
        Self::of_kind(
            "service_account_actor",
            &[("service_account_id", quoted(account_id)), ("ip_address", quoted(ip)), ("user_agent", quoted(agent))],
        )
    }

    pub(crate) fn unauthenticated(email: Option<&str>, ip: &str, agent: &str) -> Self {
        Self::of_kind(
            "unauthenticated_user_actor",
            &[
                ("ip_address", quoted(ip)),
                ("user_agent", quoted(agent)),
                ("unauthenticated_email_address", email.map_or_else(null, quoted)),
            ],
        )
    }

    pub(crate) fn anthropic() -> Self {
        Self::of_kind("anthropic_actor", &[("email_address", null())])
    }

    pub(crate) fn system(service: &str) -> Self {
        Self::of_kind("system_actor", &[("service", quoted(service))])
    }

    pub(crate) fn scim(directory_id: &str, event_id: &str) -> Self {
        Self::of_kind(
            "scim_directory_sync_actor",
            &[
                ("directory_id", quoted(directory_id)),
                ("workos_event_id", quoted(event_id)),
                ("idp_connection_type", quoted("OktaSCIMV2")),
            ],
        )
    }

    pub(crate) fn federated_identity(issuer: &str, subject: &str, audience: &str, ip: &str, agent: &str) -> Self {
        Self::of_kind(
            "federated_identity_actor",
            &[
                ("issuer", quoted(issuer)),
                ("subject", quoted(subject)),
                ("audience", format!("[{}]", quoted(audience))),
                ("ip_address", quoted(ip)),
                ("user_agent", quoted(agent)),
            ],
        )
    }

    pub(crate) fn federated_aws(account_id: &str, principal: &str, subject: &str, ip: &str, agent: &str) -> Self {
        let provider = object(&[
            ("type", quoted("aws")),
            ("account_id", quoted(account_id)),
            ("signed_principal", quoted(principal)),
        ]);
        Self::of_kind(
            "federated_actor",
            &[
                ("provider", provider),
                ("subject", quoted(subject)),
                ("ip_address", quoted(ip)),
                ("user_agent", quoted(agent)),
            ],
        )
    }

    pub(crate) fn attested_device(client_id: &str, key_hash: &str, ip: &str, agent: &str) -> Self {
        Self::of_kind(
            "attested_device_actor",
            &[
                ("external_client_id", quoted(client_id)),
                ("kid_hash", quoted(key_hash)),
                ("ip_address", quoted(ip)),
                ("user_agent", quoted(agent)),
            ],
        )
    }
}

fn null() -> String {
    "null".to_owned()
}
