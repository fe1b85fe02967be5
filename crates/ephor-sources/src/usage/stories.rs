//! Stories about exports on their way into a real lake: restarts, floods, callers that give up.
//! Promises that every story has a lake of its own, and that what is counted is what the lake holds.
//! Never waits for time to pass.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use arrow::array::{Array, Int64Array};
use ephor_lake::{Appender, Lake, LakeOptions};
use futures::FutureExt;
use futures::future::join_all;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::*;
use crate::otlp::OtlpEncoding;

/// 2026-11-23T12:00:00Z
const NOON: i64 = 1_795_435_200_000_000;

struct House {
    lake: Lake,
    appender: Appender,
    intake: UsageIntake,
}

impl House {
    async fn open(dir: &Path) -> Self {
        let (lake, appender) = Lake::open_writer(dir, LakeOptions::default()).await.unwrap();
        let intake = UsageIntake::new(lake.clone(), appender.clone());
        Self { lake, appender, intake }
    }

    async fn send(&self, total: Total) -> UsageTaken {
        self.intake.metrics(total.export(), sender()).await.unwrap()
    }

    fn commits(&self) -> i64 {
        let days = self.lake.usage().days();
        let batches = days.iter().flat_map(|day| self.lake.usage().read_day(day.day, &["count"]).unwrap());
        batches
            .map(|batch| {
                let counts = batch.column_by_name("count").unwrap().as_any().downcast_ref::<Int64Array>().unwrap();
                counts.iter().flatten().sum::<i64>()
            })
            .sum()
    }
}

fn sender() -> UsageSender {
    UsageSender { organization: None, received_at_micros: NOON }
}

/// A running total of commits, as one process reports it.
#[derive(Debug, Clone, Copy)]
struct Total {
    session: usize,
    start_seconds: i64,
    at_seconds: i64,
    value: i64,
}

impl Total {
    fn export(self) -> OtlpExport<crate::ExportMetricsServiceRequest> {
        let nanos = |seconds: i64| ((NOON + seconds * 1_000_000) * 1000).to_string();
        let session = format!("s{}", self.session);
        let body = json!({ "resourceMetrics": [{
            "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "claude-code" } }] },
            "scopeMetrics": [{ "metrics": [{ "name": "claude_code.commit.count", "sum": {
                "aggregationTemporality": 2, "isMonotonic": true,
                "dataPoints": [{
                    "startTimeUnixNano": nanos(self.start_seconds), "timeUnixNano": nanos(self.at_seconds), "asInt": self.value,
                    "attributes": [{ "key": "session.id", "value": { "stringValue": session } }],
                }],
            }}]}],
        }]});
        OtlpExport::Body(body.to_string().into_bytes().into(), OtlpEncoding::Json)
    }
}

#[tokio::test]
async fn totals_come_out_right_in_any_order_with_repeats_and_restarts() {
    let told = [(0, 10, 3), (0, 20, 5), (0, 30, 9), (25, 31, 2), (25, 40, 7), (25, 50, 4), (25, 60, 6)];
    let told = told.map(|(start_seconds, at_seconds, value)| Total { session: 1, start_seconds, at_seconds, value });
    // 9 of the first process, 7 of the second, and 6 of it after it began anew.
    for seed in 0..4 {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut exports: Vec<Total> = told.into_iter().chain(told).collect();
        exports.shuffle(&mut dice);
        let dir = tempfile::tempdir().unwrap();
        let mut house = House::open(dir.path()).await;
        for export in exports {
            house.send(export).await;
            if dice.random_ratio(1, 3) {
                house.appender.close().await.unwrap();
                house = House::open(dir.path()).await;
            }
        }
        assert_eq!(house.commits(), 9 + 7 + 6, "seed {seed}");
    }
}

#[tokio::test]
async fn many_at_once_share_commits_and_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path()).await;
    let exports = (0..60).map(|session| house.send(Total { session, start_seconds: 0, at_seconds: 10, value: 2 }));
    let taken = join_all(exports).await;
    assert!(taken.iter().all(|taken| taken.added == 1), "{taken:?}");
    assert_eq!(house.commits(), 120);
    let again = house.send(Total { session: 7, start_seconds: 0, at_seconds: 10, value: 2 }).await;
    assert_eq!(again, UsageTaken::default());
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_count_right() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path()).await;
    let total = |at_seconds, value| Total { session: 1, start_seconds: 0, at_seconds, value };
    for (at, value) in [(10, 4), (20, 6), (30, 9)] {
        // Asked, and dropped before there can be an answer: it may be stored or not, but never by half.
        drop(house.intake.metrics(total(at, value).export(), sender()).now_or_never());
    }
    house.send(total(40, 11)).await;
    assert_eq!(house.commits(), 11);
}

#[tokio::test]
async fn a_key_of_one_organization_speaks_for_that_one() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path()).await;
    let own = UsageSender { organization: Some("own".to_owned()), received_at_micros: NOON };
    let total = Total { session: 1, start_seconds: 0, at_seconds: 10, value: 1 };
    assert_eq!(house.intake.metrics(total.export(), own.clone()).await.unwrap().added, 1);
    let body = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [{
        "timeUnixNano": (NOON * 1000).to_string(),
        "attributes": [
            { "key": "event.name", "value": { "stringValue": "claude_code.user_prompt" } },
            { "key": "organization.id", "value": { "stringValue": "another" } },
        ],
    }]}]}]});
    let export = OtlpExport::Body(body.to_string().into_bytes().into(), OtlpEncoding::Json);
    let taken = house.intake.logs(export, own).await.unwrap();
    assert_eq!((taken.added, taken.rejected), (0, 1));
    assert_eq!(taken.reason.as_deref(), Some("`organization_uuid` is not the organization of this key"));
}
