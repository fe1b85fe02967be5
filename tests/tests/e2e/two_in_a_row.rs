//! One Ephor collects from another: what the second serves is what the first served.

use std::collections::HashSet;

use ephor_e2e::{Client, Node, OWN_READS, ephor, folder, id_of, run, run_in, without_own_reads};
use serde_json::Value;

const DEMO: [&str; 10] =
    ["--users", "80", "--days", "30", "--seed", "11", "--activities", "12000", "--rate-limit", "1000000"];

/// Everything the directory lists below these organizations, in an order of its own.
fn directory(client: &Client, organizations: &[Value]) -> Vec<String> {
    let list = |path: &str| client.get(path).ok()["data"].as_array().unwrap().clone();
    let mut all = list("/v1/compliance/groups?limit=1000");
    all.extend(list("/v1/compliance/apps/projects?limit=100"));
    for organization in organizations {
        let uuid = organization["uuid"].as_str().unwrap();
        all.extend(list(&format!("/v1/compliance/organizations/{uuid}/users?limit=1000")));
        all.extend(list(&format!("/v1/compliance/organizations/{uuid}/roles?limit=1000")));
    }
    let mut rows: Vec<String> = all.iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

fn organizations(client: &Client) -> Vec<Value> {
    client.get("/v1/compliance/organizations").ok()["data"].as_array().unwrap().clone()
}

#[test]
fn two_ephors_in_a_row_end_with_the_same_feed() {
    let home = folder();
    let (first_data, second_data) = (home.path().join("first"), home.path().join("second"));
    let first = Node::demo(&first_data, DEMO);
    first.has_told_of_its_start(&first_data);
    run(&second_data, &["init"]).succeeded();
    run(&second_data, &["org", "enable", "--agreement", "NDA-2026-1"]).succeeded();
    let keys = run(
        &second_data,
        &[
            "keys",
            "create",
            "--name",
            "reader",
            "--scope",
            "read:compliance_activities",
            "--scope",
            "read:compliance_org_data",
            "--scope",
            "read:compliance_user_data",
        ],
    )
    .json();

    let collect = || {
        let mut command =
            ephor(["collect", "--once", "--directory", "--url", first.address(), "--key", "env:UPSTREAM_KEY"]);
        run_in(command.arg("--data-dir").arg(&second_data).env("UPSTREAM_KEY", first.key("compliance"))).succeeded();
    };
    collect();
    collect();

    let upstream = without_own_reads(first.client("compliance").feed(""));
    let second = Node::up(&second_data, [""; 0]);
    let client = Client::new(second.address(), crate::keys::secret_of(&keys));
    let collected = client.feed("");
    let known: HashSet<&str> = upstream.iter().map(id_of).collect();
    let (collected, own): (Vec<Value>, Vec<Value>) = collected.into_iter().partition(|row| known.contains(id_of(row)));
    assert_eq!(collected.len(), upstream.len());
    for (ours, theirs) in collected.iter().zip(&upstream) {
        assert_eq!(ours, theirs);
    }
    for row in &own {
        let kind = row["type"].as_str().unwrap();
        let house = [OWN_READS, "org_", "api_key_", "scoped_api_key_", "admin_api_key_", "claude_user_role_"];
        assert!(house.iter().any(|begin| kind.starts_with(begin)), "a row that the first never had: {row}");
    }

    let first_client = first.client("compliance");
    let (theirs, ours) = (organizations(&first_client), organizations(&client));
    // Each lists its own parent as well; that is no organization of the other.
    let shared: Vec<Value> = theirs.into_iter().filter(|row| ours.contains(row)).collect();
    assert!(shared.len() >= 3, "the linked organizations of the first: {ours:#?}");
    assert_eq!(directory(&client, &shared), directory(&first_client, &shared));
}
