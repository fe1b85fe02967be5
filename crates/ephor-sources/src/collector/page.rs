//! A page of an upstream's feed: its rows as they came, and the rows that our own requests made there.
//! Bytes of a row are those of the page, never written anew.
//! Never drops a row without counting it.

use std::collections::VecDeque;

use bytes::Bytes;
use ephor_lake::ActivityRows;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

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

/// Remembers one more of our own requests.
pub(super) fn remember(requests: &mut VecDeque<String>, id: Option<String>) {
    requests.extend(id);
    while requests.len() > REMEMBERED {
        requests.pop_front();
    }
}

/// The key that made one of our requests, if this row tells of one.
fn own_key_in(row: &Value, requests: &VecDeque<String>) -> Option<String> {
    let request = row["request_id"].as_str()?;
    requests.iter().any(|id| id == request).then(|| row["actor"]["api_key_id"].as_str().map(str::to_owned))?
}

/// A switch of the upstream's recording that a row tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Switched {
    pub(super) at_micros: i64,
    pub(super) activity: String,
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
    pub(super) rejected: Vec<(String, Bytes)>,
    pub(super) switches: Vec<Switched>,
    pub(super) newest_micros: Option<i64>,
}

/// Lets a page's rows through the door, learns our own key, and leaves out what it made.
pub(super) fn sort_out(
    page: &FeedPage,
    source: &str,
    door: &Door,
    policy: OwnRows,
    requests: &VecDeque<String>,
    own_key: &mut Option<String>,
) -> Sorted {
    if own_key.is_none() {
        *own_key = page.rows.iter().filter_map(api_access).find_map(|row| own_key_in(&row, requests));
    }
    let bytes = page.rows.iter().map(Bytes::len).sum();
    let mut sorted = Sorted {
        rows: ActivityRows::with_capacity(page.rows.len(), bytes),
        own: 0,
        rejected: Vec::new(),
        switches: Vec::new(),
        newest_micros: None,
    };
    for row in &page.rows {
        let is_own = policy == OwnRows::Exclude
            && own_key.is_some()
            && api_access(row).is_some_and(|access| access["actor"]["api_key_id"].as_str() == own_key.as_deref());
        if is_own {
            sorted.own += 1;
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
                    let to = if turns_off(row) { Recording::Off } else { Recording::On };
                    sorted.switches.push(Switched { at_micros, activity, to });
                }
            }
            Err(refused) => sorted.rejected.push((refused.to_string(), row.clone())),
        }
    }
    sorted
}

/// The type that tells of recording switched on or off (compliance_api.md §3).
const SWITCH: &str = "org_compliance_api_settings_updated";

/// A row that tells of a request to the Compliance API. Looked for by its bytes first: most rows are none.
fn api_access(row: &Bytes) -> Option<Value> {
    let named = memchr::memmem::find(row, b"compliance_api_accessed").is_some();
    let value: Value = named.then(|| serde_json::from_slice(row).ok())??;
    (value["type"] == "compliance_api_accessed").then_some(value)
}

/// Whether a settings row says that something went off, in any of the published change shapes.
fn turns_off(row: &Bytes) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(row) else {
        return false;
    };
    let off =
        |value: &Value| *value == Value::Bool(false) || matches!(value.as_str(), Some("disabled" | "off" | "false"));
    let updates = value["updates"].as_array().into_iter().flatten();
    ["enabled", "state", "current_enabled", "new_enabled", "current_value", "new_value", "compliance_api_enabled"]
        .iter()
        .any(|name| off(&value[*name]))
        || updates.into_iter().any(|update| off(&update["current_value"]))
}
