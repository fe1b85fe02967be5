//! Several days of an entity, or several users of a group, in one row.
//! Numbers that add up are added; counts of different things are exact while one part alone counts any, else null.
//! Never the sum of distinct counts, but for Claude Code's sessions, which are published as that.

use std::collections::{BTreeMap, HashMap};

use ephor_wire::timestamp::UtcDay;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::fields::{self, Combine};
use super::merge::{fill, keys, put};
use crate::query::Listing;

/// One row an entity over a range; entities in the order in which the days first name them. Fields that nobody knows are
/// left out: how they add up is not known either.
#[must_use]
pub fn over_days(listing: Listing, days: &[(UtcDay, Vec<Value>)]) -> Vec<Value> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut parts: Vec<Vec<Value>> = Vec::new();
    for (day, rows) in days {
        for row in rows {
            let mut row = row.clone();
            fill(listing, &mut row, Some(*day));
            let key = keys(listing, &row).into_iter().next().unwrap_or_default();
            let place = *places.entry(key).or_insert(parts.len());
            if place == parts.len() {
                parts.push(Vec::new());
            }
            parts[place].push(row);
        }
    }
    parts.iter().map(|parts| combined(listing, parts)).collect()
}

/// A group that users are in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// `rbac_group_…`
    pub id: String,
    /// Its name, if it still has one.
    pub name: Option<String>,
}

/// Rows of `users` by group, in the order of the groups' ids. A user in several groups counts in each, as published; one in
/// none in no row. `groups_of` is asked by user id.
#[must_use]
pub fn by_group(users: &[Value], groups_of: impl Fn(&str) -> Vec<Group>) -> Vec<Value> {
    let mut members: BTreeMap<Group, Vec<Value>> = BTreeMap::new();
    for user in users {
        let mut row = user.clone();
        fill(Listing::Users, &mut row, None);
        for group in groups_of(row["user"]["id"].as_str().unwrap_or_default()) {
            members.entry(group).or_default().push(row.clone());
        }
    }
    members
        .into_iter()
        .map(|(group, members)| {
            let mut row = combined(Listing::Users, &members);
            row["user"] = Value::Null;
            row["distinct_user_count"] = members.len().into();
            row["rbac_group_id"] = group.id.into();
            row["rbac_group_name"] = group.name.into();
            row
        })
        .collect()
}

fn combined(listing: Listing, parts: &[Value]) -> Value {
    let mut row = Value::Object(Map::new());
    let Some(last) = parts.last() else { return row };
    for name in fields::identity(listing) {
        row[*name] = last[*name].clone();
    }
    for field in fields::fields(listing) {
        let values: Vec<&Value> = parts.iter().map(|part| part.pointer(field.path).unwrap_or(&Value::Null)).collect();
        put(&mut row, field.path, one_of(field.combine, &values));
    }
    row
}

fn one_of(combine: Combine, values: &[&Value]) -> Value {
    let known = || values.iter().filter(|value| !value.is_null());
    match combine {
        Combine::Sum => sum(values),
        Combine::Distinct => {
            let mut counting = values.iter().filter(|value| **value != 0);
            match (counting.next(), counting.next()) {
                (None, _) => 0.into(),
                (Some(one), None) => (*one).clone(),
                (Some(_), Some(_)) => Value::Null,
            }
        }
        Combine::Money => money(known().copied()),
        Combine::Latest => known().next_back().map_or(Value::Null, |value| (*value).clone()),
        Combine::LatestDay => known().max_by_key(|value| value.as_str()).map_or(Value::Null, |value| (*value).clone()),
        Combine::DayOnly => Value::Null,
    }
}

/// The sum of what is known; null if nothing is.
pub(super) fn sum(values: &[&Value]) -> Value {
    let known: Vec<&&Value> = values.iter().filter(|value| !value.is_null()).collect();
    match known.iter().map(|value| value.as_i64()).collect::<Option<Vec<i64>>>() {
        _ if known.is_empty() => Value::Null,
        Some(whole) => whole.into_iter().fold(0_i64, i64::saturating_add).into(),
        None => known.iter().filter_map(|value| value.as_f64()).sum::<f64>().into(),
    }
}

/// The exact sum of decimal texts, with the digits of the finest; null if there is none.
pub(super) fn money<'v>(values: impl Iterator<Item = &'v Value>) -> Value {
    let amounts = values.filter_map(|value| value.as_str()?.parse::<Decimal>().ok());
    let total = amounts.reduce(|sum, amount| sum.checked_add(amount).unwrap_or(Decimal::MAX));
    total.map_or(Value::Null, |total| total.to_string().into())
}
