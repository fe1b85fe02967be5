//! Fields that stay home: dropped, masked, or replaced by a keyed hash before a record is made, in whatever format.
//! The same value gives the same hash under the same key, so that what belongs together still does at the receiver.
//! Never touches what is stored.

use std::fmt;

use glob::Pattern;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::Sha256;

/// What becomes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// It is left out.
    Drop,
    /// An address keeps its network, an e-mail address its domain, any other text its first character.
    Mask,
    /// HMAC-SHA-256 of the value under the sink's key.
    Hash,
}

/// Which fields, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactionRule {
    /// A pattern over the dotted path of a field: `actor.ip_address`, `*email*`, `updates.*`.
    pub field: Pattern,
    /// What becomes of those fields.
    pub how: Treatment,
}

/// What a sink does to every row before it becomes a record.
#[derive(Clone, Default)]
pub struct Redaction {
    rules: Vec<RedactionRule>,
    key: Option<SecretString>,
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// Hexadecimal digits of a hash: 128 bits, so that two people never meet in one.
const HASH_DIGITS: usize = 32;

/// The envelope, by which a record is recognised and filed: it always goes out as it is.
const ENVELOPE: [&str; 4] = ["id", "type", "created_at", "actor.type"];

impl Redaction {
    /// Rules in order: the first that fits a field is followed. The key is what [`Treatment::Hash`] hashes with.
    #[must_use]
    pub fn new(rules: Vec<RedactionRule>, key: Option<SecretString>) -> Self {
        Self { rules, key }
    }

    /// Treats a row and says whether anything changed.
    pub(crate) fn apply(&self, row: &mut Map<String, Value>) -> bool {
        !self.rules.is_empty() && self.object(row, "")
    }

    fn object(&self, fields: &mut Map<String, Value>, above: &str) -> bool {
        let mut changed = false;
        fields.retain(|name, value| {
            let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            let kept = self.field(value, &path, &mut changed);
            changed |= !kept;
            kept
        });
        changed
    }

    /// Whether the field stays.
    fn field(&self, value: &mut Value, path: &str, changed: &mut bool) -> bool {
        if ENVELOPE.contains(&path) {
            return true;
        }
        if let Some(rule) = self.rules.iter().find(|rule| rule.field.matches(path)) {
            *changed = true;
            return match rule.how {
                Treatment::Drop => false,
                Treatment::Mask => each_text(value, &|text| mask(text)),
                Treatment::Hash => each_text(value, &|text| self.hash(text)),
            };
        }
        match value {
            Value::Object(inner) => *changed |= self.object(inner, path),
            Value::Array(items) => items.iter_mut().for_each(|item| {
                if let Value::Object(inner) = item {
                    *changed |= self.object(inner, path);
                }
            }),
            _ => {}
        }
        true
    }

    fn hash(&self, text: &str) -> String {
        let key = self.key.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
        mac.update(text.as_bytes());
        let digits = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("hash:{}", &digits[..HASH_DIGITS])
    }
}

/// Changes every text in a value; numbers and flags under a redacted name become text too.
fn each_text(value: &mut Value, change: &impl Fn(&str) -> String) -> bool {
    match value {
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| _ = each_text(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| _ = each_text(field, change)),
        other => *other = Value::String(change(&other.to_string())),
    }
    true
}

fn mask(text: &str) -> String {
    match text.parse() {
        Ok(std::net::IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            return format!("{a}.{b}.{c}.0");
        }
        Ok(std::net::IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            return std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_string();
        }
        Err(_) => {}
    }
    let first = text.chars().next().map(String::from).unwrap_or_default();
    match text.rsplit_once('@') {
        Some((_, domain)) => format!("{first}***@{domain}"),
        None => format!("{first}***"),
    }
}
