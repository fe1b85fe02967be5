//! What identifies a person is taken out of an activity's bytes: ids and addresses become one pseudonym, and what tells
//! where they sat goes.
//! Promises that the same person gets the same pseudonym in every row of one erasure, and that a second time changes nothing.
//! Never touches a row that does not name the person.

use serde_json::{Map, Value};

/// The field that an erased activity carries, so that a reader knows why it says so little.
pub(crate) const ERASED_AT: &str = "ephor_erased_at";

/// Whose data is erased, by everything that names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `user_…` ids and e-mail addresses. Addresses are compared without case.
    names: Vec<String>,
}

impl Person {
    /// A person by ids and e-mail addresses; `None` if one of them is too short to be a name of somebody.
    #[must_use]
    pub fn named(names: &[String]) -> Option<Self> {
        // A shorter text would be found inside words that have nothing to do with anybody.
        const SHORTEST_NAME: usize = 6;
        let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
        (!names.is_empty() && names.iter().all(|name| name.len() >= SHORTEST_NAME)).then_some(Self { names })
    }

    /// Whether some bytes name the person, quickly and without parsing.
    pub(crate) fn is_named_in(&self, raw: &str) -> bool {
        self.names.iter().any(|name| match name.contains('@') {
            true => raw.to_ascii_lowercase().contains(&name.to_ascii_lowercase()),
            false => raw.contains(name.as_str()),
        })
    }
}

/// The bytes of an activity without the person.
pub(crate) fn redact(raw: &str, person: &Person, pseudonym: &str, erased_at: &str) -> Option<String> {
    let Ok(Value::Object(mut activity)) = serde_json::from_str::<Value>(raw) else { return None };
    let theirs = activity.get("actor").is_some_and(|actor| person.is_named_in(&actor.to_string()));
    activity.values_mut().for_each(|value| replace(value, person, pseudonym));
    if theirs && let Some(Value::Object(actor)) = activity.get_mut("actor") {
        forget_whereabouts(actor);
    }
    activity.insert(ERASED_AT.to_owned(), Value::from(erased_at));
    serde_json::to_string(&Value::Object(activity)).ok()
}

/// Where a person sat and with what: enough to know them by, among colleagues.
fn forget_whereabouts(actor: &mut Map<String, Value>) {
    for name in ["ip_address", "user_agent"] {
        if let Some(value) = actor.get_mut(name) {
            *value = Value::Null;
        }
    }
}

fn replace(value: &mut Value, person: &Person, pseudonym: &str) {
    match value {
        Value::String(text) => {
            for name in &person.names {
                *text = without(text, name, pseudonym);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, person, pseudonym)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, person, pseudonym)),
        _ => {}
    }
}

/// A text with every occurrence of a name replaced; addresses are found in any case, also percent-encoded in a URL.
fn without(text: &str, name: &str, pseudonym: &str) -> String {
    let (spellings, substitute) = match name.contains('@') {
        true => (vec![name.to_owned(), name.replace('@', "%40")], format!("{pseudonym}@erased.invalid")),
        false => (vec![name.to_owned()], format!("user_{pseudonym}")),
    };
    let mut text = text.to_owned();
    for spelling in spellings {
        let (folded, sought) = (text.to_ascii_lowercase(), spelling.to_ascii_lowercase());
        let places: Vec<usize> = folded.match_indices(&sought).map(|(at, _)| at).collect();
        for at in places.into_iter().rev() {
            text.replace_range(at..at + spelling.len(), &substitute);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_person_becomes_a_pseudonym_wherever_the_row_names_them() {
        let person = Person::named(&["user_anna".to_owned(), "anna@example.com".to_owned()]).unwrap();
        let raw = r#"{"id":"activity_1","type":"group_member_added","actor":{"type":"user_actor","user_id":"user_anna","email_address":"Anna@Example.com","ip_address":"192.0.2.1","user_agent":"x"},"member_ids":["user_bert","user_anna"],"url":"/v1/compliance/activities?user_ids[]=user_anna&q=anna%40example.com"}"#;
        assert!(person.is_named_in(raw));
        insta::assert_snapshot!(redact(raw, &person, "erased_7", "2026-02-03T00:00:00Z").unwrap(), @r#"{"actor":{"email_address":"erased_7@erased.invalid","ip_address":null,"type":"user_actor","user_agent":null,"user_id":"user_erased_7"},"ephor_erased_at":"2026-02-03T00:00:00Z","id":"activity_1","member_ids":["user_bert","user_erased_7"],"type":"group_member_added","url":"/v1/compliance/activities?user_ids[]=user_erased_7&q=erased_7@erased.invalid"}"#);
        assert!(!person.is_named_in(&redact(raw, &person, "erased_7", "2026-02-03T00:00:00Z").unwrap()));
    }

    #[test]
    fn a_colleague_keeps_their_own_whereabouts() {
        let person = Person::named(&["user_anna".to_owned()]).unwrap();
        let raw = r#"{"actor":{"user_id":"user_bert","ip_address":"192.0.2.1"},"user_id":"user_anna"}"#;
        let redacted = redact(raw, &person, "erased_7", "2026-02-03T00:00:00Z").unwrap();
        assert!(redacted.contains("192.0.2.1") && redacted.contains("user_bert") && !redacted.contains("user_anna"));
    }

    #[test]
    fn a_text_that_would_be_found_everywhere_names_nobody() {
        assert_eq!(Person::named(&["a@b.c".to_owned()]), None);
        assert_eq!(Person::named(&[]), None);
    }
}
