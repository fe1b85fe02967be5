//! How far each notification has come: its place among the changes of findings, what waits, the message under way.
//! What is noted of findings moves in one transaction with the place, and a message is noted before it is sent.
//! Never holds a receiver's address or a secret.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Control, ControlError};

/// How long what was sent stays listed; the pace of messages is counted over an hour.
const MESSAGES_KEPT_MICROS: i64 = 90 * 86_400 * 1_000_000;

/// The notifications of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Notices<'c> {
    pub(super) control: &'c Control,
}

/// A notification as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticePlace {
    /// Its name in `ephor.toml`.
    pub name: String,
    /// What it speaks.
    pub kind: String,
    /// The last change of findings that it has seen.
    pub place: u64,
    /// When it was first seen, in microseconds since 1970.
    pub minded_since_micros: i64,
    /// The message under way, as it is sent again after a crash.
    pub sending: Option<String>,
    /// Messages taken by the receiver.
    pub messages: u64,
    /// Findings told in them.
    pub findings: u64,
    /// Tries that failed since the last that did not.
    pub failures_in_a_row: u64,
    /// When a message was taken last.
    pub last_sent_at_micros: Option<i64>,
    /// Why a try failed last.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at_micros: Option<i64>,
    /// Not tried again before this.
    pub next_attempt_at_micros: Option<i64>,
}

/// How a finding stands with a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeState {
    /// To be told.
    Waiting,
    /// Told, or somebody was at it already.
    Told,
    /// Dealt with: opened again, it is told again.
    Settled,
}

impl NoticeState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Told => "told",
            Self::Settled => "settled",
        }
    }
}

/// A finding that a notification knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The finding's id.
    pub finding: String,
    /// How it stands.
    pub state: NoticeState,
    /// How urgent it is, in the findings' own words.
    pub severity: String,
    /// Since when it stands like this, in microseconds since 1970.
    pub noticed_at_micros: i64,
}

/// What is noted of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeChange {
    /// It stands like this now.
    Put(Notice),
    /// It is as if it had never been seen.
    Forget(String),
}

