//! Everybody of whom the directory or the feed knows, put together by their id.

use std::collections::BTreeMap;
use std::sync::Arc;

use ephor_lake::directory::{Directory, DirectoryKind};
use ephor_lake::{CountedBy, LakeError, Sighting};
use ephor_wire::timestamp::Timestamp;
use serde_json::Value;

use crate::state::App;

/// Everybody, by their id.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    pub(crate) people: BTreeMap<String, Listed>,
}

/// What is known of a person.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    /// Each organization's UUID with their role there.
    pub(crate) roles: Vec<(String, String)>,
    pub(crate) since_micros: Option<i64>,
    pub(crate) seen: Option<Sighting>,
}

impl Listed {
    /// Their name, or as much of one as is known.
    pub(crate) fn called(&self) -> Option<&str> {
        self.name.as_deref().or(self.email.as_deref())
    }

    /// Whether the directory lists them now.
    pub(crate) fn is_listed(&self) -> bool {
        !self.roles.is_empty()
    }

    fn of(id: &str, organization: &str, row: &Value) -> Self {
        let text = |names: &[&str]| names.iter().find_map(|name| row[*name].as_str()).map(str::to_owned);
        let since = text(&["created_at", "added_at"]).and_then(|text| Timestamp::parse(&text).ok());
        let role = text(&["organization_role", "role"]).unwrap_or_else(|| "unknown".to_owned());
        Self {
            id: id.to_owned(),
            name: text(&["full_name", "name"]).filter(|name| !name.is_empty()),
            email: text(&["email", "email_address"]),
            roles: vec![(organization.to_owned(), role)],
            since_micros: since.map(|since| since.micros()),
            seen: None,
        }
    }

    fn join(&mut self, other: Self) {
        self.name = self.name.take().or(other.name);
        self.email = self.email.take().or(other.email);
        self.roles.extend(other.roles);
        self.since_micros = [self.since_micros, other.since_micros].into_iter().flatten().min();
    }
}

impl Roster {
    /// Everybody of now.
    pub(crate) async fn read(app: &App) -> Result<Self, LakeError> {
        let seen = app.lake().sightings(CountedBy::Actor).await?;
        let mut people = listed(app.lake().directory());
        for (id, sighting) in seen.iter().filter(|(id, _)| id.starts_with("user_")) {
            let person = people.entry(id.clone()).or_insert_with(|| Listed { id: id.clone(), ..Listed::default() });
            person.seen = Some(*sighting);
        }
        Ok(Self { people })
    }

    /// One of them.
    pub(crate) async fn one(app: &App, id: &str) -> Result<Option<Listed>, LakeError> {
        let directory = app.lake().directory();
        let mut found: Option<Listed> = None;
        for organization in directory.scopes(DirectoryKind::Users) {
            let Some(row) = directory.get(DirectoryKind::Users, &organization, id) else { continue };
            let here = Listed::of(id, &organization, &row);
            match &mut found {
                Some(person) => person.join(here),
                None => found = Some(here),
            }
        }
        let seen = app.lake().sightings(CountedBy::Actor).await?.get(id).copied();
        Ok(match (found, seen) {
            (Some(person), seen) => Some(Listed { seen, ..person }),
            (None, Some(seen)) => Some(Listed { id: id.to_owned(), seen: Some(seen), ..Listed::default() }),
            (None, None) => None,
        })
    }
}

fn listed(directory: &Directory) -> BTreeMap<String, Listed> {
    let mut people: BTreeMap<String, Listed> = BTreeMap::new();
    for organization in directory.scopes(DirectoryKind::Users) {
        for row in directory.current(DirectoryKind::Users, &organization) {
            let Some(id) = id_of(&row) else { continue };
            let here = Listed::of(id, &organization, &row);
            match people.get_mut(id) {
                Some(person) => person.join(here),
                None => drop(people.insert(id.to_owned(), here)),
            }
        }
    }
    people
}

fn id_of(row: &Arc<Value>) -> Option<&str> {
    row["id"].as_str().or_else(|| row["user_id"].as_str())
}
