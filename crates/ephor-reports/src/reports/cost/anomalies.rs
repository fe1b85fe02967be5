//! Days on which a cost centre spent far more than it usually does: robustly, so that one such day does not hide the next.

use std::collections::BTreeMap;

use super::{Books, UNALLOCATED, dollars};
use crate::table::{Cell, Column, Section, Table};

/// Robust standard deviations above the median.
const FAR: f64 = 3.5;

/// Below this nobody would look, whatever the statistics say: ten dollars.
const FLOOR_NANO_USD: i64 = 10_000_000_000;

/// A median absolute deviation times this is a standard deviation, if days are distributed normally.
const DEVIATIONS_OF_MAD: f64 = 1.4826;

pub(super) fn section(books: &Books) -> Section {
    let mut by_centre: BTreeMap<&str, BTreeMap<_, i64>> = BTreeMap::new();
    for ((centre, day), nanos) in &books.daily {
        by_centre.entry(books.texts.text(*centre).unwrap_or(UNALLOCATED)).or_default().insert(*day, *nanos);
    }
    let mut table = Table::of(vec![
        Column::text("cost_centre", "Cost centre"),
        Column::day("day", "Day"),
        Column::money("amount", "Amount"),
        Column::money("usual", "Usual (median)"),
    ]);
    for (centre, days) in by_centre {
        let amounts: Vec<i64> = books.period.each_day().map(|day| days.get(&day).copied().unwrap_or(0)).collect();
        let (median, limit) = usual(&amounts);
        for (day, amount) in days.iter().filter(|(_, amount)| **amount > limit.max(FLOOR_NANO_USD)) {
            table.push(vec![centre.into(), Cell::Day(*day), dollars(*amount).into(), dollars(median).into()]);
        }
    }
    Section::new("anomalies", "Unusual days", table).noted(
        "More than 3.5 robust standard deviations above the cost centre's own median day, and more than ten dollars.",
    )
}

/// The median, and what is far above it.
fn usual(amounts: &[i64]) -> (i64, i64) {
    let median = median_of(amounts.to_vec());
    let deviation = median_of(amounts.iter().map(|amount| (amount - median).abs()).collect());
    (median, median + (FAR * DEVIATIONS_OF_MAD * deviation as f64) as i64)
}

fn median_of(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::usual;

    #[test]
    fn one_expensive_day_does_not_raise_the_bar() {
        let mut amounts: Vec<i64> = (0..28).map(|day| 100 + day % 5).collect();
        amounts[20] = 9_000;
        let (median, limit) = usual(&amounts);
        assert!((100..=104).contains(&median) && limit < 120, "{median} {limit}");
    }
}
