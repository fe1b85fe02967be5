//! Passwords: hashed with Argon2id, checked together with a one-time password, and never alone.
//! Promises that an unknown address costs as much time as a wrong password, and that the digits are taken once.
//! Never takes a password that is short, or that guessers try first.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::console::TakenStep;
use rand::RngCore;
use tokio::sync::Semaphore;

use super::attempts::MayTry;
use super::{let_in, note_failure, one_time};
use crate::console::form::Form;
use crate::console::origin::safe_path;
use crate::console::page::{Page, Takes};
use crate::console::visitor::{Visit, escape};
use crate::problem::Problem;
use crate::state::{App, rng};

pub(super) static TRY: Page = Page::try_act("/sign-in/password", Takes::Form);

/// The least length; the published advice for passwords beside a second factor is less.
pub(crate) const LEAST_CHARACTERS: usize = 12;
/// The most: hashing longer ones would only cost time.
pub(crate) const MOST_CHARACTERS: usize = 128;

/// Shorter parts of an address stand in many words by chance.
const TELLING_CHARACTERS: usize = 4;

/// Passwords hashed at the same time: each takes 19 MiB and a core for some ten milliseconds.
static HASHING: Semaphore = Semaphore::const_new(2);

/// What is compared with when there is nobody to compare with.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_now("nobody has this password"));

pub(super) async fn try_it(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let to = safe_path(form.one("to"));
    let refused = |word: &str| Redirect::to(&format!("/sign-in?said={word}&to={}", escape(&to))).into_response();
    let (email, one_time) = (form.needed("email")?, form.needed("one_time")?);
    let password = form.raw("password").unwrap_or_default();
    let attempts = app.console().attempts();
    if let MayTry::After(_) = attempts.may_try(email, visit.ip_address, visit.now_micros) {
        return Ok(refused("wait"));
    }
    let member = app.control().members().find(email).await?.filter(|member| member.email == email.to_lowercase());
    let stored = match &member {
        Some(member) => app.control().console().passwords().of(&member.user_id).await?,
        None => None,
    };
    let hash = stored.as_ref().map(|stored| stored.hash.clone()).or_else(|| NOBODY.clone()).unwrap_or_default();
    let right = is_right(password, hash).await?;
    // Both are looked at, whichever is wrong.
    let step = stored.as_ref().and_then(|stored| one_time::step_of(&stored.totp_secret, one_time, visit.now_micros));
    if let (Some(member), true, Some(step)) = (&member, right && stored.is_some(), step)
        && app.control().console().passwords().take_step(&member.user_id, step).await? == TakenStep::Now
    {
        attempts.succeeded(email, visit.ip_address);
        return let_in(
            &app,
            &visit,
            (&member.user_id, &member.email),
            "password",
            None,
            Redirect::to(&to).into_response(),
        )
        .await;
    }
    attempts.failed(email, visit.ip_address, visit.now_micros);
    note_failure(&app, &visit, "password", Some(email)).await;
    Ok(refused("wrong"))
}

/// Why a password cannot be taken; nothing if it can.
pub(crate) fn objection(password: &str, email: &str) -> Option<String> {
    let characters = password.chars().count();
    if characters < LEAST_CHARACTERS {
        return Some(format!(
            "A password has {LEAST_CHARACTERS} characters at least; several words are easy to remember."
        ));
    }
    if characters > MOST_CHARACTERS {
        return Some(format!("A password has {MOST_CHARACTERS} characters at the most."));
    }
    let about: Vec<&str> = email.split(['@', '.', '-', '_']).chain(["ephor"]).collect();
    let lower = password.to_lowercase();
    if about.iter().any(|part| part.len() >= TELLING_CHARACTERS && lower.contains(&part.to_lowercase())) {
        return Some("A password that holds a part of your address is tried first. Choose words that have nothing to do with you.".to_owned());
    }
    let guesses = zxcvbn::zxcvbn(password, &about);
    (guesses.score() < zxcvbn::Score::Three).then(|| {
        "Guessers try passwords like this one first. Add a few words that have nothing to do with each other."
            .to_owned()
    })
}

/// The hash of a new password.
pub(crate) async fn hash(password: &str) -> Result<String, Problem> {
    let password = password.to_owned();
    let hashed = hashing(move || hash_now(&password)).await?;
    hashed.ok_or_else(|| Problem::internal(&"a password could not be hashed"))
}

/// Whether a password is the one of a hash.
pub(crate) async fn is_right(password: &str, hash: String) -> Result<bool, Problem> {
    if password.chars().count() > MOST_CHARACTERS {
        return Ok(false);
    }
    let password = password.to_owned();
    hashing(move || {
        let hash = PasswordHash::new(&hash);
        hash.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    })
    .await
}

async fn hashing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let _turn = HASHING.acquire().await.map_err(|closed| Problem::internal(&closed))?;
    tokio::task::spawn_blocking(work).await.map_err(|stopped| Problem::internal(&stopped))
}

/// Argon2id with 19 MiB and two passes, as OWASP recommends.
fn hash_now(password: &str) -> Option<String> {
    let mut salt = [0_u8; 16];
    rng().fill_bytes(&mut salt);
    Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_password_is_recognised_by_a_hash_that_differs_each_time() {
        let (first, second) = (hash("correct horse").await.unwrap(), hash("correct horse").await.unwrap());
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, second);
        assert!(is_right("correct horse", first.clone()).await.unwrap());
        assert!(!is_right("Correct horse", first).await.unwrap());
        assert!(!is_right("x", "not a hash".to_owned()).await.unwrap());
    }

    #[test]
    fn passwords_that_are_guessed_first_are_not_taken() {
        let refused = |password: &str| objection(password, "ada.lovelace@example.com").is_some();
        for weak in ["short", "password1234", "aaaaaaaaaaaaaaa", "ada.lovelace12", "qwertyuiop123", "correcthorse"] {
            assert!(refused(weak), "{weak}");
        }
        assert!(refused(&"x".repeat(129)));
        assert!(!refused("marble teapot forgets winter"));
    }
}
