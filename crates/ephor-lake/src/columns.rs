//! Columns of one data file by name, in the order asked for, and a file's rows as a stream.
//! Text comes plain or as a dictionary; a row group that is one dictionary on disk is one in memory.
//! Never caches and never holds more than what was asked for.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use crate::error::LakeError;
use crate::limits;
use crate::rows::wrong_column;

/// How text is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// `Utf8`.
    Plain,
    /// `Dictionary(Int32, Utf8)`: grouping then compares numbers.
    Dictionary,
}

/// The named columns of a file, in that order.
pub(crate) fn read(path: &Path, names: &[&str], text: Text) -> Result<Vec<RecordBatch>, LakeError> {
    let file = File::open(path).map_err(|e| LakeError::file("open", path, e))?;
    let mut metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    for name in names {
        metadata.schema().index_of(name).map_err(|_| wrong_column(name))?;
    }
    if text == Text::Dictionary {
        let options = ArrowReaderOptions::new().with_schema(with_dictionaries(metadata.schema()));
        metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?;
    }
    let rows = usize::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(usize::MAX);
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(rows.clamp(1, limits::FILE_ROWS)).build()?;
    reader.map(|batch| in_order(&batch?, names)).collect()
}

/// All columns of a file, a few rows at a time.
pub(crate) fn stream(path: &Path, batch_rows: usize) -> Result<ParquetRecordBatchReader, LakeError> {
    let file = File::open(path).map_err(|e| LakeError::file("open", path, e))?;
    Ok(ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(batch_rows).build()?)
}

/// A file keeps its columns in its own order; who asks names another.
fn in_order(batch: &RecordBatch, names: &[&str]) -> Result<RecordBatch, LakeError> {
    let places = names.iter().map(|name| batch.schema().index_of(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(batch.project(&places)?)
}

fn with_dictionaries(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Field::new(field.name(), dictionary, field.is_nullable())
        }
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
