//! One activity as a line: when, what, who, from where, and the few fields that say what it was about.
//! Promises that a row of a type, actor or field of next year is shown like any other.
//! Never guesses: a field that is not there is left out.

use ephor_lake::Lake;
use ephor_lake::directory::DirectoryKind;
use ephor_wire::actor::Actor;
use ephor_wire::catalogue::catalogue;
use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::console::entities;
use crate::console::parts;
use crate::console::visitor::{Person, Visitor, escape};

/// Fields of the envelope, which have columns of their own.
const ENVELOPE: [&str; 8] =
    ["id", "type", "created_at", "actor", "organization_id", "organization_uuid", "request_id", "request_body"];

/// Fields that a line tells of.
const FIELDS_TOLD: usize = 3;

/// Characters of a value that a line has room for.
const VALUE_CHARACTERS: usize = 60;

/// An activity taken apart for showing.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) created_at_micros: i64,
    pub(crate) kind: String,
    pub(crate) category: String,
    pub(crate) actor: Actor,
    pub(crate) organization_uuid: Option<String>,
    /// Everything beside the envelope.
    pub(crate) fields: Map<String, Value>,
}

impl Shown {
    /// Takes an activity apart. What is stored was read once before, so nothing is only a damaged file.
    pub(crate) fn read(created_at_micros: i64, raw: &str) -> Option<Self> {
        let Value::Object(mut fields) = serde_json::from_str(raw).ok()? else { return None };
        let text =
            |fields: &Map<String, Value>, name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let (id, kind) = (text(&fields, "id")?, text(&fields, "type")?);
        let organization_uuid = text(&fields, "organization_uuid");
        let actor = fields.get("actor").cloned().unwrap_or(Value::Null);
        let actor = serde_json::from_value(actor).unwrap_or(Actor::Unknown(Map::new()));
        fields.retain(|name, _| !ENVELOPE.contains(&name.as_str()));
        let category = category_of(&kind);
        Some(Self { id, created_at_micros, kind, category, actor, organization_uuid, fields })
    }
}

/// The category of a type; Ephor's own have one of their own.
pub(crate) fn category_of(kind: &str) -> String {
    if kind.starts_with("ephor_") { "ephor".to_owned() } else { catalogue().category_of(kind).to_owned() }
}

/// A line of a table of activities.
pub(crate) fn line(shown: &Shown, visitor: &Visitor, lake: &Lake) -> Markup {
    html! { tr data-row="" { (cells(shown, visitor, lake)) } }
}

/// Its cells.
pub(crate) fn cells(shown: &Shown, visitor: &Visitor, lake: &Lake) -> Markup {
    html! {
        td class="nowrap" { (parts::moment(shown.created_at_micros, visitor.now())) }
        td { (what(shown, visitor)) }
        td { (who(&shown.actor, visitor, shown.organization_uuid.as_deref(), lake)) }
        td { (whence(&shown.actor, visitor)) }
    }
}

/// The type, as the way to the whole activity, and what it was about.
pub(crate) fn what(shown: &Shown, visitor: &Visitor) -> Markup {
    let gist = if visitor.sees_names() { gist(&shown.fields) } else { String::new() };
    html! {
        span class="kind" title=(shown.category) {
            span class="dot" data-category=(shown.category) {}
            @if visitor.sees_names() { a href=(format!("/activity/{}", escape(&shown.id))) { (shown.kind) } }
            @else { (shown.kind) }
        }
        @if !gist.is_empty() { span class="gist wrap" { (gist) } }
    }
}

/// Who did it, as the way to what is known of them.
pub(crate) fn who(actor: &Actor, visitor: &Visitor, organization: Option<&str>, lake: &Lake) -> Markup {
    match actor {
        Actor::User(_) => match actor.id() {
            Some(id) => {
                let listed = organization.and_then(|uuid| lake.directory().get(DirectoryKind::Users, uuid, id));
                let name = actor.email().or_else(|| listed.as_ref().and_then(|row| row["email"].as_str()));
                visitor.person(Person::of(id, name))
            }
            None => unnamed(actor, visitor),
        },
        Actor::Api(_) | Actor::AdminApiKey(_) => match actor.id() {
            Some(id) => {
                html! { (entities::link(entities::Kind::Key, id)) span class="gist" { (words(actor.kind())) } }
            }
            None => unnamed(actor, visitor),
        },
        Actor::Unauthenticated(_) | Actor::Anthropic(_) => unnamed(actor, visitor),
        _ => html! {
            (actor.id().unwrap_or(""))
            span class="gist" { (words(actor.kind())) }
        },
    }
}

