//! Places, files, filters, replays: what does not depend on a receiver.

use std::fs;

use ephor_detect::{Entity, Evidence, Finding, FindingId, Findings, Severity, UseCase, Window};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::{House, id, row, secrets, sink};
use crate::{ExportError, ReplaySpan, Replaying, Until, deliver, replay};

fn file_sink(house: &House, more: &str) -> crate::SinkSettings {
    let path = house.dir().join("out.ndjson");
    sink(&format!("format = \"raw\"\nbatch_events = 7\n{more}\nfile = {{ path = {path:?} }}"))
}

fn ids(house: &House) -> Vec<String> {
    let text = fs::read_to_string(house.dir().join("out.ndjson")).unwrap();
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    text.lines().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_holds_every_activity_once_in_the_order_of_arrival_and_goes_on_where_it_stopped() {
    let house = House::with(100).await;
    let settings = file_sink(&house, "");
    let first = deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!((first.delivered, first.rejected), (100, 0));
    house.take(100..140).await;
    let second = deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!(second.delivered, 40);
    assert_eq!(ids(&house), (0..140).map(id).collect::<Vec<_>>());
    let text = fs::read_to_string(house.dir().join("out.ndjson")).unwrap();
    assert!(text.lines().map(str::to_owned).eq((0..140).map(row)), "byte for byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_goes_on_takes_what_comes_and_ends_when_told_to() {
    let house = House::with(10).await;
    let settings = file_sink(&house, "batch_seconds = 0.01");
    let (stop, stopping) = watch::channel(false);
    let context = house.context.clone();
    let running = tokio::spawn(async move { deliver(&settings, &context, Until::Stopped(stopping)).await });
    house.take(10..25).await;
    let exports = house.context.control.exports();
    while exports.find("siem").await.unwrap().is_none_or(|sink| sink.activities.next < 25) {
        tokio::task::yield_now().await;
    }
    // Another delivery to the same sink would mix up the order.
    let refused = deliver(&file_sink(&house, ""), &house.context, Until::CaughtUp).await;
    assert!(matches!(refused, Err(ExportError::Busy { .. })), "{refused:?}");
    stop.send(true).unwrap();
    assert_eq!(running.await.unwrap().unwrap().delivered, 25);
    assert_eq!(ids(&house), (0..25).map(id).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_leaves_out_and_counts() {
    let house = House::with(50).await;
    let settings = file_sink(&house, "filter = \"type = 'api_key_created'\"");
    let done = deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!((done.delivered, done.filtered), (10, 40));
    assert_eq!(ids(&house), (0..50).step_by(5).map(id).collect::<Vec<_>>());
    assert_eq!(house.context.control.exports().find("siem").await.unwrap().unwrap().activities.next, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_the_same_bytes_and_moves_nothing() {
    let house = House::with(60).await;
    let settings = file_sink(&house, "");
    deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    let path = house.dir().join("out.ndjson");
    let before = fs::read(&path).unwrap();
    let span = ReplaySpan::Places(0..u64::MAX);
    let rehearsed = replay(&settings, &house.context, &span, Replaying::Rehearsal).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::remove_file(&path).unwrap();
    let replayed = replay(&settings, &house.context, &span, Replaying::InEarnest).await.unwrap();
    assert_eq!((fs::read(&path).unwrap() == before, replayed.records), (true, 60));
    let digest: String = Sha256::digest(&before).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((rehearsed.sha256.as_str(), replayed.sha256.as_str()), (digest.as_str(), digest.as_str()));
    assert_eq!(house.context.control.exports().find("siem").await.unwrap().unwrap().activities.next, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_are_refused_with_the_sinks_name() {
    let wrong = |text: &str| {
        let settings: crate::SinkSettings = toml::from_str(&format!("name = \"siem\"\n{text}")).unwrap();
        settings.check(secrets).unwrap_err().to_string()
    };
    let said = [
        wrong(""),
        wrong("stdout = {}\nfile = { path = \"x\" }"),
        wrong("format = \"xml\"\nstdout = {}"),
        wrong("filter = \"colour = 'red'\"\nstdout = {}"),
        wrong("batch_events = 0\nstdout = {}"),
        wrong("redact = [{ field = \"*email*\", how = \"hash\" }]\nstdout = {}"),
        wrong("webhook = { url = \"https://127.0.0.1/hook\" }"),
        wrong("webhook = { url = \"http://siem.example.com/hook\" }"),
        wrong("allow_private = true\nwebhook = { url = \"http://169.254.169.254/latest\" }"),
        wrong("splunk_hec = { url = \"https://splunk.example.com:8088\", token = \"in-the-open\" }"),
        wrong("syslog = { address = \"siem.example.com\" }"),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    sink `siem`: it names no receiver; add one, for example `file = { path = "…" }`
    sink `siem`: it names file and stdout; a sink has one receiver
    sink `siem`: `xml` is no export format; there are ocsf, ecs, cef, leef, otlp, udm, raw (and ocsf@1.3.0, ocsf@1.9.0)
    sink `siem`: filter: SQL: Schema error: No field named colour.
    Valid fields are seq, id, created_at, received_at, source, type, category, organization_id, organization_uuid, actor_type, actor_id, actor_email, api_key_id, ip_address, user_agent, workspace_id, raw.
    sink `siem`: batch_events = 0 would never send anything
    sink `siem`: redact with `hash` needs redact_key: without a key, hashes of addresses can be guessed
    sink `siem`: 127.0.0.1 is 127.0.0.1, an address of a private network; `allow_private = true` lets this sink reach it
    sink `siem`: the URL is not https: on the open network, records travel encrypted
    sink `siem`: 169.254.169.254 is 169.254.169.254, which no sink may reach
    sink `siem`: splunk_hec.token: a reference begins with env:
    sink `siem`: syslog.address = "siem.example.com" is not HOST:PORT, such as "siem.example.com:6514"
    "#);
}

/// What a rule found about one person.
fn found(number: u64, severity: Severity) -> Finding {
    let at = super::START + i64::try_from(number).unwrap();
    Finding {
        id: FindingId(format!("finding_{number}")),
        rule: "burst_of_keys".to_owned(),
        use_case: UseCase::ApiKeyHygiene,
        severity,
        title: "Several Keys|at once".to_owned(),
        explanation: "user_1 made\n3 keys = too many".to_owned(),
        next_step: "Ask them.".to_owned(),
        controls: vec!["soc2:CC6.1".to_owned()],
        subject: vec![Entity { kind: "user".to_owned(), id: "user_1".to_owned() }],
        others: vec![Entity { kind: "organization".to_owned(), id: "org_a".to_owned() }],
        window: Window { from_micros: at, to_micros: at + 1 },
        first_seen_micros: at,
        last_seen_micros: at,
        count: 3,
        evidence: vec![Evidence { at_micros: at, activity: id(5), seq: 5 }],
    }
}

async fn note(house: &House, findings: &[Finding]) {
    let store = Findings::new(&house.context.control);
    store.record(findings, super::START, &mut rand::rng()).await.unwrap();
}

fn records(house: &House) -> Vec<Value> {
    let text = fs::read_to_string(house.dir().join("out.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_go_out_once_for_each_change_and_beside_the_activities() {
    let house = House::with(10).await;
    let settings = file_sink(&house, "");
    note(&house, &[found(1, Severity::High), found(2, Severity::Low)]).await;
    let first = deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!((first.delivered, first.filtered), (12, 0));
    let again = deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!(again.delivered, 0, "nothing changed");
    note(&house, &[found(1, Severity::Critical), found(2, Severity::Low)]).await;
    let changed = deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!(changed.delivered, 1, "one of them grew");
    let told: Vec<(Value, Value, Value)> = records(&house)
        .into_iter()
        .filter(|record| record["type"] == "ephor_finding")
        .map(|record| (record["id"].clone(), record["severity"].clone(), record["revision"].clone()))
        .collect();
    let expected = [("finding_1", "high", 1), ("finding_2", "low", 2), ("finding_1", "critical", 3)];
    assert_eq!(told, expected.map(|(id, severity, revision)| (id.into(), severity.into(), revision.into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_can_have_findings_only_or_activities_only_and_neither_is_behind() {
    let house = House::with(10).await;
    note(&house, &[found(1, Severity::High)]).await;
    let only = |name: &str, what: &str| {
        let path = house.dir().join(format!("{name}.out"));
        let text = format!("name = \"{name}\"\nwhat = \"{what}\"\nformat = \"cef\"\nfile = {{ path = {path:?} }}");
        (toml::from_str::<crate::SinkSettings>(&text).unwrap(), path)
    };
    let (settings, path) = only("alerts", "findings");
    let alerts = deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!((alerts.delivered, alerts.filtered), (1, 10));
    let line = fs::read_to_string(path).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with(r"CEF:0|Ephor|Ephor Detections|1|burst_of_keys|Several Keys\|at once|8|"), "{line}");
    assert!(line.contains(r"msg=user_1 made\n3 keys \= too many") && line.contains("externalId=finding_1.1"), "{line}");
    let place = house.context.control.exports().find("alerts").await.unwrap().unwrap();
    assert_eq!((place.activities.next, place.findings.next), (10, 2));
    let replayed = replay(&settings, &house.context, &ReplaySpan::Places(0..10), Replaying::InEarnest).await;
    assert!(
        matches!(&replayed, Err(ExportError::Settings { what, .. }) if what.contains("findings only")),
        "{replayed:?}"
    );
    assert_eq!(fs::read_to_string(house.dir().join("alerts.out")).unwrap(), line, "no activity was sent");
    let (settings, _) = only("feed", "activities");
    assert_eq!(deliver(&settings, &house.context, Until::CaughtUp).await.unwrap().delivered, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_redacted_of_a_finding_is_in_no_format() {
    let house = House::with(0).await;
    note(&house, &[found(1, Severity::Medium)]).await;
    for format in ["ocsf", "ocsf@1.3.0", "ocsf@1.9.0", "ecs", "cef", "leef", "raw"] {
        let path = house.dir().join(format!("{format}.out"));
        let text = format!(
            "name = \"{format}\"\nwhat = \"findings\"\nformat = \"{format}\"\nfile = {{ path = {path:?} }}\n\
             redact = [{{ field = \"explanation\", how = \"drop\" }}, {{ field = \"entities\", how = \"drop\" }}]"
        );
        let text = text.replace("name = \"ocsf@", "name = \"ocsf-");
        let settings: crate::SinkSettings = toml::from_str(&text).unwrap();
        deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
        let line = fs::read_to_string(path).unwrap();
        assert!(line.contains("burst_of_keys") && !line.contains("user_1"), "{format}: {line}");
    }
}
