//! A page of an upstream's feed: its rows as they came, and the rows that our own requests made there.
//! Bytes of a row are those of the page, never written anew.
//! Never drops a row without counting it.

use std::collections::VecDeque;

use bytes::Bytes;
use ephor_lake::ActivityRows;
use ephor_wire::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::gaps::RecordingSwitch;
use super::state::CollectorState;
use crate::Door;

/// A page, its rows still part of the answer.
#[derive(Debug, Default)]
pub(super) struct FeedPage {
    pub(super) rows: Vec<Bytes>,
    pub(super) has_more: bool,
    pub(super) first_id: Option<String>,
    pub(super) last_id: Option<String>,
}

impl FeedPage {
    pub(super) fn parse(body: &Bytes) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow, default)]
            data: Vec<&'a RawValue>,
            #[serde(default)]
            has_more: bool,
            #[serde(default)]
            first_id: Option<String>,
            #[serde(default)]
            last_id: Option<String>,
        }
        let wire: Wire<'_> = serde_json::from_slice(body)?;
        let rows = wire.data.iter().map(|row| body.slice_ref(row.get().as_bytes())).collect();
        Ok(Self { rows, has_more: wire.has_more, first_id: wire.first_id, last_id: wire.last_id })
    }
}

/// What to do with rows that tell of our own requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OwnRows {
    /// Leave them out; those of every other key are kept.
    #[default]
    Exclude,
    /// Keep them all.
    Keep,
}

/// Requests remembered: enough to be recognised by, few enough to be committed with every page.
const REMEMBERED: usize = 64;

/// Keys known as ours: a rotation leaves the old one's rows to be read for days yet.
const OWN_KEYS: usize = 16;

/// Rejected rows known: a collector that met more of them writes the oldest down once more, and no worse.
const REJECTED_ROWS: usize = 512;

/// Adds one more and lets the oldest go.
fn remember<T>(known: &mut VecDeque<T>, one: T, at_most: usize) {
    known.push_back(one);
    while known.len() > at_most {
        known.pop_front();
    }
}

/// Remembers one more of our own requests.
pub(super) fn remember_request(requests: &mut VecDeque<String>, id: Option<String>) {
    if let Some(id) = id {
        remember(requests, id, REMEMBERED);
    }
}

/// The key that a row tells of a request with.
fn key_in(row: &Value) -> Option<&str> {
    row["actor"]["api_key_id"].as_str()
}

/// A switch of the upstream's recording that a row tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Switched {
    pub(super) at_micros: i64,
    pub(super) activity: String,
    pub(super) switch: RecordingSwitch,
    pub(super) to: Recording,
}

/// What recording was switched to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recording {
    On,
    Off,
}

/// Rows of a page, sorted out.
#[derive(Debug)]
pub(super) struct Sorted {
    pub(super) rows: ActivityRows,
    pub(super) own: u64,
    /// Rows that are no activities and were not met before.
    pub(super) rejected: Vec<(String, Bytes)>,
    pub(super) switches: Vec<Switched>,
    /// The newest row that was let through.
    pub(super) newest_micros: Option<i64>,
}

/// Lets a page's rows through the door, learns which keys are ours, and leaves out what they made. What is learned is
/// noted in `state`, to be committed with the rows.
pub(super) fn sort_out(
    page: &FeedPage,
    source: &str,
    door: &Door,
    policy: OwnRows,
    state: &mut CollectorState,
) -> Sorted {
    let accesses: Vec<Option<Value>> = page.rows.iter().map(api_access).collect();
    learn_own_keys(&accesses, state);
    let bytes = page.rows.iter().map(Bytes::len).sum();
    let mut sorted = Sorted {
        rows: ActivityRows::with_capacity(page.rows.len(), bytes),
        own: 0,
        rejected: Vec::new(),
        switches: Vec::new(),
        newest_micros: None,
    };
    for (row, access) in page.rows.iter().zip(&accesses) {
        let own = access.as_ref().filter(|access| is_own(access, state));
        if let Some(own) = own.filter(|_| policy == OwnRows::Exclude) {
            sorted.own += 1;
            // Left out, it still shows that the upstream records.
            let at = own["created_at"].as_str().and_then(|at| Timestamp::parse(at).ok());
            state.latest_row_micros = state.latest_row_micros.max(at.map(|at| at.micros()));
            continue;
        }
        let admitted = door.admit(source, row, |raw, header| {
            sorted.rows.push(raw, header);
            (header.created_at_micros, header.kind == SWITCH, header.id.clone().into_owned())
        });
        match admitted {
            Ok((at_micros, is_switch, activity)) => {
                sorted.newest_micros = sorted.newest_micros.max(Some(at_micros));
                if is_switch {
                    let told = switches_in(row).into_iter();
                    sorted.switches.extend(told.map(|(switch, to)| Switched {
                        at_micros,
                        activity: activity.clone(),
                        switch,
                        to,
                    }));
                }
            }
            Err(refused) => {
                let fingerprint = fingerprint(row);
                if !state.rejected_rows.contains(&fingerprint) {
                    remember(&mut state.rejected_rows, fingerprint, REJECTED_ROWS);
                    sorted.rejected.push((refused.to_string(), row.clone()));
                }
            }
        }
    }
    state.latest_row_micros = state.latest_row_micros.max(sorted.newest_micros);
    sorted
}

