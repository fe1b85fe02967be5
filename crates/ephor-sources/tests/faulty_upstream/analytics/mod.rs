//! Collecting from an Analytics API of any profile that does everything wrong that one can do and still be one.
//! However often it fails, revises, forgets or is stopped: what is stored is what it knew, to the byte.
//! Never a request outside the analytics paths, never more than our share.

mod truth;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ephor_lake::{Appender, Lake, LakeOptions};
use ephor_sources::{
    AnalyticsCollector, AnalyticsCollectorOptions, AnalyticsState, Door, Endpoint, Horizons, Ledger, Pace, SourceError,
    SourceReport,
};
use ephor_wire::analytics::{AnalyticsEndpoint as E, slot};
use ephor_wire::timestamp::UtcDay;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use upstream::{Manners, Upstream, Wording};

use crate::truth::{DAY, HOUR, NOON};
use crate::upstream::KEY;
use crate::{NOW, assert_not_early, clock};

struct World {
    _dir: TempDir,
    lake: Lake,
    /// Dropped, it would close the lake for writing.
    _appender: Appender,
    upstream: Upstream,
    options: AnalyticsCollectorOptions,
}

/// A profile of today, of an upstream that is three weeks old.
fn manners() -> Manners {
    Manners {
        lag_days: 1,
        first_day: today().plus_days(-21),
        wording: Wording::NamesTheDay,
        missing: BTreeSet::new(),
        unknown_cuts: BTreeSet::new(),
        old_envelope: false,
        refuse: None,
        broken: None,
        revise_after: None,
    }
}

fn today() -> UtcDay {
    UtcDay::from_micros(clock())
}

impl World {
    async fn new(manners: Manners, seed: u64, share_of_faults: f64) -> Self {
        _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let (lake, appender) = Lake::open_writer(&dir.path().join("lake"), LakeOptions::default()).await.unwrap();
        let upstream = Upstream::serve(manners, seed, share_of_faults).await;
        let endpoint = Endpoint {
            name: "upstream".to_owned(),
            base_url: upstream.url.clone(),
            key: KEY.to_owned().into(),
            share: 0.5,
            assumed_limit: None,
            pace: Pace {
                first_wait: Duration::from_millis(1),
                longest_wait: Duration::from_millis(4),
                timeout: Duration::from_secs(60),
                tries: 8,
                window: Duration::from_secs(1),
                second: Duration::from_millis(1),
            },
            ledger: Ledger::default(),
        };
        let horizons = Horizons { backfill_from: None, engagement_revised_days: 7, cost_revised_days: 30 };
        let stale_after = Some(Duration::from_secs(120 * 3600));
        let options = AnalyticsCollectorOptions { endpoint, horizons, stale_after, clock };
        Self { _dir: dir, lake, _appender: appender, upstream, options }
    }

    async fn collector(&self) -> AnalyticsCollector {
        AnalyticsCollector::open(self.options.clone(), &self.lake, &Arc::new(Door::new())).await.unwrap()
    }

    async fn run(&self) -> (SourceReport, Result<(), SourceError>) {
        self.collector().await.run_once().await
    }

    async fn run_until_done(&self) -> SourceReport {
        let mut last = None;
        for _ in 0..20 {
            match self.run().await {
                (report, Ok(())) => return report,
                (_, Err(error)) => last = Some(error),
            }
        }
        panic!("twenty runs, and none reached the end: {last:?}");
    }

    async fn state(&self) -> AnalyticsState {
        serde_json::from_value(self.lake.upstream_rows().cursor("upstream").await.unwrap().unwrap()).unwrap()
    }

    fn stored(&self, endpoint: E, cut: &[&str], day: UtcDay) -> Vec<String> {
        let rows = self.lake.upstream_rows();
        rows.current("upstream", endpoint.as_str(), &slot(cut), day, None).unwrap()
    }

