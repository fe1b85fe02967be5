//! What a header takes from an activity, what it refuses, and that it agrees with the typed activity.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Header, HeaderError, MAX_DEPTH, MAX_ID_BYTES};
use crate::activity::{Activity, Nullable};
use crate::{arbitrary, content};

/// A complete activity with these fields set or replaced.
fn raw(fields: &Value) -> String {
    let mut wire = json!({ "id": "activity_1", "created_at": "2026-11-23T12:00:00Z", "type": "t", "actor": { "type": "user_actor" } });
    wire.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    wire.to_string()
}

fn refusal(raw: &str) -> String {
    Header::parse(raw.as_bytes()).unwrap_err().to_string()
}

fn carries(raw: &str) -> bool {
    Header::parse(raw.as_bytes()).unwrap().carries_content
}

#[test]
fn everything_is_borrowed_from_bytes_without_escapes() {
    use std::borrow::Cow;
    let raw = raw(&json!({
        "organization_id": "org_1", "organization_uuid": "u", "workspace_id": "wrkspc_1",
        "actor": { "type": "user_actor", "user_id": "user_1", "email_address": "a@b.c", "ip_address": "::1", "user_agent": "x" },
    }));
    let header = Header::parse(raw.as_bytes()).unwrap();
    let actor = [header.actor_type, header.actor_id, header.actor_email, header.ip_address, header.user_agent];
    let optional = actor.into_iter().chain([header.organization_id, header.organization_uuid, header.workspace_id]);
    for text in optional.map(Option::unwrap).chain([header.id, header.kind]) {
        assert!(matches!(text, Cow::Borrowed(_)), "{text}");
    }
    assert_eq!(header.created_at_micros, 1_795_435_200_000_000);
}

#[test]
fn escapes_are_resolved() {
    let raw = br#"{"\u0069d":"activity_\u0031","created_at":"2026-11-23T12:00:00\u005a","type":"a\/b","actor":{"type":"user_actor","user_\u0069d":"\ud83e\udd80"}}"#;
    let header = Header::parse(raw).unwrap();
    assert_eq!(
        (header.id.as_ref(), header.kind.as_ref(), header.actor_id.as_deref()),
        ("activity_1", "a/b", Some("🦀"))
    );
}

