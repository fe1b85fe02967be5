//! What projects are called, who made them and when: from the directory, and else from the days on which they were made.
//! Put into an answer when it is given, so that a day's table depends on that day alone.
//! Never stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, Int64Array, StringArray};
use ephor_lake::directory::{Directory, DirectoryKind};
use ephor_lake::{BuiltFrom, LakeError};
use ephor_wire::timestamp::{Timestamp, UtcDay};
use serde_json::{Value, json};

use crate::days::{self, DayTables};
use crate::frame::Frame;
use crate::groups::People;
use crate::query::Listing;

/// The beginning of a project, as a day's facts tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Creation {
    at_micros: i64,
    by: Option<String>,
}

/// Creations by day, read once for each build of the day.
#[derive(Debug, Default)]
pub(crate) struct Projects {
    days: Mutex<HashMap<UtcDay, CreationsOfDay>>,
    /// As the directory lists them, with the number of its last change.
    listed: Mutex<(i64, Arc<HashMap<String, ListedProject>>)>,
}

#[derive(Debug, Default)]
struct CreationsOfDay {
    built_from: BuiltFrom,
    by_project: HashMap<String, Creation>,
}

impl Projects {
    /// The same rows with names, times and makers.
    pub(crate) async fn told(
        &self,
        frame: &Arc<Frame>,
        directory: &Directory,
        people: &People,
        tables: &DayTables,
    ) -> Result<Arc<Frame>, LakeError> {
        let Some(ids) = frame.texts("project_id").cloned() else { return Ok(Arc::clone(frame)) };
        self.catch_up(tables)?;
        let listed = self.listed(directory);
        let creations = self.creations();
        let (mut names, mut at, mut by) = (Vec::new(), Vec::new(), Vec::new());
        for (row, id) in ids.iter().enumerate() {
            let id = id.unwrap_or_default();
            let project = listed.get(id);
            let creation = creations.get(id);
            let seen =
                frame.texts("project_name").filter(|seen| seen.is_valid(row)).map(|seen| seen.value(row).to_owned());
            names.push(project.and_then(|project| project.name.clone()).or(seen));
            at.push(project.and_then(|project| project.created_at).or(creation.map(|creation| creation.at_micros)));
            let own = frame.numbers("created_at").filter(|own| own.is_valid(row)).map(|own| own.value(row));
            if let Some(last) = at.last_mut() {
                *last = last.or(own);
            }
            let maker = project.and_then(|project| project.created_by.clone());
            let maker = maker.or_else(|| creation.and_then(|creation| creation.by.clone()));
            by.push(maker.and_then(|id| user(&id, people)));
        }
        let mut told = Frame::clone(frame);
        told.replace("project_name", Arc::new(StringArray::from(names)));
        told.replace("created_at", Arc::new(Int64Array::from(at)));
        told.replace("created_by", Arc::new(StringArray::from(by)));
        Ok(Arc::new(told))
    }

    fn listed(&self, directory: &Directory) -> Arc<HashMap<String, ListedProject>> {
        let now = directory.revision(DirectoryKind::Projects);
        let mut kept = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != now {
            *kept = (now, Arc::new(listed(directory)));
        }
        Arc::clone(&kept.1)
    }

    /// Reads the days that were built since.
    fn catch_up(&self, tables: &DayTables) -> Result<(), LakeError> {
        let table = tables.of(Listing::Projects);
        for day in table.days() {
            let built_from = table.built_from(day).unwrap_or_default();
            let known = self.lock().get(&day).is_some_and(|known| known.built_from == built_from);
            if known {
                continue;
            }
            let frame = days::read(table, Listing::Projects, day)?;
            self.lock().insert(day, CreationsOfDay { built_from, by_project: creations_in(&frame) });
        }
        Ok(())
    }

    /// The earliest creation of each project.
    fn creations(&self) -> HashMap<String, Creation> {
        let mut earliest: HashMap<String, Creation> = HashMap::new();
        for (project, creation) in self.lock().values().flat_map(|day| &day.by_project) {
            match earliest.get(project) {
                Some(known) if known.at_micros <= creation.at_micros => {}
                _ => drop(earliest.insert(project.clone(), creation.clone())),
            }
        }
        earliest
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UtcDay, CreationsOfDay>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn creations_in(frame: &Frame) -> HashMap<String, Creation> {
    let (Some(ids), Some(at), Some(by)) =
        (frame.texts("project_id"), frame.numbers("created_at"), frame.texts("created_by"))
    else {
        return HashMap::new();
    };
    let made = (0..frame.rows).filter(|row| at.is_valid(*row));
    made.map(|row| {
        let by = by.is_valid(row).then(|| by.value(row).to_owned());
        (ids.value(row).to_owned(), Creation { at_micros: at.value(row), by })
    })
    .collect()
}

/// A project as the directory lists it.
#[derive(Debug)]
struct ListedProject {
    name: Option<String>,
    created_at: Option<i64>,
    created_by: Option<String>,
}

fn listed(directory: &Directory) -> HashMap<String, ListedProject> {
    let scopes = directory.scopes(DirectoryKind::Projects);
    let projects = scopes.iter().flat_map(|scope| directory.current(DirectoryKind::Projects, scope));
    projects
        .filter_map(|project| {
            let text = |pointer: &str| project.pointer(pointer).and_then(Value::as_str);
            let listed = ListedProject {
                name: text("/name").map(str::to_owned),
                created_at: text("/created_at").and_then(|at| Timestamp::parse(at).ok()).map(|at| at.micros()),
                created_by: text("/user/id").map(str::to_owned),
            };
            Some((text("/id")?.to_owned(), listed))
        })
        .collect()
}

/// Nothing when the account is gone.
fn user(id: &str, people: &People) -> Option<String> {
    let email = people.email_by_id.get(id).filter(|_| !people.has_left(id))?;
    Some(json!({ "id": id, "email_address": email, "type": "user" }).to_string())
}
