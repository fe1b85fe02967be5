//! Instants as the wire writes them: RFC 3339 with a zone, the text kept, the instant known to the microsecond.
//! Days are UTC days.
//! Never guesses a zone: a bare date or a local time is an error that says so.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds of a day.
pub const DAY_MICROS: i64 = 86_400_000_000;

/// An instant and the text it was written as: two are equal if they are written alike, and `micros` compares instants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    text: String,
    micros: i64,
}

/// Text that is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not an RFC 3339 timestamp with a zone, such as 2026-11-23T12:00:00Z")]
pub struct TimestampError {
    /// What came instead.
    pub value: String,
}

impl Timestamp {
    /// Reads an instant; digits beyond the microsecond are kept in the text and not in the instant.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        match parse_micros(text) {
            Some(micros) => Ok(Self { text: text.to_owned(), micros }),
            None => Err(TimestampError { value: text.chars().take(64).collect() }),
        }
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Microseconds since 1970 in UTC.
    #[must_use]
    pub fn micros(&self) -> i64 {
        self.micros
    }

    /// Writes an instant with `Z` and six digits.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        let (days, rest) = (micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS));
        let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
        let day = UtcDay(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }));
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        Self { text: format!("{day}T{hours:02}:{minutes:02}:{:02}.{fraction:06}Z", seconds % 60), micros }
    }

    /// From the time library's instant.
    #[must_use]
    pub fn from_jiff(instant: jiff::Timestamp) -> Self {
        Self::from_micros(instant.as_microsecond())
    }

    /// To the time library's instant; what lies outside its range becomes the end of it.
    #[must_use]
    pub fn to_jiff(&self) -> jiff::Timestamp {
        let end = if self.micros < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_microsecond(self.micros).unwrap_or(end)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Microseconds of an RFC 3339 text. The common spelling is read digit by digit, every other one by the time library.
#[must_use]
pub fn parse_micros(text: &str) -> Option<i64> {
    parse_common(text.as_bytes()).or_else(|| parse_any(text))
}

/// `YYYY-MM-DDTHH:MM:SS[.fraction]` followed by `Z` or `±HH:MM`.
fn parse_common(text: &[u8]) -> Option<i64> {
    let (head, rest) = text.split_at_checked(19)?;
    if head[4] != b'-' || head[7] != b'-' || head[10] != b'T' || head[13] != b':' || head[16] != b':' {
        return None;
    }
    let (year, month, day) = (digits(&head[..4])?, digits(&head[5..7])?, digits(&head[8..10])?);
    let (hour, minute, second) = (digits(&head[11..13])?, digits(&head[14..16])?, digits(&head[17..])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, zone) = match rest.split_first()? {
        (b'.', after) => {
            let length = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let micros =
                after[..length].iter().chain(b"000000").take(6).fold(0, |sum, d| sum * 10 + i64::from(d - b'0'));
            if length == 0 {
                return None;
            }
            (micros, &after[length..])
        }
        _ => (0, rest),
    };
    let offset_minutes = match zone {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = hours * 60 + minutes;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + (minute - offset_minutes) * 60 + second;
    Some(seconds * 1_000_000 + fraction)
}

/// Lower case, a space for the T, a leap second: RFC 3339 has them, they are rare, and the library knows them. What else
/// the library reads (basic dates, week dates, a zone's name) is no RFC 3339 and stays outside.
fn parse_any(text: &str) -> Option<i64> {
    let (head, rest) = text.as_bytes().split_at_checked(19)?;
    let separators = [head[4], head[7], head[10].to_ascii_uppercase(), head[13], head[16]];
    if !matches!(separators, [b'-', b'-', b'T' | b' ', b':', b':'])
        || rest.iter().any(|byte| matches!(byte, b',' | b'['))
    {
        return None;
    }
    match rest {
        [.., b'Z' | b'z'] => {}
        [.., b'+' | b'-', h1, h2, b':', _, _] if digits(&[*h1, *h2])? < 24 => {}
        _ => return None,
    }
    text.parse().ok().map(jiff::Timestamp::as_microsecond)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A day in UTC, as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDay(pub i32);

impl UtcDay {
    /// The day of an instant.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        let days = micros.div_euclid(DAY_MICROS);
        Self(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Its first microsecond.
    #[must_use]
    pub fn start_micros(self) -> i64 {
        i64::from(self.0) * DAY_MICROS
    }

    /// The first microsecond of the next day.
    #[must_use]
    pub fn end_micros(self) -> i64 {
        (i64::from(self.0) + 1) * DAY_MICROS
    }

    /// The day that lies so many days later (or, with a negative number, earlier).
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl fmt::Display for UtcDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(i64::from(self.0));
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for UtcDay {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let wrong = || TimestampError { value: text.chars().take(64).collect() };
        match text.len() {
            10 => parse_micros(&format!("{text}T00:00:00Z")).map(Self::from_micros).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bare_date_is_refused_with_the_value_and_the_way_out() {
        for text in
            ["2026-11-23", "2026-11-23T10:00:00", "yesterday", "", "2026-02-30T00:00:00Z", "2026-11-23T25:00:00Z"]
        {
            let error = Timestamp::parse(text).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("2026-11-23T12:00:00Z"), "{error}");
        }
    }

    #[test]
    fn an_offset_and_zulu_are_one_instant_and_two_texts() {
        let (local, zulu) =
            (Timestamp::parse("2026-11-23T12:00:00+01:00").unwrap(), Timestamp::parse("2026-11-23T11:00:00Z").unwrap());
        assert_eq!((local.as_str(), local.micros()), ("2026-11-23T12:00:00+01:00", zulu.micros()));
        assert_ne!(local, zulu);
        assert_eq!(Timestamp::from_jiff(zulu.to_jiff()).as_str(), "2026-11-23T11:00:00.000000Z");
    }

    #[test]
    fn digits_beyond_the_microsecond_stay_in_the_text_only() {
        let fine = Timestamp::parse("2026-11-23T12:00:00.123456789Z").unwrap();
        assert_eq!(fine.as_str(), "2026-11-23T12:00:00.123456789Z");
        assert_eq!(Timestamp::from_micros(fine.micros()).as_str(), "2026-11-23T12:00:00.123456Z");
        assert_eq!(Timestamp::parse("2026-11-23T12:00:00.5Z").unwrap().micros() - fine.micros(), 500_000 - 123_456);
    }

    #[test]
    fn the_rarer_spellings_of_rfc_3339_are_read_and_a_leap_second_is_the_second_before() {
        let common = Timestamp::parse("2016-12-31T23:59:59Z").unwrap().micros();
        for text in
            ["2016-12-31t23:59:59z", "2016-12-31 23:59:59Z", "2016-12-31T23:59:60Z", "2017-01-01T00:59:60+01:00"]
        {
            assert_eq!(Timestamp::parse(text).unwrap().micros(), common, "{text}");
        }
    }

    #[test]
    fn what_only_resembles_rfc_3339_is_refused() {
        let alike = [
            "20261123T120000Z",
            "2026-11-23T12Z",
            "2026-11-23T12:00Z",
            "2026-W48-1T12:00:00Z",
            "2026-11-23T12:00:00,5Z",
            "2026-11-23T12:00:00.Z",
            "2026-11-23T12:00:00+0100",
            "2026-11-23T12:00:00+01",
            "2026-11-23T12:00:00+24:00",
            "2026-11-23T12:00:00+01:00[Europe/Berlin]",
            "2026-11-23T12:00:00[Europe/Berlin]",
            "2026-11-23T12:00:00Z ",
            "+002026-11-23T12:00:00Z",
            "２０２６-11-23T12:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "2025-02-29T00:00:00Z",
        ];
        for text in alike {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_begins_where_the_day_before_ends() {
        let day: UtcDay = "2026-11-23".parse().unwrap();
        assert_eq!(day.end_micros(), day.plus_days(1).start_micros());
        assert_eq!(UtcDay::from_micros(day.end_micros() - 1), day);
        assert_eq!(day.plus_days(-23).to_string(), "2026-10-31");
        for text in ["2026-11-23T00:00:00Z", "2026-11-31", "23.11.2026", "2026-11-3", ""] {
            assert!(text.parse::<UtcDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_year_before_1970_and_a_leap_day_are_days_too() {
        assert_eq!(Timestamp::from_micros(-1).as_str(), "1969-12-31T23:59:59.999999Z");
        assert_eq!("2024-02-29".parse::<UtcDay>().unwrap().to_string(), "2024-02-29");
    }

    proptest! {
        #[test]
        fn reading_by_digits_agrees_with_the_time_library(
            micros in -60_000_000_000_000_000_i64..250_000_000_000_000_000,
            offset_minutes in -1439_i64..1440,
        ) {
            let ours = Timestamp::from_micros(micros);
            prop_assert_eq!(ours.as_str().parse::<jiff::Timestamp>().unwrap().as_microsecond(), micros);
            prop_assert_eq!(parse_common(ours.as_str().as_bytes()), Some(micros));
            let local = Timestamp::from_micros(micros + offset_minutes * 60_000_000);
            let (sign, minutes) = if offset_minutes < 0 { ('-', -offset_minutes) } else { ('+', offset_minutes) };
            let zoned = format!("{}{sign}{:02}:{:02}", local.as_str().trim_end_matches('Z'), minutes / 60, minutes % 60);
            prop_assert_eq!(Timestamp::parse(&zoned).unwrap().micros(), micros);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