impl Notices<'_> {
    /// A notification as it stands; one that is new begins behind this place.
    pub async fn ensure(
        &self,
        name: &str,
        kind: &str,
        begin: u64,
        now_micros: i64,
    ) -> Result<NoticePlace, ControlError> {
        if let Some(known) = self.find(name).await?.filter(|known| known.kind == kind) {
            return Ok(known);
        }
        let mut turn = self.control.write().await?;
        sqlx::query(
            "INSERT INTO notify_places (name, kind, place, minded_since) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET kind = excluded.kind",
        )
        .bind(name.to_owned())
        .bind(kind.to_owned())
        .bind(signed(begin))
        .bind(now_micros)
        .execute(turn.connection())
        .await?;
        turn.commit().await?;
        let lost = || ControlError::Damaged { what: format!("the notification `{name}` was noted and is not there") };
        self.find(name).await?.ok_or_else(lost)
    }

    /// One notification, if it was ever minded.
    pub async fn find(&self, name: &str) -> Result<Option<NoticePlace>, ControlError> {
        let query = sqlx::query("SELECT * FROM notify_places WHERE name = $1").bind(name.to_owned());
        query.fetch_optional(&self.control.pool).await?.as_ref().map(read).transpose()
    }

    /// What is known of one finding.
    pub async fn of(&self, name: &str, finding: &str) -> Result<Option<Notice>, ControlError> {
        let query = sqlx::query("SELECT * FROM notify_findings WHERE name = $1 AND finding = $2");
        let query = query.bind(name.to_owned()).bind(finding.to_owned());
        query.fetch_optional(&self.control.pool).await?.as_ref().map(read_notice).transpose()
    }

    /// What waits, the longest first.
    pub async fn waiting(&self, name: &str) -> Result<Vec<Notice>, ControlError> {
        let statement =
            "SELECT * FROM notify_findings WHERE name = $1 AND state = 'waiting' ORDER BY noticed_at, finding";
        let query = sqlx::query(statement).bind(name.to_owned());
        query.fetch_all(&self.control.pool).await?.iter().map(read_notice).collect()
    }

    /// Notes what became of findings, and up to where they were looked at: all of it or nothing.
    pub async fn note(&self, name: &str, changes: &[NoticeChange], place: u64) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        for change in changes {
            let statement = match change {
                NoticeChange::Put(notice) => sqlx::query(
                    "INSERT INTO notify_findings (name, finding, state, severity, noticed_at) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (name, finding) DO UPDATE SET state = excluded.state, severity = excluded.severity,
                         noticed_at = excluded.noticed_at",
                )
                .bind(name.to_owned())
                .bind(notice.finding.clone())
                .bind(notice.state.as_str())
                .bind(notice.severity.clone())
                .bind(notice.noticed_at_micros),
                NoticeChange::Forget(finding) => {
                    sqlx::query("DELETE FROM notify_findings WHERE name = $1 AND finding = $2")
                        .bind(name.to_owned())
                        .bind(finding.clone())
                }
            };
            statement.execute(turn.connection()).await?;
        }
        sqlx::query("UPDATE notify_places SET place = $2 WHERE name = $1")
            .bind(name.to_owned())
            .bind(signed(place))
            .execute(turn.connection())
            .await?;
        turn.commit().await
    }

    /// Notes the message that is about to be sent.
    pub async fn begin(&self, name: &str, message: &str) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query("UPDATE notify_places SET sending = $2 WHERE name = $1")
            .bind(name.to_owned())
            .bind(message.to_owned())
            .execute(turn.connection())
            .await?;
        turn.commit().await
    }

    /// Notes that the message under way was taken, and that these findings are told with it.
    pub async fn sent(
        &self,
        name: &str,
        (id, kind): (&str, &str),
        findings: &[String],
        now_micros: i64,
    ) -> Result<(), ControlError> {
        let count = i64::try_from(findings.len()).unwrap_or(i64::MAX);
        let mut turn = self.control.write().await?;
        for finding in findings {
            let statement = "UPDATE notify_findings SET state = 'told', noticed_at = $3 WHERE name = $1 AND finding = $2 \
                 AND state = 'waiting'";
            let statement = sqlx::query(statement).bind(name.to_owned()).bind(finding.clone()).bind(now_micros);
            statement.execute(turn.connection()).await?;
        }
        sqlx::query(
            "INSERT INTO notify_messages (name, id, kind, findings, sent_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name, id) DO UPDATE SET sent_at = excluded.sent_at",
        )
        .bind(name.to_owned())
        .bind(id.to_owned())
        .bind(kind.to_owned())
        .bind(count)
        .bind(now_micros)
        .execute(turn.connection())
        .await?;
        sqlx::query("DELETE FROM notify_messages WHERE name = $1 AND sent_at < $2")
            .bind(name.to_owned())
            .bind(now_micros.saturating_sub(MESSAGES_KEPT_MICROS))
            .execute(turn.connection())
            .await?;
        sqlx::query(
            "UPDATE notify_places SET sending = NULL, messages = messages + 1, findings = findings + $2,
                 failures_in_a_row = 0, next_attempt_at = NULL, last_sent_at = $3 WHERE name = $1",
        )
        .bind(name.to_owned())
        .bind(count)
        .bind(now_micros)
        .execute(turn.connection())
        .await?;
        turn.commit().await
    }

    /// Notes that a try failed; the message stays under way.
    pub async fn fail(&self, name: &str, why: &str, now_micros: i64, next_micros: i64) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query(
            "UPDATE notify_places SET failures_in_a_row = failures_in_a_row + 1, last_error = $2, last_error_at = $3,
                 next_attempt_at = $4 WHERE name = $1",
        )
        .bind(name.to_owned())
        .bind(why.to_owned())
        .bind(now_micros)
        .bind(next_micros)
        .execute(turn.connection())
        .await?;
        turn.commit().await
    }

    /// When messages were sent since a moment, the oldest first.
    pub async fn sent_since(&self, name: &str, since_micros: i64) -> Result<Vec<i64>, ControlError> {
        let statement = "SELECT sent_at FROM notify_messages WHERE name = $1 AND sent_at > $2 ORDER BY sent_at";
        let query = sqlx::query(statement).bind(name.to_owned()).bind(since_micros);
        let rows = query.fetch_all(&self.control.pool).await?;
        rows.iter().map(|row| Ok(row.try_get("sent_at")?)).collect()
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &SqliteRow, column: &str) -> Result<u64, ControlError> {
    Ok(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or_default())
}

fn read(row: &SqliteRow) -> Result<NoticePlace, ControlError> {
    Ok(NoticePlace {
        name: row.try_get("name")?,
        kind: row.try_get("kind")?,
        place: unsigned(row, "place")?,
        minded_since_micros: row.try_get("minded_since")?,
        sending: row.try_get("sending")?,
        messages: unsigned(row, "messages")?,
        findings: unsigned(row, "findings")?,
        failures_in_a_row: unsigned(row, "failures_in_a_row")?,
        last_sent_at_micros: row.try_get("last_sent_at")?,
        last_error: row.try_get("last_error")?,
        last_error_at_micros: row.try_get("last_error_at")?,
        next_attempt_at_micros: row.try_get("next_attempt_at")?,
    })
}

fn read_notice(row: &SqliteRow) -> Result<Notice, ControlError> {
    let state = match row.try_get::<String, _>("state")?.as_str() {
        "waiting" => NoticeState::Waiting,
        "told" => NoticeState::Told,
        _ => NoticeState::Settled,
    };
    Ok(Notice {
        finding: row.try_get("finding")?,
        state,
        severity: row.try_get("severity")?,
        noticed_at_micros: row.try_get("noticed_at")?,
    })
}
