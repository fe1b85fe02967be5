//! What became of what was revoked: the activity that shows its end, or the day by which there should have been one.
//! Promises that a ticket proves nothing here: only the record does.

use std::collections::BTreeMap;

use ephor_wire::timestamp::DAY_MICROS;
use serde::Serialize;
use serde_json::Value;

use super::entitlement::{Entitlement, EntitlementKind, Flag};
use super::store::{Item, Verdict};
use crate::answer::{Answer, instant};
use crate::desk::Desk;
use crate::error::ReportError;

/// Days within which a revoked right must be gone; a privileged one within a day.
const DUE_DAYS: i64 = 7;

/// What became of one revoked item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// The item's number.
    pub item: u64,
    /// Who held it.
    pub person: String,
    /// What it was.
    pub object: String,
    /// How it stands.
    pub state: RemovalState,
    /// When it ended.
    #[serde(rename = "ended_at", serialize_with = "crate::render::instants::optional")]
    pub ended_micros: Option<i64>,
    /// The activity that shows it.
    pub activity: Option<String>,
}

/// How a revoked item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalState {
    /// The record shows its end.
    Removed,
    /// It is still there, and there is time.
    Due,
    /// It is still there, and the time is over.
    Overdue,
    /// It ended, and was given again.
    GivenAgain,
}

impl RemovalState {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::GivenAgain => "given again",
        }
    }
}

/// What became of every item that was revoked.
pub async fn removals(desk: &Desk, items: &[Item]) -> Result<Vec<Removal>, ReportError> {
    let revoked: Vec<(&Item, i64)> = items
        .iter()
        .filter_map(|item| Some((item, item.decision.as_ref().filter(|d| d.verdict == Verdict::Revoke)?.at_micros)))
        .collect();
    let Some(first) = revoked.iter().map(|(_, at)| *at).min() else { return Ok(Vec::new()) };
    let ends = Ends::read(desk, first).await?;
    let now = super::entitlements(desk).await?;
    let mut removals = Vec::new();
    for (item, decided) in revoked {
        let entitlement = &item.entitlement;
        let end = ends.of(entitlement, decided);
        let still_there = now.iter().any(|one| {
            one.person == entitlement.person
                && one.kind == entitlement.kind
                && one.object == entitlement.object
                && one.role == entitlement.role
        });
        let due_days = if entitlement.flags.contains(&Flag::Privileged) { 1 } else { DUE_DAYS };
        let state = match (&end, still_there) {
            (Some((at, _)), true) if one_newer(&now, entitlement, *at) => RemovalState::GivenAgain,
            (Some(_), _) => RemovalState::Removed,
            // The directory no longer lists it: it is gone, though nothing in the feed says who did it.
            (None, false) => RemovalState::Removed,
            (None, true) if desk.now_micros > decided + due_days * DAY_MICROS => RemovalState::Overdue,
            (None, true) => RemovalState::Due,
        };
        removals.push(Removal {
            item: item.number,
            person: entitlement.email.clone().unwrap_or_else(|| entitlement.person.clone()),
            object: entitlement.object_name.clone().unwrap_or_else(|| entitlement.object.clone()),
            state,
            ended_micros: end.as_ref().map(|(at, _)| *at),
            activity: end.map(|(_, activity)| activity),
        });
    }
    Ok(removals)
}

fn one_newer(now: &[Entitlement], gone: &Entitlement, ended: i64) -> bool {
    now.iter().any(|one| {
        one.person == gone.person
            && one.object == gone.object
            && one.granted_micros.is_some_and(|granted| granted > ended)
    })
}

/// Activities that end a right: person and object to when and which.
#[derive(Default)]
struct Ends {
    by_person_and_object: BTreeMap<(String, String), Vec<(i64, String)>>,
    /// Activities that end everything of a person.
    of_person: BTreeMap<String, Vec<(i64, String)>>,
}

impl Ends {
    async fn read(desk: &Desk, from_micros: i64) -> Result<Self, ReportError> {
        let statement = format!(
            "select created_at, id, type, organization_uuid, actor_id, raw from activities where created_at >= {} and type in \
             ('claude_user_role_updated', 'org_user_deleted', 'org_user_left', 'scim_user_deleted', 'group_member_removed', \
              'group_deleted', 'platform_workspace_member_removed', 'role_assignment_revoked', 'rbac_role_unassigned', \
              'platform_api_key_updated', 'scoped_api_key_deleted', 'scoped_api_key_updated', 'admin_api_key_deleted', \
              'service_key_revoked', 'integration_user_disconnected') order by created_at, id",
            instant(from_micros)
        );
        let mut ends = Self::default();
        Answer::of(&desk.lake, &statement).await?.each(|row| {
            let raw: Value = row.text(5).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
            let end = (row.number(0).unwrap_or_default(), row.owned(1).unwrap_or_default());
            let kind = row.text(2).unwrap_or_default();
            let text = |names: &[&str]| names.iter().find_map(|name| raw[*name].as_str()).map(str::to_owned);
            if matches!(kind, "org_user_deleted" | "scim_user_deleted" | "org_user_left") {
                let person = text(&["deleted_user_id", "user_id"]).or_else(|| row.owned(4));
                if let Some(person) = person {
                    ends.of_person.entry(person).or_default().push(end);
                }
                return;
            }
            let object = text(&[
                "group_id",
                "workspace_id",
                "target_id",
                "api_key_id",
                "admin_api_key_id",
                "service_key_id",
                "mcp_server_id",
            ])
            .or_else(|| row.owned(3));
            let Some(object) = object else { return };
            let members =
                raw["member_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
            let one = text(&["user_id", "principal_id"])
                .or_else(|| (kind == "integration_user_disconnected").then(|| row.owned(4)).flatten());
            // A key belongs to whoever made it, whoever ends it.
            let anybody = kind.contains("key").then(String::new);
            for person in members.chain(one).chain(anybody) {
                ends.by_person_and_object.entry((person, object.clone())).or_default().push(end.clone());
            }
        });
        Ok(ends)
    }

    fn of(&self, entitlement: &Entitlement, since: i64) -> Option<(i64, String)> {
        let person = if entitlement.kind == EntitlementKind::ApiKey { "" } else { entitlement.person.as_str() };
        let own = self.by_person_and_object.get(&(person.to_owned(), entitlement.object.clone()));
        let all = self.of_person.get(&entitlement.person);
        own.into_iter().chain(all).flatten().find(|(at, _)| *at >= since).cloned()
    }
}
