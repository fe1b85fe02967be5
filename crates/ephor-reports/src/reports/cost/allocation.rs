//! Entries shared out by a label, so that the parts sum up to the whole to the last digit.

use std::collections::{HashMap, HashSet};

use ephor_analytics::LedgerSums;

use super::books::{NOBODY, Name};

/// What was spent by one person, for one cost centre, on one kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Payment {
    pub(super) person: Name,
    pub(super) cost_centre: Name,
    pub(super) product: Name,
    pub(super) model: Name,
    pub(super) project: Name,
    pub(super) api_key: Name,
    pub(super) charge: Name,
}

/// A payment, and how much of it.
pub(super) type Entry = (Payment, Sums);

/// Sums of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) requests: i64,
    pub(super) tokens: i64,
    pub(super) amount_nano_usd: i64,
    pub(super) list_nano_usd: i64,
}

impl Sums {
    /// What an entry of the ledger adds.
    pub(super) fn of_charge(charge: &str, sums: &LedgerSums) -> Self {
        Self {
            requests: sums.requests,
            // A search is no token.
            tokens: if charge == "web_search" { 0 } else { sums.quantity },
            amount_nano_usd: sums.amount_nano_usd,
            list_nano_usd: sums.list_nano_usd,
        }
    }

    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut sums = Self::default();
        entries.iter().for_each(|(_, part)| sums += *part);
        sums
    }

    /// One of so many equal parts; what does not divide goes to the first ones.
    fn part(self, parts: usize, place: usize) -> Self {
        let part = |whole| part_of(whole, parts, place);
        Self {
            requests: part(self.requests),
            tokens: part(self.tokens),
            amount_nano_usd: part(self.amount_nano_usd),
            list_nano_usd: part(self.list_nano_usd),
        }
    }
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.tokens += other.tokens;
        self.amount_nano_usd += other.amount_nano_usd;
        self.list_nano_usd += other.list_nano_usd;
    }
}

/// What falls to one label, and whose it was.
#[derive(Debug, Default)]
pub(super) struct Share {
    pub(super) sums: Sums,
    pub(super) people: HashSet<Name>,
}

/// Shares entries out. An entry with several labels is split evenly.
pub(super) fn by<'e>(entries: &'e [Entry], labels: impl Fn(&'e Payment) -> &'e [Name]) -> HashMap<Name, Share> {
    let mut shares: HashMap<Name, Share> = HashMap::new();
    for (payment, sums) in entries {
        let labels = labels(payment);
        for (place, label) in labels.iter().enumerate() {
            let share = shares.entry(*label).or_default();
            share.sums += sums.part(labels.len(), place);
            if payment.person != NOBODY {
                share.people.insert(payment.person);
            }
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
    use proptest::prelude::*;

    use super::*;

    fn entry(person: Name, amount: i64) -> Entry {
        let payment = Payment {
            person,
            cost_centre: NOBODY,
            product: 1,
            model: NOBODY,
            project: NOBODY,
            api_key: NOBODY,
            charge: 2,
        };
        (payment, Sums { requests: 1, tokens: amount / 3, amount_nano_usd: amount, list_nano_usd: amount * 2 })
    }

    proptest! {
        #[test]
        fn every_cut_sums_up_to_the_whole(amounts in proptest::collection::vec((0_u32..9, 0_i64..1_000_000_007), 0..60)) {
            let entries: Vec<Entry> = amounts.iter().map(|(person, amount)| entry(*person, *amount)).collect();
            // Some people are in no group, some in one, some in three.
            let groups = |payment: &Payment| -> &[Name] {
                match payment.person {
                    0 | 1 => &[NOBODY],
                    2..=4 => &[7],
                    _ => &[7, 8, 9],
                }
            };
            let mut sum = Sums::default();
            by(&entries, groups).values().for_each(|share| sum += share.sums);
            prop_assert_eq!(sum, Sums::of(&entries));
        }
    }
}
