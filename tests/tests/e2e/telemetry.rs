//! OpenTelemetry: the SDK for Python exports over HTTP and gRPC what Claude Code exports, and the lake holds it once.

use std::fs;
use std::path::{Path, PathBuf};

use ephor_e2e::{Client, Node, folder, python, run, run_in, sql};
use serde_json::{Value, json};

use crate::keys::secret_of;

const MARKER: &str = "MARKER-WHAT-SOMEBODY-TYPED";

/// A key that may send usage.
fn sender(data: &Path) -> String {
    let key = run(data, &["keys", "create", "--name", "telemetry", "--scope", "write:usage"]).json();
    secret_of(&key).to_owned()
}

fn node(data: &Path) -> Node {
    run(data, &["init"]).succeeded();
    Node::up(data, Vec::<&str>::new())
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn number(row: &Value, column: &str) -> i64 {
    row[column].as_i64().unwrap_or_else(|| panic!("no number `{column}` in {row}"))
}

#[test]
fn the_opentelemetry_sdk_exports_over_both_protocols_and_everything_counts_once() {
    let home = folder();
    let data = home.path().join("data");
    let up = node(&data);
    let key = sender(&data);
    let mut script = python("send_telemetry.py");
    script.arg(home.path()).env("EPHOR_ADDRESS", up.address()).env("WRITE_KEY", &key).env("MARKER", MARKER);
    let done = run_in(&mut script).succeeded();
    assert!(!done.stderr.contains("ERROR") && !done.stderr.contains("Failed"), "{done:#?}");

    let kinds =
        "select kind, count(*) as n from usage_events where session_id = 'session-events' group by kind order by kind";
    let counted: Vec<(String, i64)> =
        sql(&data, kinds).iter().map(|row| (row["kind"].as_str().unwrap().to_owned(), number(row, "n"))).collect();
    let expected = [
        ("api_request", 1),
        ("connector_used", 1),
        ("message", 1),
        ("other", 3),
        ("plugin_installed", 1),
        ("plugin_used", 1),
        ("skill_used", 1),
        ("tool_result", 2),
        ("web_search", 1),
    ];
    assert_eq!(counted, expected.map(|(kind, n)| (kind.to_owned(), n)));

    let request = sql(&data, "select * from usage_events where kind = 'api_request'").remove(0);
    let shown = ["surface", "organization_uuid", "user_id", "user_email", "model", "request_id", "source", "speed"];
    let told: Vec<&str> = shown.iter().map(|column| request[*column].as_str().unwrap_or_default()).collect();
    assert_eq!(
        told,
        [
            "claude_code",
            "11111111-1111-4111-8111-111111111111",
            "user_ada",
            "ada@example.com",
            "model-1",
            "req_1",
            "otlp",
            "standard"
        ]
    );
    for (column, expected) in [
        ("input_tokens", 11),
        ("output_tokens", 22),
        ("cache_read_tokens", 33),
        ("cache_creation_5m_tokens", 44),
        ("cost_nano_usd", 500_000_000),
    ] {
        assert_eq!(number(&request, column), expected, "{column}");
    }

    let sums = |session: &str| {
        let what = format!(
            "select coalesce(sum(case when kind = 'commit' then count end), 0) as commits, \
             coalesce(sum(case when kind = 'lines_of_code' and detail = 'added' then count end), 0) as added, \
             coalesce(sum(input_tokens), 0) as tokens, coalesce(sum(cost_nano_usd), 0) as cost \
             from usage_events where session_id = '{session}'"
        );
        let row = sql(&data, &what).remove(0);
        ["commits", "added", "tokens", "cost"].map(|column| number(&row, column))
    };
    assert_eq!(sums("session-delta"), [3, 30, 300, 750_000_000]);
    // Three rounds of the first exporter and two of the one after its restart.
    assert_eq!(sums("session-totals"), [10, 0, 0, 5 * 125_000_000]);
    assert!(sql(&data, "select * from usage_conflicts").is_empty());

    up.interrupt();
    for file in files(&data) {
        let bytes = fs::read(&file).unwrap();
        let found = bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes());
        assert!(!found, "what somebody typed is in {}", file.display());
    }
    let rows = sql(&data, "select * from usage_events");
    assert!(!json!(rows).to_string().contains(MARKER));

    running_totals_go_on_where_they_stood_when_ephor_was_restarted(&data, home.path(), &key);
}

fn running_totals_go_on_where_they_stood_when_ephor_was_restarted(data: &Path, exports: &Path, key: &str) {
    let send = |node: &Node, number: usize| {
        let body = fs::read(exports.join(format!("totals-{number}.bin"))).unwrap();
        let answer = Client::new(node.address(), key).post("/v1/metrics", "application/x-protobuf", body);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-protobuf")), "{answer:?}");
    };
    let before = Node::up(data, Vec::<&str>::new());
    send(&before, 0);
    send(&before, 1);
    // Killed: nothing is tidied up.
    drop(before);
    let after = Node::up(data, Vec::<&str>::new());
    for number in [1, 3, 2, 0] {
        send(&after, number);
    }
    let commits =
        "select sum(count) as n from usage_events where session_id = 'session-across-a-restart' and kind = 'commit'";
    assert_eq!(number(&sql(data, commits)[0], "n"), 8);
}

#[test]
fn failures_are_told_as_otlp_tells_them() {
    let home = folder();
    let data = home.path().join("data");
    let up = node(&data);
    let key = sender(&data);
    let reader = run(&data, &["keys", "create", "--name", "reader", "--scope", "read:analytics"]).json();
    let client = Client::new(up.address(), &key);
    let none = Client::without_key(up.address());
    let other = Client::new(up.address(), secret_of(&reader));
    for (story, answer, status, code) in [
        ("no key", none.post("/v1/logs", "application/json", "{}"), 401, 16),
        ("no scope", other.post("/v1/logs", "application/json", "{}"), 403, 7),
        ("no JSON", client.post("/v1/logs", "application/json", "{"), 400, 3),
        ("no OTLP", client.post("/v1/metrics", "application/json", "[]"), 400, 3),
        ("another type", client.post("/v1/metrics", "text/plain", "x"), 415, 3),
    ] {
        assert_eq!((answer.status, answer.json()["code"].as_i64()), (status, Some(code)), "{story}: {answer:?}");
        assert!(answer.json()["message"].as_str().is_some_and(|message| !message.is_empty()), "{story}");
    }
    assert_eq!(client.post("/v1/logs", "application/json", "{}").ok(), json!({}));
    let refused = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [{ "timeUnixNano": "1", "body": { "stringValue": MARKER } }] }] }] });
    let partial = client.post("/v1/logs", "application/json", refused.to_string()).ok();
    assert_eq!(partial["partialSuccess"]["rejectedLogRecords"], "1", "{partial}");
    assert!(!up.log().contains(MARKER));
}
