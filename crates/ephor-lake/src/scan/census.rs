//! How many activities pass a filter: all together, by day, by the values of one column; and since when, until when.
//! Promises exact numbers of one version of the table.
//! Never decodes an activity: the filter columns say it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, Int64Type};
use ephor_wire::timestamp::UtcDay;
use rayon::prelude::*;

use super::Reader;
use super::filter::{FileFilter, From};
use super::query::{ActivityFilter, MicrosRange};
use crate::error::LakeError;
use crate::files::DataFile;

/// A column by whose values activities are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CountedBy {
    /// `type`
    Type,
    /// `actor_id`
    Actor,
    /// `api_key_id`
    ApiKey,
    /// `ip_address`
    IpAddress,
    /// `user_agent`
    UserAgent,
    /// `workspace_id`
    Workspace,
    /// `source`
    Source,
}

impl CountedBy {
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Actor => "actor_id",
            Self::ApiKey => "api_key_id",
            Self::IpAddress => "ip_address",
            Self::UserAgent => "user_agent",
            Self::Workspace => "workspace_id",
            Self::Source => "source",
        }
    }
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Activities.
    pub total: u64,
    /// Of each UTC day that has any.
    pub by_day: BTreeMap<UtcDay, u64>,
    /// Of each value; rows without one are not among them.
    pub by_value: HashMap<String, u64>,
    /// The time of the first one.
    pub first_micros: Option<i64>,
    /// The time of the last one.
    pub last_micros: Option<i64>,
}

impl Census {
    fn add(mut self, other: Self) -> Self {
        self.total += other.total;
        for (day, count) in other.by_day {
            *self.by_day.entry(day).or_default() += count;
        }
        for (value, count) in other.by_value {
            *self.by_value.entry(value).or_default() += count;
        }
        self.first_micros = [self.first_micros, other.first_micros].into_iter().flatten().min();
        self.last_micros = [self.last_micros, other.last_micros].into_iter().flatten().max();
        self
    }
}

impl Reader {
    /// Counts the activities that pass a filter, and by the values of each of these columns.
    pub(crate) fn census(&self, filter: &ActivityFilter, by: Option<CountedBy>) -> Result<Census, LakeError> {
        let files = self.files();
        let range = filter.created_at;
        let candidates: Vec<&Arc<DataFile>> = files.files.iter().filter(|file| overlaps(file, range)).collect();
        let counts = candidates.par_iter().map(|file| self.census_of(file, filter, by));
        counts.try_reduce(Census::default, |a, b| Ok(a.add(b)))
    }

    fn census_of(&self, file: &DataFile, filter: &ActivityFilter, by: Option<CountedBy>) -> Result<Census, LakeError> {
        let Some(conditions) = FileFilter::for_file(filter, &self.store, file)? else {
            return Ok(Census::default());
        };
        let whole = within(file, filter.created_at);
        if whole && conditions.is_none() && by.is_none() {
            return Ok(all_of(file));
        }
        let column = self.store.filter_column(file, "created_at")?;
        let created_at: &[i64] = column.as_primitive::<Int64Type>().values();
        let from = filter.created_at.from.map_or(0, |from| created_at.partition_point(|at| *at < from));
        let to = filter.created_at.to.map_or(created_at.len(), |to| created_at.partition_point(|at| *at < to));
        let values = by.map(|by| self.store.filter_column(file, by.column())).transpose()?;
        let values = values.as_ref().map(AsArray::as_dictionary::<Int32Type>);
        let mut counts = vec![0_u64; values.map_or(0, |dictionary| dictionary.values().len())];
        let (mut total, mut first, mut last) = (0, None, None);
        for row in conditions.nearest(from..to.max(from), From::First, usize::MAX) {
            total += 1;
            first = first.or(Some(created_at[row]));
            last = Some(created_at[row]);
            if let Some(dictionary) = values.filter(|dictionary| dictionary.is_valid(row))
                && let Ok(key) = usize::try_from(dictionary.keys().value(row))
            {
                counts[key] += 1;
            }
        }
        let texts = values.and_then(|dictionary| dictionary.values().as_string_opt::<i32>());
        let counted = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
        let by_value = counted.filter_map(|(key, count)| Some((texts?.value(key).to_owned(), count))).collect();
        let by_day = if total > 0 { BTreeMap::from([(file.day, total)]) } else { BTreeMap::new() };
        Ok(Census { total, by_day, by_value, first_micros: first, last_micros: last })
    }
}

fn all_of(file: &DataFile) -> Census {
    let span = &file.span;
    Census {
        total: span.rows,
        by_day: BTreeMap::from([(file.day, span.rows)]),
        by_value: HashMap::new(),
        first_micros: Some(span.first_time),
        last_micros: Some(span.last_time),
    }
}

fn overlaps(file: &DataFile, range: MicrosRange) -> bool {
    range.from.is_none_or(|from| from <= file.span.last_time) && range.to.is_none_or(|to| file.span.first_time < to)
}

fn within(file: &DataFile, range: MicrosRange) -> bool {
    range.from.is_none_or(|from| from <= file.span.first_time) && range.to.is_none_or(|to| file.span.last_time < to)
}
