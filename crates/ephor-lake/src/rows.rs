//! Activities on their way in, column by column: one pass over the received bytes fills them, nothing is parsed again.
//! Keeps the received bytes exactly, and input order.
//! Never judges a row: what is admitted was decided at the door.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use ephor_wire::catalogue::catalogue;
use ephor_wire::header::Header;

use crate::error::LakeError;
use crate::id_index::IdEntry;
use crate::proof::{RawDigest, raw_digest_of};
use crate::schema::{CREATED_AT, TEXT_COLUMNS};

/// Activities in columns, as the wire gave them: no `seq`, no source, no time of receipt yet.
///
/// ```
/// use ephor_lake::ActivityRows;
/// use ephor_wire::header::Header;
/// let raw = br#"{"id":"activity_1","created_at":"2026-01-02T03:04:05Z","type":"user_logged_out","actor":{"type":"user_actor","user_id":"user_1"}}"#;
/// let mut rows = ActivityRows::with_capacity(1, raw.len());
/// rows.push(raw, &Header::parse(raw).unwrap());
/// assert_eq!(rows.len(), 1);
/// ```
#[derive(Debug)]
pub struct ActivityRows {
    id: StringBuilder,
    created_at: Vec<i64>,
    /// In the order of [`TEXT_COLUMNS`] without `source`.
    text: Vec<StringBuilder>,
    raw: StringBuilder,
    raw_bytes: usize,
    /// Hashed here, where many threads work, and not in the one writer.
    entries: Vec<IdEntry>,
    /// For the leaves of the tree.
    digests: Vec<RawDigest>,
}

/// The text columns that come from the row itself.
const OWN_TEXT: usize = TEXT_COLUMNS.len() - 1;

impl ActivityRows {
    /// Room for that many rows and bytes without growing.
    #[must_use]
    pub fn with_capacity(rows: usize, raw_bytes: usize) -> Self {
        Self {
            id: StringBuilder::with_capacity(rows, rows * 36),
            created_at: Vec::with_capacity(rows),
            text: (0..OWN_TEXT).map(|_| StringBuilder::with_capacity(rows, rows * 16)).collect(),
            raw: StringBuilder::with_capacity(rows, raw_bytes),
            raw_bytes: 0,
            entries: Vec::with_capacity(rows),
            digests: Vec::with_capacity(rows),
        }
    }

    /// Adds one activity: its bytes as received and the header parsed from exactly these bytes.
    pub fn push(&mut self, raw: &[u8], header: &Header<'_>) {
        // A header is only ever parsed from JSON, and JSON is UTF-8: the lossy path is for a caller that mixed bytes up.
        let text = String::from_utf8_lossy(raw);
        self.raw.append_value(&text);
        self.raw_bytes += raw.len();
        let digest = raw_digest_of(raw);
        self.entries.push(IdEntry::with_digest(&header.id, &digest));
        self.digests.push(digest);
        self.id.append_value(&header.id);
        self.created_at.push(header.created_at_micros);
        let category = catalogue().category_of(&header.kind);
        let values: [Option<&str>; OWN_TEXT] = [
            Some(&header.kind),
            Some(category),
            header.organization_id.as_deref(),
            header.organization_uuid.as_deref(),
            header.actor_type.as_deref(),
            header.actor_id.as_deref(),
            header.actor_email.as_deref(),
            header.api_key_id.as_deref(),
            header.ip_address.as_deref(),
            header.user_agent.as_deref(),
            header.workspace_id.as_deref(),
        ];
        for (column, value) in self.text.iter_mut().zip(values) {
            column.append_option(value);
        }
    }

    /// How many activities.
    #[must_use]
    pub fn len(&self) -> usize {
        self.created_at.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.created_at.is_empty()
    }

    /// Bytes of all activities as received.
    #[must_use]
    pub fn raw_bytes(&self) -> usize {
        self.raw_bytes
    }

    /// The finished columns.
    pub(crate) fn finish(mut self) -> RowColumns {
        RowColumns {
            id: self.id.finish(),
            created_at: Int64Array::from(self.created_at),
            text: self.text.iter_mut().map(StringBuilder::finish).collect(),
            raw: self.raw.finish(),
            entries: self.entries,
            digests: self.digests,
        }
    }
}

/// Finished columns of one [`ActivityRows`].
#[derive(Debug)]
pub(crate) struct RowColumns {
    pub(crate) id: StringArray,
    pub(crate) created_at: Int64Array,
    pub(crate) text: Vec<StringArray>,
    pub(crate) raw: StringArray,
    pub(crate) entries: Vec<IdEntry>,
    pub(crate) digests: Vec<RawDigest>,
}

