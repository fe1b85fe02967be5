//! Kafka, as the Tansu broker speaks it: every record in the order of the lake, known by its id, read by Kafka's own client.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ephor_e2e::{
    Receiver, Simulated, TrustedHouse, ephor, folder, free_port, killed_again_and_again, python, run, run_in, texts,
};
use serde_json::Value;

/// A broker behind a door with TLS, and a data folder.
struct Story {
    home: tempfile::TempDir,
    authority: PathBuf,
    door: Receiver,
    _broker: Receiver,
}

impl Story {
    fn new(rows: u64) -> Self {
        let home = folder();
        let house = TrustedHouse::new(&home.path().join("house"));
        let (certificate, key) = house.certificate("127.0.0.1");
        let (place, port) = (home.path().join("door"), free_port());
        fs::create_dir(&place).unwrap();
        let mut relay = python("kafka_broker.py");
        relay.arg("relay").arg(&place).arg(certificate).arg(key).arg(port.to_string());
        let door = Receiver::script(&place, relay);
        let mut serve = python("kafka_broker.py");
        serve.arg("serve").arg(port.to_string()).arg(format!("127.0.0.1:{}", door.port()));
        let broker = Receiver::listening(&home.path().join("broker"), port, serve);
        let story = Self { authority: house.ca(), door, _broker: broker, home };
        run(&story.data(), &["init"]).succeeded();
        run(&story.data(), &["import", Simulated::of(rows).activities().to_str().unwrap()]).succeeded();
        story
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn add_sink(&self, name: &str, more: &str) {
        let sink = format!(
            "\n[[sink]]\nname = \"{name}\"\nformat = \"raw\"\nallow_private = true\nretry_max_seconds = 0.05\nbatch_events = 100\n\
             [sink.kafka]\nbrokers = [\"127.0.0.1:{}\"]\ntopic = \"{name}\"\n{more}\n",
            self.door.port()
        );
        let mut config = fs::OpenOptions::new().append(true).open(self.data().join("ephor.toml")).unwrap();
        config.write_all(sink.as_bytes()).unwrap();
    }

    fn trust(&self) -> String {
        format!("tls = {{ ca = {:?} }}", self.authority)
    }

    fn client(&self, what: &str, topic: &str) -> Command {
        let mut script = python("kafka_broker.py");
        script.arg(what).arg(format!("127.0.0.1:{}", self.door.port())).arg(&self.authority).arg(topic);
        script
    }

    fn read(&self, topic: &str) -> Vec<Value> {
        let read = run_in(&mut self.client("read", topic)).succeeded();
        read.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn stored(data: &Path) -> Vec<(String, String)> {
    let ids = texts(data, "select id from activities order by seq");
    ids.into_iter().zip(texts(data, "select raw from activities order by seq")).collect()
}

fn told(message: &Value) -> (String, String) {
    let text = |name: &str| message[name].as_str().unwrap().to_owned();
    (text("key"), text("value"))
}

#[test]
fn a_topic_gets_every_activity_in_order_with_its_id_as_the_key() {
    let story = Story::new(1_200);
    story.add_sink("claude", &story.trust());
    story.add_sink("stranger", "");
    let no_trust = run(&story.data(), &["export", "run", "--sink", "stranger", "--once"]).failed_with(1);
    assert!(no_trust.stdout.contains("certificate"), "{no_trust:?}");
    run_in(&mut story.client("make", "claude")).succeeded();
    let done = run(&story.data(), &["export", "run", "--sink", "claude", "--once"]).json();
    assert_eq!(done["sinks"][0]["delivered"], 1_200, "{done}");
    let messages = story.read("claude");
    assert!(messages.iter().map(told).collect::<Vec<_>>() == stored(&story.data()), "everything, once, in order");
    let raw: Value = serde_json::from_str(messages[0]["value"].as_str().unwrap()).unwrap();
    let headers = serde_json::json!({ "event_id": raw["id"], "event_type": raw["type"], "record": "activity" });
    assert_eq!(messages[0]["headers"], headers);
    let at = texts(
        &story.data(),
        "select cast(cast(created_at as bigint) / 1000 as varchar) as at from activities order by seq limit 1",
    );
    assert_eq!(messages[0]["at"].to_string(), at[0]);
}

#[test]
fn an_export_killed_again_and_again_leaves_every_activity_in_the_topic_and_second_copies_with_the_same_key() {
    let story = Story::new(3_000);
    let expected = stored(&story.data());
    let name = |place: &Path| {
        let parent = place.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        parent.replace(|c: char| !c.is_ascii_alphanumeric(), "")
    };
    let work = |place: &Path| {
        let name = name(place);
        let known = fs::read_to_string(story.data().join("ephor.toml")).unwrap();
        if !known.contains(&format!("\"{name}\"")) {
            run_in(&mut story.client("make", &name)).succeeded();
            story.add_sink(&name, &story.trust());
        }
        let mut command = ephor(["export", "run", "--sink", &name, "--once", "--data-dir"]);
        command.arg(story.data());
        command
    };
    killed_again_and_again(10, 20_261_126, work, |place| {
        let mut seen = BTreeSet::new();
        let messages: Vec<(String, String)> = story.read(&name(place)).iter().map(told).collect();
        let first_copies: Vec<_> = messages.iter().filter(|(id, _)| seen.insert(id.clone())).cloned().collect();
        let (sent, apart) = (messages.len(), first_copies.iter().zip(&expected).position(|(a, b)| a != b));
        assert!(
            first_copies == expected,
            "everything, in order: {} of {} messages, apart at {apart:?}",
            first_copies.len(),
            sent
        );
        assert!(messages.iter().all(|message| expected.contains(message)), "a second copy is the same");
    });
}
