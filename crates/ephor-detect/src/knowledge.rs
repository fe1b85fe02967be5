//! From what the directory listed over time to facts: who was what, owned what and belonged where from which moment on.
//! Promises the same facts from the same history, in whatever steps it was read.
//! Never keeps a row: only what rules ask of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ephor_lake::directory::{Directory, DirectoryVersion};
use ephor_wire::timestamp::parse_micros;
use serde_json::{Map, Value};

use crate::error::DetectError;
use crate::facts::{Fact, FactValue, Facts};
use crate::objects::{KINDS, object_of, owner_of, text};

/// What is listed so soon after the first of its kind counts for ever before: the first listing of everything takes its
/// time, and nothing is known of the time before it.
const FIRST_LISTING_MICROS: i64 = 3_600_000_000;

/// Kinds whose rows say something of what rules ask.
const TELLING: [&str; 8] = ["organization", "user", "role", "group", "group_member", "api_key", "workspace", "invite"];

/// What a row says.
#[derive(Debug)]
pub(crate) struct Said {
    /// The object that it is about.
    id: String,
    /// What its group is called.
    group_name: Option<String>,
    facts: Vec<Fact>,
}

impl Said {
    pub(crate) fn of(kind: &str, object: &Map<String, Value>) -> Option<Self> {
        if !TELLING.contains(&kind) {
            return None;
        }
        let is_membership = kind == "group_member";
        let id = text(object, if is_membership { "user_id" } else { "id" })?.to_owned();
        let group_name = text(object, "name").filter(|_| kind == "group").map(str::to_owned);
        Some(Self { id, group_name, facts: if is_membership { Vec::new() } else { told_by(object) } })
    }
}

/// Where a row stands: its kind, scope and key.
type Slot = (&'static str, String, String);

/// Facts in the making.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    facts: Facts,
    /// What rows say of the objects that they are about.
    told: BTreeMap<String, BTreeMap<Slot, Vec<Fact>>>,
    /// Of each row, the object that it is about.
    about: BTreeMap<Slot, String>,
    /// Of each group, its name and its members.
    group_names: BTreeMap<String, String>,
    members: BTreeMap<String, BTreeSet<String>>,
    groups_of: BTreeMap<String, BTreeSet<String>>,
}

/// The facts of a directory's whole history.
pub(crate) async fn facts_of(directory: &Directory) -> Result<Facts, DetectError> {
    let mut versions: Vec<(i64, Slot, Option<Said>)> = Vec::new();
    for (kind, name) in KINDS.into_iter().filter(|(_, name)| TELLING.contains(name)) {
        let of_kind = directory.versions(kind).await?;
        let first = of_kind.iter().map(|version| version.observed_at_micros).min().unwrap_or_default();
        let since = |version: &DirectoryVersion| match version.observed_at_micros - first < FIRST_LISTING_MICROS {
            true => i64::MIN,
            false => version.observed_at_micros,
        };
        // Rows are large and what they say is small: those of one kind at a time are in memory.
        versions.extend(of_kind.into_iter().map(|version| {
            let object = version.value.as_deref().and_then(|row| object_of(name, &version.scope, row));
            let said = object.and_then(|object| Said::of(name, &object));
            (since(&version), (name, version.scope, version.key), said)
        }));
    }
    // Stable: what was recorded later of one kind comes later.
    versions.sort_by_key(|(since, ..)| *since);
    let mut knowledge = Knowledge::default();
    for (since, slot, said) in versions {
        knowledge.tell(since, slot, said);
    }
    Ok(knowledge.facts)
}

impl Knowledge {
    /// A row is this from a moment on, or is there no more.
    pub(crate) fn tell(&mut self, since_micros: i64, slot: Slot, said: Option<Said>) {
        let mut touched: BTreeSet<String> = BTreeSet::new();
        if let Some(id) = self.about.remove(&slot) {
            self.forget(&slot, &id);
            self.touch(&slot, id, &mut touched);
        }
        if let Some(Said { id, group_name, facts }) = said {
            if slot.0 == "group_member" {
                self.joins(&slot, &id);
            } else {
                self.group_names.extend(group_name.map(|name| (id.clone(), name)));
                self.told.entry(id.clone()).or_default().insert(slot.clone(), facts);
            }
            self.touch(&slot, id.clone(), &mut touched);
            self.about.insert(slot, id);
        }
        for id in touched {
            let known = self.known_of(&id);
            self.facts.learn(&id, since_micros, known);
        }
    }

    /// Whose facts depend on the object of a row: its own, and of a group those of its members.
    fn touch(&self, slot: &Slot, id: String, touched: &mut BTreeSet<String>) {
        if slot.0 == "group" {
            touched.extend(self.members.get(&id).into_iter().flatten().cloned());
        }
        touched.insert(id);
    }

    fn joins(&mut self, (_, group, _): &Slot, user: &str) {
        self.members.entry(group.clone()).or_default().insert(user.to_owned());
        self.groups_of.entry(user.to_owned()).or_default().insert(group.clone());
    }

