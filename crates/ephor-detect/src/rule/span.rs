//! Lengths of time as rules write them: `30s`, `10m`, `24h`, `14d`, `2w`, as in Sigma's timeframes.
//! Promises whole microseconds.
//! Never a month or a year: those have no fixed length.

use rsigma_parser::Timespan;
use serde::{Deserialize, Deserializer, de};

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) micros: i64,
}

pub(crate) const SECOND_MICROS: i64 = 1_000_000;
pub(crate) const DAY_MICROS: i64 = 86_400 * SECOND_MICROS;

impl Span {
    pub(crate) const fn days(days: i64) -> Self {
        Self { micros: days * DAY_MICROS }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no length of time; write a number and s, m, h, d or w, such as `10m`");
        let span = Timespan::parse(text).map_err(|_| wrong())?;
        if text.ends_with(['M', 'y']) {
            return Err(wrong());
        }
        let seconds = i64::try_from(span.seconds).map_err(|_| wrong())?;
        let micros = seconds.checked_mul(SECOND_MICROS).ok_or_else(wrong)?;
        if micros == 0 { Err(wrong()) } else { Ok(Self { micros }) }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// Words for a length of time, for people.
pub(crate) fn in_words(micros: i64) -> String {
    let seconds = micros / SECOND_MICROS;
    let (count, unit) = match seconds {
        s if s % 86_400 == 0 && s >= 172_800 => (s / 86_400, "days"),
        s if s % 3_600 == 0 && s >= 7_200 => (s / 3_600, "hours"),
        s if s % 60 == 0 && s >= 120 => (s / 60, "minutes"),
        s => (s, "seconds"),
    };
    match (count, unit) {
        (60, "seconds") => "a minute".to_owned(),
        (3_600, "seconds") | (60, "minutes") => "an hour".to_owned(),
        (24, "hours") => "a day".to_owned(),
        _ => format!("{count} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_length_is_a_number_and_a_unit() {
        assert_eq!(Span::parse("90s").unwrap().micros, 90 * SECOND_MICROS);
        assert_eq!(Span::parse("2w").unwrap(), Span::days(14));
        for wrong in ["", "10", "m", "10 m", "1M", "1y", "0s", "-1d", "99999999999999999d"] {
            assert!(Span::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_length_reads_as_people_say_it() {
        let words = |text: &str| in_words(Span::parse(text).unwrap().micros);
        assert_eq!(
            ["45s", "60s", "10m", "60m", "24h", "36h", "14d"].map(words),
            ["45 seconds", "a minute", "10 minutes", "an hour", "a day", "36 hours", "14 days"]
        );
    }
}
