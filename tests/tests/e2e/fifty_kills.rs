//! Every sink beside its receiver, one or the other killed at random moments while activities keep coming: all arrive, in order,
//! and a second copy has the same key. `EPHOR_KILLS=50` makes it fifty times for each; a usual run kills a few times.

use std::fs;
use std::path::Path;

use ephor_e2e::{Copies, End, Held, Receiver, Siege, TrustedHouse, Victim, folder, free_port, python, run_in};
use serde_json::Value;

use crate::jetstream;
use crate::objects::{bucket_at, ports};

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn told(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"))
}

/// A record in the format `raw`.
fn raw(text: &str) -> Held {
    Held { key: told(text)["id"].as_str().unwrap().to_owned(), text: Some(text.to_owned()) }
}

/// A record of which only the key is compared.
fn known_by(key: &Value) -> Held {
    Held { key: key.as_str().unwrap().to_owned(), text: None }
}

#[test]
fn a_file_has_every_activity_once() {
    let home = folder();
    let file = home.path().join("out.ndjson");
    let siege = Siege {
        what: "file",
        sink: format!("format = \"raw\"\nbatch_events = 20\nbatch_seconds = 0.05\nfile = {{ path = {file:?} }}"),
        start: &|| None,
        victim: Victim::Ephor,
        held: &|| vec![lines(&file).iter().map(|line| raw(line)).collect()],
        copies: Copies::One,
    };
    siege.run(20_261_201);
}

/// Syslog has no acknowledgement: what lies in a connection when both ends of it die, one soon after the other, is lost, and no
/// sender can know. So one of them is killed.
fn rsyslog(victim: Victim, seed: u64) {
    let home = folder();
    let (place, port) = (home.path().join("rsyslog"), free_port());
    let siege = Siege {
        what: "syslog over TCP to rsyslog",
        sink: format!(
            "format = \"raw\"\nbatch_events = 20\nbatch_seconds = 0.05\nsyslog = {{ address = \"127.0.0.1:{port}\", max_bytes = 65000 }}"
        ),
        start: &|| Some(Receiver::rsyslog_at(&place, port, "module(load=\"imtcp\")", "type=\"imtcp\"")),
        victim,
        held: &|| {
            let message = |line: &String| raw(line.split_once('\t').unwrap().1.trim_start());
            vec![lines(&place.join("received")).iter().map(message).collect()]
        },
        copies: Copies::SameKey,
    };
    siege.run(seed);
}

#[test]
fn rsyslog_has_every_activity_of_an_ephor_that_is_killed() {
    rsyslog(Victim::Ephor, 20_261_202);
}

#[test]
fn an_rsyslog_that_is_killed_has_every_activity() {
    rsyslog(Victim::Receiver(End::Kill), 20_261_212);
}

fn a_collector(protocol: &str, seed: u64) {
    let home = folder();
    let (place, port) = (home.path().join(protocol), free_port());
    fs::create_dir(&place).unwrap();
    fs::write(home.path().join("tenant"), "tenant-secret").unwrap();
    let siege = Siege {
        what: &format!("OTLP over {protocol} to OpenTelemetry's classes"),
        sink: format!(
            "batch_events = 20\nbatch_seconds = 0.05\n[sink.otlp]\nurl = \"http://127.0.0.1:{port}\"\nprotocol = \"{protocol}\"\n\
             secret_header = \"x-tenant\"\nsecret = \"file:{}\"",
            home.path().join("tenant").display()
        ),
        start: &|| {
            let mut script = python("receive_otlp.py");
            script.arg(protocol).arg(&place).arg("nothing is poison").arg(port.to_string());
            Some(Receiver::listening(&place, port, script))
        },
        victim: Victim::Either(End::Kill),
        held: &|| vec![lines(&place.join("received")).iter().map(|line| known_by(&told(line)["uid"])).collect()],
        copies: Copies::SameKey,
    };
    siege.run(seed);
}

#[test]
fn a_collector_has_every_activity_over_http() {
    a_collector("http", 20_261_203);
}

#[test]
fn a_collector_has_every_activity_over_grpc() {
    a_collector("grpc", 20_261_204);
}

