//! Fields that Ephor adds to the wire's own: who acts whatever kind of actor it is, from which network, with what.
//! Promises the same value for the same activity, whenever it is asked.
//! Never looks anything up outside the activity: that is what `facts` is for.

use std::net::IpAddr;

use ephor_wire::actor::ID_FIELDS;

use super::flat::Flat;

/// What identifies an actor of each published kind, and what an entity of that kind is called.
const ACTORS: [(&str, &str, &str); 11] = [
    ("user_actor", "user_id", "user"),
    ("api_actor", "api_key_id", "api_key"),
    ("admin_api_key_actor", "admin_api_key_id", "admin_api_key"),
    ("service_account_actor", "service_account_id", "service_account"),
    ("unauthenticated_user_actor", "unauthenticated_email_address", "email"),
    ("anthropic_actor", "email_address", "anthropic"),
    ("system_actor", "service", "service"),
    ("scim_directory_sync_actor", "directory_id", "directory"),
    ("federated_identity_actor", "subject", "federated_identity"),
    ("federated_actor", "subject", "federated_identity"),
    ("attested_device_actor", "external_client_id", "device"),
];

/// Who acts: type and id of the entity. Somebody of whom nothing else is known is the address that they come from.
pub(super) fn actor<'f>(flat: &'f Flat<'_>) -> Option<(&'static str, &'f str)> {
    let text = |name: &str| flat.text_within("actor", name).filter(|text| !text.is_empty());
    let kind = text("type").unwrap_or_default();
    let known = ACTORS.iter().find(|(name, ..)| *name == kind);
    let own = match known {
        Some((_, field, entity)) => text(field).map(|id| (*entity, id)),
        // A kind that nobody has published: the fields that identify the others, and an address at the last.
        None => ID_FIELDS.iter().chain(&["email_address"]).find_map(|field| text(field)).map(|id| ("actor", id)),
    };
    own.or_else(|| text("ip_address").map(|ip| ("ip_address", ip)))
}

/// The network of an address: a /24 of IPv4, a /48 of IPv6, as providers hand them out to one place.
pub(super) fn network(address: &str) -> Option<String> {
    match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            Some(format!("{a}.{b}.{c}.0/24"))
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(mapped) => network(&mapped.to_string()),
            None => {
                let [a, b, c, ..] = ip.segments();
                Some(format!("{a:x}:{b:x}:{c:x}::/48"))
            }
        },
    }
}

/// A user agent without its versions, so that an update is no new client.
pub(super) fn agent(user_agent: &str) -> String {
    let mut words = String::with_capacity(user_agent.len());
    for word in user_agent.split_whitespace() {
        let name = word.split('/').next().unwrap_or(word);
        let before = words.len();
        if before > 0 {
            words.push(' ');
        }
        words.extend(name.chars().filter(|c| !c.is_ascii_digit() && !matches!(c, '.' | '_')));
        if words.len() == before + 1 {
            words.truncate(before);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_kind_of_actor_is_somebody() {
        let who = |actor: &str| {
            let raw = format!("{{\"actor\":{actor}}}");
            let flat = Flat::parse(raw.as_bytes()).unwrap();
            super::actor(&flat).map(|(kind, id)| format!("{kind} {id}"))
        };
        let told = [
            who(r#"{"type":"user_actor","user_id":"user_1","email_address":"a@b.c"}"#),
            who(r#"{"type":"api_actor","api_key_id":"apikey_1"}"#),
            who(
                r#"{"type":"unauthenticated_user_actor","unauthenticated_email_address":"a@b.c","ip_address":"192.0.2.1"}"#,
            ),
            who(
                r#"{"type":"unauthenticated_user_actor","unauthenticated_email_address":null,"ip_address":"192.0.2.1"}"#,
            ),
            who(r#"{"type":"robot_actor","subject":"r2"}"#),
            who(r#"{"type":"user_actor"}"#),
        ];
        assert_eq!(
            told.map(Option::unwrap_or_default),
            ["user user_1", "api_key apikey_1", "email a@b.c", "ip_address 192.0.2.1", "actor r2", ""]
        );
    }

    #[test]
    fn a_network_is_a_place_and_an_agent_has_no_version() {
        assert_eq!(network("192.0.2.77").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(network("::ffff:192.0.2.77").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(network("2001:db8:7:8::1").as_deref(), Some("2001:db8:7::/48"));
        assert_eq!(network("somewhere"), None);
        assert_eq!(agent("python-requests/2.32.5"), agent("python-requests/3.0.0"));
        let firefox = |version: &str| {
            format!("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:{version}) Gecko/20100101 Firefox/{version}")
        };
        assert_eq!(agent(&firefox("115.0")), agent(&firefox("116.1")));
        assert_ne!(agent(&firefox("115.0")), agent("curl/8.16.0"));
    }
}
