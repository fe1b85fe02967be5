//! OpenTelemetry: each record as one line of OTLP/JSON, the request that would carry it alone.
//! Collectors read such lines from files as they are; the sink for OTLP puts the records of a batch into one request.
//! Never an attribute twice: what a table has placed is not repeated among a type's own fields.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::finding::Told;
use super::gap::ToldGap;
use super::table::{Part, part};
use super::{Stored, ecs};
use crate::json::{self, Object};
use crate::meaning::{Facts, Level};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    scope: String,
    own_fields: String,
    attribute: Vec<Attribute>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attribute {
    name: String,
    part: Part,
    #[serde(default)]
    number: bool,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    toml::from_str(include_str!("../../data/otlp.toml")).expect("data/otlp.toml is valid")
});

/// What of an actor has an attribute of its own.
const PLACED: [&str; 5] = ["user_id", "email_address", "unauthenticated_email_address", "user_agent", "ip_address"];

/// Writes the line of one activity.
pub(super) fn encode(facts: &Facts<'_>, stored: &Stored<'_>, out: &mut Vec<u8>) {
    let mut attributes: Vec<(String, Value)> = Vec::new();
    for Attribute { name, part: wanted, number } in &TABLE.attribute {
        let Some(text) = part(facts, stored, *wanted) else { continue };
        let value = match text.parse::<i64>() {
            Ok(value) if *number => Value::from(value),
            _ => Value::from(text.as_ref()),
        };
        attributes.push((name.clone(), value));
    }
    let own = &TABLE.own_fields;
    attributes.extend(facts.own_fields().map(|(name, value)| (format!("{own}.{name}"), value.clone())));
    for (name, value) in facts.who.fields.into_iter().flatten() {
        let is_an_address = facts.who.ip_address().is_some();
        if !PLACED.contains(&name.as_str()) || (name == "ip_address" && !is_an_address) {
            attributes.push((format!("{own}.actor.{name}"), value.clone()));
        }
    }
    let record = LogRecord {
        service: (stored.vendor(), stored.product_name()),
        at_micros: stored.at_micros,
        observed_at_micros: stored.received_at_micros,
        level: facts.level,
        event: facts.kind,
        body: &facts.message(),
        attributes,
    };
    record.write(out);
}

/// Writes the line of one finding.
pub(super) fn encode_finding(told: &Told<'_>, out: &mut Vec<u8>) {
    let id = Value::from(told.record_id());
    let sequence = Value::from(told.record.revision);
    let mut attributes = vec![("log.record.uid".to_owned(), id), ("event.sequence".to_owned(), sequence)];
    // The sentence is the record's body.
    let fields = told.row.iter().filter(|(name, _)| !["type", "created_at", "title"].contains(&name.as_str()));
    attributes.extend(fields.map(|(name, value)| (format!("ephor.finding.{name}"), value.clone())));
    let record = LogRecord {
        service: (super::finding::VENDOR, super::finding::PRODUCT),
        at_micros: told.record.finding.last_seen_micros,
        observed_at_micros: told.record.found_at_micros,
        level: told.level,
        event: super::finding::TYPE,
        body: told.text("title").unwrap_or_default(),
        attributes,
    };
    record.write(out);
}

/// Writes the line of one gap.
pub(super) fn encode_gap(told: &ToldGap<'_>, out: &mut Vec<u8>) {
    let headline = told.headline();
    let mut attributes = vec![("log.record.uid".to_owned(), Value::from(told.record_id()))];
    let fields = told.row.iter().filter(|(name, _)| !["type", "created_at", "id"].contains(&name.as_str()));
    attributes.extend(fields.map(|(name, value)| (format!("ephor.control_gap.{name}"), value.clone())));
    let record = LogRecord {
        service: (super::finding::VENDOR, super::gap::PRODUCT),
        at_micros: told.gap.at_micros,
        observed_at_micros: told.gap.at_micros,
        level: told.level(),
        event: super::gap::TYPE,
        body: &headline,
        attributes,
    };
    record.write(out);
}

/// A log record and whose it is.
struct LogRecord<'r> {
    /// Namespace and name.
    service: (&'r str, &'r str),
    at_micros: i64,
    observed_at_micros: i64,
    level: Level,
    event: &'r str,
    body: &'r str,
    attributes: Vec<(String, Value)>,
}

impl LogRecord<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let (namespace, name) = self.service;
        let service = [("service.namespace", Value::from(namespace)), ("service.name", Value::from(name))];
        json::object(out, |request| {
            request.objects("resourceLogs", [()], |logs, ()| {
                logs.object("resource", |resource| {
                    key_values(resource, "attributes", service.iter().map(|(name, value)| (*name, value)));
                });
                logs.objects("scopeLogs", [()], |logs, ()| {
                    logs.object("scope", |scope| scope.text("name", TABLE.scope.as_str()));
                    logs.objects("logRecords", [()], |record, ()| self.fields(record));
                });
            });
        });
    }

    fn fields(&self, record: &mut Object<'_>) {
        // 64-bit numbers are texts in the JSON of protobuf.
        let nanos = |micros: i64| micros.max(0).saturating_mul(1000).to_string();
        record.text("timeUnixNano", nanos(self.at_micros).as_str());
        record.text("observedTimeUnixNano", nanos(self.observed_at_micros).as_str());
        record.number("severityNumber", severity(self.level));
        record.text("severityText", self.level.as_str());
        record.text("eventName", self.event);
        record.object("body", |body| body.text("stringValue", self.body));
        let said = self.attributes.iter().filter(|(_, value)| ecs::says_something(value));
        key_values(record, "attributes", said.map(|(name, value)| (name.as_str(), value)));
    }
}

/// OpenTelemetry's numbers for the severities of syslog, which stand beside these.
fn severity(level: Level) -> i64 {
    match level {
        Level::Informational => 9,
        Level::Low => 10,
        Level::Medium => 13,
        Level::High => 17,
        Level::Critical => 18,
    }
}

fn key_values<'v>(object: &mut Object<'_>, key: &str, pairs: impl Iterator<Item = (&'v str, &'v Value)>) {
    object.objects(key, pairs, |pair, (key, value)| {
        pair.text("key", key);
        pair.object("value", |any| any_value(any, value));
    });
}

fn any_value(any: &mut Object<'_>, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => any.flag("boolValue", *flag),
        Value::String(text) => any.text("stringValue", text.as_str()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => any.text("intValue", whole.to_string().as_str()),
            None => any.json("doubleValue", number),
        },
        Value::Array(items) => any.object("arrayValue", |array| array.objects("values", items, any_value)),
        Value::Object(fields) => any.object("kvlistValue", |list| {
            key_values(list, "values", fields.iter().map(|(name, value)| (name.as_str(), value)));
        }),
    }
}
