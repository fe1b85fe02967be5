//! Cells of comma-separated files: how each type is written, and how a text is kept from becoming a formula.
//! Promises RFC 4180, times in UTC to the microsecond, and cells that read back as the same text.
//! Never a number that a spreadsheet would round: what is no figure is text.

use std::borrow::Cow;
use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit};
use ephor_wire::timestamp::UtcDay;

use crate::error::EvidenceError;
use crate::period::at;

/// A column of an answer, ready to be written cell by cell.
pub(crate) struct Cells {
    values: ArrayRef,
    kind: Kind,
}

enum Kind {
    Text,
    Number,
    Day,
    Instant,
}

impl Cells {
    /// Prepares a column of any type.
    pub(crate) fn of(column: &ArrayRef) -> Result<Self, EvidenceError> {
        let cast = |kind: &DataType| arrow::compute::cast(column, kind);
        let (values, kind) = match column.data_type() {
            DataType::Timestamp(..) => {
                (cast(&DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?, Kind::Instant)
            }
            DataType::Date32 | DataType::Date64 => (cast(&DataType::Date32)?, Kind::Day),
            kind if kind.is_numeric() => (cast(&DataType::Utf8)?, Kind::Number),
            _ => (cast(&DataType::Utf8)?, Kind::Text),
        };
        let values = match kind {
            Kind::Instant => arrow::compute::cast(&values, &DataType::Int64)?,
            _ => values,
        };
        Ok(Self { values, kind })
    }

    /// Whether its cells are words.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text)
    }

    /// A cell as text; what is not there is empty.
    pub(crate) fn text(&self, row: usize) -> Cow<'_, str> {
        if self.values.is_null(row) {
            return Cow::Borrowed("");
        }
        match self.kind {
            Kind::Text | Kind::Number => Cow::Borrowed(self.values.as_string::<i32>().value(row)),
            Kind::Day => Cow::Owned(UtcDay(self.values.as_primitive::<Date32Type>().value(row)).to_string()),
            Kind::Instant => Cow::Owned(at(self.values.as_primitive::<Int64Type>().value(row))),
        }
    }
}

/// A text that no spreadsheet takes for a formula: one that begins like a formula gets an apostrophe before it.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    match text.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}

/// A writer of comma-separated lines.
pub(crate) fn writer<W: Write>(out: W) -> csv::Writer<W> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out)
}

/// What went wrong with a table.
pub(crate) fn unwritten(error: impl std::fmt::Display) -> EvidenceError {
    EvidenceError::Document { document: "a table", what: error.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Date32Array, Float64Array, StringArray, TimestampNanosecondArray};

    use super::*;

    #[test]
    fn every_type_has_one_spelling() {
        let told = |column: ArrayRef| Cells::of(&column).unwrap().text(0).into_owned();
        let told = [
            told(Arc::new(StringArray::from(vec!["a"]))),
            told(Arc::new(Date32Array::from(vec![20_454]))),
            told(Arc::new(TimestampNanosecondArray::from(vec![1_767_225_600_000_001_000]).with_timezone("UTC"))),
            told(Arc::new(BooleanArray::from(vec![true]))),
            told(Arc::new(Float64Array::from(vec![0.5]))),
            told(Arc::new(StringArray::from(vec![None::<&str>]))),
        ];
        assert_eq!(told, ["a", "2026-01-01", "2026-01-01T00:00:00.000001Z", "true", "0.5", ""]);
    }

    #[test]
    fn a_formula_stays_text() {
        assert_eq!(harmless("=cmd()"), "'=cmd()");
        assert_eq!(harmless("a=b"), "a=b");
    }
}
