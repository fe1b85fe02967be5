//! Who is told of what, how often and when: real findings, a receiver on loopback, and a clock that the stories turn.

use std::cell::Cell;

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ephor_detect::{Entity, Finding, FindingId, FindingStatus, Findings, Severity, Step, UseCase, Window};
use ephor_lake::control::Control;
use ephor_wire::actor::Actor;
use serde_json::Value;
use tempfile::TempDir;

use super::secrets;
use super::stand_ins::{Known, StandIn};
use crate::{ExportError, Notified, NotifyContext, NotifySettings, Until, notify, notify_standing, notify_test};

const SECOND: i64 = 1_000_000;
/// 2026-11-23, a Monday, at noon.
const NOON: i64 = 1_795_435_200 * SECOND;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(NOON) };
}

fn clock() -> i64 {
    NOW.get()
}

struct Scene {
    context: NotifyContext,
    findings: Findings,
    receiver: StandIn,
    _dir: TempDir,
}

fn takes_all(known: &mut Known, _: &Uri, _: &HeaderMap, body: Vec<u8>) -> Response {
    known.bodies.push(body);
    StatusCode::OK.into_response()
}

impl Scene {
    async fn new() -> Self {
        NOW.set(NOON);
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).await.unwrap();
        let context = NotifyContext {
            control: control.clone(),
            data_dir: dir.path().to_owned(),
            clock,
            secrets,
            mail: None,
            console: Some("https://ephor.example.com".to_owned()),
        };
        Self { context, findings: Findings::new(&control), receiver: StandIn::start(takes_all).await, _dir: dir }
    }

    fn settings(&self, more: &str) -> NotifySettings {
        let url = &self.receiver.url;
        let text = format!("name = \"on-call\"\nallow_private = true\nwebhook = {{ url = \"{url}\" }}\n{more}");
        toml::from_str(&text).unwrap()
    }

    async fn found(&self, findings: &[Finding]) {
        self.findings.record(findings, clock(), &mut rand::rng()).await.unwrap();
    }

    async fn step(&self, finding: &Finding, status: FindingStatus) {
        let by = Actor::user("user_ada", "ada@example.com", None, None);
        let step = Step { status: Some(status), ..Step::default() };
        self.findings.step(&finding.id, &step, &by, clock(), &mut rand::rng()).await.unwrap();
    }

    async fn told(&self, settings: &NotifySettings) -> Result<Notified, ExportError> {
        notify(settings, &self.context, Until::CaughtUp).await
    }

    /// The bodies that came since it was last asked.
    fn bodies(&self) -> Vec<Value> {
        let bodies = self.receiver.with(|known| std::mem::take(&mut known.bodies));
        bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
    }

    fn keys(&self) -> Vec<String> {
        let key = |headers: &HeaderMap| headers["idempotency-key"].to_str().unwrap().to_owned();
        self.receiver.with(|known| std::mem::take(&mut known.headers).iter().map(key).collect())
    }
}

fn finding(person: &str, severity: Severity, count: u64) -> Finding {
    let subject = vec![Entity::new("user", person)];
    Finding {
        id: FindingId::of("key_burst", &subject, NOON),
        rule: "key_burst".to_owned(),
        use_case: UseCase::ApiKeyHygiene,
        severity,
        title: "Many keys <within> an hour".to_owned(),
        explanation: format!("{person}@example.com made {count} keys"),
        next_step: "Ask what they are for.".to_owned(),
        controls: vec!["soc2:CC6.1".to_owned()],
        subject,
        others: Vec::new(),
        window: Window { from_micros: NOON, to_micros: NOON + 3600 * SECOND },
        first_seen_micros: NOON,
        last_seen_micros: NOON + i64::try_from(count).unwrap() * SECOND,
        count,
        evidence: Vec::new(),
    }
}

