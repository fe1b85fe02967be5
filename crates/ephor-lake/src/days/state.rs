//! What a day table holds at one version: the files of each day, and what each day was built from.
//! A state never changes; a commit makes the next one.
//! Never reads a data file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ephor_wire::timestamp::UtcDay;
use serde_json::{Value, json};

use crate::cursors;
use crate::error::LakeError;
use crate::files::day_of;
use crate::table::{NewFile, Table};

/// The name under which the days' origins are kept, as a cursor: one transaction for all of them, since asking the log
/// for one transaction a day would read it once a day.
pub(super) const BUILT_FROM: &str = "ephor.days";

/// What a day's rows were built from. The same facts by the same recipe are the same rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct BuiltFrom {
    /// Facts with a smaller `seq`.
    pub seq: u64,
    /// Everything else that the rows depend on, such as names and prices, as one number.
    pub recipe: u64,
}

impl BuiltFrom {
    fn to_json(self) -> Value {
        json!([self.seq, self.recipe])
    }

    /// Nothing for what an older Ephor has written: the day counts as never built.
    fn of_json(value: &Value) -> Option<Self> {
        Some(Self { seq: value.get(0)?.as_u64()?, recipe: value.get(1)?.as_u64()? })
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct DayState {
    pub(super) files: BTreeMap<UtcDay, Vec<DayFile>>,
    pub(super) built_from: BTreeMap<UtcDay, BuiltFrom>,
    /// `None`: there is no table yet.
    pub(super) version: Option<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct DayFile {
    /// Relative to the table's folder.
    pub(super) path: String,
    pub(super) full_path: PathBuf,
}

impl DayState {
    /// What the loaded version of the table holds.
    pub(super) async fn of(table: &Table) -> Result<Self, LakeError> {
        let mut files: BTreeMap<UtcDay, Vec<DayFile>> = BTreeMap::new();
        for live in table.files().await? {
            let day = day_of(&live.path).ok_or_else(|| LakeError::Damaged {
                path: table.folder().to_owned(),
                what: format!("{} is in no day's folder", live.path),
            })?;
            let full_path = table.folder().join(&live.path);
            files.entry(day).or_default().push(DayFile { path: live.path, full_path });
        }
        let built_from = match cursors::read(table, BUILT_FROM).await? {
            Some(Value::Object(days)) => {
                days.iter().filter_map(|(day, from)| Some((day.parse().ok()?, BuiltFrom::of_json(from)?))).collect()
            }
            _ => BTreeMap::new(),
        };
        Ok(Self { files, built_from, version: Some(table.version()) })
    }

    /// The state after a day's replacement, and the files that leave with it.
    pub(super) fn with_day(
        &self,
        folder: &Path,
        day: UtcDay,
        new: Option<&NewFile>,
        built_from: BuiltFrom,
    ) -> (Self, Vec<String>) {
        let mut next = self.clone();
        let removed = next.files.remove(&day).unwrap_or_default().into_iter().map(|file| file.path).collect();
        if let Some(new) = new {
            let file = DayFile { full_path: folder.join(&new.path), path: new.path.clone() };
            next.files.insert(day, vec![file]);
        }
        next.built_from.insert(day, built_from);
        next.version = next.version.map(|version| version + 1);
        (next, removed)
    }

    pub(super) fn built_from_json(&self) -> Value {
        Value::Object(self.built_from.iter().map(|(day, from)| (day.to_string(), from.to_json())).collect())
    }
}
