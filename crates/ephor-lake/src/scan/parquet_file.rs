//! Columns and rows of one Parquet file: footers and filter columns cached, `raw` read by the page.
//! Memory is bounded by two caches whose sizes are in `limits`.
//! Never reads a byte range twice for one question, and never shares a file position between threads.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::reader::{ChunkReader, Length};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::error::LakeError;
use crate::files::DataFile;
use crate::limits;
use crate::rows::{projected_schema, text_of};
use crate::schema::{FILE_SCHEMA, TEXT_COLUMNS};

/// How filter columns are decoded: text as dictionary keys, so that a condition is tried once per value and not per row.
static FILTER_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let fields = FILE_SCHEMA.fields().iter().map(|field| match TEXT_COLUMNS.contains(&field.name().as_str()) {
        true => Field::new(
            field.name(),
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            field.is_nullable(),
        ),
        false => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
});

type ColumnKey = (String, &'static str);

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<ColumnKey, ArrayRef> for ByBytes {
    fn weight(&self, key: &ColumnKey, column: &ArrayRef) -> u64 {
        (key.0.len() + column.get_array_memory_size()) as u64
    }
}

/// Reads files, keeping what the next page will ask for again.
pub(crate) struct ColumnStore {
    footers: Cache<String, ArrowReaderMetadata>,
    columns: Cache<ColumnKey, ArrayRef, ByBytes>,
    /// The values of text columns, without the rows.
    values: Cache<ColumnKey, ArrayRef, ByBytes>,
}

impl std::fmt::Debug for ColumnStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ColumnStore({} footers, {} columns)", self.footers.len(), self.columns.len())
    }
}

impl ColumnStore {
    pub(crate) fn new() -> Self {
        let expected_columns = limits::FOOTER_CACHE_FILES * 4;
        Self {
            footers: Cache::new(limits::FOOTER_CACHE_FILES),
            columns: Cache::with_weighter(expected_columns, limits::COLUMN_CACHE_BYTES, ByBytes),
            values: Cache::with_weighter(expected_columns, limits::VALUE_CACHE_BYTES, ByBytes),
        }
    }

