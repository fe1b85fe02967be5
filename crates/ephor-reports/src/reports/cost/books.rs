//! The books of a report: what was spent in a period and in the one before, by everything but the day, and day by day.
//! Promises that every entry of the ledger is booked, and memory that grows with people and not with days.
//! Never holds a day's entries once they are booked.

use std::collections::{BTreeMap, HashMap};

use ephor_analytics::{LedgerEntry, LedgerKey};
use ephor_lake::directory::DirectoryKind;
use ephor_wire::timestamp::UtcDay;
use serde_json::Value;

use super::USUAL_DAYS;
use super::allocation::{Entry, Payment, Sums};
use crate::desk::{Desk, Question};
use crate::error::ReportError;
use crate::group::Group;
use crate::people::People;
use crate::provenance::Period;

/// The number of a text; the same text has the same number.
pub(super) type Name = u32;

/// The number of no text: what belongs to nobody.
pub(super) const NOBODY: Name = 0;

/// Texts by number.
#[derive(Debug)]
pub(super) struct Texts {
    texts: Vec<String>,
    numbers: HashMap<String, Name>,
}

impl Texts {
    fn new() -> Self {
        Self { texts: vec![String::new()], numbers: HashMap::new() }
    }

    fn number(&mut self, text: Option<&str>) -> Name {
        let Some(text) = text else { return NOBODY };
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = Name::try_from(self.texts.len()).unwrap_or(Name::MAX);
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    pub(super) fn text(&self, name: Name) -> Option<&str> {
        self.texts.get(name as usize).map(String::as_str).filter(|_| name != NOBODY)
    }
}

/// Who pays: the people of the ledger as the directory and the roster know them.
pub(super) struct Payers {
    pub(super) people: People,
    /// What all of it is narrowed to.
    pub(super) group: Option<Group>,
}

impl Payers {
    pub(super) async fn of(desk: &Desk, question: &Question) -> Result<Self, ReportError> {
        let (mut people, group) = (People::of(desk).await?, Group::asked(desk, question)?);
        if let Some(group) = &group {
            people.by_id.retain(|id, _| group.members.contains(id));
        }
        Ok(Self { people, group })
    }

    pub(super) fn person<'k>(&'k self, key: &'k LedgerKey) -> Option<&'k str> {
        Some(self.people.id_of(key.person.as_deref()?))
    }

    /// Where the person was on that day.
    pub(super) fn cost_centre(&self, key: &LedgerKey) -> Option<&str> {
        let on = self.people.roster_on(self.person(key)?, key.day)?;
        on.cost_centre.as_deref().or(on.department.as_deref())
    }

    /// The entries of one day; of a group, without what others spent and what nobody is known to have spent.
    pub(super) async fn day(&self, desk: &Desk, day: UtcDay, before_seq: u64) -> Result<Vec<LedgerEntry>, ReportError> {
        let mut entries = desk.analytics.ledger(&desk.reach(), day..day.plus_days(1), before_seq).await?;
        if let Some(group) = &self.group {
            entries.retain(|(key, _)| self.person(key).is_some_and(|person| group.members.contains(person)));
        }
        Ok(entries)
    }
}

/// Everything that the sections are made from.
pub(super) struct Books {
    pub(super) period: Period,
    pub(super) payers: Payers,
    pub(super) texts: Texts,
    /// What was spent in the period.
    pub(super) entries: Vec<Entry>,
    /// What was spent in the one before, for comparison.
    pub(super) before: Vec<Entry>,
    /// What each cost centre spent on each day of the period, in billionths of a dollar.
    pub(super) daily: BTreeMap<(Name, UtcDay), i64>,
    /// Entries of the ledger in the period, a day's each for itself.
    pub(super) entries_by_day: usize,
    /// The groups of each person, in the order of their names.
    groups: HashMap<Name, Vec<Name>>,
}

impl Books {
    pub(super) async fn open(desk: &Desk, question: &Question) -> Result<Self, ReportError> {
        let period = desk.period(question, USUAL_DAYS).await?;
        let before_seq = desk.lake.usage().next_seq();
        let payers = Payers::of(desk, question).await?;
        let (mut texts, mut daily, mut entries_by_day) = (Texts::new(), BTreeMap::new(), 0);
        let mut spent = HashMap::new();
        for day in period.each_day() {
            let entries = payers.day(desk, day, before_seq).await?;
            entries_by_day += entries.len();
            for (payment, sums) in entries.iter().map(|entry| booked(entry, &payers, &mut texts)) {
                *daily.entry((payment.cost_centre, day)).or_default() += sums.amount_nano_usd;
                *spent.entry(payment).or_default() += sums;
            }
        }
        let mut spent_before = HashMap::new();
        for day in period.before().each_day() {
            for entry in payers.day(desk, day, before_seq).await? {
                let (payment, sums) = booked(&entry, &payers, &mut texts);
                *spent_before.entry(payment).or_default() += sums;
            }
        }
        let groups = groups_of(desk, &mut texts);
        let (entries, before) = (spent.into_iter().collect(), spent_before.into_iter().collect());
        Ok(Self { period, payers, texts, entries, before, daily, entries_by_day, groups })
    }

    /// The groups of whoever pays for an entry; nobody's where there is none.
    pub(super) fn groups_of(&self, person: Name) -> &[Name] {
        match self.groups.get(&person) {
            Some(groups) if !groups.is_empty() => groups,
            _ => &[NOBODY],
        }
    }

    /// The amounts of all cost centres on each day, those without any among them.
    pub(super) fn amounts_by_day(&self) -> BTreeMap<UtcDay, i64> {
        let mut amounts: BTreeMap<UtcDay, i64> = self.period.each_day().map(|day| (day, 0)).collect();
        for ((_, day), nanos) in &self.daily {
            *amounts.entry(*day).or_default() += nanos;
        }
        amounts
    }
}

fn booked((key, sums): &LedgerEntry, payers: &Payers, texts: &mut Texts) -> (Payment, Sums) {
    let payment = Payment {
        person: texts.number(payers.person(key)),
        cost_centre: texts.number(payers.cost_centre(key)),
        product: texts.number(Some(key.product)),
        model: texts.number(key.model.as_deref()),
        project: texts.number(key.project.as_deref()),
        api_key: texts.number(key.api_key.as_deref()),
        charge: texts.number(Some(key.charge)),
    };
    (payment, Sums::of_charge(key.charge, sums))
}

fn groups_of(desk: &Desk, texts: &mut Texts) -> HashMap<Name, Vec<Name>> {
    let directory = desk.lake.directory();
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for scope in directory.scopes(DirectoryKind::Groups) {
        for group in directory.current(DirectoryKind::Groups, &scope) {
            let text = |name: &str| group.get(name).and_then(Value::as_str);
            let (Some(id), name) = (text("id"), text("name")) else { continue };
            for member in directory.current(DirectoryKind::GroupMembers, id) {
                if let Some(person) = member.get("user_id").and_then(Value::as_str) {
                    groups.entry(person.to_owned()).or_default().push(name.unwrap_or(id).to_owned());
                }
            }
        }
    }
    let numbered = |(person, mut names): (String, Vec<String>)| {
        names.sort();
        let names = names.iter().map(|name| texts.number(Some(name))).collect();
        (texts.number(Some(&person)), names)
    };
    groups.into_iter().map(numbered).collect()
}
