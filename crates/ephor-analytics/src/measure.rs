//! What a field of a listing counts, as data: where, which kind, which details, and whether to add up or to tell apart.
//! A tally goes through a group's rows once and gives every measure of it.
//! Never depends on the order of rows: sums, sets and "the newest" do not.

use std::cmp::Ordering;

use ephor_wire::usage::UsageKind;

use crate::facts::codes::{KINDS, Place, Word, text_of};
use crate::facts::names::{NONE, Name};
use crate::facts::{Column, Facts};

/// Which rows a measure is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Where {
    pub(crate) places: &'static [Place],
    pub(crate) kinds: Kinds,
    pub(crate) detail: Test,
    pub(crate) tool: Test,
    pub(crate) auth: Test,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kinds {
    Of(&'static [UsageKind]),
    /// Every known kind but these, and but those that tell of no use.
    AllBut(&'static [UsageKind]),
}

/// A question to a row's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    Any,
    Is(Word),
    IsNot(Word),
    /// From one to another in the list of words.
    Within(Word, Word),
    /// None of two.
    Neither(Word, Word),
}

/// What a measure does with its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// How often it happened.
    Sum,
    /// How many different ones.
    Distinct(Column),
    /// How many different ones each day, added up over the days.
    DistinctDaily(Column),
    /// The name in the newest row that has one; of several at one instant, the last in the order of texts.
    Newest(Column),
    /// The word of `detail` in the newest row, found in the same way.
    NewestDetail,
    /// The newest day.
    NewestDay,
    /// What the tokens cost by the price list, in billionths of a dollar; nothing if there are none.
    ListPrice,
    /// 1 where there is such a row.
    Any,
    /// The time of the earliest row.
    Earliest,
    /// The person of the earliest row; of several at one instant, the first in the order of texts.
    EarliestUser,
}

/// Kinds that tell of no use of anything: they make nobody active and no row.
pub(crate) const NO_USE: &[UsageKind] = &[UsageKind::Other, UsageKind::ActiveTime];

impl Where {
    pub(crate) const fn kinds(places: &'static [Place], kinds: &'static [UsageKind]) -> Self {
        Self { places, kinds: Kinds::Of(kinds), detail: Test::Any, tool: Test::Any, auth: Test::Any }
    }

    pub(crate) const fn all_but(places: &'static [Place], kinds: &'static [UsageKind]) -> Self {
        Self { places, kinds: Kinds::AllBut(kinds), detail: Test::Any, tool: Test::Any, auth: Test::Any }
    }

    pub(crate) const fn detail(self, detail: Test) -> Self {
        Self { detail, ..self }
    }

    pub(crate) const fn tool(self, tool: Word) -> Self {
        Self { tool: Test::Is(tool), ..self }
    }

    pub(crate) const fn auth(self, auth: Word) -> Self {
        Self { auth: Test::Is(auth), ..self }
    }
}

impl Kinds {
    fn codes(self) -> Vec<u8> {
        let holds = |kind: &UsageKind| match self {
            Self::Of(kinds) => kinds.contains(kind),
            Self::AllBut(kinds) => !kinds.contains(kind) && !NO_USE.contains(kind),
        };
        UsageKind::ALL.iter().filter(|kind| holds(kind)).map(|kind| *kind as u8).collect()
    }
}

impl Test {
    fn passes(self, word: Word) -> bool {
        match self {
            Self::Any => true,
            Self::Is(wanted) => word == wanted,
            Self::IsNot(unwanted) => word != unwanted,
            Self::Within(first, last) => (first..=last).contains(&word),
            Self::Neither(one, other) => word != one && word != other,
        }
    }
}

/// What to do with a row of one place and kind.
#[derive(Debug, Clone, Copy)]
struct Action {
    slot: u16,
    detail: Test,
    tool: Test,
    auth: Test,
    take: Take,
}

/// Measures, looked up by what a row is.
#[derive(Debug)]
pub(crate) struct Program {
    actions: Vec<Vec<Action>>,
    slots: usize,
}

/// A measure's value for one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    Count(i64),
    Name(Name),
    /// Nothing that could be told.
    Nothing,
}

/// The numbers of a group while its rows go by; used again for the next group.
#[derive(Debug)]
pub(crate) struct Tally {
    sums: Vec<i64>,
    sets: Vec<Vec<u64>>,
    /// A row, from 1.
    chosen: Vec<u32>,
    touched: Vec<bool>,
}

