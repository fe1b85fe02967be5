//! Activities and findings as OpenTelemetry log records, to a receiver made of OpenTelemetry's own classes.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;

use ephor_e2e::{Node, Receiver, folder, python, run, sql, texts};
use serde_json::Value;

/// An attribute of a record.
fn attribute<'v>(record: &'v Value, key: &str) -> &'v Value {
    let attributes = record["record"]["attributes"].as_array().unwrap();
    attributes.iter().find(|pair| pair["key"] == key).map_or(&Value::Null, |pair| &pair["value"])
}

fn receives_everything(data: &Path, home: &Path, protocol: &str) {
    let order = texts(data, "select id from activities order by seq");
    let poison = &order[order.len() / 2];
    let place = home.join(protocol);
    fs::create_dir(&place).unwrap();
    let mut script = python("receive_otlp.py");
    script.args([protocol]).arg(&place).arg(poison);
    let receiver = Receiver::script(&place, script);
    let sink = format!(
        "\n[[sink]]\nname = \"{protocol}\"\nallow_private = true\nretry_max_seconds = 0.01\n\
         [sink.otlp]\nurl = \"http://127.0.0.1:{}\"\nprotocol = \"{protocol}\"\nsecret_header = \"x-tenant\"\nsecret = \"file:{}\"\n",
        receiver.port(),
        home.join("tenant").display()
    );
    let mut config = fs::OpenOptions::new().create(true).append(true).open(data.join("ephor.toml")).unwrap();
    config.write_all(sink.as_bytes()).unwrap();
    let done = run(data, &["export", "run", "--sink", protocol, "--once"]).json();
    let findings = run(data, &["findings", "list"]).json();
    let findings = findings.as_array().unwrap();
    let told = &done["sinks"][0];
    let (delivered, rejected) = (told["delivered"].as_u64().unwrap(), told["rejected"].as_u64().unwrap());
    assert_eq!(delivered + rejected, (order.len() + findings.len()) as u64, "{done}");
    assert!(rejected >= 1, "{done}");

    let received: Vec<Value> = receiver.received().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let uids: Vec<&str> = received.iter().map(|record| record["uid"].as_str().unwrap()).collect();
    let activities: Vec<&str> = uids.iter().copied().filter(|uid| uid.starts_with("activity_")).collect();
    let expected: Vec<&str> = order.iter().map(String::as_str).filter(|id| *id != poison).collect();
    assert!(activities == expected, "{protocol}: every activity but the poisoned one, once and in order");
    let found: HashSet<&str> = uids.iter().filter_map(|uid| uid.strip_prefix("finding_")?.split('.').next()).collect();
    let listed: HashSet<&str> =
        findings.iter().filter_map(|one| one["id"].as_str()?.strip_prefix("finding_")).collect();
    assert_eq!(found, listed);

    // What was rejected of a request is a dead letter; what the receiver never had is among them.
    let letters = run(data, &["export", "retry", protocol, "--dry-run"]).json();
    assert!(letters.to_string().contains(poison.as_str()), "{letters}");
    assert!(letters.to_string().contains("no such record here"), "{letters}");
    records_say_who_what_and_how(data, &received);
}

fn records_say_who_what_and_how(data: &Path, received: &[Value]) {
    let rows = sql(data, "select id, type, ip_address from activities");
    let rows: HashMap<&str, &Value> = rows.iter().map(|row| (row["id"].as_str().unwrap(), row)).collect();
    let mut with_address = 0;
    for record in received {
        let log = &record["record"];
        let Some(row) = rows.get(record["uid"].as_str().unwrap()) else {
            assert_eq!(log["eventName"], "ephor_finding", "{record}");
            assert!(attribute(record, "ephor.finding.rule")["stringValue"].is_string(), "{record}");
            continue;
        };
        assert_eq!(log["eventName"], row["type"]);
        assert!(log["severityNumber"].is_string() && log["body"]["stringValue"].is_string(), "{record}");
        assert_eq!(record["scope"]["name"], "ephor");
        if let Some(ip) = row["ip_address"].as_str() {
            assert_eq!(attribute(record, "source.address")["stringValue"], ip);
            with_address += 1;
        }
    }
    assert!(with_address > 100);
}

#[test]
fn a_collector_gets_activities_and_findings_over_http_and_over_grpc() {
    let home = folder();
    let data = home.path().join("data");
    Node::demo(&data, ["--users", "12", "--days", "10", "--seed", "7"]).interrupt();
    run(&data, &["detect"]).succeeded();
    fs::write(home.path().join("tenant"), "tenant-secret").unwrap();
    for protocol in ["http", "grpc"] {
        receives_everything(&data, home.path(), protocol);
    }
}
