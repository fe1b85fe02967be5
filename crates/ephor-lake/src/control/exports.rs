//! How far each sink of the export has come: its places, what it has been given, its last error, and its dead letters.
//! A place moves in one transaction with the dead letters that it leaves behind.
//! Never holds a record: what was sent, and what could not be, is in the lake.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Control, ControlError};

/// What a sink is given, each with a place of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExportStream {
    /// Activities, by `seq`.
    Activities,
    /// Findings, by revision.
    Findings,
}

impl ExportStream {
    /// Its name in the database and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activities => "activities",
            Self::Findings => "findings",
        }
    }
}

/// A place in one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportPlace {
    /// The first record that is not yet acknowledged.
    pub next: u64,
    /// The end of the batch that was under way, if one was.
    pub sending: Option<u64>,
}

/// A sink as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportSink {
    /// Its name in `ephor.toml`.
    pub sink: String,
    /// What it speaks.
    pub kind: String,
    /// When it was first seen, in microseconds since 1970.
    pub first_seen_at_micros: i64,
    /// How far it has come in the activities.
    pub activities: ExportPlace,
    /// How far it has come in the findings.
    pub findings: ExportPlace,
    /// What it has been given in all.
    pub totals: ExportTotals,
    /// Records a second, lately.
    pub events_per_second: f64,
    /// What it is doing: `idle`, `delivering`, `backing_off`, `unauthorized`, `refused`, `gone`.
    pub state: String,
    /// Attempts that failed since the last one that did not.
    pub failures_in_a_row: u64,
    /// When it last took something.
    pub last_delivered_at_micros: Option<i64>,
    /// When it last failed.
    pub last_error_at_micros: Option<i64>,
    /// Why it last failed.
    pub last_error: Option<String>,
    /// When it is tried again.
    pub next_attempt_at_micros: Option<i64>,
}

/// Numbers that only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportTotals {
    /// Records taken.
    pub delivered: u64,
    /// Of these, records that the receiver had already.
    pub duplicates: u64,
    /// Records that the sink's filter left out.
    pub filtered: u64,
    /// Records refused for good.
    pub rejected: u64,
    /// Bytes of the records taken.
    pub bytes: u64,
    /// Batches taken.
    pub batches: u64,
}

/// A step forward.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportAdvance {
    /// In which stream.
    pub stream: ExportStream,
    /// Where the sink goes on.
    pub place: ExportPlace,
    /// What this step adds.
    pub added: ExportTotals,
    /// What the receiver refused for good.
    pub dead: Vec<DeadLetter>,
    /// Records a second, lately.
    pub events_per_second: f64,
    /// When, in microseconds since 1970.
    pub at_micros: i64,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFailure {
    /// What the sink is doing about it.
    pub state: &'static str,
    /// Why, without any secret.
    pub error: String,
    /// When it was, in microseconds since 1970.
    pub at_micros: i64,
    /// When it is tried again.
    pub next_attempt_at_micros: Option<i64>,
}

/// A record that a receiver refuses for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// In which stream.
    pub stream: ExportStream,
    /// Where it stands there.
    pub place: u64,
    /// The record's id.
    pub record_id: String,
    /// What the receiver said.
    pub reason: String,
    /// When it was refused first, in microseconds since 1970.
    pub first_at_micros: i64,
    /// When it was refused last.
    pub last_at_micros: i64,
    /// How often it was tried.
    pub attempts: u64,
    /// Whether it is to be tried again.
    pub again: bool,
}

/// The sinks of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Exports<'c> {
    pub(super) control: &'c Control,
}

