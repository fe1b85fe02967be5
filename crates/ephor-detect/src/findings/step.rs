//! The life of a finding: each step changes its state, is kept as history and is told in the feed, in one transaction.
//! Promises that a step which changes nothing is refused and that none is lost.
//! Never tells a note in the feed: it is free text, and the feed is read by others.

use ephor_lake::control::WriteTurn;
use ephor_wire::actor::Actor;
use ephor_wire::timestamp::Timestamp;
use rand::CryptoRng;
use serde_json::{Value, json};
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::record::revise;
use super::row::{self, subject_text};
use super::{Findings, asked, unknown};
use crate::error::DetectError;
use crate::finding::FindingId;
use crate::handling::{Assignment, FindingRecord, FindingStatus, Step, StepMade};
use crate::limits::NOTE_CHARACTERS;

/// A step and its circumstances.
pub(super) struct Made<'a> {
    pub(super) id: &'a FindingId,
    pub(super) step: &'a Step,
    pub(super) by: &'a Actor,
    pub(super) now_micros: i64,
}

impl Findings {
    /// Makes a step with a finding.
    pub async fn step(
        &self,
        id: &FindingId,
        step: &Step,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<FindingRecord, DetectError> {
        let mut turn = self.control.write().await?;
        make(&mut turn, &Made { id, step, by, now_micros }, rng).await?;
        revise(turn.connection(), id, now_micros).await?;
        turn.commit().await?;
        self.get(id).await
    }
}

pub(super) async fn make(turn: &mut WriteTurn, made: &Made<'_>, rng: &mut impl CryptoRng) -> Result<(), DetectError> {
    let Made { id, step, by, now_micros } = *made;
    let row = asked::one(id).build().fetch_optional(turn.connection()).await?;
    let before = row.as_ref().map(row::read).transpose()?.ok_or_else(|| unknown(id))?;
    let status = step.status.unwrap_or(before.handling.status);
    check(step, status, &before, now_micros)?;
    let assignee = match &step.assignment {
        Assignment::Unchanged => before.handling.assignee.clone(),
        Assignment::Nobody => None,
        Assignment::To(somebody) => Some(somebody.clone()),
    };
    let after = StepMade {
        at_micros: now_micros,
        by: by.email().or_else(|| by.id()).unwrap_or_else(|| by.kind()).to_owned(),
        status,
        assignee,
        note: step.note.clone(),
        suppressed_until_micros: step.suppress_until_micros,
    };
    keep(turn.connection(), id, &after).await?;
    if let Some(until) = step.suppress_until_micros {
        suppress(turn.connection(), &before, &after, until).await?;
    }
    turn.tell("ephor_finding_updated", &told(&before, &after), by, now_micros, rng).await?;
    Ok(())
}

fn check(step: &Step, status: FindingStatus, before: &FindingRecord, now_micros: i64) -> Result<(), DetectError> {
    let note = step.note.as_deref().map_or(0, |note| note.chars().count());
    if note > NOTE_CHARACTERS {
        return Err(DetectError::NoteTooLong { limit: NOTE_CHARACTERS });
    }
    let same_assignee = match &step.assignment {
        Assignment::Unchanged => true,
        Assignment::Nobody => before.handling.assignee.is_none(),
        Assignment::To(somebody) => before.handling.assignee.as_ref() == Some(somebody),
    };
    if status == before.handling.status && same_assignee && note == 0 && step.suppress_until_micros.is_none() {
        return Err(DetectError::EmptyStep);
    }
    match step.suppress_until_micros {
        Some(until) if until <= now_micros => Err(DetectError::SuppressionInPast),
        Some(_) if !matches!(status, FindingStatus::Resolved | FindingStatus::FalsePositive) => {
            Err(DetectError::SuppressionOfOpen)
        }
        _ => Ok(()),
    }
}

async fn keep(connection: &mut SqliteConnection, id: &FindingId, after: &StepMade) -> Result<(), DetectError> {
    sqlx::query(
        "INSERT INTO finding_handling (finding, status, assignee, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (finding) DO UPDATE SET status = excluded.status, assignee = excluded.assignee,
             changed_by = excluded.changed_by, changed_at = excluded.changed_at",
    )
    .bind(id.0.clone())
    .bind(after.status.as_str())
    .bind(after.assignee.clone())
    .bind(after.by.clone())
    .bind(after.at_micros)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO finding_steps (finding, number, at, made_by, status, assignee, note, suppressed_until)
         SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5, $6, $7 FROM finding_steps WHERE finding = $1",
    )
    .bind(id.0.clone())
    .bind(after.at_micros)
    .bind(after.by.clone())
    .bind(after.status.as_str())
    .bind(after.assignee.clone())
    .bind(after.note.clone())
    .bind(after.suppressed_until_micros)
    .execute(connection)
    .await?;
    Ok(())
}

async fn suppress(
    connection: &mut SqliteConnection,
    before: &FindingRecord,
    after: &StepMade,
    until_micros: i64,
) -> Result<(), DetectError> {
    sqlx::query(
        "INSERT INTO finding_suppressions (rule, subject, until_at, status, finding, made_by, made_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (rule, subject) DO UPDATE SET until_at = excluded.until_at, status = excluded.status,
             finding = excluded.finding, made_by = excluded.made_by, made_at = excluded.made_at",
    )
    .bind(before.finding.rule.clone())
    .bind(subject_text(&before.finding.subject))
    .bind(until_micros)
    .bind(after.status.as_str())
    .bind(before.finding.id.0.clone())
    .bind(after.by.clone())
    .bind(after.at_micros)
    .execute(connection)
    .await?;
    Ok(())
}

/// The step as the feed tells it.
fn told(before: &FindingRecord, after: &StepMade) -> Value {
    let until = after.suppressed_until_micros.map(Timestamp::from_micros);
    json!({
        "finding_id": before.finding.id,
        "rule": before.finding.rule,
        "use_case": before.finding.use_case,
        "previous_status": before.handling.status,
        "current_status": after.status,
        "previous_assignee": before.handling.assignee,
        "current_assignee": after.assignee,
        "suppressed_until": until.as_ref().map(Timestamp::as_str),
    })
}

pub(super) async fn all(pool: &SqlitePool, id: &FindingId) -> Result<Vec<StepMade>, DetectError> {
    let query = sqlx::query("SELECT * FROM finding_steps WHERE finding = $1 ORDER BY number").bind(id.0.clone());
    let rows = query.fetch_all(pool).await?;
    rows.iter()
        .map(|step| {
            Ok(StepMade {
                at_micros: step.try_get("at")?,
                by: step.try_get("made_by")?,
                status: row::word(&id.0, &step.try_get::<String, _>("status")?)?,
                assignee: step.try_get("assignee")?,
                note: step.try_get("note")?,
                suppressed_until_micros: step.try_get("suppressed_until")?,
            })
        })
        .collect()
}
