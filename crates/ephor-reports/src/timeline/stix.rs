//! A timeline as a STIX 2.1 bundle: an incident, and one observed-data object an event with the actor and address it saw.
//! Promises the same ids for the same facts, as the specification asks of observables.
//! Never holds more than the timeline it is made from.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Event;
use crate::render::instant_text;

/// The namespace of ids of observables, from STIX 2.1, section 2.9.
const OBSERVABLES: Uuid = Uuid::from_u128(0x00abedb4_aa42_466c_9c01_fed23315a9b7);

/// The namespace of everything else that is made here.
const OWN: Uuid = Uuid::from_u128(0x5b0c3a5e_7f0c_4a52_9a3e_6f1d0c9b8e21);

/// The bundle of a case.
#[must_use]
pub fn bundle(title: &str, description: &str, events: &[Event], now_micros: i64) -> Value {
    let now = millis(now_micros);
    let mut objects: BTreeMap<String, Value> = BTreeMap::new();
    let mut seen = Vec::new();
    for event in events.iter().filter(|event| event.kind == "activity") {
        let refs = observables(event, &mut objects);
        if refs.is_empty() {
            continue;
        }
        let key = event.id.clone().unwrap_or_else(|| format!("{}/{}", event.at_micros, event.what));
        let id = format!("observed-data--{}", Uuid::new_v5(&OWN, key.as_bytes()));
        let at = millis(event.at_micros);
        let observed = json!({
            "type": "observed-data", "spec_version": "2.1", "id": id, "created": at, "modified": at,
            "first_observed": at, "last_observed": at, "number_observed": 1, "object_refs": refs,
            "labels": [event.what],
            "external_references": [{ "source_name": "ephor", "external_id": key, "description": event.summary }],
        });
        objects.insert(id.clone(), observed);
        seen.push(id);
    }
    let incident = format!("incident--{}", Uuid::new_v5(&OWN, title.as_bytes()));
    objects.insert(
        incident.clone(),
        json!({
            "type": "incident", "spec_version": "2.1", "id": incident, "created": now, "modified": now,
            "name": title, "description": description,
        }),
    );
    let grouping = format!("grouping--{}", Uuid::new_v5(&OWN, format!("grouping/{title}").as_bytes()));
    let mut members = seen;
    members.push(incident);
    objects.insert(
        grouping.clone(),
        json!({
            "type": "grouping", "spec_version": "2.1", "id": grouping, "created": now, "modified": now,
            "name": title, "context": "suspicious-activity", "object_refs": members,
        }),
    );
    json!({
        "type": "bundle",
        "id": format!("bundle--{}", Uuid::new_v5(&OWN, format!("bundle/{title}/{now}").as_bytes())),
        "objects": objects.into_values().collect::<Vec<_>>(),
    })
}

/// The observables of an event, put among the objects; their ids.
fn observables(event: &Event, objects: &mut BTreeMap<String, Value>) -> Vec<String> {
    let mut refs = Vec::new();
    if let Some(actor) = &event.actor {
        let fields = match actor.contains('@') {
            true => ("email-addr", json!({ "value": actor })),
            false => ("user-account", json!({ "account_login": actor, "user_id": actor })),
        };
        refs.push(observable(fields.0, &fields.1, objects));
    }
    if let Some(ip) = &event.ip {
        let kind = if ip.contains(':') { "ipv6-addr" } else { "ipv4-addr" };
        refs.push(observable(kind, &json!({ "value": ip }), objects));
    }
    refs
}

/// An observable's id follows from its identifying properties, so that two tools name the same address alike.
fn observable(kind: &str, fields: &Value, objects: &mut BTreeMap<String, Value>) -> String {
    let id = format!("{kind}--{}", Uuid::new_v5(&OBSERVABLES, fields.to_string().as_bytes()));
    let mut object = Map::from_iter([
        ("type".to_owned(), Value::from(kind)),
        ("spec_version".to_owned(), Value::from("2.1")),
        ("id".to_owned(), Value::from(id.clone())),
    ]);
    if let Value::Object(fields) = fields {
        object.extend(fields.clone());
    }
    objects.insert(id.clone(), Value::Object(object));
    id
}

/// STIX asks for at least milliseconds.
fn millis(micros: i64) -> String {
    let seconds = instant_text(micros);
    let millis = micros.rem_euclid(1_000_000) / 1_000;
    format!("{}.{millis:03}Z", seconds.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_address_is_one_object_however_often_it_is_seen() {
        let event = |at_micros| Event {
            at_micros,
            kind: "activity",
            what: "user_logged_out".to_owned(),
            actor: Some("user_1".to_owned()),
            ip: Some("192.0.2.1".to_owned()),
            agent: None,
            summary: String::new(),
            id: Some(format!("activity_{at_micros}")),
            seq: None,
            because: String::new(),
            late_seconds: None,
        };
        let made = bundle("Case 1", "", &[event(1), event(2)], 3);
        let of = |kind: &str| {
            made["objects"].as_array().map_or(0, |all| all.iter().filter(|object| object["type"] == kind).count())
        };
        assert_eq!((of("ipv4-addr"), of("user-account"), of("observed-data"), of("grouping")), (1, 1, 2, 1));
        assert_eq!(made, bundle("Case 1", "", &[event(1), event(2)], 3));
    }
}
