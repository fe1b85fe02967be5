//! Rows of a frame as JSON objects: the text between the values is put together once, then only values are written.
//! Fields stand in the order of the frame; an object opens at its first field and closes after its last.
//! Never allocates for a row.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::Int64Type;
use ephor_wire::timestamp::{Timestamp, UtcDay};
use rust_decimal::Decimal;

use super::Frame;
use crate::facts::codes;
use crate::listing::spec::{Field, From, Shape};

/// How to write the rows of one frame.
#[derive(Debug)]
pub(crate) struct Program<'f> {
    pieces: Vec<Piece<'f>>,
    first_day: UtcDay,
}

#[derive(Debug)]
enum Piece<'f> {
    Literal(String),
    Number(&'f Int64Array, Shape),
    Text(&'f StringArray, Shape),
}

impl<'f> Program<'f> {
    pub(crate) fn new(frame: &'f Frame) -> Self {
        let mut program = Self { pieces: Vec::new(), first_day: frame.first_day };
        let mut open: Vec<&str> = Vec::new();
        let mut literal = String::from("{");
        let mut is_first = true;
        for (field, column) in frame.fields.iter().zip(&frame.columns).filter(|(field, _)| field.shape != Shape::Hidden)
        {
            let mut parents: Vec<&str> = field.path.split('.').collect();
            let name = parents.pop().unwrap_or_default();
            let common = open.iter().zip(&parents).take_while(|(a, b)| a == b).count();
            literal.extend(std::iter::repeat_n('}', open.len() - common));
            for parent in &parents[common..] {
                literal.push_str(if is_first { "\"" } else { ",\"" });
                literal.push_str(parent);
                literal.push_str("\":{");
                is_first = true;
            }
            literal.push_str(if is_first { "\"" } else { ",\"" });
            literal.push_str(name);
            literal.push_str("\":");
            is_first = false;
            open = parents;
            program.value(field, column, &mut literal);
        }
        literal.extend(std::iter::repeat_n('}', open.len() + 1));
        program.pieces.push(Piece::Literal(literal));
        program
    }

    fn value(&mut self, field: &Field, column: &'f ArrayRef, literal: &mut String) {
        if let From::Always(json) = field.from {
            literal.push_str(json);
            return;
        }
        self.pieces.push(Piece::Literal(std::mem::take(literal)));
        if let Some(texts) = column.as_string_opt::<i32>() {
            self.pieces.push(Piece::Text(texts, field.shape));
        } else if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
            self.pieces.push(Piece::Number(numbers, field.shape));
        }
    }

    /// Writes one row.
    pub(crate) fn write(&self, row: usize, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Text(texts, shape) => write_text(texts.is_valid(row).then(|| texts.value(row)), *shape, out),
                Piece::Number(numbers, shape) => match numbers.is_valid(row) {
                    true => self.write_number(numbers.value(row), *shape, out),
                    false => out.extend_from_slice(b"null"),
                },
            }
        }
    }

    fn write_number(&self, number: i64, shape: Shape, out: &mut Vec<u8>) {
        match shape {
            Shape::Flag => out.extend_from_slice(if number == 0 { b"false" } else { b"true" }),
            Shape::Cents => write_string(&cents(number), out),
            Shape::Word => match u8::try_from(number).ok().and_then(codes::text_of) {
                Some(text) => write_string(text, out),
                None => out.extend_from_slice(b"null"),
            },
            Shape::Day => {
                let day = self.first_day.start_micros() + number * ephor_wire::timestamp::DAY_MICROS;
                write_string(&UtcDay::from_micros(day).to_string(), out);
            }
            Shape::Instant => write_string(&instant(number), out),
            _ => write_count(number, out),
        }
    }
}

/// Most counts of most rows have one digit.
fn write_count(number: i64, out: &mut Vec<u8>) {
    match u8::try_from(number) {
        Ok(digit @ 0..=9) => out.push(b'0' + digit),
        _ => write_string_of(number, out),
    }
}

fn write_string_of(number: i64, out: &mut Vec<u8>) {
    // A vector takes everything that is written to it.
    let _ = serde_json::to_writer(out, &number);
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, text);
}

fn write_text(text: Option<&str>, shape: Shape, out: &mut Vec<u8>) {
    match (text, shape) {
        (Some(json), Shape::Json) => out.extend_from_slice(json.as_bytes()),
        (Some(text), _) => write_string(text, out),
        (None, Shape::Text) => out.extend_from_slice(b"\"\""),
        (None, _) => out.extend_from_slice(b"null"),
    }
}

/// Billionths of a dollar as cents with six decimals, the wire's way: `"1234.500000"` is 12.345 USD.
pub(crate) fn cents(nano_usd: i64) -> String {
    // A billionth of a dollar is a ten-millionth of a cent.
    format!("{:.6}", Decimal::new(nano_usd, 7).round_dp(6))
}

/// `2026-02-03T14:22:10Z`, with a fraction only where there is one.
pub(crate) fn instant(micros: i64) -> String {
    let text = Timestamp::from_micros(micros).as_str().to_owned();
    match text.strip_suffix(".000000Z") {
        Some(seconds) => format!("{seconds}Z"),
        None => text,
    }
}
