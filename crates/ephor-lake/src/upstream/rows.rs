//! Rows of the history of upstream listings: how a change becomes columns, and how columns become a listing again.
//! The newest revision of a key stands; a row without bytes says that it is gone.
//! Never decides whether something changed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use ephor_wire::timestamp::UtcDay;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::columns::{self, Text};
use crate::encode::Effort;
use crate::error::LakeError;
use crate::files::FileSet;
use crate::limits;
use crate::rows::{integers_of, seq_of, text_of, wrong_column};
use crate::schema::{DAY, micros};
use crate::table::{TableSpec, zstd_level};

/// When a row was fetched.
pub(super) const FETCHED_AT: &str = "fetched_at";

/// The columns of a data file of `upstream_rows`: everything but the partition column.
pub(super) static FILE_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str| Field::new(name, DataType::Utf8, name == "raw");
    let number = |name: &str| Field::new(name, DataType::Int64, false);
    Arc::new(Schema::new(vec![
        number("seq"),
        text("source"),
        text("endpoint"),
        text("slot"),
        text("organization"),
        text("key"),
        number("position"),
        number("revision"),
        Field::new(FETCHED_AT, micros(), false),
        text("raw"),
    ]))
});

/// The table `upstream_rows`.
pub(crate) static UPSTREAM_ROWS: LazyLock<TableSpec> = LazyLock::new(|| {
    let mut fields = vec![Field::new(DAY, DataType::Date32, true)];
    fields.extend(FILE_SCHEMA.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)));
    TableSpec {
        partition_by: Some(DAY),
        span_time: Some(FETCHED_AT),
        ..TableSpec::plain("upstream_rows", Arc::new(Schema::new(fields)))
    }
});

/// One change of one row.
#[derive(Debug, Clone)]
pub(super) struct HistoryRow {
    pub(super) seq: u64,
    pub(super) slot: Arc<SlotKey>,
    pub(super) organization: Arc<str>,
    pub(super) fetched_at_micros: i64,
    pub(super) key: String,
    /// Ascends through the listing; only the order of two positions means something.
    pub(super) position: i64,
    pub(super) revision: i64,
    /// `None`: the row is gone.
    pub(super) raw: Option<String>,
}

/// What makes two listings of a day answers to the same question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SlotKey {
    pub(super) source: String,
    pub(super) endpoint: String,
    pub(super) slot: String,
}

/// The newest revision of every key of a listing, gone ones too.
#[derive(Debug, Default)]
pub(super) struct SlotState {
    pub(super) rows: HashMap<String, Standing>,
}

/// What a key's newest revision says.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) seq: u64,
    pub(super) position: i64,
    pub(super) revision: i64,
    pub(super) raw: Option<String>,
}

impl SlotState {
    /// The rows that are there, in the listing's order.
    pub(super) fn into_listing(self) -> Vec<String> {
        let mut rows: Vec<(i64, u64, String)> =
            self.rows.into_values().filter_map(|row| Some((row.position, row.seq, row.raw?))).collect();
        rows.sort_unstable();
        rows.into_iter().map(|(_, _, raw)| raw).collect()
    }

    pub(super) fn apply(&mut self, key: &str, next: Standing) {
        match self.rows.get_mut(key) {
            Some(standing) if standing.seq > next.seq => {}
            Some(standing) => *standing = next,
            None => drop(self.rows.insert(key.to_owned(), next)),
        }
    }
}

/// The columns of some changes.
pub(super) fn to_batch(rows: &[HistoryRow]) -> Result<RecordBatch, LakeError> {
    let text = |value: fn(&HistoryRow) -> &str| Arc::new(StringArray::from_iter_values(rows.iter().map(value)));
    let number = |value: fn(&HistoryRow) -> i64| Arc::new(Int64Array::from_iter_values(rows.iter().map(value)));
    let fetched_at = rows.iter().map(|row| row.fetched_at_micros);
    let columns: Vec<ArrayRef> = vec![
        number(|row| i64::try_from(row.seq).unwrap_or(i64::MAX)),
        text(|row| &row.slot.source),
        text(|row| &row.slot.endpoint),
        text(|row| &row.slot.slot),
        text(|row| &row.organization),
        text(|row| &row.key),
        number(|row| row.position),
        number(|row| row.revision),
        Arc::new(TimestampMicrosecondArray::from_iter_values(fetched_at).with_timezone("UTC")),
        Arc::new(rows.iter().map(|row| row.raw.as_deref()).collect::<StringArray>()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(&FILE_SCHEMA), columns)?)
}

