//! What a receiver gets, in every format: each type of the catalogue, types that nobody knows, and values made to break lines.

#![allow(clippy::unwrap_used)]

use ephor_lake::Arrival;
use ephor_sources::simulator::{Simulation, SimulationOptions};
use ephor_wire::content::is_content_field;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::redaction::Redaction;

/// A row as the lake gives it.
fn arrival(raw: &str) -> Arrival {
    Arrival { seq: 7, received_at_micros: 1_790_000_100_000_000, source: "upstream".to_owned(), raw: raw.to_owned() }
}

fn record(row: &Value, format: Format) -> Record {
    activity(&arrival(&row.to_string()), format, &Redaction::default())
}

fn text(row: &Value, format: Format) -> String {
    String::from_utf8(record(row, format).bytes).unwrap()
}

fn json_of(row: &Value, version: OcsfVersion) -> Value {
    serde_json::from_str(&text(row, Format::Ocsf(version))).unwrap()
}

/// One activity of every listed type, as the simulator fills it.
pub(crate) fn parade() -> Vec<Value> {
    let end = "2026-11-23".parse().unwrap();
    let options = SimulationOptions { all_types: true, ..SimulationOptions::new(7, 12, 1, end) };
    let rows: Vec<Value> =
        Simulation::new(options).activities().map(|row| serde_json::from_slice(&row.raw).unwrap()).collect();
    let mut seen = std::collections::BTreeSet::new();
    rows.into_iter().filter(|row| seen.insert(row["type"].as_str().unwrap().to_owned())).collect()
}

fn key_created() -> Value {
    json!({
        "id": "activity_01", "created_at": "2026-11-23T12:00:00.123456Z", "type": "api_key_created",
        "actor": { "type": "user_actor", "user_id": "user_1", "email_address": "ada@example.com",
                   "ip_address": "192.0.2.7", "user_agent": "Mozilla/5.0 (X11) a=b|c" },
        "organization_id": "org_1", "organization_uuid": "1b0c", "api_key_id": "apikey_9", "scopes": ["read"],
    })
}

/// A type that no catalogue lists, from an actor that none knows.
fn of_next_year() -> Value {
    json!({
        "id": "activity_02", "created_at": "2027-01-02T03:04:05Z", "type": "quantum_relay_entangled", "organization_id": null,
        "actor": { "type": "guest_actor", "badge": 7, "ip_address": "not an address" }, "relay": { "spin": [1, null] }, "title": "",
    })
}

