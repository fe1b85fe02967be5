//! Passkeys: what recognises each, in the encoding of the library that checks them.
//! Promises that a passkey belongs to one person, and that a change of it is told.
//! Never interprets what it keeps.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::control::{Control, ControlError};

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its credential id, in base64url.
    pub credential_id: String,
    /// Whose.
    pub user_id: String,
    /// What its owner calls it.
    pub name: String,
    /// What never changes of it (its public key), in base64url.
    pub fixed_state: String,
    /// What each use may change of it, in base64url.
    pub moving_state: String,
    /// When it was added.
    pub added_at_micros: i64,
    /// When it was last used.
    pub last_used_at_micros: Option<i64>,
}

/// The passkeys of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Passkeys<'c> {
    pub(super) control: &'c Control,
}

impl Passkeys<'_> {
    /// Adds a passkey.
    pub async fn add(
        &self,
        passkey: &Passkey,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query(
            "INSERT INTO console_passkeys (credential_id, user_id, name, fixed_state, moving_state, added_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(passkey.credential_id.clone())
        .bind(passkey.user_id.clone())
        .bind(passkey.name.clone())
        .bind(passkey.fixed_state.clone())
        .bind(passkey.moving_state.clone())
        .bind(passkey.added_at_micros)
        .execute(turn.connection())
        .await?;
        let fields = json!({ "user_id": passkey.user_id, "change": "passkey_added", "passkey_name": passkey.name });
        turn.tell("ephor_console_sign_in_changed", &fields, by, now_micros, rng).await?;
        turn.commit().await
    }

    /// Takes a passkey of a person away; one that is not theirs changes nothing.
    pub async fn remove(
        &self,
        user_id: &str,
        credential_id: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        let row = sqlx::query("DELETE FROM console_passkeys WHERE credential_id = $1 AND user_id = $2 RETURNING name")
            .bind(credential_id.to_owned())
            .bind(user_id.to_owned())
            .fetch_optional(turn.connection())
            .await?;
        let Some(row) = row else { return Ok(()) };
        let name: String = row.try_get("name")?;
        let fields = json!({ "user_id": user_id, "change": "passkey_removed", "passkey_name": name });
        turn.tell("ephor_console_sign_in_changed", &fields, by, now_micros, rng).await?;
        turn.commit().await
    }

    /// Notes a use, and what it changed.
    pub async fn used(&self, credential_id: &str, moving_state: &str, now_micros: i64) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query("UPDATE console_passkeys SET moving_state = $1, last_used_at = $2 WHERE credential_id = $3")
            .bind(moving_state.to_owned())
            .bind(now_micros)
            .bind(credential_id.to_owned())
            .execute(turn.connection())
            .await?;
        turn.commit().await
    }

    /// The passkey with this credential id.
    pub async fn find(&self, credential_id: &str) -> Result<Option<Passkey>, ControlError> {
        let row = sqlx::query("SELECT * FROM console_passkeys WHERE credential_id = $1")
            .bind(credential_id.to_owned())
            .fetch_optional(&self.control.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The passkeys of a person, the oldest first.
    pub async fn of(&self, user_id: &str) -> Result<Vec<Passkey>, ControlError> {
        let rows = sqlx::query("SELECT * FROM console_passkeys WHERE user_id = $1 ORDER BY added_at, credential_id")
            .bind(user_id.to_owned())
            .fetch_all(&self.control.pool)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<Passkey, ControlError> {
    Ok(Passkey {
        credential_id: row.try_get("credential_id")?,
        user_id: row.try_get("user_id")?,
        name: row.try_get("name")?,
        fixed_state: row.try_get("fixed_state")?,
        moving_state: row.try_get("moving_state")?,
        added_at_micros: row.try_get("added_at")?,
        last_used_at_micros: row.try_get("last_used_at")?,
    })
}
