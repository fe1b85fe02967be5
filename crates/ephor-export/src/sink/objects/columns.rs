//! OCSF records as the columns of Amazon Security Lake: one class a file, every column of the class in every file.
//! Promises that no field is lost: what a class has no column for goes into `unmapped`, under its path.
//! Never a column that depends on what a batch happens to hold.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::json::ReaderBuilder;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What a data page may hold before it is packed, by Security Lake's rules.
const PAGE_BYTES: usize = 1 << 20;

/// Rows of a row group: below Security Lake's 256 MB packed whatever the records hold.
const GROUP_ROWS: usize = 100_000;

/// The column for what has none.
const UNMAPPED: &str = "unmapped";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    groups: BTreeMap<String, Vec<String>>,
    class: BTreeMap<String, Class>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    groups: Vec<String>,
    #[serde(default)]
    columns: Vec<String>,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Text,
    Integer,
    Long,
    Flag,
    List(Box<Shape>),
    Object(BTreeMap<String, Shape>),
}

/// The columns of every class, by its number.
static CLASSES: LazyLock<BTreeMap<i64, Shape>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    let table: Table = toml::from_str(include_str!("../../../data/security_lake.toml")).expect("the file is valid");
    let of = |class: &Class| {
        let mut columns = Shape::Object(BTreeMap::new());
        let grouped = class.groups.iter().filter_map(|name| table.groups.get(name)).flatten();
        for line in grouped.chain(&class.columns) {
            let (path, kind) = line.split_once(' ').unwrap_or((line, "text"));
            let leaf = match kind {
                "integer" => Shape::Integer,
                "long" => Shape::Long,
                "flag" => Shape::Flag,
                _ => Shape::Text,
            };
            columns.add(&path.split('.').collect::<Vec<_>>(), leaf);
        }
        columns
    };
    table.class.iter().filter_map(|(uid, class)| Some((uid.parse().ok()?, of(class)))).collect()
});

/// The number of a record's class, and when it happened in milliseconds; a class without columns is a base event.
pub(super) fn class_and_time(row: &Map<String, Value>) -> (i64, i64) {
    let number = |name: &str| row.get(name).and_then(Value::as_i64).unwrap_or_default();
    let class = number("class_uid");
    (if CLASSES.contains_key(&class) { class } else { 0 }, number("time"))
}

/// Records of one class as a Parquet file.
pub(super) fn parquet(class: i64, mut rows: Vec<Map<String, Value>>) -> Result<Vec<u8>, String> {
    let shape = CLASSES.get(&class).ok_or_else(|| format!("class {class} has no columns"))?;
    rows.sort_by_key(|row| class_and_time(row).1);
    let rows: Vec<Value> = rows.into_iter().map(|row| fitted(row, shape)).collect();
    let schema = Arc::new(Schema::new(shape.fields()));
    let wrong = |error: arrow::error::ArrowError| format!("records do not fit their columns: {error}");
    let mut decoder = ReaderBuilder::new(schema.clone()).with_batch_size(rows.len().max(1)).build_decoder();
    let decoder = decoder.as_mut().map_err(|error| error.to_string())?;
    decoder.serialize(&rows).map_err(wrong)?;
    let batch = decoder.flush().map_err(wrong)?.ok_or("no records")?;
    let time = schema.index_of("time").map_err(wrong)?;
    let leaf = leaves_before(shape, time);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(PAGE_BYTES)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_sorting_columns(Some(vec![SortingColumn { column_idx: leaf, descending: false, nulls_first: false }]))
        .build();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, schema, Some(properties)).map_err(|error| error.to_string())?;
    writer.write(&batch).and_then(|()| writer.close().map(drop)).map_err(|error| error.to_string())?;
    Ok(file)
}

/// A row with nothing but its columns, and the rest of it in one of them.
fn fitted(mut row: Map<String, Value>, shape: &Shape) -> Value {
    let mut rest = match row.remove(UNMAPPED) {
        Some(Value::Object(rest)) => rest,
        Some(other) => Map::from_iter([(UNMAPPED.to_owned(), other)]),
        None => Map::new(),
    };
    let mut fitted = shape.fit(Value::Object(row), "", &mut rest);
    if let Value::Object(columns) = &mut fitted
        && !rest.is_empty()
    {
        columns.insert(UNMAPPED.to_owned(), Value::from(Value::Object(rest).to_string()));
    }
    fitted
}

