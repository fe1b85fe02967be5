//! The people of the organisation: their seats as the directory has them, and what the roster says of them.
//! Promises one person under one id, however many organizations they belong to.
//! Never takes an address for a person that has an id: addresses change.

use std::collections::{BTreeMap, HashMap, HashSet};

use ephor_lake::control::RosterEntry;
use ephor_lake::directory::DirectoryKind;
use ephor_wire::timestamp::{Timestamp, UtcDay};
use serde_json::Value;

use crate::desk::Desk;
use crate::error::ReportError;

/// Somebody with a seat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    /// Role by organization's UUID.
    pub(crate) roles: BTreeMap<String, String>,
    /// When they first had a seat, in microseconds.
    pub(crate) joined_micros: Option<i64>,
    /// As the directory has it, where it says anything.
    pub(crate) status: Option<String>,
}

impl Person {
    /// How they are told from others: their address, else their id.
    pub(crate) fn shown(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.id)
    }
}

/// Everybody with a seat, and the roster.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub(crate) by_id: BTreeMap<String, Person>,
    id_by_email: HashMap<String, String>,
    roster: HashMap<String, Vec<RosterEntry>>,
    email_by_roster_id: HashMap<String, String>,
    /// People who had a seat once and have none now.
    left: HashSet<String>,
}

impl People {
    pub(crate) async fn of(desk: &Desk) -> Result<Self, ReportError> {
        let mut people = Self::default();
        let directory = desk.lake.directory();
        for scope in directory.scopes(DirectoryKind::Users) {
            for user in directory.current(DirectoryKind::Users, &scope) {
                people.add(&scope, &user);
            }
        }
        for row in directory.gone(DirectoryKind::Users) {
            let id = ["id", "user_id"].iter().find_map(|name| row.get(*name).and_then(Value::as_str));
            people.left.extend(id.filter(|id| !people.by_id.contains_key(*id)).map(str::to_owned));
        }
        for entry in desk.control.roster().list().await? {
            if let Some(id) = &entry.user_id {
                people.email_by_roster_id.insert(id.clone(), entry.email.clone());
            }
            people.roster.entry(entry.email.clone()).or_default().push(entry);
        }
        Ok(people)
    }

    fn add(&mut self, organization: &str, user: &Value) {
        let text =
            |names: &[&str]| names.iter().find_map(|name| user.get(name).and_then(Value::as_str)).map(str::to_owned);
        let Some(id) = text(&["id", "user_id"]) else { return };
        let person = self.by_id.entry(id.clone()).or_insert_with(|| Person { id: id.clone(), ..Person::default() });
        if let Some(email) = text(&["email", "email_address"]) {
            self.id_by_email.insert(email.to_lowercase(), id);
            person.email.get_or_insert(email);
        }
        if let Some(name) = text(&["full_name", "name"]) {
            person.name.get_or_insert(name);
        }
        if let Some(role) = text(&["organization_role", "role"]) {
            person.roles.insert(organization.to_owned(), role);
        }
        if let Some(status) = text(&["status"]) {
            person.status.get_or_insert(status);
        }
        let joined = text(&["created_at", "added_at"]).and_then(|text| Timestamp::parse(&text).ok());
        if let Some(joined) = joined.map(|joined| joined.micros()) {
            person.joined_micros = Some(person.joined_micros.map_or(joined, |before| before.min(joined)));
        }
    }

    /// The id behind an id or an address.
    pub(crate) fn id_of<'p>(&'p self, name: &'p str) -> &'p str {
        match name.contains('@') {
            true => self.id_by_email.get(&name.to_lowercase()).map_or(name, String::as_str),
            false => name,
        }
    }

    /// The address of a person, from the directory or the roster.
    pub(crate) fn email_of(&self, id: &str) -> Option<&str> {
        let known = self.by_id.get(id).and_then(|person| person.email.as_deref());
        known.or_else(|| self.email_by_roster_id.get(id).map(String::as_str))
    }

    /// Whether somebody had a seat once and has none now, or the roster says that they have left.
    pub(crate) fn has_left(&self, id: &str) -> bool {
        let entries = self.email_of(id).and_then(|email| self.roster.get(&email.to_lowercase()));
        self.left.contains(id) || entries.is_some_and(|entries| entries.iter().any(|entry| entry.left_on.is_some()))
    }

    /// What the roster says of a person, whenever it holds.
    pub(crate) fn roster_of(&self, id: &str) -> &[RosterEntry] {
        let email = if id.contains('@') { Some(id) } else { self.email_of(id) };
        email.and_then(|email| self.roster.get(&email.to_lowercase())).map_or(&[], Vec::as_slice)
    }

    /// Everybody of whom the roster says something, by id and by address.
    pub(crate) fn in_roster(&self) -> impl Iterator<Item = &str> {
        let ids = self.by_id.keys().chain(self.email_by_roster_id.keys()).chain(self.roster.keys());
        ids.map(String::as_str).filter(|id| !self.roster_of(id).is_empty())
    }

    /// What the roster says of a person on a day.
    pub(crate) fn roster_on(&self, id: &str, day: UtcDay) -> Option<&RosterEntry> {
        let entries = self.roster_of(id);
        let day = day.to_string();
        let holds =
            |entry: &&RosterEntry| entry.valid_from <= day && entry.valid_to.as_ref().is_none_or(|to| *to >= day);
        entries.iter().rfind(holds)
    }

    /// Every entry of the roster, by address.
    pub(crate) fn roster(&self) -> impl Iterator<Item = &RosterEntry> {
        let mut entries: Vec<&RosterEntry> = self.roster.values().flatten().collect();
        entries.sort_by(|a, b| (&a.email, &a.valid_from).cmp(&(&b.email, &b.valid_from)));
        entries.into_iter()
    }

    pub(crate) fn has_roster(&self) -> bool {
        !self.roster.is_empty()
    }

    /// Where somebody works on a day: the roster's department, else nothing.
    pub(crate) fn team_on(&self, id: &str, day: UtcDay) -> Option<&str> {
        let entry = self.roster_on(id, day)?;
        entry.department.as_deref().or(entry.cost_centre.as_deref())
    }
}
