//! The columns of the tables `usage_events` and `usage_conflicts`: names and types that other engines rely on.
//! The vocabulary of [`ephor_wire::usage`] gives their names and order; one list, one table.
//! Never changes a name without a line under "Changed" in CHANGELOG.md.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use ephor_wire::usage::{Counts, Names};
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::encode::Effort;
use crate::error::LakeError;
use crate::limits;
use crate::schema::{DAY, micros};
use crate::table::{TableSpec, zstd_level};

/// When it happened.
pub(crate) const TIME: &str = "time";
/// Fields without a column, as JSON text.
pub(crate) const ATTRIBUTES: &str = "attributes";

/// The columns that an event brings itself, in table order.
pub(crate) static OWN_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(own_fields())));

/// The columns of a data file of `usage_events`: everything but the partition column.
pub(crate) static FILE_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let [id, time, rest @ ..] = &own_fields()[..] else { return Arc::new(Schema::empty()) };
    let seq = Field::new("seq", DataType::Int64, false);
    let receipt = [Field::new("received_at", micros(), false), Field::new("source", DataType::Utf8, false)];
    let fields = [seq, id.clone(), time.clone()].into_iter().chain(receipt).chain(rest.iter().cloned());
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
});

fn own_fields() -> Vec<Field> {
    let mut fields = vec![Field::new("id", DataType::Utf8, false), Field::new(TIME, micros(), false)];
    fields.extend(Names::COLUMNS.iter().map(|name| Field::new(*name, DataType::Utf8, true)));
    fields.extend(Counts::COLUMNS.iter().map(|name| Field::new(*name, DataType::Int64, true)));
    fields.push(Field::new(ATTRIBUTES, DataType::Utf8, true));
    fields
}

/// The table `usage_events`.
pub(crate) static USAGE_EVENTS: LazyLock<TableSpec> = LazyLock::new(|| {
    let mut fields = vec![Field::new(DAY, DataType::Date32, true)];
    fields.extend(FILE_SCHEMA.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)));
    TableSpec {
        partition_by: Some(DAY),
        span_time: Some(TIME),
        ..TableSpec::plain("usage_events", Arc::new(Schema::new(fields)))
    }
});

/// The table `usage_conflicts`: a second content under an id that is already stored, as the event that came.
pub(crate) static USAGE_CONFLICTS: LazyLock<TableSpec> = LazyLock::new(|| {
    let fields = vec![
        Field::new("id", DataType::Utf8, true),
        Field::new(TIME, micros(), true),
        Field::new("received_at", micros(), true),
        Field::new("source", DataType::Utf8, true),
        Field::new("raw", DataType::Utf8, true),
    ];
    TableSpec::plain("usage_conflicts", Arc::new(Schema::new(fields)))
});

/// How a file of usage is encoded: one row group, dictionaries for what repeats.
pub(crate) fn properties(effort: Effort) -> Result<WriterProperties, LakeError> {
    let level = match effort {
        Effort::Intake => limits::INTAKE_ZSTD_LEVEL,
        Effort::Compaction => limits::COMPACT_ZSTD_LEVEL,
    };
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("ephor ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(zstd_level(level)?))
        .set_max_row_group_row_count(Some(limits::FILE_ROWS))
        .set_dictionary_page_size_limit(limits::USAGE_DICTIONARY_BYTES)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for name in ["seq", TIME, "received_at"] {
        let path = ColumnPath::from(name);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    // Nearly every row has its own: a dictionary would be the column once more.
    for name in ["id", "request_id"] {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(name), false);
    }
    Ok(builder.build())
}
