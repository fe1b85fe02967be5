//! Where two origins tell different numbers of one day: the cells, each with both values.
//! A row that only one of them has differs in every number that is not zero.
//! Never says which of the two is right.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::fields::{self, Combine, Instead};
use super::merge::keys;
use crate::query::Listing;

/// A cell in which two origins differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The row: a user's id or address, a project's id, a skill's name.
    pub row: String,
    /// The field, with dots.
    pub field: String,
    /// What Ephor computed.
    pub computed: Value,
    /// What the upstream tells.
    pub upstream: Value,
}

/// The cells of a day in which computed and upstream rows differ, by row and in the order of the published fields. What
/// one of them cannot tell (null, or a field that its profile lacks) is no difference.
#[must_use]
pub fn differences(listing: Listing, computed: &[Value], upstream: &[Value]) -> Vec<Difference> {
    let find = |rows: &[Value], names: &[String]| {
        rows.iter().find(|row| keys(listing, row).iter().any(|key| names.contains(key))).cloned()
    };
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut found = Vec::new();
    for row in computed.iter().chain(upstream) {
        let names = keys(listing, row);
        if names.iter().any(|name| seen.contains(name)) {
            continue;
        }
        let (ours, theirs) = (find(computed, &names), find(upstream, &names));
        for side in [&ours, &theirs].into_iter().flatten() {
            seen.extend(keys(listing, side));
        }
        let name = names.into_iter().next().unwrap_or_default();
        found.extend(cells(listing, name.trim_matches('"'), ours.as_ref(), theirs.as_ref()));
    }
    found.sort_by(|one, other| one.row.cmp(&other.row));
    found
}

fn cells(listing: Listing, row: &str, ours: Option<&Value>, theirs: Option<&Value>) -> Vec<Difference> {
    let counted =
        fields::fields(listing).iter().filter(|field| !matches!(field.combine, Combine::Latest | Combine::LatestDay));
    counted
        .filter_map(|field| {
            let value = |side: Option<&Value>| match side {
                Some(row) => row.pointer(field.path).cloned().unwrap_or(Value::Null),
                None if field.absent == Instead::Zero => 0.into(),
                None => Value::Null,
            };
            let (computed, upstream) = (value(ours), value(theirs));
            let differ = !computed.is_null() && !upstream.is_null() && !equal(&computed, &upstream);
            let field = field.path.trim_start_matches('/').replace('/', ".");
            differ.then(|| Difference { row: row.to_owned(), field, computed, upstream })
        })
        .collect()
}

/// Money is the same whatever its digits after the last that counts.
fn equal(one: &Value, other: &Value) -> bool {
    let amount = |value: &Value| value.as_str()?.parse::<rust_decimal::Decimal>().ok();
    one == other || amount(one).zip(amount(other)).is_some_and(|(one, other)| one == other)
}