    /// Cuts of each endpoint that were answered.
    fn listings(&self) -> BTreeSet<(E, Vec<String>)> {
        let inner = self.upstream.inner();
        let known = |cuts: &Vec<String>| cuts.iter().all(|cut| !inner.manners.unknown_cuts.contains(cut.as_str()));
        let asked = inner.asked.iter().filter_map(|asked| {
            let name = asked.path.strip_prefix("/v1/organizations/analytics/")?;
            let endpoint = E::ALL.into_iter().find(|endpoint| endpoint.as_str() == name)?;
            let cuts = asked.query.iter().filter(|(name, _)| name == "group_by[]").map(|(_, cut)| cut.clone());
            Some((endpoint, cuts.collect()))
        });
        asked.filter(|(endpoint, cuts)| !inner.manners.missing.contains(endpoint) && known(cuts)).collect()
    }

    /// Every day of every listing that the upstream has is stored as it is there.
    fn assert_whole(&self) {
        let listings = self.listings();
        let oldest = self.upstream.inner().manners.first_day;
        let newest = self.upstream.inner().newest();
        for (endpoint, cuts) in &listings {
            let cuts: Vec<&str> = cuts.iter().map(String::as_str).collect();
            for day in (oldest.0..=newest.0).map(UtcDay) {
                let truth = self.upstream.inner().truth(*endpoint, &cuts, day);
                assert_eq!(self.stored(*endpoint, &cuts, day), truth, "{endpoint} {cuts:?} {day}");
            }
        }
    }

    /// How often each day of an endpoint was asked for on page one.
    fn asked_days(&self, endpoint: E) -> BTreeMap<String, usize> {
        let mut days = BTreeMap::new();
        for asked in &self.upstream.inner().asked {
            let is_first = asked
                .query
                .iter()
                .all(|(name, value)| name != "page" && (name, value.as_str()) != (&"limit".to_owned(), "1"));
            let day =
                asked.query.iter().find(|(name, _)| matches!(name.as_str(), "date" | "starting_at" | "starting_date"));
            if let (true, Some((_, day))) = (is_first && asked.path.ends_with(&format!("/{endpoint}")), day) {
                *days.entry(day.trim_end_matches("T00:00:00Z").to_owned()).or_default() += 1;
            }
        }
        days
    }
}

#[tokio::test]
async fn whatever_goes_wrong_every_day_of_every_listing_is_stored_to_the_byte() {
    for seed in 0..2 {
        let world = World::new(manners(), seed, 0.25).await;
        world.run_until_done().await;
        let whole = world.listings().into_iter().filter(|(_, cuts)| cuts.is_empty()).count();
        assert_eq!((whole, world.listings().len()), (11, 31));
        world.assert_whole();
        let state = world.state().await;
        assert_eq!((state.horizon, state.organization.as_deref()), (Some(today().plus_days(-21)), Some("org_truth")));
    }
}

#[tokio::test]
async fn an_hour_later_there_is_nothing_to_do() {
    let world = World::new(manners(), 0, 0.0).await;
    let first = world.run_until_done().await;
    assert!(first.added > 100 && first.alarms.is_empty(), "{first:?}");
    NOW.set(NOON + HOUR);
    let second = world.run_until_done().await;
    assert_eq!((second.requests, second.read, second.added), (0, 0, 0));
    assert_eq!(second.newest_micros, Some(today().start_micros()));
}

#[tokio::test]
async fn a_collector_stopped_anywhere_goes_on_from_there() {
    let world = World::new(manners(), 3, 0.1).await;
    let mut dice = ChaCha8Rng::seed_from_u64(3);
    for _ in 0..40 {
        let patience = Duration::from_millis(dice.random_range(5..150));
        let mut collector = world.collector().await;
        tokio::time::timeout(patience, collector.run_once()).await.ok();
    }
    world.run_until_done().await;
    world.assert_whole();
}

