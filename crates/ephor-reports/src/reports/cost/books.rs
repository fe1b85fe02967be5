//! The books of a report: what was spent in a period and in the one before, cut by everything that pays, and day by day.
//! Promises that every entry of the ledger is booked, and memory that grows with people and not with days.
//! Never holds a day's entries once they are booked.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread::available_parallelism;

use ephor_analytics::{LedgerDay, TextNumber};
use ephor_lake::control::RosterEntry;
use ephor_lake::directory::DirectoryKind;
use ephor_wire::timestamp::UtcDay;
use foldhash::fast::RandomState;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::USUAL_DAYS;
use super::allocation::{Cut, Payment, Spent, Sums};
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
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, Name, RandomState>,
}

impl Texts {
    fn new() -> Self {
        Self { texts: vec![Arc::from("")], numbers: HashMap::default() }
    }

    fn number(&mut self, text: Option<&str>) -> Name {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return NOBODY };
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = Name::try_from(self.texts.len()).unwrap_or(Name::MAX);
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    pub(super) fn text(&self, name: Name) -> Option<&str> {
        self.texts.get(name as usize).map(|text| &**text).filter(|_| name != NOBODY)
    }
}

/// Who pays: the people of the ledger as the directory and the roster know them.
pub(super) struct Payers {
    pub(super) people: People,
    /// What all of it is narrowed to.
    pub(super) group: Option<Group>,
    /// Where everybody of the roster was, and on which days.
    centres: HashMap<String, Vec<Stay>, RandomState>,
}

/// The days on which somebody was in a cost centre.
struct Stay {
    from: UtcDay,
    to: UtcDay,
    centre: Option<Arc<str>>,
}

impl Stay {
    /// A day that is not written is the first or the last of all.
    fn of(entry: &RosterEntry) -> Self {
        let day = |text: &str, unwritten: i32| text.parse().unwrap_or(UtcDay(unwritten));
        Self {
            from: day(&entry.valid_from, i32::MIN),
            to: day(entry.valid_to.as_deref().unwrap_or_default(), i32::MAX),
            centre: entry.cost_centre.as_deref().or(entry.department.as_deref()).map(Arc::from),
        }
    }
}

impl Payers {
    pub(super) async fn of(desk: &Desk, question: &Question) -> Result<Self, ReportError> {
        let (mut people, group) = (People::of(desk).await?, Group::asked(desk, question)?);
        if let Some(group) = &group {
            people.by_id.retain(|id, _| group.members.contains(id));
        }
        let stays = |id: &str| people.roster_of(id).iter().map(Stay::of).collect();
        let centres = people.in_roster().map(|id| (id.to_owned(), stays(id))).collect();
        Ok(Self { people, group, centres })
    }

    pub(super) fn person<'k>(&'k self, told: Option<&'k str>) -> Option<&'k str> {
        Some(self.people.id_of(told?))
    }

    /// Where a person was on a day.
    pub(super) fn cost_centre(&self, person: Option<&str>, day: UtcDay) -> Option<&str> {
        let stays = self.centres.get(person?)?;
        stays.iter().rfind(|stay| (stay.from..=stay.to).contains(&day))?.centre.as_deref()
    }

    /// Whether this spending is asked for: of a group, not what others spent and what nobody is known to have spent.
    pub(super) fn are_asked(&self, person: Option<&str>) -> bool {
        self.group.as_ref().is_none_or(|group| person.is_some_and(|person| group.members.contains(person)))
    }
}

/// What was spent on one day, under the day's own numbers.
struct DayBook {
    day: UtcDay,
    texts: Texts,
    spent: Spent,
}

