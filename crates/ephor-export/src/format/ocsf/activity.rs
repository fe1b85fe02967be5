//! An activity as an OCSF record.
//! The same activity gives the same bytes; every field of it is there, in its own place or verbatim under `unmapped`.
//! Never a made-up address, user or privilege: a class that would need one is not used.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::class::{self, Choice, Need, OTHER};
use super::{OcsfVersion, fingerprint};
use crate::format::Stored;
use crate::json::{self, Object};
use crate::meaning::{Facts, Level, Outcome, Subject, SubjectKind, Who};

/// `user.type_id` of a person, and of what has no number of its own in every version.
const USER: i64 = 1;
const OTHER_TYPE: i64 = 99;

/// Writes the record of one activity.
pub(in crate::format) fn encode(facts: &Facts<'_>, stored: &Stored<'_>, version: OcsfVersion, out: &mut Vec<u8>) {
    let choices = class::choices(facts.kind, &facts.meaning, version);
    let choice = choices.first(|need| match need {
        Need::Actor => acting(&facts.who),
        Need::User => user_of(facts).is_some(),
        Need::Subject => affected(facts).is_some(),
        Need::Privileges => !facts.privileges.is_empty(),
        // Up to 1.3.0 the class asks for a user or privileges beside the group; one record is to be valid as both.
        Need::Group => group_of(facts).is_some() && (version >= OcsfVersion::V1_9 || has_member(facts)),
        Need::Object => facts.object.id.is_some(),
    });
    let start = out.len();
    json::object(out, |record| {
        head(record, choice, facts, stored, version);
        who_and_whence(record, choice, facts);
        body(record, choice, facts);
        observables(record, facts);
        record.object("unmapped", |rest| unmapped(rest, facts, choice.class.uid == 0));
    });
    if version >= OcsfVersion::V1_9 {
        fingerprint::attest(out, start);
    }
}

fn head(record: &mut Object<'_>, choice: &Choice, facts: &Facts<'_>, stored: &Stored<'_>, version: OcsfVersion) {
    let (class, (activity_id, activity)) = (choice.class, &choice.activity);
    record.number("class_uid", class.uid);
    record.text("class_name", class.name.as_str());
    record.number("category_uid", class.category.0);
    record.text("category_name", class.category.1.as_str());
    record.number("activity_id", *activity_id);
    record.text("activity_name", activity.as_str());
    record.number("type_uid", class.uid * 100 + activity_id);
    record.text(
        "type_name",
        format!("{}: {}", class.name, if *activity_id == OTHER { "Other" } else { activity }).as_str(),
    );
    record.number("time", stored.at_micros.div_euclid(1000));
    let (severity_id, severity) = severity(facts.level);
    record.number("severity_id", severity_id);
    record.text("severity", severity);
    let (status_id, status) = match facts.outcome {
        Outcome::Success => (1, "Success"),
        Outcome::Failure => (2, "Failure"),
        Outcome::Unknown => (0, "Unknown"),
    };
    record.number("status_id", status_id);
    record.text("status", status);
    record.text("status_code", facts.http.status.map(|code| code.to_string()).as_deref());
    record.text("status_detail", facts.reason);
    record.text("message", facts.message().as_str());
    record.object("metadata", |metadata| {
        metadata.text("version", version.as_str());
        metadata.object("product", |product| stored.product(product));
        metadata.text("uid", facts.id);
        metadata.text("event_code", facts.kind);
        metadata.text("log_name", "compliance_activities");
        metadata.text("log_provider", stored.vendor());
        metadata.text("original_time", facts.created_at);
        metadata.number("logged_time", stored.received_at_micros.div_euclid(1000));
        metadata.number("sequence", i64::try_from(stored.place).unwrap_or(i64::MAX));
        metadata.text("tenant_uid", facts.organization_id.or(facts.organization_uuid));
        metadata.texts("profiles", profiles(choice, facts, version));
        metadata.objects("loggers", [()], |logger, ()| logger.text("name", "Ephor"));
    });
    if has_model(facts, version) {
        record.object("ai_model", |model| {
            model.text("ai_provider", "Anthropic");
            model.text("name", facts.model);
        });
    }
}

fn profiles<'p>(choice: &Choice, facts: &Facts<'_>, version: OcsfVersion) -> impl Iterator<Item = &'p str> {
    let host = choice.class.host_profile.then_some("host");
    let model = has_model(facts, version).then_some("ai_operation");
    let integrity = (version >= OcsfVersion::V1_9).then_some("record_integrity");
    [host, model, integrity].into_iter().flatten()
}

