//! An upstream that makes every mistake: the lake ends equal to the truth, no row twice, none lost.

use std::process::Command;

use ephor_e2e::{Fault, FaultyUpstream, Node, counts, ephor, folder, id_of, run_in, texts, without_own_reads};
use serde_json::json;

const DEMO: [&str; 10] =
    ["--users", "60", "--days", "30", "--seed", "13", "--activities", "40000", "--rate-limit", "1000000"];

const MOST_RUNS: u32 = 3;

/// A thousand activities that happen in one and the same moment.
fn rows_of_now(round: u32) -> String {
    let now = run_in(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.%6NZ"])).succeeded().stdout;
    let row = |number: u32| {
        json!({
            "id": format!("activity_now_{round}_{number:04}"), "created_at": now.trim(), "type": "user_logged_out",
            "actor": {"type": "system_actor", "service": "test"}, "organization_id": null, "organization_uuid": null,
        })
    };
    (0..1000).map(|number| row(number).to_string()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_collection_from_a_faulty_upstream_loses_nothing() {
    let home = folder();
    let upstream_data = home.path().join("upstream");
    let node = Node::demo(&upstream_data, DEMO);
    node.has_told_of_its_start(&upstream_data);
    let upstream = FaultyUpstream::before(node.address());
    let data = home.path().join("data");
    // A run may give up, if it says so; the next one goes on where it stopped.
    let collect = || {
        for _ in 0..MOST_RUNS {
            let mut command = ephor(["collect", "--once", "--url", upstream.address(), "--key", "env:UPSTREAM_KEY"]);
            let run = run_in(command.arg("--data-dir").arg(&data).env("UPSTREAM_KEY", node.key("compliance")));
            if run.code == Some(0) {
                return;
            }
            assert!(run.stderr.contains("the next run goes on from the same place"), "{run:#?}");
            assert!(counts(&data).are_sound());
        }
        panic!("not through after {MOST_RUNS} runs; faults left: {:?}", upstream.left());
    };

    // On the way through the past, each mistake once.
    upstream.plan([
        Fault::Status(429, Some(1)),
        Fault::CutBody,
        Fault::Status(503, None),
        Fault::Repeated,
        Fault::BrokenJson,
        Fault::Status(429, None),
        Fault::Silence,
    ]);
    collect();
    assert_eq!(upstream.left(), [], "every fault has struck");

    // New rows, many of the same moment, and mistakes on the way to now.
    for round in 0..3 {
        node.client("write").post("/ephor/v1/activities", "application/x-ndjson", rows_of_now(round)).ok();
    }
    upstream.plan([
        Fault::ForgottenCursor,
        Fault::Status(529, None),
        Fault::Status(500, None),
        Fault::Status(502, None),
    ]);
    collect();

    let feed = without_own_reads(node.client("compliance").feed(""));
    let mut truth: Vec<&str> = feed.iter().map(id_of).collect();
    truth.sort_unstable();
    let kept = texts(&data, "select id from activities where type <> 'compliance_api_accessed' order by id");
    assert!(counts(&data).are_sound(), "{:?}", counts(&data));
    let known: std::collections::HashSet<&str> = kept.iter().map(String::as_str).collect();
    let lost: Vec<&&str> = truth.iter().filter(|id| !known.contains(**id)).collect();
    assert_eq!((lost.len(), kept.len()), (0, truth.len()), "lost: {:?}", lost.iter().take(5).collect::<Vec<_>>());
}

#[test]
fn a_key_that_upstream_refuses_is_a_clear_failure() {
    let home = folder();
    let node = Node::demo(&home.path().join("upstream"), ["--users", "20", "--days", "5", "--activities", "300"]);
    let mut command = ephor(["collect", "--once", "--url", node.address(), "--key", "env:UPSTREAM_KEY", "--data-dir"]);
    let refused =
        run_in(command.arg(home.path().join("data")).env("UPSTREAM_KEY", "sk-ant-api01-wrong")).failed_with(1);
    assert!(refused.stderr.contains("401") || refused.stderr.contains("authentication"), "{refused:#?}");
    assert!(!refused.stderr.contains("sk-ant-api01-wrong"), "an error never holds a key");
}
