//! How persons appear in a package: by name, by pseudonym, or not at all.
//! Promises that the same person has the same pseudonym throughout a package, whether named by id, address or name, and
//! another one in every other package.
//! Never gives away bytes of an activity that name a person, once persons are not to be named.

use std::borrow::Cow;
use std::collections::HashMap;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How persons appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Persons {
    /// As they are.
    #[default]
    Named,
    /// Under pseudonyms that hold within the package.
    Pseudonymised,
    /// Not at all: what names them is empty.
    LeftOut,
}

/// What a cell is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// Nobody in particular; names may still stand within a text.
    Things,
    /// It names a person, or an actor that may be one.
    Person,
    /// It tells where somebody was, or with what.
    Whereabouts,
}

/// What stands between a package's reader and persons.
#[derive(Clone)]
pub(crate) struct Veil {
    persons: Persons,
    key: [u8; 32],
    /// Addresses (in small letters) and names → the id of the same person.
    known_as: HashMap<String, String>,
}

impl std::fmt::Debug for Veil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Veil({:?})", self.persons)
    }
}

impl Veil {
    pub(crate) fn new(persons: Persons, key: [u8; 32]) -> Self {
        Self { persons, key, known_as: HashMap::new() }
    }

    /// Tells that an address or a name belongs to an id.
    pub(crate) fn learn(&mut self, id: &str, name: &str) {
        if !name.is_empty() && name != id {
            self.known_as.entry(name.to_ascii_lowercase()).or_insert_with(|| id.to_owned());
        }
    }

    /// Whether everything may be shown.
    pub(crate) fn is_lifted(&self) -> bool {
        self.persons == Persons::Named
    }

    /// A cell as the reader may see it.
    pub(crate) fn cell<'t>(&self, text: &'t str, about: About) -> Cow<'t, str> {
        if self.is_lifted() || text.is_empty() {
            return Cow::Borrowed(text);
        }
        match (about, self.persons) {
            (About::Things, _) => self.text(text),
            // Keys and services are no persons: their ids stay.
            (About::Person, _) if is_machine(text) => Cow::Borrowed(text),
            (_, Persons::LeftOut) => Cow::Borrowed(""),
            (About::Person, _) => Cow::Owned(self.pseudonym(text)),
            (About::Whereabouts, _) => Cow::Owned(self.digest("place", text)),
        }
    }

    /// A text with every id, address and known name of a person in it replaced.
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.is_lifted() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut changed = false;
        for (word, is_word) in words(text) {
            match is_word && names_person(word) {
                true => {
                    out.push_str(&self.substitute(word));
                    changed = true;
                }
                false => out.push_str(word),
            }
        }
        if changed { Cow::Owned(out) } else { Cow::Borrowed(text) }
    }

    /// As [`Veil::text`], and full names that are known are looked for too: slow, for texts that people wrote.
    pub(crate) fn prose<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let scrubbed = self.text(text);
        if self.is_lifted() {
            return scrubbed;
        }
        let mut out = scrubbed.into_owned();
        for (name, id) in self.known_as.iter().filter(|(name, _)| name.contains(' ')) {
            let folded = out.to_ascii_lowercase();
            let places: Vec<usize> = folded.match_indices(name.as_str()).map(|(at, _)| at).collect();
            for at in places.into_iter().rev() {
                // Small letters of ASCII keep every byte in its place.
                out.replace_range(at..at + name.len(), &self.substitute(id));
            }
        }
        Cow::Owned(out)
    }

    fn substitute(&self, name: &str) -> String {
        match self.persons {
            Persons::LeftOut => "[left out]".to_owned(),
            _ => self.pseudonym(name),
        }
    }

    fn pseudonym(&self, name: &str) -> String {
        let folded = name.to_ascii_lowercase();
        self.digest("person", self.known_as.get(&folded).map_or(&folded, |id| id))
    }

    fn digest(&self, kind: &str, value: &str) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return kind.to_owned() };
        mac.update(kind.as_bytes());
        mac.update(b"\n");
        mac.update(value.to_ascii_lowercase().as_bytes());
        format!("{kind}-{}", &hex::encode(mac.finalize().into_bytes())[..16])
    }
}

/// Ids of keys, service accounts and directories stand where a person's can.
fn is_machine(id: &str) -> bool {
    ["apikey_", "svac_", "directory_"].iter().any(|begin| id.starts_with(begin))
}

fn names_person(word: &str) -> bool {
    let address = word.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'));
    let id = word.strip_prefix("user_").is_some_and(|rest| rest.len() >= 8);
    address || id || word.parse::<std::net::IpAddr>().is_ok()
}

/// A text cut into words that could be ids or addresses, and what stands between them.
fn words(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let part = |letter: char| letter.is_alphanumeric() || "@._-+:".contains(letter);
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_word = part(first);
        let end = rest.find(|letter| part(letter) != is_word).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        // A full stop or a colon at the end of a sentence is no part of an address.
        let trimmed = piece.trim_end_matches(['.', ':', '-']);
        if is_word && trimmed.len() < piece.len() && !trimmed.is_empty() {
            let (piece, _) = rest.split_at(trimmed.len());
            rest = &rest[trimmed.len()..];
            return Some((piece, true));
        }
        rest = behind;
        Some((piece, is_word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn veil(persons: Persons) -> Veil {
        let mut veil = Veil::new(persons, [7; 32]);
        veil.learn("user_01abcdefgh", "Anna@Example.com");
        veil.learn("user_01abcdefgh", "Anna Berg");
        veil
    }

    #[test]
    fn a_person_has_one_pseudonym_by_whatever_name() {
        let veil = veil(Persons::Pseudonymised);
        let by_id = veil.cell("user_01abcdefgh", About::Person);
        assert_eq!(by_id, veil.cell("anna@example.com", About::Person));
        assert_eq!(by_id, veil.cell("Anna Berg", About::Person));
        assert_ne!(by_id, veil.cell("bert@example.com", About::Person));
        assert!(by_id.starts_with("person-") && by_id.len() == 23, "{by_id}");
        assert_eq!(veil.cell("apikey_01abcdefgh", About::Person), "apikey_01abcdefgh");
        let other = Veil::new(Persons::Pseudonymised, [8; 32]);
        assert_ne!(other.cell("bert@example.com", About::Person), veil.cell("bert@example.com", About::Person));
    }

    #[test]
    fn names_within_a_text_are_found() {
        let told = "ANNA BERG (anna@example.com, user_01abcdefgh) came from 192.0.2.7: 2001:db8::1.";
        let hidden = veil(Persons::LeftOut);
        assert_eq!(hidden.prose(told), "[left out] ([left out], [left out]) came from [left out]: [left out].");
        let nobody = "role admin of org_123456789 at 2026-01-02T03:04:05Z";
        assert_eq!(veil(Persons::Pseudonymised).text(nobody), nobody);
    }

    #[test]
    fn without_a_veil_nothing_changes() {
        let text = "anna@example.com";
        assert_eq!(veil(Persons::Named).prose(text), text);
        assert_eq!(veil(Persons::LeftOut).cell(text, About::Person), "");
    }
}
