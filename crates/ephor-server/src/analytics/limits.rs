//! What may be asked of the Analytics API: how old, how new, how long, how often; each published state as a profile.
//! Promises that a profile changes limits and defaults and never the shape of an answer.
//! Never reads a clock: the time is passed in.

use ephor_wire::timestamp::{DAY_MICROS, UtcDay};

const HOUR_MICROS: i64 = 3_600_000_000;

/// 2026-01-01: no published endpoint has anything older (analytics_api.md 1.3).
const FIRST_DAY: UtcDay = UtcDay(20_454);

/// A published state of the Analytics API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnalyticsProfile {
    /// As the founding document has it: three days of delay, 90 days of history, summaries over 31 days.
    #[default]
    Seed,
    /// As the reference has it since the summer of 2026: one day of delay, 366 days.
    Current,
}

/// The limits and defaults of the Analytics API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticsLimits {
    /// A day is served so many days after it began, at the earliest.
    pub delay_days: u32,
    /// A day is closed at this hour (UTC) of the day after it; it is not served before.
    pub close_hour_utc: u32,
    /// Nothing older is served, whatever the history.
    pub first_day: UtcDay,
    /// Engagement endpoints go so many days back from today.
    pub history_days: u32,
    /// A range of an engagement endpoint has so many days at the most.
    pub range_days: u32,
    /// A range of `summaries` has so many days at the most.
    pub summaries_range_days: u32,
    /// Cost and usage endpoints begin so many days back at the most.
    pub report_history_days: u32,
    /// A range of a cost or usage endpoint spans so many days at the most.
    pub report_range_days: u32,
    /// Rows in a page of `users` unless the request says otherwise. All other listings have 100 in every profile.
    pub users_limit: usize,
    /// Requests a minute, over all keys of an organization and all endpoints.
    pub rate_limit_per_minute: u32,
}

impl Default for AnalyticsLimits {
    fn default() -> Self {
        Self::of(AnalyticsProfile::default())
    }
}

impl AnalyticsLimits {
    /// The numbers of a profile.
    #[must_use]
    pub const fn of(profile: AnalyticsProfile) -> Self {
        let seed = Self {
            delay_days: 3,
            close_hour_utc: 10,
            first_day: FIRST_DAY,
            history_days: 90,
            range_days: 90,
            summaries_range_days: 31,
            report_history_days: 365,
            report_range_days: 31,
            users_limit: 20,
            rate_limit_per_minute: 60,
        };
        match profile {
            AnalyticsProfile::Seed => seed,
            AnalyticsProfile::Current => Self {
                delay_days: 1,
                history_days: 366,
                range_days: 366,
                summaries_range_days: 366,
                users_limit: 100,
                ..seed
            },
        }
    }

    /// The newest day that is served at a time, in microseconds since 1970.
    #[must_use]
    pub fn newest_day(&self, now_micros: i64) -> UtcDay {
        self.calendar(now_micros).newest
    }

    /// The newest day whose closing, `close_hour_utc` of the day after it, has come.
    #[must_use]
    pub fn closed_day(&self, now_micros: i64) -> UtcDay {
        UtcDay::from_micros(now_micros - DAY_MICROS - i64::from(self.close_hour_utc) * HOUR_MICROS)
    }

    /// The days that can be asked for at a time.
    pub(crate) fn calendar(&self, now_micros: i64) -> Calendar {
        let today = UtcDay::from_micros(now_micros);
        let delayed = back(today, self.delay_days);
        let closed = self.closed_day(now_micros);
        Calendar {
            oldest: self.first_day.max(back(today, self.history_days)),
            newest: delayed.min(closed),
            latest_end: delayed.plus_days(1),
        }
    }

    /// The earliest beginning of a cost or usage range at a time.
    pub(crate) fn earliest_report_micros(&self, now_micros: i64) -> i64 {
        let history = i64::from(self.report_history_days).saturating_mul(DAY_MICROS);
        self.first_day.start_micros().max(now_micros.saturating_sub(history))
    }
}

