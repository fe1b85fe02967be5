//! What a user of upstream rows gets, told end to end on a real folder.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use ephor_wire::timestamp::UtcDay;
use proptest::prelude::*;
use serde_json::json;

use crate::*;

const START: i64 = 1_767_225_600_000_000; // 2026-01-01T00:00:00Z

fn day(number: i32) -> UtcDay {
    UtcDay::from_micros(START).plus_days(number)
}

/// A listing from words as `key=raw`.
fn listing(slot: &str, of: UtcDay, rows: &str) -> UpstreamListing {
    UpstreamListing {
        source: "claude".to_owned(),
        endpoint: "users".to_owned(),
        slot: slot.to_owned(),
        day: of,
        organization: "org_a".to_owned(),
        fetched_at_micros: START,
        rows: rows.split_whitespace().map(|row| (row.split_once('=').unwrap().0.to_owned(), row.to_owned())).collect(),
    }
}

async fn writer(dir: &Path) -> (Lake, Appender) {
    Lake::open_writer(dir, LakeOptions { clock: || START, ..LakeOptions::default() }).await.unwrap()
}

async fn record(lake: &Lake, rows: &str) -> (usize, usize, usize) {
    let changes = lake.upstream_rows().record(vec![listing("s", day(0), rows)], None).await.unwrap()[0];
    (changes.added, changes.changed, changes.removed)
}

fn now(lake: &Lake, before_seq: Option<u64>) -> String {
    lake.upstream_rows().current("claude", "users", "s", day(0), before_seq).unwrap().join(" ")
}

#[tokio::test]
async fn only_what_changed_is_stored_and_every_earlier_listing_can_be_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _appender) = writer(dir.path()).await;
    let story = [
        ("b=1 a=1 c=1", (3, 0, 0)),
        ("b=1 a=1 c=1", (0, 0, 0)),
        ("b=1 a=2 c=1", (0, 1, 0)),
        ("b=1 x=1 y=1 a=2 c=1", (2, 0, 0)),
        ("x=1 y=1 c=1", (0, 0, 2)),
        ("c=1 x=1 y=1", (0, 1, 0)),
        ("", (0, 0, 3)),
        ("b=1 c=9", (2, 0, 0)),
    ];
    let mut told = Vec::new();
    for (rows, changes) in story {
        assert_eq!(record(&lake, rows).await, changes, "{rows}");
        assert_eq!(now(&lake, None), rows);
        told.push((lake.upstream_rows().next_seq(), rows));
    }
    for (next_seq, rows) in told {
        assert_eq!(now(&lake, Some(next_seq)), rows);
    }
    assert_eq!(now(&lake, Some(0)), "");
    let history = lake
        .sql("select revision, arrow_cast(raw, 'Utf8') from upstream_rows where key = 'c' order by seq")
        .await
        .unwrap();
    let revisions: Vec<i64> =
        history.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
    let raws: Vec<Option<&str>> = history.iter().flat_map(|batch| batch.column(1).as_string::<i32>().iter()).collect();
    assert_eq!((revisions, raws), (vec![1, 2, 3, 4], vec![Some("c=1"), Some("c=1"), None, Some("c=9")]));
}

#[tokio::test]
async fn slots_and_days_are_apart_and_one_call_is_one_commit_with_its_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    let rows = lake.upstream_rows();
    assert_eq!(rows.cursor("claude").await.unwrap(), None);
    let listings = vec![
        listing("s", day(0), "a=1"),
        listing("s", day(1), "a=2 b=2"),
        listing("t", day(0), "a=3"),
        listing("t", day(0), "a=4"),
    ];
    let cursor = Some(("claude".to_owned(), json!({ "day": 1 })));
    let changes = rows.record(listings, cursor).await.unwrap();
    assert_eq!(changes.iter().map(|c| (c.added, c.changed)).collect::<Vec<_>>(), [(1, 0), (2, 0), (1, 0), (0, 1)]);
    assert_eq!(rows.next_seq(), 5);
    for (slot, of, expected) in [("s", 0, "a=1"), ("s", 1, "a=2 b=2"), ("t", 0, "a=4"), ("t", 1, ""), ("u", 0, "")] {
        assert_eq!(rows.current("claude", "users", slot, day(of), None).unwrap().join(" "), expected, "{slot} {of}");
    }
    assert_eq!(rows.cursor("claude").await.unwrap(), Some(json!({ "day": 1 })));
    rows.record(Vec::new(), Some(("claude".to_owned(), json!({ "day": 2 })))).await.unwrap();
    appender.close().await.unwrap();
    let refused = rows.record(vec![listing("s", day(0), "z=1")], None).await;
    assert!(refused.is_err(), "the lake is another's now");
    let reader = Lake::open_reader(dir.path()).await.unwrap();
    assert_eq!(reader.upstream_rows().cursor("claude").await.unwrap(), Some(json!({ "day": 2 })));
    assert_eq!(reader.upstream_rows().next_seq(), 5);
    assert_eq!(now(&reader, None), "a=1");
}

