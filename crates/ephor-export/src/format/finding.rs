//! A finding as a record in any format: what was found, how it stands with people, and what shows it.
//! The same revision gives the same bytes; every format says the same things, and carries the id of the finding as its own.
//! Never a field that the redaction took: each format is written from what it left.

use ephor_detect::{FindingDetail, FindingRecord, FindingStatus, Severity, Standing};
use serde_json::{Map, Value, json};

use super::cef::{PRODUCT_VERSION, escape_header, pair};
use super::leef::attribute;
use super::ocsf::{OcsfVersion, fingerprint, severity as ocsf_severity};
use super::{Format, ecs, otlp, udm, zero_to_ten};
use crate::json::{self, Object};
use crate::meaning::Level;
use crate::record::{Place, Record};
use crate::redaction::Redaction;

/// What the JSON of a finding calls itself where activities have their type.
pub(super) const TYPE: &str = "ephor_finding";

pub(super) const VENDOR: &str = "Ephor";
pub(super) const PRODUCT: &str = "Ephor Detections";

/// OCSF's Detection Finding.
const CLASS: i64 = 2004;

/// Makes the record of one finding as it stands.
pub(crate) fn finding(record: &FindingRecord, format: Format, redaction: &Redaction) -> Record {
    let finding = &record.finding;
    let row = row(record, redaction);
    let told = Told { record, row: &row, level: level(finding.severity) };
    let mut bytes = Vec::with_capacity(2048);
    match format {
        Format::Ocsf(version) => told.ocsf(version, &mut bytes),
        Format::Ecs => told.ecs(&mut bytes),
        Format::Cef => told.cef(&mut bytes),
        Format::Leef => told.leef(&mut bytes),
        Format::Otlp => otlp::encode_finding(&told, &mut bytes),
        Format::Udm => udm::encode_finding(&told, &mut bytes),
        Format::Raw => bytes.extend(serde_json::to_vec(&row).unwrap_or_default()),
    }
    let organization = finding.entities().find(|entity| entity.kind == "organization");
    Record {
        place: Place::Finding { revision: record.revision },
        id: format!("{}.{}", finding.id, record.revision),
        kind: finding.rule.clone(),
        at_micros: finding.last_seen_micros,
        level: told.level,
        organization: organization.map(|entity| entity.id.clone()),
        bytes,
    }
}

/// The finding as the API has it, with what tells it from an activity, after redaction.
fn row(record: &FindingRecord, redaction: &Redaction) -> Map<String, Value> {
    let mut row = match serde_json::to_value(FindingDetail::of(record, &[])) {
        Ok(Value::Object(row)) => row,
        _ => Map::new(),
    };
    // Notes of people stay with the finding.
    row.remove("steps");
    let created_at = row.get("last_seen").cloned().unwrap_or_default();
    row.insert("type".to_owned(), json!(TYPE));
    row.insert("created_at".to_owned(), created_at);
    redaction.apply(&mut row);
    row
}

fn level(severity: Severity) -> Level {
    match severity {
        Severity::Informational => Level::Informational,
        Severity::Low => Level::Low,
        Severity::Medium => Level::Medium,
        Severity::High => Level::High,
        Severity::Critical => Level::Critical,
    }
}

/// A finding to be told, of which a text may have been taken.
pub(super) struct Told<'t> {
    pub(super) record: &'t FindingRecord,
    pub(super) row: &'t Map<String, Value>,
    pub(super) level: Level,
}

