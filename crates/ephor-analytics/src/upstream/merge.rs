//! One answer from several origins: each block of a row from the origin of its surface, the rest from the origin of all.
//! Unknown fields come along with the block or row that they stand in.
//! Never a row that only a number left out would have made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ephor_wire::timestamp::UtcDay;
use ephor_wire::usage::Surface;
use serde_json::{Map, Value};

use super::fields::{self, Field, Instead};
use super::origins::{Origin, Origins};
use crate::query::Listing;

/// Merges what the origins have of one question. Rows come in the order of the origin of all, then those that only
/// others have, by key.
///
/// A row is in the answer if the origin of all has it, or if one of its blocks counts something at the origin of its
/// surface. Projects are chat's alone.
#[must_use]
pub fn merge(
    listing: Listing,
    origins: &Origins,
    by_origin: &BTreeMap<Origin, Vec<Value>>,
    day: Option<UtcDay>,
) -> Vec<Value> {
    let leading = leading(listing, origins);
    let indexes: BTreeMap<&Origin, Index<'_>> =
        by_origin.iter().map(|(origin, rows)| (origin, Index::of(listing, rows))).collect();
    let none: &[Value] = &[];
    let first = by_origin.get(leading).map_or(none, Vec::as_slice);
    let mut answer: Vec<Value> = first.iter().map(|row| merged(listing, origins, &indexes, row, day)).collect();
    if origins.only().is_some() || listing == Listing::Projects {
        return answer;
    }
    // Rows that the leading origin lacks: once each, in the order of their keys.
    let mut others: BTreeMap<String, &Value> = BTreeMap::new();
    for (origin, index) in &indexes {
        if *origin == leading {
            continue;
        }
        for row in index.rows {
            let known = indexes.get(leading).is_some_and(|leading| leading.find(listing, row).is_some())
                || others.values().any(|other| same(listing, other, row));
            if !known {
                others.insert(keys(listing, row).into_iter().next().unwrap_or_default(), row);
            }
        }
    }
    for row in others.into_values() {
        let row = merged(listing, origins, &indexes, row, day);
        if counts_something(listing, origins, &row) {
            answer.push(row);
        }
    }
    answer
}

/// Adds the fields up to P6 that a row of an older profile lacks.
pub fn fill(listing: Listing, row: &mut Value, day: Option<UtcDay>) {
    for field in fields::fields(listing) {
        if row.pointer(field.path).is_none() {
            put(row, field.path, field.lacking.value(day));
        }
    }
    for person in ["/user", "/created_by"] {
        if row.pointer(person).is_some_and(Value::is_object) && row.pointer(&format!("{person}/type")).is_none() {
            put(row, &format!("{person}/type"), "user".into());
        }
    }
}

/// Adds the fields up to P6 that a summary of an older profile lacks.
pub fn fill_summary(row: &mut Value) {
    for (name, _, lacking) in fields::summary_fields() {
        if let Value::Object(row) = row {
            row.entry(name).or_insert_with(|| lacking.value(None));
        }
    }
}

/// Merges the summaries of one day: each product's users from the origin of its surface. Nothing where the origin of all
/// has no such day.
#[must_use]
pub fn merge_summaries(origins: &Origins, by_origin: &BTreeMap<Origin, Value>) -> Option<Value> {
    let mut answer = by_origin.get(origins.whole())?.clone();
    for (name, surface, _) in fields::summary_fields() {
        let origin = origins.field(surface);
        if origin == origins.whole() {
            continue;
        }
        let told = by_origin.get(origin).and_then(|row| row.get(&name));
        answer[&name] = told.cloned().unwrap_or_else(|| Instead::Zero.value(None));
    }
    fill_summary(&mut answer);
    Some(answer)
}

/// The origin whose rows there are.
pub(super) fn leading(listing: Listing, origins: &Origins) -> &Origin {
    match listing {
        Listing::Projects => origins.surface(Surface::Chat),
        _ => origins.whole(),
    }
}

/// Rows of one origin by every name that they go by.
struct Index<'r> {
    rows: &'r [Value],
    by_key: HashMap<String, usize>,
}