#[tokio::test]
async fn a_key_listed_twice_counts_as_last_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _appender) = writer(dir.path()).await;
    assert_eq!(record(&lake, "a=1 b=1 a=2").await, (2, 0, 0));
    assert_eq!(now(&lake, None), "b=1 a=2");
}

#[tokio::test]
async fn a_place_where_rows_are_put_in_again_and_again_is_numbered_anew_and_stays_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _appender) = writer(dir.path()).await;
    let mut keys = vec!["first=1".to_owned(), "last=1".to_owned()];
    for number in 0..40 {
        keys.insert(1, format!("k{number}=1"));
        record(&lake, &keys.join(" ")).await;
        assert_eq!(now(&lake, None), keys.join(" "));
    }
    assert!(lake.upstream_rows().next_seq() < 150, "numbering anew is rare");
}

#[tokio::test]
async fn a_record_that_fails_midway_is_as_if_it_never_was() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    record(&lake, "a=1").await;
    let (log, aside) = (dir.path().join("lake/upstream_rows/_delta_log"), dir.path().join("log-aside"));
    std::fs::rename(&log, &aside).unwrap();
    std::fs::write(&log, b"in the way").unwrap();
    lake.upstream_rows().record(vec![listing("s", day(0), "a=2")], None).await.unwrap_err();
    std::fs::remove_file(&log).unwrap();
    std::fs::rename(&aside, &log).unwrap();
    assert_eq!((now(&lake, None), lake.upstream_rows().next_seq()), ("a=1".to_owned(), 1));
    assert_eq!(record(&lake, "a=2").await, (0, 1, 0));
    appender.close().await.unwrap();
    let (lake, _appender) = writer(dir.path()).await;
    assert_eq!((now(&lake, None), now(&lake, Some(1))), ("a=2".to_owned(), "a=1".to_owned()));
    let on_disk = std::fs::read_dir(dir.path().join("lake/upstream_rows/day=2026-01-01")).unwrap().count();
    assert_eq!(on_disk, 2, "one file a commit that happened");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_was_listed_can_be_listed_again_as_of_then(
        story in proptest::collection::vec(proptest::collection::vec((0_u8..12, 0_u8..3), 0..12), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let (lake, _appender) = writer(dir.path()).await;
            let mut told = Vec::new();
            for rows in &story {
                let last_seen = |place: usize, key: u8| rows[place + 1..].iter().all(|(later, _)| *later != key);
                let word = |(key, value): &(u8, u8)| format!("k{key}={value}");
                let expected: Vec<String> = (0..rows.len()).filter(|at| last_seen(*at, rows[*at].0)).map(|at| word(&rows[at])).collect();
                let before = lake.upstream_rows().next_seq();
                let (added, changed, removed) = record(&lake, &rows.iter().map(word).collect::<Vec<_>>().join(" ")).await;
                assert_eq!(lake.upstream_rows().next_seq() - before, (added + changed + removed) as u64);
                assert_eq!(now(&lake, None), expected.join(" "));
                told.push((lake.upstream_rows().next_seq(), expected.join(" ")));
            }
            let files = lake.sql("select count(*) from upstream_rows").await.unwrap();
            assert_eq!(files[0].column(0).as_primitive::<Int64Type>().value(0).cast_unsigned(), lake.upstream_rows().next_seq());
            for (next_seq, expected) in told {
                assert_eq!(now(&lake, Some(next_seq)), expected);
            }
        });
    }
}
