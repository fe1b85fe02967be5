//! What an upstream knows: activities of known and unknown types and actors, many of them in the same instant.
//! The same seed makes the same bytes, and the bytes are spelled in ways that nobody would write them anew.
//! Never a field that can carry content: what comes in must be stored to the last byte.

use ephor_wire::timestamp::Timestamp;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub const MINUTE: i64 = 60_000_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// 2026-11-23T12:00:00Z.
pub const NOON: i64 = 1_795_435_200_000_000;

/// One activity of an upstream.
#[derive(Debug, Clone)]
pub struct Row {
    pub at: i64,
    pub id: String,
    pub kind: String,
    pub raw: String,
}

impl Row {
    /// A row with these fields (without braces) beside its envelope.
    pub fn new(at: i64, id: &str, kind: &str, fields: &str) -> Self {
        let created_at = Timestamp::from_micros(at);
        let created_at = created_at.as_str();
        Self {
            at,
            id: id.to_owned(),
            kind: kind.to_owned(),
            raw: format!(r#"{{"id":"{id}","created_at":"{created_at}","type":"{kind}",{fields}}}"#),
        }
    }

    /// A request to the Compliance API as the upstream records it.
    pub fn access(at: i64, id: &str, key: &str, request: &str) -> Self {
        let fields = format!(
            r#""actor":{{"type":"api_actor","api_key_id":"{key}"}},"organization_id":null,"request_id":"{request}","request_method":"GET","status_code":200"#
        );
        Self::new(at, id, "compliance_api_accessed", &fields)
    }

    /// The place in the feed.
    pub fn place(&self) -> (i64, &str) {
        (self.at, &self.id)
    }
}

const KINDS: [&str; 4] =
    ["claude_chat_created", "sso_login_succeeded", "platform_api_key_created", "a_type_of_next_year"];

const FIELDS: [&str; 5] = [
    r#""actor":{"type":"user_actor","user_id":"user_1","email_address":"ada@example.com","ip_address":"192.0.2.7"},"organization_id":"org_1""#,
    r#" "actor" : { "type":"api_actor" , "api_key_id":"apikey_1" },	"organization_id": null"#,
    r#""actor":{"type":"actor_of_next_year","shoe_size":43.10},"organization_uuid":null,"anything":[1,{"deep":[]}]"#,
    r#""actor":{},"number":12345678901234567890,"fraction":0.1000,"exponent":1E3"#,
    r#""actor":{"type":"system_actor","service":null},"escaped":"\u00e9\/\ud83e\udd80","plain":"é🦀""#,
];

/// `count` activities from `from` to `to`, a third of them in the instant of another.
pub fn rows(seed: u64, count: usize, from: i64, to: i64) -> Vec<Row> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut at = from;
    (0..count)
        .map(|number| {
            if !dice.random_bool(1.0 / 3.0) {
                at = dice.random_range(from..to);
            }
            let id = format!("activity_{:08x}{number:06}", dice.random::<u32>());
            let kind = KINDS[dice.random_range(0..KINDS.len())];
            Row::new(at, &id, kind, FIELDS[dice.random_range(0..FIELDS.len())])
        })
        .collect()
}
