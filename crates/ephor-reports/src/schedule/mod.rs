//! When a scheduled report is due: a cron expression on the clocks of a time zone.
//! What was missed while nothing ran is made up for once, by the newest moment; older ones would say less than it does.
//! Never reads a clock.

mod wall_clock;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use wall_clock::WallClock;

/// The moments at which something is due.
#[derive(Debug, Clone)]
pub struct Timing {
    cron: Cron,
    zone: TimeZone,
}

impl Timing {
    /// Reads a cron expression of five fields and the name of a time zone; the error says what is wrong.
    pub fn parse(cron: &str, time_zone: &str) -> Result<Self, String> {
        let zone = TimeZone::get(time_zone)
            .map_err(|_| format!("`{time_zone}` is no time zone; write one as `Europe/Berlin` or `UTC`"))?;
        // A report a second is a mistake in the number of fields.
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        let cron = parser
            .parse(cron)
            .map_err(|error| format!("`{cron}` is no cron expression of five fields such as `0 6 * * MON`: {error}"))?;
        Ok(Self { cron, zone })
    }

    /// The newest moment after one and up to another, in microseconds since 1970.
    #[must_use]
    pub fn newest_due(&self, after_micros: i64, until_micros: i64) -> Option<i64> {
        let until = self.on_the_clock(until_micros)?;
        let due = self.cron.find_previous_occurrence(&until, true).ok()?;
        Some(due.0.timestamp().as_microsecond()).filter(|due| *due > after_micros)
    }

    /// The first moment after one; `None` if there never is one, as on a 30 February.
    #[must_use]
    pub fn next_after(&self, micros: i64) -> Option<i64> {
        let after = self.on_the_clock(micros)?;
        let due = self.cron.find_next_occurrence(&after, false).ok()?;
        Some(due.0.timestamp().as_microsecond())
    }

    fn on_the_clock(&self, micros: i64) -> Option<WallClock> {
        Some(WallClock(Timestamp::from_microsecond(micros).ok()?.to_zoned_datetime(self.zone.clone())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Timing;

    fn micros(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
    }

    fn at(micros: Option<i64>) -> String {
        micros.map_or("never".to_owned(), |micros| jiff::Timestamp::from_microsecond(micros).unwrap().to_string())
    }

    #[test]
    fn a_moment_is_due_once_and_what_was_missed_is_made_up_for_by_the_newest() {
        let mondays = Timing::parse("0 6 * * MON", "UTC").unwrap();
        let settled = micros("2026-11-02T06:00:00Z");
        for (now, due) in [
            ("2026-11-02T06:00:00Z", "never"),
            ("2026-11-09T05:59:59Z", "never"),
            ("2026-11-09T06:00:00Z", "2026-11-09T06:00:00Z"),
            ("2026-11-25T12:00:00Z", "2026-11-23T06:00:00Z"),
        ] {
            assert_eq!(at(mondays.newest_due(settled, micros(now))), due, "at {now}");
        }
        assert_eq!(at(mondays.next_after(micros("2026-11-25T12:00:00Z"))), "2026-11-30T06:00:00Z");
    }

    #[test]
    fn a_day_begins_where_people_live_whatever_the_clocks_do() {
        let mornings = Timing::parse("30 7 * * *", "Europe/Berlin").unwrap();
        // Clocks go back on 25 October 2026: half past seven is an hour later in UTC.
        assert_eq!(at(mornings.next_after(micros("2026-10-24T00:00:00Z"))), "2026-10-24T05:30:00Z");
        assert_eq!(at(mornings.next_after(micros("2026-10-25T00:00:00Z"))), "2026-10-25T06:30:00Z");
        // An hour that is there twice makes one report, not two.
        let nights = Timing::parse("30 2 * * *", "Europe/Berlin").unwrap();
        let first = nights.next_after(micros("2026-10-24T12:00:00Z")).unwrap();
        let second = nights.next_after(first).unwrap();
        assert_eq!((at(Some(first)), at(Some(second))), ("2026-10-25T00:30:00Z".into(), "2026-10-26T01:30:00Z".into()));
    }

    #[test]
    fn a_mistake_is_told_with_what_would_be_right() {
        let told = |cron, zone| Timing::parse(cron, zone).unwrap_err();
        assert!(
            told("0 6 * *", "UTC").starts_with("`0 6 * *` is no cron expression of five fields such as `0 6 * * MON`")
        );
        assert!(told("0 0 6 * * MON", "UTC").contains("five fields"));
        assert!(told("61 6 * * *", "UTC").contains("`61 6 * * *`"));
        assert_eq!(
            told("0 6 * * *", "Mars/Base"),
            "`Mars/Base` is no time zone; write one as `Europe/Berlin` or `UTC`"
        );
        let never = Timing::parse("0 6 30 2 *", "UTC").unwrap();
        assert_eq!(never.next_after(micros("2026-11-02T06:00:00Z")), None);
    }
}
