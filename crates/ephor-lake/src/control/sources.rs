//! What collectors report of themselves: their last run, their last error, the upstream's budget, and gaps.
//! A gap is a time of which Ephor cannot say that it has everything; it stays listed after it is closed.
//! Never holds a cursor: those commit with their rows in the lake.

use ephor_wire::timestamp::UtcDay;
use rand::CryptoRng;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::activities;
use super::{Control, ControlError};

/// What the upstream lets us ask, as its last answer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests of one period.
    pub limit_requests: i64,
    /// Requests left.
    pub remaining_requests: i64,
    /// When the period begins anew.
    pub reset_at_micros: Option<i64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOutcome {
    /// Everything there was is stored.
    Succeeded {
        /// Rows that were new.
        rows: u64,
    },
    /// It stopped early.
    Failed {
        /// Why, in words for people; no secret.
        error: String,
    },
}

/// One run of a collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRun {
    /// Which source.
    pub source: String,
    /// When the run ended.
    pub at_micros: i64,
    /// How.
    pub outcome: RunOutcome,
    /// The upstream's budget, if an answer named it.
    pub budget: Option<Budget>,
    /// The upstream's clock minus ours, if an answer told its time.
    pub clock_skew_micros: Option<i64>,
    /// The upstream's own id of the last request that it answered, if the answer named it.
    pub last_request_id: Option<String>,
}

/// The last request of a day that an upstream answered, by the upstream's own id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredRequest {
    /// The UTC day on which the run ended.
    pub day: UtcDay,
    /// `req_…`
    pub request_id: String,
    /// When that run ended.
    pub at_micros: i64,
}

/// How a source fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// Which source.
    pub source: String,
    /// When it last ran.
    pub last_run_at_micros: i64,
    /// When it last ran to the end.
    pub last_success_at_micros: Option<i64>,
    /// When it last failed.
    pub last_error_at_micros: Option<i64>,
    /// Why it last failed.
    pub last_error: Option<String>,
    /// Failed runs since the last success.
    pub failures_in_a_row: u64,
    /// Rows of all runs.
    pub rows_total: u64,
    /// Rows of the last run that succeeded.
    pub rows_last_run: u64,
    /// The upstream's budget, as last heard.
    pub budget: Option<Budget>,
    /// The upstream's clock minus ours, as last heard.
    pub clock_skew_micros: Option<i64>,
}

/// A time of which Ephor cannot say that it has everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// `gap_…`
    pub id: String,
    /// Of which source.
    pub source: String,
    /// Why.
    pub reason: String,
    /// From when, in microseconds since 1970.
    pub from_micros: i64,
    /// Until when; `None` while it grows.
    pub to_micros: Option<i64>,
    /// When it was noticed.
    pub opened_at_micros: i64,
    /// When it was filled or accepted.
    pub closed_at_micros: Option<i64>,
}

/// The sources of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Sources<'c> {
    pub(super) control: &'c Control,
}

