//! What a user of the lake gets, told end to end on a real folder.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use ephor_wire::header::Header;
use proptest::prelude::*;
use serde_json::json;

use crate::*;

const START: i64 = 1_767_225_600_000_000; // 2026-01-01T00:00:00Z
const HOUR: i64 = 3_600_000_000;

/// The `n`-th activity of a made-up feed: three activities an hour, ties among them, five people, two organizations.
fn activity(n: u64) -> String {
    let at = ephor_wire::timestamp::Timestamp::from_micros(START + i64::try_from(n / 3).unwrap() * HOUR);
    let kind = ["claude_chat_created", "user_logged_out", "brand_new_type"][(n % 3) as usize];
    json!({
        "id": format!("activity_{:06}", n * 7919 % 1_000_003), "created_at": at.as_str(), "type": kind,
        "actor": { "type": "user_actor", "user_id": format!("user_{}", n % 5), "ip_address": format!("192.0.2.{}", n % 9) },
        "organization_id": if n.is_multiple_of(2) { json!("org_a") } else { json!(null) },
    })
    .to_string()
}

fn batch(source: &str, rows: &[String], cursor: Option<serde_json::Value>) -> AppendBatch {
    let mut columns = ActivityRows::with_capacity(rows.len(), 512);
    for raw in rows {
        columns.push(raw.as_bytes(), &Header::parse(raw.as_bytes()).unwrap());
    }
    AppendBatch { source: source.to_owned(), received_at_micros: START, rows: vec![columns], cursor }
}

async fn writer(dir: &std::path::Path) -> (Lake, Appender) {
    Lake::open_writer(dir, LakeOptions { clock: || START + 100 * 24 * HOUR, ..LakeOptions::default() }).await.unwrap()
}

/// Walks the whole feed by its cursors.
async fn walk(lake: &Lake, filter: &ActivityFilter, order: Order, limit: usize) -> Vec<FeedRow> {
    let (mut rows, mut from) = (Vec::new(), PageFrom::Start);
    loop {
        let page = lake.page(&FeedQuery { filter: filter.clone(), order, from, limit }).await.unwrap();
        rows.extend(page.rows.clone());
        match page.rows.last() {
            Some(last) if page.has_more => from = PageFrom::After(last.cursor()),
            _ => return rows,
        }
    }
}

/// Which of the made-up activities a filter should keep.
type Keeps = Box<dyn Fn(u64) -> bool>;

fn in_order(mut rows: Vec<String>) -> Vec<String> {
    rows.sort_by_key(|raw| {
        let header = Header::parse(raw.as_bytes()).unwrap();
        (header.created_at_micros, header.id.into_owned())
    });
    rows
}

#[tokio::test]
async fn what_goes_in_comes_out_byte_for_byte_in_both_orders() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    let rows: Vec<String> = (0..500).map(activity).collect();
    for part in rows.chunks(77) {
        let outcome = appender.append(batch("test", part, None)).await.unwrap();
        assert_eq!(outcome.added, part.len() as u64);
    }
    let expected = in_order(rows);
    for limit in [1, 7, 100, 5000] {
        let ascending: Vec<String> =
            walk(&lake, &ActivityFilter::default(), Order::Ascending, limit).await.into_iter().map(|r| r.raw).collect();
        assert_eq!(ascending, expected);
        let mut descending: Vec<String> = walk(&lake, &ActivityFilter::default(), Order::Descending, limit)
            .await
            .into_iter()
            .map(|r| r.raw)
            .collect();
        descending.reverse();
        assert_eq!(descending, expected);
    }
}

#[tokio::test]
async fn before_gives_the_block_next_to_the_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    appender.append(batch("test", &(0..60).map(activity).collect::<Vec<_>>(), None)).await.unwrap();
    let all = walk(&lake, &ActivityFilter::default(), Order::Descending, 1000).await;
    let query = |from| FeedQuery { filter: ActivityFilter::default(), order: Order::Descending, from, limit: 10 };
    let page = lake.page(&query(PageFrom::Before(all[30].cursor()))).await.unwrap();
    assert_eq!((page.rows, page.has_more), (all[20..30].to_vec(), true));
    let first = lake.page(&query(PageFrom::Before(all[10].cursor()))).await.unwrap();
    assert_eq!((first.rows, first.has_more), (all[..10].to_vec(), false));
    let none = lake.page(&query(PageFrom::Before(all[0].cursor()))).await.unwrap();
    assert_eq!(none, FeedPage::default());
}

