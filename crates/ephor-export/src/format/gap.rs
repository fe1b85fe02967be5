//! A gap of a control as a record in any format: which control of which framework, in which period, and what is missing.
//! The same gap gives the same bytes whenever it is told; its id changes only when more or less of it is held.
//! Never says that a control failed: it says that there is no data to show whether it held.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::cef::{PRODUCT_VERSION, cut, escape_header, pair};
use super::finding::VENDOR;
use super::leef::attribute;
use super::ocsf::{OcsfVersion, fingerprint, severity as ocsf_severity};
use super::{Format, ecs, otlp, udm, zero_to_ten};
use crate::json::{self, Object};
use crate::meaning::Level;
use crate::record::{Place, Record};
use crate::redaction::Redaction;

/// What the JSON of a gap calls itself where activities have their type.
pub(super) const TYPE: &str = "ephor_control_gap";

pub(super) const PRODUCT: &str = "Ephor Evidence";

/// What CEF's dictionary allows a sentence.
const TEXT_CHARACTERS: usize = 1_023;

/// OCSF's Compliance Finding.
const CLASS: i64 = 2003;

/// A control for which not everything is held that its sources could give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControlGap {
    /// The framework's id.
    pub framework: String,
    /// Its title and edition.
    pub standard: String,
    /// The control's number.
    pub control: String,
    /// Its subject.
    pub title: String,
    /// What it asks.
    pub asks: String,
    /// How much is missing.
    pub state: GapState,
    /// The period's first day.
    pub from: String,
    /// Its last day.
    pub to: String,
    /// When that day begins, in microseconds since 1970: when the gap is said to have happened.
    #[serde(skip)]
    pub at_micros: i64,
    /// What each source holds, and why no more.
    pub sources: Vec<GapSource>,
    /// What else an auditor will need.
    pub also_needed: Vec<String>,
}

/// How much is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapState {
    /// Nothing is held.
    Gap,
    /// Some of it is.
    Partial,
}

/// What one source gives a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapSource {
    /// Which source.
    pub source: String,
    /// At best.
    pub possible: String,
    /// From what is held.
    pub held: String,
    /// Why no more.
    pub reason: String,
}

impl GapState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Partial => "partial",
        }
    }

    fn level(self) -> Level {
        match self {
            Self::Gap => Level::Medium,
            Self::Partial => Level::Low,
        }
    }
}

impl ControlGap {
    /// The control in the period, whatever is held.
    fn id(&self) -> String {
        format!("gap_{}_{}_{}_{}", self.framework, self.control, self.from, self.to)
    }

    /// A receiver tells a second copy by it, and a gap that has become smaller.
    fn record_id(&self) -> String {
        format!("{}.{}", self.id(), self.state.as_str())
    }
}

/// Makes the record of one gap; the number is its place among those that are told together.
pub(crate) fn gap(gap: &ControlGap, number: u64, format: Format, redaction: &Redaction) -> Record {
    let row = row(gap, redaction);
    let told = ToldGap { gap, row: &row };
    let mut bytes = Vec::with_capacity(2048);
    match format {
        Format::Ocsf(version) => told.ocsf(version, &mut bytes),
        Format::Ecs => told.ecs(&mut bytes),
        Format::Cef => told.cef(&mut bytes),
        Format::Leef => told.leef(&mut bytes),
        Format::Otlp => otlp::encode_gap(&told, &mut bytes),
        Format::Udm => udm::encode_gap(&told, &mut bytes),
        Format::Raw => bytes.extend(serde_json::to_vec(&row).unwrap_or_default()),
    }
    Record {
        place: Place::Gap { number },
        id: gap.record_id(),
        kind: TYPE.to_owned(),
        at_micros: gap.at_micros,
        level: gap.state.level(),
        organization: None,
        bytes,
    }
}

fn row(gap: &ControlGap, redaction: &Redaction) -> Map<String, Value> {
    let mut row = match serde_json::to_value(gap) {
        Ok(Value::Object(row)) => row,
        _ => Map::new(),
    };
    row.insert("id".to_owned(), json!(gap.record_id()));
    row.insert("type".to_owned(), json!(TYPE));
    row.insert("created_at".to_owned(), json!(format!("{}T00:00:00Z", gap.to)));
    redaction.apply(&mut row);
    row
}

/// A gap to be told, of which a text may have been taken.
pub(super) struct ToldGap<'t> {
    pub(super) gap: &'t ControlGap,
    pub(super) row: &'t Map<String, Value>,
}

