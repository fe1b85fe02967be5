//! Columns of one data file by name, in the order asked for, and a file's rows as a stream.
//! Text comes plain or as a dictionary; a row group that is one dictionary on disk is one in memory.
//! Never holds rows that were not asked for.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::PageIndexPolicy;
use quick_cache::sync::Cache;

use crate::error::LakeError;
use crate::limits;
use crate::rows::wrong_column;

/// How text is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// `Utf8`.
    Plain,
    /// `Dictionary(Int32, Utf8)`: grouping then compares numbers. Of a column whose values are all `distinct` the
    /// dictionary is the column itself, and nothing has to be hashed.
    Dictionary { distinct: &'static [&'static str] },
}

/// The named columns of a file, in that order.
pub(crate) fn read(path: &Path, names: &[&str], text: Text) -> Result<Vec<RecordBatch>, LakeError> {
    let file = File::open(path).map_err(|e| LakeError::file("open", path, e))?;
    let mut metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    for name in names {
        metadata.schema().index_of(name).map_err(|_| wrong_column(name))?;
    }
    if let Text::Dictionary { distinct } = text {
        let options = ArrowReaderOptions::new().with_schema(with_dictionaries(metadata.schema(), distinct));
        metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?;
    }
    let rows = rows_of(&metadata);
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(rows.clamp(1, limits::FILE_ROWS)).build()?;
    reader.map(|batch| in_order(&batch?, names, text)).collect()
}

/// Files that are read in parts again and again: where their pages lie is kept.
#[derive(Debug)]
pub(crate) struct Footers {
    kept: Cache<PathBuf, ArrowReaderMetadata>,
}

impl Footers {
    pub(crate) fn new() -> Self {
        Self { kept: Cache::new(limits::DAY_TABLE_FOOTERS) }
    }

    /// Some rows of a file, of the pages that hold them alone, and how many rows the file has.
    pub(crate) fn read_rows(
        &self,
        path: &Path,
        names: &[&str],
        wanted: &Range<usize>,
    ) -> Result<(Vec<RecordBatch>, usize), LakeError> {
        let file = File::open(path).map_err(|e| LakeError::file("open", path, e))?;
        let metadata = self.of(&file, path)?;
        let rows = rows_of(&metadata);
        let wanted = wanted.start.min(rows)..wanted.end.min(rows);
        if wanted.is_empty() {
            return Ok((Vec::new(), rows));
        }
        let (groups, skipped) = groups_with(&metadata, &wanted);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
        let reader = builder
            .with_projection(mask)
            .with_row_groups(groups)
            .with_offset(wanted.start - skipped)
            .with_limit(wanted.len())
            .with_batch_size(wanted.len())
            .build()?;
        let batches = reader.map(|batch| in_order(&batch?, names, Text::Plain)).collect::<Result<_, _>>()?;
        Ok((batches, rows))
    }

    fn of(&self, file: &File, path: &Path) -> Result<ArrowReaderMetadata, LakeError> {
        if let Some(metadata) = self.kept.get(path) {
            return Ok(metadata);
        }
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(file, options)?;
        self.kept.insert(path.to_owned(), metadata.clone());
        Ok(metadata)
    }
}

/// The row groups that hold some rows, and how many rows lie before the first of them.
fn groups_with(metadata: &ArrowReaderMetadata, wanted: &Range<usize>) -> (Vec<usize>, usize) {
    let (mut groups, mut skipped, mut before) = (Vec::new(), 0, 0);
    for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
        let end = before + usize::try_from(group.num_rows()).unwrap_or(usize::MAX);
        if end <= wanted.start {
            skipped = end;
        } else if before < wanted.end {
            groups.push(number);
        }
        before = end;
    }
    (groups, skipped)
}

fn rows_of(metadata: &ArrowReaderMetadata) -> usize {
    usize::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(usize::MAX)
}

/// All columns of a file, a few rows at a time.
pub(crate) fn stream(path: &Path, batch_rows: usize) -> Result<ParquetRecordBatchReader, LakeError> {
    let file = File::open(path).map_err(|e| LakeError::file("open", path, e))?;
    Ok(ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(batch_rows).build()?)
}

/// A file keeps its columns in its own order; who asks names another.
fn in_order(batch: &RecordBatch, names: &[&str], text: Text) -> Result<RecordBatch, LakeError> {
    let places = names.iter().map(|name| batch.schema().index_of(name)).collect::<Result<Vec<_>, _>>()?;
    let ordered = batch.project(&places)?;
    match text {
        Text::Plain => Ok(ordered),
        Text::Dictionary { .. } => with_distinct_as_dictionaries(&ordered),
    }
}

fn with_dictionaries(schema: &SchemaRef, distinct: &[&str]) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 if !distinct.contains(&field.name().as_str()) => {
            Field::new(field.name(), dictionary(), field.is_nullable())
        }
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Text that is still plain becomes a dictionary in which every row has its own entry.
fn with_distinct_as_dictionaries(batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
    let rows = i32::try_from(batch.num_rows()).unwrap_or(i32::MAX);
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.data_type() != &DataType::Utf8 {
            fields.push(field.as_ref().clone());
            columns.push(Arc::clone(column));
            continue;
        }
        let keys = Int32Array::new((0..rows).collect::<Vec<_>>().into(), column.logical_nulls());
        fields.push(Field::new(field.name(), dictionary(), field.is_nullable()));
        columns.push(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(column))?) as ArrayRef);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}