#[tokio::test]
async fn every_filter_keeps_what_it_names_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    let rows: Vec<String> = (0..300).map(activity).collect();
    for part in rows.chunks(60) {
        appender.append(batch("test", part, None)).await.unwrap();
    }
    let text = |value: &str| vec![value.to_owned()];
    let range = MicrosRange { from: Some(START + 10 * HOUR), to: Some(START + 20 * HOUR) };
    let cases: Vec<(ActivityFilter, Keeps)> = vec![
        (
            ActivityFilter { types: TypeFilter::Only(text("brand_new_type")), ..Default::default() },
            Box::new(|n| n % 3 == 2),
        ),
        (
            ActivityFilter { types: TypeFilter::Except(text("brand_new_type")), ..Default::default() },
            Box::new(|n| n % 3 != 2),
        ),
        (ActivityFilter { actor_ids: text("user_3"), ..Default::default() }, Box::new(|n| n % 5 == 3)),
        (ActivityFilter { organizations: text("org_a"), ..Default::default() }, Box::new(|n| n % 2 == 0)),
        (ActivityFilter { ip_addresses: text("192.0.2.4"), ..Default::default() }, Box::new(|n| n % 9 == 4)),
        (ActivityFilter { created_at: range, ..Default::default() }, Box::new(|n| (10..20).contains(&(n / 3)))),
        (ActivityFilter { seq: Some(17..93), ..Default::default() }, Box::new(|n| (17..93).contains(&n))),
        (ActivityFilter { api_key_ids: text("apikey_none"), ..Default::default() }, Box::new(|_| false)),
        (ActivityFilter { sources: text("another"), ..Default::default() }, Box::new(|_| false)),
    ];
    for (filter, keeps) in cases {
        let expected = in_order((0..300).filter(|n| keeps(*n)).map(activity).collect());
        let found: Vec<String> = walk(&lake, &filter, Order::Ascending, 13).await.into_iter().map(|r| r.raw).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn an_id_is_stored_once_and_another_content_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    let original = activity(1);
    let respelled =
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&original).unwrap()).unwrap();
    let other = original.replace("192.0.2.1", "192.0.2.99");
    let first = appender
        .append(batch("a", &[original.clone(), original.clone(), respelled.clone(), other.clone()], None))
        .await
        .unwrap();
    let expected = [RowOutcome::Added { seq: 0 }, RowOutcome::Duplicate, RowOutcome::Duplicate, RowOutcome::Conflict];
    assert_eq!(first.rows, expected);
    let again = appender.append(batch("b", &[respelled, other], None)).await.unwrap();
    assert_eq!(again.rows, [RowOutcome::Duplicate, RowOutcome::Conflict]);
    assert_eq!(lake.find("activity_007919").await.unwrap(), Some(original));
    assert_eq!(count(&lake, "select count(*) from conflicts").await, 1, "the same conflict is kept once");
    assert_eq!(lake.next_seq(), 1);
}

async fn count(lake: &Lake, statement: &str) -> i64 {
    lake.sql(statement).await.unwrap()[0].column(0).as_primitive::<Int64Type>().value(0)
}

