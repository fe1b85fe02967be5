//! Stories of the store: what is found is put down once, what is decided is kept, and those who follow miss nothing.
//! Each on a database of its own, with the time as a number.
//! Never a clock.

#![allow(clippy::unwrap_used)]

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::finding::{Entity, Evidence, Finding, Window};
use crate::handling::{Assignment, FindingStatus, Standing, Step};
use crate::severity::Severity;
use crate::use_case::UseCase;
use ephor_wire::actor::Actor;

const NOON: i64 = 1_767_268_800_000_000;
const HOUR: i64 = 3_600_000_000;

struct Scene {
    _dir: TempDir,
    control: Control,
    findings: Findings,
    rng: StdRng,
}

impl Scene {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).await.unwrap();
        Self { findings: Findings::new(&control), control, _dir: dir, rng: StdRng::seed_from_u64(1) }
    }

    async fn record<'a>(&mut self, found: impl IntoIterator<Item = &'a Finding>) -> Recorded {
        let found: Vec<Finding> = found.into_iter().cloned().collect();
        self.findings.record(&found, NOON, &mut self.rng).await.unwrap()
    }

    async fn step(&mut self, finding: &Finding, step: Step) -> Result<FindingRecord, DetectError> {
        let by = Actor::user("user_ada", "ada@example.com", None, None);
        self.findings.step(&finding.id, &step, &by, NOON + HOUR, &mut self.rng).await
    }

    async fn resolved(&mut self, finding: &Finding) {
        self.step(finding, Step { status: Some(FindingStatus::Resolved), ..Step::default() }).await.unwrap();
    }

    async fn status(&self, finding: &Finding) -> FindingStatus {
        self.findings.get(&finding.id).await.unwrap().handling.status
    }

    async fn ids(&self, filter: FindingFilter) -> Vec<FindingId> {
        self.findings.list(&filter).await.unwrap().into_iter().map(|record| record.finding.id).collect()
    }
}

/// Keys that somebody made, `hits` of them, one an hour.
fn keys_of(person: &str, window_from_micros: i64, hits: u64) -> Finding {
    let subject = vec![Entity::new("user", person)];
    let at = |hit: u64| window_from_micros + HOUR * i64::try_from(hit).unwrap();
    Finding {
        id: FindingId::of("key_burst", &subject, window_from_micros),
        rule: "key_burst".to_owned(),
        use_case: UseCase::ApiKeyHygiene,
        severity: Severity::Medium,
        title: "Many keys within an hour".to_owned(),
        explanation: format!("{person} made {hits} keys"),
        next_step: "Ask what they are for.".to_owned(),
        controls: vec!["soc2:CC6.1".to_owned()],
        subject,
        others: (0..hits).map(|hit| Entity::new("api_key", &format!("apikey_{hit}"))).collect(),
        window: Window { from_micros: window_from_micros, to_micros: window_from_micros + 24 * HOUR },
        first_seen_micros: at(0),
        last_seen_micros: at(hits - 1),
        count: hits,
        evidence: (0..hits)
            .map(|hit| Evidence { at_micros: at(hit), activity: format!("activity_{hit}"), seq: hit })
            .collect(),
    }
}

#[tokio::test]
async fn the_same_finding_again_changes_nothing_and_a_grown_one_is_a_change() {
    let mut scene = Scene::new().await;
    let finding = keys_of("user_1", NOON, 3);
    assert_eq!(scene.record([&finding]).await, Recorded { new: 1, ..Recorded::default() });
    let first = scene.findings.get(&finding.id).await.unwrap();
    assert_eq!(
        (first.finding.clone(), first.revision, first.handling.status),
        (finding.clone(), 1, FindingStatus::Open)
    );

    assert_eq!(scene.record([&finding]).await, Recorded { unchanged: 1, ..Recorded::default() });
    assert!(scene.findings.since(1, 10).await.unwrap().is_empty());

    let grown = keys_of("user_1", NOON, 5);
    assert_eq!(scene.record([&grown]).await, Recorded { changed: 1, ..Recorded::default() });
    let changed = scene.findings.since(1, 10).await.unwrap();
    assert_eq!(changed.len(), 1);
    assert_eq!((&changed[0].finding, changed[0].revision), (&grown, 2));
}