impl Exports<'_> {
    /// A sink as it stands; one that is new begins at these places.
    pub async fn ensure(
        &self,
        sink: &str,
        kind: &str,
        begin: (u64, u64),
        now_micros: i64,
    ) -> Result<ExportSink, ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query(
            "INSERT INTO export_sinks (sink, kind, first_seen_at, activities_next, findings_next, delivered, duplicates,
                 filtered, rejected, bytes, batches, events_per_second, state, failures_in_a_row)
             VALUES ($1, $2, $3, $4, $5, 0, 0, 0, 0, 0, 0, 0, 'idle', 0)
             ON CONFLICT (sink) DO UPDATE SET kind = excluded.kind",
        )
        .bind(sink.to_owned())
        .bind(kind.to_owned())
        .bind(now_micros)
        .bind(signed(begin.0))
        .bind(signed(begin.1))
        .execute(turn.connection())
        .await?;
        turn.commit().await?;
        let found = self.find(sink).await?;
        found.ok_or_else(|| ControlError::UnknownSink { sink: sink.to_owned() })
    }

    /// Every sink that was ever delivered to, by name.
    pub async fn list(&self) -> Result<Vec<ExportSink>, ControlError> {
        let rows = sqlx::query("SELECT * FROM export_sinks ORDER BY sink").fetch_all(&self.control.pool).await?;
        rows.iter().map(read).collect()
    }

    /// One sink.
    pub async fn find(&self, sink: &str) -> Result<Option<ExportSink>, ControlError> {
        let query = sqlx::query("SELECT * FROM export_sinks WHERE sink = $1").bind(sink.to_owned());
        query.fetch_optional(&self.control.pool).await?.as_ref().map(read).transpose()
    }

    /// Notes where the batch ends that is about to be sent.
    pub async fn begin(&self, sink: &str, stream: ExportStream, sending: u64) -> Result<(), ControlError> {
        let statement = match stream {
            ExportStream::Activities => "UPDATE export_sinks SET activities_sending = $1 WHERE sink = $2",
            ExportStream::Findings => "UPDATE export_sinks SET findings_sending = $1 WHERE sink = $2",
        };
        let mut turn = self.control.write().await?;
        sqlx::query(statement).bind(signed(sending)).bind(sink.to_owned()).execute(turn.connection()).await?;
        turn.commit().await
    }

    /// Moves a sink's place, adds to its numbers and keeps what was refused: all of it or nothing.
    pub async fn advance(&self, sink: &str, step: &ExportAdvance) -> Result<(), ControlError> {
        let places = match step.stream {
            ExportStream::Activities => "activities_next = $1, activities_sending = $2",
            ExportStream::Findings => "findings_next = $1, findings_sending = $2",
        };
        let statement = format!(
            "UPDATE export_sinks SET {places}, delivered = delivered + $3, duplicates = duplicates + $4,
                 filtered = filtered + $5, rejected = rejected + $6, bytes = bytes + $7, batches = batches + $8,
                 events_per_second = $9, state = 'delivering', failures_in_a_row = 0, next_attempt_at = NULL,
                 last_delivered_at = CASE WHEN $3 > 0 THEN $10 ELSE last_delivered_at END
             WHERE sink = $11"
        );
        let mut turn = self.control.write().await?;
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(signed(step.place.next))
            .bind(step.place.sending.map(signed))
            .bind(signed(step.added.delivered))
            .bind(signed(step.added.duplicates))
            .bind(signed(step.added.filtered))
            .bind(signed(step.added.rejected))
            .bind(signed(step.added.bytes))
            .bind(signed(step.added.batches))
            .bind(step.events_per_second)
            .bind(step.at_micros)
            .bind(sink.to_owned())
            .execute(turn.connection())
            .await?;
        for letter in &step.dead {
            bury(&mut turn, sink, letter).await?;
        }
        turn.commit().await
    }

    /// Notes that nothing waits.
    pub async fn rest(&self, sink: &str) -> Result<(), ControlError> {
        let statement = "UPDATE export_sinks SET state = 'idle', events_per_second = 0, next_attempt_at = NULL
             WHERE sink = $1 AND state <> 'idle'";
        let mut turn = self.control.write().await?;
        sqlx::query(statement).bind(sink.to_owned()).execute(turn.connection()).await?;
        turn.commit().await
    }

    /// Notes that an attempt failed.
    pub async fn fail(&self, sink: &str, failure: &ExportFailure) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query(
            "UPDATE export_sinks SET state = $1, failures_in_a_row = failures_in_a_row + 1, last_error = $2,
                 last_error_at = $3, next_attempt_at = $4, events_per_second = 0 WHERE sink = $5",
        )
        .bind(failure.state)
        .bind(failure.error.clone())
        .bind(failure.at_micros)
        .bind(failure.next_attempt_at_micros)
        .bind(sink.to_owned())
        .execute(turn.connection())
        .await?;
        turn.commit().await
    }

    /// Forgets a sink: its places and its dead letters. What is delivered under the name begins anew.
    pub async fn forget(&self, sink: &str) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        for statement in ["DELETE FROM export_sinks WHERE sink = $1", "DELETE FROM export_dead_letters WHERE sink = $1"]
        {
            sqlx::query(statement).bind(sink.to_owned()).execute(turn.connection()).await?;
        }
        turn.commit().await
    }

    /// How many dead letters each sink has, by name.
    pub async fn dead_counts(&self) -> Result<Vec<(String, u64)>, ControlError> {
        let statement = "SELECT sink, COUNT(*) AS letters FROM export_dead_letters GROUP BY sink ORDER BY sink";
        let rows = sqlx::query(statement).fetch_all(&self.control.pool).await?;
        rows.iter().map(|row| Ok((row.try_get("sink")?, unsigned(row, "letters")?))).collect()
    }

    /// A sink's dead letters, oldest first.
    pub async fn dead_letters(&self, sink: &str, limit: u32) -> Result<Vec<DeadLetter>, ControlError> {
        self.letters("sink = $1", sink, limit).await
    }

    /// Those that are to be tried again.
    pub async fn letters_to_retry(&self, sink: &str, limit: u32) -> Result<Vec<DeadLetter>, ControlError> {
        self.letters("sink = $1 AND again", sink, limit).await
    }

    async fn letters(&self, which: &str, sink: &str, limit: u32) -> Result<Vec<DeadLetter>, ControlError> {
        let statement =
            format!("SELECT * FROM export_dead_letters WHERE {which} ORDER BY first_at, stream, place LIMIT $2");
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(sink.to_owned()).bind(i64::from(limit));
        query.fetch_all(&self.control.pool).await?.iter().map(read_letter).collect()
    }

    /// Asks for every dead letter of a sink to be tried again, which the feed tells of; says how many there are.
    pub async fn retry(
        &self,
        sink: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<u64, ControlError> {
        let mut turn = self.control.write().await?;
        let statement = "UPDATE export_dead_letters SET again = TRUE WHERE sink = $1";
        let done = sqlx::query(statement).bind(sink.to_owned()).execute(turn.connection()).await?;
        let fields = json!({ "sink": sink, "records": done.rows_affected() });
        turn.tell("ephor_export_retried", &fields, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(done.rows_affected())
    }

    /// Notes what came of trying dead letters again: those that were taken are gone, the others stay with a new reason.
    pub async fn settle(
        &self,
        sink: &str,
        taken: &[(ExportStream, u64)],
        refused: &[DeadLetter],
    ) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        for (stream, place) in taken {
            sqlx::query("DELETE FROM export_dead_letters WHERE sink = $1 AND stream = $2 AND place = $3")
                .bind(sink.to_owned())
                .bind(stream.as_str())
                .bind(signed(*place))
                .execute(turn.connection())
                .await?;
        }
        for letter in refused {
            bury(&mut turn, sink, letter).await?;
        }
        turn.commit().await
    }
}

