//! Times: when it was, in UTC and said so, and how long ago that is.
//! Promises that a machine can read each (`datetime`), and that the age is from the page's own moment.
//! Never shows a local time: two people who talk of a row see the same one.

use ephor_wire::timestamp::Timestamp;
use maud::{Markup, html};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A day, a time and the age: `2026-11-23 12:00:00 UTC, 3 min ago`.
pub(crate) fn instant(micros: i64, now_micros: i64) -> Markup {
    let text = text_of(micros);
    html! {
        time class="instant" datetime=(rfc3339(micros)) {
            span class="date" { (text.0) } " " span class="clock" { (text.1) } span class="zone" { " UTC" }
        }
        " " span class="ago" { (ago(micros, now_micros)) }
    }
}

/// As [`instant`], for a table whose heading says the zone.
pub(crate) fn moment(micros: i64, now_micros: i64) -> Markup {
    let text = text_of(micros);
    html! {
        time class="moment" datetime=(rfc3339(micros)) title=(format!("{} {} UTC", text.0, text.1)) {
            span class="date" { (text.0) } " " span class="clock" { (text.1) }
        }
        " " span class="ago" { (ago(micros, now_micros)) }
    }
}

/// Of which moment numbers are that may have been counted before this page was asked for.
pub(crate) fn as_of(made_micros: i64, now_micros: i64) -> Markup {
    html! { ", as of " (instant(made_micros, now_micros)) }
}

/// A UTC day.
pub(crate) fn day(micros: i64) -> Markup {
    let text = text_of(micros);
    html! { time datetime=(text.0) { (text.0) } }
}

/// How long ago, or how long from now, in the one unit that says it.
pub(crate) fn ago(micros: i64, now_micros: i64) -> String {
    let age = now_micros.saturating_sub(micros);
    let length = match age.saturating_abs() {
        age if age < MINUTE => {
            return if micros <= now_micros { "just now".to_owned() } else { "in a moment".to_owned() };
        }
        age if age < HOUR => format!("{} min", age / MINUTE),
        age if age < 2 * DAY => format!("{} h", age / HOUR),
        age if age < 60 * DAY => format!("{} days", age / DAY),
        age if age < 730 * DAY => format!("{} months", age / (30 * DAY)),
        age => format!("{} years", age / (365 * DAY)),
    };
    if age >= 0 { format!("{length} ago") } else { format!("in {length}") }
}

fn rfc3339(micros: i64) -> String {
    Timestamp::from_micros(micros).as_str().to_owned()
}

/// Day and time to the second.
fn text_of(micros: i64) -> (String, String) {
    let text = rfc3339(micros);
    let (day, rest) = text.split_once('T').unwrap_or((&text, ""));
    (day.to_owned(), rest.chars().take(8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_one_unit() {
        let now = 1_795_435_200_000_000;
        let said = |micros: i64| ago(now - micros, now);
        let told = [0, MINUTE, 59 * MINUTE, HOUR, 47 * HOUR, 3 * DAY, 70 * DAY, 800 * DAY, -HOUR].map(said);
        insta::assert_snapshot!(told.join(" · "), @"just now · 1 min ago · 59 min ago · 1 h ago · 47 h ago · 3 days ago · 2 months ago · 2 years ago · in 1 h");
    }

    #[test]
    fn a_time_says_its_zone_and_is_readable_by_machines() {
        let now = 1_795_435_200_000_000;
        insta::assert_snapshot!(instant(now - 5 * MINUTE, now).into_string(), @r#"<time class="instant" datetime="2026-11-23T11:55:00.000000Z"><span class="date">2026-11-23</span> <span class="clock">11:55:00</span><span class="zone"> UTC</span></time> <span class="ago">5 min ago</span>"#);
    }
}