impl Told<'_> {
    /// The id of this revision.
    pub(super) fn record_id(&self) -> String {
        format!("{}.{}", self.record.finding.id, self.record.revision)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.row.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    fn texts<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.row.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    pub(super) fn entities(&self) -> impl Iterator<Item = (&str, &str)> {
        let entities = self.row.get("entities").and_then(Value::as_array).into_iter().flatten();
        entities.filter_map(|entity| Some((entity.get("type")?.as_str()?, entity.get("id")?.as_str()?)))
    }

    fn is_over(&self) -> bool {
        let handled = matches!(self.record.handling.status, FindingStatus::Resolved | FindingStatus::FalsePositive);
        handled || self.record.standing == Standing::Withdrawn
    }

    fn ocsf(&self, version: OcsfVersion, out: &mut Vec<u8>) {
        let finding = &self.record.finding;
        let (activity_id, activity) = match (self.is_over(), self.record.handling.status) {
            (true, _) => (3, "Close"),
            (false, FindingStatus::Open) => (1, "Create"),
            (false, _) => (2, "Update"),
        };
        let (status_id, status) = match (self.record.standing, self.record.handling.status) {
            (Standing::Withdrawn, _) | (_, FindingStatus::Resolved) => (4, "Resolved"),
            (_, FindingStatus::Open) => (1, "New"),
            (_, FindingStatus::Acknowledged) => (2, "In Progress"),
            (_, FindingStatus::FalsePositive) => (3, "Suppressed"),
        };
        let (severity_id, severity) = ocsf_severity(self.level);
        let millis = |micros: i64| micros.div_euclid(1000);
        let start = out.len();
        json::object(out, |record| {
            record.number("class_uid", CLASS);
            record.text("class_name", "Detection Finding");
            record.number("category_uid", 2);
            record.text("category_name", "Findings");
            record.number("activity_id", activity_id);
            record.text("activity_name", activity);
            record.number("type_uid", CLASS * 100 + activity_id);
            record.text("type_name", format!("Detection Finding: {activity}").as_str());
            record.number("time", millis(finding.last_seen_micros));
            record.number("start_time", millis(finding.first_seen_micros));
            record.number("end_time", millis(finding.last_seen_micros));
            record.number("count", i64::try_from(finding.count).unwrap_or(i64::MAX));
            record.number("severity_id", severity_id);
            record.text("severity", severity);
            record.number("status_id", status_id);
            record.text("status", status);
            record.text("message", self.text("explanation"));
            record.object("metadata", |metadata| self.metadata(metadata, version));
            record.object("finding_info", |info| self.finding_info(info));
            record.object("remediation", |remediation| remediation.text("desc", self.text("next_step")));
            record.objects("resources", self.entities(), |resource, (kind, id)| {
                resource.text("uid", id);
                resource.text("type", kind);
            });
            record.object("unmapped", |rest| self.rest(rest));
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
        metadata.text("event_code", self.text("rule"));
        metadata.text("log_name", "findings");
        metadata.text("log_provider", VENDOR);
        metadata.number("sequence", i64::try_from(self.record.revision).unwrap_or(i64::MAX));
        metadata.texts("profiles", (version >= OcsfVersion::V1_9).then_some("record_integrity"));
    }

    fn finding_info(&self, info: &mut Object<'_>) {
        let finding = &self.record.finding;
        info.text("uid", finding.id.as_str());
        info.text("title", self.text("title").unwrap_or(&finding.rule));
        info.text("desc", self.text("explanation"));
        info.number("created_time", self.record.found_at_micros.div_euclid(1000));
        info.number("first_seen_time", finding.first_seen_micros.div_euclid(1000));
        info.number("last_seen_time", finding.last_seen_micros.div_euclid(1000));
        info.texts("types", self.text("use_case"));
        info.object("analytic", |analytic| {
            analytic.number("type_id", 1);
            analytic.text("type", "Rule");
            analytic.text("name", self.text("rule"));
            analytic.text("uid", self.text("rule"));
        });
        info.objects("related_events", self.texts("evidence"), |event, id| event.text("uid", id));
    }

    /// What the class has no field for.
    fn rest(&self, rest: &mut Object<'_>) {
        for name in ["use_case", "status", "standing", "assignee"] {
            rest.text(name, self.text(name));
        }
        rest.texts("controls", self.texts("controls"));
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
                event.text("kind", "alert");
                event.text("id", self.record_id().as_str());
                event.text("dataset", ecs::dataset());
                event.text("provider", "ephor");
                event.text("action", self.text("rule"));
                event.texts("category", ["intrusion_detection"]);
                event.texts("type", ["info"]);
                event.number("severity", i64::from(zero_to_ten(self.level)));
                event.text("start", self.text("first_seen"));
                event.text("end", self.text("last_seen"));
                event.text("created", self.text("found_at"));
                event.text("reason", self.text("explanation"));
            });
            document.text("message", self.text("title"));
            document.object("rule", |rule| {
                rule.text("name", self.text("rule"));
                rule.text("description", self.text("title"));
                rule.text("category", self.text("use_case"));
            });
            document.object("related", |related| {
                related.texts("user", self.entities().filter(|(kind, _)| *kind == "user").map(|(_, id)| id));
            });
            document.object("ephor", |own| own.json("finding", self.row));
        });
    }

    fn cef(&self, out: &mut Vec<u8>) {
        let severity = zero_to_ten(self.level).to_string();
        let (rule, title) = (self.text("rule").unwrap_or_default(), self.text("title").unwrap_or_default());
        out.extend_from_slice(b"CEF:0");
        for field in [VENDOR, PRODUCT, PRODUCT_VERSION, rule, title, &severity] {
            out.push(b'|');
            escape_header(field, out);
        }
        out.push(b'|');
        let start = out.len();
        self.pairs(|key, value| pair(key, value, start, out));
    }

    fn leef(&self, out: &mut Vec<u8>) {
        let rule = self.text("rule").unwrap_or_default();
        out.extend_from_slice(b"LEEF:2.0");
        super::leef::header([VENDOR, PRODUCT, PRODUCT_VERSION, rule], out);
        let start = out.len();
        attribute("sev", &zero_to_ten(self.level).max(1).to_string(), start, out);
        self.leef_pairs(|key, value| attribute(key, value, start, out));
    }

    /// The keys of CEF's own dictionary that a finding fills.
    fn pairs(&self, mut pair: impl FnMut(&str, &str)) {
        let finding = &self.record.finding;
        let user = self.entities().find(|(kind, _)| *kind == "user").map(|(_, id)| id);
        let millis = |micros: i64| micros.div_euclid(1000).to_string();
        pair("rt", &millis(finding.last_seen_micros));
        pair("start", &millis(finding.first_seen_micros));
        pair("end", &millis(finding.last_seen_micros));
        pair("cnt", &finding.count.to_string());
        pair("externalId", &self.record_id());
        let labelled = [
            ("cs1", "Use case", self.text("use_case")),
            ("cs2", "Status", self.text("status")),
            ("cs3", "Standing", self.text("standing")),
        ];
        user.into_iter().for_each(|user| pair("suid", user));
        self.text("explanation").into_iter().for_each(|words| pair("msg", words.trim()));
        for (key, label, value) in labelled {
            if let Some(value) = value {
                pair(&format!("{key}Label"), label);
                pair(key, value);
            }
        }
    }

    fn leef_pairs(&self, mut pair: impl FnMut(&str, &str)) {
        let finding = &self.record.finding;
        let user = self.entities().find(|(kind, _)| *kind == "user").map(|(_, id)| id);
        pair("devTime", self.text("last_seen").unwrap_or_default());
        pair("devTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'");
        pair("cat", self.text("use_case").unwrap_or_default());
        user.into_iter().for_each(|user| pair("usrName", user));
        pair("externalId", &self.record_id());
        pair("count", &finding.count.to_string());
        for name in ["title", "status", "standing", "explanation"] {
            self.text(name).into_iter().for_each(|value| pair(name, value.trim()));
        }
    }
}
