//! One writer a lake; as many readers as like.

use ephor_e2e::{Node, Simulated, folder, run, sql};

#[test]
fn a_second_writer_is_refused_and_readers_are_free() {
    let home = folder();
    let data = home.path().join("data");
    let node = Node::demo(&data, ["--users", "20", "--days", "5", "--activities", "500"]);
    let more = Simulated::make(&["--seed", "9", "--users", "20", "--days", "5", "--activities", "100"]);

    let refused = run(&data, &["import", more.activities().to_str().unwrap()]).failed_with(1);
    assert!(refused.stderr.contains("already open for writing"), "{refused:#?}");
    assert!(refused.stderr.contains(&node.pid().to_string()), "it names the holder: {refused:#?}");

    let rows = sql(&data, "select count(*) as n from activities");
    assert!(rows[0]["n"].as_u64().unwrap() >= 500);
    run(&data, &["lake", "stats"]).json();

    assert_eq!(node.interrupt().code(), Some(0));
    let added = run(&data, &["import", more.activities().to_str().unwrap()]).json();
    assert_eq!(added["added"], 100);
}

#[test]
fn sql_only_reads() {
    let home = folder();
    let data = home.path().join("data");
    let some = Simulated::make(&["--seed", "9", "--users", "20", "--days", "5", "--activities", "100"]);
    run(&data, &["import", some.activities().to_str().unwrap()]).succeeded();
    for statement in [
        "delete from activities",
        "drop table activities",
        "insert into activities select * from activities",
        "create table x as select 1",
        "copy activities to '/tmp/ephor-e2e-must-not-exist'",
    ] {
        let refused = run(&data, &["lake", "sql", statement]).failed_with(1);
        assert!(!refused.stderr.is_empty());
    }
    assert_eq!(sql(&data, "select count(*) as n from activities")[0]["n"], 100);
}
