//! What a user of the usage events gets, told end to end on a real folder.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use ephor_wire::timestamp::UtcDay;
use ephor_wire::usage::{Counts, Names, UsageEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::rows::EventColumns;
use crate::columns;
use crate::*;

const START: i64 = 1_767_225_600_000_000; // 2026-01-01T00:00:00Z
const HOUR: i64 = 3_600_000_000;

/// The `n`-th event of a made-up feed: three an hour, over two surfaces, with and without what may be missing.
fn event(n: u64) -> UsageEvent {
    let mut event = UsageEvent {
        id: format!("event_{n:05}"),
        time_micros: START + i64::try_from(n / 3).unwrap() * HOUR,
        ..UsageEvent::default()
    };
    event.names.surface = Some(["chat", "claude_code"][(n % 2) as usize].to_owned());
    event.names.kind = Some(["message", "api_request", "waved"][(n % 3) as usize].to_owned());
    event.names.user_id = (!n.is_multiple_of(4)).then(|| format!("user_{}", n % 7));
    event.counts.count = n.is_multiple_of(2).then_some(1 + n.cast_signed() % 5);
    event.counts.input_tokens = n.is_multiple_of(3).then_some(n.cast_signed() * 1000);
    if n.is_multiple_of(5) {
        event.attributes.insert("colour".to_owned(), json!({ "b": n, "a": [1, null] }));
    }
    event
}

fn batch(events: &[UsageEvent], cursor: Option<Value>) -> UsageBatch {
    let mut rows = UsageRows::new();
    events.iter().for_each(|event| rows.push(event));
    UsageBatch { source: "telemetry".to_owned(), received_at_micros: START, rows, cursor }
}

fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<UsageEvent> {
    numbers.into_iter().map(event).collect()
}

async fn writer(dir: &Path) -> (Lake, Appender) {
    Lake::open_writer(dir, LakeOptions { clock: || START + 100 * 24 * HOUR, ..LakeOptions::default() }).await.unwrap()
}

/// Everything stored, by `seq`, read back from the files.
fn stored(lake: &Lake) -> BTreeMap<i64, UsageEvent> {
    let mut found = BTreeMap::new();
    for file in &lake.usage().files().files {
        for batch in columns::stream(&file.full_path, 7).unwrap() {
            let batch = batch.unwrap();
            let (seq, rows) = (crate::rows::seq_of(&batch).unwrap(), EventColumns::of(&batch).unwrap());
            found.extend((0..batch.num_rows()).map(|row| (seq.value(row), rows.event(row))));
        }
    }
    found
}

async fn count(lake: &Lake, statement: &str) -> i64 {
    lake.sql(statement).await.unwrap()[0].column(0).as_primitive::<Int64Type>().value(0)
}

#[tokio::test]
async fn what_goes_in_comes_out_equal_and_sql_and_the_days_agree() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    let all = events(0..200);
    for part in all.chunks(33) {
        let outcome = appender.append_usage(batch(part, None)).await.unwrap();
        assert_eq!(outcome.added, part.len() as u64);
    }
    assert_eq!(stored(&lake).into_values().collect::<Vec<_>>(), all);
    assert_eq!(lake.usage().next_seq(), 200);
    let days = lake.usage().days();
    assert_eq!(days.iter().map(|day| day.rows).collect::<Vec<_>>(), [72, 72, 56]);
    assert_eq!(days.iter().map(|day| day.last_seq).collect::<Vec<_>>(), [71, 143, 199]);
    assert_eq!(count(&lake, "select count(*) from usage_events where day = date '2026-01-02'").await, 72);
    assert_eq!(count(&lake, "select cast(sum(input_tokens) as bigint) from usage_events where seq < 4").await, 3000);
    let stats = lake.stats().await.unwrap();
    assert_eq!((stats.usage_events, stats.usage_by_kind["waved"]), (200, 66));
    assert_eq!(stats.usage_bytes, days.iter().map(|day| day.bytes).sum::<u64>());
    assert_eq!((stats.activities, lake.next_seq()), (0, 0), "activities are another table");
}

