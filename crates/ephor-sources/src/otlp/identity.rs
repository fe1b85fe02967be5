//! What makes a record or a point the same one when it comes again.
//! Ids are UUIDs (version 5) over what the exporter itself says, each part with its length, so that no two lists of
//! parts run into the same bytes. Never depends on when or how often something arrived.

use serde_json::Value;
use uuid::Uuid;

use super::attributes::Attributes;

/// Ephor's namespace for telemetry; any fixed value serves.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1b_2c84_93d0_4a57_8e7d_0b5e_c2a1_f946);

/// The parts of an identity, gathered.
#[derive(Debug, Default)]
pub(super) struct Parts(Vec<u8>);

impl Parts {
    pub(super) fn of(what: &str) -> Self {
        Self::default().text(what)
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// The values of these attributes; one that is not there is told from one that is empty.
    pub(super) fn named(self, attributes: &Attributes, names: &[&str]) -> Self {
        names.iter().fold(self, |parts, name| match attributes.get(name) {
            None => parts.number(0),
            Some(value) => parts.number(1).text(&written(value)),
        })
    }

    /// All attributes, in the order of their names.
    pub(super) fn all(self, attributes: &Attributes) -> Self {
        attributes.iter().fold(self, |parts, (name, value)| parts.text(name).text(&written(value)))
    }

    pub(super) fn id(&self) -> Uuid {
        Uuid::new_v5(&NAMESPACE, &self.0)
    }
}

/// A value as text that is the same for the same value: fields of objects sorted.
fn written(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name:?}:{}", written(value))).collect();
            fields.sort_unstable();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let id = |parts: &[&str]| parts.iter().fold(Parts::default(), |all, part| all.text(part)).id();
        assert_ne!(id(&["ab", "c"]), id(&["a", "bc"]));
        assert_ne!(id(&["a"]), id(&["a", ""]));
        // Ids are stored: they must not change with a version of Ephor.
        assert_eq!(Parts::of("log").text("a").number(7).id().to_string(), "d4510396-9848-5336-b0cd-d91d4d0cb0f8");
    }
}
