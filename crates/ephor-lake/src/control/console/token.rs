//! What a browser or a person presents: a session's token, and a code to type.
//! Either has more than 128 bits of randomness, so a fast hash recognises it and no salt is needed.
//! Never prints itself: Debug says so.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::CryptoRng;
use sha2::{Digest, Sha256};

const TOKEN_BYTES: usize = 32;

/// 32 characters of five bits each.
const CODE_CHARACTERS: usize = 32;
/// Characters between two hyphens: what an eye takes in at once.
const CODE_GROUP: usize = 4;
/// Crockford's alphabet: no I, L, O and U, which are misread.
const CODE_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The token of a session, on its way to the browser that it belongs to.
#[derive(Clone)]
pub struct SessionToken(String);

impl SessionToken {
    /// The text for the cookie.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0_u8; TOKEN_BYTES];
        rng.fill_bytes(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// The hash by which a presented token is found; nothing for what no token looks like.
pub(super) fn fingerprint_of_token(presented: &str) -> Option<String> {
    let shaped = URL_SAFE_NO_PAD.decode(presented).is_ok_and(|bytes| bytes.len() == TOKEN_BYTES);
    shaped.then(|| fingerprint(presented))
}

/// A code as it is shown: `7KQ2-…`.
pub(super) fn random_code(rng: &mut impl CryptoRng) -> String {
    let mut bytes = [0_u8; CODE_CHARACTERS];
    rng.fill_bytes(&mut bytes);
    let characters: Vec<char> = bytes.iter().map(|byte| char::from(CODE_ALPHABET[usize::from(byte % 32)])).collect();
    let groups: Vec<String> = characters.chunks(CODE_GROUP).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// The hash by which a typed code is found: case, hyphens and spaces do not count, nor do the letters that look like digits.
pub(super) fn fingerprint_of_code(typed: &str) -> Option<String> {
    let read = |c: char| match c.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    let code: String = typed.chars().filter(|c| *c != '-' && !c.is_whitespace()).map(read).collect();
    let shaped = code.len() == CODE_CHARACTERS && code.bytes().all(|byte| CODE_ALPHABET.contains(&byte));
    shaped.then(|| fingerprint(&code))
}

pub(super) fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_code_is_recognised_however_it_is_typed() {
        let code = random_code(&mut StdRng::seed_from_u64(1));
        assert_eq!(code.len(), 39);
        let known = fingerprint_of_code(&code).unwrap();
        for typed in [code.to_lowercase(), code.replace('-', " "), code.replace('0', "o").replace('1', "l")] {
            assert_eq!(fingerprint_of_code(&typed).unwrap(), known, "{typed}");
        }
        for wrong in ["", "7KQ2", &code[1..], &format!("{code}0"), &code.replace('-', "ä")] {
            assert_eq!(fingerprint_of_code(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_says_nothing_of_itself() {
        let token = SessionToken::random(&mut StdRng::seed_from_u64(1));
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
        assert!(fingerprint_of_token(token.expose()).is_some());
        assert!(fingerprint_of_token("short").is_none() && fingerprint_of_token("").is_none());
    }
}
