//! Views that people saved for themselves: a page, its filters, and a name.
//! Promises that a view is its owner's alone.
//! Never checks what a query says: the page that it belongs to does.

use rand::CryptoRng;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::control::activities;
use crate::control::{Control, ControlError};

/// As many as a person can tell apart.
const VIEWS_OF_A_PERSON: i64 = 50;

/// A saved view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedView {
    /// `view_…`
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The page.
    pub path: String,
    /// Its filters, as they stand in the address.
    pub query: String,
}

/// The saved views of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct SavedViews<'c> {
    pub(super) control: &'c Control,
}

impl SavedViews<'_> {
    /// Saves a view; beyond the number that a person may have, the oldest goes.
    pub async fn save(
        &self,
        user_id: &str,
        (name, path, query): (&str, &str, &str),
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query("INSERT INTO console_saved_views (id, user_id, name, path, query, saved_at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(activities::new_id("view_", rng))
            .bind(user_id.to_owned())
            .bind(name.to_owned())
            .bind(path.to_owned())
            .bind(query.to_owned())
            .bind(now_micros)
            .execute(turn.connection())
            .await?;
        sqlx::query(
            "DELETE FROM console_saved_views WHERE user_id = $1 AND id NOT IN
                 (SELECT id FROM console_saved_views WHERE user_id = $1 ORDER BY saved_at DESC, id LIMIT $2)",
        )
        .bind(user_id.to_owned())
        .bind(VIEWS_OF_A_PERSON)
        .execute(turn.connection())
        .await?;
        turn.commit().await
    }

    /// Forgets a view of a person; one that is not theirs changes nothing.
    pub async fn forget(&self, user_id: &str, id: &str) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query("DELETE FROM console_saved_views WHERE id = $1 AND user_id = $2")
            .bind(id.to_owned())
            .bind(user_id.to_owned())
            .execute(turn.connection())
            .await?;
        turn.commit().await
    }

    /// The views that a person saved of a page, by name.
    pub async fn of(&self, user_id: &str, path: &str) -> Result<Vec<SavedView>, ControlError> {
        let rows = sqlx::query("SELECT * FROM console_saved_views WHERE user_id = $1 AND path = $2 ORDER BY name, id")
            .bind(user_id.to_owned())
            .bind(path.to_owned())
            .fetch_all(&self.control.pool)
            .await?;
        let read = |row: &SqliteRow| {
            Ok(SavedView {
                id: row.try_get("id")?,
                name: row.try_get("name")?,
                path: row.try_get("path")?,
                query: row.try_get("query")?,
            })
        };
        rows.iter().map(read).collect()
    }
}