impl Shape {
    fn add(&mut self, path: &[&str], leaf: Shape) {
        let (Self::Object(fields), Some((name, deeper))) = (self, path.split_first()) else { return };
        let (name, is_list) = name.strip_suffix("[]").map_or((*name, false), |name| (name, true));
        let mut item = match deeper.is_empty() {
            true => leaf.clone(),
            false => Self::Object(BTreeMap::new()),
        };
        match (fields.get_mut(name), is_list) {
            (Some(Self::List(known)), true) => known.add(deeper, leaf),
            (Some(known), _) => known.add(deeper, leaf),
            (None, is_list) => {
                item.add(deeper, leaf);
                fields.insert(name.to_owned(), if is_list { Self::List(Box::new(item)) } else { item });
            }
        }
    }

    fn fields(&self) -> Fields {
        match self {
            Self::Object(fields) => {
                fields.iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect()
            }
            _ => Fields::empty(),
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Flag => DataType::Boolean,
            Self::List(item) => DataType::List(Arc::new(Field::new("element", item.data_type(), true))),
            Self::Object(_) => DataType::Struct(self.fields()),
        }
    }

    /// What of a value has a place here; what has none is put with the rest.
    fn fit(&self, value: Value, path: &str, rest: &mut Map<String, Value>) -> Value {
        match (self, value) {
            (Self::Object(fields), Value::Object(values)) => {
                let mut fitted = Map::new();
                for (name, value) in values {
                    let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    match fields.get(&name) {
                        Some(shape) => {
                            fitted.insert(name, shape.fit(value, &place, rest));
                        }
                        None => {
                            rest.insert(place, value);
                        }
                    }
                }
                Value::Object(fitted)
            }
            (Self::List(item), Value::Array(values)) => {
                let fit = |(index, value)| item.fit(value, &format!("{path}.{index}"), rest);
                values.into_iter().enumerate().map(fit).collect()
            }
            (_, Value::Null) => Value::Null,
            (shape, value) if shape.holds(&value) => value,
            (_, value) => {
                rest.insert(path.to_owned(), value);
                Value::Null
            }
        }
    }

    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Integer => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            Self::Long => value.is_i64(),
            Self::Flag => value.is_boolean(),
            Self::List(_) | Self::Object(_) => false,
        }
    }

    fn leaves(&self) -> usize {
        match self {
            Self::List(item) => item.leaves(),
            Self::Object(fields) => fields.values().map(Self::leaves).sum(),
            _ => 1,
        }
    }
}

/// Parquet counts leaves: how many stand before a column.
fn leaves_before(shape: &Shape, column: usize) -> i32 {
    let Shape::Object(fields) = shape else { return 0 };
    i32::try_from(fields.values().take(column).map(Shape::leaves).sum::<usize>()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_no_column_goes_into_unmapped_under_its_path() {
        let row = json!({
            "class_uid": 3002, "time": 1, "count_of_what": 3, "user": { "uid": "user_1", "shoe": { "size": 9 } },
            "is_mfa": "yes", "observables": [{ "name": "x", "odd": 1 }], "unmapped": { "kept": [1] },
        });
        let Value::Object(row) = row else { unreachable!() };
        let fitted = fitted(row, &CLASSES[&3002]);
        assert_eq!((&fitted["user"]["uid"], &fitted["is_mfa"]), (&json!("user_1"), &Value::Null));
        let unmapped: Value = serde_json::from_str(fitted["unmapped"].as_str().unwrap()).unwrap();
        let expected = json!({
            "kept": [1], "count_of_what": 3, "user.shoe": { "size": 9 }, "is_mfa": "yes", "observables.0.odd": 1,
        });
        assert_eq!(unmapped, expected);
    }

    #[test]
    fn the_same_records_give_the_same_file_with_every_column_of_their_class() {
        let row = |time: i64| match json!({ "class_uid": 6006, "time": time, "metadata": { "uid": time.to_string() } })
        {
            Value::Object(row) => row,
            _ => unreachable!(),
        };
        let file = parquet(6006, vec![row(2), row(1)]).unwrap();
        assert_eq!(file, parquet(6006, vec![row(2), row(1)]).unwrap());
        assert!(CLASSES[&6006].fields().find("file").is_some());
    }
}