#[tokio::test]
async fn the_newest_and_the_oldest_day_are_found_whatever_the_words() {
    for wording in [Wording::NamesTheDay, Wording::OtherWords, Wording::SaysNothing] {
        let world = World::new(Manners { lag_days: 3, wording, ..manners() }, 0, 0.0).await;
        world.run_until_done().await;
        world.assert_whole();
        let state = world.state().await;
        assert_eq!(state.horizon, Some(world.upstream.inner().manners.first_day), "{wording:?}");
        let read = &state.listings["users day"].read;
        assert_eq!((read.last(), read.first()), (Some(today().plus_days(-3)), Some(today().plus_days(-21))));
        let probes = world
            .upstream
            .inner()
            .asked
            .iter()
            .filter(|asked| asked.query.contains(&("limit".to_owned(), "1".to_owned())))
            .count();
        assert!(probes <= 10, "{probes} requests to find the oldest day");
    }
}

#[tokio::test]
async fn the_oldest_days_are_read_before_newer_ones_of_the_past() {
    let world = World::new(manners(), 0, 0.0).await;
    world.run_until_done().await;
    let inner = world.upstream.inner();
    let users = inner.asked.iter().filter(|asked| asked.path.ends_with("/users"));
    let mut days: Vec<String> = users
        .filter_map(|asked| asked.query.iter().find(|(name, _)| name == "date"))
        .map(|(_, day)| day.clone())
        .collect();
    days.dedup();
    let age = |age: i32| today().plus_days(-age).to_string();
    let expected: Vec<String> = (1..=7).chain((8..=21).rev()).map(age).collect();
    assert_eq!(days, expected);
}

#[tokio::test]
async fn an_older_profile_lacks_what_came_later_until_it_is_upgraded() {
    let later = [E::Plugins, E::Artifacts, E::UsageReport, E::CostReport, E::UserUsageReport, E::UserCostReport];
    let world =
        World::new(Manners { missing: later.into(), old_envelope: true, lag_days: 3, ..manners() }, 0, 0.0).await;
    let report = world.run_until_done().await;
    assert_eq!(report.alarms, []);
    world.assert_whole();
    let missing_asked = |world: &World| world.asked_days(E::Plugins).values().sum::<usize>();
    assert_eq!(missing_asked(&world), 1);
    NOW.set(NOON + DAY);
    world.run_until_done().await;
    assert_eq!(missing_asked(&world), 1);
    world.upstream.inner().manners.missing.clear();
    world.upstream.inner().manners.unknown_cuts = ["slack_channel_id", "claude_tag_user_id"].into();
    NOW.set(NOON + 7 * DAY);
    world.run_until_done().await;
    assert_eq!(world.listings().len(), 31 - 4);
    world.assert_whole();
}

#[tokio::test]
async fn a_key_that_the_upstream_does_not_know_is_no_older_profile() {
    // The article answers 404 to a wrong key, the platform 401 or 403.
    for status in [401, 403, 404] {
        let world = World::new(Manners { refuse: Some(status), ..manners() }, 0, 0.0).await;
        let (report, result) = world.run().await;
        let said = result.unwrap_err().to_string();
        assert!(said.contains(&status.to_string()) && !said.contains(KEY), "{said}");
        assert!(report.alarms[0].reason.contains(&format!("answers {status} to this key")), "{report:?}");
        world.upstream.inner().manners.refuse = None;
        world.run_until_done().await;
        world.assert_whole();
        // Refused when only later endpoints are due, it is still the key.
        world.upstream.inner().manners.refuse = Some(status);
        NOW.set(NOON + 14 * DAY);
        world.run().await.1.unwrap_err();
        assert!(world.state().await.listings.values().all(|progress| progress.missing_since.is_none()));
        NOW.set(NOON);
    }
}

