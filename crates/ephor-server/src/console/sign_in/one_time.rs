//! One-time passwords by the clock (RFC 6238): a secret for an authenticator, its picture, and the check of six digits.
//! Promises that digits count for their own half minute and its neighbours, and once.
//! Never shows a secret after it was confirmed.

use maud::{Markup, html};
use qrcodegen::{QrCode, QrCodeEcc};
use rand::RngCore;
use totp_rs::{Builder, Secret, Totp};

use crate::state::rng;

/// As RFC 4226 recommends.
const SECRET_BYTES: usize = 20;

/// A new secret, in base32.
pub(crate) fn new_secret() -> String {
    let mut bytes = vec![0_u8; SECRET_BYTES];
    rng().fill_bytes(&mut bytes);
    Secret::from(bytes).to_base32()
}

/// The step to which six digits belong, if they are right now.
pub(crate) fn step_of(secret: &str, digits: &str, now_micros: i64) -> Option<i64> {
    let digits: String = digits.chars().filter(|c| !c.is_whitespace()).collect();
    let seconds = u64::try_from(now_micros / 1_000_000).ok()?;
    let totp = totp(secret, "")?;
    i64::try_from(totp.check(&digits, seconds)?).ok()
}

/// The six digits of a moment; what an authenticator would show.
#[cfg(test)]
pub(crate) fn digits_at(secret: &str, now_micros: i64) -> String {
    let seconds = u64::try_from(now_micros / 1_000_000).unwrap_or_default();
    totp(secret, "").map(|totp| totp.generate(seconds).to_string()).unwrap_or_default()
}

/// The address that an authenticator reads.
pub(crate) fn address(secret: &str, email: &str) -> Option<String> {
    totp(secret, &email.replace(':', " "))?.to_url().ok()
}

/// The address as a picture to photograph.
pub(crate) fn picture(address: &str) -> Option<Markup> {
    const QUIET: i32 = 4;
    let code = QrCode::encode_text(address, QrCodeEcc::Medium).ok()?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{},{}h1v1h-1z", x + QUIET, y + QUIET));
        }
    }
    let whole = size + 2 * QUIET;
    Some(html! {
        svg class="qr" viewBox=(format!("0 0 {whole} {whole}")) role="img" aria-label="QR code for your authenticator" {
            rect width=(whole) height=(whole) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    })
}

fn totp(secret: &str, email: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    Builder::new().with_secret(secret).with_account_name(email).with_issuer(Some("Ephor")).build().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn digits_are_those_of_rfc_6238() {
        // Appendix B of the RFC: the secret "12345678901234567890", SHA-1, the last six of eight digits.
        let secret = Secret::from(b"12345678901234567890".to_vec()).to_base32();
        for (seconds, digits) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(digits_at(&secret, seconds * SECOND), digits);
            assert_eq!(step_of(&secret, digits, seconds * SECOND), Some(seconds / 30));
        }
    }

    #[test]
    fn digits_count_for_their_half_minute_and_its_neighbours() {
        let secret = new_secret();
        let now = 1_795_435_200 * SECOND;
        let digits = digits_at(&secret, now);
        for (later, counts) in [(-31, false), (-30, true), (0, true), (30, true), (59, true), (60, false)] {
            assert_eq!(step_of(&secret, &digits, now + later * SECOND).is_some(), counts, "{later}");
        }
        assert_eq!(
            step_of(&secret, &format!(" {} {} ", &digits[..3], &digits[3..]), now),
            step_of(&secret, &digits, now)
        );
        for wrong in ["", "12345", "1234567", "abcdef", "०१२३४५"] {
            assert_eq!(step_of(&secret, wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn an_authenticator_reads_who_and_where() {
        let address = address("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "ada@example.com").unwrap();
        assert!(address.starts_with("otpauth://totp/Ephor:ada%40example.com?"), "{address}");
        assert!(picture(&address).unwrap().into_string().starts_with("<svg class=\"qr\""));
    }
}