#[tokio::test]
async fn who_follows_by_revision_gets_every_change_once() {
    let mut scene = Scene::new().await;
    let all: Vec<Finding> = (0..7).map(|n| keys_of(&format!("user_{n}"), NOON, 2)).collect();
    scene.record(&all).await;
    scene.resolved(&all[2]).await;
    scene.findings.withdraw(&[all[5].id.clone()], NOON).await.unwrap();
    let mut place = 0;
    let mut seen = Vec::new();
    loop {
        let some = scene.findings.since(place, 2).await.unwrap();
        let Some(last) = some.last() else { break };
        place = last.revision;
        seen.extend(some);
    }
    let order: Vec<&FindingId> = seen.iter().map(|record| &record.finding.id).collect();
    let expected: Vec<&FindingId> = [0, 1, 3, 4, 6, 2, 5].iter().map(|n: &usize| &all[*n].id).collect();
    assert_eq!(order, expected);
    assert_eq!(seen[6].standing, Standing::Withdrawn);
}

#[tokio::test]
async fn what_no_longer_follows_leaves_the_list_and_comes_back_when_it_does() {
    let mut scene = Scene::new().await;
    let finding = keys_of("user_1", NOON, 3);
    scene.record([&finding]).await;
    let withdrawn = scene.findings.withdraw(&[&finding.id, &finding.id].map(FindingId::clone), NOON).await.unwrap();
    assert_eq!(withdrawn, Recorded { withdrawn: 1, ..Recorded::default() });
    assert!(scene.ids(FindingFilter::default()).await.is_empty());
    assert_eq!(scene.record([&finding]).await, Recorded { changed: 1, ..Recorded::default() });
    assert_eq!(scene.ids(FindingFilter::default()).await, [finding.id]);
}

#[tokio::test]
async fn every_step_is_kept_and_told_in_the_feed_without_its_note() {
    let mut scene = Scene::new().await;
    let finding = keys_of("user_1", NOON, 3);
    scene.record([&finding]).await;
    let taken = Step {
        status: Some(FindingStatus::Acknowledged),
        assignment: Assignment::To("otto@example.com".to_owned()),
        note: Some("asking".to_owned()),
        ..Step::default()
    };
    scene.step(&finding, taken.clone()).await.unwrap();
    scene.step(&finding, Step { status: Some(FindingStatus::Resolved), ..Step::default() }).await.unwrap();
    let steps = scene.findings.steps(&finding.id).await.unwrap();
    let told: Vec<_> = steps.iter().map(|s| (s.status, s.assignee.as_deref(), s.note.as_deref())).collect();
    assert_eq!(
        told,
        [
            (FindingStatus::Acknowledged, Some("otto@example.com"), Some("asking")),
            (FindingStatus::Resolved, Some("otto@example.com"), None)
        ]
    );
    let outbox = scene.control.outbox().pending(10).await.unwrap();
    let activities: Vec<Value> = outbox.iter().map(|item| serde_json::from_str(&item.raw).unwrap()).collect();
    assert_eq!(activities.len(), 2);
    let first = activities.iter().find(|activity| activity["current_status"] == "acknowledged").unwrap();
    assert_eq!(first["type"], "ephor_finding_updated");
    assert_eq!(
        (&first["finding_id"], &first["actor"]["user_id"]),
        (&Value::from(finding.id.0.clone()), &"user_ada".into())
    );
    assert!(!outbox.iter().any(|item| item.raw.contains("asking")));
}