fn people(body: &Value) -> Vec<String> {
    let of = |one: &Value| one["detail"]["entities"][0]["id"].as_str().unwrap().to_owned();
    body["findings"].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn a_finding_is_told_once_and_again_when_it_is_opened_again() {
    let scene = Scene::new().await;
    let old = finding("early", Severity::Critical, 1);
    scene.found(std::slice::from_ref(&old)).await;
    let settings = scene.settings("severity = \"high\"");
    NOW.set(NOON + SECOND);
    assert_eq!(scene.told(&settings).await.unwrap(), Notified::default(), "it was found before anybody asked");
    NOW.set(NOON + 2 * SECOND);
    let (high, low) = (finding("ada", Severity::High, 3), finding("ben", Severity::Low, 3));
    scene.found(&[high.clone(), low, finding("early", Severity::Critical, 2)]).await;
    assert_eq!(scene.told(&settings).await.unwrap(), Notified { messages: 1, findings: 1 });
    let bodies = scene.bodies();
    assert_eq!((people(&bodies[0]), bodies[0]["kind"].as_str()), (vec!["ada".to_owned()], Some("new")));
    assert_eq!(bodies[0]["findings"][0]["link"], format!("https://ephor.example.com/findings/{}", high.id));

    // A storm grows: nobody is told again.
    scene.found(&[finding("ada", Severity::High, 400)]).await;
    assert_eq!(scene.told(&settings).await.unwrap(), Notified::default());
    // Dealt with, and then there is more of it.
    scene.step(&high, FindingStatus::Resolved).await;
    scene.told(&settings).await.unwrap();
    scene.found(&[finding("ada", Severity::High, 401)]).await;
    assert_eq!(scene.told(&settings).await.unwrap(), Notified { messages: 1, findings: 1 });
    assert_eq!(people(&scene.bodies()[0]), ["ada"]);
}

#[tokio::test]
async fn what_was_dealt_with_or_withdrawn_before_its_turn_is_not_told() {
    let scene = Scene::new().await;
    let settings = scene.settings("quiet = { from = \"11:00\", to = \"13:00\" }");
    scene.told(&settings).await.unwrap();
    let all: Vec<Finding> = ["ada", "ben", "cem", "dia"].map(|who| finding(who, Severity::High, 1)).to_vec();
    scene.found(&all).await;
    scene.told(&settings).await.unwrap();
    let standing = notify_standing(&settings, &scene.context).await.unwrap();
    assert_eq!((standing.waiting, standing.next_micros), (4, Some(NOON + 3600 * SECOND)));
    scene.step(&all[0], FindingStatus::FalsePositive).await;
    scene.step(&all[1], FindingStatus::Acknowledged).await;
    scene.findings.withdraw(&[all[2].id.clone()], clock()).await.unwrap();
    NOW.set(NOON + 3600 * SECOND);
    scene.told(&settings).await.unwrap();
    let bodies = scene.bodies();
    assert_eq!((bodies.len(), people(&bodies[0])), (1, vec!["dia".to_owned()]));
}

#[tokio::test]
async fn a_message_that_was_under_way_is_sent_again_as_it_was_and_nothing_is_lost() {
    let scene = Scene::new().await;
    let settings = scene.settings("");
    scene.told(&settings).await.unwrap();
    scene.found(&[finding("ada", Severity::High, 1)]).await;
    // It takes the message, and the answer is lost.
    scene.receiver.with(|known| known.faults.push_back((502, "gateway")));
    let failed = scene.told(&settings).await.unwrap_err();
    assert!(failed.to_string().contains("`on-call`: answered 502") && failed.to_string().contains("1 findings wait"));
    let standing = notify_standing(&settings, &scene.context).await.unwrap();
    let place = standing.place.unwrap();
    assert_eq!((place.failures_in_a_row, place.next_attempt_at_micros), (1, Some(NOON + SECOND)));
    // Meanwhile more is found, and what was found has grown.
    scene.found(&[finding("ada", Severity::High, 9), finding("ben", Severity::Critical, 1)]).await;
    assert_eq!(scene.told(&settings).await.unwrap(), Notified { messages: 2, findings: 2 });
    let (keys, bodies) = (scene.keys(), scene.bodies());
    assert_eq!((keys.len(), &keys[0]), (3, &keys[1]));
    assert_eq!(bodies[0]["findings"][0]["count"], 1, "the same message, byte for byte");
    assert_eq!((people(&bodies[0]), people(&bodies[1])), (vec!["ada".to_owned()], vec!["ben".to_owned()]));
}

#[tokio::test]
async fn a_night_is_quiet_but_for_what_is_critical_and_the_morning_gets_one_digest() {
    let scene = Scene::new().await;
    let settings = scene.settings(
        "severity = \"medium\"\nquiet = { from = \"12:00\", to = \"06:00\", time_zone = \"Europe/Berlin\", passes = \"critical\" }",
    );
    scene.told(&settings).await.unwrap();
    for (minute, (who, severity)) in
        [("ada", Severity::Medium), ("ben", Severity::Critical), ("cem", Severity::High)].into_iter().enumerate()
    {
        NOW.set(NOON + i64::try_from(minute).unwrap() * 60 * SECOND);
        scene.found(&[finding(who, severity, 1)]).await;
        scene.told(&settings).await.unwrap();
    }
    assert_eq!(scene.bodies().iter().map(people).collect::<Vec<_>>(), [["ben"]]);
    // Six in the morning in Berlin.
    NOW.set(NOON + 17 * 3600 * SECOND);
    scene.told(&settings).await.unwrap();
    let bodies = scene.bodies();
    assert_eq!((bodies.len(), people(&bodies[0])), (1, vec!["cem".to_owned(), "ada".to_owned()]));
    assert_eq!(bodies[0]["summary"], "Ephor: 2 findings held back by quiet hours (1 high, 1 medium)");
}

#[tokio::test]
async fn what_is_critical_at_night_does_not_wait_behind_a_message_that_failed_in_the_evening() {
    let scene = Scene::new().await;
    let settings = scene.settings("quiet = { from = \"12:30\", to = \"18:00\", passes = \"critical\" }");
    scene.told(&settings).await.unwrap();
    scene.found(&[finding("ada", Severity::High, 1)]).await;
    scene.receiver.with(|known| known.faults.push_back((503, "later")));
    scene.told(&settings).await.unwrap_err();
    scene.bodies();
    NOW.set(NOON + 3600 * SECOND);
    assert_eq!(scene.told(&settings).await.unwrap().messages, 0, "it is quiet now");
    scene.found(&[finding("ben", Severity::Critical, 1)]).await;
    assert_eq!(scene.told(&settings).await.unwrap(), Notified { messages: 2, findings: 2 });
    let bodies = scene.bodies();
    assert_eq!(bodies.iter().map(people).collect::<Vec<_>>(), [["ada"], ["ben"]]);
}

#[tokio::test]
async fn slack_and_teams_get_what_they_can_show() {
    let scene = Scene::new().await;
    let url = format!("env:{}", scene.receiver.url);
    let settings = |name: &str| -> NotifySettings {
        let text = format!(
            "name = \"{name}\"\nstart = \"beginning\"\nseverity = \"informational\"\nallow_private = true\n{name} = {{ url = \"{url}\" }}"
        );
        toml::from_str(&text).unwrap()
    };
    let long = |n: usize| {
        let mut one = finding(&format!("user_{n}"), Severity::High, 1);
        one.explanation = "a *name* & <!channel> ".repeat(200);
        one
    };
    scene.found(&(0..60).map(long).collect::<Vec<_>>()).await;
    for name in ["slack", "teams"] {
        assert_eq!(scene.told(&settings(name)).await.unwrap(), Notified { messages: 1, findings: 60 });
    }
    let bodies = scene.bodies();
    let (slack, teams) = (&bodies[0], &bodies[1]);
    let blocks = slack["blocks"].as_array().unwrap();
    assert_eq!((slack["text"].as_str(), blocks.len()), (Some("Ephor: 60 findings (60 high)"), 22));
    let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"]["text"].as_str()).collect();
    assert!(texts.iter().all(|text| text.chars().count() <= 3_000 && !text.contains("<!channel>")));
    assert!(texts[1].contains("|Many keys &lt;within&gt; an hour>*"), "{}", texts[1]);
    assert!(blocks[21]["elements"][0]["text"].as_str().unwrap().starts_with("And 40 more."));

    let card = &teams["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert!(teams.to_string().len() <= 28 << 10, "{}", teams.to_string().len());
    let elements = card["content"]["body"].as_array().unwrap();
    let shown = elements.iter().filter(|element| element["type"] == "Container").count();
    assert!(elements.iter().any(|element| element["text"] == format!("And {} more.", 60 - shown)));
    assert!(elements[1]["items"][1]["text"].as_str().unwrap().starts_with("a \\*name\\* & <!channel>"));
}

#[tokio::test]
async fn a_brief_message_names_nobody_and_a_test_says_that_it_is_one() {
    let scene = Scene::new().await;
    let settings = scene.settings("detail = \"brief\"");
    notify_test(&settings, &scene.context).await.unwrap();
    scene.told(&settings).await.unwrap();
    scene.found(&[finding("ada", Severity::High, 1)]).await;
    scene.told(&settings).await.unwrap();
    let bodies = scene.bodies();
    assert_eq!((bodies[0]["kind"].as_str(), bodies[0]["count"].as_u64()), (Some("test"), Some(0)));
    assert!(!bodies[1].to_string().contains("ada"), "{}", bodies[1]);
    assert_eq!(bodies[1]["findings"][0]["title"], "Many keys <within> an hour");
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    let wrong = [
        ("", "say one of `webhook"),
        ("webhook = { url = \"http://example.com/\" }", "not https"),
        ("webhook = { url = \"https://10.0.0.1/\" }", "allow_private = true"),
        ("slack = { url = \"https://a.example/\" }\nteams = { url = \"https://b.example/\" }", "say one of"),
        ("mail = { to = [\"ada@example.com\"] }", "needs a [mail] section"),
        ("mail = { to = [\"ada\"] }", "`ada` is no mail address"),
        ("slack = { url = \"env:S\" }\nmost_per_hour = 0", "would never send"),
        ("slack = { url = \"env:S\" }\nquiet = { from = \"7\", to = \"8:00\" }", "`7` is no time of day"),
    ];
    for (text, words) in wrong {
        let settings: NotifySettings = toml::from_str(&format!("name = \"on-call\"\n{text}")).unwrap();
        let why = settings.check(None).unwrap_err();
        assert!(why.contains(words), "{text}: {why}");
    }
}