impl Sources<'_> {
    /// Notes how a run ended. What the run did not hear (budget, clock) stays as it was heard last.
    pub async fn record_run(&self, run: &SourceRun) -> Result<(), ControlError> {
        let (rows, error) = match &run.outcome {
            RunOutcome::Succeeded { rows } => (Some(i64::try_from(*rows).unwrap_or(i64::MAX)), None),
            RunOutcome::Failed { error } => (None, Some(error.clone())),
        };
        let mut turn = self.control.write().await?;
        sqlx::query(
            "INSERT INTO sources (source, last_run_at, last_success_at, last_error_at, last_error, failures_in_a_row,
                 rows_total, rows_last_run, budget_limit, budget_remaining, budget_reset_at, clock_skew_micros)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11)
             ON CONFLICT (source) DO UPDATE SET
                 last_run_at = excluded.last_run_at,
                 last_success_at = COALESCE(excluded.last_success_at, sources.last_success_at),
                 last_error_at = COALESCE(excluded.last_error_at, sources.last_error_at),
                 last_error = COALESCE(excluded.last_error, sources.last_error),
                 failures_in_a_row = CASE WHEN excluded.failures_in_a_row = 0 THEN 0
                     ELSE sources.failures_in_a_row + 1 END,
                 rows_total = sources.rows_total + excluded.rows_total,
                 rows_last_run = CASE WHEN excluded.failures_in_a_row = 0 THEN excluded.rows_last_run
                     ELSE sources.rows_last_run END,
                 budget_limit = COALESCE(excluded.budget_limit, sources.budget_limit),
                 budget_remaining = COALESCE(excluded.budget_remaining, sources.budget_remaining),
                 budget_reset_at = COALESCE(excluded.budget_reset_at, sources.budget_reset_at),
                 clock_skew_micros = COALESCE(excluded.clock_skew_micros, sources.clock_skew_micros)",
        )
        .bind(run.source.clone())
        .bind(run.at_micros)
        .bind(rows.map(|_| run.at_micros))
        .bind(error.as_ref().map(|_| run.at_micros))
        .bind(error.clone())
        .bind(i64::from(error.is_some()))
        .bind(rows.unwrap_or(0))
        .bind(run.budget.map(|budget| budget.limit_requests))
        .bind(run.budget.map(|budget| budget.remaining_requests))
        .bind(run.budget.and_then(|budget| budget.reset_at_micros))
        .bind(run.clock_skew_micros)
        .execute(turn.connection())
        .await?;
        if let Some(request_id) = &run.last_request_id {
            sqlx::query(
                "INSERT INTO source_requests (source, day, request_id, at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (source, day) DO UPDATE SET request_id = excluded.request_id, at = excluded.at",
            )
            .bind(run.source.clone())
            .bind(UtcDay::from_micros(run.at_micros).to_string())
            .bind(request_id.clone())
            .bind(run.at_micros)
            .execute(turn.connection())
            .await?;
        }
        turn.commit().await
    }

    /// The last answered request of each day of a span, both ends included, oldest first.
    pub async fn answered_requests(
        &self,
        source: &str,
        first: UtcDay,
        last: UtcDay,
    ) -> Result<Vec<AnsweredRequest>, ControlError> {
        let asked = "SELECT * FROM source_requests WHERE source = $1 AND day BETWEEN $2 AND $3 ORDER BY day";
        let asked = sqlx::query(asked).bind(source.to_owned()).bind(first.to_string()).bind(last.to_string());
        let rows = asked.fetch_all(&self.control.pool).await?;
        let read = |row: &SqliteRow| -> Result<AnsweredRequest, ControlError> {
            let at_micros = row.try_get("at")?;
            Ok(AnsweredRequest {
                day: UtcDay::from_micros(at_micros),
                request_id: row.try_get("request_id")?,
                at_micros,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Every source that ever ran, by name.
    pub async fn list(&self) -> Result<Vec<SourceState>, ControlError> {
        let rows = sqlx::query("SELECT * FROM sources ORDER BY source").fetch_all(&self.control.pool).await?;
        rows.iter().map(read).collect()
    }

    /// One source.
    pub async fn find(&self, source: &str) -> Result<Option<SourceState>, ControlError> {
        let row = sqlx::query("SELECT * FROM sources WHERE source = $1")
            .bind(source.to_owned())
            .fetch_optional(&self.control.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Notes a gap. The same gap noticed again (source, reason and beginning) is the same record, with a new end.
    pub async fn open_gap(
        &self,
        source: &str,
        reason: &str,
        from_micros: i64,
        to_micros: Option<i64>,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Gap, ControlError> {
        let mut turn = self.control.write().await?;
        let statement =
            "SELECT * FROM source_gaps WHERE source = $1 AND reason = $2 AND from_at = $3 AND closed_at IS NULL";
        let query = sqlx::query(statement).bind(source.to_owned()).bind(reason.to_owned()).bind(from_micros);
        let known = query.fetch_optional(turn.connection()).await?.as_ref().map(read_gap).transpose()?;
        let gap = Gap {
            id: known.as_ref().map_or_else(|| activities::new_id("gap_", rng), |gap| gap.id.clone()),
            source: source.to_owned(),
            reason: reason.to_owned(),
            from_micros,
            to_micros,
            opened_at_micros: known.map_or(now_micros, |gap| gap.opened_at_micros),
            closed_at_micros: None,
        };
        sqlx::query(
            "INSERT INTO source_gaps (id, source, reason, from_at, to_at, opened_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO UPDATE SET to_at = excluded.to_at",
        )
        .bind(gap.id.clone())
        .bind(gap.source.clone())
        .bind(gap.reason.clone())
        .bind(gap.from_micros)
        .bind(gap.to_micros)
        .bind(gap.opened_at_micros)
        .execute(turn.connection())
        .await?;
        turn.commit().await?;
        Ok(gap)
    }

    /// Closes a gap that was filled or accepted; `to_micros` is its end if it still grew. Closing twice is once.
    pub async fn close_gap(&self, id: &str, to_micros: i64, now_micros: i64) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        let done = sqlx::query(
            "UPDATE source_gaps SET to_at = COALESCE(to_at, $1), closed_at = COALESCE(closed_at, $2) WHERE id = $3",
        )
        .bind(to_micros)
        .bind(now_micros)
        .bind(id.to_owned())
        .execute(turn.connection())
        .await?;
        if done.rows_affected() == 0 {
            return Err(ControlError::UnknownGap { id: id.to_owned() });
        }
        turn.commit().await
    }

    /// Every gap, open and closed, by source and beginning.
    pub async fn gaps(&self) -> Result<Vec<Gap>, ControlError> {
        let rows =
            sqlx::query("SELECT * FROM source_gaps ORDER BY source, from_at, id").fetch_all(&self.control.pool).await?;
        rows.iter().map(read_gap).collect()
    }
}

fn read(row: &SqliteRow) -> Result<SourceState, ControlError> {
    let count = |column: &str| row.try_get::<i64, _>(column).map(|n| u64::try_from(n).unwrap_or(0));
    let limit: Option<i64> = row.try_get("budget_limit")?;
    let remaining: Option<i64> = row.try_get("budget_remaining")?;
    let reset_at_micros = row.try_get("budget_reset_at")?;
    Ok(SourceState {
        source: row.try_get("source")?,
        last_run_at_micros: row.try_get("last_run_at")?,
        last_success_at_micros: row.try_get("last_success_at")?,
        last_error_at_micros: row.try_get("last_error_at")?,
        last_error: row.try_get("last_error")?,
        failures_in_a_row: count("failures_in_a_row")?,
        rows_total: count("rows_total")?,
        rows_last_run: count("rows_last_run")?,
        budget: limit.zip(remaining).map(|(limit_requests, remaining_requests)| Budget {
            limit_requests,
            remaining_requests,
            reset_at_micros,
        }),
        clock_skew_micros: row.try_get("clock_skew_micros")?,
    })
}

fn read_gap(row: &SqliteRow) -> Result<Gap, ControlError> {
    Ok(Gap {
        id: row.try_get("id")?,
        source: row.try_get("source")?,
        reason: row.try_get("reason")?,
        from_micros: row.try_get("from_at")?,
        to_micros: row.try_get("to_at")?,
        opened_at_micros: row.try_get("opened_at")?,
        closed_at_micros: row.try_get("closed_at")?,
    })
}
