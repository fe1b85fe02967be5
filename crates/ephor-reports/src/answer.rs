//! Rows of SQL answers by name: what a report asks of the lake, read without ceremony.
//! Never guesses: a column that is not there is nothing.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use ephor_lake::Lake;

use crate::error::ReportError;

/// An answer, column by column.
pub(crate) struct Answer {
    batches: Vec<RecordBatch>,
}

/// One row of an answer.
pub(crate) struct AnswerRow<'a> {
    texts: &'a [Option<String>],
    numbers: &'a [Option<i64>],
}

impl AnswerRow<'_> {
    pub(crate) fn text(&self, column: usize) -> Option<&str> {
        self.texts.get(column)?.as_deref()
    }

    pub(crate) fn owned(&self, column: usize) -> Option<String> {
        self.text(column).map(str::to_owned)
    }

    /// A number, or a time in microseconds.
    pub(crate) fn number(&self, column: usize) -> Option<i64> {
        self.numbers.get(column).copied().flatten()
    }

    pub(crate) fn count(&self, column: usize) -> u64 {
        self.number(column).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    }
}

impl Answer {
    /// Asks the lake.
    pub(crate) async fn of(lake: &Lake, statement: &str) -> Result<Self, ReportError> {
        Ok(Self { batches: lake.sql(statement).await? })
    }

    /// Calls `each` for every row, in order.
    pub(crate) fn each(&self, mut each: impl FnMut(&AnswerRow<'_>)) {
        for batch in &self.batches {
            let texts: Vec<_> = batch.columns().iter().map(text_column).collect();
            let numbers: Vec<_> = batch.columns().iter().map(number_column).collect();
            for row in 0..batch.num_rows() {
                let text = |column: &Option<ArrayRef>| {
                    let column = column.as_ref()?.as_string_opt::<i32>()?;
                    column.is_valid(row).then(|| column.value(row).to_owned())
                };
                let number = |column: &Option<ArrayRef>| {
                    let column = column.as_ref()?.as_primitive_opt::<Int64Type>()?;
                    column.is_valid(row).then(|| column.value(row))
                };
                let texts: Vec<_> = texts.iter().map(text).collect();
                let numbers: Vec<_> = numbers.iter().map(number).collect();
                each(&AnswerRow { texts: &texts, numbers: &numbers });
            }
        }
    }
}

fn text_column(column: &ArrayRef) -> Option<ArrayRef> {
    let is_text = match column.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => value.as_ref() == &DataType::Utf8,
        _ => false,
    };
    is_text.then(|| cast(column, &DataType::Utf8).ok()).flatten()
}

fn number_column(column: &ArrayRef) -> Option<ArrayRef> {
    match column.data_type() {
        DataType::Timestamp(_, zone) => {
            let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone())).ok()?;
            cast(&micros, &DataType::Int64).ok()
        }
        DataType::Date32 => cast(&cast(column, &DataType::Int32).ok()?, &DataType::Int64).ok(),
        kind if kind.is_integer() || *kind == DataType::Boolean => cast(column, &DataType::Int64).ok(),
        _ => None,
    }
}

/// A text within a statement.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An instant within a statement.
pub(crate) fn instant(micros: i64) -> String {
    format!("arrow_cast({micros}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
}
