//! Objects in a folder and in a bucket: DuckDB reads them, and each record is in one of them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process;

use ephor_e2e::{Receiver, Simulated, folder, killed_again_and_again, python, run, run_in, texts};
use serde_json::Value;

fn with_sink(data: &Path, sink: &str) {
    let mut config = fs::OpenOptions::new().create(true).append(true).open(data.join("ephor.toml")).unwrap();
    config.write_all(sink.as_bytes()).unwrap();
}

fn lake_sink(name: &str, place: &Path) -> String {
    format!(
        "\n[[sink]]\nname = \"{name}\"\nbatch_events = 700\n[sink.objects]\nurl = \"file://{}\"\nlayout = \"security-lake\"\nregion = \"eu-west-1\"\n",
        place.display()
    )
}

fn read(layout: &str, place: &Path) -> Value {
    run_in(python("read_objects.py").arg(layout).arg(place)).json()
}

/// Every file below a folder, with its bytes.
fn files(place: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![place.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                // What a killed run was about to write is hidden, and nobody reads it.
                false if entry.file_name().unwrap().as_encoded_bytes().starts_with(b".") => {}
                false => found.push((entry.strip_prefix(place).unwrap().to_path_buf(), fs::read(&entry).unwrap())),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn duckdb_reads_security_lake_with_the_same_columns_whatever_the_records_say() {
    let home = folder();
    let data = home.path().join("data");
    let types = Simulated::make(&["--seed", "7", "--users", "12", "--days", "1", "--all-types"]);
    run(&data, &["import", types.activities().to_str().unwrap()]).succeeded();
    let strange = home.path().join("strange.ndjson");
    fs::write(&strange, "{\"id\":\"activity_new\",\"type\":\"quantum_relay_rotated\",\"created_at\":\"2026-06-01T00:00:00Z\",\"actor\":{\"type\":\"guest_actor\",\"badge\":7},\"relay\":{\"spin\":[1,null]}}\n").unwrap();
    run(&data, &["import", strange.to_str().unwrap()]).succeeded();
    run(&data, &["detect"]).succeeded();
    let place = home.path().join("lake");
    with_sink(&data, &lake_sink("lake", &place));
    let done = run(&data, &["export", "run", "--sink", "lake", "--once"]).json();
    assert_eq!(done["sinks"][0]["rejected"], 0, "{done}");
    let sources = read("lake", &place);
    let sources = sources.as_object().unwrap();
    assert!(sources.len() >= 8, "{:?}", sources.keys());
    let mut ids: Vec<&str> = Vec::new();
    for (name, source) in sources {
        let class = source["classes"][0].as_i64().unwrap();
        assert_eq!(
            (name.as_str(), source["classes"].as_array().unwrap().len()),
            (format!("claude-{class}").as_str(), 1)
        );
        assert_eq!(source["partitions"], serde_json::json!([["eu-west-1", "external"]]), "{name}");
        assert_eq!(source["compression"], serde_json::json!(["ZSTD"]), "{name}");
        for promise in ["days_fit", "sorted", "unmapped_is_json"] {
            assert_eq!(source[promise], true, "{name}: {promise}");
        }
        let columns: Vec<(&str, &str)> = source["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        for column in [("class_uid", "INTEGER"), ("time", "BIGINT"), ("type_uid", "BIGINT"), ("unmapped", "VARCHAR")] {
            assert!(columns.contains(&column), "{name}: {columns:?}");
        }
        ids.extend(source["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()));
    }
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each record in one file");
    let activities = texts(&data, "select id from activities");
    let exported: BTreeSet<&str> = ids.iter().copied().filter(|id| id.starts_with("activity_")).collect();
    assert_eq!(exported, activities.iter().map(String::as_str).collect());
    let found = run(&data, &["findings", "list"]).json().as_array().unwrap().len();
    assert_eq!(sources["claude-2004"]["rows"].as_u64().unwrap(), found as u64);
}

#[test]
fn objects_of_an_export_killed_again_and_again_are_those_of_one_that_was_not() {
    let truth = Simulated::of(3_000);
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["import", truth.activities().to_str().unwrap()]).succeeded();
    let sink = |place: &Path| {
        let name = place
            .parent()
            .unwrap()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "");
        let file = data.join("ephor.toml");
        let known = fs::read_to_string(&file).unwrap_or_default();
        if !known.contains(&format!("\"{name}\"")) {
            with_sink(&data, &lake_sink(&name, place));
        }
        let mut command = ephor_e2e::ephor(["export", "run", "--sink", &name, "--once", "--data-dir"]);
        command.arg(&data);
        command
    };
    let whole = home.path().join("whole/objects");
    run_in(&mut sink(&whole)).succeeded();
    let expected = files(&whole);
    assert!(expected.len() > 20, "{}", expected.len());
    killed_again_and_again(10, 20_261_126, sink, |place| {
        assert!(files(place) == expected, "other objects than those of an export that was not killed");
    });
}

/// Ports for the parts of SeaweedFS, each of which takes a second one, ten thousand above the first. All lie below those that
/// the system gives to clients: a client that waits for a server at one of these would now and then connect to itself.
pub(crate) fn ports() -> [u16; 4] {
    let free = |port: u16| {
        let listen = |port: u16| TcpListener::bind(("127.0.0.1", port)).ok();
        Some((port, listen(port)?, listen(port + 10_000)?))
    };
    let begin = 10_000 + (process::id() * 16 % 12_000) as u16;
    let held: Vec<_> = (begin..22_000).chain(10_000..begin).filter_map(free).take(4).collect();
    [0, 1, 2, 3].map(|place| held[place].0)
}

/// SeaweedFS with one user and one bucket.
fn bucket(home: &Path) -> (Receiver, u16, u16) {
    let [s3, filer, master, volume] = ports();
    (bucket_at(home, [s3, filer, master, volume]), s3, filer)
}

/// The same at these ports, where it can be started again: of S3, of the filer, and two more.
pub(crate) fn bucket_at(home: &Path, [s3, filer, master, volume]: [u16; 4]) -> Receiver {
    fs::create_dir_all(home.join("volumes")).unwrap();
    let users = r#"{"identities":[{"name":"ephor","credentials":[{"accessKey":"key-id","secretKey":"secret-key"}],"actions":["Admin"]}]}"#;
    fs::write(home.join("s3.json"), users).unwrap();
    let options = format!(
        "server -dir={} -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.port={master} -volume.port={volume} -volume.max=10 -filer -filer.port={filer} -s3 -s3.port={s3} -s3.config={}",
        home.join("volumes").display(),
        home.join("s3.json").display()
    );
    Receiver::seaweedfs(home, s3, &options)
}

/// What is in the bucket, fetched past S3 and read by DuckDB.
fn downloaded(filer: u16, to: &Path) -> Value {
    let address = format!("http://127.0.0.1:{filer}/buckets/audit/claude/");
    run_in(python("read_objects.py").arg("bucket").arg(to).arg(address)).json()
}

#[test]
fn a_bucket_gets_each_object_once_under_a_name_that_says_what_is_in_it() {
    let home = folder();
    let data = home.path().join("data");
    let truth = Simulated::of(1_500);
    run(&data, &["import", truth.activities().to_str().unwrap()]).succeeded();
    let (_server, s3, filer) = bucket(&home.path().join("bucket"));
    run_in(python("read_objects.py").args(["make", &format!("http://127.0.0.1:{filer}/buckets/audit/")])).succeeded();
    fs::write(home.path().join("id"), "key-id").unwrap();
    fs::write(home.path().join("key"), "secret-key").unwrap();
    let sink = |name: &str, key: &str| {
        format!(
            "\n[[sink]]\nname = \"{name}\"\nformat = \"raw\"\nallow_private = true\nbatch_events = 400\nretry_max_seconds = 0.05\n[sink.objects]\nurl = \"s3://audit/claude\"\n\
             endpoint = \"http://127.0.0.1:{s3}\"\nregion = \"us-east-1\"\naccess_key_id = \"file:{}\"\nsecret_access_key = \"file:{}\"\n",
            home.path().join("id").display(),
            home.path().join(key).display()
        )
    };
    with_sink(&data, &sink("bucket", "key"));
    with_sink(&data, &sink("stranger", "id"));
    let refused = run(&data, &["export", "run", "--sink", "stranger", "--once"]).failed_with(1);
    assert!(refused.stdout.contains("403") && !refused.stdout.contains("secret-key"), "{refused:?}");
    run(&data, &["export", "run", "--sink", "bucket", "--once"]).succeeded();
    let lines = downloaded(filer, &home.path().join("downloaded"));
    assert_eq!(lines["ids"], serde_json::json!(texts(&data, "select id from activities order by id")));
    assert_eq!(lines["days_fit"], true);
    // The same again meets what is there.
    let replay = ["export", "replay", "bucket", "--from-seq", "0", "--to-seq", "1500"];
    run(&data, &replay).succeeded();
    assert_eq!(downloaded(filer, &home.path().join("again")), lines);
    // What somebody else has put under a name is not written over.
    let (name, _) = files(&home.path().join("again")).swap_remove(0);
    let foreign = format!("http://127.0.0.1:{filer}/buckets/audit/claude/{}", name.display());
    run_in(python("read_objects.py").args(["replace", &foreign])).succeeded();
    let refused = run(&data, &replay).failed_with(1);
    assert!(refused.stderr.contains("holds something else"), "{refused:?}");
    let url = format!("http://127.0.0.1:{filer}/buckets/audit/claude/");
    let place = home.path().join("after");
    run_in(python("read_objects.py").arg("bucket").arg(&place).arg(url)).failed_with(1);
    assert_eq!(fs::read(place.join(&name)).unwrap(), b"something else");
}
