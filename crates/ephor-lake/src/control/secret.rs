//! The secret of an API key: made from randomness, shown once, kept only as its SHA-256.
//! A secret has 285 bits of entropy, so a fast hash is enough and no salt is needed.
//! Never prints itself: Debug says `[shown once]`.

use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What every secret of Ephor begins with, so that scanners for leaked secrets can know it.
pub(super) const PREFIX: &str = "sk-ephor-api01-";

const RANDOM_CHARACTERS: usize = 48;
const HINT_CHARACTERS: usize = 4;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A secret in the clear, on its one way to the person who asked for it.
#[derive(Clone)]
pub struct KeySecret(String);

impl KeySecret {
    /// The text to show, once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        Self(format!("{PREFIX}{}", base62(RANDOM_CHARACTERS, rng)))
    }

    /// The last characters, by which a person recognises the key in a list.
    pub(super) fn hint(&self) -> &str {
        &self.0[self.0.len() - HINT_CHARACTERS..]
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }
}

impl std::fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[shown once]")
    }
}

/// The SHA-256 of a secret, in hex.
pub(super) struct Fingerprint(String);

impl Fingerprint {
    /// Of what a client presents; `None` when it cannot be a secret of Ephor's, without hashing it.
    pub(super) fn of_presented(presented: &str) -> Option<Self> {
        let random = presented.strip_prefix(PREFIX)?;
        let shaped = random.len() == RANDOM_CHARACTERS && random.bytes().all(|b| b.is_ascii_alphanumeric());
        shaped.then(|| Self::of(presented))
    }

    fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(super) fn as_hex(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not depend on where the two differ.
    pub(super) fn matches(&self, stored: &str) -> bool {
        self.0.as_bytes().ct_eq(stored.as_bytes()).into()
    }
}

/// Characters of base 62, each equally likely.
fn base62(characters: usize, rng: &mut impl CryptoRng) -> String {
    let mut text = String::with_capacity(characters);
    while text.len() < characters {
        let mut byte = [0_u8];
        rng.fill_bytes(&mut byte);
        // 248 = 4 × 62: a byte above it would favour the first characters.
        if byte[0] < 248 {
            text.push(char::from(BASE62[usize::from(byte[0] % 62)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_secret_is_long_random_text_behind_a_known_prefix() {
        let mut rng = StdRng::seed_from_u64(1);
        let secret = KeySecret::random(&mut rng);
        assert!(secret.expose().starts_with("sk-ephor-api01-"));
        assert_eq!(secret.expose().len(), PREFIX.len() + 48);
        assert_ne!(secret.expose(), KeySecret::random(&mut rng).expose());
        assert!(secret.expose().ends_with(secret.hint()));
    }

    #[test]
    fn debug_never_shows_the_secret() {
        let secret = KeySecret::random(&mut StdRng::seed_from_u64(1));
        assert_eq!(format!("{secret:?}"), "[shown once]");
    }

    #[test]
    fn only_what_looks_like_a_secret_is_hashed() {
        let secret = KeySecret::random(&mut StdRng::seed_from_u64(1));
        assert!(Fingerprint::of_presented(secret.expose()).is_some_and(|f| f.matches(secret.fingerprint().as_hex())));
        assert!(Fingerprint::of_presented("").is_none());
        assert!(Fingerprint::of_presented("sk-ant-api01-abc").is_none());
        assert!(Fingerprint::of_presented(&format!("{}x", secret.expose())).is_none());
        assert!(Fingerprint::of_presented(&secret.expose().replace(secret.hint(), "ä---")).is_none());
    }
}
