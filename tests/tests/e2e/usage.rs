//! Usage events of one's own: pushed and imported, each with its result, each once.

use std::fs;

use ephor_e2e::{Client, Node, folder, run, sql};
use serde_json::{Value, json};

use crate::keys::secret_of;

fn event(number: usize) -> Value {
    json!({
        "id": format!("event_{number}"), "time": "2026-11-20T09:00:00Z", "surface": "chat", "kind": "message",
        "user_id": "user_1", "conversation_id": format!("c{}", number % 3), "team": "blue", "prompt": "SECRET WORDS",
    })
}

#[test]
fn pushed_events_are_answered_one_by_one_and_stored_once() {
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["init"]).succeeded();
    let node = Node::up(&data, Vec::<&str>::new());
    let key = run(&data, &["keys", "create", "--name", "usage", "--scope", "write:usage"]).json();
    let client = Client::new(node.address(), secret_of(&key));
    // Recording of activities is off: that is another switch.
    let mixed = format!("{}\nnot json\n{}\n{}", event(1), json!({"id": "e", "surface": "chat"}), event(2));
    let first = client.post("/ephor/v1/usage", "application/x-ndjson", mixed.clone()).ok();
    let told: Vec<&str> =
        first["results"].as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(told, ["added", "rejected", "rejected", "added"]);
    assert_eq!(first["results"][2]["reason"], "`time` is missing");
    let mut changed = event(2);
    changed["count"] = json!(7);
    let again = client.post("/ephor/v1/usage", "application/json", json!([event(1), changed]).to_string()).ok();
    assert_eq!((again["duplicates"].as_u64(), again["conflicts"].as_u64()), (Some(1), Some(1)), "{again}");
    assert_eq!(client.post("/ephor/v1/usage", "application/json", "[{}]").refused(422), "invalid_request_error");
    let rows = sql(&data, "select * from usage_events order by seq");
    assert_eq!((rows.len(), rows[0]["source"].as_str()), (2, Some("push")));
    assert!(!json!(rows).to_string().contains("SECRET") && !node.log().contains("SECRET"));
}

#[test]
fn files_of_events_come_in_packed_or_not_and_bad_lines_are_told() {
    let home = folder();
    let data = home.path().join("data");
    let file = home.path().join("usage.ndjson");
    let mut lines: Vec<String> = (0..500).map(|number| event(number).to_string()).collect();
    lines.insert(2, "{\"id\":\"cut".to_owned());
    lines.insert(4, json!({"id": "bad", "time": "2026-11-20", "surface": "chat", "kind": "message"}).to_string());
    fs::write(&file, lines.join("\n")).unwrap();
    let path = file.to_str().unwrap();
    let first = run(&data, &["import", "--usage", path]);
    let told = first.json();
    assert_eq!(
        (told["read"].as_u64(), told["added"].as_u64(), told["rejected"].as_u64()),
        (Some(502), Some(500), Some(2))
    );
    assert!(first.stderr.contains("prompt") && !first.stderr.contains("SECRET"), "{first:#?}");
    let rejects = fs::read_to_string(home.path().join("usage.ndjson.rejects.ndjson")).unwrap();
    let places: Vec<i64> =
        rejects.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].as_i64().unwrap()).collect();
    assert_eq!(places, [3, 5], "{rejects}");

    for (tool, name) in [("gzip", "usage.gz"), ("zstd", "usage.zst")] {
        let packed = home.path().join(name);
        let output = std::process::Command::new(tool).arg("-c").arg(&file).output().unwrap();
        fs::write(&packed, output.stdout).unwrap();
        let again = run(&data, &["import", "--usage", packed.to_str().unwrap()]).json();
        assert_eq!((again["added"].as_u64(), again["duplicates"].as_u64()), (Some(0), Some(500)), "{name}");
    }
    let array = home.path().join("usage.json");
    fs::write(&array, json!([event(1000), event(1001)]).to_string()).unwrap();
    assert_eq!(run(&data, &["import", "--usage", array.to_str().unwrap()]).json()["added"], 2);
    let row = sql(&data, "select attributes, conversation_id from usage_events where id = 'event_7'").remove(0);
    assert_eq!((row["attributes"].as_str(), row["conversation_id"].as_str()), (Some(r#"{"team":"blue"}"#), Some("c1")));
}