/// The days that the engagement endpoints can be asked for at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// The oldest day.
    pub(crate) oldest: UtcDay,
    /// The newest day.
    pub(crate) newest: UtcDay,
    /// An `ending_date` (exclusive) may be written as late as this: the day after the newest one, also in the hours in
    /// which that one is not closed yet. Clients that send today every day must not fail every morning.
    pub(crate) latest_end: UtcDay,
}

fn back(day: UtcDay, days: u32) -> UtcDay {
    day.plus_days(i32::try_from(days).unwrap_or(i32::MAX).saturating_neg())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ephor_wire::timestamp::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn calendar(profile: AnalyticsProfile, now: &str) -> String {
        let found = AnalyticsLimits::of(profile).calendar(Timestamp::parse(now).unwrap().micros());
        format!("{now} {profile:?}: {} to {}, ending_date to {}", found.oldest, found.newest, found.latest_end)
    }

    #[test]
    fn a_day_is_served_when_its_delay_is_over_and_it_is_closed() {
        let mut told = Vec::new();
        for profile in [AnalyticsProfile::Seed, AnalyticsProfile::Current] {
            for now in
                ["2026-03-14T00:00:00Z", "2026-03-14T09:59:59.999999Z", "2026-03-14T10:00:00Z", "2026-11-23T23:00:00Z"]
            {
                told.push(calendar(profile, now));
            }
        }
        insta::assert_snapshot!(told.join("\n"), @"
        2026-03-14T00:00:00Z Seed: 2026-01-01 to 2026-03-11, ending_date to 2026-03-12
        2026-03-14T09:59:59.999999Z Seed: 2026-01-01 to 2026-03-11, ending_date to 2026-03-12
        2026-03-14T10:00:00Z Seed: 2026-01-01 to 2026-03-11, ending_date to 2026-03-12
        2026-11-23T23:00:00Z Seed: 2026-08-25 to 2026-11-20, ending_date to 2026-11-21
        2026-03-14T00:00:00Z Current: 2026-01-01 to 2026-03-12, ending_date to 2026-03-14
        2026-03-14T09:59:59.999999Z Current: 2026-01-01 to 2026-03-12, ending_date to 2026-03-14
        2026-03-14T10:00:00Z Current: 2026-01-01 to 2026-03-13, ending_date to 2026-03-14
        2026-11-23T23:00:00Z Current: 2026-01-01 to 2026-11-22, ending_date to 2026-11-23
        ");
    }

    #[test]
    fn without_a_delay_the_closing_alone_counts() {
        let limits = AnalyticsLimits { delay_days: 0, close_hour_utc: 0, ..AnalyticsLimits::default() };
        let midnight = Timestamp::parse("2026-03-14T00:00:00Z").unwrap().micros();
        assert_eq!(limits.calendar(midnight).newest.to_string(), "2026-03-13");
        assert_eq!(limits.calendar(midnight - 1).newest.to_string(), "2026-03-12");
    }

    proptest! {
        #[test]
        fn the_newest_day_is_over_and_never_goes_back(now in 1_767_225_600_000_000_i64..1_900_000_000_000_000, later in 0_i64..200_000_000_000, delay_days in 0_u32..10, close_hour_utc in 0_u32..24) {
            let limits = AnalyticsLimits { delay_days, close_hour_utc, ..AnalyticsLimits::default() };
            let (first, second) = (limits.calendar(now), limits.calendar(now + later));
            prop_assert!(first.newest <= second.newest && first.oldest <= second.oldest);
            prop_assert!(first.newest.end_micros() <= now && first.newest < first.latest_end);
            // And no later day qualifies.
            let next = first.newest.plus_days(1);
            let ready = next.start_micros() + i64::from(delay_days) * DAY_MICROS;
            let closed = next.end_micros() + i64::from(close_hour_utc) * HOUR_MICROS;
            prop_assert!(now < ready.max(closed));
        }
    }
}
