//! For programs: one document with a stable shape (docs/reports.md).

use ephor_wire::timestamp::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};

use super::words::day_text;
use crate::table::{Cell, Column, Kind, Report, Section, Table};

/// The report as JSON.
#[must_use]
pub fn json(report: &Report) -> Value {
    let provenance = &report.provenance;
    let at = |micros: i64| Timestamp::from_micros(micros).as_str().to_owned();
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("report", report.name.into());
    put("title", report.title.clone().into());
    put("generated_at", at(provenance.generated_at_micros).into());
    let period = provenance.period;
    put("period", json!({ "from": day_text(period.first), "to": day_text(period.last) }));
    put("population", provenance.population.clone().into());
    let parameters: Map<String, Value> =
        provenance.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
    put("parameters", parameters.into());
    let sources = provenance.sources.iter().map(|source| {
        json!({
            "name": source.name,
            "kind": source.kind,
            "rows": source.rows,
            "newest": source.newest_micros.map(at),
            "days_covered": source.days_covered,
        })
    });
    put("sources", sources.collect());
    let gaps = provenance.gaps.iter().map(
        |gap| json!({ "what": gap.what, "from": at(gap.from_micros), "to": gap.to_micros.map(at), "why": gap.why }),
    );
    put("gaps", gaps.collect());
    let as_of = provenance.as_of;
    put(
        "as_of",
        json!({
            "activities_seq": as_of.activities_seq,
            "usage_seq": as_of.usage_seq,
            "checkpoint_size": as_of.checkpoint_size,
        }),
    );
    put("names", provenance.names.into());
    let figures = report.figures.iter().map(|figure| {
        json!({ "label": figure.label, "value": plain(&figure.value), "unit": figure.unit, "note": figure.note })
    });
    put("figures", figures.collect());
    put("columns", columns(&report.main.table));
    put("rows", rows(&report.main.table));
    put("tables", report.others.iter().map(section).collect());
    put("notes", report.notes.clone().into());
    document.into()
}

fn section(section: &Section) -> Value {
    json!({
        "id": section.id,
        "title": section.title,
        "note": section.note,
        "columns": columns(&section.table),
        "rows": rows(&section.table),
    })
}

fn columns(table: &Table) -> Value {
    let column = |column: &Column| json!({ "name": column.name, "type": column.kind.as_str(), "unit": column.unit });
    table.columns.iter().map(column).collect()
}

fn rows(table: &Table) -> Value {
    let row = |row: &Vec<Cell>| row.iter().zip(&table.columns).map(|(cell, column)| value(column, cell)).collect();
    table.rows.iter().map(row).collect::<Vec<Value>>().into()
}

/// Money is text, so that no reader makes a binary fraction of it; other numbers are numbers.
fn value(column: &Column, cell: &Cell) -> Value {
    match (column.kind, cell) {
        (Kind::Money, Cell::Decimal(amount)) => amount.normalize().to_string().into(),
        _ => plain(cell),
    }
}

fn plain(cell: &Cell) -> Value {
    match cell {
        Cell::Nothing => Value::Null,
        Cell::Suppressed => "suppressed".into(),
        Cell::Text(text) => text.clone().into(),
        Cell::Integer(number) => (*number).into(),
        Cell::Decimal(number) => fraction(*number),
        Cell::Instant(micros) => Timestamp::from_micros(*micros).as_str().into(),
        Cell::Day(day) => day_text(*day).into(),
        Cell::Boolean(flag) => (*flag).into(),
        Cell::List(texts) => texts.clone().into(),
    }
}

fn fraction(number: Decimal) -> Value {
    number.to_f64().map_or_else(|| number.to_string().into(), Into::into)
}
