//! One activity taken apart: who did what to whom and to what, from where, and how it ended.
//! Borrows from the row; what a row does not say is `None` and never made up.
//! Never reads a content field: those are gone before a row comes here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use ephor_wire::content::is_content_field;
use serde_json::{Map, Value};

use super::{Deed, Level, Meaning, Outcome, fields, meaning};

/// An activity taken apart.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) row: &'a Map<String, Value>,
    pub(crate) id: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) created_at: &'a str,
    pub(crate) meaning: Arc<Meaning>,
    pub(crate) outcome: Outcome,
    pub(crate) level: Level,
    pub(crate) organization_id: Option<&'a str>,
    pub(crate) organization_uuid: Option<&'a str>,
    pub(crate) workspace_id: Option<&'a str>,
    pub(crate) who: Who<'a>,
    pub(crate) subject: Option<Subject<'a>>,
    /// The group, workspace or project whose members change: id and kind.
    pub(crate) group: Option<(&'a str, &'a str)>,
    pub(crate) object: Object<'a>,
    pub(crate) privileges: Vec<&'a str>,
    pub(crate) previous_privilege: Option<&'a str>,
    pub(crate) session_id: Option<&'a str>,
    pub(crate) reason: Option<&'a str>,
    pub(crate) http: Http<'a>,
    pub(crate) model: Option<&'a str>,
}

/// Who did it.
#[derive(Debug, Default)]
pub(crate) struct Who<'a> {
    pub(crate) kind: &'a str,
    /// What identifies the actor, of whatever kind.
    pub(crate) id: Option<&'a str>,
    pub(crate) user_id: Option<&'a str>,
    pub(crate) email: Option<&'a str>,
    /// Whether the address is only claimed.
    pub(crate) email_is_claimed: bool,
    pub(crate) key_id: Option<&'a str>,
    pub(crate) ip: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
    pub(crate) fields: Option<&'a Map<String, Value>>,
}

impl<'a> Who<'a> {
    /// A text field of the actor.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        text(self.fields?, name)
    }

    /// The address, if it is one; the wire does not promise that.
    pub(crate) fn ip_address(&self) -> Option<IpAddr> {
        self.ip?.parse().ok()
    }

    /// What a person calls the actor.
    pub(crate) fn label(&self) -> Option<&'a str> {
        self.email.or(self.id).or((!self.kind.is_empty()).then_some(self.kind))
    }

    /// Whether it is a workload and no person.
    pub(crate) fn is_workload(&self) -> bool {
        matches!(self.kind, "service_account_actor" | "federated_identity_actor" | "federated_actor")
    }
}

/// Whom it was done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject<'a> {
    pub(crate) kind: SubjectKind<'a>,
    pub(crate) id: Option<&'a str>,
    pub(crate) email: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubjectKind<'a> {
    User,
    ServiceAccount,
    Group,
    /// A kind as the row calls it.
    Named(&'a str),
}

/// What it was done to.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
}

/// The request that an activity tells of.
#[derive(Debug, Default)]
pub(crate) struct Http<'a> {
    pub(crate) method: Option<&'a str>,
    pub(crate) url: Option<&'a str>,
    pub(crate) status: Option<i64>,
    pub(crate) request_id: Option<&'a str>,
}