impl<'r> Index<'r> {
    fn of(listing: Listing, rows: &'r [Value]) -> Self {
        let mut by_key = HashMap::new();
        for (place, row) in rows.iter().enumerate() {
            for key in keys(listing, row) {
                by_key.entry(key).or_insert(place);
            }
        }
        Self { rows, by_key }
    }

    fn find(&self, listing: Listing, row: &Value) -> Option<&'r Value> {
        keys(listing, row).iter().find_map(|key| self.by_key.get(key)).map(|place| &self.rows[*place])
    }
}

/// What a row goes by, the surest name first. A person is the same by id and, where one origin has no ids of the other,
/// by address.
pub(super) fn keys(listing: Listing, row: &Value) -> Vec<String> {
    let text = |pointer: &str| row.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let cut: String = ["product", "rbac_group_id", "user_id"]
        .into_iter()
        .filter_map(|name| Some(format!(" {name}={}", row.get(name)?)))
        .collect();
    let names: Vec<String> = match listing {
        Listing::Users => vec![text("/user/id").to_owned(), text("/user/email_address").to_lowercase()],
        _ => vec![fields::identity(listing).iter().map(|name| row[*name].to_string()).collect::<Vec<_>>().join(" ")],
    };
    let mut keys: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).map(|name| name + &cut).collect();
    if keys.is_empty() {
        keys.push(cut);
    }
    keys
}

fn same(listing: Listing, one: &Value, other: &Value) -> bool {
    let known = keys(listing, one);
    keys(listing, other).iter().any(|key| known.contains(key))
}

/// One row, put together for whoever `named` names.
fn merged(
    listing: Listing,
    origins: &Origins,
    indexes: &BTreeMap<&Origin, Index<'_>>,
    named: &Value,
    day: Option<UtcDay>,
) -> Value {
    let found = |origin: &Origin| indexes.get(origin).and_then(|index| index.find(listing, named));
    let leading = leading(listing, origins);
    let mut row = match found(leading) {
        Some(row) => row.clone(),
        None => identity_of(listing, named),
    };
    for block in blocks(listing) {
        let origin = origins.field(block.surface);
        if origin != leading
            && let Value::Object(fields) = &mut row
        {
            fields.remove(block.name);
            fields.extend(
                found(origin).and_then(|row| row.get(block.name)).map(|told| (block.name.to_owned(), told.clone())),
            );
        }
    }
    for field in fields::fields(listing) {
        if row.pointer(field.path).is_none() {
            let there = found(origins.field(field.surface)).is_some();
            put(&mut row, field.path, if there { field.lacking } else { field.absent }.value(day));
        }
    }
    fill(listing, &mut row, day);
    row
}

fn identity_of(listing: Listing, row: &Value) -> Value {
    let cut = ["product", "rbac_group_id", "rbac_group_name", "user_id"];
    let names = fields::identity(listing).iter().chain(&cut);
    Value::Object(names.filter_map(|name| Some(((*name).to_owned(), row.get(*name)?.clone()))).collect())
}

/// A top-level object that belongs to one surface.
struct Block {
    name: &'static str,
    surface: Option<Surface>,
}

fn blocks(listing: Listing) -> Vec<Block> {
    let mut seen = BTreeSet::new();
    let nested = fields::fields(listing).iter().filter(|field| field.path.matches('/').count() > 1);
    let named = nested.filter_map(|field| Some((field.path.split('/').nth(1)?, field.surface)));
    named.filter(|(name, _)| seen.insert(*name)).map(|(name, surface)| Block { name, surface }).collect()
}

/// Whether a row has a number of its own at an origin beside the leading one.
fn counts_something(listing: Listing, origins: &Origins, row: &Value) -> bool {
    let beside = |field: &&Field| origins.field(field.surface) != leading(listing, origins);
    let value = |field: &Field| row.pointer(field.path).and_then(Value::as_f64).unwrap_or_default();
    fields::fields(listing).iter().filter(beside).any(|field| value(field) != 0.0)
}

/// Writes a value where a pointer points, making the objects on the way.
pub(super) fn put(row: &mut Value, path: &str, value: Value) {
    let mut at = row;
    for part in path.split('/').skip(1) {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[part];
    }
    *at = value;
}
