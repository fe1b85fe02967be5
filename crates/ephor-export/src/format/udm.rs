//! Google's Unified Data Model: one JSON event for each record, as Google SecOps imports it.
//! Promises an event type whose needs the event meets: what lacks an actor or a target is a GENERIC_EVENT that says all it has.
//! Never a made-up principal or target; types come from `data/udm.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use glob::Pattern;
use serde::Deserialize;

use super::finding::Told;
use super::gap::ToldGap;
use super::{Stored, ecs, finding, gap};
use crate::json::{self, Object};
use crate::meaning::{Deed, Facts, Level, Outcome, SubjectKind, patterns};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    rule: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default, deserialize_with = "patterns")]
    types: Vec<Pattern>,
    #[serde(default)]
    categories: Vec<String>,
    event: Option<String>,
    #[serde(default)]
    deeds: BTreeMap<Deed, String>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    toml::from_str(include_str!("../../data/udm.toml")).expect("data/udm.toml is valid")
});

/// What every event may be.
const GENERIC: &str = "GENERIC_EVENT";

/// The event type of an activity, as far as the row says what that type needs.
fn event_type(facts: &Facts<'_>) -> &'static str {
    let about = |rule: &Rule| {
        rule.types.iter().any(|pattern| pattern.matches(facts.kind))
            || rule.categories.contains(&facts.meaning.category)
    };
    let event = |rule: &'static Rule| rule.event.as_deref().or(rule.deeds.get(&facts.deed()).map(String::as_str));
    let named = TABLE.rule.iter().filter(|rule| about(rule)).find_map(event).unwrap_or(GENERIC);
    let has_principal = facts.who.id.is_some() || facts.who.email.is_some() || facts.who.ip_address().is_some();
    let has_user = facts.subject.is_some();
    let has_resource = facts.object.id.is_some() || facts.object.name.is_some();
    let met = match named {
        "USER_LOGIN" | "USER_LOGOUT" => facts.who.user_id.is_some() || facts.who.email.is_some() || has_user,
        _ if named.starts_with("USER_RESOURCE_") => has_resource && has_principal,
        // A setting is named by the type where the row does not name it.
        _ if named.starts_with("SETTING_") => has_principal,
        _ if named.starts_with("GROUP_") => has_principal && (facts.group.is_some() || has_resource),
        _ if named.starts_with("USER_") => has_principal && has_user,
        _ => true,
    };
    if met { named } else { GENERIC }
}

/// Writes the event of one activity.
pub(super) fn encode(facts: &Facts<'_>, stored: &Stored<'_>, out: &mut Vec<u8>) {
    let event = event_type(facts);
    json::object(out, |record| {
        record.object("metadata", |metadata| {
            metadata.text("eventTimestamp", facts.created_at);
            metadata.text("eventType", event);
            metadata.text("vendorName", stored.vendor());
            metadata.text("productName", stored.product_name());
            metadata.text("productEventType", facts.kind);
            metadata.text("productLogId", facts.id);
            metadata.text("description", facts.message().as_str());
        });
        record.object("principal", |principal| actor(principal, facts));
        record.object("target", |target| target_of(target, facts, event));
        record.object("network", |network| {
            network.text("sessionId", facts.session_id);
            network.object("http", |http| {
                http.text("method", facts.http.method);
                http.text("userAgent", facts.who.user_agent);
                facts.http.status.into_iter().for_each(|status| http.number("responseCode", status));
            });
        });
        record.objects("securityResult", [()], |result, ()| {
            match facts.outcome {
                Outcome::Success => result.texts("action", ["ALLOW"]),
                Outcome::Failure => result.texts("action", ["FAIL"]),
                Outcome::Unknown => {}
            }
            if event == "USER_LOGIN" && facts.outcome == Outcome::Failure {
                result.texts("category", ["AUTH_VIOLATION"]);
            }
            result.text("severity", severity(facts.level));
            result.text("summary", facts.meaning.summary.as_str());
            result.text("description", facts.reason);
        });
        if matches!(event, "USER_LOGIN" | "USER_LOGOUT") {
            let kind = if facts.kind.contains("sso") || facts.kind.contains("federated") {
                "SSO"
            } else {
                "AUTHTYPE_UNSPECIFIED"
            };
            record.object("extensions", |extensions| extensions.object("auth", |auth| auth.text("type", kind)));
        }
        record.object("additional", |rest| additional(rest, facts, stored));
    });
}

fn actor(principal: &mut Object<'_>, facts: &Facts<'_>) {
    let who = &facts.who;
    principal.object("user", |user| {
        user.text("userid", who.id);
        user.texts("emailAddresses", who.email);
        user.text("productObjectId", who.user_id);
        user.object("attribute", |attribute| {
            let label = ("actor_type", who.kind);
            attribute.objects("labels", [label].into_iter().filter(|(_, value)| !value.is_empty()), pair);
        });
    });
    principal.texts("ip", who.ip.filter(|_| who.ip_address().is_some()));
}

fn target_of(target: &mut Object<'_>, facts: &Facts<'_>, event: &str) {
    let signs_in = matches!(event, "USER_LOGIN" | "USER_LOGOUT");
    target.text("application", "Claude");
    target.text("url", facts.http.url);
    target.object("user", |user| match facts.subject {
        Some(subject) if subject.kind != SubjectKind::Group => {
            user.text("userid", subject.id.or(subject.email));
            user.texts("emailAddresses", subject.email);
            let roles = facts.privileges.iter().copied();
            user.object("attribute", |attribute| {
                attribute.objects("roles", roles, |role, name| role.text("name", name));
            });
        }
        // Who signs in is whom the sign-in is about.
        _ if signs_in => {
            user.text("userid", facts.who.user_id.or(facts.who.email));
            user.texts("emailAddresses", facts.who.email);
        }
        _ => {}
    });
    target.object("group", |group| group.text("productObjectId", facts.group.map(|(id, _)| id)));
    let names_itself = event.starts_with("SETTING_").then_some(facts.meaning.object.as_str());
    target.object("resource", |resource| {
        let name = facts.object.name.or(facts.object.id).or(names_itself);
        resource.text("name", name);
        resource.text("productObjectId", facts.object.id);
        resource.text("resourceSubtype", name.map(|_| facts.meaning.object.as_str()));
        if event.starts_with("SETTING_") {
            resource.text("resourceType", "SETTING");
        }
    });
}

/// What the model has no field for.
fn additional(rest: &mut Object<'_>, facts: &Facts<'_>, stored: &Stored<'_>) {
    rest.text("ephor_seq", stored.place.to_string().as_str());
    rest.text("ephor_source", stored.source);
    rest.text("organization_id", facts.organization_id);
    rest.text("organization_uuid", facts.organization_uuid);
    let fields = facts.own_fields().filter(|(_, value)| ecs::says_something(value));
    fields.for_each(|(name, value)| rest.json(name, value));
    const PLACED: [&str; 4] = ["type", "user_id", "email_address", "user_agent"];
    rest.object("actor", |actor| {
        for (name, value) in facts.who.fields.into_iter().flatten() {
            let placed = PLACED.contains(&name.as_str()) || (name == "ip_address" && facts.who.ip_address().is_some());
            if !placed && ecs::says_something(value) {
                actor.json(name, value);
            }
        }
    });
}

/// Writes the event of one finding.
pub(super) fn encode_finding(told: &Told<'_>, out: &mut Vec<u8>) {
    json::object(out, |record| {
        record.object("metadata", |metadata| {
            metadata.text("eventTimestamp", told.text("last_seen"));
            metadata.text("eventType", GENERIC);
            metadata.text("vendorName", finding::VENDOR);
            metadata.text("productName", finding::PRODUCT);
            metadata.text("productEventType", told.text("rule"));
            metadata.text("productLogId", told.record_id().as_str());
            metadata.text("description", told.text("title"));
        });
        record.object("principal", |principal| {
            principal.object("user", |user| {
                user.text("userid", told.entities().find(|(kind, _)| *kind == "user").map(|(_, id)| id));
            });
        });
        record.objects("securityResult", [()], |result, ()| {
            result.text("severity", severity(told.level));
            result.text("ruleName", told.text("rule"));
            result.text("summary", told.text("title"));
            result.text("description", told.text("explanation"));
            let fields = ["use_case", "status", "standing"].into_iter();
            let fields = fields.filter_map(|name| Some((name, told.text(name)?)));
            result.objects("detectionFields", fields, pair);
        });
        record.object("additional", |rest| rest.json("finding", told.row));
    });
}

/// Writes the event of one gap.
pub(super) fn encode_gap(told: &ToldGap<'_>, out: &mut Vec<u8>) {
    json::object(out, |record| {
        record.object("metadata", |metadata| {
            metadata.text("eventTimestamp", told.text("created_at"));
            metadata.text("eventType", GENERIC);
            metadata.text("vendorName", finding::VENDOR);
            metadata.text("productName", gap::PRODUCT);
            metadata.text("productEventType", gap::TYPE);
            metadata.text("productLogId", told.record_id().as_str());
            metadata.text("description", told.headline().as_str());
        });
        record.objects("securityResult", [()], |result, ()| {
            result.text("severity", severity(told.level()));
            result.text("ruleId", told.text("control"));
            result.text("ruleName", told.text("title"));
            result.text("summary", told.headline().as_str());
            result.text("description", told.why().as_str());
        });
        record.object("additional", |rest| rest.json("control_gap", told.row));
    });
}

fn pair(object: &mut Object<'_>, (key, value): (&str, &str)) {
    object.text("key", key);
    object.text("value", value);
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::Informational => "INFORMATIONAL",
        Level::Low => "LOW",
        Level::Medium => "MEDIUM",
        Level::High => "HIGH",
        Level::Critical => "CRITICAL",
    }
}

/// Whether the type names of the table are ones that the model has; for the test of it.
#[cfg(test)]
pub(super) fn named() -> impl Iterator<Item = &'static str> {
    TABLE.rule.iter().flat_map(|rule| rule.event.iter().chain(rule.deeds.values())).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_type_of_the_table_is_one_of_the_model() {
        const OF_THE_MODEL: [&str; 18] = [
            "USER_LOGIN",
            "USER_LOGOUT",
            "USER_CREATION",
            "USER_DELETION",
            "USER_CHANGE_PERMISSIONS",
            "GROUP_CREATION",
            "GROUP_DELETION",
            "GROUP_MODIFICATION",
            "SETTING_CREATION",
            "SETTING_MODIFICATION",
            "SETTING_DELETION",
            "USER_RESOURCE_CREATION",
            "USER_RESOURCE_ACCESS",
            "USER_RESOURCE_UPDATE_CONTENT",
            "USER_RESOURCE_UPDATE_PERMISSIONS",
            "USER_RESOURCE_DELETION",
            "USER_STATS",
            "GENERIC_EVENT",
        ];
        assert!(named().all(|event| OF_THE_MODEL.contains(&event)));
    }
}
