//! `ephor import`: every form a file of activities comes in, and the lines that are not one.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use ephor_e2e::{Simulated, counts, ephor, folder, holds_exactly, run, run_in, sql};
use serde_json::{Value, json};

fn small() -> Simulated {
    Simulated::make(&["--seed", "5", "--users", "30", "--days", "10", "--activities", "1200"])
}

fn import(data: &Path, file: &Path) -> Value {
    run(data, &["import", file.to_str().unwrap()]).json()
}

/// Runs one of the usual tools, its output into a file.
fn packed(tool: &str, source: &Path, target: &Path) {
    let status = Command::new(tool).arg("-c").arg(source).stdout(File::create(target).unwrap()).status().unwrap();
    assert!(status.success(), "{tool} failed");
}

#[test]
fn every_form_of_file_holds_the_same_activities() {
    let truth = small();
    let lines = truth.lines();
    let home = folder();
    let at = |name: &str| home.path().join(name);
    let page = |rows: &str| format!(r#"{{"data":[{rows}],"has_more":false,"first_id":null,"last_id":null}}"#);
    fs::write(at("array.json"), format!("[{}]", lines.join(",\n"))).unwrap();
    fs::write(at("page.json"), page(&lines.join(","))).unwrap();
    // With its envelope over several lines, as an editor shows a page.
    let shown = format!("{{\n  \"data\": [\n    {}\n  ],\n  \"has_more\": false\n}}\n", lines.join(",\n    "));
    fs::write(at("shown-page.json"), shown).unwrap();
    let halves: Vec<String> = lines.chunks(600).map(|half| page(&half.join(","))).collect();
    fs::write(at("pages.ndjson"), halves.join("\n")).unwrap();
    packed("gzip", &truth.activities(), &at("activities.ndjson.gz"));
    packed("zstd", &truth.activities(), &at("activities.ndjson.zst"));
    packed("gzip", &at("page.json"), &at("page.json.gz"));

    for name in [
        "array.json",
        "page.json",
        "shown-page.json",
        "pages.ndjson",
        "activities.ndjson.gz",
        "activities.ndjson.zst",
        "page.json.gz",
    ] {
        let data = at(&format!("data-of-{name}"));
        let told = import(&data, &at(name));
        assert_eq!(
            (told["read"].as_u64(), told["added"].as_u64(), told["rejected"].as_u64()),
            (Some(1200), Some(1200), Some(0)),
            "{name}"
        );
        holds_exactly(&data, "import", &lines);
    }
}

#[test]
fn standard_input_is_a_file_too() {
    let truth = small();
    let home = folder();
    let data = home.path().join("data");
    let mut command = ephor(["import", "-", "--format", "json", "--data-dir"]);
    let told = run_in(command.arg(&data).stdin(Stdio::from(File::open(truth.activities()).unwrap()))).json();
    assert_eq!(told["added"], 1200);
    holds_exactly(&data, "import", &truth.lines());
}

#[test]
fn importing_again_adds_nothing_and_another_content_is_a_conflict() {
    let truth = small();
    let home = folder();
    let data = home.path().join("data");
    import(&data, &truth.activities());
    let again = import(&data, &truth.activities());
    assert_eq!(
        (again["read"].as_u64(), again["added"].as_u64(), again["duplicates"].as_u64()),
        (Some(1200), Some(0), Some(1200))
    );

    let mut changed: Value = serde_json::from_str(&truth.lines()[0]).unwrap();
    changed["type"] = json!("role_assignment_granted");
    let other = home.path().join("changed.ndjson");
    fs::write(&other, changed.to_string()).unwrap();
    let told = import(&data, &other);
    assert_eq!((told["added"].as_u64(), told["conflicts"].as_u64()), (Some(0), Some(1)));
    holds_exactly(&data, "import", &truth.lines());
    let conflicts = sql(&data, "select id from conflicts");
    assert_eq!(conflicts[0]["id"], changed["id"]);
}

#[test]
fn bad_lines_are_told_with_file_line_and_reason_and_the_rest_goes_in() {
    let truth = small();
    let good = truth.lines();
    let home = folder();
    let data = home.path().join("data");
    let file = home.path().join("mixed.ndjson");
    let bad = [
        (3, "{\"id\": \"activity_cut".to_owned()),
        (5, json!({"created_at": "2026-05-01T00:00:00Z", "type": "user_logged_out", "actor": {"type": "system_actor"}}).to_string()),
        (9, json!({"id": "activity_bare_date", "created_at": "2026-05-01", "type": "user_logged_out", "actor": {"type": "system_actor"}}).to_string()),
        (11, "[1, 2".to_owned()),
    ];
    let mut lines = good.clone();
    for (number, line) in &bad {
        lines.insert(number - 1, line.clone());
    }
    fs::write(&file, lines.join("\n") + "\n").unwrap();

    let rejects = home.path().join("rejects.ndjson");
    let done = run(&data, &["import", "--rejects", rejects.to_str().unwrap(), file.to_str().unwrap()]);
    let told = done.json();
    assert_eq!((told["added"].as_u64(), told["rejected"].as_u64()), (Some(1200), Some(4)));
    holds_exactly(&data, "import", &good);

    let written = fs::read_to_string(&rejects).unwrap();
    assert_eq!(written.lines().count(), 4, "{written}");
    let logs: Vec<Value> = done.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for ((number, _), reject) in bad.iter().zip(written.lines()) {
        let reject: Value = serde_json::from_str(reject).unwrap();
        assert_eq!(reject["line"].as_u64(), Some(*number as u64), "{reject}");
        assert!(reject["file"].as_str().is_some_and(|name| name.ends_with("mixed.ndjson")), "{reject}");
        assert!(reject["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{reject}");
        let logged = logs.iter().any(|log| log["line"] == reject["line"] && log["reason"] == reject["reason"]);
        assert!(logged, "standard error tells of line {number}: {}", done.stderr);
    }
}

#[test]
fn a_file_that_is_not_there_is_a_failure_and_no_file_is_wrong_usage() {
    let home = folder();
    let data = home.path().join("data");
    let missing = home.path().join("no-such-file.ndjson");
    let failed = run(&data, &["import", missing.to_str().unwrap()]).failed_with(1);
    assert!(failed.stderr.contains("no-such-file.ndjson"), "{failed:#?}");
    run(&data, &["import"]).failed_with(2);
    run(&data, &["no-such-command"]).failed_with(2);
}

#[test]
fn unknown_types_actors_and_fields_come_through_unchanged() {
    let home = folder();
    let data = home.path().join("data");
    let line = r#"{"id":"activity_new","created_at":"2026-05-01T10:00:00.5+02:00","type":"holodeck_opened","actor":{"type":"robot_actor","serial":7},"organization_id":null,"organization_uuid":null,"deck":{"level":[1,2.50,1e3]},"extra":"\u00e9"}"#;
    let file = home.path().join("new.ndjson");
    fs::write(&file, line).unwrap();
    import(&data, &file);
    holds_exactly(&data, "import", &[line.to_owned()]);
    let row = sql(&data, "select category, actor_type from activities").remove(0);
    assert_eq!((row["category"].as_str(), row["actor_type"].as_str()), (Some("unclassified"), Some("robot_actor")));
    assert!(counts(&data).are_sound());
}
