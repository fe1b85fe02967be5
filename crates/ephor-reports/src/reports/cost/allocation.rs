//! Entries shared out by a label, so that the parts sum up to the whole to the last digit.

use std::collections::{BTreeMap, BTreeSet};

use ephor_analytics::{LedgerEntry, LedgerSums};

/// Sums of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) requests: i64,
    pub(super) tokens: i64,
    pub(super) amount_nano_usd: i64,
    pub(super) list_nano_usd: i64,
}

impl Sums {
    pub(super) fn of(entries: &[LedgerEntry]) -> Self {
        let mut sums = Self::default();
        entries.iter().for_each(|(key, part)| sums.add(key.charge, part));
        sums
    }

    fn add(&mut self, charge: &str, part: &LedgerSums) {
        self.requests += part.requests;
        // A search is no token.
        self.tokens += if charge == "web_search" { 0 } else { part.quantity };
        self.amount_nano_usd += part.amount_nano_usd;
        self.list_nano_usd += part.list_nano_usd;
    }
}

/// What falls to one label, and whose it was.
#[derive(Debug, Default)]
pub(super) struct Share {
    pub(super) sums: Sums,
    pub(super) people: BTreeSet<String>,
}

/// Shares entries out. An entry with several labels is split evenly; what does not divide goes to the first ones.
pub(super) fn by(
    entries: &[LedgerEntry],
    labels: impl Fn(&LedgerEntry) -> Vec<Option<String>>,
) -> BTreeMap<Option<String>, Share> {
    let mut shares: BTreeMap<Option<String>, Share> = BTreeMap::new();
    for entry in entries {
        let labels = labels(entry);
        for (place, label) in labels.iter().enumerate() {
            let share = shares.entry(label.clone()).or_default();
            let part = LedgerSums {
                requests: part_of(entry.1.requests, labels.len(), place),
                quantity: part_of(entry.1.quantity, labels.len(), place),
                amount_nano_usd: part_of(entry.1.amount_nano_usd, labels.len(), place),
                list_nano_usd: part_of(entry.1.list_nano_usd, labels.len(), place),
            };
            share.sums.add(entry.0.charge, &part);
            share.people.extend(entry.0.person.clone());
        }
    }
    shares
}

/// One of `parts` parts of a whole.
fn part_of(whole: i64, parts: usize, place: usize) -> i64 {
    let parts = i64::try_from(parts.max(1)).unwrap_or(1);
    let place = i64::try_from(place).unwrap_or(i64::MAX);
    whole.div_euclid(parts) + i64::from(place < whole.rem_euclid(parts))
}

#[cfg(test)]
mod tests {
    use ephor_analytics::LedgerKey;
    use ephor_wire::timestamp::UtcDay;
    use proptest::prelude::*;

    use super::*;

    fn entry(person: u8, amount: i64) -> LedgerEntry {
        let key = LedgerKey {
            day: UtcDay(20_000),
            person: Some(format!("user_{person}")),
            product: "chat",
            model: None,
            project: None,
            api_key: None,
            charge: "output_tokens",
        };
        (key, LedgerSums { requests: 1, quantity: amount / 3, amount_nano_usd: amount, list_nano_usd: amount * 2 })
    }

    proptest! {
        #[test]
        fn every_cut_sums_up_to_the_whole(amounts in proptest::collection::vec((0_u8..9, 0_i64..1_000_000_007), 0..60)) {
            let entries: Vec<LedgerEntry> = amounts.iter().map(|(person, amount)| entry(*person, *amount)).collect();
            // Some people are in no group, some in one, some in three.
            let groups = |entry: &LedgerEntry| match entry.0.person.as_deref() {
                Some("user_0" | "user_1") => vec![None],
                Some("user_2" | "user_3" | "user_4") => vec![Some("a".to_owned())],
                _ => vec![Some("a".to_owned()), Some("b".to_owned()), Some("c".to_owned())],
            };
            let mut sum = Sums::default();
            for share in by(&entries, groups).values() {
                sum.requests += share.sums.requests;
                sum.tokens += share.sums.tokens;
                sum.amount_nano_usd += share.sums.amount_nano_usd;
                sum.list_nano_usd += share.sums.list_nano_usd;
            }
            prop_assert_eq!(sum, Sums::of(&entries));
        }
    }
}