#[test]
fn each_refusal_says_what_is_wrong() {
    let refusals = [
        r"nope",
        r#"{"id":"a""#,
        r"[1]",
        r"7",
        r#""a text that nobody may see""#,
        r"",
        r#"{"id":"a"} {"id":"b"}"#,
        r#"{"id":7}"#,
        r#"{"id":""}"#,
        r#"{"id":"a"}"#,
        r#"{"id":"a","type":"t"}"#,
        r#"{"id":"a","type":"t","created_at":null}"#,
        r#"{"id":"a","type":"t","created_at":"2026-11-23"}"#,
        r#"{"id":"a","type":"t","created_at":""}"#,
    ];
    let said: Vec<String> = refusals.iter().map(|raw| format!("{raw}  →  {}", refusal(raw))).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    nope  →  not a JSON object: expected ident at line 1 column 2
    {"id":"a"  →  not a JSON object: EOF while parsing an object at line 1 column 9
    [1]  →  not a JSON object: invalid type: sequence, expected an activity object at line 1 column 1
    7  →  not a JSON object: invalid type: integer `7`, expected an activity object at line 1 column 1
    "a text that nobody may see"  →  not a JSON object: invalid type: string, expected an activity object at line 1 column 28
      →  not a JSON object: EOF while parsing a value at line 1 column 0
    {"id":"a"} {"id":"b"}  →  not a JSON object: trailing characters at line 1 column 12
    {"id":7}  →  `id` is missing or not a non-empty string
    {"id":""}  →  `id` is missing or not a non-empty string
    {"id":"a"}  →  `type` is missing or not a non-empty string
    {"id":"a","type":"t"}  →  `created_at` is missing or not a string
    {"id":"a","type":"t","created_at":null}  →  `created_at` is missing or not a string
    {"id":"a","type":"t","created_at":"2026-11-23"}  →  `created_at` is `2026-11-23`, which is not an RFC 3339 timestamp with a zone
    {"id":"a","type":"t","created_at":""}  →  `created_at` is ``, which is not an RFC 3339 timestamp with a zone
    "#);
    assert_eq!(
        Header::parse(b"{\"id\":\"\xff\"}").unwrap_err().to_string(),
        "not a JSON object: invalid unicode code point at line 1 column 8"
    );
}

#[test]
fn an_id_that_no_service_writes_is_refused() {
    let long = |bytes: usize| raw(&json!({ "id": "x".repeat(bytes) }));
    assert!(Header::parse(long(MAX_ID_BYTES).as_bytes()).is_ok());
    assert_eq!(Header::parse(long(MAX_ID_BYTES + 1).as_bytes()), Err(HeaderError::LongId(MAX_ID_BYTES + 1)));
}

#[test]
fn nesting_has_a_limit_in_every_field_and_a_value_tree_has_the_same() {
    for field in ["anything", "id", "actor", "workspace_id"] {
        let nested = |levels: usize| {
            let deep = format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
            format!(r#"{{"created_at":"2026-11-23T12:00:00Z","type":"t","{field}":{deep},"id":"activity_1"}}"#)
        };
        let (fits, too_deep) = (nested(MAX_DEPTH), nested(MAX_DEPTH + 1));
        assert!(Header::parse(fits.as_bytes()).is_ok() && serde_json::from_str::<Value>(&fits).is_ok(), "{field}");
        assert_eq!(Header::parse(too_deep.as_bytes()), Err(HeaderError::TooDeep), "{field}");
        assert!(serde_json::from_str::<Value>(&too_deep).is_err(), "{field}");
    }
}

#[test]
fn of_a_key_that_comes_twice_the_last_counts_and_an_actor_is_not_mixed_from_two() {
    let raw = br#"{"id":"first","id":"last","created_at":"2020-01-01T00:00:00Z","type":"t",
        "actor":{"type":"user_actor","user_id":"user_1","ip_address":"::1"},
        "actor":{"type":"user_actor","user_id":"user_2"},"created_at":"2026-11-23T12:00:00Z"}"#;
    let header = Header::parse(raw).unwrap();
    assert_eq!((header.id.as_ref(), header.created_at_micros), ("last", 1_795_435_200_000_000));
    assert_eq!((header.actor_id.as_deref(), header.ip_address), (Some("user_2"), None));
}

#[test]
fn the_acting_key_comes_before_the_key_that_is_acted_upon() {
    let key =
        |fields: Value| Header::parse(raw(&fields).as_bytes()).unwrap().api_key_id.map(std::borrow::Cow::into_owned);
    let acting = json!({ "type": "admin_api_key_actor", "admin_api_key_id": "acting" });
    assert_eq!(key(json!({ "api_key_id": "subject", "actor": acting })).as_deref(), Some("acting"));
    assert_eq!(key(json!({ "scoped_api_key_id": "scoped", "admin_api_key_id": "admin" })).as_deref(), Some("admin"));
    assert_eq!(key(json!({ "admin_api_key_id": "", "scoped_api_key_id": "scoped" })).as_deref(), Some("scoped"));
    assert_eq!(key(json!({ "api_key_id": 7 })), None);
}

#[test]
fn an_actor_that_is_no_object_is_nobody() {
    for actor in [json!(null), json!("user_1"), json!(7), json!(-7), json!(0.5), json!(true), json!(["user_1"])] {
        let raw = raw(&json!({ "actor": actor }));
        let header = Header::parse(raw.as_bytes()).unwrap();
        assert_eq!((header.actor_type, header.actor_id, header.carries_content), (None, None, false));
    }
}

#[test]
fn content_is_seen_wherever_it_hides() {
    let hidden = [
        json!({ "prompt": "x" }),
        json!({ "title": 0 }),
        json!({ "a": [{ "b": { "tool_input": { "x": null } } }] }),
        json!({ "actor": { "prompt": "x" } }),
        json!({ "actor": [{ "prompt": "x" }] }),
        json!({ "actor": { "user_id": { "prompt": "x" } } }),
        json!({ "organization_id": { "prompt": "x" } }),
        json!({ "workspace_id": [{ "prompt": ["x"] }] }),
        json!({ "ToolInput": "x" }),
        json!({ "updates": [{ "current_value": "be brief", "type": "conversation_preferences" }] }),
    ];
    for fields in hidden {
        assert!(carries(&raw(&fields)), "{fields}");
    }
    let empty = [
        json!({ "prompt": "", "title": null, "messages": [], "content": {} }),
        json!({ "a": ["title", "prompt"] }),
        json!({ "updates": [{ "current_value": null, "previous_value": "", "type": "conversation_preferences" }] }),
        json!({ "updates": [{ "current_value": "inactive", "type": "status" }] }),
        json!({ "conversation_id": "c" }),
    ];
    for fields in empty {
        assert!(!carries(&raw(&fields)), "{fields}");
    }
}

#[test]
fn content_that_a_later_key_hides_is_still_in_the_bytes() {
    assert!(carries(r#"{"id":"a","created_at":"2026-11-23T12:00:00Z","type":"t","prompt":"x","prompt":""}"#));
}

fn text_of<'v>(activity: &'v Activity, name: &str) -> Option<&'v str> {
    activity.rest.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn nullable<T: AsRef<str>>(value: &Nullable<T>) -> Option<&str> {
    value.value().map(AsRef::as_ref).filter(|text| !text.is_empty())
}

proptest! {
    #[test]
    fn the_header_says_what_the_activity_says(wire in arbitrary::activity()) {
        let raw = wire.to_string();
        let activity: Activity = serde_json::from_str(&raw).unwrap();
        let header = Header::parse(raw.as_bytes()).unwrap();
        prop_assert_eq!(header.id.as_ref(), activity.id.as_str());
        prop_assert_eq!(header.created_at_micros, activity.created_at.micros());
        prop_assert_eq!(header.kind.as_ref(), activity.kind.as_str());
        prop_assert_eq!(header.organization_id.as_deref(), nullable(&activity.organization_id));
        prop_assert_eq!(header.organization_uuid.as_deref(), nullable(&activity.organization_uuid));
        prop_assert_eq!(header.actor_type.as_deref().unwrap_or_default(), activity.actor.kind());
        prop_assert_eq!(header.actor_id.as_deref(), activity.actor.id());
        prop_assert_eq!(header.actor_email.as_deref(), activity.actor.email());
        prop_assert_eq!(header.ip_address.as_deref(), activity.actor.ip_address());
        prop_assert_eq!(header.user_agent.as_deref(), activity.actor.user_agent());
        prop_assert_eq!(header.workspace_id.as_deref(), text_of(&activity, "workspace_id"));
        let subject = ["api_key_id", "admin_api_key_id", "scoped_api_key_id"].iter().find_map(|name| text_of(&activity, name));
        prop_assert_eq!(header.api_key_id.as_deref(), activity.actor.api_key_id().or(subject));
    }

    #[test]
    fn what_is_stripped_is_exactly_what_the_header_sees(wire in arbitrary::activity()) {
        let mut kept = wire.clone();
        let stripped = content::strip(&mut kept);
        prop_assert_eq!(carries(&wire.to_string()), !stripped.is_empty());
        prop_assert!(!carries(&kept.to_string()));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Header::parse(&bytes);
    }
}
