//! Codes that are handed to a person: to set up how they sign in, or (of a demo) to come in.
//! Promises that a code works until its time is up, and once unless it was made for more.
//! Never keeps a code: only its hash.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde_json::json;
use sqlx::Row;

use super::sessions::{self, NewSession, Opens, Session};
use super::token::{self, SessionToken};
use crate::control::members;
use crate::control::{Control, ControlError, activities};

/// How often a code works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeUse {
    /// Once.
    Once,
    /// As often as it is typed, until its time is up.
    UntilItExpires,
}

impl CodeUse {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::UntilItExpires => "until_it_expires",
        }
    }
}

/// A code just made, to be handed over.
#[derive(Clone)]
pub struct AccessCode(String);

impl AccessCode {
    /// The text to show, once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for AccessCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessCode(…)")
    }
}

/// A code that was taken, and the session that it began.
#[derive(Debug)]
pub struct RedeemedCode {
    /// What the browser is to carry.
    pub token: SessionToken,
    /// The session.
    pub session: Session,
}

/// The codes of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Codes<'c> {
    pub(super) control: &'c Control,
}

impl Codes<'_> {
    /// Makes a code for a member.
    pub async fn make(
        &self,
        user_id: &str,
        (opens, works): (Opens, CodeUse),
        expires_at_micros: i64,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<AccessCode, ControlError> {
        let code = token::random_code(rng);
        let Some(fingerprint) = token::fingerprint_of_code(&code) else {
            return Err(ControlError::Damaged { what: "a code that is none was made".to_owned() });
        };
        let mut turn = self.control.write().await?;
        sqlx::query("DELETE FROM console_codes WHERE expires_at <= $1")
            .bind(now_micros)
            .execute(turn.connection())
            .await?;
        sqlx::query(
            "INSERT INTO console_codes (code_sha256, user_id, opens, works, made_by, made_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(fingerprint)
        .bind(user_id.to_owned())
        .bind(opens.as_str())
        .bind(works.as_str())
        .bind(activities::name_of(by))
        .bind(now_micros)
        .bind(expires_at_micros)
        .execute(turn.connection())
        .await?;
        let fields = json!({ "user_id": user_id, "opens": opens.as_str(), "works": works.as_str() });
        turn.tell("ephor_console_code_made", &fields, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(AccessCode(code))
    }

    /// Takes a code and begins the session that it opens; nothing for a code that does not work.
    pub async fn redeem(
        &self,
        typed: &str,
        ends_at_micros: impl FnOnce(Opens) -> i64,
        (ip_address, user_agent): (Option<&str>, Option<&str>),
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<RedeemedCode>, ControlError> {
        let Some(fingerprint) = token::fingerprint_of_code(typed) else {
            return Ok(None);
        };
        let mut turn = self.control.write().await?;
        let row = sqlx::query(
            "UPDATE console_codes SET used_at = $1
             WHERE code_sha256 = $2 AND expires_at > $1 AND (used_at IS NULL OR works = 'until_it_expires')
             RETURNING user_id, opens",
        )
        .bind(now_micros)
        .bind(fingerprint)
        .fetch_optional(turn.connection())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (user_id, opens): (String, Opens) = (row.try_get("user_id")?, Opens::read(&row)?);
        let Some(member) = members::by_user_id(turn.connection(), &user_id).await? else { return Ok(None) };
        let by = Actor::user(&member.user_id, &member.email, ip_address, user_agent);
        let new = NewSession { user_id, method: "code", opens, provider: None, ends_at_micros: ends_at_micros(opens) };
        let (token, session) = sessions::insert(turn.connection(), new, &by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(Some(RedeemedCode { token, session }))
    }
}
