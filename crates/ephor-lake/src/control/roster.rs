//! Who works here, as the organisation itself says it: departments, managers, leavers, people on leave.
//! What a source says replaces what it said before, whole or not at all.
//! Never makes an account: a person of the roster may have none.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Control, ControlError};

/// What the roster says of a person for a span of days. Days are written as `2026-11-23`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RosterEntry {
    /// Their address, in lower case.
    pub email: String,
    /// The first day that it holds for; empty from the beginning.
    pub valid_from: String,
    /// The last day that it holds for.
    pub valid_to: Option<String>,
    /// `user_…`, if the source knows it.
    pub user_id: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Where they work.
    pub department: Option<String>,
    /// Who pays.
    pub cost_centre: Option<String>,
    /// Whom they report to.
    pub manager_email: Option<String>,
    /// Their last day.
    pub left_on: Option<String>,
    /// The first day of a leave.
    pub away_from: Option<String>,
    /// Its last day.
    pub away_to: Option<String>,
    /// Why their quiet means nothing (break-glass, part-time).
    pub exempt_reason: Option<String>,
}

/// The roster of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Roster<'c> {
    pub(super) control: &'c Control,
}

const INSERT: &str = "INSERT INTO roster (source, email, valid_from, valid_to, user_id, name, department, cost_centre,
         manager_email, left_on, away_from, away_to, exempt_reason, recorded_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     ON CONFLICT (source, email, valid_from) DO UPDATE SET
         valid_to = excluded.valid_to, user_id = excluded.user_id, name = excluded.name,
         department = excluded.department, cost_centre = excluded.cost_centre,
         manager_email = excluded.manager_email, left_on = excluded.left_on, away_from = excluded.away_from,
         away_to = excluded.away_to, exempt_reason = excluded.exempt_reason, recorded_at = excluded.recorded_at";

impl Roster<'_> {
    /// Puts everything that a source says in the place of what it said before.
    pub async fn replace(&self, source: &str, entries: &[RosterEntry], now_micros: i64) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query("DELETE FROM roster WHERE source = $1").bind(source.to_owned()).execute(turn.connection()).await?;
        for entry in entries {
            insert(source, entry, now_micros).execute(turn.connection()).await?;
        }
        turn.commit().await
    }

    /// Adds what a source says of some people, or changes it: a message of the personnel system, say.
    pub async fn put(&self, source: &str, entries: &[RosterEntry], now_micros: i64) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        for entry in entries {
            insert(source, entry, now_micros).execute(turn.connection()).await?;
        }
        turn.commit().await
    }

    /// Everything that all sources say, by address and day.
    pub async fn list(&self) -> Result<Vec<RosterEntry>, ControlError> {
        let rows = sqlx::query("SELECT * FROM roster ORDER BY email, valid_from, recorded_at")
            .fetch_all(&self.control.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Two numbers that change with every change of the roster: how many entries, and when the newest was recorded.
    pub async fn revision(&self) -> Result<(i64, i64), ControlError> {
        let row = sqlx::query("SELECT COUNT(*) AS entries, COALESCE(MAX(recorded_at), 0) AS newest FROM roster")
            .fetch_one(&self.control.pool)
            .await?;
        Ok((row.try_get("entries")?, row.try_get("newest")?))
    }

    /// Who is whose manager, by address in lower case, as the roster says it last.
    pub async fn managers(&self) -> Result<BTreeMap<String, String>, ControlError> {
        let mut entries = self.list().await?;
        entries.sort_by(|a, b| a.valid_from.cmp(&b.valid_from));
        let pair = |entry: RosterEntry| Some((entry.email.to_lowercase(), entry.manager_email?));
        Ok(entries.into_iter().filter_map(pair).collect())
    }
}

type Statement = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

fn insert(source: &str, entry: &RosterEntry, now_micros: i64) -> Statement {
    let entry = entry.clone();
    sqlx::query(INSERT)
        .bind(source.to_owned())
        .bind(entry.email.to_lowercase())
        .bind(entry.valid_from)
        .bind(entry.valid_to)
        .bind(entry.user_id)
        .bind(entry.name)
        .bind(entry.department)
        .bind(entry.cost_centre)
        .bind(entry.manager_email.map(|email| email.to_lowercase()))
        .bind(entry.left_on)
        .bind(entry.away_from)
        .bind(entry.away_to)
        .bind(entry.exempt_reason)
        .bind(now_micros)
}

fn read(row: &SqliteRow) -> Result<RosterEntry, ControlError> {
    Ok(RosterEntry {
        email: row.try_get("email")?,
        valid_from: row.try_get("valid_from")?,
        valid_to: row.try_get("valid_to")?,
        user_id: row.try_get("user_id")?,
        name: row.try_get("name")?,
        department: row.try_get("department")?,
        cost_centre: row.try_get("cost_centre")?,
        manager_email: row.try_get("manager_email")?,
        left_on: row.try_get("left_on")?,
        away_from: row.try_get("away_from")?,
        away_to: row.try_get("away_to")?,
        exempt_reason: row.try_get("exempt_reason")?,
    })
}