/// A row that tells of one of our requests names a key of ours: the first, or one that came by rotation.
fn learn_own_keys(accesses: &[Option<Value>], state: &mut CollectorState) {
    for row in accesses.iter().flatten() {
        let ours = row["request_id"].as_str().is_some_and(|id| state.own_requests.iter().any(|own| own == id));
        if let Some(key) = key_in(row).filter(|key| ours && !state.own_keys.iter().any(|own| own == key)) {
            remember(&mut state.own_keys, key.to_owned(), OWN_KEYS);
        }
    }
}

fn is_own(access: &Value, state: &CollectorState) -> bool {
    key_in(access).is_some_and(|key| state.own_keys.iter().any(|own| own == key))
}

/// The same for the same bytes, on every machine and in every version.
fn fingerprint(row: &Bytes) -> u64 {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, row).as_u64_pair().0
}

/// The type that tells of recording switched on or off (compliance_api.md §3).
const SWITCH: &str = "org_compliance_api_settings_updated";

/// A row that tells of a request to the Compliance API. Looked for by its bytes first: most rows are none.
fn api_access(row: &Bytes) -> Option<Value> {
    let named = memchr::memmem::find(row, b"compliance_api_accessed").is_some();
    let value: Value = named.then(|| serde_json::from_slice(row).ok())??;
    (value["type"] == "compliance_api_accessed").then_some(value)
}

/// What a settings row switches, and to what, in any of the published change shapes. Each switch that it names with
/// neither on nor off, and whatever else it changes, is left as it is.
fn switches_in(row: &Bytes) -> Vec<(RecordingSwitch, Recording)> {
    let Ok(value) = serde_json::from_slice::<Value>(row) else { return Vec::new() };
    let mut told: Vec<(RecordingSwitch, Recording)> = Vec::new();
    let mut note = |name: &str, to: &Value| {
        if let Some((switch, to)) = switch_named(name).zip(switched_to(to)) {
            told.retain(|(known, _)| *known != switch);
            told.push((switch, to));
        }
    };
    for (name, to) in value.as_object().into_iter().flatten() {
        note(name, to);
    }
    for update in value["updates"].as_array().into_iter().flatten() {
        if let Some(name) = update["type"].as_str().or(update["name"].as_str()) {
            note(name, &update["current_value"]);
        }
    }
    told
}

/// The switch that a field or an update is about (activity_types.json; compliance_api.md §3 for `state`).
fn switch_named(name: &str) -> Option<RecordingSwitch> {
    match name {
        "compliance_api_enabled" | "state" | "enabled" => Some(RecordingSwitch::Api),
        "compliance_api_logging_enabled" => Some(RecordingSwitch::Logging),
        _ => None,
    }
}

/// On or off, as flag, as word, or as the object that the settings endpoint writes.
fn switched_to(value: &Value) -> Option<Recording> {
    match value {
        Value::Bool(on) => Some(if *on { Recording::On } else { Recording::Off }),
        Value::String(word) => match word.as_str() {
            "enabled" | "on" | "true" => Some(Recording::On),
            "disabled" | "off" | "false" => Some(Recording::Off),
            _ => None,
        },
        Value::Object(state) => state.get("type").filter(|kind| kind.is_string()).and_then(switched_to),
        _ => None,
    }
}

/// Holds any bytes against what reads a page of the feed. For `crate::outside_bytes`.
#[cfg(any(test, fuzzing))]
pub(crate) fn hold_feed_page(body: &Bytes) {
    let Ok(page) = FeedPage::parse(body) else { return };
    for policy in [OwnRows::Exclude, OwnRows::Keep] {
        let mut state = CollectorState::default();
        remember_request(&mut state.own_requests, Some("req_1".to_owned()));
        let sorted = sort_out(&page, "upstream", &Door::new(), policy, &mut state);
        let known = sorted.rows.len() as u64 + sorted.own;
        // A rejected row that the page repeats is told once.
        assert!(known + sorted.rejected.len() as u64 <= page.rows.len() as u64);
        let text = serde_json::to_string(&state).unwrap_or_default();
        assert_eq!(serde_json::from_str(&text).ok(), Some(state), "a place is kept as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Recording::{Off, On};
    use RecordingSwitch::{Api, Logging};

    #[test]
    fn a_settings_row_switches_what_it_names_and_nothing_else() {
        let cases: [(&str, &[(RecordingSwitch, Recording)]); 12] = [
            (r#"{"compliance_api_enabled":false}"#, &[(Api, Off)]),
            (r#"{"compliance_api_enabled":true,"compliance_api_logging_enabled":null}"#, &[(Api, On)]),
            (r#"{"compliance_api_logging_enabled":false}"#, &[(Logging, Off)]),
            (r#"{"compliance_api_enabled":true,"compliance_api_logging_enabled":false}"#, &[(Api, On), (Logging, Off)]),
            (r#"{"state":{"type":"disabled"}}"#, &[(Api, Off)]),
            (r#"{"updates":[{"type":"state","previous_value":"enabled","current_value":"disabled"}]}"#, &[(Api, Off)]),
            (r#"{"updates":[{"type":"state","previous_value":"disabled","current_value":"enabled"}]}"#, &[(Api, On)]),
            (r#"{"updates":[{"type":"compliance_api_logging_enabled","current_value":true}]}"#, &[(Logging, On)]),
            (r#"{"updates":[{"type":"webhook_enabled","current_value":false}]}"#, &[]),
            (r#"{"updates":[{"type":"state","current_value":"pending"}],"current_value":false}"#, &[]),
            (r#"{"actor":{"state":"disabled"},"contact":"on"}"#, &[]),
            (r#"{"updates":false,"state":7}"#, &[]),
        ];
        for (row, told) in cases {
            assert_eq!(switches_in(&Bytes::from_static(row.as_bytes())), told, "{row}");
        }
    }
}
