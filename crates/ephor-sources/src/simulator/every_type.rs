//! One activity of every type that the catalogue lists, its fields filled by their published kinds.
//! Promises every required field, and an actor that is allowed for the type.
//! Never belongs to the story: these rows are for tests of mappings and of clients.

use ephor_wire::catalogue::{ActivityType, FieldSpec, catalogue};

use super::actor::Actor;
use super::calendar::{HOUR, SECOND};
use super::company::Company;
use super::dice::Dice;
use super::plan::{Place, Stage};
use super::row::quoted;

/// All of them within the last day, a few seconds apart.
pub(crate) fn parade(stage: &mut Stage<'_>) {
    let Stage { company, plan, dice, span } = stage;
    let mut at = span.day_start(span.days.saturating_sub(1)) + 10 * HOUR;
    for known in catalogue().iter() {
        at += 7 * SECOND + dice.between(1, SECOND);
        let actor = actor_for(known, company, dice);
        let place = if known.organization_may_be_null { Place::Nowhere } else { Place::In(&company.enterprise) };
        let values: Vec<(&str, String)> =
            known.fields.iter().map(|field| (field.name.as_str(), value(field, dice))).collect();
        plan.act(dice, at, &known.name, &actor, place, |row| {
            for (name, json) in &values {
                row.raw(name, json);
            }
        });
    }
}

fn actor_for(known: &ActivityType, company: &Company, dice: &mut Dice) -> Actor {
    let person = company.person(0);
    let device = &person.devices[0];
    let first = known.actors.first().map_or("*", String::as_str);
    match first {
        "api_actor" => Actor::api(&company.compliance_keys[0].id, "192.0.2.10", "siem-collector/2.4"),
        "admin_api_key_actor" => {
            Actor::admin_api_key(&company.admin_keys[0].id, "192.0.2.12", "terraform-provider/0.14")
        }
        "service_account_actor" => {
            Actor::service_account(&company.service_accounts[0].id, "192.0.2.20", "anthropic-python/2.12.0")
        }
        "unauthenticated_user_actor" => Actor::unauthenticated(Some(&person.email), &device.ip, device.agent),
        "anthropic_actor" => Actor::anthropic(),
        "system_actor" => Actor::system("background-jobs"),
        "scim_directory_sync_actor" => Actor::scim(&company.scim_directory, &dice.tagged("event_")),
        _ => device.actor.clone(),
    }
}

fn value(field: &FieldSpec, dice: &mut Dice) -> String {
    if field.always_empty_since.is_some() {
        return quoted("");
    }
    match field.kind.as_str() {
        "enum" => field.values.first().map_or_else(|| "null".to_owned(), ToString::to_string),
        "boolean" => "true".to_owned(),
        "number" => dice.between(1, 90).to_string(),
        "object" => object_of(field, dice),
        "array<object>" if field.fields.is_empty() => r#"[{"type":"organization"}]"#.to_owned(),
        "array<object>" => format!("[{}]", object_of(field, dice)),
        "array<number>" => "[1]".to_owned(),
        "map<string,number>" => r#"{"standard":10}"#.to_owned(),
        kind if kind.starts_with("array<") => format!("[{}]", text(&field.name, dice)),
        kind if kind.starts_with("map<") => "{}".to_owned(),
        _ => text(&field.name, dice),
    }
}

fn object_of(field: &FieldSpec, dice: &mut Dice) -> String {
    let parts: Vec<String> =
        field.fields.iter().map(|part| format!("{}:{}", quoted(&part.name), value(part, dice))).collect();
    format!("{{{}}}", parts.join(","))
}

/// A plausible text by the field's name.
fn text(name: &str, dice: &mut Dice) -> String {
    let text = match name {
        _ if name.ends_with("email") || name.ends_with("emails") => "someone@example.com".to_owned(),
        "url" | "webhook_url" => "https://hooks.example.com/x".to_owned(),
        _ if name.ends_with("_at") || name.ends_with("date") => "2026-06-01T00:00:00Z".to_owned(),
        _ if name.ends_with("_id") => dice.tagged(&format!("{}_", name.trim_end_matches("_id"))),
        _ if name.contains("role") => "user".to_owned(),
        _ => "example".to_owned(),
    };
    quoted(&text)
}
