//! What lies in a lake, asked through `ephor lake sql`, and whether it is the truth.
//! Promises: compares ids and bytes, not only counts.
//! Never opens a lake for writing.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::binary::run;

/// Rows of a statement as objects.
pub fn sql(data: &Path, statement: &str) -> Vec<Value> {
    match run(data, &["lake", "sql", statement]).json() {
        Value::Array(rows) => rows,
        other => panic!("`ephor lake sql` prints an array, not {other}"),
    }
}

/// One text column of a statement.
pub fn texts(data: &Path, statement: &str) -> Vec<String> {
    let text = |row: Value| match row.as_object().and_then(|columns| columns.values().next()) {
        Some(Value::String(text)) => text.clone(),
        other => panic!("a text was expected from {statement}, not {other:?}"),
    };
    sql(data, statement).into_iter().map(text).collect()
}

/// A lake in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub rows: u64,
    pub ids: u64,
    pub seqs: u64,
    /// One past the highest `seq`.
    pub end: u64,
}

impl Counts {
    /// No id twice, and `seq` runs from 0 without a gap.
    pub fn are_sound(self) -> bool {
        self.rows == self.ids && self.rows == self.seqs && self.rows == self.end
    }
}

pub fn counts(data: &Path) -> Counts {
    let statement = "select count(*) as rows_, count(distinct id) as ids, count(distinct seq) as seqs, \
                     coalesce(max(seq) + 1, 0) as end_ from activities";
    let row = sql(data, statement).remove(0);
    let number = |name: &str| row[name].as_u64().unwrap_or_else(|| panic!("no number `{name}` in {row}"));
    Counts { rows: number("rows_"), ids: number("ids"), seqs: number("seqs"), end: number("end_") }
}

/// Whether the rows of one source are these lines: each of them, once, byte for byte.
pub fn holds_exactly(data: &Path, source: &str, lines: &[String]) {
    assert!(counts(data).are_sound(), "ids or seq are not sound: {:?}", counts(data));
    let stored = sql(data, &format!("select id, raw from activities where source = '{source}'"));
    let stored: BTreeMap<&str, &str> =
        stored.iter().map(|row| (row["id"].as_str().unwrap(), row["raw"].as_str().unwrap())).collect();
    let parsed: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let truth: BTreeMap<&str, &str> =
        parsed.iter().zip(lines).map(|(row, line)| (row["id"].as_str().unwrap(), line.as_str())).collect();
    assert_eq!(stored.len(), truth.len(), "another number of rows than the truth");
    for (id, line) in truth {
        assert_eq!(stored.get(id).copied(), Some(line), "{id} is missing or changed");
    }
}
