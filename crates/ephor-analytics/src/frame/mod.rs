//! Rows of a listing as columns: counted or read from a day table, sorted, and written as JSON a page at a time.
//! Columns and JSON are made from the same fields, so they cannot tell different things.
//! Never holds JSON: a page is written when it is asked for.

mod json;

use std::cmp::Ordering as Cmp;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field as ArrowField, Int64Type, Schema, SchemaRef};
use ephor_lake::LakeError;
use ephor_wire::timestamp::UtcDay;

use crate::listing::spec::{Field, From, Shape};
use crate::query::{Direction, Ordering};

pub(crate) use json::{Program as JsonProgram, cents, instant};

/// Columns of equal length, one for each field that is not always the same.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) fields: Arc<[Field]>,
    /// Beside `fields`; a field that is always the same has an empty column.
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) rows: usize,
    /// The day that day numbers count from.
    pub(crate) first_day: UtcDay,
    /// Whether a row says what only the directory knows.
    pub(crate) asked_directory: bool,
}

impl Frame {
    /// The column of a path.
    pub(crate) fn column(&self, path: &str) -> Option<&ArrayRef> {
        self.fields.iter().position(|field| field.path == path).map(|place| &self.columns[place])
    }

    /// Texts of a path.
    pub(crate) fn texts(&self, path: &str) -> Option<&StringArray> {
        self.column(path)?.as_string_opt::<i32>()
    }

    /// Numbers of a path.
    pub(crate) fn numbers(&self, path: &str) -> Option<&Int64Array> {
        self.column(path)?.as_primitive_opt::<Int64Type>()
    }

    /// Puts another column in the place of a path's.
    pub(crate) fn replace(&mut self, path: &str, column: ArrayRef) {
        if let Some(place) = self.fields.iter().position(|field| field.path == path) {
            self.columns[place] = column;
        }
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(arrow::array::Array::get_array_memory_size).sum()
    }

    /// The same rows in the order of these columns, ascending.
    pub(crate) fn sorted(self, by: &[&str]) -> Result<Self, LakeError> {
        let order = self.order(by, None, Direction::Ascending);
        self.picked(order)
    }

    /// The rows at these places.
    pub(crate) fn picked(self, places: Vec<u32>) -> Result<Self, LakeError> {
        let rows = places.len();
        let places = UInt32Array::from(places);
        let pick = |(field, column): (&Field, &ArrayRef)| match field.from {
            From::Always(_) => Ok(Arc::clone(column)),
            _ => take(column.as_ref(), &places, None),
        };
        let columns = self.fields.iter().zip(&self.columns).map(pick).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { columns, rows, ..self })
    }

    /// The places of the rows in the order asked for: by a metric, nothing last, and then always by `sorted_by`.
    pub(crate) fn order(&self, sorted_by: &[&str], metric: Option<&str>, direction: Direction) -> Vec<u32> {
        let mut places: Vec<u32> = (0..u32::try_from(self.rows).unwrap_or(u32::MAX)).collect();
        let keys: Vec<&ArrayRef> = sorted_by.iter().filter_map(|path| self.column(path)).collect();
        let by_keys = |a: usize, b: usize| {
            keys.iter().map(|column| compare(column, a, b)).find(|order| order.is_ne()).unwrap_or(Cmp::Equal)
        };
        match metric.and_then(|metric| self.numbers(metric)) {
            None => places.sort_by(|a, b| turned(by_keys(*a as usize, *b as usize), direction)),
            Some(numbers) => places.sort_by(|a, b| {
                let (a, b) = (*a as usize, *b as usize);
                match (numbers.is_null(a), numbers.is_null(b)) {
                    (true, false) => Cmp::Greater,
                    (false, true) => Cmp::Less,
                    (true, true) => by_keys(a, b),
                    (false, false) => {
                        turned(numbers.value(a).cmp(&numbers.value(b)), direction).then_with(|| by_keys(a, b))
                    }
                }
            }),
        }
        places
    }

    /// As the day table keeps it.
    pub(crate) fn to_batch(&self) -> Result<RecordBatch, LakeError> {
        let stored = self.fields.iter().zip(&self.columns).filter(|(field, _)| is_stored(field));
        let columns: Vec<ArrayRef> = stored.map(|(_, column)| Arc::clone(column)).collect();
        Ok(RecordBatch::try_new(schema(&self.fields), columns)?)
    }

    /// As it was read from the day table.
    pub(crate) fn from_batches(
        fields: Arc<[Field]>,
        batches: &[RecordBatch],
        first_day: UtcDay,
    ) -> Result<Self, LakeError> {
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let column = |field: &Field| -> Result<ArrayRef, LakeError> {
            if !is_stored(field) {
                return Ok(empty(field));
            }
            let name = column_name(field.path);
            let parts = batches.iter().filter_map(|batch| batch.column_by_name(&name));
            let parts =
                parts.map(|part| arrow::compute::cast(part, &data_type(field.shape))).collect::<Result<Vec<_>, _>>()?;
            match parts.is_empty() {
                true => Ok(empty(field)),
                false => Ok(concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())?),
            }
        };
        let columns = fields.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { fields, columns, rows, first_day, asked_directory: false })
    }
}

/// The order of rows that was asked for; nothing when the frame lies in it already.
pub(crate) fn ordered(frame: &Frame, sorted_by: &[&str], ordering: &Ordering) -> Option<Vec<u32>> {
    (!ordering.is_natural()).then(|| frame.order(sorted_by, ordering.metric, ordering.direction))
}

fn turned(order: Cmp, direction: Direction) -> Cmp {
    match direction {
        Direction::Ascending => order,
        Direction::Descending => order.reverse(),
    }
}

fn compare(column: &ArrayRef, a: usize, b: usize) -> Cmp {
    if let Some(texts) = column.as_string_opt::<i32>() {
        return texts.value(a).cmp(texts.value(b));
    }
    match column.as_primitive_opt::<Int64Type>() {
        Some(numbers) => numbers.value(a).cmp(&numbers.value(b)),
        None => Cmp::Equal,
    }
}

/// Whether a field is a column of the day table.
fn is_stored(field: &Field) -> bool {
    !matches!(field.from, From::Always(_))
}

/// A field without rows.
pub(crate) fn empty(field: &Field) -> ArrayRef {
    arrow::array::new_empty_array(&data_type(field.shape))
}

/// What a shape's values are in memory and in the day table.
pub(crate) fn data_type(shape: Shape) -> DataType {
    match shape {
        Shape::Text | Shape::MaybeText | Shape::Json => DataType::Utf8,
        Shape::Count | Shape::Cents | Shape::Word | Shape::Day | Shape::Instant | Shape::Flag | Shape::Hidden => {
            DataType::Int64
        }
    }
}

/// `chat_metrics.message_count` → `chat_metrics_message_count`
pub(crate) fn column_name(path: &str) -> String {
    path.replace('.', "_")
}

/// The columns of a listing's day table.
pub(crate) fn schema(fields: &[Field]) -> SchemaRef {
    let stored = fields.iter().filter(|field| is_stored(field));
    let columns = stored.map(|field| ArrowField::new(column_name(field.path), data_type(field.shape), true));
    Arc::new(Schema::new(columns.collect::<Vec<_>>()))
}