async fn bury(turn: &mut super::WriteTurn, sink: &str, letter: &DeadLetter) -> Result<(), ControlError> {
    sqlx::query(
        "INSERT INTO export_dead_letters (sink, stream, place, record_id, reason, first_at, last_at, attempts, again)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, FALSE)
         ON CONFLICT (sink, stream, place) DO UPDATE SET reason = excluded.reason, last_at = excluded.last_at,
             attempts = export_dead_letters.attempts + 1, again = FALSE",
    )
    .bind(sink.to_owned())
    .bind(letter.stream.as_str())
    .bind(signed(letter.place))
    .bind(letter.record_id.clone())
    .bind(letter.reason.clone())
    .bind(letter.first_at_micros)
    .bind(letter.last_at_micros)
    .bind(signed(letter.attempts))
    .execute(turn.connection())
    .await?;
    Ok(())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &SqliteRow, column: &str) -> Result<u64, ControlError> {
    Ok(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or_default())
}

fn read(row: &SqliteRow) -> Result<ExportSink, ControlError> {
    let place = |next: &str, sending: &str| {
        let sending: Option<i64> = row.try_get(sending)?;
        let sending = sending.map(|end| u64::try_from(end).unwrap_or_default());
        Ok::<_, ControlError>(ExportPlace { next: unsigned(row, next)?, sending })
    };
    Ok(ExportSink {
        sink: row.try_get("sink")?,
        kind: row.try_get("kind")?,
        first_seen_at_micros: row.try_get("first_seen_at")?,
        activities: place("activities_next", "activities_sending")?,
        findings: place("findings_next", "findings_sending")?,
        totals: ExportTotals {
            delivered: unsigned(row, "delivered")?,
            duplicates: unsigned(row, "duplicates")?,
            filtered: unsigned(row, "filtered")?,
            rejected: unsigned(row, "rejected")?,
            bytes: unsigned(row, "bytes")?,
            batches: unsigned(row, "batches")?,
        },
        events_per_second: row.try_get("events_per_second")?,
        state: row.try_get("state")?,
        failures_in_a_row: unsigned(row, "failures_in_a_row")?,
        last_delivered_at_micros: row.try_get("last_delivered_at")?,
        last_error_at_micros: row.try_get("last_error_at")?,
        last_error: row.try_get("last_error")?,
        next_attempt_at_micros: row.try_get("next_attempt_at")?,
    })
}

fn read_letter(row: &SqliteRow) -> Result<DeadLetter, ControlError> {
    let stream = match row.try_get::<String, _>("stream")?.as_str() {
        "findings" => ExportStream::Findings,
        _ => ExportStream::Activities,
    };
    Ok(DeadLetter {
        stream,
        place: unsigned(row, "place")?,
        record_id: row.try_get("record_id")?,
        reason: row.try_get("reason")?,
        first_at_micros: row.try_get("first_at")?,
        last_at_micros: row.try_get("last_at")?,
        attempts: unsigned(row, "attempts")?,
        again: row.try_get("again")?,
    })
}