#[tokio::test]
async fn a_reopened_lake_knows_its_ids_its_seq_and_its_cursors() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..200).map(activity).collect();
    {
        let (_, appender) = writer(dir.path()).await;
        appender.append(batch("up/stream", &rows[..100], Some(json!({ "page": 1 })))).await.unwrap();
        // No close: as after a crash, the id index is behind and must be read again.
        drop(appender);
    }
    let reader = Lake::open_reader(dir.path()).await.unwrap();
    assert_eq!(reader.source_cursor("up/stream").await.unwrap(), Some(json!({ "page": 1 })));
    let (lake, appender) = loop {
        match Lake::open_writer(dir.path(), LakeOptions::default()).await {
            Ok(opened) => break opened,
            Err(LakeError::Locked { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    let outcome = appender.append(batch("up/stream", &rows, Some(json!({ "page": 2 })))).await.unwrap();
    assert_eq!((outcome.added, outcome.duplicates), (100, 100));
    assert_eq!(lake.source_cursor("up/stream").await.unwrap(), Some(json!({ "page": 2 })));
    assert_eq!(lake.source_cursor("another").await.unwrap(), None);
    assert_eq!(count(&lake, "select count(distinct seq) from activities where seq between 0 and 199").await, 200);
    reader.refresh().await.unwrap();
    assert_eq!(walk(&reader, &ActivityFilter::default(), Order::Ascending, 50).await.len(), 200);
    appender.close().await.unwrap();
}

#[tokio::test]
async fn compaction_changes_files_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    for n in 0..72 {
        appender.append(batch("test", &[activity(n)], None)).await.unwrap();
    }
    let before = walk(&lake, &ActivityFilter::default(), Order::Descending, 10).await;
    let report = appender.compact(CompactOptions::default()).await.unwrap();
    assert_eq!((report.files_merged, report.files_written), (72, 1));
    assert_eq!(walk(&lake, &ActivityFilter::default(), Order::Descending, 10).await, before);
    assert_eq!(lake.stats().await.unwrap().files, 1);
    let again = appender.append(batch("test", &(0..72).map(activity).collect::<Vec<_>>(), None)).await.unwrap();
    assert_eq!((again.added, again.duplicates), (0, 72));
}

#[tokio::test]
async fn retention_lets_old_days_go_and_a_legal_hold_keeps_them() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    appender.append(batch("test", &(0..720).map(activity).collect::<Vec<_>>(), None)).await.unwrap();
    let day = |text: &str| Some(text.parse().unwrap());
    // Ten days of activities from 2026-01-01; the clock stands at 2026-04-11.
    let hold = LegalHold { name: "case 12".to_owned(), from: day("2026-01-03"), to: day("2026-01-04") };
    let retention = Retention { days: 95, legal_holds: vec![hold] };
    let report = appender.compact(CompactOptions { retention: Some(retention), ..Default::default() }).await.unwrap();
    assert_eq!((report.days_expired, report.rows_expired, report.days_held), (4, 288, 2));
    let left: BTreeSet<String> = walk(&lake, &ActivityFilter::default(), Order::Ascending, 500)
        .await
        .iter()
        .map(|row| ephor_wire::timestamp::UtcDay::from_micros(row.created_at_micros).to_string())
        .collect();
    let expected = ["2026-01-03", "2026-01-04", "2026-01-07", "2026-01-08", "2026-01-09", "2026-01-10"];
    assert_eq!(left.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(lake.next_seq(), 720, "no seq is given twice");
}

#[tokio::test]
async fn what_retention_took_never_comes_back_even_after_the_index_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (_, appender) = writer(dir.path()).await;
    let rows: Vec<String> = (0..720).map(activity).collect();
    appender.append(batch("test", &rows, None)).await.unwrap();
    let retention = Retention { days: 95, legal_holds: Vec::new() };
    let options = CompactOptions { retention: Some(retention), ..Default::default() };
    assert!(appender.compact(options.clone()).await.unwrap().rows_expired > 300);
    let again = appender.append(batch("test", &rows, None)).await.unwrap();
    assert_eq!((again.added, again.duplicates, again.conflicts), (0, 720, 0));
    appender.close().await.unwrap();

    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let (lake, appender) = writer(dir.path()).await;
    let again = appender.append(batch("test", &rows, None)).await.unwrap();
    assert_eq!((again.added, again.duplicates, again.conflicts), (0, 720, 0));
    assert_eq!(lake.next_seq(), 720);
    // Nothing is left of a row that is gone, so nobody can say that another content is another one.
    let other = activity(0).replace(r#""type":""#, r#""type":"x_"#);
    let changed = appender.append(batch("test", &[other], None)).await.unwrap();
    assert_eq!((changed.added, changed.duplicates, changed.conflicts), (0, 1, 0));
}

/// What a reader gets that follows the lake from a place on.
async fn follow(lake: &Lake, mut from: u64) -> Vec<Arrival> {
    let mut rows = Vec::new();
    while from < lake.next_seq() {
        let arrivals = lake.arrivals(from..lake.next_seq()).await.unwrap();
        assert!(arrivals.next_seq > from, "a reader gets on");
        rows.extend(arrivals.rows);
        from = arrivals.next_seq;
    }
    rows
}

#[tokio::test]
async fn a_reader_by_order_of_arrival_gets_each_row_once_whatever_its_day_and_file() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    // Newest days first, as a collector's backfill brings them, and then the days between.
    let rows: Vec<String> = (0..5_000).map(|n| activity(n * 2_801 % 5_000)).collect();
    for part in rows.chunks(700) {
        appender.append(batch("test", part, None)).await.unwrap();
    }
    let arrived = follow(&lake, 0).await;
    assert!(arrived.iter().map(|arrival| &arrival.raw).eq(&rows));
    assert!(arrived.iter().map(|arrival| arrival.seq).eq(0..5_000));
    assert!(arrived.iter().all(|arrival| (arrival.received_at_micros, arrival.source.as_str()) == (START, "test")));
    appender.compact(CompactOptions::default()).await.unwrap();
    assert_eq!(follow(&lake, 0).await, arrived);
    assert_eq!(follow(&lake, 4_999).await, arrived[4_999..]);
    assert_eq!(lake.arrivals(10..13).await.unwrap(), Arrivals { rows: arrived[10..13].to_vec(), next_seq: 13 });
    assert_eq!(lake.arrivals(5_000..u64::MAX).await.unwrap(), Arrivals { rows: Vec::new(), next_seq: 5_000 });
}

#[tokio::test]
async fn a_reader_with_a_condition_gets_what_sql_would_select() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    appender.append(batch("test", &(0..300).map(activity).collect::<Vec<_>>(), None)).await.unwrap();
    let conditions = [
        "category = 'unclassified'",
        "type in ('user_logged_out', 'brand_new_type') and ip_address = '192.0.2.3'",
        "organization_id is null",
        "actor_id like '%_2' or created_at < timestamp '2026-01-02T00:00:00Z'",
        "seq % 7 = 0",
        "1 = 1",
        "organization_id <> 'org_b'",
    ];
    for condition in conditions {
        let filter = RowPredicate::parse(condition).unwrap();
        let passed = lake.arrivals_where(0..300, Some(&filter)).await.unwrap();
        let selected = count(&lake, &format!("select count(*) from activities where {condition}")).await;
        assert_eq!((i64::try_from(passed.rows.len()).unwrap(), passed.next_seq), (selected, 300), "{condition}");
    }
    for wrong in ["colour = 'red'", "seq", "category = ", "drop table activities", "(select 1) = 1"] {
        assert!(RowPredicate::parse(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_reader_by_order_of_arrival_passes_over_what_retention_took() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    appender.append(batch("test", &(0..720).map(activity).collect::<Vec<_>>(), None)).await.unwrap();
    let retention = Retention { days: 95, legal_holds: Vec::new() };
    appender.compact(CompactOptions { retention: Some(retention), ..Default::default() }).await.unwrap();
    let left = follow(&lake, 0).await;
    assert!(left.iter().map(|arrival| arrival.seq).eq(left[0].seq..720), "what is left, in order");
    assert!(left[0].seq > 300 && left.iter().all(|arrival| arrival.raw == activity(arrival.seq)));
}

#[tokio::test]
async fn sql_reads_and_refuses_to_write() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, appender) = writer(dir.path()).await;
    appender.append(batch("test", &(0..90).map(activity).collect::<Vec<_>>(), None)).await.unwrap();
    assert_eq!(count(&lake, "select count(*) from activities where category = 'unclassified'").await, 30);
    assert_eq!(count(&lake, "select count(*) from activities where day = date '2026-01-02'").await, 18);
    assert_eq!(
        count(&lake, "select count(*) from activities where created_at < timestamp '2026-01-01T02:00:00Z'").await,
        6
    );
    for statement in [
        "delete from activities",
        "drop table activities",
        "create table t as select 1",
        "copy activities to 'x.csv'",
        "set datafusion.execution.batch_size = 1",
    ] {
        let refused = lake.sql(statement).await.unwrap_err();
        assert!(matches!(refused, LakeError::ReadOnly { .. }), "{statement}: {refused}");
    }
    let stats = lake.stats().await.unwrap();
    assert_eq!((stats.activities, stats.by_source["test"]), (90, 90));
    assert_eq!(stats.newest_created_at.as_deref(), Some("2026-01-02T05:00:00.000000Z"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_and_repetition_of_batches_gives_the_same_feed(
        sizes in proptest::collection::vec(1_usize..40, 1..8),
        picks in proptest::collection::vec(0_u64..80, 1..200),
        limit in 1_usize..30,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let (lake, appender) = writer(dir.path()).await;
            let mut rest: &[u64] = &picks;
            for size in sizes.iter().cycle() {
                let (part, after) = rest.split_at((*size).min(rest.len()));
                appender.append(batch("test", &part.iter().map(|n| activity(*n)).collect::<Vec<_>>(), None)).await.unwrap();
                rest = after;
                if rest.is_empty() { break; }
            }
            let distinct: BTreeSet<u64> = picks.iter().copied().collect();
            let expected = in_order(distinct.iter().map(|n| activity(*n)).collect());
            let found: Vec<String> = walk(&lake, &ActivityFilter::default(), Order::Ascending, limit).await.into_iter().map(|r| r.raw).collect();
            assert_eq!(found, expected);
            assert_eq!(lake.next_seq(), distinct.len() as u64);
        });
    }
}