/// The profile reaches the classes that name a model only from 1.9.0 on.
fn has_model(facts: &Facts<'_>, version: OcsfVersion) -> bool {
    version >= OcsfVersion::V1_9 && facts.model.is_some()
}

pub(in crate::format) fn severity(level: Level) -> (i64, &'static str) {
    match level {
        Level::Informational => (1, "Informational"),
        Level::Low => (2, "Low"),
        Level::Medium => (3, "Medium"),
        Level::High => (4, "High"),
        Level::Critical => (5, "Critical"),
    }
}

fn who_and_whence(record: &mut Object<'_>, choice: &Choice, facts: &Facts<'_>) {
    let who = &facts.who;
    if choice.class.uid != 0 && acting(who) {
        record.object("actor", |actor| write_actor(actor, facts));
    }
    if choice.class.uid == 0 {
        return;
    }
    let named = who.ip_address().map(|ip| ("ip", ip.to_string()));
    // The class asks for an endpoint: without an address it is the acting service by its name, never an invented address.
    let service = choice.class.needs.contains(&Need::Actor).then(|| ("svc_name", who.kind.to_owned()));
    if let Some((key, value)) = named.or(service.filter(|(_, name)| !name.is_empty())) {
        record.object("src_endpoint", |endpoint| endpoint.text(key, value.as_str()));
    }
    let http = &facts.http;
    // File Hosting has no request before 1.6.
    if choice.class.uid != 6006 {
        record.object("http_request", |request| {
            request.text("user_agent", who.user_agent);
            request.text("http_method", http.method);
            request.text("uid", http.request_id);
            if let Some(url) = http.url {
                request.object("url", |object| object.text("url_string", url));
            }
        });
    }
}

fn body(record: &mut Object<'_>, choice: &Choice, facts: &Facts<'_>) {
    let object_kind = facts.meaning.object.as_str();
    match choice.class.uid {
        3001 | 3007 => {
            record.object("user", |user| write_affected(user, facts));
            if choice.class.needs.contains(&Need::Privileges) || choice.class.uid == 3007 {
                record.texts("privileges", facts.privileges.iter().copied());
            }
        }
        3002 => {
            record.object("user", |user| match user_of(facts) {
                Some(SignsIn::Subject(subject)) => write_subject(user, subject),
                _ => write_acting_user(user, &facts.who),
            });
            record.object("service", |service| service.text("name", "Claude"));
            record.text("auth_protocol", facts_text(facts, "auth_method").or(facts_text(facts, "method")));
            if facts_text(facts, "auth_method").or(facts_text(facts, "method")).is_some() {
                record.number("auth_protocol_id", OTHER);
            }
            if facts_text(facts, "mfa_method").is_some_and(|method| method != "none") {
                record.flag("is_mfa", true);
            }
        }
        3004 => {
            record.object("entity", |entity| write_entity(entity, facts));
            record.text("comment", first_change(facts).as_deref());
        }
        3005 => {
            record.object("user", |user| write_affected(user, facts));
            record.texts("privileges", facts.privileges.iter().copied());
            if let Some((id, kind)) = resource(facts) {
                record.object("resource", |resource| {
                    resource.text("uid", id);
                    resource.text("type", kind);
                });
            }
        }
        3006 => {
            if let Some((id, kind)) = group_of(facts) {
                record.object("group", |group| {
                    group.text("uid", id);
                    group.text("type", kind);
                    group.text("name", facts_text(facts, "group_name"));
                });
            }
            if let Some(subject) = facts.subject.filter(|subject| subject.kind != SubjectKind::Group) {
                record.object("user", |user| write_subject(user, subject));
            }
            record.texts("privileges", facts.privileges.iter().copied());
        }
        6001 => record.objects("web_resources", [()], |resource, ()| {
            resource.text("type", object_kind);
            resource.text("uid", facts.object.id);
            resource
                .text("name", facts.object.name.or(facts.object.id.is_none().then_some(facts.meaning.stem.as_str())));
        }),
        6003 => {
            record.object("api", |api| {
                api.text("operation", facts.kind);
                api.object("request", |request| request.text("uid", facts.http.request_id));
                api.object("service", |service| service.text("name", "Claude"));
            });
            if let Some(id) = facts.object.id.filter(|id| facts.http.request_id != Some(*id)) {
                record.objects("resources", [id], |resource, id| {
                    resource.text("uid", id);
                    resource.text("type", object_kind);
                });
            }
        }
        6006 => record.object("file", |file| {
            // Names of files are content and never leave: the id stands in for the name that the class asks for.
            file.text("name", facts.object.id);
            file.text("uid", facts.object.id);
            file.number("type_id", 1);
        }),
        _ => {}
    }
}

