//! `kill -9`, fifty times each: nothing acknowledged is lost, nothing comes twice, nothing half-written is seen.

use std::collections::HashSet;

use ephor_e2e::{
    Node, Simulated, counts, ephor, folder, holds_exactly, id_of, killed_again_and_again, texts, without_own_reads,
};

#[test]
fn an_import_killed_fifty_times_ends_equal_to_the_truth() {
    let truth = Simulated::of(10_000);
    let lines = truth.lines();
    let import = |data: &std::path::Path| {
        let mut command = ephor(["import", "--data-dir"]);
        command.arg(data).arg(truth.activities());
        command
    };
    killed_again_and_again(50, 20_260_601, import, |data| holds_exactly(data, "import", &lines));
}

#[test]
fn a_collection_killed_fifty_times_ends_equal_to_its_upstream() {
    let home = folder();
    let upstream_data = home.path().join("upstream");
    let upstream = Node::demo(
        &upstream_data,
        ["--users", "120", "--days", "30", "--seed", "7", "--activities", "10000", "--rate-limit", "10000000"],
    );
    let collect = |data: &std::path::Path| {
        let mut command =
            ephor(["collect", "--once", "--url", upstream.address(), "--key", "env:UPSTREAM_KEY", "--data-dir"]);
        command.arg(data).env("UPSTREAM_KEY", upstream.key("compliance"));
        command
    };
    upstream.has_told_of_its_start(&upstream_data);
    let feed = without_own_reads(upstream.client("compliance").feed(""));
    let mut truth: Vec<&str> = feed.iter().map(id_of).collect();
    truth.sort_unstable();
    killed_again_and_again(50, 20_260_602, collect, |data| {
        let kept = texts(data, "select id from activities where type <> 'compliance_api_accessed' order by id");
        assert_eq!(kept.len(), truth.len());
        assert!(kept.iter().map(String::as_str).eq(truth.iter().copied()), "other ids than the upstream's");
        assert!(counts(data).are_sound());
    });
}

#[test]
fn a_node_killed_while_it_takes_pushes_keeps_every_batch_that_it_acknowledged() {
    let truth = Simulated::of(10_000);
    let lines = truth.lines();
    let home = folder();
    let data = home.path().join("data");
    let keys = ephor_e2e::run(&data, &["init"]).json();
    ephor_e2e::run(&data, &["org", "enable", "--agreement", "NDA-2026-1"]).succeeded();
    let write =
        keys.pointer("/keys/write").and_then(serde_json::Value::as_str).expect("init prints a write key").to_owned();
    let ids: Vec<String> = truth.rows().iter().map(|row| id_of(row).to_owned()).collect();
    let mut acknowledged = 0;
    for (round, batch) in lines.chunks(1000).enumerate() {
        let node = Node::up(&data, [""; 0]);
        let client = ephor_e2e::Client::new(node.address(), &write);
        for part in batch.chunks(250) {
            client.post("/ephor/v1/activities", "application/x-ndjson", part.join("\n")).ok();
            acknowledged += part.len();
        }
        // Dropped, that is killed, right after the last answer.
        drop(node);
        let kept: HashSet<String> = texts(&data, "select id from activities").into_iter().collect();
        let missing = ids[..acknowledged].iter().filter(|id| !kept.contains(*id)).count();
        assert_eq!(missing, 0, "acknowledged and not there after kill {round}");
        assert!(counts(&data).are_sound());
    }
}