#[tokio::test]
async fn a_step_that_makes_no_sense_is_refused_and_leaves_no_trace() {
    let mut scene = Scene::new().await;
    let finding = keys_of("user_1", NOON, 3);
    let refused = scene.step(&finding, Step { status: Some(FindingStatus::Resolved), ..Step::default() }).await;
    insta::assert_snapshot!(refused.unwrap_err().to_string().replace(&finding.id.0, "finding_…"), @"there is no finding `finding_…`; `ephor findings list` shows them");
    scene.record([&finding]).await;
    let long = "x".repeat(5_000);
    let steps = [
        Step { status: Some(FindingStatus::Open), ..Step::default() },
        Step { note: Some(long), ..Step::default() },
        Step { suppress_until_micros: Some(NOON + 2 * HOUR), ..Step::default() },
        Step { status: Some(FindingStatus::Resolved), suppress_until_micros: Some(NOON), ..Step::default() },
    ];
    let mut words = Vec::new();
    for step in steps {
        words.push(scene.step(&finding, step).await.unwrap_err().to_string());
    }
    insta::assert_snapshot!(words.join("\n"), @"
    this step would change nothing: name a status, an assignee, a note or a suppression
    a note has at most 4000 characters; put a longer text elsewhere and its address here
    only what is resolved or a false positive can be suppressed; set one of the two in the same step
    a suppression cannot end in the past; name a later day
    ");
    assert!(scene.findings.steps(&finding.id).await.unwrap().is_empty());
    assert!(scene.control.outbox().pending(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_suppressed_subject_is_born_handled_until_the_suppression_ends() {
    let mut scene = Scene::new().await;
    let finding = keys_of("user_1", NOON, 3);
    scene.record([&finding]).await;
    let step = Step {
        status: Some(FindingStatus::FalsePositive),
        suppress_until_micros: Some(NOON + 48 * HOUR),
        ..Step::default()
    };
    scene.step(&finding, step).await.unwrap();
    let (tomorrow, later, other) =
        (keys_of("user_1", NOON + 24 * HOUR, 3), keys_of("user_1", NOON + 72 * HOUR, 3), keys_of("user_2", NOON, 3));
    scene.record([&tomorrow, &later, &other]).await;
    assert_eq!(scene.status(&tomorrow).await, FindingStatus::FalsePositive);
    assert_eq!(scene.status(&later).await, FindingStatus::Open);
    assert_eq!(scene.status(&other).await, FindingStatus::Open);
    let why = scene.findings.steps(&tomorrow.id).await.unwrap().remove(0).note.unwrap();
    assert_eq!(why, format!("suppressed with {}", finding.id));
}

#[tokio::test]
async fn what_grows_after_it_was_resolved_is_open_again_and_a_false_positive_stays_one() {
    let mut scene = Scene::new().await;
    let (resolved, wrong) = (keys_of("user_1", NOON, 3), keys_of("user_2", NOON, 3));
    scene.record([&resolved, &wrong]).await;
    scene.resolved(&resolved).await;
    scene.step(&wrong, Step { status: Some(FindingStatus::FalsePositive), ..Step::default() }).await.unwrap();
    scene.record([&keys_of("user_1", NOON, 4), &keys_of("user_2", NOON, 4)]).await;
    assert_eq!(scene.status(&resolved).await, FindingStatus::Open);
    assert_eq!(scene.status(&wrong).await, FindingStatus::FalsePositive);
    let steps = scene.findings.steps(&resolved.id).await.unwrap();
    assert_eq!(steps.last().unwrap().by, "ephor-detect");
}

#[tokio::test]
async fn the_derived_half_can_be_made_again_without_losing_a_decision() {
    let mut scene = Scene::new().await;
    let finding = keys_of("user_1", NOON, 3);
    scene.record([&finding]).await;
    scene.resolved(&finding).await;
    let before = scene.findings.get(&finding.id).await.unwrap();
    let mut turn = scene.control.write().await.unwrap();
    sqlx::query("DELETE FROM findings").execute(turn.connection()).await.unwrap();
    turn.commit().await.unwrap();
    assert_eq!(scene.record([&finding]).await.new, 1);
    let after = scene.findings.get(&finding.id).await.unwrap();
    assert_eq!((after.handling, after.found_at_micros), (before.handling, before.found_at_micros));
}

#[tokio::test]
async fn a_filter_finds_by_status_case_urgency_time_and_entity() {
    let mut scene = Scene::new().await;
    let (one, two) = (keys_of("user_1", NOON, 3), keys_of("user_2", NOON + 24 * HOUR, 2));
    let urgent = Finding {
        rule: "rank_raised".to_owned(),
        id: FindingId::of("rank_raised", &one.subject, NOON),
        use_case: UseCase::PrivilegeEscalation,
        severity: Severity::Critical,
        others: vec![Entity::new("role", "100%_\\\"owner\"")],
        ..one.clone()
    };
    scene.record([&one, &two, &urgent]).await;
    scene.resolved(&one).await;
    let all = FindingFilter::default;
    let same_time = if one.id < urgent.id { [&one, &urgent] } else { [&urgent, &one] }.map(|f| f.id.clone());
    assert_eq!(scene.ids(all()).await, [[two.id.clone()].as_slice(), &same_time].concat(), "the latest first");
    let asked = [
        (FindingFilter { statuses: vec![FindingStatus::Resolved], ..all() }, &one),
        (FindingFilter { use_cases: vec![UseCase::PrivilegeEscalation], ..all() }, &urgent),
        (FindingFilter { rules: vec!["rank_raised".to_owned()], ..all() }, &urgent),
        (FindingFilter { severity: Some(Severity::High), ..all() }, &urgent),
        (FindingFilter { from_micros: Some(NOON + 24 * HOUR), ..all() }, &two),
        (FindingFilter { entity: Some(Entity::new("user", "user_2")), ..all() }, &two),
        (FindingFilter { entity: Some(Entity::new("role", "100%_\\\"owner\"")), ..all() }, &urgent),
        (FindingFilter { entity_id: Some("user_2".to_owned()), ..all() }, &two),
        (FindingFilter { limit: Some(1), ..all() }, &two),
    ];
    for (filter, expected) in asked {
        let words = format!("{filter:?}");
        assert_eq!(scene.ids(filter).await.iter().collect::<Vec<_>>(), [&expected.id], "{words}");
    }
    let none = [
        FindingFilter { entity: Some(Entity::new("api_key", "user_2")), ..all() },
        FindingFilter { entity_id: Some("user__".to_owned()), ..all() },
        FindingFilter { to_micros: Some(NOON), ..all() },
    ];
    for filter in none {
        let words = format!("{filter:?}");
        assert!(scene.ids(filter).await.is_empty(), "{words}");
    }
}

#[tokio::test]
async fn a_list_shows_the_published_names_and_nothing_else() {
    let mut scene = Scene::new().await;
    let finding = keys_of("user_1", NOON, 2);
    scene.record([&finding]).await;
    let record = scene.findings.get(&finding.id).await.unwrap();
    let line = serde_json::to_string_pretty(&crate::FindingLine::of(&record)).unwrap();
    insta::assert_snapshot!(line.replace(&finding.id.0, "finding_…"), @r#"
    {
      "id": "finding_…",
      "rule": "key_burst",
      "use_case": "api-key-hygiene",
      "severity": "medium",
      "status": "open",
      "title": "Many keys within an hour",
      "explanation": "user_1 made 2 keys",
      "first_seen": "2026-01-01T12:00:00.000000Z",
      "last_seen": "2026-01-01T13:00:00.000000Z",
      "count": 2,
      "entities": [
        {
          "type": "user",
          "id": "user_1"
        },
        {
          "type": "api_key",
          "id": "apikey_0"
        },
        {
          "type": "api_key",
          "id": "apikey_1"
        }
      ],
      "evidence": [
        "activity_0",
        "activity_1"
      ],
      "controls": [
        "soc2:CC6.1"
      ]
    }
    "#);
}