fn facts_text<'a>(facts: &Facts<'a>, name: &str) -> Option<&'a str> {
    crate::meaning::text(facts.row, name)
}

/// Whether there is anybody or anything to name as the actor.
fn acting(who: &Who<'_>) -> bool {
    who.label().is_some()
}

fn write_actor(actor: &mut Object<'_>, facts: &Facts<'_>) {
    let who = &facts.who;
    match who.kind {
        "scim_directory_sync_actor" => {
            actor.text("app_name", "SCIM directory sync");
            actor.object("idp", |idp| {
                idp.text("uid", who.text("directory_id"));
                idp.text("name", who.text("idp_connection_type"));
            });
        }
        "system_actor" => actor.text("app_name", who.id.unwrap_or("system")),
        "anthropic_actor" => {
            actor.text("app_name", "Anthropic");
            if who.email.is_some() {
                actor.object("user", |user| {
                    write_acting_user(user, who);
                    user.object("org", |org| org.text("name", "Anthropic"));
                });
            }
        }
        kind if who.id.is_none() && who.email.is_none() => actor.text("app_name", kind),
        _ => {
            actor.text("app_uid", who.key_id);
            actor.object("user", |user| write_acting_user(user, who));
        }
    }
    let issuer = who.text("issuer");
    if facts.session_id.is_some() || issuer.is_some() {
        actor.object("session", |session| {
            session.text("uid", facts.session_id);
            session.text("issuer", issuer);
        });
    }
}

fn write_acting_user(user: &mut Object<'_>, who: &Who<'_>) {
    user.text("uid", who.id);
    // An address alone identifies nobody in this schema; as a name it does.
    user.text("name", who.email);
    user.text("email_addr", who.email);
    user.text("credential_uid", who.key_id);
    let kind = match who.kind {
        "user_actor" | "unauthenticated_user_actor" | "anthropic_actor" => None,
        _ if who.key_id.is_some() => Some("API key"),
        _ if who.is_workload() => Some("Service"),
        "attested_device_actor" => Some("Attested device"),
        other => Some(other).filter(|kind| !kind.is_empty()),
    };
    user.number("type_id", if kind.is_some() { OTHER_TYPE } else { USER });
    user.text("type", kind.unwrap_or("User"));
}

/// Who signs in: whom the row names, else who acts.
enum SignsIn<'a> {
    Subject(Subject<'a>),
    Actor,
}

fn user_of<'a>(facts: &Facts<'a>) -> Option<SignsIn<'a>> {
    let acts = facts.who.id.is_some() || facts.who.email.is_some();
    match facts.subject {
        Some(subject) if subject.kind == SubjectKind::User || !acts => Some(SignsIn::Subject(subject)),
        _ => acts.then_some(SignsIn::Actor),
    }
}

/// Whom a change of an account is about: whom the row names, else the person who acts upon their own account.
fn affected<'a>(facts: &Facts<'a>) -> Option<SignsIn<'a>> {
    match facts.subject {
        Some(subject) if subject.kind == SubjectKind::Group => None,
        Some(subject) => Some(SignsIn::Subject(subject)),
        None => facts.who.user_id.map(|_| SignsIn::Actor),
    }
}

fn write_affected(user: &mut Object<'_>, facts: &Facts<'_>) {
    match affected(facts) {
        Some(SignsIn::Subject(subject)) => write_subject(user, subject),
        _ => write_acting_user(user, &facts.who),
    }
}

fn write_subject(user: &mut Object<'_>, subject: Subject<'_>) {
    user.text("uid", subject.id);
    user.text("name", subject.email);
    user.text("email_addr", subject.email);
    match subject.kind {
        SubjectKind::User => {
            user.number("type_id", USER);
            user.text("type", "User");
        }
        SubjectKind::ServiceAccount => {
            user.number("type_id", OTHER_TYPE);
            user.text("type", "Service");
        }
        SubjectKind::Group => {
            user.number("type_id", OTHER_TYPE);
            user.text("type", "Group");
        }
        SubjectKind::Named(kind) => {
            user.number("type_id", if kind.is_empty() { 0 } else { OTHER_TYPE });
            user.text("type", if kind.is_empty() { "Unknown" } else { kind });
        }
    }
}

/// A group whose members change, or one that is given something.
fn group_of<'a>(facts: &Facts<'a>) -> Option<(&'a str, &'a str)> {
    let principal = facts.subject.filter(|subject| subject.kind == SubjectKind::Group);
    facts.group.or_else(|| Some((principal?.id?, "group")))
}

