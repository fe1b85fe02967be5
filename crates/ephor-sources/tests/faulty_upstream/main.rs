//! Collecting from an upstream that does everything wrong that one can do and still be an upstream.
//! However often it fails, is stopped or forgets: the lake holds exactly what the upstream knows, each row once.
//! Never a request outside the published paths, never more than our share of the budget.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admin_directory;
mod analytics;
mod directory;
mod truth;
mod upstream;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ephor_lake::{ActivityFilter, AppendBatch, Appender, FeedQuery, Lake, LakeOptions, Order, PageFrom};
use ephor_sources::{
    Collector, CollectorOptions, CollectorState, Door, Endpoint, GapAlarm, Ledger, OwnRows, Pace, RecordingSwitch,
    Resumed, SourceError, SourceReport, gap_end, read_compliance_directory,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use truth::{DAY, HOUR, MINUTE, NOON, Row, rows};
use upstream::{Fault, KEY, KEY_ID, Upstream};

thread_local! {
    /// Every test has a thread, and with it a clock.
    static NOW: Cell<i64> = const { Cell::new(NOON) };
}

fn clock() -> i64 {
    NOW.get()
}

/// Where requests hang, the client gives up after this time, and the upstream answers too late by as much.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// Where none hangs: a busy machine must not look like a fault that nobody planned.
const PATIENCE: Duration = Duration::from_secs(60);

fn endpoint(upstream: &Upstream, timeout: Duration) -> Endpoint {
    // The client of HTTP wants to know who would encrypt, even where nothing is to be.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Endpoint {
        name: "upstream".to_owned(),
        base_url: upstream.url.clone(),
        key: KEY.to_owned().into(),
        share: 0.5,
        pace: Pace {
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(4),
            timeout,
            tries: 6,
            window: Duration::from_secs(1),
            second: Duration::from_millis(1),
        },
        assumed_limit: None,
        ledger: Ledger::default(),
    }
}

/// A lake and the upstream that is collected into it.
struct World {
    dir: TempDir,
    lake: Lake,
    appender: Appender,
    door: Arc<Door>,
    upstream: Upstream,
    endpoint: Endpoint,
}

impl World {
    async fn new(truth: Vec<Row>, seed: u64, share_of_faults: f64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (lake, appender) = Lake::open_writer(&dir.path().join("lake"), LakeOptions::default()).await.unwrap();
        let timeout = if share_of_faults > 0.0 { IMPATIENCE } else { PATIENCE };
        let upstream = Upstream::serve(truth, seed, share_of_faults, 2 * timeout).await;
        let endpoint = endpoint(&upstream, timeout);
        Self { dir, lake, appender, door: Arc::new(Door::new()), upstream, endpoint }
    }

    async fn collector(&self) -> Collector {
        let options = CollectorOptions {
            endpoint: self.endpoint.clone(),
            overlap: Duration::from_secs(15 * 60),
            own_rows: OwnRows::Exclude,
            backfill_from_micros: None,
            stale_after: Some(Duration::from_secs(48 * 3600)),
            rejects: self.dir.path().join("rejects").join("upstream.ndjson"),
            clock,
        };
        Collector::open(options, &self.lake, &self.appender, &self.door).await.unwrap()
    }

    async fn run(&self) -> (SourceReport, Result<(), SourceError>) {
        self.collector().await.run_once().await
    }

    /// Runs until one succeeds, as a node would.
    async fn run_until_done(&self) -> SourceReport {
        for _ in 0..40 {
            match self.run().await {
                (report, Ok(())) => return report,
                (_, Err(error)) => assert!(matches!(error, SourceError::Collect { .. }), "{error}"),
            }
        }
        panic!("forty runs, and none reached the end");
    }

    async fn state(&self) -> CollectorState {
        serde_json::from_value(self.lake.source_cursor("upstream").await.unwrap().unwrap()).unwrap()
    }

    /// Every row of the lake, read as a client would. An id that comes twice fails here.
    async fn stored(&self) -> BTreeMap<String, String> {
        let mut stored = BTreeMap::new();
        let mut from = PageFrom::Start;
        loop {
            let query = FeedQuery { filter: ActivityFilter::default(), order: Order::Descending, from, limit: 700 };
            let page = self.lake.page(&query).await.unwrap();
            let last = page.rows.last().map(ephor_lake::FeedRow::cursor);
            for row in page.rows {
                assert_eq!(stored.insert(row.id.clone(), row.raw), None, "{} is there twice", row.id);
            }
            match last {
                Some(last) if page.has_more => from = PageFrom::After(last),
                _ => return stored,
            }
        }
    }

