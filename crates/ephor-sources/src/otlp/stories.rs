//! Stories about what becomes of records and points: every event and metric of the page, and what is not on it.
//! Promises the snapshots to be what lies in the lake afterwards.
//! Never needs a lake: the decoders are plain functions.

#![allow(clippy::unwrap_used)]

use ephor_wire::usage::UsageEvent;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::usage::UsageDoor;

/// 2026-11-23T12:00:00Z in nanoseconds.
const NOON: u64 = 1_795_435_200_000_000_000;

fn attributes(fields: &Value) -> Value {
    let any = |value: &Value| match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Bool(truth) => json!({ "boolValue": truth }),
        Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::Array(items) => {
            json!({ "arrayValue": { "values": items.iter().map(|item| json!({ "stringValue": item })).collect::<Vec<_>>() } })
        }
        _ => json!({}),
    };
    fields.as_object().unwrap().iter().map(|(key, value)| json!({ "key": key, "value": any(value) })).collect()
}

fn record(fields: &Value) -> Value {
    json!({ "timeUnixNano": NOON.to_string(), "attributes": attributes(fields) })
}

fn logs_of(resource: &Value, records: &[Value]) -> ExportLogsServiceRequest {
    let body = json!({ "resourceLogs": [{
        "resource": { "attributes": attributes(resource) },
        "scopeLogs": [{ "scope": { "name": "com.anthropic.claude_code.events" }, "logRecords": records }],
    }]});
    logs_request(body.to_string().as_bytes(), OtlpEncoding::Json).unwrap()
}

fn metrics_of(metrics: &Value) -> ExportMetricsServiceRequest {
    let body = json!({ "resourceMetrics": [{
        "resource": { "attributes": attributes(&json!({ "service.name": "claude-code" })) },
        "scopeMetrics": [{ "scope": { "name": "com.anthropic.claude_code" }, "metrics": metrics }],
    }]});
    metrics_request(body.to_string().as_bytes(), OtlpEncoding::Json).unwrap()
}

/// An event without what all of them have.
fn shown(event: &UsageEvent) -> String {
    let mut event = event.to_json();
    let fields = event.as_object_mut().unwrap();
    fields.retain(|name, _| !["id", "time", "surface", "service.name"].contains(&name.as_str()));
    // Sorted, whatever order the map keeps.
    let sorted: std::collections::BTreeMap<&String, &Value> = fields.iter().collect();
    serde_json::to_string(&sorted).unwrap()
}