#[test]
fn a_stream_has_every_activity_once() {
    let story = jetstream::Story::new();
    drop({
        let server = story.server();
        run_in(story.client("make").arg("-1")).succeeded();
        server
    });
    let siege = Siege {
        what: "NATS JetStream",
        sink: format!("batch_events = 20\nbatch_seconds = 0.05\n{}", story.sink()),
        start: &|| Some(story.server()),
        victim: Victim::Either(End::Kill),
        held: &|| {
            let text = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
            let held = |message: Value| Held { key: text(&message, "id"), text: Some(text(&message, "text")) };
            vec![story.read().into_iter().map(held).collect()]
        },
        copies: Copies::One,
    };
    siege.run(20_261_205);
}

#[test]
fn a_topic_has_every_activity() {
    let home = folder();
    let house = TrustedHouse::new(&home.path().join("house"));
    let (certificate, key) = house.certificate("127.0.0.1");
    let (broker, door) = (free_port(), free_port());
    let mut serve = python("kafka_broker.py");
    serve.arg("serve").arg(broker.to_string()).arg(format!("127.0.0.1:{door}"));
    let _broker = Receiver::listening(&home.path().join("broker"), broker, serve);
    let place = home.path().join("door");
    let open = || {
        let mut relay = python("kafka_broker.py");
        relay.arg("relay").arg(&place).arg(&certificate).arg(&key).arg(broker.to_string()).arg(door.to_string());
        Receiver::listening(&place, door, relay)
    };
    let client = |what: &str| {
        let mut script = python("kafka_broker.py");
        script.arg(what).arg(format!("127.0.0.1:{door}")).arg(house.ca()).arg("claude");
        run_in(&mut script).succeeded().stdout
    };
    let first = open();
    client("make");
    drop(first);
    // Tansu has its topics in memory, so the door before it is what gets killed: every connection breaks in the middle.
    let siege = Siege {
        what: "Kafka, the door before Tansu",
        sink: format!(
            "format = \"raw\"\nbatch_events = 20\nbatch_seconds = 0.05\n[sink.kafka]\nbrokers = [\"127.0.0.1:{door}\"]\ntopic = \"claude\"\ntls = {{ ca = {:?} }}",
            house.ca()
        ),
        start: &|| Some(open()),
        victim: Victim::Either(End::Kill),
        held: &|| {
            let held = |line: &str| {
                let message = told(line);
                let text = |name: &str| message[name].as_str().unwrap().to_owned();
                Held { key: text("key"), text: Some(text("value")) }
            };
            vec![client("read").lines().map(held).collect()]
        },
        copies: Copies::SameKey,
    };
    siege.run(20_261_206);
}

#[test]
fn a_bucket_has_every_activity_once() {
    let home = folder();
    let (place, ports) = (home.path().join("bucket"), ports());
    let [s3, filer, ..] = ports;
    for (name, secret) in [("id", "key-id"), ("key", "secret-key")] {
        fs::write(home.path().join(name), secret).unwrap();
    }
    let address = format!("http://127.0.0.1:{filer}/buckets/audit/");
    let start = || bucket_at(&place, ports);
    let first = start();
    run_in(python("read_objects.py").args(["make", &address])).succeeded();
    first.terminate();
    let siege = Siege {
        what: "S3 of SeaweedFS",
        sink: format!(
            "format = \"raw\"\nbatch_events = 200\nbatch_seconds = 0.3\n[sink.objects]\nurl = \"s3://audit/claude\"\nendpoint = \"http://127.0.0.1:{s3}\"\n\
             region = \"us-east-1\"\naccess_key_id = \"file:{}\"\nsecret_access_key = \"file:{}\"",
            home.path().join("id").display(),
            home.path().join("key").display()
        ),
        start: &|| Some(start()),
        victim: Victim::Either(End::Kill),
        held: &|| {
            let fetched = home.path().join("fetched");
            let mut script = python("held.py");
            script.arg("bucket").arg(format!("{address}claude/")).arg(fetched);
            let record = |one: &Value| raw(one["text"].as_str().unwrap());
            let object = |line: &str| told(line).as_array().unwrap().iter().map(record).collect();
            run_in(&mut script).succeeded().stdout.lines().map(object).collect()
        },
        copies: Copies::One,
    };
    siege.run(20_261_207);
}

