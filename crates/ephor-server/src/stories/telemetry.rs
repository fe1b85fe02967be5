use std::io::Write;

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;

use super::*;

const GRPC_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// An export of so many prompts.
fn prompts(count: u64) -> ExportLogsServiceRequest {
    let text = |key: &str, text: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Any::StringValue(text.to_owned())) }),
        key_strindex: 0,
    };
    let record = |number: u64| LogRecord {
        time_unix_nano: u64::try_from(NOON).unwrap() * 1000 + number,
        attributes: vec![text("event.name", "claude_code.user_prompt"), text("prompt", "CANARY")],
        ..LogRecord::default()
    };
    let log_records = (0..count).map(record).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

fn over_http(key: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post("/v1/logs").header("x-api-key", key).header("content-type", content_type);
    request.body(body.into()).unwrap()
}

/// A message in its frame.
fn over_grpc(key: &str, message: &[u8], packed: bool) -> Request<Body> {
    let body = if packed { gzip(message) } else { message.to_vec() };
    let mut frame = vec![u8::from(packed)];
    frame.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    frame.extend(body);
    let mut request = Request::post(GRPC_LOGS).header("content-type", "application/grpc").header("te", "trailers");
    if packed {
        request = request.header("grpc-encoding", "gzip");
    }
    request.header("authorization", format!("Bearer {key}")).body(Body::from(frame)).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// Events that the lake holds.
fn stored(house: &House) -> u64 {
    house.app.lake().usage().next_seq()
}

#[tokio::test]
async fn one_export_over_every_way_is_stored_once() {
    // Recording of activities is off: that is another switch.
    let house = House::open_off(ServerOptions::default()).await;
    let key = house.key(&[Scope::WriteUsage]).await;
    let message = prompts(3).encode_to_vec();
    let plain = house.send(over_http(&key, "application/x-protobuf", message.clone())).await;
    assert_eq!(
        (plain.status.as_u16(), plain.header("content-type"), plain.text.len()),
        (200, "application/x-protobuf", 0)
    );
    assert_eq!(stored(&house), 3);

    let mut packed = over_http(&key, "application/x-protobuf", gzip(&message));
    packed.headers_mut().insert("content-encoding", http::HeaderValue::from_static("gzip"));
    assert_eq!(house.send(packed).await.status, 200);
    let in_json = serde_json::to_string(&prompts(3)).unwrap();
    let answer = house.send(over_http(&key, "application/json; charset=utf-8", in_json)).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "{}"));
    for packed in [false, true] {
        let answer = house.send(over_grpc(&key, &message, packed)).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/grpc"));
        assert_eq!((answer.header("grpc-status"), answer.text.as_bytes()), ("", &[0_u8; 5][..]));
    }
    assert_eq!(stored(&house), 3);
    let metrics = house.get("/metrics", "").await.text;
    assert!(metrics.contains(r#"ephor_content_fields_stripped_total{source="otlp",field="prompt"}"#), "{metrics}");
    assert!(metrics.contains(r#"ephor_usage_rows_total{source="otlp",outcome="duplicate"}"#), "{metrics}");
}

#[tokio::test]
async fn what_could_not_be_taken_is_told_as_a_partial_success() {
    let house = House::open_off(ServerOptions::default()).await;
    let key = house.key(&[Scope::WriteUsage]).await;
    let mut export = prompts(2);
    export.resource_logs[0].scope_logs[0].log_records[0].time_unix_nano = 0;
    let answer = house.send(over_http(&key, "application/x-protobuf", export.encode_to_vec())).await;
    let partial = ExportLogsServiceResponse::decode(answer.text.as_bytes()).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_log_records, partial.error_message.as_str()), (1, "a log record without a time"));
    let answer = house.send(over_http(&key, "application/json", serde_json::to_string(&export).unwrap())).await;
    insta::assert_snapshot!(answer.text, @r#"{"partialSuccess":{"errorMessage":"a log record without a time","rejectedLogRecords":"1"}}"#);
    assert_eq!(stored(&house), 1);
}

#[tokio::test]
async fn failures_are_statuses_of_the_protocol_that_was_spoken() {
    let options = ServerOptions { max_body_bytes: 1000, ..ServerOptions::default() };
    let house = House::open_off(options).await;
    let key = house.key(&[Scope::WriteUsage]).await;
    let reader = house.reader().await;
    let many = prompts(100).encode_to_vec();
    let mut told = Vec::new();
    for request in [
        over_http("", "application/json", "{}"),
        over_http(&reader, "application/json", "{}"),
        over_http(&key, "application/json", "{"),
        over_http(&key, "application/json", "[]"),
        over_http(&key, "text/plain", ""),
        over_http(&key, "application/json", "x".repeat(1001)),
    ] {
        let answer = house.send(request).await;
        assert!(!answer.header("request-id").is_empty());
        told.push(format!("{} {}", answer.status.as_u16(), answer.text));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    401 {"code":16,"message":"Invalid or missing API key."}
    403 {"code":7,"message":"Missing required scopes. Got: ['read:compliance_activities', 'read:compliance_org_data', 'read:compliance_user_data'] Needed: ['write:usage']"}
    400 {"code":3,"message":"The body is no JSON at line 1 column 1."}
    400 {"code":3,"message":"The body is JSON, but no OTLP export: it is no object."}
    415 {"code":3,"message":"The content type is `text/plain`; this path takes application/x-protobuf or application/json."}
    413 {"code":3,"message":"The body is larger than 1000 bytes (counted unpacked); send it in parts."}
    "#);

    let mut told = Vec::new();
    for request in [
        over_grpc("", &many[..0], false),
        over_grpc(&reader, &many[..0], false),
        over_grpc(&key, b"\xff\xff", false),
        over_grpc(&key, &many, false),
        over_grpc(&key, &many, true),
    ] {
        let answer = house.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type"), answer.text.len()),
            (200, "application/grpc", 0)
        );
        told.push(format!("{} {}", answer.header("grpc-status"), answer.header("grpc-message")));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    16 Invalid%20or%20missing%20API%20key.
    7 Missing%20required%20scopes.%20Got:%20['read:compliance_activities',%20'read:compliance_org_data',%20'read:compliance_user_data']%20Needed:%20['write:usage']
    13 failed%20to%20decode%20Protobuf%20message:%20invalid%20varint
    3 Error,%20decoded%20message%20length%20too%20large:%20found%207206%20bytes,%20the%20limit%20is:%201000%20bytes
    8 Error%20decompressing:%20size%20limit,%20of%201000%20bytes,%20exceeded%20while%20decompressing%20message
    "#);
    assert_eq!(stored(&house), 0);
}

#[tokio::test]
async fn a_client_over_the_budget_is_told_to_wait() {
    let options = ServerOptions { usage_limit_per_minute: 1, ..ServerOptions::default() };
    let house = House::open_off(options).await;
    let key = house.key(&[Scope::WriteUsage]).await;
    assert_eq!(house.send(over_http(&key, "application/json", "{}")).await.status, 200);
    let refused = house.send(over_http(&key, "application/json", "{}")).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after"), &refused.json()["code"]),
        (429, "60", &json!(14))
    );
    let refused = house.send(over_grpc(&key, &[], false)).await;
    assert_eq!((refused.status.as_u16(), refused.header("grpc-status")), (200, "14"));
    // RetryInfo { retry_delay: 60 s }, as the exporters of OpenTelemetry for Python read it.
    assert_eq!(refused.header("google.rpc.retryinfo-bin"), "CgIIPA");
    wait(61 * SECOND);
    assert_eq!(house.send(over_http(&key, "application/json", "{}")).await.status, 200);
}

#[tokio::test]
async fn pushed_usage_events_have_results_and_stay_within_the_keys_organization() {
    let house = House::open_off(ServerOptions::default()).await;
    let key = house.key_reaching(&[Scope::WriteUsage], KeyReach::Organization(EAST.into())).await;
    let event = |id: &str, organization: Value| {
        json!({
            "id": id, "time": "2026-11-23T11:00:00Z", "surface": "chat", "kind": "message",
            "organization_uuid": organization, "prompt": "CANARY",
        })
    };
    let body = json!([event("e1", Value::Null), event("e2", json!(EAST)), event("e3", json!(WEST))]);
    let answer = house.post("/ephor/v1/usage", &key, &body).await;
    insta::assert_snapshot!(answer.text, @r#"{"results":[{"index":0,"id":"e1","status":"added","seq":0},{"index":1,"id":"e2","status":"added","seq":1},{"index":2,"status":"rejected","reason":"`organization_uuid` is not the organization of this key"}],"added":2,"duplicates":0,"conflicts":0,"rejected":1}"#);
    assert_eq!(stored(&house), 2);
    let nothing = house.post("/ephor/v1/usage", &key, &json!([event("e3", json!(WEST))])).await;
    assert_eq!(nothing.status, 422);
    assert!(nothing.message().contains("`organization_uuid` is not the organization of this key"), "{nothing:?}");
}
