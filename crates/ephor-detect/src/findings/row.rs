//! A finding as a row of the control database, and back.
//! Promises that what is read is what was written.
//! Never fills in what is missing: a row that does not fit is told as damage.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::DetectError;
use crate::finding::{Entity, Finding, FindingId, Window};
use crate::handling::{FindingRecord, FindingStatus, Handling, Standing};

/// What is stored as JSON has its keys sorted, so that it can be compared and looked for as text.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    // Lists of text and numbers always serialise.
    serde_json::to_value(value).map(|value| value.to_string()).unwrap_or_default()
}

/// How a subject is known to suppressions.
pub(super) fn subject_text(subject: &[Entity]) -> String {
    json(&subject)
}

pub(super) fn read(row: &SqliteRow) -> Result<FindingRecord, DetectError> {
    let id: String = row.try_get("id")?;
    let finding = read_finding(row, &id)?;
    let standing: String = row.try_get("standing")?;
    let status: Option<String> = row.try_get("status")?;
    Ok(FindingRecord {
        handling: Handling {
            status: status.map_or(Ok(FindingStatus::Open), |status| word(&id, &status))?,
            assignee: row.try_get("assignee")?,
            changed_by: row.try_get("changed_by")?,
            changed_at_micros: row.try_get("handled_at")?,
        },
        standing: if standing == Standing::Stands.as_str() { Standing::Stands } else { Standing::Withdrawn },
        revision: number(&id, row.try_get("revision")?)?,
        found_at_micros: row.try_get("found_at")?,
        finding,
    })
}

/// What was found, without what people made of it.
pub(super) fn read_finding(row: &SqliteRow, id: &str) -> Result<Finding, DetectError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let subject: Vec<Entity> = parse(id, &text("subject")?)?;
    let mut others: Vec<Entity> = parse(id, &text("entities")?)?;
    others.drain(..subject.len().min(others.len()));
    Ok(Finding {
        id: FindingId(id.to_owned()),
        rule: text("rule")?,
        use_case: word(id, &text("use_case")?)?,
        severity: word(id, &text("severity")?)?,
        title: text("title")?,
        explanation: text("explanation")?,
        next_step: text("next_step")?,
        controls: parse(id, &text("controls")?)?,
        subject,
        others,
        window: Window { from_micros: row.try_get("window_from")?, to_micros: row.try_get("window_to")? },
        first_seen_micros: row.try_get("first_seen")?,
        last_seen_micros: row.try_get("last_seen")?,
        count: number(id, row.try_get("activities")?)?,
        evidence: parse(id, &text("evidence")?)?,
    })
}

pub(super) fn word<T: FromStr<Err = DetectError>>(id: &str, text: &str) -> Result<T, DetectError> {
    text.parse().map_err(|error: DetectError| damaged(id, &error))
}

fn parse<T: DeserializeOwned>(id: &str, text: &str) -> Result<T, DetectError> {
    serde_json::from_str(text).map_err(|error| damaged(id, &error))
}

fn number(id: &str, value: i64) -> Result<u64, DetectError> {
    u64::try_from(value).map_err(|error| damaged(id, &error))
}

fn damaged(id: &str, why: &dyn std::fmt::Display) -> DetectError {
    DetectError::Damaged { what: format!("the row of {id} cannot be read: {why}") }
}
