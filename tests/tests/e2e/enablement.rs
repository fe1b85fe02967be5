//! Recording is off until the primary owner switches it on; the time while it was off is a gap with two visible ends.

use std::collections::HashSet;
use std::path::Path;

use ephor_e2e::{Client, Node, OWN_READS, eventually, folder, id_of, run};
use serde_json::Value;

const FEED: &str = "/v1/compliance/activities?limit=1";
const ROW: &str = r#"{"id":"activity_pushed","created_at":"2026-05-01T00:00:00Z","type":"user_logged_out","actor":{"type":"system_actor"}}"#;
const SWITCHED: &str = "org_compliance_api_settings_updated";

/// A key that `ephor init` has printed.
fn key<'a>(keys: &'a Value, name: &str) -> &'a str {
    keys["keys"][name].as_str().unwrap_or_else(|| panic!("no key `{name}` in {keys}"))
}

fn of_type<'a>(feed: &'a [Value], kind: &str) -> Vec<&'a Value> {
    feed.iter().filter(|row| row["type"] == kind).collect()
}

/// What a node has to itself is in the feed a moment after it answered.
fn feed_with(client: &Client, kind: &str, at_least: usize) -> Vec<Value> {
    eventually(&format!("{at_least} rows of {kind} are in the feed"), || {
        let feed = client.feed("");
        (of_type(&feed, kind).len() >= at_least).then_some(feed)
    })
}

fn switch(data: &Path, arguments: &[&str]) {
    run(data, arguments).succeeded();
}

#[test]
fn nothing_is_recorded_until_the_primary_owner_switches_it_on() {
    let home = folder();
    let data = home.path().join("data");
    let keys = run(&data, &["init", "--owner", "ada@example.com"]).json();
    let node = Node::up(&data, [""; 0]);
    let client = Client::new(node.address(), key(&keys, "compliance"));
    let off = client.get(FEED);
    assert_eq!(off.refused(403), "permission_error");
    assert!(off.body.contains("org enable"), "the refusal says who turns it on, and how: {}", off.body);
    let pushed =
        Client::new(node.address(), key(&keys, "write")).post("/ephor/v1/activities", "application/x-ndjson", ROW);
    assert_eq!(pushed.refused(403), "permission_error");

    switch(&data, &["org", "enable", "--as", "ada@example.com", "--agreement", "NDA-2026-17"]);
    let feed = feed_with(&client, SWITCHED, 1);
    assert!(!feed.iter().any(|row| row["id"] == "activity_pushed"), "what was refused while it was off is not there");
    feed_with(&client, OWN_READS, 1);
    let shown = run(&data, &["org", "show"]).json();
    assert!(shown.to_string().contains("NDA-2026-17"), "{shown}");
}

#[test]
fn only_the_primary_owner_may_switch_it_on() {
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["init", "--owner", "ada@example.com"]).succeeded();
    switch(&data, &["org", "grant", "bob@example.com", "owner"]);
    let enable_as = |who: &str| run(&data, &["org", "enable", "--as", who, "--agreement", "NDA-2026-17"]);
    let refused = enable_as("bob@example.com").failed_with(1);
    assert!(refused.stderr.contains("primary_owner"), "{refused:#?}");
    let stranger = enable_as("nobody@example.com").failed_with(2);
    assert!(stranger.stderr.contains("nobody@example.com"), "{stranger:#?}");
    assert_eq!(run(&data, &["org", "show"]).json()["recording"], "off");
    run(&data, &["org", "enable", "--as", "ada@example.com"]).failed_with(2);
}

#[test]
fn the_gap_shows_both_its_ends() {
    let home = folder();
    let data = home.path().join("data");
    let keys = run(&data, &["init"]).json();
    let node = Node::up(&data, [""; 0]);
    let client = Client::new(node.address(), key(&keys, "compliance"));
    switch(&data, &["org", "enable", "--agreement", "NDA-1"]);
    feed_with(&client, SWITCHED, 1);
    switch(&data, &["org", "disable"]);
    for _ in 0..3 {
        assert_eq!(client.get(FEED).refused(403), "permission_error");
    }
    switch(&data, &["org", "enable", "--agreement", "NDA-2"]);

    let feed = feed_with(&client, SWITCHED, 3);
    let ends = of_type(&feed, SWITCHED);
    let distinct: HashSet<&str> = ends.iter().map(|row| id_of(row)).collect();
    assert_eq!((ends.len(), distinct.len()), (3, 3), "{ends:#?}");
    // Newest first: on again, off, on.
    let time = |row: &Value| row["created_at"].as_str().unwrap().to_owned();
    let (to, from) = (time(ends[0]), time(ends[1]));
    let inside = feed.iter().filter(|row| from < time(row) && time(row) < to).count();
    assert_eq!(inside, 0, "nothing is recorded between {from} and {to}");
}