fn has_member(facts: &Facts<'_>) -> bool {
    !facts.privileges.is_empty() || facts.subject.is_some_and(|subject| subject.kind != SubjectKind::Group)
}

fn resource<'a>(facts: &Facts<'a>) -> Option<(&'a str, Option<&'a str>)> {
    Some((facts_text(facts, "resource_id")?, facts_text(facts, "resource_type")))
}

fn write_entity(entity: &mut Object<'_>, facts: &Facts<'_>) {
    let kind = facts.meaning.object.as_str();
    let (type_id, caption) = match kind {
        "user" => (2, "User"),
        "group" => (3, "Group"),
        "organization" => (4, "Organization"),
        _ => (OTHER_TYPE, kind),
    };
    entity.number("type_id", type_id);
    entity.text("type", caption);
    entity.text("uid", facts.object.id);
    // A setting is known by what it is called.
    entity.text("name", facts.object.name.or(facts.object.id.is_none().then_some(facts.meaning.stem.as_str())));
    if let Some(subject) = facts.subject {
        match subject.kind {
            SubjectKind::Group => entity.object("group", |group| {
                group.text("uid", subject.id);
                group.text("name", facts_text(facts, "group_name"));
            }),
            _ => entity.object("user", |user| write_subject(user, subject)),
        }
    }
}

/// The first of an activity's changes in one line; all of them stand in `unmapped.updates`.
fn first_change(facts: &Facts<'_>) -> Option<String> {
    let change = facts.row.get("updates")?.as_array()?.first()?;
    let (name, before, now) = (change["type"].as_str()?, &change["previous_value"], &change["current_value"]);
    Some(format!("{name}: {before} -> {now}"))
}

fn observables(record: &mut Object<'_>, facts: &Facts<'_>) {
    const IP: (i64, &str) = (2, "IP Address");
    const EMAIL: (i64, &str) = (5, "Email Address");
    const RESOURCE: (i64, &str) = (10, "Resource UID");
    const AGENT: (i64, &str) = (16, "HTTP User-Agent");
    const CREDENTIAL: (i64, &str) = (19, "User Credential ID");
    let who = &facts.who;
    let mut seen: Vec<(&str, (i64, &str), &str)> = Vec::new();
    if who.ip_address().is_some() {
        seen.extend(who.ip.map(|ip| ("src_endpoint.ip", IP, ip)));
    }
    seen.extend(who.email.map(|email| ("actor.user.email_addr", EMAIL, email)));
    seen.extend(who.user_id.map(|id| ("actor.user.uid", RESOURCE, id)));
    seen.extend(who.key_id.map(|id| ("actor.app_uid", CREDENTIAL, id)));
    seen.extend(who.user_agent.map(|agent| ("http_request.user_agent", AGENT, agent)));
    seen.extend(facts.object.id.map(|id| (facts.meaning.object.as_str(), RESOURCE, id)));
    seen.extend(facts.named_user_ids().map(|id| ("user.uid", RESOURCE, id)));
    seen.extend(facts.named_emails().map(|email| ("user.email_addr", EMAIL, email)));
    let mut said: Vec<&str> = Vec::new();
    seen.retain(|(_, _, value)| {
        !said.contains(value) && {
            said.push(value);
            true
        }
    });
    record.objects("observables", seen, |observable, (name, (type_id, caption), value)| {
        observable.text("name", name);
        observable.number("type_id", type_id);
        observable.text("type", caption);
        observable.text("value", value);
    });
}

/// The fields of the type, and of the actor what has no place of its own.
fn unmapped(rest: &mut Object<'_>, facts: &Facts<'_>, everything: bool) {
    for (name, value) in facts.own_fields() {
        rest.json(name, value);
    }
    rest.text("organization_uuid", facts.organization_uuid);
    const PLACED: [&str; 6] =
        ["user_id", "email_address", "ip_address", "user_agent", "api_key_id", "admin_api_key_id"];
    let is_left = |name: &str| everything || !PLACED.contains(&name) || (name == "ip_address" && not_an_address(facts));
    let none = Map::new();
    let fields = facts.who.fields.unwrap_or(&none);
    rest.object("actor", |actor| {
        for (name, value) in fields.iter().filter(|(name, value)| is_left(name) && **value != Value::Null) {
            actor.json(name, value);
        }
        if facts.who.email_is_claimed {
            actor.flag("email_is_verified", false);
        }
    });
}

fn not_an_address(facts: &Facts<'_>) -> bool {
    facts.who.ip.is_some_and(|ip| ip.parse::<IpAddr>().is_err())
}
