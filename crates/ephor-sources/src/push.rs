//! Pushed rows: the body of a request becomes activities (or, in `usage`, usage events), with a result for each.
//! NDJSON or a JSON array; a bad row is refused by itself and the others go in.
//! Never accepts more than its limits, and never part of one row.

use ephor_lake::{ActivityRows, AppendOutcome, RowOutcome};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Door;

/// Rows of one request at the most: the published maximum of a page.
pub const PUSH_ROWS: usize = 5_000;

/// How a body is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushFormat {
    /// One row a line (`application/x-ndjson`).
    Ndjson,
    /// One array (`application/json`).
    JsonArray,
}

impl PushFormat {
    /// The format of a `content-type` header; parameters such as a charset do not matter.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
                Some(Self::Ndjson)
            }
            "application/json" => Some(Self::JsonArray),
            _ => None,
        }
    }
}

/// Why a whole body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// Not an array.
    #[error("the body is not a JSON array: {0}; for one row a line send content-type application/x-ndjson")]
    NotAnArray(String),
    /// More rows than one request may bring.
    #[error("the body has more than {PUSH_ROWS} rows; send them in several requests")]
    TooManyRows,
    /// Nothing in it.
    #[error("the body has no rows")]
    Empty,
}

/// A body, read: what can be stored, and what became of each activity so far.
#[derive(Debug)]
pub struct PushBatch {
    /// What to append; empty when every activity was refused.
    pub rows: ActivityRows,
    results: PushResults,
}

/// What became of each row of a request.
#[derive(Debug, Default)]
pub(crate) struct PushResults {
    results: Vec<PushResult>,
    /// The index among `results` of each row that went on to the lake.
    places: Vec<usize>,
}

/// What became of one row of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PushResult {
    /// Its place in the request, counted from 0.
    pub index: usize,
    /// Its id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What became of it.
    pub status: PushStatus,
    /// Its place in the order of arrival, when it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PushStatus {
    /// Stored now.
    Added,
    /// Stored before.
    Duplicate,
    /// Stored before with another content; both are kept.
    Conflict,
    /// Not stored.
    Rejected,
}

impl PushBatch {
    /// Reads a body.
    pub fn parse(body: &[u8], format: PushFormat, source: &str, door: &Door) -> Result<Self, PushError> {
        let activities = items(body, format)?;
        let rows = ActivityRows::with_capacity(activities.len(), body.len());
        let mut batch = Self { rows, results: PushResults::default() };
        for raw in activities {
            let rows = &mut batch.rows;
            let taken = door.admit(source, raw, |raw, header| {
                rows.push(raw, header);
                header.id.clone().into_owned()
            });
            match taken {
                Ok(id) => batch.results.accept(id),
                Err(refused) => batch.results.reject(refused.to_string()),
            }
        }
        Ok(batch)
    }

    /// The results when nothing could be stored.
    #[must_use]
    pub fn into_rejections(self) -> Vec<PushResult> {
        self.results.unsettled()
    }

    /// Takes the rows out for appending; what remains waits for the outcome.
    #[must_use]
    pub fn take_rows(&mut self) -> ActivityRows {
        std::mem::replace(&mut self.rows, ActivityRows::with_capacity(0, 0))
    }

    /// The results once the lake has answered.
    #[must_use]
    pub fn results(self, outcome: &AppendOutcome) -> Vec<PushResult> {
        self.results.settle(outcome)
    }
}

/// The rows of a body, each as its bytes.
pub(crate) fn items(body: &[u8], format: PushFormat) -> Result<Vec<&[u8]>, PushError> {
    let items: Vec<&[u8]> = match format {
        PushFormat::Ndjson => {
            body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect()
        }
        PushFormat::JsonArray => {
            let items: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| {
                // The parser quotes a value of another type, and that can be anything.
                let what = if error.is_data() { "it is another JSON value".to_owned() } else { error.to_string() };
                PushError::NotAnArray(what)
            })?;
            items.into_iter().map(|item| item.get().as_bytes()).collect()
        }
    };
    match items.len() {
        0 => Err(PushError::Empty),
        count if count > PUSH_ROWS => Err(PushError::TooManyRows),
        _ => Ok(items),
    }
}

impl PushResults {
    /// The next row goes on to the lake; until it has answered, nothing is stored.
    pub(crate) fn accept(&mut self, id: String) {
        self.places.push(self.results.len());
        self.push(Some(id), None);
    }

    /// The next row is refused.
    pub(crate) fn reject(&mut self, reason: String) {
        self.push(None, Some(reason));
    }

    fn push(&mut self, id: Option<String>, reason: Option<String>) {
        let index = self.results.len();
        self.results.push(PushResult { index, id, status: PushStatus::Rejected, seq: None, reason });
    }

    /// What is known before the lake has answered.
    pub(crate) fn unsettled(self) -> Vec<PushResult> {
        self.results
    }

    /// The results once the lake has answered.
    pub(crate) fn settle(mut self, outcome: &AppendOutcome) -> Vec<PushResult> {
        for (place, row) in self.places.iter().zip(&outcome.rows) {
            let result = &mut self.results[*place];
            (result.status, result.seq) = match row {
                RowOutcome::Added { seq } => (PushStatus::Added, Some(*seq)),
                RowOutcome::Duplicate => (PushStatus::Duplicate, None),
                RowOutcome::Conflict => (PushStatus::Conflict, None),
            };
        }
        self.results
    }
}
