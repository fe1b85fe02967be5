//! Texts that only this node can have made: tokens of forms, pseudonyms, and what a browser carries to the provider and back.
//! Promises that what was tampered with is not taken.
//! Never hides anything: what is sealed can be read by whoever carries it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The node's own key for the console.
#[derive(Clone)]
pub(crate) struct Seal(Hmac<Sha256>);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

/// What a sealed text is for: one is never taken for another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The token in a session's forms.
    SessionForm,
    /// The token in a form of somebody who is not signed in.
    GuestForm,
    /// What is carried through the provider.
    Provider,
    /// A secret of one-time passwords that is not yet confirmed.
    OneTimeSecret,
    /// A person's pseudonym.
    Pseudonym,
    /// What a passkey calls its person.
    PasskeyHandle,
}

impl Purpose {
    const fn word(self) -> &'static str {
        match self {
            Self::SessionForm => "session form",
            Self::GuestForm => "guest form",
            Self::Provider => "provider",
            Self::OneTimeSecret => "one-time secret",
            Self::Pseudonym => "pseudonym",
            Self::PasskeyHandle => "passkey handle",
        }
    }
}

impl Seal {
    /// With a key of the node's own.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(key).ok().map(Self)
    }

    /// The mark of a text.
    pub(crate) fn mark(&self, purpose: Purpose, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes(purpose, text))
    }

    /// Whether a mark is that of a text; in a time that does not depend on where it differs.
    pub(crate) fn is_mark(&self, purpose: Purpose, text: &str, mark: &str) -> bool {
        self.mark(purpose, text).as_bytes().ct_eq(mark.as_bytes()).into()
    }

    /// A text with its mark, safe in a cookie and in a form.
    pub(crate) fn close(&self, purpose: Purpose, text: &str) -> String {
        format!("{}.{}", URL_SAFE_NO_PAD.encode(text), self.mark(purpose, text))
    }

    /// The text of what was closed here, if it is that.
    pub(crate) fn open(&self, purpose: Purpose, sealed: &str) -> Option<String> {
        let (text, mark) = sealed.split_once('.')?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        self.is_mark(purpose, &text, mark).then_some(text)
    }

    /// What stands in place of a person.
    pub(crate) fn pseudonym(&self, person: &str) -> String {
        let bytes = self.bytes(Purpose::Pseudonym, &person.to_lowercase());
        format!("Person {:02X}{:02X}-{:02X}{:02X}", bytes[0], bytes[1], bytes[2], bytes[3])
    }

    /// What a passkey calls its person.
    pub(crate) fn handle(&self, user_id: &str) -> [u8; 32] {
        self.bytes(Purpose::PasskeyHandle, user_id)
    }

    fn bytes(&self, purpose: Purpose, text: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(purpose.word().as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_closed_opens_and_nothing_else_does(text in ".{0,80}", other in ".{0,80}") {
            let seal = Seal::new(b"key").unwrap();
            let closed = seal.close(Purpose::Provider, &text);
            prop_assert_eq!(seal.open(Purpose::Provider, &closed), Some(text.clone()));
            prop_assert_eq!(seal.open(Purpose::OneTimeSecret, &closed), None);
            prop_assert_eq!(Seal::new(b"other").unwrap().open(Purpose::Provider, &closed), None);
            prop_assert_eq!(seal.open(Purpose::Provider, &other), None);
        }
    }

    #[test]
    fn a_person_has_one_pseudonym_that_does_not_tell_who_it_is() {
        let seal = Seal::new(b"key").unwrap();
        assert_eq!(seal.pseudonym("Ada@example.com"), seal.pseudonym("ada@example.com"));
        assert_ne!(seal.pseudonym("ada@example.com"), Seal::new(b"other").unwrap().pseudonym("ada@example.com"));
        assert!(!seal.pseudonym("ada@example.com").contains("ada"));
    }
}
