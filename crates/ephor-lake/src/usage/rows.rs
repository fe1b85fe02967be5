//! Usage events on their way in and on their way back, column by column.
//! An event that goes in comes back equal; its content has one spelling, so equal events have equal hashes.
//! Never judges an event: what is admitted was decided at the door.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int64Array, Int64Builder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use ephor_wire::usage::{Counts, Names, UsageEvent};

use super::schema::{ATTRIBUTES, FILE_SCHEMA, OWN_SCHEMA, TIME};
use crate::error::LakeError;
use crate::id_index::IdEntry;
use crate::rows::{Chosen, integers_of, micros_of, text_of};

/// Usage events in columns: no `seq`, no source, no time of receipt yet.
///
/// ```
/// use ephor_lake::UsageRows;
/// use ephor_wire::usage::UsageEvent;
/// let event = serde_json::json!({"id": "e1", "time": "2026-11-23T12:00:00Z", "surface": "chat", "kind": "message"});
/// let mut rows = UsageRows::new();
/// rows.push(&UsageEvent::from_json(event).unwrap());
/// assert_eq!(rows.len(), 1);
/// ```
#[derive(Debug)]
pub struct UsageRows {
    id: StringBuilder,
    time: Vec<i64>,
    /// In the order of [`Names::COLUMNS`].
    names: Vec<StringBuilder>,
    /// In the order of [`Counts::COLUMNS`].
    counts: Vec<Int64Builder>,
    attributes: StringBuilder,
    bytes: usize,
    /// Hashed here, where many threads work, and not in the one writer.
    entries: Vec<IdEntry>,
    scratch: Vec<u8>,
}

impl Default for UsageRows {
    fn default() -> Self {
        Self::new()
    }
}

