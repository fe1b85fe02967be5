//! What was spent, cut by everything that pays for it, so that the parts of each cut sum up to the whole to the last digit.
//! Promises the same sums in whatever order entries come.
//! Never holds an entry: each is added to every cut at once.

use std::collections::{BTreeMap, HashMap};

use ephor_analytics::LedgerSums;
use foldhash::fast::RandomState;
use roaring::RoaringBitmap;

use super::books::{NOBODY, Name};

/// What spending is cut by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    CostCentre,
    Person,
    Product,
    Model,
    Project,
    ApiKey,
    Charge,
}

const CUTS: usize = 7;

/// Whom and what an entry falls to: a label of every cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Payment {
    pub(super) person: Name,
    pub(super) cost_centre: Name,
    pub(super) product: Name,
    pub(super) model: Name,
    pub(super) project: Name,
    pub(super) api_key: Name,
    pub(super) charge: Name,
}

impl Payment {
    /// Its labels, in the order of [`Cut`].
    const fn labels(self) -> [Name; CUTS] {
        [self.cost_centre, self.person, self.product, self.model, self.project, self.api_key, self.charge]
    }
}

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
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Share {
    pub(super) sums: Sums,
    people: RoaringBitmap,
}

impl Share {
    /// How many people it was spent by.
    pub(super) fn people(&self) -> usize {
        usize::try_from(self.people.len()).unwrap_or(usize::MAX)
    }
}

/// The shares of one cut, by label.
pub(super) type Shares = HashMap<Name, Share, RandomState>;

/// Everything that was spent, in every cut.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Spent {
    pub(super) total: Sums,
    /// How many entries the ledger has of it.
    pub(super) entries: usize,
    cuts: [Shares; CUTS],
}

impl Spent {
    pub(super) fn add(&mut self, payment: Payment, sums: Sums) {
        self.total += sums;
        self.entries += 1;
        for (shares, label) in self.cuts.iter_mut().zip(payment.labels()) {
            let share = shares.entry(label).or_default();
            share.sums += sums;
            if payment.person != NOBODY {
                share.people.insert(payment.person);
            }
        }
    }

    /// Adds what was spent under other numbers.
    pub(super) fn take(&mut self, other: &Self, renumbered: impl Fn(Name) -> Name) {
        self.total += other.total;
        self.entries += other.entries;
        for (shares, others) in self.cuts.iter_mut().zip(&other.cuts) {
            for (label, other) in others {
                let share = shares.entry(renumbered(*label)).or_default();
                share.sums += other.sums;
                share.people.extend(other.people.iter().map(&renumbered));
            }
        }
    }

    pub(super) fn by(&self, cut: Cut) -> &Shares {
        &self.cuts[cut as usize]
    }

    /// What falls to each group; what a person in several spent is split evenly.
    pub(super) fn by_group<'g>(&self, groups_of: impl Fn(Name) -> &'g [Name]) -> Shares {
        let mut shares = Shares::default();
        let by_person: BTreeMap<_, _> = self.by(Cut::Person).iter().collect();
        for (person, spent) in by_person {
            let groups = groups_of(*person);
            for (place, group) in groups.iter().enumerate() {
                let share = shares.entry(*group).or_default();
                share.sums += spent.sums.part(groups.len(), place);
                share.people |= &spent.people;
            }
        }
        shares
    }
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

    fn entry(person: Name, amount: i64) -> (Payment, Sums) {
        let payment = Payment {
            person,
            cost_centre: person % 3,
            product: 1,
            model: NOBODY,
            project: person % 2,
            api_key: NOBODY,
            charge: 2,
        };
        (payment, Sums { requests: 1, tokens: amount / 3, amount_nano_usd: amount, list_nano_usd: amount * 2 })
    }

    fn spent(entries: &[(Name, i64)]) -> Spent {
        let mut spent = Spent::default();
        entries
            .iter()
            .map(|(person, amount)| entry(*person, *amount))
            .for_each(|(payment, sums)| spent.add(payment, sums));
        spent
    }

    fn whole(shares: &Shares) -> Sums {
        let mut sums = Sums::default();
        shares.values().for_each(|share| sums += share.sums);
        sums
    }

    proptest! {
        #[test]
        fn every_cut_sums_up_to_the_whole(entries in proptest::collection::vec((0_u32..9, 0_i64..1_000_000_007), 0..60)) {
            let spent = spent(&entries);
            for cut in [Cut::CostCentre, Cut::Person, Cut::Product, Cut::Model, Cut::Project, Cut::ApiKey, Cut::Charge] {
                prop_assert_eq!(whole(spent.by(cut)), spent.total);
            }
            // Some people are in no group, some in one, some in three.
            let groups = |person: Name| -> &[Name] {
                match person {
                    0 | 1 => &[NOBODY],
                    2..=4 => &[7],
                    _ => &[7, 8, 9],
                }
            };
            prop_assert_eq!(whole(&spent.by_group(groups)), spent.total);
        }

        #[test]
        fn parts_that_are_taken_in_make_the_same_whole(
            entries in proptest::collection::vec((0_u32..9, 0_i64..1_000_000_007), 0..60),
            at in 0_usize..60,
        ) {
            let (first, second) = entries.split_at(at.min(entries.len()));
            let mut taken = Spent::default();
            taken.take(&spent(second), |name| name);
            taken.take(&spent(first), |name| name);
            prop_assert_eq!(taken, spent(&entries));
        }
    }
}