    fn forget(&mut self, slot: &Slot, id: &str) {
        if slot.0 == "group_member" {
            self.members.entry(slot.1.clone()).or_default().remove(id);
            self.groups_of.entry(id.to_owned()).or_default().remove(&slot.1);
            return;
        }
        if slot.0 == "group" {
            self.group_names.remove(id);
        }
        if let Some(rows) = self.told.get_mut(id) {
            rows.remove(slot);
        }
    }

    /// Each thing once, as the rows come; moments last.
    fn known_of(&self, id: &str) -> Vec<Fact> {
        let told = || self.told.get(id).into_iter().flat_map(BTreeMap::values).flatten();
        let is_moment = |fact: &Fact| matches!(fact.value, FactValue::Moment(_));
        let groups = self.groups_of.get(id).into_iter().flatten().map(|group| {
            let name = self.group_names.get(group).unwrap_or(group);
            Fact { name: "group", value: FactValue::Text(Arc::from(name.as_str())) }
        });
        let texts = told().filter(|fact| !is_moment(fact)).cloned().chain(groups);
        let mut known: Vec<Fact> = Vec::new();
        for fact in texts.chain(told().filter(|fact| is_moment(fact)).cloned()) {
            if !known.contains(&fact) {
                known.push(fact);
            }
        }
        known
    }

    /// The facts so far.
    pub(crate) fn into_facts(self) -> Facts {
        self.facts
    }
}

/// What one row says of the object that it is about.
fn told_by(object: &Map<String, Value>) -> Vec<Fact> {
    let named = ["name", "status", "role", "email"].map(|name| (name, text(object, name)));
    let more = [("created_by", owner_of(object)), ("workspace", text(object, "workspace_id"))];
    let texts = named.into_iter().chain(more).filter_map(|(name, value)| Some((name, value?)));
    let mut told: Vec<Fact> =
        texts.map(|(name, value)| Fact { name, value: FactValue::Text(Arc::from(value)) }).collect();
    let created = ["created_at", "added_at"].iter().find_map(|name| text(object, name)).and_then(parse_micros);
    told.extend(created.map(|at| Fact { name: "created_at", value: FactValue::Moment(at) }));
    told
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ephor_lake::directory::{DirectoryKind, DirectoryRow, DirectorySnapshot};
    use serde_json::json;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    async fn list(directory: &Directory, kind: DirectoryKind, scope: &str, at: i64, rows: &[(&str, Value)]) {
        let row = |(key, value): &(&str, Value)| DirectoryRow { key: (*key).to_owned(), value: value.clone() };
        let (scope, source, rows) = (scope.to_owned(), "api".to_owned(), rows.iter().map(row).collect());
        directory.record(DirectorySnapshot { kind, scope, source, observed_at_micros: at, rows }).await.unwrap();
    }

    fn known(facts: &Facts, id: &str, name: &str, at: i64) -> Vec<String> {
        let mut values = Vec::new();
        facts.of(id, name, at, &mut values);
        values.iter().filter_map(|value| value.as_str().map(std::borrow::Cow::into_owned)).collect()
    }

    #[tokio::test]
    async fn a_role_and_a_group_are_those_of_the_moment_and_the_first_listing_counts_for_ever_before() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::open(dir.path()).await.unwrap();
        let user = |role: &str| ("user_1", json!({ "id": "user_1", "organization_role": role }));
        let group = |name: &str| ("group_1", json!({ "id": "group_1", "name": name }));
        let member = ("user_1", json!({ "user_id": "user_1" }));
        list(&directory, DirectoryKind::Users, "org", 100 * HOUR, &[user("user")]).await;
        list(&directory, DirectoryKind::Groups, "", 100 * HOUR, &[group("Red")]).await;
        list(&directory, DirectoryKind::GroupMembers, "group_1", 100 * HOUR + 1, &[member]).await;
        list(&directory, DirectoryKind::Users, "org", 200 * HOUR, &[user("admin")]).await;
        list(&directory, DirectoryKind::Groups, "", 250 * HOUR, &[group("Blue")]).await;
        list(&directory, DirectoryKind::GroupMembers, "group_1", 300 * HOUR, &[]).await;
        let facts = facts_of(&directory).await.unwrap();
        let role = |at: i64| known(&facts, "user_1", "role", at * HOUR).join(" ");
        assert_eq!([0, 199, 200].map(role), ["user", "user", "admin"]);
        let groups = |at: i64| known(&facts, "user_1", "group", at * HOUR).join(" ");
        assert_eq!([0, 249, 250, 300].map(groups), ["Red", "Red", "Blue", ""]);
        list(&directory, DirectoryKind::Users, "org", 400 * HOUR, &[]).await;
        let later = facts_of(&directory).await.unwrap();
        assert_eq!(facts.differ_from(&later), Some(400 * HOUR));
        assert_eq!(known(&later, "user_1", "role", 400 * HOUR), Vec::<String>::new(), "who has left has no role");
    }
}
