//! What a 400 about days means: too recent, too old, or something else; and which day it names instead.
//! Its wording is not published (analytics_api.md §11), so days are looked for in any spelling, and where they stand
//! decides before the words around them do.
//! Never takes a day for available that no answer has confirmed: what is read here is only asked for next.

use ephor_wire::timestamp::UtcDay;

/// A day so close to now is refused because it is too recent, unless the words say otherwise: lags are three days at most.
const RECENT_DAYS: i32 = 7;

/// What an upstream meant by refusing some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayRefusal {
    /// The newest of them is not there yet; the newest day that is, if the message names it.
    TooRecent(Option<UtcDay>),
    /// The oldest of them is gone; the oldest day that is there, if the message names it.
    TooOld(Option<UtcDay>),
    /// One or the other, of a span: a single day would tell.
    Unclear,
}

/// Reads a refusal of the days from `first` to `last`, both included.
pub(super) fn day_refusal(message: &str, first: UtcDay, last: UtcDay, today: UtcDay) -> DayRefusal {
    // What was asked is often repeated (of a span with the day behind it), and what is not over cannot be available.
    let echoed = [first, last, if first == last { last } else { last.plus_days(1) }];
    let named: Vec<UtcDay> = days_in(message).into_iter().filter(|day| !echoed.contains(day) && *day < today).collect();
    let newer = named.iter().copied().filter(|day| *day > first).min();
    let older = named.iter().copied().filter(|day| *day < last).max();
    let words = message.to_lowercase();
    let says = |some: &[&str]| some.iter().any(|word| words.contains(word));
    let recent = says(&["newest", "latest", "recent", "not yet", "future"]);
    let old = says(&["earliest", "oldest", "too old", "retention", "retained", "expired", "no longer"]);
    let is_recent = match (recent, old) {
        (true, false) => true,
        (false, true) => false,
        _ if first != last => return DayRefusal::Unclear,
        _ => last > today.plus_days(-RECENT_DAYS),
    };
    match is_recent {
        true => DayRefusal::TooRecent(older),
        false => DayRefusal::TooOld(newer),
    }
}

/// Whether a refusal is about days at all.
pub(super) fn names_a_day(message: &str) -> bool {
    !days_in(message).is_empty()
}

/// Every day that a text names: `2026-03-11`, also with a time behind it, `2026/03/11`, `20260311`, `March 11, 2026`,
/// `11 Mar 2026`.
fn days_in(text: &str) -> Vec<UtcDay> {
    let tokens: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|token| !token.is_empty()).collect();
    let mut days = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let next = |ahead: usize| tokens.get(index + ahead).copied().unwrap_or_default();
        let numeric = (number(token, 4), number(next(1), 2), number(leading_digits(next(2)), 2));
        let named_first = (month(token), number_of_any(next(1)), number(next(2), 4));
        let named_second = (number_of_any(token), month(next(1)), number(next(2), 4));
        let compact = (token.len() == 8 && token.is_ascii()).then(|| (&token[..4], &token[4..6], &token[6..]));
        let found = match (numeric, named_first, named_second, compact) {
            ((Some(year), Some(month), Some(day)), ..) => day_of(year, month, day),
            (_, (Some(month), Some(day), Some(year)), ..) => day_of(year, month, day),
            (_, _, (Some(day), Some(month), Some(year)), _) => day_of(year, month, day),
            (.., Some((year, month, day))) => match (number(year, 4), number(month, 2), number(day, 2)) {
                (Some(year), Some(month), Some(day)) => day_of(year, month, day),
                _ => None,
            },
            _ => None,
        };
        days.extend(found);
    }
    days
}

fn day_of(year: u32, month: u32, day: u32) -> Option<UtcDay> {
    format!("{year:04}-{month:02}-{day:02}").parse().ok()
}

fn number(token: &str, digits: usize) -> Option<u32> {
    (token.len() == digits && token.bytes().all(|byte| byte.is_ascii_digit())).then(|| token.parse().ok())?
}

