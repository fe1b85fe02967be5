//! Content never lands: whatever door it comes to, no byte of it is stored, served or logged.

use std::fs;
use std::path::{Path, PathBuf};

use ephor_e2e::{Node, folder, run, sql};
use serde_json::json;

const CANARY: &str = "canary-7f3c-the-quarterly-numbers";

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn with_content(number: usize) -> String {
    let mut row = json!({
        "id": format!("activity_content_{number}"),
        "created_at": "2026-05-01T00:00:00Z",
        "type": "claude_chat_created",
        "organization_id": null,
        "organization_uuid": null,
        "actor": {"type": "user_actor", "user_id": "user_1", "email_address": "ada@example.com", "ip_address": "10.0.0.1", "user_agent": "x"},
        "claude_chat_id": "claude_chat_1",
    });
    let field = [
        "prompt",
        "response",
        "message_text",
        "chat_title",
        "tool_input",
        "tool_parameters",
        "request_body",
        "file_content",
    ];
    row[field[number % field.len()]] = json!(CANARY);
    row["details"] = json!({"deep": [{"prompt": CANARY, "messages": [{"content": CANARY}]}]});
    row.to_string()
}

fn is_nowhere(data: &Path) {
    for file in files_below(data) {
        let bytes = fs::read(&file).unwrap();
        let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!found, "content in {}", file.display());
    }
    // What lies compressed in Parquet is read back through SQL.
    let rows = sql(data, &format!("select count(*) as n from activities where raw like '%{CANARY}%'"));
    assert_eq!(rows[0]["n"], 0);
}

#[test]
fn an_import_loses_content_at_the_door_and_keeps_the_rest() {
    let home = folder();
    let data = home.path().join("data");
    let file = home.path().join("with-content.ndjson");
    fs::write(&file, (0..16).map(with_content).collect::<Vec<_>>().join("\n")).unwrap();
    let done = run(&data, &["import", file.to_str().unwrap()]);
    assert_eq!(done.json()["added"], 16);
    assert!(
        !done.stderr.contains(CANARY) && done.stderr.contains("prompt"),
        "the drop is told without the content: {done:#?}"
    );
    is_nowhere(&data);
    let kept = sql(&data, "select raw from activities where id = 'activity_content_0'").remove(0);
    assert!(kept["raw"].as_str().unwrap().contains("claude_chat_1"));
    // The same content again is the same activity: stripping comes before comparing.
    assert_eq!(run(&data, &["import", file.to_str().unwrap()]).json()["duplicates"], 16);
}

#[test]
fn a_push_loses_content_at_the_door_and_it_is_counted() {
    let home = folder();
    let data = home.path().join("data");
    let node = Node::demo(&data, ["--users", "20", "--days", "5", "--activities", "300"]);
    let body = (0..8).map(with_content).collect::<Vec<_>>().join("\n");
    node.client("write").post("/ephor/v1/activities", "application/x-ndjson", body).ok();
    let served = node.client("compliance").get("/v1/compliance/activities?limit=5000");
    assert!(served.body.contains("activity_content_0") && !served.body.contains(CANARY));
    let metrics = node.client("admin").get("/metrics").body;
    assert!(
        metrics.lines().any(|line| line.starts_with("ephor_content_fields_stripped_total") && line.contains("prompt")),
        "{metrics}"
    );
    assert!(!node.log().contains(CANARY));
    drop(node);
    is_nowhere(&data);
}

#[test]
fn the_content_paths_are_refused_with_the_rule() {
    let home = folder();
    let node = Node::demo(&home.path().join("data"), ["--users", "20", "--days", "5", "--activities", "300"]);
    let client = node.client("compliance");
    for path in [
        "/v1/compliance/apps/chats",
        "/v1/compliance/apps/chats/claude_chat_1",
        "/v1/compliance/apps/chats/claude_chat_1/messages",
        "/v1/compliance/apps/chats/files/claude_file_1/content",
        "/v1/compliance/apps/projects/claude_proj_1",
        "/v1/compliance/apps/projects/claude_proj_1/attachments",
        "/v1/compliance/apps/projects/documents/claude_proj_doc_1",
        "/v1/compliance/apps/artifacts/version_1/content",
        "/v1/compliance/apps/sessions/local",
        "/v1/compliance/apps/sessions/remote/cse_1/messages",
    ] {
        let answer = client.get(path);
        assert_eq!(answer.refused(403), "permission_error", "{path}");
        let said = answer.json()["error"]["message"].as_str().unwrap().to_lowercase();
        assert!(said.contains("metadata") || said.contains("content"), "{path}: {said}");
    }
}