/// Somebody of whom an address is known at the most.
fn unnamed(actor: &Actor, visitor: &Visitor) -> Markup {
    html! {
        @if let Some(email) = actor.email() { (visitor.name_of(Person::of(email, None))) }
        span class="gist" { (words(actor.kind())) }
    }
}

/// From where and with what.
pub(crate) fn whence(actor: &Actor, visitor: &Visitor) -> Markup {
    html! {
        @if let Some(ip) = actor.ip_address() {
            @if visitor.sees_names() { a class="mono" href=(format!("/activity?ip={}", escape(ip))) { (ip) } }
            @else { (visitor.whereabouts(Some(ip))) }
        }
        @if let (Some(agent), true) = (actor.user_agent(), visitor.sees_names()) { " " span class="ua" title=(agent) { (agent) } }
    }
}

/// An actor's kind as words.
pub(crate) fn words(kind: &str) -> String {
    kind.strip_suffix("_actor").unwrap_or(kind).replace('_', " ")
}

/// The few fields that say what it was about: those that say more than an id first.
pub(crate) fn gist(fields: &Map<String, Value>) -> String {
    let mut told: Vec<(bool, String)> = fields
        .iter()
        .filter_map(|(name, value)| Some((name.ends_with("_id") || name == "url", format!("{name} {}", brief(value)?))))
        .collect();
    told.sort_by_key(|(is_id, _)| *is_id);
    told.into_iter().take(FIELDS_TOLD).map(|(_, text)| text).collect::<Vec<_>>().join(" · ")
}

fn brief(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) if items.is_empty() => return None,
        Value::Array(items) => match items.as_slice() {
            [one @ Value::Object(_)] => change(one).unwrap_or_else(|| "1 item".to_owned()),
            [Value::String(one)] => one.clone(),
            many => format!("{} items", many.len()),
        },
        Value::Object(_) => return None,
    };
    Some(match text.char_indices().nth(VALUE_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    })
}

/// A change of one attribute, in the shape that the feed has for it.
fn change(value: &Value) -> Option<String> {
    let scalar = |name: &str| match &value[name] {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value[name].to_string()),
        _ => None,
    };
    let attribute = value["type"].as_str()?;
    match (scalar("previous_value"), scalar("current_value")) {
        (Some(before), Some(after)) => Some(format!("{attribute}: {before} → {after}")),
        (None, Some(after)) => Some(format!("{attribute}: {after}")),
        _ => Some(attribute.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_gist_says_what_changed_before_it_names_ids() {
        let told = |value: Value| gist(value.as_object().unwrap());
        insta::assert_snapshot!([
            told(json!({ "user_id": "user_1", "previous_role": "user", "current_role": "admin" })),
            told(json!({ "api_key_id": "k", "updates": [{ "type": "activation_state", "previous_value": "active", "current_value": "expiring" }] })),
            told(json!({ "empty": "", "nothing": null, "list": [], "nested": { "a": 1 }, "three": [1, 2, 3] })),
            told(json!({ "name": "x".repeat(100) })),
        ].join("\n"), @"
        current_role admin · previous_role user · user_id user_1
        updates activation_state: active → expiring · api_key_id k
        three 3 items
        name xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
        ");
    }

    #[test]
    fn an_activity_of_next_year_is_shown() {
        let raw = r#"{"id":"activity_1","type":"robot_hired","created_at":"2027-01-01T00:00:00Z","actor":{"type":"robot_actor","robot_id":"r2"},"wheels":4}"#;
        let shown = Shown::read(1, raw).unwrap();
        assert_eq!((shown.category.as_str(), gist(&shown.fields).as_str()), ("unclassified", "wheels 4"));
        assert!(Shown::read(1, "[]").is_none());
    }
}