impl Program {
    pub(crate) fn new(measures: impl IntoIterator<Item = (Where, Take)>) -> Self {
        let mut program = Self { actions: vec![Vec::new(); Place::COUNT * KINDS], slots: 0 };
        for (slot, (rows, take)) in measures.into_iter().enumerate() {
            program.slots = slot + 1;
            let slot = u16::try_from(slot).unwrap_or(u16::MAX);
            let action = Action { slot, detail: rows.detail, tool: rows.tool, auth: rows.auth, take };
            for place in rows.places {
                for kind in rows.kinds.codes() {
                    program.actions[*place as usize * KINDS + usize::from(kind)].push(action);
                }
            }
        }
        program
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally {
            sums: vec![0; self.slots],
            sets: vec![Vec::new(); self.slots],
            chosen: vec![0; self.slots],
            touched: vec![false; self.slots],
        }
    }

    /// Adds up a group. `price` gives the list price of a row's tokens.
    pub(crate) fn run(&self, facts: &Facts, rows: &[u32], price: &dyn Fn(usize) -> Option<i64>, tally: &mut Tally) {
        tally.clear();
        for row in rows {
            let row = *row as usize;
            for action in &self.actions[usize::from(facts.place[row]) * KINDS + usize::from(facts.kind[row])] {
                if action.detail.passes(facts.detail[row])
                    && action.tool.passes(facts.tool[row])
                    && action.auth.passes(facts.auth[row])
                {
                    tally.take(action, facts, row, price);
                }
            }
        }
    }
}

impl Tally {
    fn clear(&mut self) {
        self.sums.fill(0);
        self.sets.iter_mut().for_each(Vec::clear);
        self.chosen.fill(0);
        self.touched.fill(false);
    }

    fn take(&mut self, action: &Action, facts: &Facts, row: usize, price: &dyn Fn(usize) -> Option<i64>) {
        let slot = usize::from(action.slot);
        match action.take {
            Take::Sum => self.sums[slot] = self.sums[slot].saturating_add(facts.times[row]),
            Take::Any => self.sums[slot] = 1,
            Take::Distinct(column) => match facts.column(column)[row] {
                NONE => return,
                name => self.sets[slot].push(u64::from(name)),
            },
            Take::DistinctDaily(column) => match facts.column(column)[row] {
                NONE => return,
                name => self.sets[slot].push(u64::from(facts.day[row]) << 32 | u64::from(name)),
            },
            Take::Newest(column) if facts.column(column)[row] == NONE => return,
            Take::Newest(column) => self.choose(slot, row, |than| facts.is_later(row, than, column)),
            Take::NewestDetail => {
                let place = |row: usize| (facts.time[row], text_of(facts.detail[row]));
                self.choose(slot, row, |than| place(row) > place(than));
            }
            Take::NewestDay => self.choose(slot, row, |than| facts.day[row] > facts.day[than]),
            Take::Earliest => self.choose(slot, row, |than| facts.time[row] < facts.time[than]),
            Take::EarliestUser => {
                // Of several at one instant, one who is known.
                let nobody = |row: usize| facts.name(Column::User, row) == NONE;
                let earlier = |than: usize| facts.is_later(than, row, Column::User);
                self.choose(slot, row, |than| match facts.time[row].cmp(&facts.time[than]) {
                    Ordering::Equal if nobody(row) != nobody(than) => nobody(than),
                    _ => earlier(than),
                });
            }
            Take::ListPrice => match price(row) {
                Some(nanos) => self.sums[slot] = self.sums[slot].saturating_add(nanos),
                None => return,
            },
        }
        self.touched[slot] = true;
    }

    fn choose(&mut self, slot: usize, row: usize, better: impl Fn(usize) -> bool) {
        if self.chosen[slot] == 0 || better(self.chosen[slot] as usize - 1) {
            self.chosen[slot] = u32::try_from(row + 1).unwrap_or(u32::MAX);
        }
    }

    /// The value of a measure after a run.
    pub(crate) fn value(&mut self, slot: usize, take: Take, facts: &Facts) -> Value {
        let chosen = (self.chosen[slot] as usize).checked_sub(1);
        let count = |n: i64| Value::Count(n);
        match take {
            Take::Sum | Take::Any => count(self.sums[slot]),
            Take::Distinct(_) | Take::DistinctDaily(_) => {
                let set = &mut self.sets[slot];
                if set.len() > 1 {
                    set.sort_unstable();
                    set.dedup();
                }
                count(i64::try_from(set.len()).unwrap_or(i64::MAX))
            }
            Take::ListPrice if self.touched[slot] => count(self.sums[slot]),
            Take::Newest(column) => chosen.map_or(Value::Nothing, |row| Value::Name(facts.name(column, row))),
            Take::NewestDetail => chosen.map_or(Value::Nothing, |row| count(i64::from(facts.detail[row]))),
            Take::NewestDay => chosen.map_or(Value::Nothing, |row| count(i64::from(facts.day[row]))),
            Take::Earliest => chosen.map_or(Value::Nothing, |row| count(facts.time[row])),
            Take::EarliestUser => chosen.map_or(Value::Nothing, |row| Value::Name(facts.name(Column::User, row))),
            Take::ListPrice => Value::Nothing,
        }
    }
}
