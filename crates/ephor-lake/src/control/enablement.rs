//! Whether activities are recorded, since when, by whose word and under which agreement.
//! Off until the primary owner switches it on; every period of recording is kept for auditors.
//! Never stops what was recorded from being read, and never reaches back to before it was on.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::activities::{self, Deed};
use super::members::{self, Role};
use super::{Control, ControlError};

/// Whether activities are recorded now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recording {
    /// They are not.
    Off,
    /// They are.
    On(RecordingPeriod),
}

/// A time in which activities were recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingPeriod {
    /// From when, in microseconds since 1970.
    pub from_micros: i64,
    /// Until when; `None` while it lasts.
    pub to_micros: Option<i64>,
    /// Who switched it on.
    pub enabled_by: String,
    /// The agreement that allows it.
    pub agreement: String,
    /// Who switched it off.
    pub disabled_by: Option<String>,
}

/// The recording switch of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Enablement<'c> {
    pub(super) control: &'c Control,
}

impl Enablement<'_> {
    /// Whether activities are recorded now.
    pub async fn state(&self) -> Result<Recording, ControlError> {
        let row = sqlx::query(OPEN).fetch_optional(&self.control.pool).await?;
        Ok(row.as_ref().map(read).transpose()?.map_or(Recording::Off, Recording::On))
    }

    /// Switches recording on; only the primary owner may. While it is on already nothing changes.
    pub async fn enable(
        &self,
        agreement: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<RecordingPeriod, ControlError> {
        let agreement = agreement.trim();
        if agreement.is_empty() {
            return Err(ControlError::AgreementMissing);
        }
        let mut turn = self.control.write().await?;
        members::require(turn.connection(), by, Role::PrimaryOwner, "switch recording on").await?;
        if let Some(period) = open_period(turn.connection()).await? {
            return Ok(period);
        }
        let period = RecordingPeriod {
            from_micros: now_micros,
            to_micros: None,
            enabled_by: activities::name_of(by),
            agreement: agreement.to_owned(),
            disabled_by: None,
        };
        sqlx::query(
            "INSERT INTO recording_periods (revision, enabled_at, enabled_by, agreement, state)
             SELECT COALESCE(MAX(revision), 0) + 1, $1, $2, $3, 'open' FROM recording_periods",
        )
        .bind(period.from_micros)
        .bind(period.enabled_by.clone())
        .bind(period.agreement.clone())
        .execute(turn.connection())
        .await?;
        activities::tell(turn.connection(), Deed::RecordingEnabled, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(period)
    }

    /// Switches recording off; only the primary owner may. While it is off already nothing changes.
    pub async fn disable(&self, by: &Actor, now_micros: i64, rng: &mut impl CryptoRng) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        members::require(turn.connection(), by, Role::PrimaryOwner, "switch recording off").await?;
        let Some(period) = open_period(turn.connection()).await? else {
            return Ok(());
        };
        sqlx::query("UPDATE recording_periods SET state = 'closed', disabled_at = $1, disabled_by = $2 WHERE state = 'open'")
            // A clock that was set back must not make a period end before it began.
            .bind(now_micros.max(period.from_micros))
            .bind(activities::name_of(by))
            .execute(turn.connection())
            .await?;
        activities::tell(turn.connection(), Deed::RecordingDisabled, by, now_micros, rng).await?;
        turn.commit().await
    }

    /// Every period of recording, the first one first.
    pub async fn periods(&self) -> Result<Vec<RecordingPeriod>, ControlError> {
        let rows =
            sqlx::query("SELECT * FROM recording_periods ORDER BY revision").fetch_all(&self.control.pool).await?;
        rows.iter().map(read).collect()
    }
}

const OPEN: &str = "SELECT * FROM recording_periods WHERE state = 'open'";

async fn open_period(connection: &mut SqliteConnection) -> Result<Option<RecordingPeriod>, ControlError> {
    sqlx::query(OPEN).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

fn read(row: &SqliteRow) -> Result<RecordingPeriod, ControlError> {
    Ok(RecordingPeriod {
        from_micros: row.try_get("enabled_at")?,
        to_micros: row.try_get("disabled_at")?,
        enabled_by: row.try_get("enabled_by")?,
        agreement: row.try_get("agreement")?,
        disabled_by: row.try_get("disabled_by")?,
    })
}
