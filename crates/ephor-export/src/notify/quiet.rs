//! Quiet hours: when nobody is to be disturbed, on whose clocks, and what comes through all the same.
//! Promises the same answer for the same instant, whatever the clocks are set to in between.
//! Never reads a clock.

use ephor_detect::Severity;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use serde::Deserialize;

/// `quiet = { … }` of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietSettings {
    /// Every day from this time on, `HH:MM`.
    #[serde(default)]
    pub from: Option<String>,
    /// Up to this time, on the next day if it is the earlier one.
    #[serde(default)]
    pub to: Option<String>,
    /// Whole days: `sat`, `sun`, …
    #[serde(default)]
    pub days: Vec<String>,
    /// On whose clocks.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// What is at least so urgent comes through.
    #[serde(default)]
    pub passes: Option<Severity>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Quiet hours, checked.
#[derive(Debug, Clone)]
pub(super) struct Quiet {
    hours: Option<(Time, Time)>,
    days: Vec<Weekday>,
    zone: TimeZone,
    passes: Option<Severity>,
}

/// Boundaries looked at for the end of a quiet time: three a day, over a week and a day.
const BOUNDARIES: usize = 24;

impl QuietSettings {
    pub(super) fn read(&self) -> Result<Quiet, String> {
        let time = |text: &str| {
            let parsed = Time::strptime("%H:%M", text);
            parsed.map_err(|_| format!("quiet: `{text}` is no time of day; write it as HH:MM, e.g. 19:00"))
        };
        let hours = match (&self.from, &self.to) {
            (None, None) => None,
            (Some(from), Some(to)) if from == to => {
                return Err("quiet.from and quiet.to are the same; for whole days use quiet.days".to_owned());
            }
            (Some(from), Some(to)) => Some((time(from)?, time(to)?)),
            _ => return Err("quiet.from and quiet.to go together".to_owned()),
        };
        let days = self.days.iter().map(|name| weekday(name)).collect::<Result<Vec<_>, _>>()?;
        if hours.is_none() && days.is_empty() {
            return Err("quiet names neither hours (from, to) nor days".to_owned());
        }
        if (0..7).all(|day| days.iter().any(|quiet| quiet.to_monday_zero_offset() == day)) {
            return Err("quiet.days names every day: nothing would ever be sent".to_owned());
        }
        let zone = TimeZone::get(&self.time_zone)
            .map_err(|_| format!("quiet: `{}` is no time zone, e.g. Europe/Berlin", self.time_zone))?;
        Ok(Quiet { hours, days, zone, passes: self.passes })
    }
}

fn weekday(name: &str) -> Result<Weekday, String> {
    let names = [
        ("mon", Weekday::Monday),
        ("tue", Weekday::Tuesday),
        ("wed", Weekday::Wednesday),
        ("thu", Weekday::Thursday),
        ("fri", Weekday::Friday),
        ("sat", Weekday::Saturday),
        ("sun", Weekday::Sunday),
    ];
    let found = names.iter().find(|(short, _)| name.to_ascii_lowercase() == *short);
    found.map(|(_, day)| *day).ok_or_else(|| format!("quiet: `{name}` is no day; mon, tue, wed, thu, fri, sat, sun"))
}

impl Quiet {
    pub(super) fn covers(&self, at_micros: i64) -> bool {
        self.local(at_micros).is_some_and(|local| self.covers_local(&local))
    }

    /// Whether it comes through.
    pub(super) fn lets_pass(&self, severity: Severity) -> bool {
        self.passes.is_some_and(|least| severity >= least)
    }

    /// When it ends that covers this instant.
    pub(super) fn end(&self, at_micros: i64) -> Option<i64> {
        let mut local = self.local(at_micros)?;
        for _ in 0..BOUNDARIES {
            if !self.covers_local(&local) {
                break;
            }
            local = self.next_boundary(&local)?;
        }
        Some(local.timestamp().as_microsecond())
    }

    fn local(&self, at_micros: i64) -> Option<ZonedDateTime> {
        Timestamp::from_microsecond(at_micros).ok().map(|at| at.to_zoned_datetime(self.zone.clone()))
    }

    fn covers_local(&self, local: &ZonedDateTime) -> bool {
        let time = local.time();
        let in_hours = self.hours.is_some_and(|(from, to)| match from < to {
            true => from <= time && time < to,
            false => from <= time || time < to,
        });
        in_hours || self.days.contains(&local.weekday())
    }

    /// The next instant at which quiet could end: a time of day or midnight.
    fn next_boundary(&self, local: &ZonedDateTime) -> Option<ZonedDateTime> {
        let tomorrow = local.date().tomorrow().ok()?;
        let ends = self.hours.iter().flat_map(|(_, to)| [local.date().to_datetime(*to), tomorrow.to_datetime(*to)]);
        let boundaries = ends.chain([tomorrow.to_datetime(Time::midnight())]);
        boundaries.filter_map(|at| at.to_zoned_datetime(self.zone.clone()).ok()).filter(|at| at > local).min()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn quiet(text: &str) -> Result<Quiet, String> {
        toml::from_str::<QuietSettings>(text).unwrap().read()
    }

    fn micros(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn end(quiet: &Quiet, at: &str) -> String {
        Timestamp::from_microsecond(quiet.end(micros(at)).unwrap()).unwrap().to_string()
    }

    #[test]
    fn nights_and_weekends_of_berlin_are_quiet_also_when_clocks_change() {
        let quiet = quiet("from = \"19:00\"\nto = \"07:00\"\ndays = [\"sat\", \"sun\"]\ntime_zone = \"Europe/Berlin\"");
        let quiet = quiet.unwrap();
        // 2026-10-23 is a Friday; clocks go back on Sunday the 25th.
        assert!(!quiet.covers(micros("2026-10-23T16:59:59Z")));
        assert!(quiet.covers(micros("2026-10-23T17:00:00Z")));
        assert_eq!(end(&quiet, "2026-10-23T17:00:00Z"), "2026-10-26T06:00:00Z");
        assert_eq!(end(&quiet, "2026-10-20T22:30:00Z"), "2026-10-21T05:00:00Z");
        assert_eq!(end(&quiet, "2026-10-21T12:00:00Z"), "2026-10-21T12:00:00Z", "it is not quiet");
    }

    #[test]
    fn what_is_urgent_enough_comes_through() {
        let strict = quiet("days = [\"sun\"]").unwrap();
        assert!(!strict.lets_pass(Severity::Critical));
        let lenient = quiet("days = [\"sun\"]\npasses = \"high\"").unwrap();
        assert!(lenient.lets_pass(Severity::Critical) && lenient.lets_pass(Severity::High));
        assert!(!lenient.lets_pass(Severity::Medium));
    }

    #[test]
    fn mistakes_are_told() {
        let wrong = [
            ("from = \"7pm\"\nto = \"07:00\"", "`7pm` is no time of day"),
            ("from = \"19:00\"", "go together"),
            ("", "neither hours"),
            ("days = [\"caturday\"]", "`caturday` is no day"),
            ("days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]", "every day"),
            ("from = \"1:00\"\nto = \"2:00\"\ntime_zone = \"Mars\"", "`Mars` is no time zone"),
        ];
        for (text, words) in wrong {
            let why = quiet(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}