#[tokio::test]
async fn a_day_is_read_by_column_in_the_order_asked_for_with_text_as_dictionaries() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    appender.append_usage(batch(&events(0..100), None)).await.unwrap();
    let day = UtcDay::from_micros(START);
    let batches = lake.usage().read_day(day, &["user_id", "input_tokens", "id"]).unwrap();
    assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 72);
    let names: Vec<String> = batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["user_id", "input_tokens", "id"]);
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    for text in [0, 2] {
        assert_eq!(batches[0].column(text).data_type(), &dictionary);
    }
    let first = arrow::compute::cast(batches[0].column(2), &DataType::Utf8).unwrap();
    assert_eq!(first.as_string::<i32>().value(71), "event_00071");
    assert_eq!(batches[0].column(0).as_any_dictionary().values().len(), 7, "one entry a person");
    let every: Vec<&str> = ["seq", "id", "time", "received_at", "source", "attributes"]
        .into_iter()
        .chain(Names::COLUMNS.iter().copied())
        .chain(Counts::COLUMNS.iter().copied())
        .collect();
    assert_eq!(lake.usage().read_day(day, &every).unwrap()[0].num_columns(), every.len());
    assert!(lake.usage().read_day(day.plus_days(50), &["id"]).unwrap().is_empty());
    assert!(lake.usage().read_day(day, &["colour"]).unwrap_err().to_string().contains("`colour`"));
}

#[tokio::test]
async fn an_id_is_stored_once_and_another_content_is_kept_aside_once() {
    let dir = tempfile::tempdir().unwrap();
    let other = UsageEvent { time_micros: START + 1, ..event(5) };
    for opening in 0..2_u64 {
        let (lake, appender) = writer(dir.path()).await;
        let again = [event(5), event(5), other.clone(), other.clone()];
        let outcome = appender.append_usage(batch(&again, None)).await.unwrap();
        let first = if opening == 0 { RowOutcome::Added { seq: 0 } } else { RowOutcome::Duplicate };
        let expected = [first, RowOutcome::Duplicate, RowOutcome::Conflict, RowOutcome::Conflict];
        assert_eq!(outcome.rows, expected);
        assert_eq!((outcome.added + outcome.duplicates, outcome.conflicts), (2, 2));
        assert_eq!(count(&lake, "select count(*) from usage_conflicts").await, 1);
        assert_eq!(stored(&lake).into_values().collect::<Vec<_>>(), [event(5)], "the first content stays");
        let kept = lake.sql("select arrow_cast(raw, 'Utf8') from usage_conflicts").await.unwrap();
        let kept: Value = serde_json::from_str(kept[0].column(0).as_string::<i32>().value(0)).unwrap();
        assert_eq!(UsageEvent::from_json(kept).unwrap(), other);
        appender.close().await.unwrap();
    }
}