impl<'a> Facts<'a> {
    /// Takes a row apart. A row without id, type or time is none that the lake stores; it has empty ones here.
    pub(crate) fn of(row: &'a Map<String, Value>) -> Self {
        let names = fields();
        let kind = text(row, "type").unwrap_or_default();
        let meaning = meaning(kind);
        let parts = Parts::of(row);
        let http = Http {
            method: text(row, &names.http_method),
            url: text(row, &names.http_url),
            status: row.get(&names.http_status).and_then(Value::as_i64),
            request_id: text(row, &names.http_request_id),
        };
        let status = names.outcome_objects.iter().find_map(|name| row.get(name)?.as_object());
        let told = status.and_then(|status| text(status, "outcome")).or(parts.text(Part::Outcome));
        let outcome = outcome(row, &http, told, meaning.outcome);
        let privileges = match kind {
            "primary_owner_transferred" => vec!["primary_owner"],
            _ => parts.text(Part::Privilege).into_iter().collect(),
        };
        let own = |names: &[String]| names.iter().find_map(|name| text(row, name));
        Self {
            row,
            id: text(row, "id").unwrap_or_default(),
            kind,
            created_at: text(row, "created_at").unwrap_or_default(),
            level: meaning.level(outcome, row),
            outcome,
            organization_id: text(row, "organization_id"),
            organization_uuid: text(row, "organization_uuid"),
            workspace_id: text(row, "workspace_id"),
            who: who(row),
            subject: subject(row, &parts),
            group: parts.best(Part::Group).map(|(rank, id)| (id, names.groups[rank].1.as_str())),
            object: Object {
                id: own(&meaning.object_ids).or(parts.text(Part::ObjectId)),
                name: own(&meaning.object_names).or(parts.text(Part::ObjectName)),
            },
            privileges,
            previous_privilege: parts.text(Part::PreviousPrivilege),
            session_id: parts.text(Part::Session),
            reason: status.and_then(|status| text(status, "reason")).or(parts.text(Part::Reason)),
            http,
            model: parts.text(Part::Model),
            meaning,
        }
    }

    pub(crate) fn deed(&self) -> Deed {
        self.meaning.deed
    }

    /// One sentence: what, and by whom.
    pub(crate) fn message(&self) -> String {
        match self.who.label() {
            Some(who) => format!("{} ({who})", self.meaning.summary),
            None => self.meaning.summary.clone(),
        }
    }

    /// The fields of the type: everything beside the envelope and the actor. Fields that can hold content are empty by
    /// now, and are left out so that no receiver makes a column for them.
    pub(crate) fn own_fields(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        const ENVELOPE: [&str; 6] = ["id", "type", "created_at", "actor", "organization_id", "organization_uuid"];
        self.row.iter().filter(|(name, _)| !ENVELOPE.contains(&name.as_str()) && !is_content_field(name))
    }

    /// Every user id that the row names beside the actor.
    pub(crate) fn named_user_ids(&self) -> impl Iterator<Item = &'a str> {
        let names = fields();
        let row = self.row;
        let single = names.user_ids.iter().filter_map(move |name| text(row, name));
        let listed = names.user_lists.iter().filter_map(move |name| row.get(name)?.as_array());
        let principal = self.subject.filter(|subject| subject.kind == SubjectKind::User).and_then(|s| s.id);
        single.chain(listed.flatten().filter_map(Value::as_str)).chain(principal)
    }

    /// Every e-mail address that the row names beside the actor's.
    pub(crate) fn named_emails(&self) -> impl Iterator<Item = &'a str> {
        let names = fields();
        let row = self.row;
        let single = names.user_emails.iter().filter_map(move |name| text(row, name));
        let listed = names.email_lists.iter().filter_map(move |name| row.get(name)?.as_array());
        single.chain(listed.flatten().filter_map(Value::as_str))
    }
}

/// Text that is there and not empty.
pub(crate) fn text<'a>(row: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    row.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn who(row: &Map<String, Value>) -> Who<'_> {
    let Some(fields) = row.get("actor").and_then(Value::as_object) else {
        return Who::default();
    };
    let of = |name: &str| text(fields, name);
    let (email, claimed) = (of("email_address"), of("unauthenticated_email_address"));
    let key_id = of("api_key_id").or_else(|| of("admin_api_key_id"));
    let own = ["user_id", "service_account_id", "subject", "service", "directory_id", "external_client_id"];
    Who {
        kind: of("type").unwrap_or_default(),
        id: own.iter().find_map(|name| of(name)).or(key_id),
        user_id: of("user_id"),
        email: email.or(claimed),
        email_is_claimed: email.is_none() && claimed.is_some(),
        key_id,
        ip: of("ip_address"),
        user_agent: of("user_agent"),
        fields: Some(fields),
    }
}

