//! For spreadsheets: RFC 4180, one table a file, headings as programs name them.
//! A text that a spreadsheet would take for a formula gets an apostrophe before it.

use crate::error::ReportError;
use crate::render::words::{day_text, instant_text};
use crate::table::{Cell, Table};

/// A table as CSV.
pub fn csv(table: &Table) -> Result<String, ReportError> {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    let failed = |error: ::csv::Error| ReportError::Written(error.to_string());
    writer.write_record(table.columns.iter().map(|column| column.name)).map_err(failed)?;
    for row in &table.rows {
        writer.write_record(row.iter().map(field)).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| ReportError::Written(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| ReportError::Written(error.to_string()))
}

fn field(cell: &Cell) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Suppressed => "suppressed".to_owned(),
        Cell::Text(text) => harmless(text),
        Cell::Integer(number) => number.to_string(),
        Cell::Decimal(number) => number.normalize().to_string(),
        Cell::Instant(micros) => instant_text(*micros),
        Cell::Day(day) => day_text(*day),
        Cell::Boolean(flag) => flag.to_string(),
        Cell::List(texts) => harmless(&texts.join("; ")),
    }
}

/// OWASP, "CSV Injection": these first characters make a formula of a text.
fn harmless(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n') => format!("'{text}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::table::Column;

    fn one(text: &str) -> String {
        let mut table = Table::of(vec![Column::text("a", "A"), Column::count("n", "N", "rows")]);
        table.push(vec![text.into(), (-5).into()]);
        csv(&table).unwrap()
    }

    #[test]
    fn a_formula_is_a_text_and_a_negative_number_a_number() {
        assert_eq!(one("=cmd()"), "a,n\r\n'=cmd(),-5\r\n");
        assert_eq!(one("say \"hi\", twice"), "a,n\r\n\"say \"\"hi\"\", twice\",-5\r\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "\\PC*|[=+@\\-\"\r\n\t,;a]*") {
            let written = one(&text);
            let mut reader = ::csv::Reader::from_reader(written.as_bytes());
            let rows: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(rows.len(), 1);
            prop_assert_eq!(rows[0][0].strip_prefix('\'').unwrap_or(&rows[0][0]), text.strip_prefix('\'').unwrap_or(&text));
            prop_assert!(!rows[0][0].starts_with(['=', '+', '-', '@']));
        }
    }
}
