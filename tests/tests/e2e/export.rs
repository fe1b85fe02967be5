//! `ephor export`: everything arrives, once, in order, valid by the receiver's own rules, whatever is killed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ephor_e2e::{Node, Simulated, ephor, folder, id_of, killed_again_and_again, python, run, run_in};
use serde_json::Value;

fn imported(data: &Path, truth: &Simulated) {
    run(data, &["import", truth.activities().to_str().unwrap()]).succeeded();
}

fn to_file(data: &Path, file: &Path, format: &str) -> Command {
    let sink = format!("file:{}", file.display());
    let mut command = ephor(["export", "run", "--sink", &sink, "--export-format", format, "--once", "--data-dir"]);
    command.arg(data);
    command
}

fn ids(file: &Path, pointer: &str) -> Vec<String> {
    let id = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap().pointer(pointer).unwrap().as_str().unwrap().to_owned()
    };
    fs::read_to_string(file).unwrap().lines().map(id).collect()
}

fn in_order(data: &Path) -> Vec<String> {
    ephor_e2e::texts(data, "select id from activities order by seq")
}

#[test]
fn an_export_killed_again_and_again_leaves_the_same_bytes_as_one_that_was_not() {
    let truth = Simulated::of(6_000);
    let home = folder();
    let data = home.path().join("data");
    imported(&data, &truth);
    let whole = home.path().join("whole.ndjson");
    run_in(&mut to_file(&data, &whole, "ocsf")).succeeded();
    assert_eq!(ids(&whole, "/metadata/uid"), in_order(&data));
    let expected = fs::read(&whole).unwrap();
    let out = |place: &Path| place.with_extension("ndjson");
    killed_again_and_again(
        50,
        20_261_125,
        |place| to_file(&data, &out(place), "ocsf"),
        |place| {
            assert!(
                fs::read(out(place)).unwrap() == expected,
                "other bytes than those of an export that was not killed"
            );
        },
    );
}

#[test]
fn a_replay_gives_the_same_bytes_and_says_so_beforehand() {
    let truth = Simulated::of(800);
    let home = folder();
    let data = home.path().join("data");
    imported(&data, &truth);
    for format in ["ocsf", "ecs", "cef", "leef", "otlp", "udm", "raw"] {
        let file = home.path().join(format!("{format}.out"));
        run_in(&mut to_file(&data, &file, format)).succeeded();
        let exported = fs::read(&file).unwrap();
        assert_eq!(exported.iter().filter(|byte| **byte == b'\n').count(), 800, "one record a line");
        let replay = ["export", "replay", "stdout", "--export-format", format];
        let rehearsed = run(&data, &[&replay[..], &["--dry-run"]].concat()).json();
        assert_eq!(rehearsed["records"], 800);
        let replayed = run(&data, &replay).succeeded();
        assert!(replayed.stdout.as_bytes() == exported, "{format}: a replay with other bytes");
    }
    let raw = fs::read_to_string(home.path().join("raw.out")).unwrap();
    let mut exported: Vec<&str> = raw.lines().collect();
    let lines = truth.lines();
    let mut original: Vec<&str> = lines.iter().map(String::as_str).collect();
    exported.sort_unstable();
    original.sort_unstable();
    assert!(exported == original, "raw is what was received");
}

