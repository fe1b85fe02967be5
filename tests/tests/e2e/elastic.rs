//! Elasticsearch's `_bulk` as noida-db speaks it, which passes most of Elastic's own REST tests: documents made once, conflicts and
//! refusals item by item; read back by Elastic's own client.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ephor_e2e::{Receiver, Simulated, ephor, folder, free_port, python, run, run_in, texts, workspace_root};
use serde_json::{Value, json};

struct Story {
    home: tempfile::TempDir,
    port: u16,
    _server: Receiver,
}

impl Story {
    /// A cluster, and a data folder with every type.
    fn new() -> Self {
        let (home, port) = (folder(), free_port());
        let server = Receiver::noida(&home.path().join("cluster"), port);
        let story = Self { home, port, _server: server };
        let types = Simulated::make(&["--seed", "7", "--users", "12", "--days", "1", "--all-types"]);
        run(&story.data(), &["import", types.activities().to_str().unwrap()]).succeeded();
        story
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn sink(&self, name: &str, more: &str) {
        let sink = format!(
            "\n[[sink]]\nname = \"{name}\"\nallow_private = true\nretry_max_seconds = 0.05\n[sink.elastic]\nurl = \"{}\"\n{more}\n",
            self.address()
        );
        let mut config = fs::OpenOptions::new().create(true).append(true).open(self.data().join("ephor.toml")).unwrap();
        config.write_all(sink.as_bytes()).unwrap();
    }

    fn deliver(&self, name: &str) -> Value {
        run(&self.data(), &["export", "run", "--sink", name, "--once"]).json()["sinks"][0].clone()
    }

    /// Documents in the order in which they were made.
    fn documents(&self, index: &str) -> Vec<(String, Value)> {
        let read = run_in(python("held.py").args(["index", &self.address(), index])).succeeded();
        let line = |line: &str| {
            let mut document: Value = serde_json::from_str(line).unwrap();
            (document["key"].as_str().unwrap().to_owned(), document["record"].take())
        };
        read.stdout.lines().map(line).collect()
    }

    /// What was to be sent, by a sink that writes a file.
    fn records(&self) -> Vec<(String, Value)> {
        let file = self.home.path().join("records.ndjson");
        let sink = format!("file:{}", file.display());
        let to_file = ["export", "run", "--sink", &sink, "--export-format", "ecs", "--once", "--data-dir"];
        run_in(ephor(to_file).arg(self.data())).succeeded();
        let line = |line: &str| {
            let record: Value = serde_json::from_str(line).unwrap();
            (record["event"]["id"].as_str().unwrap().to_owned(), record)
        };
        fs::read_to_string(&file).unwrap().lines().map(line).collect()
    }
}

fn imported(data: &Path, home: &Path, rows: &[Value]) {
    let file = home.join("more.ndjson");
    fs::write(&file, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
    run(data, &["import", file.to_str().unwrap()]).succeeded();
}

#[test]
fn every_type_is_a_document_under_the_template_and_a_second_copy_is_none() {
    let story = Story::new();
    let template = workspace_root().join("docs/sinks/elastic-template.json");
    run_in(python("held.py").arg("template").arg(story.address()).arg(template)).succeeded();
    story.sink("elastic", "");
    let done = story.deliver("elastic");
    let records = story.records();
    let told = (&done["delivered"], &done["duplicates"], &done["rejected"]);
    assert_eq!(told, (&records.len().into(), &0.into(), &0.into()), "{done}");
    let documents = story.documents("logs-anthropic.audit-default");
    assert!(documents == records, "every record is a document with its id, in order, field by field");

    let replayed = run(&story.data(), &["export", "replay", "elastic", "--from-seq", "0", "--to-seq", "700"]).json();
    assert_eq!(replayed["records"], 700, "{replayed}");
    // A sink that begins once more, as with a control database of the day before: everything goes out again.
    story.sink("again", "");
    let again = story.deliver("again");
    assert_eq!((&again["delivered"], &again["duplicates"]), (&records.len().into(), &records.len().into()), "{again}");
    assert!(story.documents("logs-anthropic.audit-default") == documents, "nothing twice, nothing changed");
}

#[test]
fn an_item_that_the_mapping_refuses_is_a_dead_letter_and_holds_up_no_other() {
    let story = Story::new();
    story.sink("plain", "index = \"plain-{month}\"\ngzip = false");
    let told = |id: &str, spin: Value| json!({ "id": id, "type": "quantum_relay_rotated", "created_at": "2026-06-01T00:00:00Z", "actor": { "type": "guest_actor" }, "spin": spin });
    imported(
        &story.data(),
        story.home.path(),
        &[told("activity_first", json!(7)), told("activity_other", json!({ "up": 1 }))],
    );
    let done = story.deliver("plain");
    let letters = run(&story.data(), &["export", "retry", "plain", "--dry-run"]).json();
    let letters: BTreeMap<&str, &str> = letters
        .as_array()
        .unwrap()
        .iter()
        .map(|letter| (letter["id"].as_str().unwrap(), letter["reason"].as_str().unwrap()))
        .collect();
    assert!(letters["activity_other"].contains("document_parsing_exception"), "{letters:?}");
    let ids = texts(&story.data(), "select id from activities order by seq");
    let mut documents: Vec<String> = story.documents("plain-*").into_iter().map(|(id, _)| id).collect();
    assert_eq!(done["rejected"], letters.len(), "{done}");
    documents.extend(letters.keys().map(|id| (*id).to_owned()));
    documents.sort();
    let mut expected = ids;
    expected.sort();
    assert!(documents == expected, "each is a document or a dead letter");
    assert_eq!(story.documents("plain-2026-06").len(), 1, "the month is the record's own");
}
