//! The parts of a record that tables of fields name: `"suser" = "actor_email"`.
//! Every name means the same in every format.
//! Never a value that the row does not have.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Stored, zero_to_ten};
use crate::meaning::{Facts, SubjectKind};

/// A part of a record by its name in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Id,
    Type,
    Category,
    Deed,
    Outcome,
    Summary,
    Message,
    Level,
    Severity,
    Time,
    CreatedAt,
    ReceivedTime,
    Seq,
    Source,
    Organization,
    OrganizationId,
    OrganizationUuid,
    WorkspaceId,
    ActorType,
    ActorId,
    ActorName,
    ActorEmail,
    ActorUserId,
    ActorKeyId,
    Actor,
    Ip,
    IpV4,
    IpV6,
    UserAgent,
    SubjectId,
    SubjectEmail,
    Subject,
    ObjectType,
    ObjectId,
    ObjectName,
    FileId,
    Privilege,
    PreviousPrivilege,
    GroupId,
    SessionId,
    Reason,
    HttpMethod,
    HttpStatus,
    HttpUrl,
    HttpRequestId,
    Product,
    Rest,
}

/// The text of a part, if the record has it.
pub(super) fn part<'a>(facts: &'a Facts<'_>, stored: &'a Stored<'_>, part: Part) -> Option<Cow<'a, str>> {
    let who = &facts.who;
    let text = |text: Option<&'a str>| text.map(Cow::Borrowed);
    match part {
        Part::Id => text(Some(facts.id)),
        Part::Type => text(Some(facts.kind)),
        Part::Category => text(Some(&facts.meaning.category)),
        Part::Deed => text(Some(facts.deed().as_str())),
        Part::Outcome => text(Some(facts.outcome.as_str())),
        Part::Summary => text(Some(&facts.meaning.summary)),
        Part::Message => Some(facts.message().into()),
        Part::Level => text(Some(facts.level.as_str())),
        Part::Severity => Some(zero_to_ten(facts.level).to_string().into()),
        Part::Time => Some(stored.at_micros.div_euclid(1000).to_string().into()),
        Part::CreatedAt => text(Some(facts.created_at)),
        Part::ReceivedTime => Some(stored.received_at_micros.div_euclid(1000).to_string().into()),
        Part::Seq => Some(stored.place.to_string().into()),
        Part::Source => text(Some(stored.source)),
        Part::Organization => text(facts.organization_id.or(facts.organization_uuid)),
        Part::OrganizationId => text(facts.organization_id),
        Part::OrganizationUuid => text(facts.organization_uuid),
        Part::WorkspaceId => text(facts.workspace_id),
        Part::ActorType => text(Some(who.kind).filter(|kind| !kind.is_empty())),
        Part::ActorId => text(who.id),
        Part::ActorName => text(who.email.and_then(|email| email.split('@').next()).filter(|name| !name.is_empty())),
        Part::ActorEmail => text(who.email),
        Part::ActorUserId => text(who.user_id),
        Part::ActorKeyId => text(who.key_id),
        Part::Actor => text(who.label()),
        Part::Ip => text(who.ip.filter(|_| who.ip_address().is_some())),
        Part::IpV4 => text(who.ip.filter(|_| who.ip_address().is_some_and(|ip| ip.is_ipv4()))),
        Part::IpV6 => text(who.ip.filter(|_| who.ip_address().is_some_and(|ip| ip.is_ipv6()))),
        Part::UserAgent => text(who.user_agent),
        Part::SubjectId => text(facts.subject.and_then(|subject| subject.id)),
        Part::SubjectEmail => text(facts.subject.and_then(|subject| subject.email)),
        Part::Subject => text(facts.subject.and_then(|subject| subject.email.or(subject.id))),
        Part::ObjectType => text(Some(&facts.meaning.object)),
        Part::ObjectId => text(facts.object.id),
        Part::ObjectName => text(facts.object.name),
        Part::FileId => text(facts.object.id.filter(|_| is_file(facts))),
        Part::Privilege => text(facts.privileges.first().copied()),
        Part::PreviousPrivilege => text(facts.previous_privilege),
        Part::GroupId => text(facts.group.map(|(id, _)| id).or_else(|| group_subject(facts))),
        Part::SessionId => text(facts.session_id),
        Part::Reason => text(facts.reason),
        Part::HttpMethod => text(facts.http.method),
        Part::HttpStatus => facts.http.status.map(|status| status.to_string().into()),
        Part::HttpUrl => text(facts.http.url),
        Part::HttpRequestId => text(facts.http.request_id),
        Part::Product => text(Some(stored.product_name())),
        Part::Rest => rest(facts),
    }
}

fn is_file(facts: &Facts<'_>) -> bool {
    matches!(facts.meaning.object.as_str(), "file" | "project_document")
}

fn group_subject<'a>(facts: &Facts<'a>) -> Option<&'a str> {
    facts.subject.filter(|subject| subject.kind == SubjectKind::Group)?.id
}

/// The fields of the type as one JSON object, for formats that have no place for them.
fn rest<'a>(facts: &Facts<'_>) -> Option<Cow<'a, str>> {
    let mut out = Vec::new();
    crate::json::object(&mut out, |object| {
        for (name, value) in facts.own_fields() {
            object.json(name, value);
        }
    });
    let text = String::from_utf8(out).ok()?;
    (text != "{}").then(|| text.into())
}
