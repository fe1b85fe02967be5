//! `ephor findings` as people and programs use it.

use ephor_e2e::{folder, run, sql};

#[test]
fn nothing_found_is_an_empty_list_and_a_finding_that_is_not_there_a_failure() {
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["init"]).succeeded();
    assert_eq!(run(&data, &["findings", "list", "--fail-on", "low"]).json(), serde_json::json!([]));
    assert!(sql(&data, "select id, status, count from findings").is_empty());
    let failed = run(&data, &["findings", "show", "finding_none"]).failed_with(1);
    assert!(failed.stderr.contains("finding_none") && failed.stderr.contains("ephor findings list"), "{failed:#?}");
    let mistyped = run(&data, &["findings", "list", "--status", "closed"]).failed_with(2);
    assert!(mistyped.stderr.contains("open, acknowledged, resolved, false_positive"), "{mistyped:#?}");
}
