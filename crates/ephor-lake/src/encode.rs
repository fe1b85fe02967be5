//! A sorted batch of activities becomes the bytes of one Parquet file, with the statistics that Delta keeps of it.
//! One row group a file, small pages for `raw`, dictionaries for what repeats, bloom filters for what is looked up.
//! Never reorders rows: callers hand in feed order.

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::LakeError;
use crate::limits;
use crate::schema::{BLOOM_COLUMNS, CREATED_AT};
use crate::span::Span;
use crate::table::zstd_level;

/// How hard to compress: rows just arrived are compressed once more when their day is compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    Intake,
    Compaction,
}

/// A file's bytes and what its `Add` action says of them.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) span: Span,
}

/// Encodes rows that are in feed order.
pub(crate) fn encode(batch: &RecordBatch, effort: Effort) -> Result<Encoded, LakeError> {
    encode_with(batch, CREATED_AT, properties(batch.num_rows(), effort)?)
}

/// Encodes rows of any table whose rows have a `seq`.
pub(crate) fn encode_with(
    batch: &RecordBatch,
    time_column: &str,
    properties: WriterProperties,
) -> Result<Encoded, LakeError> {
    let span = Span::of(batch, time_column)?;
    let mut bytes = Vec::with_capacity(batch.num_rows() * 64);
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))?;
    writer.write(batch)?;
    writer.close()?;
    Ok(Encoded { bytes, span })
}

fn properties(rows: usize, effort: Effort) -> Result<WriterProperties, LakeError> {
    let level = match effort {
        Effort::Intake => limits::INTAKE_ZSTD_LEVEL,
        Effort::Compaction => limits::COMPACT_ZSTD_LEVEL,
    };
    let plain = |builder: parquet::file::properties::WriterPropertiesBuilder, name: &str, encoding: Encoding| {
        let path = ColumnPath::from(name);
        builder.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, encoding)
    };
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("ephor ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(zstd_level(level)?))
        .set_max_row_group_row_count(Some(limits::FILE_ROWS))
        .set_write_batch_size(limits::WRITE_BATCH_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_sorting_columns(Some(vec![sorted_by(CREATED_AT), sorted_by("id")]));
    for name in ["seq", "created_at", "received_at"] {
        builder = plain(builder, name, Encoding::DELTA_BINARY_PACKED);
    }
    builder = plain(builder, "id", Encoding::PLAIN);
    builder = plain(builder, "raw", Encoding::PLAIN);
    builder = builder
        .set_column_data_page_size_limit(ColumnPath::from("raw"), limits::RAW_PAGE_BYTES)
        .set_column_data_page_size_limit(ColumnPath::from("id"), limits::ID_PAGE_BYTES)
        .set_column_statistics_enabled(ColumnPath::from("raw"), EnabledStatistics::None)
        .set_column_statistics_enabled(ColumnPath::from("created_at"), EnabledStatistics::Page);
    for name in BLOOM_COLUMNS {
        let path = ColumnPath::from(name);
        builder = builder
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_max_ndv(path, u64::try_from(rows).unwrap_or(1).max(1));
    }
    Ok(builder.build())
}

fn sorted_by(name: &str) -> SortingColumn {
    let index = crate::schema::FILE_SCHEMA.index_of(name).unwrap_or_default();
    SortingColumn { column_idx: i32::try_from(index).unwrap_or_default(), descending: false, nulls_first: false }
}
