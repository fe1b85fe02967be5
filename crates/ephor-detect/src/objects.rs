//! What the directory lists now, as events for state rules.
//! Promises one object for each row that a source lists, in a fixed order.
//! Never guesses: an owner of whom nothing is known is unknown.

use std::collections::{BTreeMap, BTreeSet};

use ephor_lake::directory::{Directory, DirectoryKind};
use ephor_wire::timestamp::parse_micros;
use serde_json::{Map, Value};

use crate::facts::Facts;
use crate::fields::{Flat, View};
use crate::finding::{Entity, Finding, FindingId, Window};
use crate::knowledge::{Knowledge, Said};
use crate::matcher::{UNKNOWN, entities_of, selects};
use crate::route::may_select_object;
use crate::rule::{AsksAbout, Rule, RuleSet, Words};
use crate::tell::gather_words;

const DAY_MICROS: i64 = 86_400_000_000;

const KEY: &str = "api_key";
const PERSON: &str = "user";

/// Kinds of the directory with what rules call an object of each.
pub(crate) const KINDS: [(DirectoryKind, &str); 10] = [
    (DirectoryKind::Organizations, "organization"),
    (DirectoryKind::Users, PERSON),
    (DirectoryKind::Roles, "role"),
    (DirectoryKind::Groups, "group"),
    (DirectoryKind::GroupMembers, "group_member"),
    (DirectoryKind::Settings, "setting"),
    (DirectoryKind::ApiKeys, KEY),
    (DirectoryKind::Workspaces, "workspace"),
    (DirectoryKind::WorkspaceMembers, "workspace_member"),
    (DirectoryKind::Invites, "invite"),
];

/// Objects of the directory, each a JSON object with `object` and, where it has one, `scope`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Objects {
    all: Vec<Map<String, Value>>,
}

impl Objects {
    /// What a directory lists now of the kinds that are asked about: of a hundred thousand people, memberships alone are
    /// half a million objects, and few rules ask about them.
    pub(crate) fn of(directory: &Directory, is_asked: impl Fn(&str) -> bool) -> Self {
        let listed = |kind: DirectoryKind, name: &'static str| {
            let mut scopes = directory.scopes(kind);
            scopes.sort();
            let of_scope = move |scope: &String| {
                let rows = directory.current(kind, scope);
                rows.iter().filter_map(|row| object_of(name, scope, row)).collect::<Vec<_>>()
            };
            scopes.into_iter().flat_map(move |scope| of_scope(&scope))
        };
        let all = KINDS.iter().filter(|(_, name)| is_asked(name)).flat_map(|(kind, name)| listed(*kind, name));
        let mut objects = Self { all: all.collect() };
        if is_asked(KEY) {
            objects.link(&listed(DirectoryKind::Users, PERSON).filter_map(|user| standing_of(&user)).collect());
        }
        objects
    }

    /// Objects as a test gives them.
    pub(crate) fn given(objects: Vec<Map<String, Value>>) -> Self {
        let all = objects.into_iter().map(|object| {
            let kind = object.get("object").and_then(Value::as_str).unwrap_or("object").to_owned();
            named(&kind, object)
        });
        let mut objects = Self { all: all.collect() };
        objects.link(&objects.of_kind(PERSON).filter_map(standing_of).collect());
        objects
    }

    /// Keys with what is known of their owners.
    fn link(&mut self, people: &BTreeMap<String, Standing>) {
        for object in self.all.iter_mut().filter(|object| text(object, "object") == Some(KEY)) {
            let Some(owner) = owner_of(object).map(str::to_owned) else { continue };
            let status = match people.get(&owner) {
                Some(Standing::Active) => "active",
                Some(Standing::Gone) => "gone",
                None if people.is_empty() => "unknown",
                None => "gone",
            };
            object.insert("owner_status".to_owned(), Value::from(status));
            object.insert("owner".to_owned(), Value::from(owner));
        }
    }

    fn of_kind<'o>(&'o self, kind: &'o str) -> impl Iterator<Item = &'o Map<String, Value>> {
        self.all.iter().filter(move |object| text(object, "object") == Some(kind))
    }

    /// The same as facts that always were so.
    pub(crate) fn facts(&self) -> Facts {
        let mut knowledge = Knowledge::default();
        for (place, object) in self.all.iter().enumerate() {
            let kind = text(object, "object").unwrap_or_default();
            let Some((_, name)) = KINDS.iter().find(|(_, name)| *name == kind) else { continue };
            let scope = text(object, "scope").unwrap_or_default().to_owned();
            knowledge.tell(i64::MIN, (*name, scope, format!("{place:08}")), Said::of(name, object));
        }
        knowledge.into_facts()
    }

    /// What state rules find now.
    pub(crate) fn judged(&self, set: &RuleSet, facts: &Facts, now_micros: i64) -> Vec<Finding> {
        let asking: Vec<usize> = asking(set).collect();
        let mut found: BTreeMap<FindingId, Finding> = BTreeMap::new();
        for object in &self.all {
            let mut object = object.clone();
            let created = ["created_at", "added_at"].iter().find_map(|name| text(&object, name)).and_then(parse_micros);
            if let Some(created) = created {
                let days = now_micros.saturating_sub(created).max(0) / DAY_MICROS;
                object.insert("age_days".to_owned(), Value::from(days));
            }
            let raw = Value::Object(object).to_string();
            let Ok(flat) = Flat::parse(raw.as_bytes()) else { continue };
            let view = View::new(&flat, facts, now_micros);
            for place in asking.iter().filter(|place| selects(set, **place, &view)) {
                let finding = told(&set.rules[*place], &view, now_micros);
                found.entry(finding.id.clone()).or_insert(finding);
            }
        }
        found.into_values().collect()
    }
}