#[tokio::test]
async fn attributes_in_another_order_are_the_same_event() {
    let dir = tempfile::tempdir().unwrap();
    let (_lake, appender) = writer(dir.path()).await;
    let with = |text: &str| UsageEvent { attributes: serde_json::from_str(text).unwrap(), ..event(1) };
    let spellings = [with(r#"{"a":1,"b":{"c":2,"d":3}}"#), with(r#"{ "b":{"d":3,"c":2}, "a":1 }"#)];
    let outcome = appender.append_usage(batch(&spellings, None)).await.unwrap();
    assert_eq!(outcome.rows, [RowOutcome::Added { seq: 0 }, RowOutcome::Duplicate]);
}

#[tokio::test]
async fn batches_that_wait_together_are_committed_together_and_each_is_told_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    let waiting = (0..20_u64).map(|n| {
        let appender = appender.clone();
        async move { appender.append_usage(batch(&events(n * 3..n * 3 + 6), Some(json!(n)))).await.unwrap() }
    });
    let outcomes = futures::future::join_all(waiting).await;
    let added: Vec<u64> = outcomes.iter().map(|outcome| outcome.added).collect();
    assert_eq!(added.iter().sum::<u64>(), 63);
    assert!(outcomes.iter().all(|outcome| outcome.rows.len() == 6 && outcome.added >= 3), "{added:?}");
    assert_eq!(stored(&lake).into_keys().collect::<Vec<_>>(), (0..63).collect::<Vec<_>>());
    assert!(lake.usage().files().version < 20, "many batches, few commits");
    assert_eq!(lake.usage_cursor("telemetry").await.unwrap(), Some(json!(19)), "the last cursor stands");
}

#[tokio::test]
async fn a_lake_left_without_a_close_knows_its_ids_its_seq_and_its_cursors() {
    let dir = tempfile::tempdir().unwrap();
    {
        let (_, appender) = writer(dir.path()).await;
        appender.append_usage(batch(&events(0..50), Some(json!({ "page": 1 })))).await.unwrap();
    }
    // The writer's threads end by themselves; until then they still write.
    while crate::lock::WriterLock::take(dir.path()).is_err() {
        tokio::task::yield_now().await;
    }
    let orphan = dir.path().join("lake/usage_events/day=2026-01-01/part-of-a-commit-that-never-was.parquet");
    fs::write(&orphan, b"half").unwrap();
    fs::remove_dir_all(dir.path().join("index-usage")).unwrap();
    let reader = Lake::open_reader(dir.path()).await.unwrap();
    assert_eq!(reader.usage_cursor("telemetry").await.unwrap(), Some(json!({ "page": 1 })));
    assert_eq!(reader.usage_cursor("another").await.unwrap(), None);
    let (lake, appender) = Lake::open_writer(dir.path(), LakeOptions::default()).await.unwrap();
    assert!(!orphan.exists());
    let outcome = appender.append_usage(batch(&events(0..60), None)).await.unwrap();
    assert_eq!((outcome.added, outcome.duplicates), (10, 50));
    assert_eq!(stored(&lake).into_keys().collect::<Vec<_>>(), (0..60).collect::<Vec<_>>());
    reader.refresh().await.unwrap();
    assert_eq!(reader.usage().next_seq(), 60);
    appender.close().await.unwrap();
}

#[tokio::test]
async fn a_commit_that_fails_midway_leaves_nothing_and_the_batch_can_be_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    appender.append_usage(batch(&events(0..10), Some(json!(1)))).await.unwrap();
    let (log, aside) = (dir.path().join("lake/usage_events/_delta_log"), dir.path().join("log-aside"));
    fs::rename(&log, &aside).unwrap();
    fs::write(&log, b"in the way").unwrap();
    appender.append_usage(batch(&events(5..20), Some(json!(2)))).await.unwrap_err();
    fs::remove_file(&log).unwrap();
    fs::rename(&aside, &log).unwrap();
    assert_eq!((lake.usage().next_seq(), lake.usage_cursor("telemetry").await.unwrap()), (10, Some(json!(1))));
    let outcome = appender.append_usage(batch(&events(5..20), Some(json!(2)))).await.unwrap();
    assert_eq!((outcome.added, outcome.duplicates), (10, 5));
    assert_eq!(stored(&lake).into_values().collect::<Vec<_>>(), events(0..20));
    assert_eq!(lake.usage_cursor("telemetry").await.unwrap(), Some(json!(2)));
    appender.close().await.unwrap();
    let (lake, _appender) = writer(dir.path()).await;
    let on_disk = fs::read_dir(dir.path().join("lake/usage_events/day=2026-01-01")).unwrap().count();
    assert_eq!(on_disk, lake.usage().files().files.len(), "what the failed commit wrote is gone");
}

