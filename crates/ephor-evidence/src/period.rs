//! The period of an audit: whole UTC days, both ends included.
//! Promises that it is not empty and not longer than records of one audit can be.
//! Never knows the time: whether it is over is for the caller to say.

use std::fmt;
use std::str::FromStr;

use ephor_wire::timestamp::{Timestamp, UtcDay};
use serde::{Deserialize, Serialize};

use crate::error::EvidenceError;

/// Days of a period at the most: five years and their leap days. A mistyped century would otherwise list empty days.
const MOST_DAYS: i32 = 5 * 366;

/// Days, both ends included.
///
/// ```
/// let quarter = ephor_evidence::Period::parse("2026-01-01", "2026-03-31").unwrap();
/// assert_eq!(quarter.days().count(), 90);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Days", into = "Days")]
pub struct Period {
    first: UtcDay,
    last: UtcDay,
}

/// As it stands in files.
#[derive(Serialize, Deserialize)]
struct Days {
    from: String,
    to: String,
}

impl From<Period> for Days {
    fn from(period: Period) -> Self {
        Self { from: period.first.to_string(), to: period.last.to_string() }
    }
}

impl TryFrom<Days> for Period {
    type Error = EvidenceError;

    fn try_from(days: Days) -> Result<Self, EvidenceError> {
        Self::parse(&days.from, &days.to)
    }
}

impl Period {
    /// From one day to another.
    pub fn new(first: UtcDay, last: UtcDay) -> Result<Self, EvidenceError> {
        if last < first {
            return Err(EvidenceError::Period(format!("it ends on {last}, before it begins on {first}")));
        }
        if last.0.saturating_sub(first.0) >= MOST_DAYS {
            return Err(EvidenceError::Period(format!("{first} to {last} is more than {MOST_DAYS} days")));
        }
        Ok(Self { first, last })
    }

    /// From two days as people write them.
    pub fn parse(from: &str, to: &str) -> Result<Self, EvidenceError> {
        let day = |text: &str| {
            UtcDay::from_str(text)
                .map_err(|_| EvidenceError::Period(format!("`{text}` is not a day; write it as YYYY-MM-DD")))
        };
        Self::new(day(from)?, day(to)?)
    }

    /// The first day.
    #[must_use]
    pub fn first_day(self) -> UtcDay {
        self.first
    }

    /// The last day.
    #[must_use]
    pub fn last_day(self) -> UtcDay {
        self.last
    }

    /// The day after the last.
    #[must_use]
    pub fn end_day(self) -> UtcDay {
        self.last.plus_days(1)
    }

    /// Every day of it.
    pub fn days(self) -> impl Iterator<Item = UtcDay> {
        (self.first.0..=self.last.0).map(UtcDay)
    }

    /// Whether a day belongs to it.
    #[must_use]
    pub fn has(self, day: UtcDay) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// Its first moment, in microseconds since 1970.
    pub(crate) fn begin_micros(self) -> i64 {
        self.first.start_micros()
    }

    /// The first moment after it.
    pub(crate) fn end_micros(self) -> i64 {
        self.end_day().start_micros()
    }

    /// Its first moment as text.
    pub(crate) fn begin_text(self) -> String {
        moment(self.first)
    }

    /// The first moment after it as text.
    pub(crate) fn end_text(self) -> String {
        moment(self.end_day())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.first, self.last)
    }
}

fn moment(day: UtcDay) -> String {
    format!("{day}T00:00:00Z")
}

/// A moment as text, from microseconds since 1970.
pub(crate) fn at(micros: i64) -> String {
    Timestamp::from_micros(micros).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_period_that_is_none_says_why() {
        let wrong = |from: &str, to: &str| Period::parse(from, to).unwrap_err().to_string();
        assert_eq!(
            wrong("2026-02-01", "2026-01-31"),
            "the period is not right: it ends on 2026-01-31, before it begins on 2026-02-01"
        );
        assert!(wrong("2026-02-30", "2026-03-31").contains("`2026-02-30` is not a day"));
        assert!(wrong("1926-02-01", "2026-03-31").contains("more than"));
        let day = Period::parse("2026-02-28", "2026-02-28").unwrap();
        assert_eq!((day.days().count(), day.end_text()), (1, "2026-03-01T00:00:00Z".to_owned()));
    }
}
