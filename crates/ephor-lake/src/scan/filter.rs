//! Conditions tried on the columns of one file, value by value and then on spans of rows at once.
//! A file in which no value passes is left alone, and no more rows are tried than the page needs.
//! Never decodes a column that no condition names.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray};
use arrow::datatypes::{Int32Type, Int64Type};

use super::parquet_file::ColumnStore;
use super::query::{ActivityFilter, TypeFilter};
use crate::error::LakeError;
use crate::files::DataFile;

/// Rows tried at once: few enough that a page which finds its rows at once tries no others, enough for the processor to
/// compare many of them in one step.
const SPAN_ROWS: usize = 1_024;

/// Up to so many allowed values a row's is compared with each; beyond that it is looked up.
const FEW_VALUES: usize = 4;

/// The end of a span from which rows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    First,
    Last,
}

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
    column: DictionaryArray<Int32Type>,
    keys: Keys,
}

/// The keys of values that pass.
enum Keys {
    Few(Vec<i32>),
    /// By key.
    Many(Vec<bool>),
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

    /// The rows of a span that pass, from one of its ends on and at most so many, in that order.
    pub(super) fn nearest(&self, span: Range<usize>, from: From, at_most: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut rest = span;
        let mut passes = [true; SPAN_ROWS];
        while !rest.is_empty() && found.len() < at_most {
            let rows = rest.len().min(SPAN_ROWS);
            let part = match from {
                From::First => rest.start..rest.start + rows,
                From::Last => rest.end - rows..rest.end,
            };
            let passes = &mut passes[..rows];
            self.try_all(part.clone(), passes);
            let passing = part.clone().zip(&*passes).filter_map(|(row, passes)| passes.then_some(row));
            let needed = at_most - found.len();
            match from {
                From::First => {
                    found.extend(passing.take(needed));
                    rest.start = part.end;
                }
                From::Last => {
                    found.extend(passing.rev().take(needed));
                    rest.end = part.start;
                }
            }
        }
        found
    }

    /// Says of each row of a span whether it passes.
    fn try_all(&self, rows: Range<usize>, passes: &mut [bool]) {
        passes.fill(true);
        let mut any = [false; SPAN_ROWS];
        for condition in &self.conditions {
            match condition {
                Condition::AnyOf(columns) => {
                    let any = &mut any[..passes.len()];
                    any.fill(false);
                    columns.iter().for_each(|column| column.allow(rows.clone(), any));
                    passes.iter_mut().zip(any).for_each(|(passes, any)| *passes &= *any);
                }
                Condition::Seq(seq, range) => {
                    let seqs = &seq.as_primitive::<Int64Type>().values()[rows.clone()];
                    let within = |seq: &i64| u64::try_from(*seq).is_ok_and(|seq| range.contains(&seq));
                    passes.iter_mut().zip(seqs).for_each(|(passes, seq)| *passes &= within(seq));
                }
            }
        }
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
        let text = column.as_dictionary_opt::<Int32Type>().and_then(|d| Some((d, d.values().as_string_opt::<i32>()?)));
        let Some((column, values)) = text else {
            let what = format!("column `{name}` of {} is not text", file.path);
            return Err(LakeError::Damaged { path: file.full_path.clone(), what });
        };
        let by_key: Vec<bool> = values.iter().map(|value| value.is_some_and(&allows)).collect();
        Ok(Self { column: column.clone(), keys: Keys::of(by_key) })
    }

    fn nothing(&self) -> bool {
        matches!(&self.keys, Keys::Few(keys) if keys.is_empty())
    }

    /// Marks the rows of a span whose value passes, beside those that are marked already.
    fn allow(&self, rows: Range<usize>, marked: &mut [bool]) {
        let mut own = [false; SPAN_ROWS];
        let own = &mut own[..marked.len()];
        let keys = &self.column.keys().values()[rows.clone()];
        match &self.keys {
            Keys::Few(allowed) => {
                for allowed in allowed {
                    own.iter_mut().zip(keys).for_each(|(own, key)| *own |= key == allowed);
                }
            }
            Keys::Many(by_key) => {
                let allows = |key: i32| usize::try_from(key).is_ok_and(|key| by_key.get(key) == Some(&true));
                own.iter_mut().zip(keys).for_each(|(own, key)| *own = allows(*key));
            }
        }
        // What stands under a null is no value.
        if let Some(nulls) = self.column.nulls().filter(|nulls| nulls.null_count() > 0) {
            own.iter_mut().zip(rows).for_each(|(own, row)| *own &= nulls.is_valid(row));
        }
        marked.iter_mut().zip(own).for_each(|(marked, own)| *marked |= *own);
    }
}

impl Keys {
    fn of(by_key: Vec<bool>) -> Self {
        let allowed = || by_key.iter().zip(0_i32..).filter_map(|(allowed, key)| allowed.then_some(key));
        match allowed().nth(FEW_VALUES) {
            None => Self::Few(allowed().collect()),
            Some(_) => Self::Many(by_key),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::Int64Array;
    use proptest::prelude::*;

    use super::*;

    const VALUES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

    /// A column of some of these values, and nothing in places.
    fn column(seed: usize, rows: usize, allowed: &[bool]) -> (Vec<Option<usize>>, Allowed) {
        let value = |row: usize| (row * seed % 11 < VALUES.len()).then_some(row * seed % 11);
        let values: Vec<Option<usize>> = (0..rows).map(value).collect();
        let column: DictionaryArray<Int32Type> = values.iter().map(|value| value.map(|value| VALUES[value])).collect();
        let texts = column.values().as_string::<i32>().clone();
        let by_key = texts.iter().map(|text| allowed[VALUES.iter().position(|value| Some(*value) == text).unwrap()]);
        let keys = Keys::of(by_key.collect());
        (values, Allowed { column, keys })
    }

    proptest! {
        #[test]
        fn spans_give_the_rows_that_trying_one_by_one_gives(
            rows in 1_usize..3_000, bounds in (0_usize..3_000, 0_usize..3_000), seeds in (1_usize..50, 1_usize..50),
            allowed in prop::array::uniform7(any::<bool>()), at_most in 0_usize..1_500, seqs in 0_u64..3_000,
        ) {
            let span = bounds.0.min(rows)..bounds.1.min(rows);
            let ((one, first), (two, second)) = (column(seeds.0, rows, &allowed), column(seeds.1, rows, &allowed));
            let seq: Int64Array = (0..i64::try_from(rows).unwrap()).collect();
            let conditions = vec![Condition::AnyOf(vec![first, second]), Condition::Seq(Arc::new(seq), 0..seqs)];
            let allows = |value: Option<usize>| value.is_some_and(|value| allowed[value]);
            let passes = |row: &usize| (allows(one[*row]) || allows(two[*row])) && (*row as u64) < seqs;
            let filter = FileFilter { conditions };
            let forward: Vec<usize> = span.clone().filter(passes).take(at_most).collect();
            prop_assert_eq!(filter.nearest(span.clone(), From::First, at_most), forward);
            let back: Vec<usize> = span.clone().rev().filter(passes).take(at_most).collect();
            prop_assert_eq!(filter.nearest(span, From::Last, at_most), back);
        }
    }
}
