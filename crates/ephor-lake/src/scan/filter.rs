//! Conditions tried on the columns of one file, value by value and then row by row.
//! A file in which no value passes is left alone.
//! Never decodes a column that no condition names.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Int32Type, Int64Type};

use super::parquet_file::{ColumnStore, dictionary_values};
use super::query::{ActivityFilter, TypeFilter};
use crate::error::LakeError;
use crate::files::DataFile;

/// The conditions of a query, ready for one file.
pub(super) struct FileFilter {
    /// All of these must hold.
    conditions: Vec<Condition>,
}

enum Condition {
    /// One of these columns has an allowed value.
    AnyOf(Vec<Allowed>),
    Seq(ArrayRef, Range<u64>),
}

/// Columns in which words are looked for.
const WORD_COLUMNS: [&str; 11] = [
    "type",
    "category",
    "actor_type",
    "actor_id",
    "actor_email",
    "api_key_id",
    "ip_address",
    "user_agent",
    "workspace_id",
    "organization_id",
    "source",
];

/// A dictionary column and which of its values pass.
struct Allowed {
    column: ArrayRef,
    by_key: Vec<bool>,
}

impl FileFilter {
    /// `None` when no row of the file can pass.
    pub(super) fn for_file(
        filter: &ActivityFilter,
        store: &ColumnStore,
        file: &DataFile,
    ) -> Result<Option<Self>, LakeError> {
        let mut conditions = Vec::new();
        let one_of: [(&'static str, &Vec<String>); 6] = [
            ("category", &filter.categories),
            ("source", &filter.sources),
            ("workspace_id", &filter.workspace_ids),
            ("api_key_id", &filter.api_key_ids),
            ("ip_address", &filter.ip_addresses),
            ("actor_id", &filter.actor_ids),
        ];
        let mut any_of: Vec<Vec<Allowed>> = Vec::new();
        for (name, wanted) in one_of.into_iter().filter(|(_, wanted)| !wanted.is_empty()) {
            any_of.push(vec![Allowed::of(store, file, name, |value| wanted.iter().any(|w| w == value))?]);
        }
        match &filter.types {
            TypeFilter::All => {}
            TypeFilter::Only(types) => {
                any_of.push(vec![Allowed::of(store, file, "type", |v| types.iter().any(|t| t == v))?]);
            }
            TypeFilter::Except(types) => {
                any_of.push(vec![Allowed::of(store, file, "type", |v| types.iter().all(|t| t != v))?]);
            }
        }
        if !filter.organizations.is_empty() {
            let wanted = |value: &str| filter.organizations.iter().any(|o| o == value);
            any_of.push(vec![
                Allowed::of(store, file, "organization_id", wanted)?,
                Allowed::of(store, file, "organization_uuid", wanted)?,
            ]);
        }
        for word in &filter.words {
            any_of.push(columns_with(&word.to_lowercase(), store, file)?);
        }
        for columns in any_of {
            if columns.iter().all(Allowed::nothing) {
                return Ok(None);
            }
            conditions.push(Condition::AnyOf(columns));
        }
        if let Some(range) = &filter.seq {
            conditions.push(Condition::Seq(store.filter_column(file, "seq")?, range.clone()));
        }
        Ok(Some(Self { conditions }))
    }

    /// Whether every row passes.
    pub(super) fn is_none(&self) -> bool {
        self.conditions.is_empty()
    }

    pub(super) fn passes(&self, row: usize) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::AnyOf(columns) => columns.iter().any(|column| column.allows(row)),
            Condition::Seq(seq, range) => {
                let seq = seq.as_primitive::<Int64Type>().value(row);
                u64::try_from(seq).is_ok_and(|seq| range.contains(&seq))
            }
        })
    }
}

/// The columns of which a value holds the word. Values are few and kept, so a file without the word costs no reading.
fn columns_with(word: &str, store: &ColumnStore, file: &DataFile) -> Result<Vec<Allowed>, LakeError> {
    let mut columns = Vec::new();
    for name in WORD_COLUMNS {
        let holds = |value: &str| value.to_lowercase().contains(word);
        if store.values(file, name)?.iter().flatten().any(holds) {
            columns.push(Allowed::of(store, file, name, holds)?);
        }
    }
    Ok(columns)
}

impl Allowed {
    fn of(
        store: &ColumnStore,
        file: &DataFile,
        name: &'static str,
        allows: impl Fn(&str) -> bool,
    ) -> Result<Self, LakeError> {
        let column = store.filter_column(file, name)?;
        let by_key = match dictionary_values(&column) {
            Some(values) => values.iter().map(|value| value.is_some_and(&allows)).collect(),
            None => {
                let what = format!("column `{name}` of {} is not text", file.path);
                return Err(LakeError::Damaged { path: file.full_path.clone(), what });
            }
        };
        Ok(Self { column, by_key })
    }

    fn nothing(&self) -> bool {
        !self.by_key.contains(&true)
    }

    fn allows(&self, row: usize) -> bool {
        let dictionary = self.column.as_dictionary::<Int32Type>();
        dictionary.is_valid(row) && usize::try_from(dictionary.keys().value(row)).is_ok_and(|key| self.by_key[key])
    }
}
