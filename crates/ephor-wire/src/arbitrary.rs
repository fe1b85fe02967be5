//! Activities as property tests want them: any envelope, any actor, any fields, published or not.
//! Every value here is one that the feed could send; keys that matter come up often.
//! Never part of the built crate.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::actor::{Actor, ID_FIELDS};

/// Any JSON value, a few levels deep.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Eighths: the JSON reader as built here rounds the last digit of longer fractions.
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(), inner, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Texts that need escapes, that do not, and none.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z_]{1,12}", any::<String>(), Just("a \"quoted\"\nline \u{1f980}".to_owned())]
}

/// Names that something depends on, and any other.
fn key() -> impl Strategy<Value = String> {
    let known = select(vec![
        "type",
        "title",
        "prompt",
        "toolInput",
        "messages",
        "content",
        "current_value",
        "previous_value",
        "updates",
        "workspace_id",
        "api_key_id",
        "admin_api_key_id",
        "scoped_api_key_id",
        "email_address",
        "organization_id",
    ]);
    prop_oneof![2 => known.prop_map(str::to_owned), 1 => "[a-z_]{1,8}", 1 => any::<String>()]
}

/// An actor of a published kind or none, whose fields fit or do not.
fn actor() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        6 => select(Actor::KINDS.to_vec()).prop_map(Value::from),
        1 => Just(json!("actor_of_next_year")),
        1 => json(),
    ];
    let mut fields = ID_FIELDS.to_vec();
    fields.extend([
        "email_address",
        "unauthenticated_email_address",
        "ip_address",
        "user_agent",
        "audience",
        "provider",
        "issuer",
    ]);
    let value = prop_oneof![4 => text().prop_map(Value::from), 1 => Just(Value::Null), 1 => json()];
    let known = btree_map(select(fields).prop_map(str::to_owned), value, 0..6);
    (option::weighted(0.9, kind), known, btree_map(key(), json(), 0..2)).prop_map(|(kind, known, rest)| {
        let mut fields: Map<String, Value> = rest.into_iter().chain(known).collect();
        if let Some(kind) = kind {
            fields.insert("type".to_owned(), kind);
        }
        Value::Object(fields)
    })
}

/// An activity: the envelope that is mandatory, and anything besides.
pub(crate) fn activity() -> impl Strategy<Value = Value> {
    let id = prop_oneof!["activity_[a-zA-Z0-9]{24}", "[^\\x00]{1,20}"];
    let organization = prop_oneof![Just(Value::Null), Just(json!("org_1")), json()];
    (
        id,
        -60_000_000_000_000_000_i64..250_000_000_000_000_000,
        prop_oneof!["[a-z_]{1,20}", Just("claude_chat_created".to_owned())],
        actor(),
        option::of(organization.clone()),
        option::of(organization),
        btree_map(key(), json(), 0..5),
    )
        .prop_map(|(id, micros, kind, actor, organization_id, organization_uuid, rest)| {
            let mut fields: Map<String, Value> = rest.into_iter().collect();
            fields.insert("id".to_owned(), id.into());
            fields.insert("created_at".to_owned(), crate::timestamp::Timestamp::from_micros(micros).as_str().into());
            fields.insert("type".to_owned(), kind.into());
            fields.insert("actor".to_owned(), actor);
            for (name, value) in [("organization_id", organization_id), ("organization_uuid", organization_uuid)] {
                match value {
                    Some(value) => fields.insert(name.to_owned(), value),
                    None => fields.remove(name),
                };
            }
            Value::Object(fields)
        })
}
