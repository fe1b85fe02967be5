//! Where a report comes from: period, population, sources and how fresh they are, gaps, parameters, the place in the lake.
//! Promises enough to make the same report again from the same lake.
//! Never leaves a gap unsaid: a day that was not recorded is named, not counted as a quiet one.

use ephor_wire::timestamp::UtcDay;

/// The days that a report is about, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub first: UtcDay,
    /// The last day.
    pub last: UtcDay,
}

impl Period {
    /// So many days that end with this one.
    #[must_use]
    pub fn ending(last: UtcDay, days: u32) -> Self {
        let before = i32::try_from(days.max(1) - 1).unwrap_or(i32::MAX);
        Self { first: last.plus_days(-before), last }
    }

    /// How many days.
    #[must_use]
    pub fn days(&self) -> u32 {
        u32::try_from(self.last.0 - self.first.0 + 1).unwrap_or(0)
    }

    /// Every day.
    pub fn each_day(&self) -> impl Iterator<Item = UtcDay> + use<> {
        (self.first.0..=self.last.0).map(UtcDay)
    }

    /// Its first microsecond.
    #[must_use]
    pub fn from_micros(&self) -> i64 {
        self.first.start_micros()
    }

    /// The first microsecond after it.
    #[must_use]
    pub fn to_micros(&self) -> i64 {
        self.last.plus_days(1).start_micros()
    }

    /// The period of the same length before it.
    #[must_use]
    pub fn before(&self) -> Self {
        Self::ending(self.first.plus_days(-1), self.days())
    }
}

/// Everything that a reader needs to trust a report, or not to.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// When it was made, in microseconds since 1970.
    pub generated_at_micros: i64,
    /// What it is about.
    pub period: Period,
    /// Who or what is in it, and who is not.
    pub population: String,
    /// What it was asked for, by name.
    pub parameters: Vec<(&'static str, String)>,
    /// What it was made from.
    pub sources: Vec<Source>,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// The place in the lake that it was made from.
    pub as_of: AsOf,
    /// How names are shown.
    pub names: &'static str,
}

/// Something that a report was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name: a source of activities or usage, or `directory`.
    pub name: String,
    /// What it gave: `activities`, `usage events`, `directory`.
    pub kind: &'static str,
    /// How many rows within the period.
    pub rows: u64,
    /// Up to when it reaches, in microseconds since 1970.
    pub newest_micros: Option<i64>,
    /// Days of the period on which it gave anything.
    pub days_covered: u32,
}

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What is missing: a source's name, `recording`, `usage events`.
    pub what: String,
    /// From when, in microseconds since 1970.
    pub from_micros: i64,
    /// Until when; `None` where it lasts.
    pub to_micros: Option<i64>,
    /// Why, in words.
    pub why: String,
}

/// A place in the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AsOf {
    /// Activities with a smaller `seq`.
    pub activities_seq: u64,
    /// Usage events with a smaller `seq`.
    pub usage_seq: u64,
    /// The size of the newest signed checkpoint.
    pub checkpoint_size: Option<u64>,
}