#[test]
fn an_activity_as_ocsf() {
    insta::assert_json_snapshot!(json_of(&key_created(), OcsfVersion::V1_8), @r#"
    {
      "activity_id": 1,
      "activity_name": "Create",
      "actor": {
        "user": {
          "email_addr": "ada@example.com",
          "name": "ada@example.com",
          "type": "User",
          "type_id": 1,
          "uid": "user_1"
        }
      },
      "category_name": "Identity & Access Management",
      "category_uid": 3,
      "class_name": "Entity Management",
      "class_uid": 3004,
      "entity": {
        "type": "api_key",
        "type_id": 99,
        "uid": "apikey_9"
      },
      "http_request": {
        "user_agent": "Mozilla/5.0 (X11) a=b|c"
      },
      "message": "New claude.ai-side scoped key (e.g. Compliance Access Key) (ada@example.com)",
      "metadata": {
        "event_code": "api_key_created",
        "log_name": "compliance_activities",
        "log_provider": "Anthropic",
        "logged_time": 1790000100000,
        "loggers": [
          {
            "name": "Ephor"
          }
        ],
        "original_time": "2026-11-23T12:00:00.123456Z",
        "product": {
          "name": "Claude Compliance API",
          "vendor_name": "Anthropic"
        },
        "profiles": [
          "host"
        ],
        "sequence": 7,
        "tenant_uid": "org_1",
        "uid": "activity_01",
        "version": "1.8.0"
      },
      "observables": [
        {
          "name": "src_endpoint.ip",
          "type": "IP Address",
          "type_id": 2,
          "value": "192.0.2.7"
        },
        {
          "name": "actor.user.email_addr",
          "type": "Email Address",
          "type_id": 5,
          "value": "ada@example.com"
        },
        {
          "name": "actor.user.uid",
          "type": "Resource UID",
          "type_id": 10,
          "value": "user_1"
        },
        {
          "name": "http_request.user_agent",
          "type": "HTTP User-Agent",
          "type_id": 16,
          "value": "Mozilla/5.0 (X11) a=b|c"
        },
        {
          "name": "api_key",
          "type": "Resource UID",
          "type_id": 10,
          "value": "apikey_9"
        }
      ],
      "severity": "Medium",
      "severity_id": 3,
      "src_endpoint": {
        "ip": "192.0.2.7"
      },
      "status": "Success",
      "status_id": 1,
      "time": 1795435200123,
      "type_name": "Entity Management: Create",
      "type_uid": 300401,
      "unmapped": {
        "actor": {
          "type": "user_actor"
        },
        "api_key_id": "apikey_9",
        "organization_uuid": "1b0c",
        "scopes": [
          "read"
        ]
      }
    }
    "#);
}

#[test]
fn an_unknown_type_as_ocsf_is_a_base_event_that_carries_all_of_it() {
    insta::assert_json_snapshot!(json_of(&of_next_year(), OcsfVersion::V1_8), @r#"
    {
      "activity_id": 99,
      "activity_name": "quantum_relay_entangled",
      "category_name": "Uncategorized",
      "category_uid": 0,
      "class_name": "Base Event",
      "class_uid": 0,
      "message": "Activity of a type that is not listed (guest_actor)",
      "metadata": {
        "event_code": "quantum_relay_entangled",
        "log_name": "compliance_activities",
        "log_provider": "Anthropic",
        "logged_time": 1790000100000,
        "loggers": [
          {
            "name": "Ephor"
          }
        ],
        "original_time": "2027-01-02T03:04:05Z",
        "product": {
          "name": "Claude Compliance API",
          "vendor_name": "Anthropic"
        },
        "sequence": 7,
        "uid": "activity_02",
        "version": "1.8.0"
      },
      "severity": "Informational",
      "severity_id": 1,
      "status": "Unknown",
      "status_id": 0,
      "time": 1798859045000,
      "type_name": "Base Event: Other",
      "type_uid": 99,
      "unmapped": {
        "actor": {
          "badge": 7,
          "ip_address": "not an address",
          "type": "guest_actor"
        },
        "relay": {
          "spin": [
            1,
            null
          ]
        }
      }
    }
    "#);
}

#[test]
fn an_activity_as_ecs() {
    let document: Value = serde_json::from_str(&text(&key_created(), Format::Ecs)).unwrap();
    insta::assert_json_snapshot!(document, @r#"
    {
      "@timestamp": "2026-11-23T12:00:00.123456Z",
      "anthropic": {
        "audit": {
          "actor": {
            "type": "user_actor"
          },
          "api_key_id": "apikey_9",
          "organization_uuid": "1b0c",
          "scopes": [
            "read"
          ]
        }
      },
      "data_stream": {
        "dataset": "anthropic.audit",
        "namespace": "default",
        "type": "logs"
      },
      "ecs": {
        "version": "9.3.0"
      },
      "event": {
        "action": "api_key_created",
        "category": [
          "configuration"
        ],
        "dataset": "anthropic.audit",
        "id": "activity_01",
        "kind": "event",
        "module": "anthropic",
        "outcome": "success",
        "provider": "upstream",
        "sequence": 7,
        "severity": 5,
        "type": [
          "creation"
        ]
      },
      "log": {
        "level": "medium"
      },
      "message": "New claude.ai-side scoped key (e.g. Compliance Access Key) (ada@example.com)",
      "organization": {
        "id": "org_1"
      },
      "related": {
        "ip": [
          "192.0.2.7"
        ],
        "user": [
          "ada@example.com",
          "user_1"
        ]
      },
      "source": {
        "ip": "192.0.2.7"
      },
      "tags": [
        "forwarded",
        "anthropic-audit"
      ],
      "user": {
        "email": "ada@example.com",
        "id": "user_1",
        "name": "ada"
      },
      "user_agent": {
        "original": "Mozilla/5.0 (X11) a=b|c"
      }
    }
    "#);
}

#[test]
fn an_activity_as_a_line() {
    insta::assert_snapshot!(text(&key_created(), Format::Cef), @r#"CEF:0|Anthropic|Claude Compliance API|1|api_key_created|New claude.ai-side scoped key (e.g. Compliance Access Key)|5|rt=1795435200123 act=api_key_created cat=api_key outcome=success suser=ada@example.com suid=user_1 src=192.0.2.7 requestClientApplication=Mozilla/5.0 (X11) a\=b|c dvchost=Claude Compliance API deviceExternalId=org_1 sourceServiceName=user_actor externalId=activity_01 cs1Label=activityId cs1=activity_01 cs2Label=organizationUuid cs2=1b0c cs4Label=resource cs4=apikey_9 cs5Label=resourceType cs5=api_key cn1Label=seq cn1=7 msg=New claude.ai-side scoped key (e.g. Compliance Access Key) (ada@example.com) cs6Label=fields cs6={"api_key_id":"apikey_9","scopes":["read"]}"#);
    insta::assert_snapshot!(text(&key_created(), Format::Leef).replace('\t', "<tab>"), @r#"LEEF:2.0|Anthropic|Claude Compliance API|1|api_key_created|x09|cat=api_key<tab>devTime=1795435200123<tab>sev=5<tab>src=192.0.2.7<tab>usrName=ada@example.com<tab>resource=apikey_9<tab>resourceType=api_key<tab>domain=org_1<tab>userAgent=Mozilla/5.0 (X11) a=b|c<tab>outcome=success<tab>actorType=user_actor<tab>actorId=user_1<tab>activityId=activity_01<tab>seq=7<tab>msg=New claude.ai-side scoped key (e.g. Compliance Access Key) (ada@example.com)<tab>fields={"api_key_id":"apikey_9","scopes":["read"]}"#);
    insta::assert_snapshot!(text(&of_next_year(), Format::Cef), @r#"CEF:0|Anthropic|Claude Compliance API|1|quantum_relay_entangled|Activity of a type that is not listed|1|rt=1798859045000 act=quantum_relay_entangled cat=unclassified outcome=unknown dvchost=Claude Compliance API sourceServiceName=guest_actor externalId=activity_02 cs1Label=activityId cs1=activity_02 cs5Label=resourceType cs5=quantum_relay_entangled cn1Label=seq cn1=7 msg=Activity of a type that is not listed (guest_actor) cs6Label=fields cs6={"relay":{"spin":[1,null]}}"#);
}

#[test]
fn raw_is_the_activity_byte_for_byte() {
    let raw = key_created().to_string().replace(',', " , ");
    assert_eq!(activity(&arrival(&raw), Format::Raw, &Redaction::default()).bytes, raw.as_bytes());
    let over_lines = serde_json::to_string_pretty(&key_created()).unwrap();
    let one_line = activity(&arrival(&over_lines), Format::Raw, &Redaction::default()).bytes;
    assert_eq!(serde_json::from_slice::<Value>(&one_line).unwrap(), key_created());
    assert!(!one_line.contains(&b'\n'));
}

#[test]
fn ocsf_numbers_agree_with_each_other_for_every_type_and_version() {
    let invented = (0..20).map(|n| {
        let mut row = of_next_year();
        row["type"] = json!(format!("brand_new_{n}_created"));
        row
    });
    for row in parade().into_iter().chain(invented) {
        for version in [OcsfVersion::V1_3, OcsfVersion::V1_8, OcsfVersion::V1_9] {
            let record = json_of(&row, version);
            let number = |name: &str| record[name].as_i64().unwrap();
            let (class, activity) = (number("class_uid"), number("activity_id"));
            assert_eq!(number("type_uid"), class * 100 + activity, "{record}");
            assert_eq!(number("category_uid"), class / 1000, "{record}");
            assert!(record["activity_name"].as_str().is_some_and(|name| !name.is_empty()), "{record}");
            assert_eq!(record["metadata"]["uid"], row["id"]);
            assert_eq!(record["metadata"]["version"], version.as_str());
            assert_eq!(version >= OcsfVersion::V1_9, record["attestation_list"].is_array());
        }
    }
}

#[test]
fn a_fingerprint_can_be_checked_by_anyone_who_has_the_record() {
    let mut record = json_of(&key_created(), OcsfVersion::V1_9);
    let attestation = record["attestation_list"][0].as_object_mut().unwrap();
    let fingerprint = attestation.remove("fingerprint").unwrap();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(serde_json_canonicalizer::to_vec(&record).unwrap());
    let digits = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(fingerprint["value"], json!(digits));
}

#[test]
fn no_format_lets_a_content_field_through() {
    fn content_names(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                // ECS calls the object around a status code `response` too.
                let is_status = value.as_object().is_some_and(|fields| fields.keys().eq(["status_code"]));
                // OpenTelemetry calls a record's sentence its body.
                let is_sentence =
                    name == "body" && value.as_object().is_some_and(|body| body.keys().eq(["stringValue"]));
                let says_nothing = value.is_null() || value.as_str() == Some("") || is_status || is_sentence;
                if is_content_field(name) && !says_nothing {
                    found.push(format!("{name}: {value}"));
                }
                content_names(value, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| content_names(item, found)),
            _ => {}
        }
    }
    for mut row in parade().into_iter().chain([of_next_year()]) {
        row["title"] = json!("a very private title");
        row["filename"] = json!("a very private name.pdf");
        row["nested"] = json!([{ "prompt": "a very private question" }]);
        for format in Format::ALL {
            let said = text(&row, format);
            assert!(!said.contains("very private"), "{said}");
            if format.is_json() {
                let mut found = Vec::new();
                content_names(&serde_json::from_str(&said).unwrap(), &mut found);
                assert!(found.is_empty(), "{found:?} in {said}");
            }
        }
    }
}

#[test]
fn what_a_sink_redacts_is_in_no_format() {
    let rule = |field: &str, how| crate::RedactionRule { field: glob::Pattern::new(field).unwrap(), how };
    let rules = vec![
        rule("*email*", crate::Treatment::Hash),
        rule("actor.ip_address", crate::Treatment::Mask),
        rule("actor.user_agent", crate::Treatment::Drop),
    ];
    let redaction = Redaction::new(rules, Some("pepper".to_owned().into()));
    for format in Format::ALL {
        let record = activity(&arrival(&key_created().to_string()), format, &redaction);
        let said = String::from_utf8(record.bytes).unwrap();
        for gone in ["ada@", "192.0.2.7", "Mozilla"] {
            assert!(!said.contains(gone), "{gone} in {said}");
        }
        assert!(said.contains("192.0.2.0") && said.contains("hash:"), "{said}");
        assert_eq!(record.id, "activity_01");
    }
}

/// Reads a CEF line back as a receiver does: keys are words before an equals sign that no backslash precedes.
fn read_cef(line: &str) -> (Vec<String>, Vec<(String, String)>) {
    let mut header = vec![String::new()];
    let mut rest = line.chars();
    while header.len() < 8 {
        match rest.next().unwrap() {
            '\\' => header.last_mut().unwrap().push(rest.next().unwrap()),
            '|' => header.push(String::new()),
            other => header.last_mut().unwrap().push(other),
        }
    }
    let (mut pairs, mut text): (Vec<(String, String)>, String) = (Vec::new(), String::new());
    while let Some(character) = rest.next() {
        match character {
            '\\' => text.push(match rest.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                other => other,
            }),
            '=' => {
                let (before, key) =
                    text.rsplit_once(' ').map_or((String::new(), text.clone()), |(a, b)| (a.to_owned(), b.to_owned()));
                if let Some((_, value)) = pairs.last_mut() {
                    *value = before;
                }
                pairs.push((key, String::new()));
                text.clear();
            }
            other => text.push(other),
        }
    }
    if let Some((_, value)) = pairs.last_mut() {
        *value = text;
    }
    (header, pairs)
}

proptest! {
    #[test]
    fn hostile_values_neither_break_a_line_nor_get_lost(agent in "\\PC{0,40}[|\\\\=\n\r\t\"\\]\u{0}\u{feff}\u{202e}]{0,8}\\PC{0,40}", name in "[^\u{0}]{1,60}") {
        let mut row = key_created();
        row["actor"]["user_agent"] = json!(agent);
        row["actor"]["email_address"] = json!(format!("{name}@example.com"));
        row["type"] = json!(format!("odd_{name}_created"));
        for format in Format::ALL {
            let said = text(&row, format);
            prop_assert!(!said.contains('\n') && !said.contains('\0'), "{said}");
            if format.is_json() {
                prop_assert!(serde_json::from_str::<Value>(&said).is_ok());
            }
        }
        let shown = |text: &str| text.chars().map(|c| if c.is_control() && c != '\n' && c != '\r' { ' ' } else { c }).collect::<String>();
        let line = text(&row, Format::Cef);
        let (header, pairs) = read_cef(&line);
        prop_assert_eq!(&header[..3], ["CEF:0", "Anthropic", "Claude Compliance API"]);
        let value = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        let wanted = shown(agent.trim_matches(|c: char| c.is_whitespace() || c.is_control()));
        prop_assert_eq!(value("requestClientApplication").unwrap_or_default(), wanted);
        prop_assert_eq!(value("cs1"), Some("activity_01".to_owned()));
        let line = text(&row, Format::Leef);
        let fields: Vec<&str> = line.splitn(7, '|').collect();
        prop_assert_eq!(fields[5], "x09");
        prop_assert!(fields[6].split('\t').all(|pair| pair.contains('=')), "{}", line);
    }
}

#[test]
fn every_type_is_a_log_record_of_opentelemetry_that_names_each_attribute_once() {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    for row in parade().iter().chain([&key_created(), &of_next_year()]) {
        let request: ExportLogsServiceRequest = serde_json::from_str(&text(row, Format::Otlp)).unwrap();
        let log = &request.resource_logs[0].scope_logs[0].log_records[0];
        assert_eq!(log.event_name, row["type"].as_str().unwrap());
        let mut names: Vec<&str> = log.attributes.iter().map(|pair| pair.key.as_str()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        assert!(names.contains(&"log.record.uid") && names.contains(&"event.outcome"), "{names:?}");
    }
    insta::assert_snapshot!(text(&key_created(), Format::Otlp), @r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.namespace","value":{"stringValue":"Anthropic"}},{"key":"service.name","value":{"stringValue":"Claude Compliance API"}}]},"scopeLogs":[{"scope":{"name":"ephor"},"logRecords":[{"timeUnixNano":"1795435200123456000","observedTimeUnixNano":"1790000100000000000","severityNumber":13,"severityText":"medium","eventName":"api_key_created","body":{"stringValue":"New claude.ai-side scoped key (e.g. Compliance Access Key) (ada@example.com)"},"attributes":[{"key":"log.record.uid","value":{"stringValue":"activity_01"}},{"key":"event.sequence","value":{"intValue":"7"}},{"key":"event.category","value":{"stringValue":"api_key"}},{"key":"event.outcome","value":{"stringValue":"success"}},{"key":"event.provider","value":{"stringValue":"upstream"}},{"key":"organization.id","value":{"stringValue":"org_1"}},{"key":"anthropic.audit.organization_uuid","value":{"stringValue":"1b0c"}},{"key":"user.id","value":{"stringValue":"user_1"}},{"key":"user.email","value":{"stringValue":"ada@example.com"}},{"key":"user.name","value":{"stringValue":"ada"}},{"key":"source.address","value":{"stringValue":"192.0.2.7"}},{"key":"user_agent.original","value":{"stringValue":"Mozilla/5.0 (X11) a=b|c"}},{"key":"anthropic.audit.api_key_id","value":{"stringValue":"apikey_9"}},{"key":"anthropic.audit.scopes","value":{"arrayValue":{"values":[{"stringValue":"read"}]}}},{"key":"anthropic.audit.actor.type","value":{"stringValue":"user_actor"}}]}]}]}]}"#);
}