#[tokio::test]
async fn compaction_changes_files_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    for n in 0..60 {
        appender.append_usage(batch(&events([n]), None)).await.unwrap();
    }
    let before = stored(&lake);
    let report = appender.compact(CompactOptions::default()).await.unwrap();
    assert_eq!((report.files_merged, report.files_written), (60, 1));
    assert_eq!(stored(&lake), before);
    let days = lake.usage().days();
    assert_eq!((days.len(), days[0].rows, days[0].last_seq), (1, 60, 59));
    let nothing = appender.compact(CompactOptions::default()).await.unwrap();
    assert_eq!(nothing.files_merged, 0);
    let again = appender.append_usage(batch(&events(0..66), None)).await.unwrap();
    assert_eq!((again.added, again.duplicates), (6, 60));
    let options = CompactOptions { reach: CompactReach::Everything, ..CompactOptions::default() };
    assert_eq!(appender.compact(options).await.unwrap().files_merged, 2);
    appender.close().await.unwrap();
    let (lake, appender) = writer(dir.path()).await;
    assert_eq!(stored(&lake).into_values().collect::<Vec<_>>(), events(0..66));
    let known = appender.append_usage(batch(&events(0..66), None)).await.unwrap();
    assert_eq!(known.duplicates, 66);
}

#[tokio::test]
async fn a_lake_from_before_usage_events_is_read_as_one_without_any() {
    let dir = tempfile::tempdir().unwrap();
    let (_, appender) = writer(dir.path()).await;
    appender.close().await.unwrap();
    for table in ["usage_events", "usage_conflicts"] {
        fs::remove_dir_all(dir.path().join("lake").join(table)).unwrap();
    }
    let reader = Lake::open_reader(dir.path()).await.unwrap();
    assert_eq!((reader.usage().next_seq(), reader.usage().days()), (0, Vec::new()));
    assert_eq!(reader.usage_cursor("telemetry").await.unwrap(), None);
    for table in ["usage_events", "usage_conflicts", "upstream_rows"] {
        assert_eq!(count(&reader, &format!("select count(*) from {table}")).await, 0);
    }
    let (_lake, appender) = writer(dir.path()).await;
    appender.append_usage(batch(&events(0..3), None)).await.unwrap();
    reader.refresh().await.unwrap();
    assert_eq!(stored(&reader).into_values().collect::<Vec<_>>(), events(0..3));
}

/// What happens between two batches.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Compaction,
    Reopening,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_repetition_and_batching_gives_the_same_events(
        picks in proptest::collection::vec(0_u64..60, 1..150),
        cuts in proptest::collection::vec(
            (1_usize..30, prop_oneof![Just(Between::Nothing), Just(Between::Compaction), Just(Between::Reopening)]), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let (mut lake, mut appender) = writer(dir.path()).await;
            let mut rest: &[u64] = &picks;
            for (size, between) in cuts.iter().cycle() {
                let (part, after) = rest.split_at((*size).min(rest.len()));
                appender.append_usage(batch(&events(part.iter().copied()), None)).await.unwrap();
                rest = after;
                if rest.is_empty() { break; }
                match between {
                    Between::Nothing => {}
                    Between::Compaction => {
                        let reach = CompactReach::Everything;
                        appender.compact(CompactOptions { reach, ..CompactOptions::default() }).await.unwrap();
                    }
                    Between::Reopening => {
                        appender.close().await.unwrap();
                        (lake, appender) = writer(dir.path()).await;
                    }
                }
            }
            let distinct: BTreeSet<u64> = picks.iter().copied().collect();
            let found = stored(&lake);
            assert_eq!(found.keys().copied().collect::<Vec<_>>(), (0..i64::try_from(distinct.len()).unwrap()).collect::<Vec<_>>());
            let mut found: Vec<UsageEvent> = found.into_values().collect();
            found.sort_by(|a, b| a.id.cmp(&b.id));
            assert_eq!(found, events(distinct.iter().copied()));
            assert_eq!(lake.usage().days().iter().map(|day| day.rows).sum::<u64>(), distinct.len() as u64);
        });
    }
}
