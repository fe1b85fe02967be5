//! What a data file holds, in numbers: rows, its span of time and of `seq`, as Delta keeps them for every engine.
//! A span read back may claim a millisecond too much of time, never too little.
//! Never opens a file.

use arrow::array::RecordBatch;
use ephor_wire::timestamp::Timestamp;

use crate::error::LakeError;
use crate::rows;

/// What a file holds, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) rows: u64,
    pub(crate) first_time: i64,
    pub(crate) last_time: i64,
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
}

impl Span {
    /// The span of some rows; `time_column` names the column of times that the table is pruned by.
    pub(crate) fn of(batch: &RecordBatch, time_column: &str) -> Result<Self, LakeError> {
        let time = rows::micros_of(batch, time_column)?;
        let seq = rows::seq_of(batch)?;
        let sequence = |value: Option<i64>| value.and_then(|v| u64::try_from(v).ok()).unwrap_or_default();
        Ok(Self {
            rows: batch.num_rows() as u64,
            first_time: arrow::compute::min(&time).unwrap_or_default(),
            last_time: arrow::compute::max(&time).unwrap_or_default(),
            first_seq: sequence(arrow::compute::min(seq)),
            last_seq: sequence(arrow::compute::max(seq)),
        })
    }

    /// The span of several files' rows together.
    pub(crate) fn around(spans: impl IntoIterator<Item = Self>) -> Option<Self> {
        spans.into_iter().reduce(|a, b| Self {
            rows: a.rows + b.rows,
            first_time: a.first_time.min(b.first_time),
            last_time: a.last_time.max(b.last_time),
            first_seq: a.first_seq.min(b.first_seq),
            last_seq: a.last_seq.max(b.last_seq),
        })
    }

    /// Delta's statistics object: what every engine prunes files by.
    pub(crate) fn to_stats(self, time_column: &str) -> serde_json::Value {
        let at = |micros: i64| Timestamp::from_micros(micros).as_str().to_owned();
        serde_json::json!({
            "numRecords": self.rows,
            "minValues": { "seq": self.first_seq, time_column: at(self.first_time) },
            "maxValues": { "seq": self.last_seq, time_column: at(self.last_time) },
        })
    }

    /// Reads back what [`Span::to_stats`] wrote. A checkpoint may have cut instants to milliseconds, so the end is
    /// taken one millisecond later: a span may claim too much, never too little.
    pub(crate) fn from_stats(stats: &serde_json::Value, time_column: &str) -> Option<Self> {
        let at = |side: &str| {
            let text = stats[side][time_column].as_str()?;
            Timestamp::parse(text).ok().map(|t| t.micros())
        };
        Some(Self {
            rows: stats["numRecords"].as_u64()?,
            first_time: at("minValues")?,
            last_time: at("maxValues")?.saturating_add(999),
            first_seq: stats["minValues"]["seq"].as_u64()?,
            last_seq: stats["maxValues"]["seq"].as_u64()?,
        })
    }
}
