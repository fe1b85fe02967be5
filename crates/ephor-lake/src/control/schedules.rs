//! What became of scheduled reports: since when each is minded, the newest moment that was served, the last failure.
//! A moment is noted as served only after its report was handed over.
//! Never holds a report.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Control, ControlError};

/// The scheduled reports of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Schedules<'c> {
    pub(super) control: &'c Control,
}

/// How one schedule fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleState {
    /// Which.
    pub name: String,
    /// When Ephor first saw it: what was due before is nobody's loss.
    pub minded_since_micros: i64,
    /// The newest moment it was due and served.
    pub served_due_at_micros: Option<i64>,
    /// When it was last tried.
    pub last_try_at_micros: Option<i64>,
    /// Why the last try failed, if it did.
    pub last_error: Option<String>,
    /// Failed tries since the last that went well.
    pub failures_in_a_row: u64,
}

impl ScheduleState {
    /// Up to when nothing is owed.
    #[must_use]
    pub fn settled_until_micros(&self) -> i64 {
        self.served_due_at_micros.map_or(self.minded_since_micros, |served| served.max(self.minded_since_micros))
    }
}

impl Schedules<'_> {
    /// The state of a schedule; one that is new is minded from now on.
    pub async fn minded(&self, name: &str, now_micros: i64) -> Result<ScheduleState, ControlError> {
        if let Some(known) = self.of(name).await? {
            return Ok(known);
        }
        let mut turn = self.control.write().await?;
        sqlx::query("INSERT INTO report_schedules (name, minded_since) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name.to_owned())
            .bind(now_micros)
            .execute(turn.connection())
            .await?;
        turn.commit().await?;
        let lost = || ControlError::Damaged { what: format!("the schedule `{name}` was noted and is not there") };
        self.of(name).await?.ok_or_else(lost)
    }

    /// The state of a schedule, if it was ever minded.
    pub async fn of(&self, name: &str) -> Result<Option<ScheduleState>, ControlError> {
        let row = sqlx::query("SELECT * FROM report_schedules WHERE name = $1")
            .bind(name.to_owned())
            .fetch_optional(&self.control.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Notes that a moment was served.
    pub async fn served(&self, name: &str, due_at_micros: i64, now_micros: i64) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query(
            "UPDATE report_schedules SET served_due_at = $2, last_try_at = $3, last_error = NULL, failures_in_a_row = 0 WHERE name = $1",
        )
        .bind(name.to_owned())
        .bind(due_at_micros)
        .bind(now_micros)
        .execute(turn.connection())
        .await?;
        turn.commit().await
    }

    /// Notes that a try failed: the moment stays owed.
    pub async fn failed(&self, name: &str, why: &str, now_micros: i64) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query(
            "UPDATE report_schedules SET last_try_at = $2, last_error = $3, failures_in_a_row = failures_in_a_row + 1 WHERE name = $1",
        )
        .bind(name.to_owned())
        .bind(now_micros)
        .bind(why.to_owned())
        .execute(turn.connection())
        .await?;
        turn.commit().await
    }
}

fn read(row: &SqliteRow) -> Result<ScheduleState, ControlError> {
    let failures: i64 = row.try_get("failures_in_a_row")?;
    Ok(ScheduleState {
        name: row.try_get("name")?,
        minded_since_micros: row.try_get("minded_since")?,
        served_due_at_micros: row.try_get("served_due_at")?,
        last_try_at_micros: row.try_get("last_try_at")?,
        last_error: row.try_get("last_error")?,
        failures_in_a_row: u64::try_from(failures).unwrap_or(0),
    })
}
