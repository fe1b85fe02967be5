//! Stories of forgetting: what is found does not depend on it, and memory does not grow with time.
//! Promises that history is long enough that most of it is forgotten before the end.
//! Never compares with anything but an engine that forgets nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ephor_lake::control::Control;
use ephor_lake::{ActivityRows, AppendBatch, Appender, Lake, LakeOptions};
use ephor_wire::header::Header;
use ephor_wire::timestamp::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::detector::found_of;
use crate::engine::{Changes, Engine};
use crate::facts::Facts;
use crate::horizon::{Horizon, Reading};
use crate::rule::{RuleSet, RuleSources};
use crate::tell::{Rows, tell};
use crate::{DetectOptions, Detector, Finding, FindingFilter, Findings};

const START: i64 = 1_704_067_200_000_000; // 2024-01-01T00:00:00Z, a Monday
const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;
const PEOPLE: i64 = 7;

/// Long after everything that happens here.
const NOW: i64 = START + 2_000 * DAY;

fn shipped() -> Arc<RuleSet> {
    Arc::new(RuleSet::build(&RuleSources::default().files().unwrap(), None).0)
}

/// An organisation day by day: everyday work, and each few weeks something for each kind of rule.
fn days(days: std::ops::Range<i64>) -> Vec<String> {
    let mut rows = Vec::new();
    for day in days {
        for person in 0..PEOPLE {
            let mut put = |second: i64, kind: &str, more: Value| {
                let at = Timestamp::from_micros(START + day * DAY + second * SECOND);
                let mut row = json!({"id": format!("activity_{day}_{person}_{}", rows.len()), "created_at": at.as_str(),
                    "type": kind, "organization_id": "org_1", "actor": {"type": "user_actor", "user_id": format!("user_{person}"),
                    "ip_address": format!("192.0.2.{person}"), "user_agent": "Mozilla/5.0 Firefox/140.0"}});
                row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                rows.push(row.to_string());
            };
            if day % 7 < 5 {
                for n in 0..2 + (day * 5 + person * 3) % 3 {
                    put(
                        33_000 + n * 3_100 + person,
                        "claude_file_viewed",
                        json!({"claude_file_id": format!("claude_file_{day}_{person}_{n}")}),
                    );
                }
            }
            something_else(day, person, &mut put);
        }
    }
    rows
}

fn something_else(day: i64, person: i64, put: &mut impl FnMut(i64, &str, Value)) {
    if (day + person * 11) % 29 == 27 {
        for n in 0..60 {
            put(10_000 + n * 9, "claude_file_viewed", json!({"claude_file_id": format!("claude_file_much_{day}_{n}")}));
        }
    }
    if (day + person * 5) % 37 == 3 {
        for n in 0..4 {
            put(40_000 + n * 300, "platform_api_key_created", json!({"api_key_id": format!("apikey_{day}_{n}")}));
        }
        put(
            41_500,
            "claude_user_role_updated",
            json!({"user_id": "user_9", "previous_role": "user", "current_role": "owner"}),
        );
    }
    if person == day % PEOPLE && day % 19 == 0 {
        let connector = if day % 2 == 0 { "mcpsrv_1".to_owned() } else { format!("mcpsrv_{day}") };
        put(45_000, "integration_user_connected", json!({"mcp_server_id": connector, "mcp_server_name": "Notes"}));
        put(86_200, "org_ip_restriction_deleted", json!({}));
        if day % 38 == 0 {
            // On the next day already, and in time.
            put(86_500, "org_ip_restriction_created", json!({}));
        }
        let elsewhere = json!({"type": "user_actor", "user_id": format!("user_{person}"), "ip_address": "203.0.113.77", "user_agent": "curl/8"});
        put(46_000, "claude_file_viewed", json!({"claude_file_id": "claude_file_far", "actor": elsewhere}));
    }
}

fn at_of(raw: &str) -> i64 {
    Header::parse(raw.as_bytes()).unwrap().created_at_micros
}

