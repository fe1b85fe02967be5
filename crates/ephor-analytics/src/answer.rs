//! What the engine answers: rows in order, written as JSON a page at a time.
//! Promises that a row is written the same whether all rows are held or a part of them.
//! Never counts and never reads.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, Int64Array};
use bytes::Bytes;
use serde_json::Value;

use crate::frame::{Frame, JsonProgram};
use crate::query::AsOf;
use crate::report::ReportRow;

/// The rows that answer a question, in order: all of them, or those that were asked for.
#[derive(Debug, Clone)]
pub struct Answer {
    rows: AnswerRows,
    /// How much of the lake it was made from.
    pub as_of: AsOf,
}

#[derive(Debug, Clone)]
enum AnswerRows {
    /// Counted here; in the frame's own order if there is no other.
    Counted { frame: Arc<Frame>, order: Option<Vec<u32>> },
    /// Some rows of a day as its table has them: those from `first` on, of so many.
    Part { frame: Arc<Frame>, first: usize, of: usize },
    /// JSON objects as an upstream told them.
    Told(Arc<[Bytes]>),
}

impl Answer {
    /// An answer of rows that are JSON objects already.
    #[must_use]
    pub fn told(rows: Arc<[Bytes]>, as_of: AsOf) -> Self {
        Self { rows: AnswerRows::Told(rows), as_of }
    }

    pub(crate) fn counted(frame: Arc<Frame>, order: Option<Vec<u32>>, as_of: AsOf) -> Self {
        Self { rows: AnswerRows::Counted { frame, order }, as_of }
    }

    pub(crate) fn part(frame: Arc<Frame>, first: usize, of: usize, as_of: AsOf) -> Self {
        Self { rows: AnswerRows::Part { frame, first, of }, as_of }
    }

    /// How many rows answer the question, held or not.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.rows {
            AnswerRows::Counted { frame, .. } => frame.rows,
            AnswerRows::Part { of, .. } => *of,
            AnswerRows::Told(rows) => rows.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes those of some rows that are held, as JSON objects with commas between them.
    pub fn write(&self, rows: Range<usize>, out: &mut Vec<u8>) {
        match &self.rows {
            AnswerRows::Counted { frame, order } => {
                let program = JsonProgram::new(frame);
                let place = |row: usize| order.as_ref().map_or(row, |order| order[row] as usize);
                separated(within(&rows, 0..frame.rows), out, |row, out| program.write(place(row), out));
            }
            AnswerRows::Part { frame, first, .. } => {
                let program = JsonProgram::new(frame);
                separated(within(&rows, *first..first + frame.rows), out, |row, out| program.write(row - first, out));
            }
            AnswerRows::Told(told) => {
                separated(within(&rows, 0..told.len()), out, |row, out| out.extend_from_slice(&told[row]));
            }
        }
    }

    /// Shows a text and some numbers of every row that is held, by their paths, in the order of the answer. Of a row
    /// that does not tell a number it is 0; a row without the text is passed over.
    pub fn each<const N: usize>(&self, text: &str, numbers: [&str; N], mut see: impl FnMut(&str, [i64; N])) {
        match &self.rows {
            AnswerRows::Counted { frame, order: None } | AnswerRows::Part { frame, .. } => {
                each_of_frame(frame, 0..frame.rows, text, numbers, see);
            }
            AnswerRows::Counted { frame, order: Some(order) } => {
                each_of_frame(frame, order.iter().map(|place| *place as usize), text, numbers, see);
            }
            AnswerRows::Told(rows) => {
                let pointer = |path: &str| format!("/{}", path.replace('.', "/"));
                let (text, numbers) = (pointer(text), numbers.map(pointer));
                for row in rows.iter().filter_map(|row| serde_json::from_slice::<Value>(row).ok()) {
                    let number = |path: &String| row.pointer(path).and_then(Value::as_i64).unwrap_or(0);
                    if let Some(text) = row.pointer(&text).and_then(Value::as_str) {
                        see(text, numbers.each_ref().map(number));
                    }
                }
            }
        }
    }
}

fn each_of_frame<const N: usize>(
    frame: &Frame,
    places: impl Iterator<Item = usize>,
    text: &str,
    numbers: [&str; N],
    mut see: impl FnMut(&str, [i64; N]),
) {
    let Some(texts) = frame.texts(text) else { return };
    let numbers = numbers.map(|path| frame.numbers(path).filter(|numbers| !numbers.is_empty()));
    for place in places.filter(|place| texts.is_valid(*place)) {
        let number = |numbers: &Option<&Int64Array>| {
            numbers.filter(|numbers| numbers.is_valid(place)).map_or(0, |numbers| numbers.value(place))
        };
        see(texts.value(place), numbers.each_ref().map(number));
    }
}

fn within(rows: &Range<usize>, held: Range<usize>) -> Range<usize> {
    rows.start.max(held.start)..rows.end.min(held.end)
}

fn separated(rows: Range<usize>, out: &mut Vec<u8>, write: impl Fn(usize, &mut Vec<u8>)) {
    for row in rows.clone() {
        if row > rows.start {
            out.push(b',');
        }
        write(row, out);
    }
}

/// A cost or usage report.
#[derive(Debug, Clone)]
pub struct ReportAnswer {
    /// Buckets or rows of people, in order.
    pub rows: Arc<[ReportRow]>,
    /// How much of the lake it was made from.
    pub as_of: AsOf,
    /// Up to when its facts reach, in microseconds since 1970.
    pub data_refreshed_at_micros: Option<i64>,
}
