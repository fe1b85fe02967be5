//! Rules over a lake, as people and programs use them.

use std::fs;

use ephor_e2e::{Node, Simulated, folder, run};
use serde_json::Value;

/// Findings as a set: what stands, with ids, without the order of arrival.
fn findings(data: &std::path::Path) -> Vec<Value> {
    let listed = run(data, &["findings", "list"]).json();
    let mut found: Vec<Value> = listed.as_array().unwrap().clone();
    found.sort_by_key(|finding| finding["id"].to_string());
    found
}

fn import(data: &std::path::Path, simulated: &Simulated, lines: &[String]) {
    let directory = simulated.folder().join("directory");
    run(data, &["import", "--directory", directory.to_str().unwrap()]).succeeded();
    let file = data.with_extension("ndjson");
    fs::write(&file, lines.join("\n")).unwrap();
    run(data, &["import", file.to_str().unwrap()]).succeeded();
}

#[test]
fn the_same_activities_give_the_same_findings_however_they_come() {
    let simulated = Simulated::make(&["--seed", "11", "--users", "40", "--days", "30"]);
    let home = folder();
    let (straight, shuffled) = (home.path().join("straight"), home.path().join("shuffled"));
    let lines = simulated.lines();
    import(&straight, &simulated, &lines);
    let first = run(&straight, &["detect"]).json();
    assert!(first["new"].as_u64() > Some(3), "{first}");
    let again = run(&straight, &["detect"]).json();
    assert_eq!((&again["new"], &again["changed"], &again["withdrawn"]), (&0.into(), &0.into(), &0.into()), "{again}");

    // Backwards, in two deliveries that overlap, with a detection between them.
    let backwards: Vec<String> = lines.iter().rev().cloned().collect();
    import(&shuffled, &simulated, &backwards[..backwards.len() / 2]);
    run(&shuffled, &["detect"]).succeeded();
    import(&shuffled, &simulated, &backwards[backwards.len() / 3..]);
    run(&shuffled, &["detect"]).succeeded();
    let told = |finding: &Value| {
        let mut finding = finding.clone();
        // A state is seen when it is looked at; everything else is seen when it happened.
        if finding["evidence"].as_array().unwrap().is_empty() {
            finding["first_seen"] = Value::Null;
            finding["last_seen"] = Value::Null;
        }
        finding
    };
    let (one, other) = (findings(&straight), findings(&shuffled));
    assert_eq!(one.iter().map(told).collect::<Vec<_>>(), other.iter().map(told).collect::<Vec<_>>());
    assert!(one.iter().all(|finding| finding["id"].as_str().unwrap().starts_with("finding_")));
}

#[test]
fn a_list_is_asked_as_it_was_when_the_activity_happened() {
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["init", "--owner", "owner@example.com"]).succeeded();
    let used = |id: &str, at: &str, connector: &str| {
        let actor = r#"{"type":"user_actor","user_id":"user_9","email_address":"nine@example.com"}"#;
        format!(
            r#"{{"id":"{id}","created_at":"{at}","type":"mcp_server_managed_auth_token_exchanged","mcp_server_id":"{connector}","outcome":"success","organization_id":"org_1","actor":{actor}}}"#
        )
    };
    let import = |lines: &[String]| {
        let file = home.path().join("some.ndjson");
        fs::write(&file, lines.join("\n")).unwrap();
        run(&data, &["import", file.to_str().unwrap()]).succeeded();
    };
    let found = || {
        run(&data, &["detect"]).succeeded();
        run(&data, &["findings", "list", "--rule", "unapproved_connector_active"]).json().as_array().unwrap().len()
    };
    let add = |since: &str| {
        let more = ["--reason", "reviewed", "--since", since];
        run(&data, &[&["lists", "add", "approved_connectors", "mcpsrv_x"], &more[..]].concat())
    };
    // The first connector ever seen teaches the rule what is usual; the second is news.
    let first = used("activity_1", "2026-02-01T10:00:00Z", "mcpsrv_usual");
    import(&[first, used("activity_2", "2026-03-02T10:00:00Z", "mcpsrv_x")]);
    assert_eq!(found(), 1);
    add("now").succeeded();
    assert_eq!(found(), 1, "an approval of today says nothing of then");
    add("2026-03-02").succeeded();
    assert_eq!(found(), 0, "it was approved by then");
    run(&data, &["lists", "remove", "approved_connectors", "mcpsrv_x"]).succeeded();
    import(&[used("activity_3", "2026-03-04T10:00:00Z", "mcpsrv_x")]);
    assert_eq!(found(), 0, "it stood on the list then, and does no more");
    let ever = run(&data, &["lists", "show", "--history"]).json();
    assert_eq!(ever[0]["stands_from"], "2026-03-02T00:00:00.000000Z", "{ever}");
    assert!(ever[0]["stood_to"].is_string() && ever[0]["reason"] == "reviewed", "{ever}");
    let refused = add("yesterday").failed_with(2);
    assert!(refused.stderr.contains("`yesterday` is no moment"), "{refused:#?}");
}

#[test]
fn rules_pass_their_tests_and_a_broken_file_is_told_with_its_line() {
    let home = folder();
    let data = home.path().join("data");
    let tested = run(&data, &["rules", "test"]).json();
    assert!(tested["tests"].as_u64() >= Some(20) && tested["failed"] == serde_json::json!([]), "{tested}");
    let rules = home.path().join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(
        rules.join("mine.yml"),
        "title: Mine\nlogsource: {product: okta}\ndetection:\n  s: {type: t}\n  condition: s\n",
    )
    .unwrap();
    fs::create_dir(&data).unwrap();
    fs::write(data.join("ephor.toml"), format!("[detect]\nrules = {rules:?}\n")).unwrap();
    let linted = run(&data, &["rules", "lint"]).failed_with(1);
    assert!(linted.stdout.contains("mine.yml:2: "), "{linted:#?}");
    assert!(run(&data, &["rules", "list"]).json().as_array().unwrap().len() > 9);
}

#[test]
fn a_running_node_finds_what_is_pushed_within_seconds() {
    let home = folder();
    let data = home.path().join("demo");
    let node = Node::demo(&data, ["--users", "12", "--days", "3", "--seed", "5"]);
    let raised = r#"{"id":"activity_pushed_1","created_at":"2026-01-05T10:00:00Z","type":"claude_user_role_updated","organization_id":"org_x","user_id":"user_x","previous_role":"user","current_role":"owner","actor":{"type":"user_actor","user_id":"user_y","email_address":"y@example.com"}}"#;
    node.client("write").post("/ephor/v1/activities", "application/x-ndjson", raised).ok();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let found = loop {
        let found =
            run(&data, &["findings", "list", "--rule", "rank_raised_to_owner", "--entity", "user:user_x"]).json();
        if found.as_array().is_some_and(|found| !found.is_empty()) || std::time::Instant::now() > end {
            break found;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    assert_eq!(found[0]["severity"], "critical", "{found}\n{}", node.log());
    assert_eq!(found[0]["evidence"], serde_json::json!(["activity_pushed_1"]));
}