/// One chosen row: which chunk, which row in it, and the `seq` it was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen {
    pub(crate) chunk: usize,
    pub(crate) row: usize,
    pub(crate) seq: u64,
}

/// Rows of one commit that share a source and a time of receipt.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) columns: RowColumns,
    pub(crate) source: Arc<str>,
    pub(crate) received_at: i64,
}

/// Gathers chosen rows, in the order given, into a batch with the columns of a data file.
pub(crate) fn gather(chunks: &[Chunk], chosen: &[Chosen]) -> Result<RecordBatch, LakeError> {
    let places: Vec<(usize, usize)> = chosen.iter().map(|c| (c.chunk, c.row)).collect();
    let seq = Int64Array::from_iter_values(chosen.iter().map(|c| i64::try_from(c.seq).unwrap_or(i64::MAX)));
    let created_at = chosen.iter().map(|c| chunks[c.chunk].columns.created_at.value(c.row));
    let received_at = chosen.iter().map(|c| chunks[c.chunk].received_at);
    let source = StringArray::from_iter_values(chosen.iter().map(|c| chunks[c.chunk].source.as_ref()));
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(seq),
        interleave(chunks.iter().map(|c| &c.columns.id), &places)?,
        Arc::new(TimestampMicrosecondArray::from_iter_values(created_at).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from_iter_values(received_at).with_timezone("UTC")),
        Arc::new(source),
    ];
    for text in 0..OWN_TEXT {
        columns.push(interleave(chunks.iter().map(|c| &c.columns.text[text]), &places)?);
    }
    columns.push(interleave(chunks.iter().map(|c| &c.columns.raw), &places)?);
    Ok(RecordBatch::try_new(Arc::clone(&crate::schema::FILE_SCHEMA), columns)?)
}

fn interleave<'a>(
    arrays: impl Iterator<Item = &'a StringArray>,
    places: &[(usize, usize)],
) -> Result<ArrayRef, LakeError> {
    let arrays: Vec<&dyn Array> = arrays.map(|array| array as &dyn Array).collect();
    Ok(arrow::compute::interleave(&arrays, places)?)
}

/// A batch of a data file sorted by feed order (`created_at`, then `id`).
pub(crate) fn in_feed_order(batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
    let created_at = micros_of(batch, CREATED_AT)?;
    let id = text_of(batch, "id")?;
    let mut order: Vec<u32> = (0..u32::try_from(batch.num_rows()).unwrap_or(u32::MAX)).collect();
    order.sort_unstable_by(|&a, &b| {
        let (a, b) = (a as usize, b as usize);
        created_at.value(a).cmp(&created_at.value(b)).then_with(|| id.value(a).cmp(id.value(b)))
    });
    Ok(arrow::compute::take_record_batch(batch, &arrow::array::UInt32Array::from(order))?)
}

/// A column of times as plain microseconds.
pub(crate) fn micros_of(batch: &RecordBatch, name: &str) -> Result<Int64Array, LakeError> {
    let column = arrow::compute::cast(column_of(batch, name)?, &DataType::Int64)?;
    Ok(column.as_primitive::<Int64Type>().clone())
}

/// A text column by name.
pub(crate) fn text_of<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, LakeError> {
    column_of(batch, name)?.as_string_opt::<i32>().ok_or_else(|| wrong_column(name))
}

/// The `seq` column.
pub(crate) fn seq_of(batch: &RecordBatch) -> Result<&Int64Array, LakeError> {
    integers_of(batch, "seq")
}

/// A column of whole numbers by name.
pub(crate) fn integers_of<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int64Array, LakeError> {
    column_of(batch, name)?.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_column(name))
}

fn column_of<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, LakeError> {
    batch.column_by_name(name).ok_or_else(|| wrong_column(name))
}

pub(crate) fn wrong_column(name: &str) -> LakeError {
    LakeError::Arrow(arrow::error::ArrowError::SchemaError(format!(
        "a data file has no column `{name}` of the expected type"
    )))
}

/// A schema of the named columns of a data file, in the file's order.
pub(crate) fn projected_schema(names: &[&str]) -> Schema {
    let fields: Vec<Field> = crate::schema::FILE_SCHEMA
        .fields()
        .iter()
        .filter(|f| names.contains(&f.name().as_str()))
        .map(|f| f.as_ref().clone())
        .collect();
    Schema::new(fields)
}
