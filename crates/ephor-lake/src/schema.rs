//! The columns of the tables `activities` and `conflicts`: names and types that other engines rely on.
//! One list gives the Arrow schema, the Delta schema and the encoding of every column.
//! Never changes a name without a line under "Changed" in CHANGELOG.md.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::table::TableSpec;

/// The partition column: the UTC day of `created_at`.
pub(crate) const DAY: &str = "day";

/// The time of an activity.
pub(crate) const CREATED_AT: &str = "created_at";

/// Columns that hold text, in table order after `seq`, `id`, `created_at`, `received_at`.
pub(crate) const TEXT_COLUMNS: [&str; 12] = [
    "source",
    "type",
    "category",
    "organization_id",
    "organization_uuid",
    "actor_type",
    "actor_id",
    "actor_email",
    "api_key_id",
    "ip_address",
    "user_agent",
    "workspace_id",
];

/// Columns that get a bloom filter: looked up by one value among very many, where minimum and maximum say nothing.
pub(crate) const BLOOM_COLUMNS: [&str; 4] = ["id", "actor_id", "api_key_id", "ip_address"];

pub(crate) fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The columns of a data file of `activities` by name, in table order.
pub(crate) fn file_columns() -> impl Iterator<Item = &'static str> {
    let first = ["seq", "id", CREATED_AT, "received_at"];
    first.into_iter().chain(TEXT_COLUMNS).chain(["raw"])
}

/// The columns of a data file of `activities`: everything but the partition column.
pub(crate) static FILE_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut fields = vec![
        Field::new("seq", DataType::Int64, false),
        Field::new("id", DataType::Utf8, false),
        Field::new("created_at", micros(), false),
        Field::new("received_at", micros(), false),
    ];
    let required = ["source", "type", "category"];
    fields.extend(TEXT_COLUMNS.iter().map(|name| Field::new(*name, DataType::Utf8, !required.contains(name))));
    fields.push(Field::new("raw", DataType::Utf8, false));
    Arc::new(Schema::new(fields))
});

/// The table `activities`.
pub(crate) static ACTIVITIES: LazyLock<TableSpec> = LazyLock::new(|| {
    let mut fields = vec![Arc::new(Field::new(DAY, DataType::Date32, false))];
    fields.extend(FILE_SCHEMA.fields().iter().cloned());
    // Delta's own NOT NULL is an invariant that every foreign writer must check; ours is checked where rows are made.
    let nullable = fields.iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>();
    TableSpec {
        partition_by: Some(DAY),
        span_time: Some(CREATED_AT),
        ..TableSpec::plain("activities", Arc::new(Schema::new(nullable)))
    }
});

/// The table `conflicts`: a second content under an id that is already stored, kept beside it.
pub(crate) static CONFLICTS: LazyLock<TableSpec> = LazyLock::new(|| {
    let fields = vec![
        Field::new("id", DataType::Utf8, true),
        Field::new("created_at", micros(), true),
        Field::new("received_at", micros(), true),
        Field::new("source", DataType::Utf8, true),
        Field::new("raw", DataType::Utf8, true),
        Field::new("stored_raw", DataType::Utf8, true),
    ];
    TableSpec::plain("conflicts", Arc::new(Schema::new(fields)))
});