/// Whether a rule about the directory may select an object of a kind.
pub(crate) fn is_asked(set: &RuleSet, kind: &str) -> bool {
    asking(set).any(|rule| may_select_object(set, rule, kind))
}

fn asking(set: &RuleSet) -> impl Iterator<Item = usize> {
    let about = |place: &usize| set.rules[*place].asks_about == AsksAbout::Directory;
    (0..set.rules.len()).filter(about).filter(|place| set.detections.contains_key(place))
}

/// Whether somebody still belongs to the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Active,
    Gone,
}

fn standing_of(user: &Map<String, Value>) -> Option<(String, Standing)> {
    let is_gone = matches!(text(user, "status"), Some("deleted" | "removed" | "suspended" | "departed"));
    Some((text(user, "id")?.to_owned(), if is_gone { Standing::Gone } else { Standing::Active }))
}

fn told(rule: &Rule, view: &View<'_>, now_micros: i64) -> Finding {
    let named = |namings: &[crate::rule::Naming]| -> Vec<Entity> {
        let all = namings.iter().flat_map(|naming| entities_of(naming, view));
        all.map(|(kind, id)| Entity { kind, id }).collect()
    };
    let subject = named(&rule.subject);
    let mut others = named(&rule.entities);
    others.retain(|other| other.id != UNKNOWN && !subject.contains(other));
    let mut words = Words::new();
    gather_words(rule, view, &mut words);
    Finding {
        id: FindingId::of(&rule.name, &subject, 0),
        rule: rule.name.clone(),
        use_case: rule.use_case,
        severity: rule.severity,
        title: rule.title.clone(),
        explanation: rule.explain.fill(&words),
        next_step: rule.next_step.fill(&words),
        controls: rule.controls.clone(),
        subject,
        others,
        // A state has no window of its own: it stands as long as it is so.
        window: Window { from_micros: 0, to_micros: i64::MAX },
        first_seen_micros: now_micros,
        last_seen_micros: now_micros,
        count: 1,
        evidence: Vec::new(),
    }
}

/// A row of the directory as rules see it.
pub(crate) fn object_of(kind: &str, scope: &str, row: &Value) -> Option<Map<String, Value>> {
    let mut object = row.as_object()?.clone();
    if !scope.is_empty() {
        object.entry("scope").or_insert_with(|| Value::from(scope));
    }
    Some(named(kind, object))
}

/// Who made it, by id.
pub(crate) fn owner_of(object: &Map<String, Value>) -> Option<&str> {
    let maker = object.get("created_by").and_then(|by| by.get("id"));
    maker.or_else(|| object.get("created_by_id")).and_then(Value::as_str)
}

/// The names under which rules know what the two APIs call differently.
fn named(kind: &str, mut object: Map<String, Value>) -> Map<String, Value> {
    object.insert("object".to_owned(), Value::from(kind));
    let aliases: &[(&str, &str)] = match kind {
        "user" => {
            &[("user_id", "id"), ("organization_role", "role"), ("email_address", "email"), ("full_name", "name")]
        }
        "group_member" => &[("id", "user_id"), ("email_address", "email")],
        "workspace_member" => &[("id", "user_id"), ("scope", "workspace_id"), ("workspace_role", "role")],
        "setting" => &[("name", "attribute")],
        "organization" => &[("uuid", "id"), ("organization_id", "id")],
        _ => &[],
    };
    for (theirs, ours) in aliases {
        if let Some(value) = object.get(*theirs).filter(|_| !object.contains_key(*ours)).cloned() {
            object.insert((*ours).to_owned(), value);
        }
    }
    object
}

pub(crate) fn text<'o>(object: &'o Map<String, Value>, name: &str) -> Option<&'o str> {
    object.get(name).and_then(Value::as_str)
}

/// The findings of rules about the directory among those that stand.
pub(crate) fn rules_about_the_directory(set: &RuleSet) -> BTreeSet<&str> {
    let about = set.rules.iter().filter(|rule| rule.asks_about == AsksAbout::Directory);
    about.map(|rule| rule.name.as_str()).collect()
}
