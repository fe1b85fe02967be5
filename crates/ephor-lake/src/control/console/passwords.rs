//! Passwords of people without an identity provider, each with the secret of its one-time passwords.
//! Promises that a one-time password is taken once, and that a password that was changed ends what rests on the old one.
//! Never sees a password: it is hashed before it comes here.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde_json::json;
use sqlx::Row;

use crate::control::{Control, ControlError};

/// How a person's password is recognised.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// The hash, in PHC format.
    pub hash: String,
    /// The secret of the one-time passwords, in base32.
    pub totp_secret: String,
    /// The step of the last one-time password that was taken.
    pub totp_last_step: i64,
    /// When it was set.
    pub set_at_micros: i64,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Password(set at {})", self.set_at_micros)
    }
}

/// The passwords of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Passwords<'c> {
    pub(super) control: &'c Control,
}

impl Passwords<'_> {
    /// How the person's password is recognised, if they have one.
    pub async fn of(&self, user_id: &str) -> Result<Option<Password>, ControlError> {
        let row = sqlx::query("SELECT * FROM console_passwords WHERE user_id = $1")
            .bind(user_id.to_owned())
            .fetch_optional(&self.control.pool)
            .await?;
        let read = |row: sqlx::sqlite::SqliteRow| {
            Ok::<_, ControlError>(Password {
                hash: row.try_get("hash")?,
                totp_secret: row.try_get("totp_secret")?,
                totp_last_step: row.try_get("totp_last_step")?,
                set_at_micros: row.try_get("set_at")?,
            })
        };
        row.map(read).transpose()
    }

    /// Sets a person's password and the secret of its one-time passwords, in place of those that were there.
    pub async fn set(
        &self,
        user_id: &str,
        password: &Password,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query(
            "INSERT INTO console_passwords (user_id, hash, totp_secret, totp_last_step, set_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, totp_secret = excluded.totp_secret,
                 totp_last_step = excluded.totp_last_step, set_at = excluded.set_at",
        )
        .bind(user_id.to_owned())
        .bind(password.hash.clone())
        .bind(password.totp_secret.clone())
        .bind(password.totp_last_step)
        .bind(password.set_at_micros)
        .execute(turn.connection())
        .await?;
        let fields = json!({ "user_id": user_id, "change": "password_set" });
        turn.tell("ephor_console_sign_in_changed", &fields, by, now_micros, rng).await?;
        turn.commit().await
    }

    /// Takes a person's password away; one that is not there changes nothing.
    pub async fn remove(
        &self,
        user_id: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        let done = sqlx::query("DELETE FROM console_passwords WHERE user_id = $1")
            .bind(user_id.to_owned())
            .execute(turn.connection())
            .await?;
        if done.rows_affected() == 0 {
            return Ok(());
        }
        let fields = json!({ "user_id": user_id, "change": "password_removed" });
        turn.tell("ephor_console_sign_in_changed", &fields, by, now_micros, rng).await?;
        turn.commit().await
    }

    /// Takes the one-time password of a step, unless that step or a later one was taken before.
    pub async fn take_step(&self, user_id: &str, step: i64) -> Result<TakenStep, ControlError> {
        let mut turn = self.control.write().await?;
        let done =
            sqlx::query("UPDATE console_passwords SET totp_last_step = $1 WHERE user_id = $2 AND totp_last_step < $1")
                .bind(step)
                .bind(user_id.to_owned())
                .execute(turn.connection())
                .await?;
        turn.commit().await?;
        Ok(if done.rows_affected() == 1 { TakenStep::Now } else { TakenStep::Before })
    }
}

/// Whether a one-time password was good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenStep {
    /// It was taken now.
    Now,
    /// It, or a later one, was taken before.
    Before,
}
