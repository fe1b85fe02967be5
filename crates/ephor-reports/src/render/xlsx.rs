//! A workbook: a sheet that says where it comes from, and one sheet a table with typed cells and a filter.

use rust_decimal::prelude::ToPrimitive;
use rust_xlsxwriter::{Format, FormatAlign, Workbook, Worksheet};

use super::words::{day_text, instant_text};
use crate::error::ReportError;
use crate::table::{Cell, Column, Kind, Report, Section};

/// A sheet's name may not be longer.
const SHEET_NAME_CHARACTERS: usize = 31;

/// A text cell may not be longer.
const CELL_CHARACTERS: usize = 32_767;

/// The report as an XLSX file.
pub fn xlsx(report: &Report) -> Result<Vec<u8>, ReportError> {
    let mut book = Workbook::new();
    about(book.add_worksheet(), report)?;
    for section in std::iter::once(&report.main).chain(&report.others) {
        sheet(book.add_worksheet(), section)?;
    }
    Ok(book.save_to_buffer()?)
}

fn about(sheet: &mut Worksheet, report: &Report) -> Result<(), ReportError> {
    let provenance = &report.provenance;
    let bold = Format::new().set_bold();
    sheet.set_name("About")?.set_column_width(0, 26)?.set_column_width(1, 100)?;
    let mut lines: Vec<(String, String)> = vec![
        ("Report".into(), report.title.clone()),
        ("Question".into(), report.question.to_owned()),
        ("Period".into(), format!("{} to {}", day_text(provenance.period.first), day_text(provenance.period.last))),
        ("Population".into(), provenance.population.clone()),
        ("Made at".into(), instant_text(provenance.generated_at_micros)),
        ("Names".into(), provenance.names.to_owned()),
        (
            "Made from".into(),
            format!(
                "activities before seq {}, usage events before seq {}",
                provenance.as_of.activities_seq, provenance.as_of.usage_seq
            ),
        ),
    ];
    lines.extend(provenance.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    lines.extend(provenance.sources.iter().map(|source| {
        let newest = source.newest_micros.map_or_else(|| "nothing yet".to_owned(), instant_text);
        (format!("Source {}", source.name), format!("{} {}, newest {newest}", source.rows, source.kind))
    }));
    lines.extend(provenance.gaps.iter().map(|gap| {
        let to = gap.to_micros.map_or_else(|| "now".to_owned(), instant_text);
        (format!("Gap in {}", gap.what), format!("{} to {to}: {}", instant_text(gap.from_micros), gap.why))
    }));
    lines.extend(report.notes.iter().map(|note| ("Note".to_owned(), note.clone())));
    for (row, (name, value)) in (0..).zip(&lines) {
        sheet.write_string_with_format(row, 0, name, &bold)?.write_string(row, 1, value)?;
    }
    Ok(())
}

fn sheet(sheet: &mut Worksheet, section: &Section) -> Result<(), ReportError> {
    let name: String = section.title.chars().filter(|c| !"[]:*?/\\".contains(*c)).take(SHEET_NAME_CHARACTERS).collect();
    sheet.set_name(name.trim())?;
    let heading = Format::new().set_bold().set_align(FormatAlign::Left);
    let table = &section.table;
    for (place, column) in (0..).zip(&table.columns) {
        let label = match column.unit {
            Some(unit) => format!("{} ({unit})", column.label),
            None => column.label.to_owned(),
        };
        sheet.write_string_with_format(0, place, label, &heading)?;
        sheet.set_column_width(place, width(column))?;
    }
    for (number, row) in (1..).zip(&table.rows) {
        for (place, (column, cell)) in (0..).zip(table.columns.iter().zip(row)) {
            write(sheet, number, place, column, cell)?;
        }
    }
    let (rows, columns) = (table.rows.len(), table.columns.len());
    if let (Ok(rows), Ok(columns)) = (u32::try_from(rows), u16::try_from(columns))
        && rows > 0
        && columns > 0
    {
        sheet.autofilter(0, 0, rows, columns - 1)?.set_freeze_panes(1, 0)?;
    }
    Ok(())
}

fn width(column: &Column) -> f64 {
    match column.kind {
        Kind::Instant => 21.0,
        Kind::Day => 12.0,
        Kind::Text | Kind::List => 28.0,
        _ => 14.0,
    }
}

fn write(sheet: &mut Worksheet, row: u32, place: u16, column: &Column, cell: &Cell) -> Result<(), ReportError> {
    let text = |text: &str| text.chars().take(CELL_CHARACTERS).collect::<String>();
    match cell {
        Cell::Nothing => {}
        Cell::Suppressed => _ = sheet.write_string(row, place, "(few people)")?,
        // A string cell is never a formula, whatever it begins with.
        Cell::Text(words) => _ = sheet.write_string(row, place, text(words))?,
        Cell::List(words) => _ = sheet.write_string(row, place, text(&words.join("; ")))?,
        Cell::Integer(number) => _ = sheet.write_number(row, place, *number as f64)?,
        Cell::Decimal(number) => {
            let format = match column.kind {
                Kind::Money => Format::new().set_num_format("#,##0.00####"),
                Kind::Share => Format::new().set_num_format("0.0%"),
                _ => Format::new(),
            };
            sheet.write_number_with_format(row, place, number.to_f64().unwrap_or_default(), &format)?;
        }
        Cell::Instant(micros) => _ = sheet.write_string(row, place, instant_text(*micros))?,
        Cell::Day(day) => _ = sheet.write_string(row, place, day_text(*day))?,
        Cell::Boolean(flag) => _ = sheet.write_boolean(row, place, *flag)?,
    }
    Ok(())
}
