//! Receivers that none of the registries has: each speaks its vendor's protocol, with the limits and faults that are documented.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io::Read;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// What a stand-in knows.
#[derive(Default)]
pub(super) struct Known {
    /// Every record's id in the order in which it was taken.
    pub(super) taken: Vec<String>,
    /// Every body that was taken, unpacked.
    pub(super) bodies: Vec<Vec<u8>>,
    /// Headers of every request.
    pub(super) headers: Vec<HeaderMap>,
    /// Answers that come before any of its own.
    pub(super) faults: VecDeque<(u16, &'static str)>,
    /// Ids that it will never have.
    pub(super) poison: HashSet<String>,
    /// Ids that it does not take at the first time.
    pub(super) busy_once: HashSet<String>,
    ids: HashSet<String>,
    acks: BTreeMap<u64, bool>,
    /// Acknowledgements that never come, from the first on.
    pub(super) lost_acks: u64,
    pub(super) tokens: u64,
    pub(super) refused_tokens: HashSet<String>,
}

pub(super) type Shared = Arc<Mutex<Known>>;

/// A running stand-in.
pub(super) struct StandIn {
    pub(super) url: String,
    pub(super) known: Shared,
}

impl StandIn {
    pub(super) async fn start(answer: fn(&mut Known, &Uri, &HeaderMap, Vec<u8>) -> Response) -> Self {
        let known = Shared::default();
        let serve = move |State(known): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes| async move {
            let mut known = known.lock().unwrap();
            known.headers.push(headers.clone());
            if let Some((status, words)) = known.faults.pop_front() {
                return (StatusCode::from_u16(status).unwrap(), words).into_response();
            }
            answer(&mut known, &uri, &headers, unpacked(&headers, &body))
        };
        let router = Router::new().fallback(serve).with_state(known.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, known }
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap())
    }
}

fn unpacked(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    if headers.get("content-encoding").is_none_or(|value| value != "gzip") {
        return body.to_vec();
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(body).read_to_end(&mut plain).unwrap();
    plain
}

fn answered(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

/// Elasticsearch's `_bulk`: an answer for each item, ids unique, 429 and 400 by item.
pub(super) fn bulk(known: &mut Known, _: &Uri, _: &HeaderMap, body: Vec<u8>) -> Response {
    assert!(body.ends_with(b"\n"), "the last line must end");
    let text = String::from_utf8(body).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut errors = false;
    let items: Vec<Value> = lines
        .chunks(2)
        .map(|pair| {
            let action: Value = serde_json::from_str(pair[0]).unwrap();
            serde_json::from_str::<Value>(pair[1]).unwrap();
            let id = action["create"]["_id"].as_str().unwrap().to_owned();
            let status = match () {
                () if known.poison.contains(&id) => 400,
                () if known.busy_once.remove(&id) => 429,
                () if !known.ids.insert(id.clone()) => 409,
                () => 201,
            };
            if status == 201 {
                known.taken.push(id);
            }
            errors |= status != 201;
            json!({ "create": { "status": status, "error": { "type": "why", "reason": format!("status {status}") } } })
        })
        .collect();
    answered(200, &json!({ "errors": errors, "items": items }))
}

/// Splunk's HEC with indexer acknowledgement: a yes is said once; some never come.
pub(super) fn hec(known: &mut Known, uri: &Uri, headers: &HeaderMap, body: Vec<u8>) -> Response {
    if headers.get("authorization").is_none_or(|value| value != "Splunk secret-token") {
        return answered(403, &json!({ "text": "Invalid token", "code": 4 }));
    }
    if uri.path().ends_with("/ack") {
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let numbers: Vec<u64> = asked["acks"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        let said: BTreeMap<String, bool> =
            numbers.iter().map(|number| (number.to_string(), known.acks.remove(number).unwrap_or(false))).collect();
        return answered(200, &json!({ "acks": said }));
    }
    if headers.get("x-splunk-request-channel").is_none() {
        return answered(400, &json!({ "text": "Data channel is missing", "code": 10 }));
    }
    let events: Vec<Value> =
        serde_json::Deserializer::from_slice(&body).into_iter::<Value>().map(Result::unwrap).collect();
    if events.iter().any(|event| known.poison.contains(event["fields"]["event_id"].as_str().unwrap())) {
        return answered(400, &json!({ "text": "Invalid data format", "code": 6, "invalid-event-number": 0 }));
    }
    let number = known.bodies.len() as u64;
    if number >= known.lost_acks {
        known.acks.insert(number, true);
        known.taken.extend(events.iter().map(|event| event["fields"]["event_id"].as_str().unwrap().to_owned()));
    }
    known.bodies.push(body);
    answered(200, &json!({ "text": "Success", "code": 0, "ackId": number }))
}

/// Sentinel's Logs Ingestion and Entra's token end point: 1 MB a call, tokens that end before their time.
pub(super) fn sentinel(known: &mut Known, uri: &Uri, headers: &HeaderMap, body: Vec<u8>) -> Response {
    if uri.path().ends_with("/oauth2/v2.0/token") {
        let form = String::from_utf8(body).unwrap();
        if !form.contains("client_secret=secret-token")
            || !form.contains("scope=https%3A%2F%2Fmonitor.azure.com%2F.default")
        {
            return answered(401, &json!({ "error": "invalid_client" }));
        }
        known.tokens += 1;
        return answered(200, &json!({ "access_token": format!("token-{}", known.tokens), "expires_in": 3600 }));
    }
    let token = headers.get("authorization").unwrap().to_str().unwrap().to_owned();
    if known.refused_tokens.contains(&token) {
        return answered(401, &json!({ "error": { "code": "InvalidToken" } }));
    }
    assert_eq!(uri.path(), "/dataCollectionRules/dcr-1/streams/Custom-Claude");
    if body.len() > 1_000_000 {
        return answered(413, &json!({ "error": { "code": "ContentLengthLimitExceeded" } }));
    }
    let rows: Vec<Value> = serde_json::from_slice(&body).unwrap();
    known.taken.extend(rows.iter().map(|row| row["EventUid"].as_str().unwrap().to_owned()));
    known.bodies.push(body);
    StatusCode::NO_CONTENT.into_response()
}

/// Anything that takes lines or arrays of raw activities.
pub(super) fn lines_or_array(known: &mut Known, _: &Uri, _: &HeaderMap, body: Vec<u8>) -> Response {
    let values: Vec<Value> = match serde_json::from_slice::<Vec<Value>>(&body) {
        Ok(values) => values,
        Err(_) => serde_json::Deserializer::from_slice(&body).into_iter::<Value>().map(Result::unwrap).collect(),
    };
    known.taken.extend(values.iter().map(|value| value["id"].as_str().unwrap().to_owned()));
    known.bodies.push(body);
    StatusCode::ACCEPTED.into_response()
}
