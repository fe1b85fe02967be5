//! A group of the directory that a report is narrowed to: who belongs to it now.
//! Promises that everything of such a report is of these people and of nobody else.

use std::collections::HashSet;

use ephor_lake::directory::{Directory, DirectoryKind};
use serde_json::Value;

use crate::desk::{Desk, Question};
use crate::error::ReportError;

/// A group with its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// People who belong to it now, by id.
    pub members: HashSet<String>,
}

impl Group {
    /// Every group that the directory lists, by name.
    #[must_use]
    pub fn all(directory: &Directory) -> Vec<Self> {
        let mut groups = Vec::new();
        for scope in directory.scopes(DirectoryKind::Groups) {
            for row in directory.current(DirectoryKind::Groups, &scope) {
                let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
                let Some(id) = text("id") else { continue };
                let members = directory.current(DirectoryKind::GroupMembers, &id);
                let member =
                    |row: &std::sync::Arc<Value>| row.get("user_id").and_then(Value::as_str).map(str::to_owned);
                let members = members.iter().filter_map(member).collect();
                groups.push(Self { name: text("name").unwrap_or_else(|| id.clone()), id, members });
            }
        }
        groups.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        groups.dedup_by(|a, b| a.id == b.id);
        groups
    }

    /// Those that are large enough to be told of: in a smaller one, everybody knows who is meant.
    #[must_use]
    pub fn told(directory: &Directory, floor_people: u32) -> Vec<Self> {
        let mut groups = Self::all(directory);
        groups.retain(|group| group.members.len() >= usize::try_from(floor_people).unwrap_or(usize::MAX));
        groups
    }

    /// The one of them that bears this name or id.
    pub fn named(directory: &Directory, floor_people: u32, name: &str) -> Result<Self, ReportError> {
        let mut found = Self::told(directory, floor_people);
        found.retain(|group| group.id == name || group.name == name);
        let what = match found.as_slice() {
            [_] => return Ok(found.remove(0)),
            [] => format!(
                "there is no group `{name}`, or fewer than {floor_people} people are in it, and figures of so few would tell of each"
            ),
            several => {
                let ids: Vec<&str> = several.iter().map(|group| group.id.as_str()).collect();
                format!("{} groups are called `{name}`; name one by its id: {}", ids.len(), ids.join(", "))
            }
        };
        Err(ReportError::Parameter { name: "group", what })
    }

    /// The group that a question asks for, if it asks for one.
    pub(crate) fn asked(desk: &Desk, question: &Question) -> Result<Option<Self>, ReportError> {
        let Some(id) = &question.group else { return Ok(None) };
        let found = Self::all(desk.lake.directory()).into_iter().find(|group| group.id == *id);
        let unknown = || ReportError::Parameter { name: "group", what: format!("the directory lists no group `{id}`") };
        found.ok_or_else(unknown).map(Some)
    }
}
