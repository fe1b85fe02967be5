//! The formats that records go out in, and the one way to make a record in any of them.
//! The same row with the same settings gives the same bytes, today and on a replay: no clock and no chance in here.
//! Never lets a content field through, whatever is stored.

mod cef;
mod ecs;
mod finding;
mod gap;
mod leef;
mod ocsf;
mod otlp;
#[cfg(test)]
mod stories;
mod table;
mod udm;

use std::str::FromStr;

use ephor_lake::Arrival;
use ephor_wire::content;
use ephor_wire::header::Header;
use serde_json::{Map, Value};

use crate::error::ExportError;
use crate::json::Object;
use crate::meaning::{Facts, Level};
use crate::record::{Place, Record};
use crate::redaction::Redaction;
use crate::settings::{Secrets, SinkSettings};

pub(crate) use finding::finding;
pub(crate) use gap::gap;
pub use gap::{ControlGap, GapSource, GapState};
pub use ocsf::OcsfVersion;

/// What records look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Open Cybersecurity Schema Framework, JSON.
    Ocsf(OcsfVersion),
    /// Elastic Common Schema, JSON.
    Ecs,
    /// ArcSight's Common Event Format, one line of text.
    Cef,
    /// QRadar's Log Event Extended Format 2.0, one line of text.
    Leef,
    /// OpenTelemetry log records, OTLP/JSON.
    Otlp,
    /// Google's Unified Data Model, JSON.
    Udm,
    /// As the feed had it, JSON.
    Raw,
}

impl Format {
    /// Every format with its usual version.
    pub const ALL: [Self; 7] =
        [Self::Ocsf(OcsfVersion::V1_8), Self::Ecs, Self::Cef, Self::Leef, Self::Otlp, Self::Udm, Self::Raw];

    /// Its name in `ephor.toml` and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ocsf(_) => "ocsf",
            Self::Ecs => "ecs",
            Self::Cef => "cef",
            Self::Leef => "leef",
            Self::Otlp => "otlp",
            Self::Udm => "udm",
            Self::Raw => "raw",
        }
    }

    /// Whether a record is JSON, and not a line of text.
    #[must_use]
    pub fn is_json(self) -> bool {
        !matches!(self, Self::Cef | Self::Leef)
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(version) = text.strip_prefix("ocsf@") {
            return Ok(Self::Ocsf(version.parse()?));
        }
        let known = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no export format; there are {} (and ocsf@1.3.0, ocsf@1.9.0)", known()))
    }
}

/// What the lake knows of a row beside its bytes.
#[derive(Debug)]
pub(crate) struct Stored<'a> {
    /// Its `seq`.
    pub(crate) place: u64,
    pub(crate) at_micros: i64,
    pub(crate) received_at_micros: i64,
    pub(crate) source: &'a str,
}

impl Stored<'_> {
    /// Ephor's own activities come from Ephor, all others from the vendor whose feed they are.
    pub(crate) fn is_own(&self) -> bool {
        self.source == ephor_lake::control::OWN_SOURCE
    }

    pub(crate) fn vendor(&self) -> &'static str {
        if self.is_own() { "Ephor" } else { "Anthropic" }
    }

    pub(crate) fn product_name(&self) -> &'static str {
        if self.is_own() { "Ephor" } else { "Claude Compliance API" }
    }

    fn product(&self, product: &mut Object<'_>) {
        product.text("vendor_name", self.vendor());
        product.text("name", self.product_name());
    }
}

/// What a sink would be given of one activity, which need not be stored.
pub fn preview(raw: &str, settings: &SinkSettings, secrets: Secrets, now_micros: i64) -> Result<Record, ExportError> {
    let arrival = Arrival { seq: 0, received_at_micros: now_micros, source: "preview".to_owned(), raw: raw.to_owned() };
    Ok(activity(&arrival, settings.format()?, &settings.redaction(secrets)?))
}

/// Makes the record of one activity.
///
/// A row of which nothing can be read does not come out of the lake; if it did, it would go out as it is.
pub(crate) fn activity(arrival: &Arrival, format: Format, redaction: &Redaction) -> Record {
    let raw = arrival.raw.as_bytes();
    let header = Header::parse(raw).unwrap_or_default();
    let mut row: Map<String, Value> = serde_json::from_slice(raw).unwrap_or_default();
    if header.carries_content {
        strip(&mut row);
    }
    let changed = redaction.apply(&mut row) || header.carries_content;
    let stored = Stored {
        place: arrival.seq,
        at_micros: header.created_at_micros,
        received_at_micros: arrival.received_at_micros,
        source: &arrival.source,
    };
    let facts = Facts::of(&row);
    let mut bytes = Vec::with_capacity(raw.len() * 3);
    match format {
        Format::Ocsf(version) => ocsf::encode(&facts, &stored, version, &mut bytes),
        Format::Ecs => ecs::encode(&facts, &stored, &mut bytes),
        Format::Cef => cef::encode(&facts, &stored, &mut bytes),
        Format::Leef => leef::encode(&facts, &stored, &mut bytes),
        Format::Otlp => otlp::encode(&facts, &stored, &mut bytes),
        Format::Udm => udm::encode(&facts, &stored, &mut bytes),
        // Byte for byte, unless something had to go or its white space would break a line.
        Format::Raw if !changed && !raw.contains(&b'\n') => bytes.extend_from_slice(raw),
        Format::Raw => bytes.extend(serde_json::to_vec(&row).unwrap_or_default()),
    }
    Record {
        place: Place::Activity { seq: arrival.seq },
        id: header.id.into_owned(),
        kind: header.kind.into_owned(),
        at_micros: header.created_at_micros,
        level: facts.level,
        organization: facts.organization_id.or(facts.organization_uuid).map(str::to_owned),
        bytes,
    }
}

/// Takes content out of a row that should have lost it at the door.
fn strip(row: &mut Map<String, Value>) {
    let mut whole = Value::Object(std::mem::take(row));
    content::strip(&mut whole);
    if let Value::Object(stripped) = whole {
        *row = stripped;
    }
}

/// Severities of formats that count from 0 to 10.
fn zero_to_ten(level: Level) -> u8 {
    match level {
        Level::Informational => 1,
        Level::Low => 3,
        Level::Medium => 5,
        Level::High => 8,
        Level::Critical => 10,
    }
}
