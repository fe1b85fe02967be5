//! What a user of day tables gets, told end to end on a real folder.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use ephor_wire::timestamp::UtcDay;

use crate::*;

const START: i64 = 1_767_225_600_000_000; // 2026-01-01T00:00:00Z
const MINUTE: i64 = 60_000_000;

fn spec() -> DayTableSpec {
    let fields = vec![Field::new("key", DataType::Utf8, false), Field::new("messages", DataType::Float64, true)];
    DayTableSpec { name: "analytics_users", columns: Arc::new(Schema::new(fields)) }
}

fn rows(keys: &[&str]) -> RecordBatch {
    let numbers = Float64Array::from_iter(keys.iter().map(|key| (!key.is_empty()).then_some(key.len() as f64)));
    RecordBatch::try_new(spec().columns, vec![Arc::new(StringArray::from(keys.to_vec())), Arc::new(numbers)]).unwrap()
}

fn day(number: i32) -> UtcDay {
    UtcDay::from_micros(START).plus_days(number)
}

fn from(seq: u64) -> BuiltFrom {
    BuiltFrom { seq, recipe: 7 }
}

fn built(table: &DayTable, of: UtcDay) -> Option<u64> {
    table.built_from(of).filter(|built| built.recipe == 7).map(|built| built.seq)
}

async fn writer(dir: &Path) -> (Lake, Appender) {
    Lake::open_writer(dir, LakeOptions { clock: || START, ..LakeOptions::default() }).await.unwrap()
}

fn keys(table: &DayTable, of: UtcDay) -> Vec<String> {
    let batches = table.read(of, &["key"]).unwrap();
    batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned)).collect()
}

fn files_on_disk(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("lake/analytics_users/day=2026-01-01")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_day_is_replaced_as_a_whole_and_the_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _appender) = writer(dir.path()).await;
    let table = lake.day_table(&spec()).await.unwrap();
    assert_eq!((table.days(), built(&table, day(0))), (Vec::new(), None));
    table.replace(day(0), &rows(&["b", "a", ""]), from(7)).await.unwrap();
    table.replace(day(1), &rows(&["x"]), from(9)).await.unwrap();
    table.replace(day(0), &rows(&["c", "a"]), from(12)).await.unwrap();
    assert_eq!((keys(&table, day(0)), keys(&table, day(1))), (vec!["c".into(), "a".into()], vec!["x".into()]));
    assert_eq!((built(&table, day(0)), built(&table, day(1))), (Some(12), Some(9)));
    let numbers = table.read(day(0), &["messages", "key"]).unwrap();
    assert_eq!(numbers[0].column(0).as_primitive::<Float64Type>().value(0), 1.0);
    let counted = lake.sql("select count(*) from analytics_users where day = date '2026-01-01'").await.unwrap();
    assert_eq!(counted[0].column(0).as_primitive::<Int64Type>().value(0), 2, "SQL sees it as any engine does");
    table.replace(day(0), &rows(&[]), from(15)).await.unwrap();
    assert_eq!((table.days(), built(&table, day(0))), (vec![day(1)], Some(15)));
    assert!(table.read(day(0), &["key"]).unwrap().is_empty());
}

#[tokio::test]
async fn some_rows_of_a_day_are_those_of_the_whole_wherever_its_row_groups_begin() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _appender) = writer(dir.path()).await;
    let table = lake.day_table(&spec()).await.unwrap();
    let group = limits::DAY_TABLE_GROUP_ROWS;
    let all: Vec<String> = (0..2 * group + 5).map(|number| format!("key{number:06}")).collect();
    table.replace(day(0), &rows(&all.iter().map(String::as_str).collect::<Vec<_>>()), from(1)).await.unwrap();
    for (start, end) in
        [(0, 3), (group - 2, group + 2), (group, 2 * group), (2 * group + 4, usize::MAX), (0, usize::MAX)]
    {
        let read = table.read_rows(day(0), &["key"], start..end).unwrap();
        let keys = read.batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
        assert!(keys.eq(all[start..end.min(all.len())].iter()), "{start}..{end}");
        assert_eq!(read.of, all.len());
    }
    let beyond = table.read_rows(day(0), &["key"], all.len() + 1..all.len() + 9).unwrap();
    assert_eq!((beyond.batches.len(), beyond.of), (0, all.len()));
    assert_eq!(table.read_rows(day(1), &["key"], 0..9).unwrap().of, 0);
}

