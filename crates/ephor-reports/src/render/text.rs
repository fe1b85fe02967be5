//! For a terminal: the figures, the main table, and in a few lines where it comes from. Other tables are named.

use super::words::{cell_text, day_text, figure_text, instant_text};
use crate::table::{Report, Section};

/// A cell beyond this many characters would push the rest of its row off the screen; other forms have it whole.
const CELL_CHARACTERS: usize = 60;

/// The report as text.
#[must_use]
pub fn text(report: &Report) -> String {
    let provenance = &report.provenance;
    let period = provenance.period;
    let mut lines = vec![
        report.title.clone(),
        format!("{} to {} · {}", day_text(period.first), day_text(period.last), provenance.population),
        String::new(),
    ];
    for figure in &report.figures {
        let (value, unit) = figure_text(figure);
        let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
        let note = figure.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        lines.push(format!("{}: {value}{unit}{note}", figure.label));
    }
    lines.push(String::new());
    lines.push(table_text(&report.main));
    for other in &report.others {
        lines.push(format!("\n{} ({} rows; --format html or json shows them)", other.title, other.table.rows.len()));
    }
    for gap in &provenance.gaps {
        let to = gap.to_micros.map_or_else(|| "now".to_owned(), instant_text);
        lines.push(format!("\nGap: {} from {} to {to}: {}", gap.what, instant_text(gap.from_micros), gap.why));
    }
    for note in &report.notes {
        lines.push(format!("\nNote: {note}"));
    }
    lines.push(format!(
        "\nMade at {} from activities before seq {} and usage events before seq {}",
        instant_text(provenance.generated_at_micros),
        provenance.as_of.activities_seq,
        provenance.as_of.usage_seq
    ));
    lines.join("\n")
}

/// One table as text.
#[must_use]
pub fn table_text(section: &Section) -> String {
    let table = &section.table;
    if table.rows.is_empty() {
        return "No rows.".to_owned();
    }
    let mut rows = vec![table.columns.iter().map(|column| column.label.to_owned()).collect::<Vec<_>>()];
    rows.extend(table.rows.iter().map(|row| {
        let cell = |(column, cell)| shortened(&cell_text(column, cell));
        table.columns.iter().zip(row).map(cell).collect()
    }));
    let widths: Vec<usize> = (0..table.columns.len())
        .map(|place| rows.iter().map(|row: &Vec<String>| row[place].chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(place, cell)| {
            let width = widths[place];
            match table.columns[place].kind.is_number() {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn shortened(text: &str) -> String {
    // A line break within a cell would look like another row.
    let text = text.replace(['\n', '\r', '\t'], " ");
    match text.char_indices().nth(CELL_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