impl ToldGap<'_> {
    pub(super) fn record_id(&self) -> String {
        self.gap.record_id()
    }

    pub(super) fn level(&self) -> Level {
        self.gap.state.level()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.row.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// One sentence for people.
    pub(super) fn headline(&self) -> String {
        let control = [self.text("standard"), self.text("control")];
        let control = control.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let how = match self.gap.state {
            GapState::Gap => "no data",
            GapState::Partial => "not all data",
        };
        format!("{control}: {how} from {} to {}", self.gap.from, self.gap.to)
    }

    /// Why, source by source.
    pub(super) fn why(&self) -> String {
        let sources = self.row.get("sources").and_then(Value::as_array).into_iter().flatten();
        let said = sources.filter_map(|one| {
            let said = |name: &str| one.get(name).and_then(Value::as_str);
            Some(format!("{}: {}", said("source")?, said("reason")?))
        });
        said.collect::<Vec<_>>().join("; ")
    }

    fn ocsf(&self, version: OcsfVersion, out: &mut Vec<u8>) {
        let (severity_id, severity) = ocsf_severity(self.level());
        let start = out.len();
        json::object(out, |record| {
            record.number("class_uid", CLASS);
            record.text("class_name", "Compliance Finding");
            record.number("category_uid", 2);
            record.text("category_name", "Findings");
            record.number("activity_id", 1);
            record.text("activity_name", "Create");
            record.number("type_uid", CLASS * 100 + 1);
            record.text("type_name", "Compliance Finding: Create");
            record.number("time", self.gap.at_micros.div_euclid(1000));
            record.number("severity_id", severity_id);
            record.text("severity", severity);
            record.number("status_id", 1);
            record.text("status", "New");
            record.text("message", self.headline().as_str());
            record.object("metadata", |metadata| self.metadata(metadata, version));
            record.object("finding_info", |info| {
                info.text("uid", self.gap.id().as_str());
                info.text("title", self.text("title").unwrap_or(self.gap.control.as_str()));
                info.text("desc", self.why().as_str());
                info.texts("types", ["control gap"]);
            });
            record.object("compliance", |compliance| self.compliance(compliance));
            record.object("unmapped", |rest| {
                for name in ["framework", "state", "from", "to"] {
                    rest.text(name, self.text(name));
                }
                for name in ["sources", "also_needed"] {
                    self.row.get(name).into_iter().for_each(|value| rest.json(name, value));
                }
            });
        });
        if version >= OcsfVersion::V1_9 {
            fingerprint::attest(out, start);
        }
    }

    fn metadata(&self, metadata: &mut Object<'_>, version: OcsfVersion) {
        metadata.text("version", version.as_str());
        metadata.object("product", |product| {
            product.text("vendor_name", VENDOR);
            product.text("name", PRODUCT);
        });
        metadata.text("uid", self.record_id().as_str());
        metadata.text("event_code", TYPE);
        metadata.text("log_name", "control_gaps");
        metadata.text("log_provider", VENDOR);
        metadata.texts("profiles", (version >= OcsfVersion::V1_9).then_some("record_integrity"));
    }

    fn compliance(&self, compliance: &mut Object<'_>) {
        compliance.texts("standards", self.text("standard"));
        compliance.text("control", self.text("control"));
        compliance.texts("requirements", self.text("asks"));
        // Without data nothing is shown to have held, which is what an auditor writes down.
        let (status_id, status) = match self.gap.state {
            GapState::Gap => (3, "Fail"),
            GapState::Partial => (2, "Warning"),
        };
        compliance.number("status_id", status_id);
        compliance.text("status", status);
        compliance.text("status_detail", self.why().as_str());
    }

    fn ecs(&self, out: &mut Vec<u8>) {
        json::object(out, |document| {
            document.text("@timestamp", self.text("created_at"));
            document.object("ecs", |ecs| ecs.text("version", ecs::version()));
            document.object("data_stream", |stream| {
                stream.text("type", "logs");
                stream.text("dataset", ecs::dataset());
                stream.text("namespace", "default");
            });
            document.object("event", |event| {
                event.text("kind", "state");
                event.text("id", self.record_id().as_str());
                event.text("dataset", ecs::dataset());
                event.text("provider", "ephor");
                event.text("action", TYPE);
                event.texts("category", ["configuration"]);
                event.texts("type", ["info"]);
                event.text("outcome", "failure");
                event.number("severity", i64::from(zero_to_ten(self.level())));
                event.text("reason", self.why().as_str());
            });
            document.text("message", self.headline().as_str());
            document.object("rule", |rule| {
                rule.text("id", self.text("control"));
                rule.text("name", self.text("title"));
                rule.text("description", self.text("asks"));
                rule.text("ruleset", self.text("standard"));
            });
            document.object("ephor", |own| own.json("control_gap", self.row));
        });
    }

    fn cef(&self, out: &mut Vec<u8>) {
        let severity = zero_to_ten(self.level()).to_string();
        out.extend_from_slice(b"CEF:0");
        for field in [VENDOR, PRODUCT, PRODUCT_VERSION, TYPE, "Control without data", &severity] {
            out.push(b'|');
            escape_header(field, out);
        }
        out.push(b'|');
        let start = out.len();
        let mut pair = |key: &str, value: &str| pair(key, value, start, out);
        pair("rt", &self.gap.at_micros.div_euclid(1000).to_string());
        pair("externalId", &self.record_id());
        pair("outcome", "failure");
        pair("msg", cut(&self.headline(), TEXT_CHARACTERS));
        pair("reason", cut(&self.why(), TEXT_CHARACTERS));
        let labelled = [("cs1", "Standard", "standard"), ("cs2", "Control", "control"), ("cs3", "State", "state")];
        for (key, label, name) in labelled {
            if let Some(value) = self.text(name) {
                pair(&format!("{key}Label"), label);
                pair(key, value);
            }
        }
    }

    fn leef(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"LEEF:2.0");
        super::leef::header([VENDOR, PRODUCT, PRODUCT_VERSION, TYPE], out);
        let start = out.len();
        let mut pair = |key: &str, value: &str| attribute(key, value, start, out);
        pair("sev", &zero_to_ten(self.level()).max(1).to_string());
        pair("devTime", &self.gap.at_micros.div_euclid(1000).to_string());
        pair("cat", "control gap");
        pair("externalId", &self.record_id());
        pair("msg", &self.headline());
        pair("reason", &self.why());
        for name in ["framework", "standard", "control", "title", "state", "from", "to"] {
            self.text(name).into_iter().for_each(|value| pair(name, value.trim()));
        }
    }
}
