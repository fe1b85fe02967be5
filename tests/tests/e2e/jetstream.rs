//! NATS JetStream, its real server: every record once and in order, whatever is killed.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ephor_e2e::{Receiver, Simulated, TrustedHouse, ephor, eventually, folder, python, run, run_in, texts};
use serde_json::Value;

/// A house with a server that asks for certificates, and a stream in it.
pub(crate) struct Story {
    home: tempfile::TempDir,
    authority: PathBuf,
    own: (PathBuf, PathBuf),
    port: u16,
}

impl Story {
    pub(crate) fn new() -> Self {
        let home = folder();
        let house = TrustedHouse::new(&home.path().join("house"));
        let (certificate, key) = house.certificate("127.0.0.1");
        let own = house.certificate("ephor.example.com");
        let config = format!(
            "jetstream {{ store_dir: {:?} }}\nauthorization {{ user: ephor, password: \"pass-word\" }}\n\
             tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {:?}, verify: true }}\n",
            home.path().join("streams"),
            house.ca()
        );
        fs::write(home.path().join("nats.conf"), config).unwrap();
        Self { authority: house.ca(), own, port: ephor_e2e::free_port(), home }
    }

    pub(crate) fn server(&self) -> Receiver {
        let options = format!("-c {} -a 127.0.0.1 -p {}", self.home.path().join("nats.conf").display(), self.port);
        Receiver::nats(&self.home.path().join("server"), self.port, &options)
    }

    pub(crate) fn client(&self, what: &str) -> Command {
        let mut script = python("read_stream.py");
        script.arg(what).arg(format!("127.0.0.1:{}", self.port));
        script.arg(&self.authority).arg(&self.own.0).arg(&self.own.1);
        script
    }

    pub(crate) fn read(&self) -> Vec<Value> {
        let read = run_in(&mut self.client("read")).succeeded();
        read.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The server as ephor.toml names it.
    pub(crate) fn sink(&self) -> String {
        fs::write(self.home.path().join("password"), "pass-word").unwrap();
        format!(
            "format = \"raw\"\n[sink.nats]\naddress = \"127.0.0.1:{}\"\nsubject = \"claude\"\nstream = \"CLAUDE\"\nusername = \"ephor\"\n\
             password = \"file:{}\"\nrequire_tls = true\ntls = {{ ca = {:?}, certificate = {:?}, key = {:?} }}\n",
            self.port,
            self.home.path().join("password").display(),
            self.authority,
            self.own.0,
            self.own.1
        )
    }

    /// A data folder with activities and a sink to the server.
    fn data(&self, rows: u64) -> PathBuf {
        let data = self.home.path().join("data");
        run(&data, &["init"]).succeeded();
        run(&data, &["import", Simulated::of(rows).activities().to_str().unwrap()]).succeeded();
        let sink = format!(
            "\n[[sink]]\nname = \"stream\"\nallow_private = true\nretry_max_seconds = 0.2\nbatch_events = 100\n{}",
            self.sink()
        );
        let mut config = fs::OpenOptions::new().append(true).open(data.join("ephor.toml")).unwrap();
        config.write_all(sink.as_bytes()).unwrap();
        data
    }
}

fn expected(data: &Path, without: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let ids = texts(data, "select id from activities order by seq");
    let raws = texts(data, "select raw from activities order by seq");
    ids.into_iter().zip(raws).filter(|(_, raw)| !without(raw)).collect()
}

fn kept(messages: &[Value]) -> Vec<(String, String)> {
    let text = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
    messages.iter().map(|message| (text(message, "id"), text(message, "text"))).collect()
}

#[test]
fn a_stream_keeps_every_activity_once_and_knows_a_second_copy() {
    let story = Story::new();
    let _server = story.server();
    let data = story.data(1_200);
    let nobody_keeps_it = run(&data, &["export", "run", "--sink", "stream", "--once"]).failed_with(1);
    assert!(nobody_keeps_it.stdout.contains("no stream keeps this subject"), "{nobody_keeps_it:?}");
    // What is larger than the stream takes, headers included, becomes a dead letter.
    let raws = texts(&data, "select raw from activities order by seq");
    let longest = raws.iter().map(String::len).max().unwrap();
    run_in(story.client("make").arg((longest + 120).to_string())).succeeded();
    let too_large = r#"{"id":"activity_too_large","type":"api_key_created","created_at":"2026-06-01T00:00:00Z","actor":{"type":"user_actor"},"scopes":["SCOPES"]}"#;
    let line = too_large.replace("SCOPES", &"read ".repeat(longest / 5 + 20));
    let file = story.home.path().join("large.ndjson");
    fs::write(&file, line + "\n").unwrap();
    run(&data, &["import", file.to_str().unwrap()]).succeeded();

    let done = run(&data, &["export", "run", "--sink", "stream", "--once"]).json();
    assert_eq!((&done["sinks"][0]["delivered"], &done["sinks"][0]["rejected"]), (&1_200.into(), &1.into()), "{done}");
    let messages = story.read();
    assert!(kept(&messages) == expected(&data, |raw| raw.contains("activity_too_large")), "everything, once, in order");
    let first: Value = serde_json::from_str(messages[0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(messages[0]["subject"], format!("claude.activities.{}", first["type"].as_str().unwrap()));

    let again = run(&data, &["export", "replay", "stream", "--from-seq", "0", "--to-seq", "500"]).json();
    assert_eq!(story.read().len(), 1_200, "a replay within the stream's window adds nothing: {again}");
}

#[test]
fn a_server_killed_under_load_has_everything_once_and_in_order_in_the_end() {
    let story = Story::new();
    let mut server = story.server();
    let data = story.data(6_000);
    run_in(story.client("make").arg("-1")).succeeded();
    let mut sending = Sending::start(&data);
    let of = |status: Value| status[0]["delivered"].as_u64().unwrap_or_default();
    for so_many in [500, 2_000, 3_500] {
        eventually("part of it is delivered", || {
            Some(of(run(&data, &["export", "status"]).json())).filter(|delivered| *delivered >= so_many)
        });
        drop(server);
        server = story.server();
    }
    eventually("all is delivered", || {
        Some(of(run(&data, &["export", "status"]).json())).filter(|delivered| *delivered >= 6_000)
    });
    sending.stop();
    assert!(kept(&story.read()) == expected(&data, |_| false), "everything, once, in order");
}

/// `ephor export run` without an end.
struct Sending(Child);

impl Sending {
    fn start(data: &Path) -> Self {
        let mut command = ephor(["export", "run", "--sink", "stream", "--data-dir"]);
        Self(command.arg(data).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn stop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.stop();
    }
}