#[tokio::test]
async fn a_reopened_table_knows_its_days_and_a_rebuild_is_equal() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    let table = lake.day_table(&spec()).await.unwrap();
    table.replace(day(0), &rows(&["a", "b"]), from(3)).await.unwrap();
    table.replace(day(1), &rows(&[]), from(4)).await.unwrap();
    let before = table.read(day(0), &["key", "messages"]).unwrap();
    appender.close().await.unwrap();
    let reader = Lake::open_reader(dir.path()).await.unwrap();
    let seen = reader.day_table(&spec()).await.unwrap();
    assert_eq!((seen.days(), built(&seen, day(1))), (vec![day(0)], Some(4)));
    assert!(seen.replace(day(0), &rows(&["z"]), from(5)).await.is_err(), "a reader does not write");
    let (lake, _appender) = writer(dir.path()).await;
    let table = lake.day_table(&spec()).await.unwrap();
    table.replace(day(0), &rows(&["a", "b"]), from(8)).await.unwrap();
    assert_eq!(table.read(day(0), &["key", "messages"]).unwrap(), before);
    reader.refresh().await.unwrap();
    assert_eq!(built(&seen, day(0)), Some(8), "a reader sees the rebuild");
}

#[tokio::test]
async fn a_replacement_that_fails_midway_leaves_the_day_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _appender) = writer(dir.path()).await;
    let table = lake.day_table(&spec()).await.unwrap();
    table.replace(day(0), &rows(&["a"]), from(1)).await.unwrap();
    let (log, aside) = (dir.path().join("lake/analytics_users/_delta_log"), dir.path().join("log-aside"));
    std::fs::rename(&log, &aside).unwrap();
    std::fs::write(&log, b"in the way").unwrap();
    table.replace(day(0), &rows(&["b"]), from(2)).await.unwrap_err();
    std::fs::remove_file(&log).unwrap();
    std::fs::rename(&aside, &log).unwrap();
    assert_eq!((keys(&table, day(0)), built(&table, day(0))), (vec!["a".into()], Some(1)));
    table.replace(day(0), &rows(&["c"]), from(3)).await.unwrap();
    assert_eq!((keys(&table, day(0)), built(&table, day(0))), (vec!["c".into()], Some(3)));
}

static NOW: AtomicI64 = AtomicI64::new(START);

#[tokio::test]
async fn replaced_files_leave_the_disk_after_a_while_and_at_the_next_opening() {
    let dir = tempfile::tempdir().unwrap();
    let options = LakeOptions { clock: || NOW.load(Ordering::Relaxed), ..LakeOptions::default() };
    let (lake, appender) = Lake::open_writer(dir.path(), options.clone()).await.unwrap();
    let table = lake.day_table(&spec()).await.unwrap();
    for built_from in 1..=3 {
        table.replace(day(0), &rows(&["a"]), from(built_from)).await.unwrap();
    }
    assert_eq!(files_on_disk(dir.path()), 3, "who reads an older version still finds its files");
    NOW.fetch_add(16 * MINUTE, Ordering::Relaxed);
    table.replace(day(0), &rows(&["b"]), from(4)).await.unwrap();
    assert_eq!(files_on_disk(dir.path()), 2);
    appender.close().await.unwrap();
    std::fs::write(dir.path().join("lake/analytics_users/day=2026-01-01/never-committed.parquet"), b"half").unwrap();
    NOW.fetch_add(16 * MINUTE, Ordering::Relaxed);
    let (lake, _appender) = Lake::open_writer(dir.path(), options).await.unwrap();
    let table = lake.day_table(&spec()).await.unwrap();
    assert_eq!((files_on_disk(dir.path()), keys(&table, day(0))), (1, vec!["b".into()]));
}

#[tokio::test]
async fn a_table_whose_columns_have_changed_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    lake.day_table(&spec()).await.unwrap().replace(day(0), &rows(&["a"]), from(1)).await.unwrap();
    appender.close().await.unwrap();
    let columns = Arc::new(Schema::new(vec![Field::new("key", DataType::Utf8, false)]));
    let changed = DayTableSpec { columns: Arc::clone(&columns), ..spec() };
    let (lake, _appender) = writer(dir.path()).await;
    let table = lake.day_table(&changed).await.unwrap();
    assert_eq!((table.days(), built(&table, day(0))), (Vec::new(), None));
    let rows = RecordBatch::try_new(columns, vec![Arc::new(StringArray::from(vec!["n"]))]).unwrap();
    table.replace(day(0), &rows, from(2)).await.unwrap();
    assert_eq!(keys(&table, day(0)), ["n"]);
    let entries = std::fs::read_dir(dir.path()).unwrap().flatten();
    assert!(entries.map(|entry| entry.file_name().into_string().unwrap()).all(|name| !name.contains("discarded")));
}

#[tokio::test]
async fn no_other_table_can_be_taken_for_a_day_table_and_rows_of_other_columns_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _appender) = writer(dir.path()).await;
    let refused = lake.day_table(&DayTableSpec { name: "activities", ..spec() }).await.unwrap_err();
    assert!(refused.to_string().contains("`analytics_`"), "{refused}");
    let table = lake.day_table(&spec()).await.unwrap();
    let only_key = rows(&["a"]).project(&[0]).unwrap();
    table.replace(day(0), &only_key, from(1)).await.unwrap_err();
    assert_eq!(built(&table, day(0)), None);
}