#[test]
fn every_activity_type_is_valid_ocsf_by_the_official_schema() {
    let truth = Simulated::make(&["--seed", "7", "--users", "12", "--days", "1", "--all-types"]);
    let home = folder();
    let data = home.path().join("data");
    imported(&data, &truth);
    // Types that nobody knows yet, and an actor that is none.
    let strange = home.path().join("strange.ndjson");
    let mut file = fs::File::create(&strange).unwrap();
    for n in 0..20 {
        writeln!(file, r#"{{"id":"activity_new_{n}","type":"quantum_relay_{n}_rotated","created_at":"2026-06-01T00:00:00Z","actor":{{"type":"guest_actor","badge":{n}}},"relay":{{"spin":[1,null]}}}}"#).unwrap();
    }
    run(&data, &["import", strange.to_str().unwrap()]).succeeded();
    for (format, version) in [("ocsf", "1.8.0"), ("ocsf@1.3.0", "1.3.0")] {
        let out = home.path().join(format!("{version}.ndjson"));
        run_in(&mut to_file(&data, &out, format)).succeeded();
        let validated = run_in(python("validate_ocsf.py").arg(version).arg(&out)).json();
        assert_eq!(validated["errors"], 0, "{version}: {validated:#}");
        assert!(validated["classes"].as_object().unwrap().len() >= 8, "{validated}");
    }
}

#[test]
fn every_finding_is_valid_ocsf_by_the_official_schema() {
    let home = folder();
    let data = home.path().join("data");
    Node::demo(&data, ["--users", "40", "--days", "20", "--seed", "7"]).interrupt();
    run(&data, &["detect"]).succeeded();
    let found = run(&data, &["findings", "list"]).json().as_array().unwrap().len();
    assert!(found > 20, "{found} findings");
    for (format, version) in [("ocsf", "1.8.0"), ("ocsf@1.3.0", "1.3.0")] {
        let out = home.path().join(format!("{version}.ndjson"));
        let mut export = to_file(&data, &out, format);
        run_in(export.args(["--what", "findings"])).succeeded();
        let validated = run_in(python("validate_ocsf.py").arg(version).arg(&out)).json();
        assert_eq!(validated["errors"], 0, "{version}: {validated:#}");
        assert!(validated["classes"]["2004"].as_u64().unwrap() >= found as u64, "{validated}");
    }
}

#[test]
fn a_node_delivers_what_comes_in_and_tells_of_it() {
    let truth = Simulated::of(500);
    let home = folder();
    let data = home.path().join("data");
    let keys = run(&data, &["init"]).json();
    run(&data, &["org", "enable", "--agreement", "NDA-2026-1"]).succeeded();
    imported(&data, &truth);
    let file = home.path().join("siem.ndjson");
    let sinks = format!(
        "\n[[sink]]\nname = \"siem\"\nformat = \"raw\"\nbatch_seconds = 0.1\nfile = {{ path = {file:?} }}\n\n\
         [[sink]]\nname = \"dead\"\nallow_private = true\nwebhook = {{ url = \"http://127.0.0.1:9/\" }}\n"
    );
    fs::OpenOptions::new().append(true).open(data.join("ephor.toml")).unwrap().write_all(sinks.as_bytes()).unwrap();
    let node = Node::up(&data, [""; 0]);
    let write = keys.pointer("/keys/write").and_then(Value::as_str).unwrap();
    let client = ephor_e2e::Client::new(node.address(), write);
    let pushed = r#"{"id":"activity_pushed","type":"api_key_created","created_at":"2026-11-24T00:00:00Z","actor":{"type":"user_actor","user_id":"user_1"}}"#;
    client.post("/ephor/v1/activities", "application/x-ndjson", pushed.to_owned()).ok();
    until("everything is delivered", || {
        let delivered = fs::read_to_string(&file).unwrap_or_default();
        delivered.contains("activity_pushed") && truth.rows().iter().all(|row| delivered.contains(id_of(row)))
    });
    let status = || run(&data, &["export", "status"]).json();
    let waits = |status: &Value| status.as_array().unwrap().iter().any(|one| one["state"] == "backing_off");
    until("the dead sink waits", || waits(&status()));
    let status = status();
    let of = |name: &str| status.as_array().unwrap().iter().find(|one| one["sink"] == name).unwrap().clone();
    assert_eq!(of("siem")["dead_letters"], 0);
    assert!(of("siem")["delivered"].as_u64().unwrap() >= 501, "{status:#}");
    assert_eq!((&of("dead")["state"], &of("dead")["delivered"]), (&Value::from("backing_off"), &Value::from(0)));
    let metrics = client.get("/metrics").body;
    assert!(metrics.contains(r#"ephor_export_delivered_total{sink="siem"}"#), "{metrics}");
    assert!(metrics.contains(r#"ephor_export_failures_total{sink="dead"}"#), "{metrics}");
}

/// Waits for a condition; the test runner's limit is the end of it.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(120), "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_preview_shows_what_a_receiver_would_get() {
    let home = folder();
    let shown = run(home.path(), &["export", "preview", "--type", "api_key_created", "--export-format", "ocsf"]).json();
    assert_eq!(
        (&shown["class_uid"], &shown["activity_name"]),
        (&Value::from(3004), &Value::from("Create")),
        "{shown:#}"
    );
    let strange = run(home.path(), &["export", "preview", "--type", "nobody_knows_this"]).json();
    assert_eq!(strange["metadata"]["event_code"], "nobody_knows_this", "{strange:#}");
    run(home.path(), &["export", "preview", "--type", "x", "--export-format", "xml"]).failed_with(2);
}

#[test]
fn control_gaps_are_valid_ocsf_and_are_told_in_every_format() {
    let truth = Simulated::of(800);
    let home = folder();
    let data = home.path().join("data");
    imported(&data, &truth);
    // Long before the first activity: nothing is held for any control.
    let asked = ["--from", "2020-01-01", "--to", "2020-01-31"];
    let covered = run(&data, &[&["evidence", "coverage", "soc2"][..], &asked].concat()).json();
    let gaps = covered["summary"]["gaps"].as_u64().unwrap();
    assert!(gaps > 5, "{covered}");
    for (format, version) in [("ocsf", "1.8.0"), ("ocsf@1.3.0", "1.3.0")] {
        let out = home.path().join(format!("{version}.ndjson"));
        let sink = format!("file:{}", out.display());
        let to_file = ["export", "gaps", "soc2", "--sink", &sink, "--export-format", format];
        let told = run(&data, &[&to_file[..], &asked].concat()).json();
        assert_eq!(told["told"]["delivered"], gaps, "{told}");
        let validated = run_in(python("validate_ocsf.py").arg(version).arg(&out)).json();
        assert_eq!(validated["errors"], 0, "{version}: {validated:#}");
        assert_eq!(validated["classes"]["2003"], gaps, "{validated}");
    }
    let first = covered["controls"].as_array().unwrap().iter().find(|control| control["status"] == "gap").unwrap();
    let id = format!("gap_soc2_{}_2020-01-01_2020-01-31.gap", first["id"].as_str().unwrap());
    for format in ["ocsf", "ocsf@1.9.0", "ecs", "cef", "leef", "otlp", "udm", "raw"] {
        let to_stdout = ["export", "gaps", "soc2", "--export-format", format];
        let said = run(&data, &[&to_stdout[..], &asked].concat()).succeeded().stdout;
        assert_eq!(said.lines().count() as u64, gaps, "{format}");
        assert!(said.lines().next().unwrap().contains(&id), "{format}: {said}");
        let again = run(&data, &[&to_stdout[..], &asked].concat()).succeeded().stdout;
        assert_eq!(said, again, "{format}: other bytes the second time");
    }
    let one = ["export", "gaps", "soc2", "--control", first["id"].as_str().unwrap()];
    assert_eq!(run(&data, &[&one[..], &asked].concat()).succeeded().stdout.lines().count(), 1);
}
