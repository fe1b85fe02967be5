//! Rows of directory history: how an observed change becomes columns, and how columns become changes again.
//! Writing and reading are each other's inverse for everything but the typed columns, which follow from `raw`.
//! Never decides whether something changed.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use serde_json::Value;

use super::instant;
use super::kinds::{Column, ColumnType, DirectoryKind, Origin};
use crate::error::LakeError;

/// What happened to a row of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Added,
    Changed,
    Removed,
}

impl Change {
    fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// One observed change. A removed row carries what it last was.
#[derive(Debug, Clone)]
pub(super) struct HistoryRow {
    /// Order of recording within a table: times of observation may repeat or go back, this never does.
    pub(super) revision: i64,
    pub(super) observed_at_micros: i64,
    pub(super) change: Change,
    pub(super) source: Arc<str>,
    pub(super) scope: Arc<str>,
    pub(super) key: String,
    pub(super) value: Arc<Value>,
}

/// The columns of some history.
pub(super) fn to_batch(kind: DirectoryKind, rows: &[HistoryRow]) -> Result<RecordBatch, LakeError> {
    let texts = |of: fn(&HistoryRow) -> &str| Arc::new(StringArray::from_iter_values(rows.iter().map(of))) as ArrayRef;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.revision))),
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.observed_at_micros))
                .with_timezone("UTC"),
        ),
        texts(|row| row.change.as_str()),
        texts(|row| &row.source),
        texts(|row| &row.scope),
        texts(|row| &row.key),
    ];
    columns.extend(kind.spec().columns.iter().map(|column| typed_column(column, rows)));
    columns.push(Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.value.to_string()))));
    Ok(RecordBatch::try_new(kind.columns(), columns)?)
}

/// The history in some columns, in the order in which it was recorded.
pub(super) fn from_batches(kind: DirectoryKind, batches: &[RecordBatch]) -> Result<Vec<HistoryRow>, LakeError> {
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        read_batch(kind, batch, &mut rows)?;
    }
    rows.sort_by_key(|row: &HistoryRow| row.revision);
    Ok(rows)
}

fn typed_column(column: &Column, rows: &[HistoryRow]) -> ArrayRef {
    let cells = rows.iter().map(|row| match column.origin {
        Origin::Scope => Cell::Scope(&row.scope),
        Origin::Row(pointers) => pointers
            .iter()
            .find_map(|pointer| row.value.pointer(pointer).filter(|value| !value.is_null()))
            .map_or(Cell::Nothing, Cell::Value),
    });
    match column.column_type {
        ColumnType::Text => Arc::new(cells.map(Cell::text).collect::<StringArray>()),
        ColumnType::Boolean => {
            Arc::new(cells.map(|cell| cell.value().and_then(Value::as_bool)).collect::<BooleanArray>())
        }
        ColumnType::Time => {
            let times = cells.map(|cell| cell.value().and_then(instant::micros));
            Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
    }
}

enum Cell<'r> {
    Nothing,
    Scope(&'r str),
    Value(&'r Value),
}

impl<'r> Cell<'r> {
    fn value(self) -> Option<&'r Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::Scope(_) => None,
        }
    }

    fn text(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Scope(scope) => Some(scope.to_owned()),
            Self::Value(Value::String(text)) => Some(text.clone()),
            Self::Value(other) => Some(other.to_string()),
        }
    }
}

fn read_batch(kind: DirectoryKind, batch: &RecordBatch, rows: &mut Vec<HistoryRow>) -> Result<(), LakeError> {
    let damaged = |what: &str| LakeError::Damaged {
        path: kind.table_name().into(),
        what: format!("its history has rows with {what}"),
    };
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| damaged(&format!("no column `{name}`")));
    let text = |name: &str| {
        let text = column(name)?.as_string_opt::<i32>().ok_or_else(|| damaged(&format!("no text in `{name}`")))?;
        Ok::<_, LakeError>(text)
    };
    let revisions = column("revision")?.as_primitive_opt::<Int64Type>().ok_or_else(|| damaged("no `revision`"))?;
    let observed = column("observed_at")?
        .as_primitive_opt::<TimestampMicrosecondType>()
        .ok_or_else(|| damaged("no time in `observed_at`"))?;
    let (changes, sources, scopes) = (text("change")?, text("source")?, text("scope")?);
    let (keys, raws) = (text("key")?, text("raw")?);
    for row in 0..batch.num_rows() {
        rows.push(HistoryRow {
            revision: revisions.value(row),
            observed_at_micros: observed.value(row),
            change: match changes.value(row) {
                "added" => Change::Added,
                "changed" => Change::Changed,
                "removed" => Change::Removed,
                other => return Err(damaged(&format!("the unknown change `{other}`"))),
            },
            source: sources.value(row).into(),
            scope: scopes.value(row).into(),
            key: keys.value(row).to_owned(),
            value: Arc::new(serde_json::from_str(raws.value(row)).map_err(|_| damaged("a `raw` that is not JSON"))?),
        });
    }
    Ok(())
}
