//! Incidents: a question to the timeline that is kept, rows that were pinned to it, and notes.
//! Promises that every step is told as an activity, and that a closed case stays as it was closed.
//! Never copies activities: a pin is the id of one, and the lake proves it.

use ephor_lake::control::{Control, ControlError};
use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::ReportError;

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// `case_…`
    pub id: String,
    /// What it is called.
    pub title: String,
    /// What the timeline is asked, as it was given.
    pub question: Value,
    /// When it was opened.
    #[serde(rename = "opened_at", serialize_with = "crate::render::instants::serialize")]
    pub opened_micros: i64,
    /// By whom.
    pub opened_by: String,
    /// When it was closed.
    #[serde(rename = "closed_at", serialize_with = "crate::render::instants::optional")]
    pub closed_micros: Option<i64>,
    /// What came of it.
    pub outcome: Option<String>,
}

/// Something that was added to a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseEntry {
    /// Its number, from 1.
    pub number: u64,
    /// The activity that was pinned; nothing for a note.
    pub activity: Option<String>,
    /// Why it was pinned, or the note.
    pub words: String,
    /// By whom.
    pub by: String,
    /// When.
    #[serde(rename = "at", serialize_with = "crate::render::instants::serialize")]
    pub at_micros: i64,
}

/// The cases of a control database.
#[derive(Debug, Clone)]
pub struct Cases {
    control: Control,
}

impl Cases {
    /// The cases in this control database.
    #[must_use]
    pub fn new(control: &Control) -> Self {
        Self { control: control.clone() }
    }

    /// Opens a case.
    pub async fn open(
        &self,
        title: &str,
        question: &Value,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Case, ReportError> {
        if title.trim().is_empty() {
            return Err(ReportError::Parameter { name: "--title", what: "a case needs a name".to_owned() });
        }
        let mut random = [0_u8; 18];
        rng.fill_bytes(&mut random);
        let id = ephor_wire::ids::tagged("case_", random);
        let mut turn = self.control.write().await?;
        sqlx::query("INSERT INTO cases (id, title, question, opened_at, opened_by) VALUES ($1, $2, $3, $4, $5)")
            .bind(id.clone())
            .bind(title.trim().to_owned())
            .bind(question.to_string())
            .bind(now_micros)
            .bind(name_of(by))
            .execute(turn.connection())
            .await
            .map_err(ControlError::from)?;
        turn.tell("ephor_case_opened", &json!({ "case_id": id }), by, now_micros, rng).await?;
        turn.commit().await?;
        self.get(&id).await
    }

    /// Every case, the newest first.
    pub async fn list(&self) -> Result<Vec<Case>, ReportError> {
        let rows = sqlx::query("SELECT * FROM cases ORDER BY opened_at DESC, id")
            .fetch_all(self.control.readers())
            .await
            .map_err(ControlError::from)?;
        rows.iter().map(read).collect()
    }

    /// One case.
    pub async fn get(&self, id: &str) -> Result<Case, ReportError> {
        let row = sqlx::query("SELECT * FROM cases WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(self.control.readers())
            .await
            .map_err(ControlError::from)?;
        let unknown = || ReportError::NotNow(format!("there is no case `{id}`; `ephor case list` shows them"));
        read(&row.ok_or_else(unknown)?)
    }

    /// What was added to a case, in its order.
    pub async fn entries(&self, id: &str) -> Result<Vec<CaseEntry>, ReportError> {
        let rows = sqlx::query("SELECT * FROM case_entries WHERE case_id = $1 ORDER BY number")
            .bind(id.to_owned())
            .fetch_all(self.control.readers())
            .await
            .map_err(ControlError::from)?;
        rows.iter().map(read_entry).collect()
    }

    /// Pins an activity (or, without one, adds a note).
    pub async fn add(
        &self,
        id: &str,
        activity: Option<&str>,
        words: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReportError> {
        let case = self.get(id).await?;
        if case.closed_micros.is_some() {
            return Err(ReportError::NotNow(format!("the case `{id}` is closed; open another one that refers to it")));
        }
        let kind = if activity.is_some() { "pin" } else { "note" };
        let mut turn = self.control.write().await?;
        sqlx::query(
            "INSERT INTO case_entries (case_id, number, kind, activity, words, made_by, made_at)
             SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5, $6 FROM case_entries WHERE case_id = $1",
        )
        .bind(id.to_owned())
        .bind(kind)
        .bind(activity.map(str::to_owned))
        .bind(words.trim().to_owned())
        .bind(name_of(by))
        .bind(now_micros)
        .execute(turn.connection())
        .await
        .map_err(ControlError::from)?;
        let fields = json!({ "case_id": id, "kind": kind, "activity_id": activity });
        turn.tell("ephor_case_updated", &fields, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(())
    }

    /// Closes a case with what came of it.
    pub async fn close(
        &self,
        id: &str,
        outcome: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Case, ReportError> {
        if self.get(id).await?.closed_micros.is_some() {
            return Err(ReportError::NotNow(format!("the case `{id}` is closed already")));
        }
        let mut turn = self.control.write().await?;
        sqlx::query("UPDATE cases SET closed_at = $2, closed_by = $3, outcome = $4 WHERE id = $1")
            .bind(id.to_owned())
            .bind(now_micros)
            .bind(name_of(by))
            .bind(outcome.trim().to_owned())
            .execute(turn.connection())
            .await
            .map_err(ControlError::from)?;
        turn.tell("ephor_case_closed", &json!({ "case_id": id }), by, now_micros, rng).await?;
        turn.commit().await?;
        self.get(id).await
    }
}

fn name_of(actor: &Actor) -> String {
    actor.email().or_else(|| actor.id()).unwrap_or_else(|| actor.kind()).to_owned()
}

fn read(row: &SqliteRow) -> Result<Case, ReportError> {
    let read = || -> Result<Case, sqlx::Error> {
        Ok(Case {
            id: row.try_get("id")?,
            title: row.try_get("title")?,
            question: serde_json::from_str(&row.try_get::<String, _>("question")?).unwrap_or_default(),
            opened_micros: row.try_get("opened_at")?,
            opened_by: row.try_get("opened_by")?,
            closed_micros: row.try_get("closed_at")?,
            outcome: row.try_get("outcome")?,
        })
    };
    read().map_err(|error| ControlError::from(error).into())
}

fn read_entry(row: &SqliteRow) -> Result<CaseEntry, ReportError> {
    let read = || -> Result<CaseEntry, sqlx::Error> {
        Ok(CaseEntry {
            number: u64::try_from(row.try_get::<i64, _>("number")?).unwrap_or(0),
            activity: row.try_get("activity")?,
            words: row.try_get("words")?,
            by: row.try_get("made_by")?,
            at_micros: row.try_get("made_at")?,
        })
    };
    read().map_err(|error| ControlError::from(error).into())
}
