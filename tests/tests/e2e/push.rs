//! `POST /ephor/v1/activities`: other programs hand activities in.

use ephor_e2e::{Node, Simulated, folder};
use serde_json::Value;

const PATH: &str = "/ephor/v1/activities";

fn node(home: &std::path::Path) -> Node {
    Node::demo(&home.join("data"), ["--users", "20", "--days", "5", "--activities", "300", "--rate-limit", "1000000"])
}

#[test]
fn pushed_activities_are_in_the_feed_and_pushing_again_adds_nothing() {
    let home = folder();
    let node = node(home.path());
    let pushed = Simulated::make(&["--seed", "21", "--users", "20", "--days", "5", "--activities", "200"]);
    let writer = node.client("write");
    let first = writer.post(PATH, "application/x-ndjson", pushed.lines().join("\n")).ok();
    let again = writer.post(PATH, "application/json", format!("[{}]", pushed.lines().join(","))).ok();
    assert_eq!((first["added"].as_u64(), again["added"].as_u64()), (Some(200), Some(0)), "{first} {again}");
    assert_eq!(again["duplicates"], 200);

    let feed = node.client("compliance").feed("");
    for row in pushed.rows() {
        assert!(feed.contains(&row), "{row} is not in the feed as it was pushed");
    }
}

#[test]
fn each_row_gets_its_own_result() {
    let home = folder();
    let node = node(home.path());
    let rows = [
        r#"{"id":"activity_a","created_at":"2026-05-01T00:00:00Z","type":"user_logged_out","actor":{"type":"system_actor"}}"#,
        r#"{"created_at":"2026-05-01T00:00:00Z","type":"user_logged_out","actor":{"type":"system_actor"}}"#,
        r#"{"id":"activity_b","created_at":"2026-05-01","type":"user_logged_out","actor":{"type":"system_actor"}}"#,
    ];
    let answer = node.client("write").post(PATH, "application/x-ndjson", rows.join("\n"));
    let told: Value = answer.json();
    let results = told["results"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    assert_eq!(results.len(), 3, "{answer:?}");
    assert_eq!(told["rejected"], 2, "{answer:?}");
}

#[test]
fn what_cannot_be_taken_in_is_refused_with_a_reason() {
    let home = folder();
    let node = node(home.path());
    let row = r#"{"id":"activity_a","created_at":"2026-05-01T00:00:00Z","type":"user_logged_out","actor":{"type":"system_actor"}}"#;
    assert_eq!(node.client("compliance").post(PATH, "application/x-ndjson", row).refused(403), "permission_error");
    assert_eq!(node.client("write").post(PATH, "text/html", row).status, 415);
    assert_eq!(node.client("write").post(PATH, "application/json", "[1, 2").refused(400), "invalid_request_error");
    let nothing_good =
        node.client("write").post(PATH, "application/x-ndjson", r#"{"id":"activity_a","type":"user_logged_out"}"#);
    assert_eq!(nothing_good.status, 422, "{nothing_good:?}");
    assert!(nothing_good.body.contains("created_at"), "{nothing_good:?}");
    let huge = "x".repeat(17 << 20);
    assert_eq!(node.client("write").post(PATH, "application/x-ndjson", huge).refused(413), "request_too_large");
}
