//! Splunk's HTTP Event Collector as Tenzir speaks it: another house's reading of the same protocol, with its codes.

use std::fs;
use std::io::Write as _;

use ephor_e2e::{Node, Receiver, folder, free_port, run, texts};
use serde_json::Value;

#[test]
fn a_collector_takes_every_activity_and_finding_and_refuses_a_strangers_token() {
    let home = folder();
    let (data, place, port) = (home.path().join("data"), home.path().join("collector"), free_port());
    Node::demo(&data, ["--users", "12", "--days", "10", "--seed", "7"]).interrupt();
    run(&data, &["detect"]).succeeded();
    let collect = format!(
        "accept_splunk \"127.0.0.1:{port}\", hec_token=\"token\"\nto_file {:?}, append=true {{ write_ndjson }}",
        place.join("received")
    );
    let collector = Receiver::tenzir(&place, port, &collect);
    fs::write(home.path().join("token"), "token").unwrap();
    fs::write(home.path().join("stranger"), "secret-of-a-stranger").unwrap();
    let mut config = fs::OpenOptions::new().create(true).append(true).open(data.join("ephor.toml")).unwrap();
    for (name, format, token) in [("json", "ocsf", "token"), ("line", "cef", "token"), ("stranger", "raw", "stranger")]
    {
        let token = home.path().join(token);
        let sink = format!(
            "\n[[sink]]\nname = \"{name}\"\nformat = \"{format}\"\nallow_private = true\nretry_max_seconds = 0.05\n\
             [sink.splunk_hec]\nurl = \"http://127.0.0.1:{port}\"\ntoken = \"file:{}\"\nindex = \"claude\"\nhost = \"ephor-1\"\n",
            token.display()
        );
        config.write_all(sink.as_bytes()).unwrap();
    }
    let refused = run(&data, &["export", "run", "--sink", "stranger", "--once"]).failed_with(1);
    assert!(refused.stdout.contains("Invalid token") && !refused.stdout.contains("secret-of"), "{refused:?}");
    let ids = texts(&data, "select id from activities order by seq");
    let found = run(&data, &["findings", "list"]).json().as_array().unwrap().len();
    let mut before = 0;
    for (name, sourcetype) in [("json", "ocsf:anthropic:audit"), ("line", "anthropic:audit")] {
        let done = run(&data, &["export", "run", "--sink", name, "--once"]).json();
        assert_eq!(done["sinks"][0]["delivered"], ids.len() + found, "{done}");
        let lines = collector.received_all(before + ids.len() + found);
        let events: Vec<Value> = lines[before..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        before = lines.len();
        let keys: Vec<&str> = events.iter().map(|event| event["fields"]["event_id"].as_str().unwrap()).collect();
        let activities: Vec<&str> = keys.iter().copied().filter(|key| key.starts_with("activity_")).collect();
        assert!(activities == ids, "{name}: everything, once and in order");
        for event in &events {
            let told = [&event["index"], &event["host"], &event["source"], &event["sourcetype"]];
            assert_eq!(told, ["claude", "ephor-1", "ephor", sourcetype], "{event}");
            assert!(event["time"].is_string(), "the collector understands the time: {event}");
            match name {
                "json" => assert_eq!(event["event"]["metadata"]["uid"], event["fields"]["event_id"], "{event}"),
                _ => assert!(event["event"].as_str().unwrap().starts_with("CEF:0|"), "{event}"),
            }
        }
    }
}