fn subject<'a>(row: &'a Map<String, Value>, parts: &Parts<'a>) -> Option<Subject<'a>> {
    let names = fields();
    let (id, email) = (parts.text(Part::UserId), parts.text(Part::UserEmail));
    if id.is_some() || email.is_some() {
        return Some(Subject { kind: SubjectKind::User, id, email });
    }
    if let Some((rank, id)) = parts.best(Part::Principal) {
        let kind = match text(row, &names.principals[rank].1).unwrap_or_default() {
            "user" | "account" => SubjectKind::User,
            "service_account" => SubjectKind::ServiceAccount,
            "group" | "rbac_group" => SubjectKind::Group,
            other => SubjectKind::Named(other),
        };
        return Some(Subject { kind, id: Some(id), email: None });
    }
    if let Some(id) = parts.text(Part::ServiceAccount) {
        return Some(Subject { kind: SubjectKind::ServiceAccount, id: Some(id), email: None });
    }
    let member = names.user_lists.iter().find_map(|name| row.get(name)?.as_array()?.first()?.as_str());
    member.map(|id| Subject { kind: SubjectKind::User, id: Some(id), email: None })
}

/// What the row says of how it ended counts before what its type says.
fn outcome(row: &Map<String, Value>, http: &Http<'_>, told: Option<&str>, of_type: Option<Outcome>) -> Outcome {
    let names = fields();
    let word = |word: &str| {
        let is = |known: &String| known.eq_ignore_ascii_case(word);
        match () {
            () if names.succeeded.iter().any(is) => Some(Outcome::Success),
            () if names.failed.iter().any(is) => Some(Outcome::Failure),
            () => None,
        }
    };
    let by_status = http.status.map(|status| match status {
        ..400 => Outcome::Success,
        _ => Outcome::Failure,
    });
    let by_flag = row.get("failed").and_then(Value::as_bool).filter(|failed| *failed).map(|_| Outcome::Failure);
    told.and_then(word).or(by_status).or(by_flag).or(of_type).unwrap_or(Outcome::Unknown)
}

/// A part of a row that stands in one of several fields.
#[derive(Debug, Clone, Copy)]
enum Part {
    ObjectId,
    ObjectName,
    UserId,
    UserEmail,
    ServiceAccount,
    Principal,
    Group,
    Privilege,
    PreviousPrivilege,
    Session,
    Reason,
    Outcome,
    Model,
}

const PARTS: usize = Part::Model as usize + 1;

/// Of each part the field that comes first in the table, found in one pass over the row: rows have few fields, tables many.
struct Parts<'a> {
    best: [Option<(usize, &'a str)>; PARTS],
}

/// Which parts a field can be, and its rank among the fields that can.
static PLACES: LazyLock<HashMap<&'static str, Vec<(Part, usize)>>> = LazyLock::new(|| {
    let names = fields();
    let mut places: HashMap<&'static str, Vec<(Part, usize)>> = HashMap::new();
    let mut all = |part: Part, list: &mut dyn Iterator<Item = &'static String>| {
        for (rank, name) in list.enumerate() {
            places.entry(name.as_str()).or_default().push((part, rank));
        }
    };
    all(Part::ObjectId, &mut names.object_ids.iter());
    all(Part::ObjectName, &mut names.object_names.iter());
    all(Part::UserId, &mut names.user_ids.iter());
    all(Part::UserEmail, &mut names.user_emails.iter());
    all(Part::ServiceAccount, &mut names.service_accounts.iter());
    all(Part::Principal, &mut names.principals.iter().map(|(field, _)| field));
    all(Part::Group, &mut names.groups.iter().map(|(field, _)| field));
    all(Part::Privilege, &mut names.privileges.iter());
    all(Part::PreviousPrivilege, &mut names.previous_privileges.iter());
    all(Part::Session, &mut names.sessions.iter());
    all(Part::Reason, &mut names.reasons.iter());
    all(Part::Outcome, &mut names.outcomes.iter());
    all(Part::Model, &mut names.models.iter());
    places
});

impl<'a> Parts<'a> {
    fn of(row: &'a Map<String, Value>) -> Self {
        let mut best: [Option<(usize, &'a str)>; PARTS] = [None; PARTS];
        for (name, value) in row {
            let (Some(places), Some(text)) = (PLACES.get(name.as_str()), value.as_str()) else { continue };
            for (part, rank) in places {
                let place = &mut best[*part as usize];
                if !text.is_empty() && place.is_none_or(|(known, _)| *rank < known) {
                    *place = Some((*rank, text));
                }
            }
        }
        Self { best }
    }

    fn best(&self, part: Part) -> Option<(usize, &'a str)> {
        self.best[part as usize]
    }

    fn text(&self, part: Part) -> Option<&'a str> {
        self.best(part).map(|(_, text)| text)
    }
}