fn told(service: &str, records: &[Value]) -> String {
    let decoded = read_logs(logs_of(&json!({ "service.name": service }), records), &UsageDoor::new());
    assert_eq!(decoded.refused, Refused::default());
    decoded.rows.iter().map(shown).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_session_of_claude_code_becomes_events() {
    let person = json!({
        "session.id": "s1", "organization.id": "11111111-1111-4111-8111-111111111111", "user.account_id": "user_1",
        "user.email": "ada@example.com", "user.account_uuid": "u-u-i-d", "user.id": "install", "terminal.type": "vscode",
    });
    let decoded = read_logs(
        logs_of(
            &person,
            &[record(
                &json!({ "event.name": "user_prompt", "event.sequence": 0, "prompt": "CANARY", "prompt_length": 6 }),
            )],
        ),
        &UsageDoor::new(),
    );
    insta::assert_snapshot!(shown(&decoded.rows[0]), @r#"{"event.sequence":0,"kind":"message","organization_uuid":"11111111-1111-4111-8111-111111111111","prompt_length":6,"session_id":"s1","terminal.type":"vscode","user.account_uuid":"u-u-i-d","user.id":"install","user_email":"ada@example.com","user_id":"user_1"}"#);

    insta::assert_snapshot!(told("claude-code", &[
        record(&json!({ "event.name": "api_request", "model": "m-1", "cost_usd": 0.5, "cost_usd_micros": 123_456, "input_tokens": 10, "output_tokens": "20", "cache_read_tokens": 30, "cache_creation_tokens": 40, "request_id": "req_1", "speed": "normal", "query_source": "main", "mcp_server.name": "custom", "plugin.name": "p", "marketplace.name": "shop" })),
        record(&json!({ "event.name": "api_request", "model": "m-1", "cost_usd": "0.25" })),
        record(&json!({ "event.name": "skill_activated", "skill.name": "pdf", "invocation_trigger": "user-slash", "plugin.name": "office", "marketplace.name": "shop" })),
        record(&json!({ "event.name": "plugin_installed", "plugin.name": "office", "marketplace.name": "shop", "install.trigger": "cli" })),
        record(&json!({ "event.name": "subagent_completed", "agent_type": "Explore", "plugin.name": "office", "total_tokens": 7 })),
        record(&json!({ "event.name": "tool_decision", "tool_name": "Bash", "decision": "reject", "source": "user_reject" })),
        record(&json!({ "event.name": "api_error", "model": "m-1", "error": "CANARY", "status_code": "529", "request_id": "req_2" })),
        record(&json!({ "event.name": "compaction", "trigger": "auto", "pre_tokens": 9 })),
        record(&json!({ "event.name": "brand_new_event", "colour": "red" })),
    ]), @r#"
    {"cache_creation_5m_tokens":40,"cache_read_tokens":30,"connector_name":"custom","cost_nano_usd":123456000,"input_tokens":10,"kind":"api_request","marketplace.name":"shop","model":"m-1","output_tokens":20,"plugin_id":"p@shop","plugin_name":"p","query_source":"main","request_id":"req_1","speed":"standard"}
    {"cost_nano_usd":250000000,"kind":"api_request","model":"m-1"}
    {"invocation_trigger":"user-slash","kind":"skill_used","marketplace.name":"shop","plugin_id":"office@shop","plugin_name":"office","skill_name":"pdf"}
    {"derived_from":"skill_activated","kind":"plugin_used","plugin_id":"office@shop","plugin_name":"office"}
    {"install.trigger":"cli","kind":"plugin_installed","marketplace.name":"shop","plugin_id":"office@shop","plugin_name":"office"}
    {"agent_type":"Explore","event.name":"subagent_completed","kind":"other","plugin_name":"office","total_tokens":7}
    {"derived_from":"subagent_completed","kind":"plugin_used","plugin_name":"office"}
    {"detail":"reject","event.name":"tool_decision","kind":"other","source":"user_reject","tool":"Bash"}
    {"event.name":"api_error","kind":"other","model":"m-1","request_id":"req_2","status_code":"529"}
    {"event.name":"compaction","kind":"other","pre_tokens":9,"trigger":"auto"}
    {"colour":"red","event.name":"brand_new_event","kind":"other"}
    "#);
}

#[test]
fn a_tool_result_tells_of_connectors_skills_searches_and_edits() {
    let result = |fields: Value| {
        let mut all = json!({ "event.name": "tool_result", "success": "true", "session.id": "s1" });
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        record(&all)
    };
    let records = [
        result(
            json!({ "tool_name": "Bash", "success": "false", "error_type": "ENOENT", "error": "CANARY", "tool_parameters": "{\"bash_command\":\"CANARY\",\"full_command\":\"CANARY\"}" }),
        ),
        result(
            json!({ "tool_name": "mcp_tool", "tool_parameters": "{\"mcp_server_name\":\"github\",\"mcp_tool_name\":\"create_issue\"}" }),
        ),
        result(json!({ "tool_name": "mcp__linear__list_issues" })),
        result(json!({ "tool_name": "mcp_tool" })),
        result(json!({ "tool_name": "Skill", "tool_parameters": "{\"skill_name\":\"pdf\"}" })),
        result(
            json!({ "tool_name": "Task", "tool_parameters": "{\"subagent_type\":\"Explore\",\"description\":\"CANARY\"}" }),
        ),
        result(json!({ "tool_name": "WebSearch", "tool_input": "{\"query\":\"CANARY\"}" })),
        result(json!({ "tool_name": "Edit" })),
    ];
    insta::assert_snapshot!(told("claude-code", &records), @r#"
    {"detail":"failure","error_type":"ENOENT","kind":"tool_result","session_id":"s1","tool":"Bash"}
    {"detail":"success","kind":"tool_result","session_id":"s1","tool":"mcp_tool"}
    {"connector_name":"github","derived_from":"tool_result","kind":"connector_used","session_id":"s1","tool":"create_issue"}
    {"detail":"success","kind":"tool_result","session_id":"s1","tool":"mcp__linear__list_issues"}
    {"connector_name":"linear","derived_from":"tool_result","kind":"connector_used","session_id":"s1","tool":"list_issues"}
    {"detail":"success","kind":"tool_result","session_id":"s1","tool":"mcp_tool"}
    {"connector_name":"custom","derived_from":"tool_result","kind":"connector_used","session_id":"s1"}
    {"detail":"success","kind":"tool_result","session_id":"s1","tool":"Skill"}
    {"count":0,"derived_from":"tool_result","kind":"skill_used","session_id":"s1","skill_name":"pdf"}
    {"detail":"success","kind":"tool_result","session_id":"s1","subagent_type":"Explore","tool":"Task"}
    {"detail":"success","kind":"tool_result","session_id":"s1","tool":"WebSearch"}
    {"derived_from":"tool_result","kind":"web_search","session_id":"s1"}
    {"detail":"success","kind":"tool_result","session_id":"s1","tool":"Edit"}
    "#);
    let cowork = told("cowork", &records[7..]);
    insta::assert_snapshot!(cowork, @r#"
    {"detail":"success","kind":"tool_result","session_id":"s1","tool":"Edit"}
    {"derived_from":"tool_result","kind":"file_edit","session_id":"s1","tool":"edit_tool"}
    "#);
}

#[test]
fn cowork_and_strangers_keep_their_names() {
    let surface = |service: &str, record: Value| {
        let decoded = read_logs(logs_of(&json!({ "service.name": service }), &[record]), &UsageDoor::new());
        decoded.rows[0].names.surface.clone().unwrap()
    };
    let mut named = record(&json!({}));
    named["eventName"] = json!("user_prompt");
    named["body"] = json!({ "stringValue": "claude_cowork.user_prompt" });
    assert_eq!(surface("any", named), "cowork");
    assert_eq!(surface("cowork", record(&json!({ "event.name": "user_prompt" }))), "cowork");
    assert_eq!(surface("claude-code", record(&json!({ "event.name": "claude_code.user_prompt" }))), "claude_code");

    let mut request =
        logs_of(&json!({ "service.name": "checkout" }), &[record(&json!({ "event.name": "user_prompt" }))]);
    request.resource_logs[0].scope_logs[0].scope = None;
    let stranger = read_logs(request, &UsageDoor::new()).rows.remove(0);
    assert_eq!((stranger.names.surface.as_deref(), stranger.names.kind.as_deref()), (Some("checkout"), Some("other")));
    assert_eq!(stranger.attributes["event.name"], "user_prompt");
}

#[test]
fn what_is_no_event_is_refused_with_the_reason() {
    let refused =
        |record: Value| read_logs(logs_of(&json!({}), &[record]), &UsageDoor::new()).refused.first_reason.unwrap();
    assert_eq!(
        refused(json!({ "timeUnixNano": "1", "body": { "stringValue": "CANARY" } })),
        "a log record without `event.name` is no event"
    );
    assert_eq!(refused(record(&json!({ "event.name": "what I want to say" }))), "`event.name` is no name");
    assert_eq!(
        refused(json!({ "attributes": attributes(&json!({ "event.name": "user_prompt" })) })),
        "a log record without a time"
    );
}

#[test]
fn content_stays_outside_whatever_carries_it() {
    let door = UsageDoor::new();
    let mut with_body = record(&json!({
        "event.name": "tool_result", "tool_name": "Read", "tool_input": "CANARY", "prompt": "CANARY", "response": "CANARY",
        "error": "CANARY", "workspace.host_paths": ["/home/CANARY"], "full_command": "CANARY", "anything": "CANARY ".repeat(300),
        "tool_parameters": "{\"mcp_server_name\":\"line one\\nCANARY\"}",
    }));
    with_body["body"] = json!({ "stringValue": "CANARY" });
    let resource = json!({ "service.name": "claude-code", "process.command_line": "claude -p CANARY", "process.command_args": ["CANARY"] });
    let decoded = read_logs(logs_of(&resource, &[with_body]), &door);
    assert!(decoded.rows.iter().all(|event| !event.to_json().to_string().contains("CANARY")), "{decoded:?}");
    let counted: Vec<String> = door.dropped().into_iter().map(|(field, count)| format!("{field} {count}")).collect();
    insta::assert_snapshot!(counted.join(", "), @r#"body 1, command_args 1, command_line 1, error 1, full_command 1, host_paths 1, long_text 1, prompt 1, response 1, tool_input 1, tool_parameters 1"#);
}

fn sum(name: &str, temporality: u8, points: &Value) -> Value {
    json!({ "name": format!("claude_code.{name}"), "sum": { "aggregationTemporality": temporality, "isMonotonic": true, "dataPoints": points } })
}

fn point(value: Value, fields: &Value) -> Value {
    let mut point = json!({ "startTimeUnixNano": (NOON - 60_000_000_000).to_string(), "timeUnixNano": NOON.to_string(), "attributes": attributes(fields) });
    let Value::Object(value) = value else { panic!("a value is a field of the point") };
    point.as_object_mut().unwrap().extend(value);
    point
}

#[test]
fn every_metric_has_its_kind() {
    let delta = |name: &str, value: Value, fields: Value| sum(name, 1, &json!([point(value, &fields)]));
    let metrics = json!([
        delta("session.count", json!({ "asInt": "1" }), json!({ "session.id": "s1", "start_type": "fresh" })),
        delta("lines_of_code.count", json!({ "asInt": 12 }), json!({ "type": "added", "model": "m-1" })),
        delta("commit.count", json!({ "asDouble": 1.0 }), json!({})),
        delta("pull_request.count", json!({ "asInt": "2" }), json!({})),
        delta("cost.usage", json!({ "asDouble": 0.123_456_789 }), json!({ "model": "m-1", "query_source": "main", "skill.name": "pdf" })),
        delta("token.usage", json!({ "asInt": "100" }), json!({ "type": "cacheRead", "model": "m-1" })),
        delta("token.usage", json!({ "asInt": "7" }), json!({ "type": "cacheCreation", "speed": "fast" })),
        delta("token.usage", json!({ "asInt": "7" }), json!({ "type": "imagined" })),
        delta("code_edit_tool.decision", json!({ "asInt": "3" }), json!({ "tool_name": "NotebookEdit", "decision": "accept", "language": "Rust" })),
        delta("code_edit_tool.decision", json!({ "asInt": "1" }), json!({ "tool": "MultiEdit", "decision": "reject" })),
        delta("active_time.total", json!({ "asDouble": 12.4 }), json!({ "type": "user" })),
        delta("commit.count", json!({ "asInt": "0" }), json!({})),
        { "name": "claude_code.brand_new", "unit": "1", "gauge": { "dataPoints": [point(json!({ "asDouble": 0.5 }), &json!({ "a": "b" }))] } },
        { "name": "claude_code.waits", "histogram": { "aggregationTemporality": 2, "dataPoints": [point(json!({ "count": "3", "sum": 1.5 }), &json!({}))] } },
    ]);
    let decoded = read_metrics(metrics_of(&metrics), &UsageDoor::new());
    assert_eq!(decoded.refused, Refused::default());
    let events: Vec<String> =
        decoded.rows.into_iter().filter_map(Measured::at_once).map(|event| shown(&event)).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    {"count":1,"detail":"fresh","kind":"session_started","session_id":"s1"}
    {"count":12,"detail":"added","kind":"lines_of_code","model":"m-1"}
    {"count":1,"kind":"commit"}
    {"count":2,"kind":"pull_request"}
    {"cost_nano_usd":123456789,"kind":"api_usage","model":"m-1","query_source":"main","skill_name":"pdf"}
    {"cache_read_tokens":100,"kind":"api_usage","model":"m-1"}
    {"cache_creation_5m_tokens":7,"kind":"api_usage","speed":"fast"}
    {"kind":"other","metric":"claude_code.token.usage","type":"imagined","value":7}
    {"count":3,"detail":"accept","kind":"edit_decision","language":"Rust","tool":"notebook_edit_tool"}
    {"count":1,"detail":"reject","kind":"edit_decision","tool":"multi_edit_tool"}
    {"count":12,"detail":"user","kind":"active_time","value":12.4}
    {"a":"b","kind":"other","metric":"claude_code.brand_new","unit":"1","value":0.5}
    {"kind":"other","metric":"claude_code.waits","value.count":3,"value.sum":1.5}
    "#);
}

#[test]
fn points_that_cannot_be_added_up_are_refused() {
    let refused = |metric: Value| {
        let decoded = read_metrics(metrics_of(&json!([metric])), &UsageDoor::new());
        (decoded.rows.len(), decoded.refused.first_reason)
    };
    let told = |reason: &str| (0, Some(reason.to_owned()));
    let negative = sum("commit.count", 1, &json!([point(json!({ "asInt": "-1" }), &json!({}))]));
    assert_eq!(refused(negative), told("a counter's value is a number, 0 or more"));
    let nameless = sum("commit.count", 0, &json!([point(json!({ "asInt": "1" }), &json!({}))]));
    assert_eq!(refused(nameless), told("a sum without an aggregation temporality cannot be added up"));
    let empty = sum("commit.count", 1, &json!([point(json!({}), &json!({}))]));
    assert_eq!(refused(empty), told("a data point without a value"));
    let timeless = sum("commit.count", 1, &json!([{ "asInt": "1" }]));
    assert_eq!(refused(timeless), told("a data point without a time"));
    let blank = sum("commit.count", 1, &json!([point(json!({ "flags": 1 }), &json!({}))]));
    assert_eq!(refused(blank), (0, None));
}

#[test]
fn the_same_record_has_the_same_id_and_another_has_another() {
    let id = |fields: Value| {
        let records = [record(&fields)];
        read_logs(logs_of(&json!({ "service.name": "claude-code" }), &records), &UsageDoor::new()).rows[0].id.clone()
    };
    let base = json!({ "event.name": "api_request", "session.id": "s1", "event.sequence": 4, "request_id": "req_1" });
    let with = |name: &str, value: Value| {
        let mut fields = base.clone();
        fields[name] = value;
        id(fields)
    };
    assert_eq!(id(base.clone()), with("prompt", json!("content is no part of it")));
    // An attribute that a collector on the way adds does not make it another event.
    assert_eq!(id(base.clone()), with("collector", json!("eu-1")));
    for (name, value) in [
        ("session.id", json!("s2")),
        ("event.sequence", json!(5)),
        ("request_id", json!("req_2")),
        ("prompt.id", json!("p")),
    ] {
        assert_ne!(id(base.clone()), with(name, value), "{name}");
    }
    // Without a place in a session, every attribute counts.
    let loose = |model: &str| id(json!({ "event.name": "api_request", "model": model }));
    assert_ne!(loose("a"), loose("b"));
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_.]{0,12}".prop_map(Value::from),
        Just(json!(NOON.to_string())),
    ];
    let name = prop_oneof![
        "[a-z]{1,6}".prop_map(|name| name),
        prop::sample::select(vec![
            "resourceLogs",
            "scopeLogs",
            "logRecords",
            "attributes",
            "key",
            "value",
            "stringValue",
            "timeUnixNano",
            "body",
            "resourceMetrics",
            "scopeMetrics",
            "metrics",
            "name",
            "sum",
            "gauge",
            "dataPoints",
            "asInt",
            "asDouble",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn anything_at_all_is_read_or_refused(body in json_value(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let door = UsageDoor::new();
        for (body, encoding) in [(body.to_string().as_bytes(), OtlpEncoding::Json), (&bytes[..], OtlpEncoding::Protobuf)] {
            if let Ok(request) = logs_request(body, encoding) {
                for event in read_logs(request, &door).rows {
                    prop_assert_eq!(UsageEvent::from_json(event.to_json()), Ok(event));
                }
            }
            if let Ok(request) = metrics_request(body, encoding) {
                for event in read_metrics(request, &door).rows.into_iter().filter_map(Measured::at_once) {
                    prop_assert_eq!(UsageEvent::from_json(event.to_json()), Ok(event));
                }
            }
        }
    }
}
