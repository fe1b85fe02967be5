//! The Analytics API from outside: the vendor's own SDK reads every endpoint, its exceptions come out, the owner's switch works.

use std::fs;
use std::path::Path;
use std::process::Command;

use ephor_e2e::{Client, Done, Node, folder, python, run, run_in};
use serde_json::Value;

/// Thirty days can be asked for: the newest of them is three days old in the seed's profile.
const ORGANISATION: [&str; 6] = ["--users", "60", "--days", "34", "--seed", "7"];
const USERS: &str = "/v1/organizations/analytics/users";

fn with_keys(command: &mut Command, node: &Node) -> Done {
    command.env("EPHOR_ADDRESS", node.address());
    for name in ["compliance", "analytics", "write", "admin"] {
        command.env(format!("{}_KEY", name.to_uppercase()), node.key(name));
    }
    let done = run_in(command).succeeded();
    println!("{}", done.stdout);
    done
}

/// A demo whose Analytics API has room for a test that reads everything in small pages.
fn roomy(home: &Path) -> Node {
    let config = home.join("roomy.toml");
    fs::write(&config, "[analytics]\nrate_limit_per_minute = 1000000\n").unwrap();
    let config = config.to_str().unwrap();
    Node::demo(&home.join("data"), ORGANISATION.into_iter().chain(["--config", config]))
}

#[test]
fn the_vendor_s_sdk_reads_every_endpoint_page_by_page_and_every_object_fits_its_types() {
    let home = folder();
    let node = roomy(home.path());
    with_keys(python("read_analytics.py").arg("30"), &node);
    with_keys(&mut python("read_analytics_errors.py"), &node);
}

#[test]
fn every_number_of_every_day_is_what_duckdb_counts_over_the_same_files() {
    let home = folder();
    let node = roomy(home.path());
    let compared = with_keys(python("recompute_analytics.py").arg(home.path().join("data")).arg("30"), &node);
    assert!(compared.stdout.contains("are equal"), "{compared:#?}");
}

#[test]
fn a_minute_has_sixty_requests_and_the_sdk_is_told_when_to_come_back() {
    let home = folder();
    let node = Node::demo(&home.path().join("data"), ["--users", "20", "--days", "5", "--activities", "300"]);
    with_keys(python("read_analytics_errors.py").arg("60"), &node);
}

#[test]
fn the_analytics_api_answers_while_the_primary_owner_has_it_switched_on() {
    let home = folder();
    let data = home.path().join("data");
    let keys = run(&data, &["init", "--owner", "ada@example.com"]).json();
    run(&data, &["org", "grant", "bob@example.com", "owner"]).succeeded();
    let node = Node::up(&data, [""; 0]);
    let client = Client::new(node.address(), keys["keys"]["analytics"].as_str().unwrap());
    let off = client.get(&format!("{USERS}?date=2026-01-02"));
    assert_eq!(off.refused(403), "permission_error");
    assert!(off.body.contains("ephor org analytics enable"), "the refusal says who turns it on, and how: {}", off.body);

    let as_bob = run(&data, &["org", "analytics", "enable", "--as", "bob@example.com"]).failed_with(1);
    assert!(as_bob.stderr.contains("primary_owner"), "{as_bob:#?}");
    assert_eq!(run(&data, &["org", "show"]).json()["analytics"], "off");
    assert_eq!(run(&data, &["org", "analytics", "enable"]).json()["analytics"], "on");
    let page = client.get(&format!("{USERS}?date={}", newest_day(&client)));
    assert_eq!((page.status, page.json()["data"].clone()), (200, Value::Array(Vec::new())));
    run(&data, &["org", "analytics", "disable"]).succeeded();
    assert_eq!(client.get(&format!("{USERS}?date=2026-01-02")).refused(403), "permission_error");
}

/// The day that the refusal of a day in the far future names.
fn newest_day(client: &Client) -> String {
    let refused = client.get(&format!("{USERS}?date=2999-01-01"));
    assert_eq!(refused.refused(400), "invalid_request_error");
    let said = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    said.rsplit(' ').next().unwrap().to_owned()
}