fn numbered(rows: &[String]) -> Vec<(u64, String)> {
    (0..).zip(rows.iter().cloned()).collect()
}

/// Without the places in the lake, which do depend on arrival.
fn told(found: impl IntoIterator<Item = Finding>) -> BTreeMap<String, Finding> {
    let without_seq = |mut finding: Finding| {
        finding.evidence.iter_mut().for_each(|evidence| evidence.seq = 0);
        finding
    };
    found.into_iter().map(|finding| (finding.id.0.clone(), without_seq(finding))).collect()
}

fn remembering(set: &Arc<RuleSet>, rows: &[String]) -> BTreeMap<String, Finding> {
    let all: Vec<usize> = (0..set.series.len()).collect();
    told(found_of(set, &all, &Facts::default(), &numbered(rows), &[]))
}

/// What an engine finds that forgets on the way, and how much it held before it forgot, lot by lot.
fn forgetting(set: &Arc<RuleSet>, rows: &[String], lot: usize) -> (BTreeMap<String, Finding>, Vec<usize>) {
    let all: Vec<usize> = (0..set.series.len()).collect();
    let (mut engine, mut horizon, facts) = (Engine::new(Arc::clone(set), &all), Horizon::default(), Facts::default());
    let (mut found, mut held) = (Vec::new(), Vec::new());
    let rows = numbered(rows);
    let by_place: Rows = rows.iter().cloned().collect();
    let mut put_down = |Changes { tell: pending, gone }: Changes| {
        assert!(gone.is_empty(), "what is settled is never taken back");
        found.extend(pending.iter().filter_map(|pending| tell(set, pending, &by_place, &facts)));
    };
    for (lot, rest) in rows.chunks(lot).zip((1..).map(|n| rows.get(n * lot..).unwrap_or_default())) {
        for (seq, raw) in lot {
            let at = engine.take(raw.as_bytes(), *seq, &facts).unwrap();
            assert_eq!(horizon.saw(at, NOW, Reading::History), crate::horizon::Timely::Yes);
        }
        let oldest = rest.iter().map(|(_, raw)| at_of(raw)).min();
        held.push(engine.held());
        if let Some(to) = horizon.settles_to(NOW, oldest, Reading::History) {
            put_down(engine.settle(to, NOW));
            horizon.settled(to);
        }
    }
    put_down(engine.judge(NOW));
    let count = found.len();
    let found = told(found);
    assert_eq!(found.len(), count, "nothing is told twice");
    (found, held)
}