    /// A whole column for filtering: `created_at` and `seq` as integers, text as a dictionary.
    pub(crate) fn filter_column(&self, file: &DataFile, name: &'static str) -> Result<ArrayRef, LakeError> {
        let key = (file.path.clone(), name);
        if let Some(column) = self.columns.get(&key) {
            return Ok(column);
        }
        let builder = self.builder(file)?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), [name]);
        let rows = usize::try_from(file.span.rows).unwrap_or(usize::MAX);
        let reader = builder.with_projection(mask).with_batch_size(rows.clamp(1, limits::FILE_ROWS)).build()?;
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        let parts: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(0).as_ref()).collect();
        let column = arrow::compute::concat(&parts)?;
        let column = match name {
            "created_at" => arrow::compute::cast(&column, &DataType::Int64)?,
            _ => column,
        };
        self.columns.insert(key, Arc::clone(&column));
        Ok(column)
    }

    /// The values of a text column, each once.
    pub(crate) fn values(&self, file: &DataFile, name: &'static str) -> Result<StringArray, LakeError> {
        let key = (file.path.clone(), name);
        let values = match self.values.get(&key) {
            Some(values) => values,
            None => {
                let column = self.filter_column(file, name)?;
                let values = dictionary_values(&column).cloned();
                let what = || format!("column `{name}` of {} is not text", file.path);
                let values = values.ok_or_else(|| LakeError::Damaged { path: file.full_path.clone(), what: what() })?;
                let values: ArrayRef = Arc::new(values);
                self.values.insert(key, Arc::clone(&values));
                values
            }
        };
        Ok(values.as_string::<i32>().clone())
    }

    /// `raw` of the rows named, which must be in ascending order.
    pub(crate) fn fetch(&self, file: &DataFile, rows: &[usize]) -> Result<Vec<String>, LakeError> {
        let mut fetched = Vec::with_capacity(rows.len());
        for batch in &self.select(file, rows, &["raw"])? {
            fetched.extend(text_of(batch, "raw")?.iter().flatten().map(str::to_owned));
        }
        Ok(fetched)
    }

    /// The ids of a span of rows.
    pub(crate) fn ids(&self, file: &DataFile, rows: Range<usize>) -> Result<Vec<String>, LakeError> {
        let batches = self.select(file, &rows.collect::<Vec<_>>(), &["id"])?;
        let mut ids = Vec::new();
        for batch in &batches {
            ids.extend(text_of(batch, "id")?.iter().flatten().map(str::to_owned));
        }
        Ok(ids)
    }

    /// Whole columns, decoded as plain types and not cached.
    pub(crate) fn read_columns(&self, file: &DataFile, names: &[&str]) -> Result<RecordBatch, LakeError> {
        let metadata = Arc::clone(self.metadata(file)?.metadata());
        let plain = ArrowReaderMetadata::try_new(metadata, options())?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(PositionedFile::open(&file.full_path)?, plain);
        let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
        let batches = builder.with_projection(mask).build()?.collect::<Result<Vec<_>, _>>()?;
        Ok(arrow::compute::concat_batches(&Arc::new(projected_schema(names)), &batches)?)
    }

    /// Whether the file's bloom filter lets any of the ids through.
    pub(crate) fn may_hold_any(&self, file: &DataFile, ids: &HashSet<&str>) -> Result<bool, LakeError> {
        let builder = self.builder(file)?;
        let column = FILE_SCHEMA.index_of("id")?;
        for group in 0..builder.metadata().num_row_groups() {
            match builder.get_row_group_column_bloom_filter(group, column)? {
                Some(filter) if ids.iter().any(|id| filter.check(id)) => return Ok(true),
                Some(_) => {}
                None => return Ok(true),
            }
        }
        Ok(false)
    }

    /// The named columns of the rows named, which must be in ascending order; text other than `id` and `raw` as dictionaries.
    pub(super) fn select(
        &self,
        file: &DataFile,
        rows: &[usize],
        names: &[&str],
    ) -> Result<Vec<RecordBatch>, LakeError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let builder = self.builder(file)?;
        let total = usize::try_from(file.span.rows).unwrap_or(usize::MAX);
        let selection = RowSelection::from_consecutive_ranges(runs_of(rows).into_iter(), total);
        let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
        let reader = builder.with_projection(mask).with_row_selection(selection).with_batch_size(rows.len()).build()?;
        Ok(reader.collect::<Result<Vec<_>, _>>()?)
    }

    fn builder(&self, file: &DataFile) -> Result<ParquetRecordBatchReaderBuilder<PositionedFile>, LakeError> {
        let metadata = self.metadata(file)?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(PositionedFile::open(&file.full_path)?, metadata))
    }

    fn metadata(&self, file: &DataFile) -> Result<ArrowReaderMetadata, LakeError> {
        if let Some(metadata) = self.footers.get(&file.path) {
            return Ok(metadata);
        }
        let opened = PositionedFile::open(&file.full_path)?;
        let metadata = ArrowReaderMetadata::load(&opened, options().with_schema(Arc::clone(&FILTER_SCHEMA)))?;
        self.footers.insert(file.path.clone(), metadata.clone());
        Ok(metadata)
    }
}

/// The values of a text column as it is kept for filtering.
pub(super) fn dictionary_values(column: &ArrayRef) -> Option<&StringArray> {
    column.as_dictionary_opt::<Int32Type>()?.values().as_string_opt::<i32>()
}

/// Where pages lie is needed to skip them; what is in them is not (rows are found by the cached columns).
fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new()
        .with_offset_index_policy(PageIndexPolicy::Optional)
        .with_column_index_policy(PageIndexPolicy::Skip)
}

/// Every column of a file, in one batch.
pub(crate) fn read_whole(path: &Path) -> Result<RecordBatch, LakeError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(PositionedFile::open(path)?)?;
    let schema = Arc::clone(builder.schema());
    let batches = builder.build()?.collect::<Result<Vec<_>, _>>()?;
    Ok(arrow::compute::concat_batches(&schema, &batches)?)
}

/// Ascending row numbers as spans of neighbours.
fn runs_of(rows: &[usize]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for &row in rows {
        match runs.last_mut() {
            Some(run) if run.end == row => run.end = row + 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}

/// A file read by offset, so that threads share it without sharing a position.
struct PositionedFile {
    file: Arc<File>,
    length: u64,
}

impl PositionedFile {
    fn open(path: &Path) -> Result<Self, LakeError> {
        let failed = |e| LakeError::file("open", path, e);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok(Self { file: Arc::new(file), length })
    }
}

impl Length for PositionedFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for PositionedFile {
    type T = std::io::BufReader<FileFrom>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(std::io::BufReader::new(FileFrom { file: Arc::clone(&self.file), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let mut bytes = vec![0_u8; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// A file read onward from a place of its own.
struct FileFrom {
    file: Arc<File>,
    at: u64,
}

impl Read for FileFrom {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
