//! Reports that were kept: the documents themselves, so that the next one can say what has changed since.
//! Never changes a document.

use serde_json::Value;
use sqlx::Row;

use super::{Control, ControlError};

/// The kept reports of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct KeptReports<'c> {
    pub(super) control: &'c Control,
}

impl KeptReports<'_> {
    /// Keeps a report's document.
    pub async fn keep(&self, name: &str, generated_at_micros: i64, document: &Value) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query(
            "INSERT INTO kept_reports (name, generated_at, document) VALUES ($1, $2, $3) ON CONFLICT (name, generated_at) DO NOTHING",
        )
        .bind(name.to_owned())
        .bind(generated_at_micros)
        .bind(document.to_string())
        .execute(turn.connection())
        .await?;
        turn.commit().await
    }

    /// The newest one of that name made before a moment.
    pub async fn newest_before(&self, name: &str, micros: i64) -> Result<Option<Value>, ControlError> {
        let row = sqlx::query(
            "SELECT document FROM kept_reports WHERE name = $1 AND generated_at < $2 ORDER BY generated_at DESC LIMIT 1",
        )
        .bind(name.to_owned())
        .bind(micros)
        .fetch_optional(&self.control.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let text: String = row.try_get("document")?;
        let damaged = |_| ControlError::Damaged { what: format!("the kept report `{name}` is not JSON") };
        serde_json::from_str(&text).map(Some).map_err(damaged)
    }
}