#[test]
fn an_index_has_every_activity_once() {
    let home = folder();
    let (place, port) = (home.path().join("cluster"), free_port());
    let address = format!("http://127.0.0.1:{port}");
    // noida-db writes its documents down a moment after it has answered for them, also when it is asked to end: what it loses then,
    // nobody could send again. So Ephor alone is killed.
    let siege = Siege {
        what: "_bulk of noida-db",
        sink: format!(
            "batch_events = 20\nbatch_seconds = 0.05\n[sink.elastic]\nurl = \"{address}\"\nindex = \"claude\""
        ),
        start: &|| Some(Receiver::noida(&place, port)),
        victim: Victim::Ephor,
        held: &|| {
            let read = run_in(python("held.py").args(["index", &address, "claude"])).succeeded();
            vec![read.stdout.lines().map(|line| known_by(&told(line)["key"])).collect()]
        },
        copies: Copies::One,
    };
    siege.run(20_261_208);
}

/// A stand-in that writes a body down before it answers.
fn a_receiver_of_posts(what: &str, sink: impl Fn(u16) -> String, held: &dyn Fn(&str) -> Held, seed: u64) {
    let home = folder();
    let (place, port) = (home.path().join(what), free_port());
    fs::create_dir(&place).unwrap();
    let siege = Siege {
        what: &format!("{what}, a stand-in"),
        sink: sink(port),
        start: &|| {
            let mut script = python("receive_posts.py");
            script.arg(what).arg(&place).arg(port.to_string());
            Some(Receiver::listening(&place, port, script))
        },
        victim: Victim::Either(End::Kill),
        held: &|| vec![lines(&place.join("received")).iter().map(|line| held(line)).collect()],
        copies: Copies::SameKey,
    };
    siege.run(seed);
}

#[test]
fn a_webhook_has_every_activity() {
    let sink = |port| {
        format!(
            "format = \"raw\"\nbatch_events = 20\nbatch_seconds = 0.05\nwebhook = {{ url = \"http://127.0.0.1:{port}/\" }}"
        )
    };
    a_receiver_of_posts("webhook", sink, &raw, 20_261_209);
}

#[test]
fn an_indexer_that_forgets_what_it_has_not_acknowledged_has_every_activity_in_the_end() {
    let home = folder();
    fs::write(home.path().join("token"), "token").unwrap();
    let sink = |port| {
        format!(
            "format = \"raw\"\nbatch_events = 200\nbatch_seconds = 0.05\n[sink.splunk_hec]\nurl = \"http://127.0.0.1:{port}\"\ntoken = \"file:{}\"\n\
             acknowledge = true\nacknowledge_seconds = 1\nask_seconds = 0.05",
            home.path().join("token").display()
        )
    };
    let held = |line: &str| known_by(&told(line)["fields"]["event_id"]);
    a_receiver_of_posts("hec", sink, &held, 20_261_210);
}

#[test]
fn a_collector_of_another_house_has_every_activity() {
    let home = folder();
    let (place, port) = (home.path().join("collector"), free_port());
    fs::write(home.path().join("token"), "token").unwrap();
    let received = place.join("received");
    let collect = format!(
        "accept_splunk \"127.0.0.1:{port}\", hec_token=\"token\"\nto_file {received:?}, append=true {{ write_ndjson }}"
    );
    // It answers before it has written: one that is killed has lost what it acknowledged.
    let siege = Siege {
        what: "HEC of Tenzir",
        sink: format!(
            "format = \"raw\"\nbatch_events = 20\nbatch_seconds = 0.05\n[sink.splunk_hec]\nurl = \"http://127.0.0.1:{port}\"\ntoken = \"file:{}\"",
            home.path().join("token").display()
        ),
        start: &|| Some(Receiver::tenzir(&place, port, &collect)),
        victim: Victim::Either(End::Terminate),
        held: &|| vec![lines(&received).iter().map(|line| known_by(&told(line)["fields"]["event_id"])).collect()],
        copies: Copies::SameKey,
    };
    siege.run(20_261_211);
}