impl DayBook {
    fn of(ledger: &LedgerDay, payers: &Payers) -> Self {
        let mut book = Self { day: ledger.day(), texts: Texts::new(), spent: Spent::default() };
        let mut known: Vec<Option<Payer>> = vec![None; ledger.texts()];
        let mut numbers: Vec<Option<Name>> = vec![None; ledger.texts()];
        for (line, sums) in ledger.lines() {
            let slot = &mut known[line.person as usize];
            let payer = *slot.get_or_insert_with(|| book.payer(ledger, line.person, payers));
            let Payer::Asked { person, cost_centre } = payer else { continue };
            let mut number =
                |told: TextNumber| *numbers[told as usize].get_or_insert_with(|| book.texts.number(ledger.text(told)));
            let (model, project, api_key) = (number(line.model), number(line.project), number(line.api_key));
            let (product, charge) = (book.texts.number(Some(line.product)), book.texts.number(Some(line.charge)));
            let payment = Payment { person, cost_centre, product, model, project, api_key, charge };
            book.spent.add(payment, Sums::of_charge(line.charge, sums));
        }
        book
    }

    fn payer(&mut self, ledger: &LedgerDay, told: TextNumber, payers: &Payers) -> Payer {
        let person = payers.person(ledger.text(told));
        if !payers.are_asked(person) {
            return Payer::NotAsked;
        }
        let cost_centre = self.texts.number(payers.cost_centre(person, ledger.day()));
        Payer::Asked { person: self.texts.number(person), cost_centre }
    }
}

/// Who pays for an entry.
#[derive(Debug, Clone, Copy)]
enum Payer {
    NotAsked,
    Asked { person: Name, cost_centre: Name },
}

/// Everything that the sections are made from.
pub(super) struct Books {
    pub(super) period: Period,
    pub(super) payers: Arc<Payers>,
    pub(super) texts: Texts,
    /// What was spent in the period.
    pub(super) spent: Spent,
    /// What was spent in the one before, for comparison.
    pub(super) before: Spent,
    /// What each cost centre spent on each day of the period, in billionths of a dollar.
    pub(super) daily: BTreeMap<(Name, UtcDay), i64>,
    /// The groups of each person, in the order of their names.
    groups: HashMap<Name, Vec<Name>>,
}

impl Books {
    pub(super) async fn open(desk: &Desk, question: &Question) -> Result<Self, ReportError> {
        let period = desk.period(question, USUAL_DAYS).await?;
        let payers = Arc::new(Payers::of(desk, question).await?);
        let mut books = Self {
            period,
            payers,
            texts: Texts::new(),
            spent: Spent::default(),
            before: Spent::default(),
            daily: BTreeMap::new(),
            groups: HashMap::new(),
        };
        books.read(desk).await?;
        books.groups = groups_of(desk, &mut books.texts);
        Ok(books)
    }

    /// Books every day, several at a time.
    async fn read(&mut self, desk: &Desk) -> Result<(), ReportError> {
        let (before_seq, reach) = (desk.lake.usage().next_seq(), desk.reach());
        let at_once = available_parallelism().map_or(1, usize::from);
        let payers = &Arc::clone(&self.payers);
        let booked = |day: UtcDay| {
            let (payers, reach) = (Arc::clone(payers), &reach);
            let read = move |ledger: &LedgerDay| DayBook::of(ledger, &payers);
            async move { desk.analytics.ledger(reach, day, before_seq, read).await }
        };
        let days = self.period.before().each_day().chain(self.period.each_day());
        let mut books = stream::iter(days).map(booked).buffered(at_once);
        while let Some(book) = books.try_next().await? {
            self.take(&book);
        }
        Ok(())
    }

    fn take(&mut self, book: &DayBook) {
        let numbers: Vec<Name> = book.texts.texts.iter().map(|text| self.texts.number(Some(text))).collect();
        let renumbered = |name: Name| numbers[name as usize];
        if book.day < self.period.first {
            self.before.take(&book.spent, renumbered);
            return;
        }
        for (centre, share) in book.spent.by(Cut::CostCentre) {
            *self.daily.entry((renumbered(*centre), book.day)).or_default() += share.sums.amount_nano_usd;
        }
        self.spent.take(&book.spent, renumbered);
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