#[test]
fn what_is_held_does_not_grow_with_time_and_nothing_else_is_found() {
    let set = shipped();
    let rows = days(0..430);
    let (found, held) = forgetting(&set, &rows, 500);
    let whole = remembering(&set, &rows);
    assert_eq!(found, whole);
    let rules: BTreeSet<&str> = whole.values().map(|finding| finding.rule.as_str()).collect();
    for rule in [
        "files_above_usual",
        "burst_of_keys",
        "rank_raised_to_owner",
        "connector_first_seen",
        "address_restriction_gone",
    ] {
        assert!(rules.contains(rule), "{rule} is not among {rules:?}");
    }
    let most = |part: &[usize]| part.iter().copied().max().unwrap();
    let (early, late) = held.split_at(held.len() / 2);
    assert!(most(late) * 10 <= most(early) * 11, "{} and then {}", most(early), most(late));
    let (_, at_once) = forgetting(&set, &rows, rows.len());
    assert!(most(&held) * 2 < at_once[0], "{} instead of {}", most(&held), at_once[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn history_out_of_order_gives_the_same_findings(
        lateness_days in prop::collection::vec(0..25_i64, 200),
        strays in prop::collection::vec(0..3_000_usize, 0..6),
        lot in 150..900_usize,
    ) {
        let set = shipped();
        let mut rows = days(0..170);
        let whole = remembering(&set, &rows);
        let arrives = |n: usize, raw: &String| at_of(raw) + lateness_days[n * 31 % lateness_days.len()] * DAY;
        let mut order: Vec<(i64, String)> = rows.drain(..).enumerate().map(|(n, raw)| (arrives(n, &raw), raw)).collect();
        order.sort();
        let mut rows: Vec<String> = order.into_iter().map(|(_, raw)| raw).collect();
        for stray in strays {
            let raw = rows.remove(stray % rows.len());
            rows.push(raw);
        }
        let (found, _) = forgetting(&set, &rows, lot);
        prop_assert_eq!(found, whole);
    }
}

/// A detector over a lake that is being filled.
struct Watch {
    _home: tempfile::TempDir,
    lake: Lake,
    appender: Appender,
    control: Control,
    detector: Detector,
}

impl Watch {
    async fn begin() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (lake, appender) = Lake::open_writer(home.path(), LakeOptions::default()).await.unwrap();
        let control = Control::open(home.path()).await.unwrap();
        let detector = Detector::open(&lake, &control, DetectOptions::default()).await.unwrap();
        Self { _home: home, lake, appender, control, detector }
    }

    async fn arrive(&self, rows: &[String]) {
        let mut columns = ActivityRows::with_capacity(rows.len(), 512);
        for raw in rows {
            columns.push(raw.as_bytes(), &Header::parse(raw.as_bytes()).unwrap());
        }
        let batch =
            AppendBatch { source: "test".to_owned(), received_at_micros: NOW, rows: vec![columns], cursor: None };
        self.appender.append(batch).await.unwrap();
    }

    async fn look(&mut self, now: i64) -> u64 {
        self.detector.catch_up(now, &mut rand::rng()).await.unwrap().activities
    }

    async fn restart(&mut self) {
        self.detector = Detector::open(&self.lake, &self.control, DetectOptions::default()).await.unwrap();
    }

    async fn found(&self) -> BTreeMap<String, Finding> {
        let all = Findings::new(&self.control).list(&FindingFilter::default()).await.unwrap();
        told(all.into_iter().map(|record| record.finding))
    }
}

#[tokio::test]
async fn a_node_that_runs_restarts_and_gets_something_much_too_late_finds_what_was_there() {
    let set = shipped();
    let rows = days(0..130);
    let whole = remembering(&set, &rows);
    let is_late = |raw: &String| (at_of(raw) - START) / DAY == 27 || at_of(raw) == at_of(&rows[900]);
    let (late, in_time): (Vec<String>, Vec<String>) = rows.iter().cloned().partition(is_late);
    let mut watch = Watch::begin().await;
    let parts: Vec<&[String]> = in_time.chunks(in_time.len() / 8 + 1).collect();
    let (mut looked_at, mut held) = (0, Vec::new());
    for (n, part) in parts.iter().enumerate() {
        watch.arrive(part).await;
        if n == 5 {
            watch.restart().await;
        }
        let seen = watch.look(at_of(&part[part.len() - 1])).await;
        looked_at = if n == 5 { seen } else { looked_at + seen };
        held.push(watch.detector.held());
    }
    assert_eq!(looked_at, in_time.len() as u64);
    assert!(held[7] < held[3] * 5 / 4, "{held:?}");
    // Months late: all is judged again, once, and nothing is forgotten for a day, so that more of it may come.
    let end = at_of(&rows[rows.len() - 1]) + DAY;
    watch.arrive(&late[..1]).await;
    assert!(watch.look(end).await > in_time.len() as u64);
    watch.arrive(&late[1..]).await;
    assert_eq!(watch.look(end + SECOND).await, late.len() as u64 - 1);
    assert_eq!(watch.found().await, whole.into_iter().collect::<BTreeMap<_, _>>());
    let before = watch.detector.held();
    assert_eq!(watch.look(end + 2 * DAY).await, 0);
    assert!(watch.detector.held() < before, "a day later it forgets again");
    assert_eq!(watch.found().await, remembering(&set, &rows));
}