/// `7`, `11`, `11th`.
fn number_of_any(token: &str) -> Option<u32> {
    let digits = leading_digits(token);
    let rest = &token[digits.len()..];
    (matches!(digits.len(), 1 | 2) && matches!(rest, "" | "st" | "nd" | "rd" | "th")).then(|| digits.parse().ok())?
}

fn leading_digits(token: &str) -> &str {
    &token[..token.bytes().take_while(u8::is_ascii_digit).count()]
}

fn month(token: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let token = token.to_ascii_lowercase();
    let at = MONTHS.iter().position(|name| *name == token || (token.len() >= 3 && name[..3] == token))?;
    u32::try_from(at + 1).ok()
}

/// Holds any text against what reads a refusal. For `crate::outside_bytes`.
#[cfg(any(test, fuzzing))]
pub(crate) fn hold_refusal(message: &str) {
    let (first, last, today) = (UtcDay(20_500), UtcDay(20_530), UtcDay(20_531));
    for last in [first, last] {
        match day_refusal(message, first, last, today) {
            DayRefusal::TooRecent(named) => assert!(named.is_none_or(|day| day < last), "a newer day is no way out"),
            DayRefusal::TooOld(named) => assert!(named.is_none_or(|day| first < day && day < today)),
            DayRefusal::Unclear => assert!(first != last),
        }
    }
    names_a_day(message);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use DayRefusal::{TooOld, TooRecent};
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> UtcDay {
        text.parse().unwrap()
    }

    #[test]
    fn whatever_its_wording_the_day_in_a_refusal_is_understood() {
        let newest = |text: &str| TooRecent(Some(day(text)));
        let oldest = |text: &str| TooOld(Some(day(text)));
        let cases = [
            ("2026-11-22", "date: the newest available day is 2026-11-19", newest("2026-11-19")),
            (
                "2026-11-22",
                "date 2026-11-22 is too recent; data is available through 2026-11-20.",
                newest("2026-11-20"),
            ),
            (
                "2026-11-22",
                "Data for 2026-11-22 is not yet available (latest: November 21st, 2026)",
                newest("2026-11-21"),
            ),
            ("2026-11-22", "most recent day: 21 Nov 2026, today is 2026-11-23", newest("2026-11-21")),
            ("2026-11-22", "`date` must be between 2026-01-01 and 2026-11-20T00:00:00Z", newest("2026-11-20")),
            ("2026-11-22", "2026/11/20 is the last day", newest("2026-11-20")),
            ("2026-11-22", "max=20261120", newest("2026-11-20")),
            ("2026-11-22", "date must be at least 3 days in the past", TooRecent(None)),
            ("2026-11-22", "Invalid date.", TooRecent(None)),
            ("2026-05-01", "Invalid date.", TooOld(None)),
            ("2026-05-01", "date: the earliest available day is 2026-08-25", oldest("2026-08-25")),
            ("2026-05-01", "`date` must be between 2026-08-25 and 2026-11-20", oldest("2026-08-25")),
            ("2026-05-01", "only 90 days are retained, and nothing before 2026-01-01", TooOld(None)),
            ("2026-11-20", "data is retained from 2026-11-21 on", oldest("2026-11-21")),
            ("2026-09-01", "the latest day of this organization is 2026-08-03", newest("2026-08-03")),
        ];
        for (asked, message, meaning) in cases {
            let asked = day(asked);
            assert_eq!(day_refusal(message, asked, asked, day("2026-11-23")), meaning, "{message}");
        }
    }

    #[test]
    fn a_span_is_too_recent_at_its_end_and_too_old_at_its_beginning() {
        let told = |message: &str| day_refusal(message, day("2026-10-23"), day("2026-11-22"), day("2026-11-23"));
        assert_eq!(told("ending_date: the newest available day is 2026-11-20"), TooRecent(Some(day("2026-11-20"))));
        assert_eq!(told("starting_date: the earliest day is 2026-11-01"), TooOld(Some(day("2026-11-01"))));
        assert_eq!(told("`starting_date` must be between 2026-11-01 and 2026-11-20"), DayRefusal::Unclear);
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(message in ".{0,80}") {
            day_refusal(&message, UtcDay(20_000), UtcDay(20_030), UtcDay(20_031));
        }
    }
}
