//! Sites with their offsets, working hours, weekends and holidays, and the span that is simulated.
//! Promises plain integer arithmetic on microseconds since 1970; summer time is left out on purpose.
//! Never asks what time it is now.

use super::dice::Dice;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A place where people work.
pub(crate) struct Site {
    pub(crate) city: &'static str,
    pub(crate) offset_minutes: i64,
    /// Share of the staff, in percent.
    pub(crate) share: u32,
    /// (month, day) on which nearly nobody works.
    holidays: &'static [(u32, u32)],
}

pub(crate) const SITES: [Site; 6] = [
    Site {
        city: "San Francisco",
        offset_minutes: -480,
        share: 22,
        holidays: &[(1, 1), (7, 4), (11, 26), (11, 27), (12, 25)],
    },
    Site {
        city: "New York",
        offset_minutes: -300,
        share: 20,
        holidays: &[(1, 1), (7, 4), (11, 26), (11, 27), (12, 25)],
    },
    Site { city: "London", offset_minutes: 0, share: 20, holidays: &[(1, 1), (8, 31), (12, 25), (12, 26)] },
    Site { city: "Berlin", offset_minutes: 60, share: 18, holidays: &[(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)] },
    Site { city: "Bengaluru", offset_minutes: 330, share: 12, holidays: &[(1, 26), (8, 15), (10, 2), (11, 9)] },
    Site { city: "Singapore", offset_minutes: 480, share: 8, holidays: &[(1, 1), (5, 1), (8, 9), (12, 25)] },
];

/// Work starts at 08:00 local time; each slot is half an hour. Lunch dips, evenings fade.
const SLOT_WEIGHTS: [u32; 24] = [2, 5, 9, 12, 13, 13, 12, 10, 6, 6, 9, 11, 12, 12, 11, 10, 8, 6, 4, 2, 1, 1, 1, 1];
const WORK_STARTS_HOUR: i64 = 8;

/// The days that are simulated: from `start` (included) to `end` (excluded), both at midnight UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) days: u32,
}

impl Span {
    pub(crate) fn new(end: i64, days: u32) -> Self {
        Self { start: end - i64::from(days) * DAY, end, days }
    }

    pub(crate) fn day_start(&self, day: u32) -> i64 {
        self.start + i64::from(day) * DAY
    }

    pub(crate) fn day_of(&self, micros: i64) -> u32 {
        u32::try_from((micros - self.start).div_euclid(DAY)).unwrap_or(0)
    }

    /// `micros`, moved into the span if it lies outside.
    pub(crate) fn clamp(&self, micros: i64) -> i64 {
        micros.clamp(self.start, self.end - SECOND)
    }

    pub(crate) fn is_weekend(&self, day: u32) -> bool {
        weekday(self.day_start(day)) >= 5
    }

    /// The nearest working day at or before `day`, or after it at the very start.
    pub(crate) fn working_day(&self, day: u32) -> u32 {
        let day = day.min(self.days.saturating_sub(1));
        let before = (0..=day).rev().take(3).find(|d| !self.is_weekend(*d));
        before.or_else(|| (day..self.days).take(3).find(|d| !self.is_weekend(*d))).unwrap_or(day)
    }
}

/// 0 is Monday. 1970-01-01 was a Thursday.
pub(crate) fn weekday(micros: i64) -> i64 {
    (micros.div_euclid(DAY) + 3).rem_euclid(7)
}

/// Year, month and day of an instant, in UTC (days-to-civil algorithm on the proleptic Gregorian calendar).
pub(crate) fn civil(micros: i64) -> (i64, u32, u32) {
    let shifted = micros.div_euclid(DAY) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

pub(crate) fn is_holiday(site: &Site, day_start: i64) -> bool {
    let (_, month, day) = civil(day_start);
    site.holidays.contains(&(month, day))
}

/// Minutes after midnight UTC at which somebody at `site` starts to do something on their working day.
/// Negative never occurs: the easternmost site starts at 00:00 UTC.
pub(crate) fn working_moment(site: &Site, dice: &mut Dice) -> i64 {
    let total: u32 = SLOT_WEIGHTS.iter().sum();
    let mut left = dice.below(total);
    let mut slot = 0;
    for weight in SLOT_WEIGHTS {
        if left < weight {
            break;
        }
        left -= weight;
        slot += 1;
    }
    let local = WORK_STARTS_HOUR * HOUR + slot * 30 * MINUTE + dice.between(0, 30 * MINUTE - 1);
    (local - site.offset_minutes * MINUTE).max(0)
}

/// `hour`:`minute` on the wall of `site`, on the given day, as an instant.
pub(crate) fn local_time(site: &Site, day_start: i64, hour: i64, minute: i64) -> i64 {
    day_start + hour * HOUR + minute * MINUTE - site.offset_minutes * MINUTE
}
