//! Who was ever seen: for each value of a column how often, first and last; kept up with every commit.
//! Promises the same answer as a count over all rows; a file is read for it once.
//! Never holds more than a line for each value.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use rayon::prelude::*;

use super::Reader;
use super::census::CountedBy;
use crate::error::LakeError;
use crate::files::{DataFile, FileSet};

/// How often a value was seen, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Activities with this value.
    pub count: u64,
    /// The time of the first one.
    pub first_micros: i64,
    /// The time of the last one.
    pub last_micros: i64,
}

impl Sighting {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.first_micros = self.first_micros.min(other.first_micros);
        self.last_micros = self.last_micros.max(other.last_micros);
    }
}

/// Every value of a column that was ever seen.
pub type Sightings = HashMap<String, Sighting>;

/// What is known of each column so far.
#[derive(Debug, Default)]
pub(super) struct SeenSoFar {
    by_column: Mutex<HashMap<CountedBy, Known>>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    /// Of these files.
    files: HashSet<String>,
    sightings: Arc<Sightings>,
}

impl Reader {
    /// Every value of a column that was ever seen.
    pub(crate) fn sightings(&self, by: CountedBy) -> Result<Arc<Sightings>, LakeError> {
        let files = self.files();
        let known = self.seen.lock().get(&by).cloned().unwrap_or_default();
        let known = self.brought_up_to(&files, known, by)?;
        let sightings = Arc::clone(&known.sightings);
        self.seen.lock().insert(by, known);
        Ok(sightings)
    }

    fn brought_up_to(&self, files: &FileSet, known: Known, by: CountedBy) -> Result<Known, LakeError> {
        let now: HashSet<&str> = files.files.iter().map(|file| file.path.as_str()).collect();
        // A file that is gone was merged into others or has expired: what it told cannot be taken back out.
        let still_right = known.files.iter().all(|path| now.contains(path.as_str()));
        let mut known = if still_right { known } else { Known::default() };
        let missing: Vec<&Arc<DataFile>> =
            files.files.iter().filter(|file| !known.files.contains(&file.path)).collect();
        if missing.is_empty() {
            return Ok(known);
        }
        let read = missing.par_iter().map(|file| self.sightings_in(file, by)).collect::<Result<Vec<_>, _>>()?;
        let sightings = Arc::make_mut(&mut known.sightings);
        for (value, sighting) in read.into_iter().flatten() {
            match sightings.get_mut(&value) {
                Some(known) => known.add(sighting),
                None => drop(sightings.insert(value, sighting)),
            }
        }
        known.files.extend(missing.iter().map(|file| file.path.clone()));
        Ok(known)
    }

    fn sightings_in(&self, file: &DataFile, by: CountedBy) -> Result<Vec<(String, Sighting)>, LakeError> {
        let rows: Vec<usize> = (0..usize::try_from(file.span.rows).unwrap_or(usize::MAX)).collect();
        let mut found: HashMap<String, Sighting> = HashMap::new();
        for batch in self.store.select(file, &rows, &["created_at", by.column()])? {
            let schema = batch.schema();
            let created_at = cast(batch.column(schema.index_of("created_at")?), &DataType::Int64)?;
            let created_at: &[i64] = created_at.as_primitive::<Int64Type>().values();
            let values = batch.column(schema.index_of(by.column())?).as_dictionary::<Int32Type>();
            let texts = values.values().as_string::<i32>();
            let mut by_key: Vec<Option<Sighting>> = vec![None; texts.len()];
            for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
                let at = created_at[row];
                let here = Sighting { count: 1, first_micros: at, last_micros: at };
                let Ok(key) = usize::try_from(values.keys().value(row)) else { continue };
                match &mut by_key[key] {
                    Some(sighting) => sighting.add(here),
                    none => *none = Some(here),
                }
            }
            for (key, sighting) in by_key.into_iter().enumerate() {
                let Some(sighting) = sighting else { continue };
                match found.get_mut(texts.value(key)) {
                    Some(known) => known.add(sighting),
                    None => drop(found.insert(texts.value(key).to_owned(), sighting)),
                }
            }
        }
        Ok(found.into_iter().collect())
    }
}

impl SeenSoFar {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CountedBy, Known>> {
        self.by_column.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