impl UsageRows {
    /// No events yet.
    #[must_use]
    pub fn new() -> Self {
        let text = || StringBuilder::with_capacity(16, 256);
        Self {
            id: text(),
            time: Vec::new(),
            names: Names::COLUMNS.iter().map(|_| text()).collect(),
            counts: Counts::COLUMNS.iter().map(|_| Int64Builder::with_capacity(16)).collect(),
            attributes: text(),
            bytes: 0,
            entries: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Adds one event.
    pub fn push(&mut self, event: &UsageEvent) {
        let attributes =
            (!event.attributes.is_empty()).then(|| serde_json::Value::Object(event.attributes.clone()).to_string());
        let attributes = attributes.as_deref();
        write_content(&mut self.scratch, event.time_micros, event.names.values(), event.counts.values(), attributes);
        self.entries.push(IdEntry::of(&event.id, &self.scratch));
        self.bytes += event.id.len() + self.scratch.len();
        self.id.append_value(&event.id);
        self.time.push(event.time_micros);
        for (column, value) in self.names.iter_mut().zip(event.names.values()) {
            column.append_option(value);
        }
        for (column, value) in self.counts.iter_mut().zip(event.counts.values()) {
            column.append_option(value);
        }
        self.attributes.append_option(attributes);
    }

    /// How many events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// About as many bytes as the events have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The finished columns, of [`OWN_SCHEMA`], and the hashes of their rows.
    pub(crate) fn finish(mut self) -> Result<(RecordBatch, Vec<IdEntry>), LakeError> {
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(self.id.finish()), Arc::new(TimestampMicrosecondArray::from(self.time).with_timezone("UTC"))];
        columns.extend(self.names.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        columns.extend(self.counts.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        columns.push(Arc::new(self.attributes.finish()));
        Ok((RecordBatch::try_new(Arc::clone(&OWN_SCHEMA), columns)?, self.entries))
    }
}

/// Events of one batch that share a source and a time of receipt.
#[derive(Debug)]
pub(crate) struct UsageChunk {
    pub(crate) columns: RecordBatch,
    pub(crate) entries: Vec<IdEntry>,
    pub(crate) source: String,
    pub(crate) received_at: i64,
}

/// Gathers chosen rows, in the order given, into a batch with the columns of a data file.
pub(crate) fn gather(chunks: &[UsageChunk], chosen: &[Chosen]) -> Result<RecordBatch, LakeError> {
    let places: Vec<(usize, usize)> = chosen.iter().map(|c| (c.chunk, c.row)).collect();
    let batches: Vec<&RecordBatch> = chunks.iter().map(|chunk| &chunk.columns).collect();
    let own = arrow::compute::interleave_record_batch(&batches, &places)?;
    let seq = Int64Array::from_iter_values(chosen.iter().map(|c| i64::try_from(c.seq).unwrap_or(i64::MAX)));
    let received_at = chosen.iter().map(|c| chunks[c.chunk].received_at);
    let source = chosen.iter().map(|c| chunks[c.chunk].source.as_str());
    let given: [(&str, ArrayRef); 3] = [
        ("seq", Arc::new(seq)),
        ("received_at", Arc::new(TimestampMicrosecondArray::from_iter_values(received_at).with_timezone("UTC"))),
        ("source", Arc::new(StringArray::from_iter_values(source))),
    ];
    let column = |name: &str| {
        let given = given.iter().find(|(given, _)| *given == name).map(|(_, column)| Arc::clone(column));
        given.or_else(|| own.column_by_name(name).cloned())
    };
    let columns = FILE_SCHEMA.fields().iter().filter_map(|field| column(field.name())).collect();
    Ok(RecordBatch::try_new(Arc::clone(&FILE_SCHEMA), columns)?)
}

/// Columns of stored or incoming events, to be read row by row.
#[derive(Debug)]
pub(crate) struct EventColumns<'b> {
    id: &'b StringArray,
    time: Int64Array,
    names: Vec<&'b StringArray>,
    counts: Vec<&'b Int64Array>,
    attributes: &'b StringArray,
}

impl<'b> EventColumns<'b> {
    pub(crate) fn of(batch: &'b RecordBatch) -> Result<Self, LakeError> {
        Ok(Self {
            id: text_of(batch, "id")?,
            time: micros_of(batch, TIME)?,
            names: Names::COLUMNS.iter().map(|name| text_of(batch, name)).collect::<Result<_, _>>()?,
            counts: Counts::COLUMNS.iter().map(|name| integers_of(batch, name)).collect::<Result<_, _>>()?,
            attributes: text_of(batch, ATTRIBUTES)?,
        })
    }

    /// What the id index keeps of a row.
    pub(crate) fn entry(&self, row: usize, scratch: &mut Vec<u8>) -> IdEntry {
        let names = self.names.iter().map(|column| column.is_valid(row).then(|| column.value(row)));
        let counts = self.counts.iter().map(|column| column.is_valid(row).then(|| column.value(row)));
        let attributes = self.attributes.is_valid(row).then(|| self.attributes.value(row));
        write_content(scratch, self.time.value(row), names, counts, attributes);
        IdEntry::of(self.id.value(row), scratch)
    }

    /// The row as an event again.
    pub(crate) fn event(&self, row: usize) -> UsageEvent {
        let mut event = UsageEvent {
            id: self.id.value(row).to_owned(),
            time_micros: self.time.value(row),
            ..UsageEvent::default()
        };
        for (name, column) in Names::COLUMNS.iter().zip(&self.names) {
            if let (true, Some(slot)) = (column.is_valid(row), event.names.slot(name)) {
                *slot = Some(column.value(row).to_owned());
            }
        }
        for (name, column) in Counts::COLUMNS.iter().zip(&self.counts) {
            if let (true, Some(slot)) = (column.is_valid(row), event.counts.slot(name)) {
                *slot = Some(column.value(row));
            }
        }
        if self.attributes.is_valid(row) {
            event.attributes = serde_json::from_str(self.attributes.value(row)).unwrap_or_default();
        }
        event
    }
}

/// The one spelling of an event's content. A column that holds nothing leaves no trace, so that a column added one day
/// changes the content of no event that was stored before.
fn write_content<'v>(
    out: &mut Vec<u8>,
    time_micros: i64,
    names: impl Iterator<Item = Option<&'v str>>,
    counts: impl Iterator<Item = Option<i64>>,
    attributes: Option<&str>,
) {
    let field = |out: &mut Vec<u8>, name: &str, value: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&(value.len() as u64).to_le_bytes());
        out.extend_from_slice(value);
    };
    out.clear();
    field(out, TIME, &time_micros.to_le_bytes());
    for (name, value) in Names::COLUMNS.iter().zip(names) {
        if let Some(value) = value {
            field(out, name, value.as_bytes());
        }
    }
    for (name, value) in Counts::COLUMNS.iter().zip(counts) {
        if let Some(value) = value {
            field(out, name, &value.to_le_bytes());
        }
    }
    if let Some(attributes) = attributes {
        field(out, ATTRIBUTES, attributes.as_bytes());
    }
}