/// Some listings of a day as they stood before a `seq`.
pub(super) fn load(
    files: &FileSet,
    day: UtcDay,
    wanted: &HashSet<&SlotKey>,
    before_seq: u64,
) -> Result<HashMap<SlotKey, SlotState>, LakeError> {
    let mut slots: HashMap<SlotKey, SlotState> = HashMap::new();
    let text = Text::Dictionary { distinct: &[] };
    for file in files.of_day(day).iter().filter(|file| file.span.first_seq < before_seq) {
        let keys = columns::read(&file.full_path, &["source", "endpoint", "slot"], text)?;
        let places = keys.iter().map(|batch| rows_of(batch, wanted)).collect::<Result<Vec<_>, _>>()?;
        if places.iter().all(Vec::is_empty) {
            continue;
        }
        let rest = columns::read(&file.full_path, &["seq", "key", "position", "revision", "raw"], Text::Plain)?;
        for (batch, places) in rest.iter().zip(places) {
            let (seq, key, raw) = (seq_of(batch)?, text_of(batch, "key")?, text_of(batch, "raw")?);
            let (position, revision) = (integers_of(batch, "position")?, integers_of(batch, "revision")?);
            for (row, slot) in places {
                let standing = Standing {
                    seq: u64::try_from(seq.value(row)).unwrap_or_default(),
                    position: position.value(row),
                    revision: revision.value(row),
                    raw: raw.is_valid(row).then(|| raw.value(row).to_owned()),
                };
                if standing.seq < before_seq {
                    slots.entry(slot.clone()).or_default().apply(key.value(row), standing);
                }
            }
        }
    }
    Ok(slots)
}

/// Which rows of a batch belong to which of the wanted listings; the combinations of dictionary keys are few.
fn rows_of<'w>(batch: &RecordBatch, wanted: &HashSet<&'w SlotKey>) -> Result<Vec<(usize, &'w SlotKey)>, LakeError> {
    let column = |name: &str| {
        let column = batch.column_by_name(name).and_then(|column| column.as_dictionary_opt::<Int32Type>());
        column.ok_or_else(|| wrong_column(name))
    };
    let columns = [column("source")?, column("endpoint")?, column("slot")?];
    let mut known: HashMap<[i32; 3], Option<&'w SlotKey>> = HashMap::new();
    let mut found = Vec::new();
    for row in 0..batch.num_rows() {
        let keys = columns.map(|column| column.keys().value(row));
        let slot = known.entry(keys).or_insert_with(|| {
            let [source, endpoint, slot] = [0, 1, 2].map(|at: usize| {
                let values = columns[at].values().as_string::<i32>();
                usize::try_from(keys[at]).map(|key| values.value(key)).unwrap_or_default().to_owned()
            });
            wanted.get(&SlotKey { source, endpoint, slot }).copied()
        });
        if let Some(slot) = slot {
            found.push((row, *slot));
        }
    }
    Ok(found)
}

/// How a file of upstream rows is encoded.
pub(super) fn properties(effort: Effort) -> Result<WriterProperties, LakeError> {
    let level = match effort {
        Effort::Intake => limits::INTAKE_ZSTD_LEVEL,
        Effort::Compaction => limits::COMPACT_ZSTD_LEVEL,
    };
    Ok(WriterProperties::builder()
        .set_created_by(concat!("ephor ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(zstd_level(level)?))
        .set_max_row_group_row_count(Some(limits::FILE_ROWS))
        .set_column_dictionary_enabled(ColumnPath::from("raw"), false)
        .build())
}
