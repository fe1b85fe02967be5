//! Keys: shown once, scoped, rotated with an overlap, dead from the request after their end. All of it in the feed.

use std::path::Path;

use ephor_e2e::{Client, Node, eventually, folder, run};
use serde_json::Value;

const FEED: &str = "/v1/compliance/activities?limit=1";

/// The secret of a key that was just made.
pub fn secret_of(key: &Value) -> &str {
    key["secret"].as_str().or_else(|| key["key"].as_str()).unwrap_or_else(|| panic!("no secret in {key}"))
}

fn id_of(key: &Value) -> &str {
    key["id"].as_str().unwrap_or_else(|| panic!("no id in {key}"))
}

fn create(data: &Path, name: &str, scope: &str) -> Value {
    run(data, &["keys", "create", "--name", name, "--scope", scope]).json()
}

fn demo(data: &Path) -> Node {
    Node::demo(data, ["--users", "20", "--days", "5", "--activities", "300", "--rate-limit", "1000000"])
}

#[test]
fn a_key_opens_what_its_scopes_name_and_nothing_else() {
    let home = folder();
    let data = home.path().join("data");
    let node = demo(&data);
    let key = create(&data, "siem", "read:compliance_activities");
    let client = Client::new(node.address(), secret_of(&key));
    assert_eq!(client.get(FEED).status, 200);
    let refused = client.get("/v1/compliance/organizations");
    assert_eq!(refused.refused(403), "permission_error");
    let said = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(said.starts_with("Missing required scopes. Got: [") && said.contains("Needed: ["), "{said}");
    assert_eq!(Client::new(node.address(), "sk-ephor-api01-nonsense").get(FEED).refused(401), "authentication_error");
    assert_eq!(Client::without_key(node.address()).get(FEED).refused(401), "authentication_error");

    let alias = create(&data, "founding document", "read:security");
    assert_eq!(Client::new(node.address(), secret_of(&alias)).get(FEED).status, 200);
    assert_eq!(Client::new(node.address(), secret_of(&alias)).get("/v1/organizations/activity?limit=1").status, 200);
}

#[test]
fn a_rotated_key_has_an_overlap_and_a_revoked_one_has_none() {
    let home = folder();
    let data = home.path().join("data");
    let node = demo(&data);
    let key = create(&data, "collector", "read:compliance_activities");
    let rotated = run(&data, &["keys", "rotate", id_of(&key), "--overlap-hours", "1"]).json();
    let (old, new) = (Client::new(node.address(), secret_of(&key)), Client::new(node.address(), secret_of(&rotated)));
    assert_eq!((old.get(FEED).status, new.get(FEED).status), (200, 200), "both work during the overlap");

    let at_once = run(&data, &["keys", "rotate", id_of(&rotated), "--overlap-hours", "0"]).json();
    assert_eq!(new.get(FEED).status, 401, "without an overlap the old secret is dead from the next request");
    let newest = Client::new(node.address(), secret_of(&at_once));
    assert_eq!(newest.get(FEED).status, 200);

    run(&data, &["keys", "revoke", id_of(&at_once)]).succeeded();
    assert_eq!(newest.get(FEED).refused(401), "authentication_error");
}

#[test]
fn secrets_are_shown_once_and_kept_nowhere() {
    let home = folder();
    let data = home.path().join("data");
    let node = demo(&data);
    let key = create(&data, "once", "read:compliance_activities");
    let secret = secret_of(&key).to_owned();
    Client::new(node.address(), &secret).get(FEED).ok();
    let listed = run(&data, &["keys", "list"]).json();
    assert!(listed.to_string().contains(id_of(&key)) && !listed.to_string().contains(&secret));
    assert!(!node.log().contains(&secret), "a secret in the log");
    drop(node);
    for file in crate::content::files_below(&data) {
        let bytes = std::fs::read(&file).unwrap();
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "a secret in {}", file.display());
    }
}

#[test]
fn every_change_of_a_key_is_an_activity_and_so_is_every_read() {
    let home = folder();
    let data = home.path().join("data");
    let node = demo(&data);
    let key = create(&data, "seen", "read:compliance_activities");
    let rotated = run(&data, &["keys", "rotate", id_of(&key)]).json();
    run(&data, &["keys", "revoke", id_of(&rotated)]).succeeded();
    let client = node.client("compliance");
    client.get("/v1/compliance/organizations").ok();
    let about = id_of(&rotated);
    eventually(&format!("the changes of {about} and the read of the organizations are in the feed"), || {
        let feed = client.feed("");
        let changes = feed
            .iter()
            .filter(|row| row.to_string().contains(about) && row["type"].as_str().unwrap().contains("key"))
            .count();
        let read = feed.iter().any(|row| {
            row["type"] == ephor_e2e::OWN_READS
                && row["url"].as_str().is_some_and(|url| url.contains("/v1/compliance/organizations"))
        });
        (changes >= 2 && read).then_some(())
    });
}