    /// The lake holds the truth: nothing lost, nothing twice, not a byte changed.
    async fn assert_whole(&self) {
        let truth: BTreeMap<String, String> =
            self.upstream.truth().iter().map(|row| (row.id.clone(), row.raw.clone())).collect();
        let stored = self.stored().await;
        let lost: Vec<&String> = truth.keys().filter(|id| !stored.contains_key(*id)).collect();
        assert!(lost.is_empty(), "{} of {} are lost, {} among them", lost.len(), truth.len(), lost[0]);
        assert!(stored == truth, "the lake holds rows or bytes that the upstream does not");
    }

    /// The upstream learns of more.
    fn publish(&self, more: Vec<Row>) {
        self.upstream.truth().extend(more);
    }
}

/// 1,200 rows of forty days and 800 of the last half day.
fn long_and_short_ago(seed: u64) -> (Vec<Row>, Vec<Row>) {
    let half_day_ago = NOON - 12 * HOUR;
    (rows(seed, 1200, NOON - 40 * DAY, half_day_ago), rows(seed + 1000, 800, half_day_ago, NOON - 2 * MINUTE))
}

#[tokio::test]
async fn whatever_goes_wrong_the_lake_holds_exactly_the_truth() {
    for seed in 0..2 {
        let (mut long_ago, short_ago) = long_and_short_ago(seed);
        let late: Vec<Row> = long_ago.extract_if(.., |row| row.at > NOON - 3 * DAY && row.id.ends_with('7')).collect();
        assert!(!late.is_empty());
        NOW.set(NOON - 12 * HOUR + 2 * MINUTE);
        let world = World::new(long_ago, seed, 0.35).await;
        world.run_until_done().await;
        world.assert_whole().await;
        // The daily reading is not due: what comes now comes by catching up.
        NOW.set(NOON);
        world.publish(short_ago);
        world.run_until_done().await;
        world.assert_whole().await;
        NOW.set(NOON + 12 * HOUR + 3 * MINUTE);
        world.publish(late);
        world.run_until_done().await;
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn a_row_indexed_late_is_found_by_the_overlap_and_an_older_one_by_the_daily_reading() {
    let (mut long_ago, _) = long_and_short_ago(7);
    long_ago.extend(rows(8, 100, NOON - HOUR, NOON - 2 * MINUTE));
    let world = World::new(long_ago, 0, 0.0).await;
    assert_eq!(world.run_until_done().await.late, 0);
    let envelope = r#""actor":{}"#;
    world.publish(vec![
        Row::new(NOON - 10 * MINUTE, "activity_minutes", "late", envelope),
        Row::new(NOON - 2 * DAY, "activity_days", "late", envelope),
    ]);
    let report = world.run_until_done().await;
    assert_eq!((report.added, report.late), (1, 1));
    NOW.set(NOON + DAY);
    let report = world.run_until_done().await;
    assert_eq!((report.added, report.late), (1, 1));
    world.assert_whole().await;
}

#[tokio::test]
async fn a_collector_stopped_anywhere_goes_on_from_there() {
    for seed in 0..2 {
        let (long_ago, short_ago) = long_and_short_ago(20 + seed);
        let world = World::new(long_ago, seed, 0.1).await;
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut short_ago = Some(short_ago);
        let mut collector = world.collector().await;
        for stop in 0..30 {
            let patience = Duration::from_millis(dice.random_range(1..80));
            // Dropped in the middle of whatever it was doing; half of the time, the same collector is asked again.
            let run = tokio::time::timeout(patience, collector.run_once()).await;
            let finished = run.is_ok_and(|(_, result)| result.is_ok());
            if dice.random_bool(0.5) {
                collector = world.collector().await;
            }
            if finished || stop == 20 {
                world.publish(short_ago.take().unwrap_or_default());
            }
        }
        collector.run_once().await.1.ok();
        world.run_until_done().await;
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn an_aborted_task_leaves_rows_and_place_that_belong_together() {
    let (mut truth, short_ago) = long_and_short_ago(30);
    truth.extend(short_ago);
    let world = World::new(truth, 0, 0.0).await;
    for _ in 0..5 {
        let mut collector = world.collector().await;
        let task = tokio::spawn(async move { collector.run_once().await.1.is_ok() });
        tokio::time::sleep(Duration::from_millis(60)).await;
        task.abort();
        task.await.ok();
        // What the writer was given before is stored when it answers; then each row newer than the place must be there.
        let nothing = AppendBatch { source: "nobody".to_owned(), received_at_micros: NOON, rows: vec![], cursor: None };
        world.appender.append(nothing).await.unwrap();
        let Some(cursor) = world.lake.source_cursor("upstream").await.unwrap() else { continue };
        let Some(place) = cursor["backfill_cursor"].as_str() else { continue };
        let at: i64 = place.split('.').nth(1).unwrap().parse().unwrap();
        let stored = world.stored().await;
        assert!(world.upstream.truth().iter().filter(|row| row.at > at).all(|row| stored.contains_key(&row.id)));
    }
    world.run_until_done().await;
    world.assert_whole().await;
}

#[tokio::test]
async fn a_page_that_could_not_be_stored_is_read_again() {
    let (mut truth, _) = long_and_short_ago(40);
    let mut bad = Row::new(NOON - 20 * DAY, "zzz", "t", r#""actor":{}"#);
    bad.raw = r#"{"created_at":"2026-11-03T12:00:00Z","type":"a row without an id"}"#.to_owned();
    truth.push(bad);
    let world = World::new(truth, 0, 0.0).await;
    let in_the_way = world.dir.path().join("rejects").join("upstream.ndjson");
    std::fs::create_dir_all(&in_the_way).unwrap();
    let mut collector = world.collector().await;
    assert!(matches!(collector.run_once().await.1, Err(SourceError::File { .. })));
    std::fs::remove_dir(&in_the_way).unwrap();
    let (report, result) = collector.run_once().await;
    result.unwrap();
    assert_eq!(report.rejected, 1);
    assert!(std::fs::read_to_string(&in_the_way).unwrap().contains("a row without an id"));
    world.upstream.truth().retain(|row| row.id != "zzz");
    world.assert_whole().await;
}

#[tokio::test]
async fn a_row_that_is_no_activity_is_set_aside_once_however_often_it_is_read() {
    let mut truth = rows(45, 100, NOON - DAY, NOON - HOUR);
    for (minutes, id) in [(10, "yyy"), (5, "zzz")] {
        let mut bad = Row::new(NOON - minutes * MINUTE, id, "t", r#""actor":{}"#);
        bad.raw = format!(r#"{{"created_at":"2026-11-23T11:50:00Z","type":"without an id, {minutes}"}}"#);
        truth.push(bad);
    }
    let world = World::new(truth, 0, 0.0).await;
    let mut rejected = world.run_until_done().await.rejected;
    for _ in 0..3 {
        rejected += world.run_until_done().await.rejected;
    }
    let kept = std::fs::read_to_string(world.dir.path().join("rejects").join("upstream.ndjson")).unwrap();
    assert_eq!((rejected, kept.lines().count()), (2, 2), "{kept}");
}

#[tokio::test]
async fn a_lost_bookmark_is_replaced_by_reading_since_the_newest_row_even_if_that_is_interrupted() {
    let (long_ago, short_ago) = long_and_short_ago(50);
    NOW.set(NOON - 12 * HOUR + 2 * MINUTE);
    let world = World::new(long_ago, 0, 0.0).await;
    world.run_until_done().await;
    NOW.set(NOON);
    world.publish(short_ago);
    world.upstream.manners().age += 1;
    // The old bookmark, the new top, two pages from there; then nothing goes on in this run.
    world.upstream.write_down([None, None, None, None, Some(Fault::Final)]);
    world.run().await.1.unwrap_err();
    world.run_until_done().await;
    world.assert_whole().await;
    let bookmark = world.state().await.bookmark.unwrap();
    assert!(bookmark.starts_with("1."), "{bookmark}");
}

#[tokio::test]
async fn a_refusal_that_will_not_pass_ends_the_run_at_once_and_the_next_goes_on() {
    let (truth, _) = long_and_short_ago(60);
    let world = World::new(truth, 0, 0.0).await;
    world.upstream.write_down([None, None, Some(Fault::Final)]);
    let (report, result) = world.run().await;
    let said = result.unwrap_err().to_string();
    assert_eq!(said, "upstream `upstream`: the upstream answers 500: this does not pass");
    assert_eq!((report.requests, report.added, report.alarms.len()), (3, 50, 0));
    world.run_until_done().await;
    world.assert_whole().await;
}

#[tokio::test]
async fn an_upstream_that_stays_away_is_asked_as_often_as_agreed() {
    let world = World::new(rows(70, 10, NOON - DAY, NOON - HOUR), 0, 0.0).await;
    world.upstream.write_down([Some(Fault::Status(503)); 6]);
    let (report, result) = world.run().await;
    assert_eq!(
        result.unwrap_err().to_string(),
        "upstream `upstream`: the upstream did not answer after 6 tries: 503: this passes; the next run goes on from the same place"
    );
    assert_eq!((report.requests, world.upstream.asked().len()), (6, 6));
}

#[tokio::test]
async fn a_key_that_is_refused_raises_an_alarm() {
    let world = World::new(rows(80, 100, NOON - DAY, NOON - HOUR), 0, 0.0).await;
    for status in [401, 403] {
        world.upstream.manners().refuse = Some(status);
        let (report, result) = world.run().await;
        let said = result.unwrap_err().to_string();
        assert!(said.contains(&status.to_string()) && !said.contains(KEY), "{said}");
        let alarms: Vec<_> = report.alarms.iter().map(|alarm| (alarm.from_micros, alarm.reason.as_str())).collect();
        let reason = format!("the upstream answers {status} to this key: nothing can be read until that is mended");
        assert_eq!(alarms, [(NOON, reason.as_str())]);
        assert_eq!(report.requests, 1);
    }
    world.upstream.manners().refuse = None;
    assert!(world.run_until_done().await.alarms.is_empty());
    world.assert_whole().await;
}

#[tokio::test]
async fn a_recording_switched_off_raises_one_alarm_however_often_its_row_is_read() {
    let mut truth = rows(90, 100, NOON - DAY, NOON - HOUR);
    let off = r#""actor":{},"updates":[{"type":"state","previous_value":"enabled","current_value":"disabled"}]"#;
    let on = r#""actor":{},"updates":[{"type":"state","previous_value":"disabled","current_value":"enabled"}]"#;
    truth.push(Row::new(NOON - 5 * MINUTE, "activity_off", "org_compliance_api_settings_updated", off));
    truth.push(Row::new(NOON - 4 * MINUTE, "activity_on", "org_compliance_api_settings_updated", on));
    let world = World::new(truth, 0, 0.0).await;
    let report = world.run_until_done().await;
    let alarms: Vec<_> = report.alarms.iter().map(|alarm| (alarm.from_micros, alarm.reason.as_str())).collect();
    assert_eq!(alarms, [(NOON - 5 * MINUTE, "the upstream's recording was switched off (activity_off)")]);
    assert_eq!(report.resumed, [Resumed { at_micros: NOON - 4 * MINUTE, switch: RecordingSwitch::Api }]);
}

#[tokio::test]
async fn a_change_of_something_else_switches_nothing_on() {
    let mut truth = rows(95, 100, NOON - DAY, NOON - HOUR);
    let switch = |at: i64, id: &str, fields: &str| {
        Row::new(at, id, "org_compliance_api_settings_updated", &format!(r#""actor":{{}},{fields}"#))
    };
    truth.push(switch(NOON - 9 * MINUTE, "activity_off", r#""compliance_api_logging_enabled":false"#));
    truth.push(switch(NOON - 8 * MINUTE, "activity_other", r#""compliance_api_enabled":true"#));
    truth.push(switch(NOON - 7 * MINUTE, "activity_contact", r#""updates":[{"type":"contact","current_value":"x"}]"#));
    let world = World::new(truth, 0, 0.0).await;
    let report = world.run_until_done().await;
    let [gap] = report.alarms.as_slice() else { panic!("{:?}", report.alarms) };
    assert_eq!(gap.reason, "the upstream's logging was switched off (activity_off)");
    assert_eq!(gap_end(gap, &report, Some(NOON)), None);
    world.publish(vec![switch(NOON - 6 * MINUTE, "activity_on", r#""compliance_api_logging_enabled":true"#)]);
    let report = world.run_until_done().await;
    assert_eq!(gap_end(gap, &report, Some(NOON)), Some(NOON - 6 * MINUTE));
}

#[tokio::test]
async fn an_upstream_without_a_new_row_for_longer_than_expected_raises_an_alarm_until_one_comes() {
    let newest = NOON - HOUR;
    let world = World::new(vec![Row::new(newest, "activity_1", "t", r#""actor":{}"#)], 0, 0.0).await;
    assert_eq!(world.run_until_done().await.alarms, []);
    NOW.set(newest + 48 * HOUR);
    assert_eq!(world.run_until_done().await.alarms, []);
    NOW.set(newest + 48 * HOUR + MINUTE);
    let report = world.run_until_done().await;
    let reason = "no row came for more than 48 hours: the upstream may have stopped recording".to_owned();
    let gap = GapAlarm { from_micros: newest, reason };
    assert_eq!((&report.alarms, gap_end(&gap, &report, Some(NOON))), (&vec![gap.clone()], None));
    world.publish(vec![Row::new(newest + 47 * HOUR, "activity_2", "t", r#""actor":{}"#)]);
    let report = world.run_until_done().await;
    assert_eq!((report.alarms.len(), gap_end(&gap, &report, Some(NOON))), (0, Some(newest + 47 * HOUR)));
}

#[tokio::test]
async fn our_own_requests_show_that_a_quiet_upstream_still_records() {
    let world = World::new(rows(96, 10, NOON - DAY, NOON - HOUR), 0, 0.0).await;
    world.upstream.manners().records_requests_at = Some(NOON - 10 * MINUTE);
    world.run_until_done().await;
    NOW.set(NOON + 3 * DAY);
    world.upstream.manners().records_requests_at = Some(NOON + 3 * DAY - 10 * MINUTE);
    assert_eq!(world.run_until_done().await.alarms, []);
}

#[tokio::test]
async fn windows_of_time_are_those_of_the_upstreams_clock() {
    let ahead = 3 * HOUR;
    let world = World::new(rows(97, 100, NOON - DAY, NOON - 2 * MINUTE), 0, 0.0).await;
    world.upstream.manners().clock_ahead_micros = ahead;
    world.run_until_done().await;
    // Late by the upstream's clock: our own would look for it three hours before it can be there.
    world.publish(vec![
        Row::new(NOON + ahead - 2 * MINUTE, "activity_zz_new", "t", r#""actor":{}"#),
        Row::new(NOON + ahead - 10 * MINUTE, "activity_late", "t", r#""actor":{}"#),
    ]);
    world.run_until_done().await;
    world.publish(vec![Row::new(NOON + ahead - 5 * MINUTE, "activity_later", "t", r#""actor":{}"#)]);
    let report = world.run_until_done().await;
    assert_eq!((report.late, report.clock_skew_micros), (1, Some(ahead)));
    world.assert_whole().await;
}

#[tokio::test]
async fn rows_of_our_own_requests_are_left_out_and_those_of_other_keys_are_kept() {
    let mut truth = rows(100, 150, NOON - DAY, NOON - HOUR);
    truth.extend(
        (0..20).map(|n| Row::access(NOON - HOUR + n, &format!("activity_other_{n}"), "apikey_other", "req_1x")),
    );
    let world = World::new(truth, 0, 0.0).await;
    world.upstream.manners().records_requests_at = Some(NOON - 10 * MINUTE);
    let report = world.run_until_done().await;
    assert!(report.own > 0);
    assert_eq!(world.state().await.own_keys, [KEY_ID]);
    // A week without us: the daily reading goes back to where the last one was.
    world.publish(vec![Row::access(NOON + HOUR, "activity_other_later", "apikey_other", "req_2x")]);
    NOW.set(NOON + 8 * DAY);
    world.upstream.manners().records_requests_at = Some(NOON + 8 * DAY - 10 * MINUTE);
    world.run_until_done().await;
    world.upstream.truth().retain(|row| !row.id.starts_with("activity_own_"));
    world.assert_whole().await;
}

#[tokio::test]
async fn after_a_rotation_the_rows_of_the_new_key_are_left_out_like_those_of_the_old() {
    let world = World::new(rows(105, 150, NOON - DAY, NOON - HOUR), 0, 0.0).await;
    world.upstream.manners().records_requests_at = Some(NOON - 10 * MINUTE);
    world.run_until_done().await;
    // Both are read once more by the daily reading: the last requests of the old key and the first of the new one.
    NOW.set(NOON + DAY);
    world.upstream.manners().records_requests_at = Some(NOON + DAY - 10 * MINUTE);
    world.upstream.manners().key_id = Some("apikey_rotated");
    assert!(world.run_until_done().await.own > 0);
    assert_eq!(world.state().await.own_keys, [KEY_ID, "apikey_rotated"]);
    world.upstream.truth().retain(|row| !row.id.starts_with("activity_own_"));
    world.assert_whole().await;
}

#[tokio::test]
async fn what_other_keys_did_during_a_long_backfill_is_read_by_the_first_daily_reading() {
    let world = World::new(rows(110, 200, NOON - DAY, NOON - HOUR), 0, 0.0).await;
    world.upstream.write_down([None, None, Some(Fault::Final)]);
    world.run().await.1.unwrap_err();
    world.publish(vec![Row::access(NOON + HOUR, "activity_other", "apikey_other", "req_1x")]);
    NOW.set(NOON + 8 * DAY);
    world.run_until_done().await;
    world.assert_whole().await;
}

#[tokio::test]
async fn no_more_than_our_share_of_the_budget_reaches_the_upstream() {
    let world = World::new(rows(120, 500, NOON - 20 * DAY, NOON - 10 * DAY), 0, 0.0).await;
    world.upstream.manners().limit_requests = Some(10);
    let begun = Instant::now();
    let report = world.run_until_done().await;
    assert_eq!(report.budget.unwrap().limit_requests, 10);
    world.assert_whole().await;
    let arrived: Vec<Instant> = world.upstream.asked().iter().map(|asked| asked.at).collect();
    assert!(arrived.len() > 10, "{}", arrived.len());
    assert_not_early(begun, &arrived, 5);
}

/// With so many requests allowed in a window of a second, none arrives before the windows that it has to wait for are
/// over. What a request takes on its way can make it late and never early, so this holds on the busiest machine.
pub fn assert_not_early(begun: Instant, arrived: &[Instant], allowed: usize) {
    for (place, at) in arrived.iter().enumerate() {
        let windows = Duration::from_secs((place / allowed) as u64);
        assert!(*at - begun >= windows, "request {place} came after {:?}", *at - begun);
    }
}

#[tokio::test]
async fn runs_and_readings_of_the_directory_share_one_budget() {
    let world = World::new(rows(125, 100, NOON - 20 * DAY, NOON - 10 * DAY), 0, 0.0).await;
    world.upstream.manners().limit_requests = Some(40);
    let begun = Instant::now();
    for _ in 0..4 {
        world.run_until_done().await;
    }
    read_compliance_directory(world.endpoint.clone(), clock).await.unwrap();
    world.run_until_done().await;
    let arrived: Vec<Instant> = world.upstream.asked().iter().map(|asked| asked.at).collect();
    assert!(arrived.len() > 40, "{}", arrived.len());
    assert_not_early(begun, &arrived, 20);
}

#[tokio::test]
async fn an_empty_feed_is_no_end_and_its_first_rows_are_collected() {
    let world = World::new(Vec::new(), 0, 0.0).await;
    assert_eq!(world.run_until_done().await.read, 0);
    world.publish(rows(130, 120, NOON - DAY, NOON - HOUR));
    world.run_until_done().await;
    world.assert_whole().await;
}

#[tokio::test]
async fn only_the_feed_is_asked_for_and_never_by_organization() {
    let world = World::new(rows(140, 120, NOON - DAY, NOON - HOUR), 0, 0.0).await;
    world.run_until_done().await;
    for asked in world.upstream.asked() {
        assert_eq!(asked.path, "/v1/compliance/activities");
        assert!(asked.query.iter().all(|(name, _)| name != "organization_ids[]"));
    }
}

/// Entries of the lake's log.
fn commits(world: &World) -> usize {
    let log = world.lake.dir().join("lake").join("activities").join("_delta_log");
    let names = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|extension| extension == "json")).count()
}

#[tokio::test]
async fn runs_that_bring_nothing_new_leave_nothing_in_the_log() {
    let world = World::new(Vec::new(), 0, 0.0).await;
    let empty = commits(&world);
    world.run_until_done().await;
    assert_eq!(commits(&world), empty);
    world.publish(rows(150, 100, NOON - DAY, NOON - HOUR));
    world.run_until_done().await;
    let before = commits(&world);
    for minute in 1..=10 {
        NOW.set(NOON + minute * MINUTE);
        world.run_until_done().await;
    }
    assert_eq!(commits(&world), before);
    world.assert_whole().await;
}

#[tokio::test]
async fn the_last_try_is_not_followed_by_a_wait() {
    let mut world = World::new(rows(160, 10, NOON - DAY, NOON - HOUR), 0, 0.0).await;
    world.endpoint.pace.tries = 1;
    world.endpoint.pace.second = Duration::from_secs(1);
    world.upstream.write_down([Some(Fault::TooMany(Some(250)))]);
    let started = Instant::now();
    let (report, result) = world.run().await;
    result.unwrap_err();
    assert_eq!(report.requests, 1);
    assert!(started.elapsed() < Duration::from_secs(200), "{:?}", started.elapsed());
}