#[tokio::test]
async fn a_revised_day_is_read_again_and_what_it_was_is_kept() {
    let world = World::new(manners(), 0, 0.0).await;
    world.run_until_done().await;
    let (recent, month, old) = (today().plus_days(-2), today().plus_days(-12), today().plus_days(-20));
    let before = world.stored(E::Users, &[], recent);
    let seq = world.lake.upstream_rows().next_seq();
    for day in [recent, month, old] {
        world.upstream.inner().revise(day);
    }
    NOW.set(NOON + DAY);
    let report = world.run_until_done().await;
    assert!(report.added > 0);
    let truth = |endpoint: E, day: UtcDay| world.upstream.inner().truth(endpoint, &[], day);
    assert_eq!(world.stored(E::Users, &[], recent), truth(E::Users, recent));
    let rows = world.lake.upstream_rows();
    assert_eq!(rows.current("upstream", "users", "day", recent, Some(seq)).unwrap(), before);
    // Engagement of twelve days ago is settled; cost comes along in the span of the newest day.
    assert_ne!(world.stored(E::Users, &[], month), truth(E::Users, month));
    assert_eq!(world.stored(E::CostReport, &[], month), truth(E::CostReport, month));
    // Users' cost is read day by day: daily for a week, then weekly.
    assert_ne!(world.stored(E::UserCostReport, &[], month), truth(E::UserCostReport, month));
    NOW.set(NOON + 3 * DAY);
    world.run_until_done().await;
    assert_eq!(world.stored(E::UserCostReport, &[], month), truth(E::UserCostReport, month));
}

#[tokio::test]
async fn pages_of_one_answer_are_of_one_state_of_the_upstream() {
    for after in 1..9 {
        let world = World::new(Manners { first_day: today().plus_days(-3), ..manners() }, 0, 0.0).await;
        // Somewhere in the middle of a walk over yesterday.
        world.upstream.inner().manners.revise_after = Some(after);
        world.run_until_done().await;
        let state = |world: &World, endpoint: E| {
            let stored = world.stored(endpoint, &[], today().plus_days(-1));
            (0..2).find(|revision| stored == truth::rows(endpoint, &[], today().plus_days(-1), *revision))
        };
        for endpoint in [E::Users, E::Skills, E::Projects, E::Plugins, E::UserCostReport] {
            assert!(state(&world, endpoint).is_some(), "{endpoint} is half the one and half the other, {after}");
        }
    }
}

#[tokio::test]
async fn a_question_that_always_fails_keeps_nothing_else_from_being_read() {
    let day = today().plus_days(-5);
    let world = World::new(Manners { broken: Some((E::Skills, day)), ..manners() }, 0, 0.0).await;
    let (report, result) = world.run().await;
    assert!(result.unwrap_err().to_string().contains("this day is broken"));
    assert!(report.added > 100);
    assert_eq!(world.stored(E::Skills, &[], day), Vec::<String>::new());
    for endpoint in [E::Users, E::Summaries, E::CostReport] {
        assert_eq!(world.stored(endpoint, &[], day), world.upstream.inner().truth(endpoint, &[], day));
    }
    world.upstream.inner().manners.broken = None;
    world.run_until_done().await;
    world.assert_whole();
}

#[tokio::test]
async fn without_a_word_about_limits_the_published_one_is_kept() {
    let mut world = World::new(Manners { first_day: today().plus_days(-2), ..manners() }, 0, 0.0).await;
    world.options.endpoint.assumed_limit = Some(60);
    let begun = Instant::now();
    world.run_until_done().await;
    let arrived: Vec<Instant> = world.upstream.inner().asked.iter().map(|asked| asked.at).collect();
    assert!(arrived.len() > 60, "{}", arrived.len());
    assert_not_early(begun, &arrived, 30);
}

#[tokio::test]
async fn a_silence_of_days_raises_an_alarm() {
    let world = World::new(manners(), 0, 0.0).await;
    world.run_until_done().await;
    NOW.set(NOON + 6 * DAY);
    world.upstream.inner().manners.lag_days = 7;
    let report = world.run_until_done().await;
    assert!(report.alarms[0].reason.contains("no row came for more than 120 hours"), "{report:?}");
}

#[tokio::test]
async fn only_analytics_paths_are_asked_for() {
    let world = World::new(Manners { first_day: today().plus_days(-2), ..manners() }, 0, 0.0).await;
    world.run_until_done().await;
    for asked in &world.upstream.inner().asked {
        let name = asked.path.strip_prefix("/v1/organizations/analytics/").unwrap_or_else(|| panic!("{}", asked.path));
        assert!(E::ALL.iter().any(|endpoint| endpoint.as_str() == name), "{name}");
    }
}
