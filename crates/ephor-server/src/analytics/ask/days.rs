//! `date`, `starting_date` and `ending_date`: one day, or a range whose end is exclusive.
//! Promises that a day which is not served is refused with the nearest one that is.
//! Never moves a day that was asked for; only the end of a range stops at the newest day.

use ephor_analytics::query::Days;
use ephor_wire::timestamp::UtcDay;

use crate::analytics::limits::Calendar;
use crate::problem::{Problem, shortened};
use crate::query::Query;

const DATE: &str = "date";
const START: &str = "starting_date";
const END: &str = "ending_date";

/// The days of an engagement endpoint. A walk over pages keeps the end that its first page resolved.
pub(super) fn days(
    query: &Query,
    calendar: Calendar,
    range_days: u32,
    kept_end: Option<UtcDay>,
) -> Result<Days, Problem> {
    match (query.one(DATE), query.one(START)) {
        (Some(_), Some(_)) => Err(Problem::invalid(
            "date and starting_date exclude each other; send date for one day or starting_date for a range",
        )),
        (None, None) => Err(Problem::invalid("date: required, as YYYY-MM-DD; or starting_date for a range")),
        (Some(text), None) if query.one(END).is_none() => Ok(Days::Day(served_day(DATE, text, calendar)?)),
        (Some(_), None) => Err(Problem::invalid("ending_date: goes with starting_date only, not with date")),
        (None, Some(_)) => {
            let (first, end) = range(query, calendar, range_days, kept_end)?;
            Ok(Days::Range { first, end })
        }
    }
}

/// `date` where nothing else is taken.
pub(super) fn single_day(query: &Query, calendar: Calendar) -> Result<UtcDay, Problem> {
    let text = query.one(DATE).ok_or_else(|| Problem::invalid("date: required, as YYYY-MM-DD"))?;
    served_day(DATE, text, calendar)
}

/// `starting_date` to `ending_date`; without the latter up to the newest day or as far as a range goes.
pub(super) fn range(
    query: &Query,
    calendar: Calendar,
    range_days: u32,
    kept_end: Option<UtcDay>,
) -> Result<(UtcDay, UtcDay), Problem> {
    let text = query.one(START).ok_or_else(|| Problem::invalid("starting_date: required, as YYYY-MM-DD"))?;
    let first = served_day(START, text, calendar)?;
    let longest = first.plus_days(i32::try_from(range_days).unwrap_or(i32::MAX));
    let open_end = calendar.newest.plus_days(1);
    let end = match query.one(END) {
        None => longest.min(open_end),
        Some(text) => {
            let end = parse(END, text)?;
            if end <= first {
                return Err(Problem::invalid(format!(
                    "ending_date: {end} is not after starting_date; it is exclusive"
                )));
            }
            if end > longest {
                return Err(Problem::invalid(format!("ending_date: a range has at most {range_days} days")));
            }
            if end > calendar.latest_end {
                let newest = calendar.newest;
                return Err(Problem::invalid(format!(
                    "ending_date: the newest available day is {newest}, and ending_date is exclusive"
                )));
            }
            end.min(open_end)
        }
    };
    Ok((first, kept_end.unwrap_or(end)))
}

fn served_day(name: &str, text: &str, calendar: Calendar) -> Result<UtcDay, Problem> {
    let day = parse(name, text)?;
    if day > calendar.newest {
        return Err(Problem::invalid(format!("{name}: the newest available day is {}", calendar.newest)));
    }
    if day < calendar.oldest {
        return Err(Problem::invalid(format!("{name}: the oldest available day is {}", calendar.oldest)));
    }
    Ok(day)
}

fn parse(name: &str, text: &str) -> Result<UtcDay, Problem> {
    let wrong = |_| Problem::invalid(format!("{name}: `{}` is not a day written as YYYY-MM-DD", shortened(text)));
    text.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn calendar() -> Calendar {
        let day = |text: &str| text.parse().unwrap();
        Calendar { oldest: day("2026-01-01"), newest: day("2026-03-11"), latest_end: day("2026-03-13") }
    }

    fn told(text: &str, range_days: u32) -> String {
        match days(&Query::parse(text), calendar(), range_days, None) {
            Ok(Days::Day(day)) => format!("{day}"),
            Ok(Days::Range { first, end }) => format!("{first} up to {end}"),
            Err(problem) => problem.message,
        }
    }

    #[test]
    fn one_day_or_a_range_and_never_both() {
        let questions = [
            "date=2026-03-11",
            "date=2026-01-01",
            "date=2026-03-12",
            "date=2031-01-01",
            "date=2025-12-31",
            "date=2026-3-1",
            "date=2026-02-30",
            "date=2026-03-11T00:00:00Z",
            "date=",
            "",
            "ending_date=2026-03-01",
            "date=2026-03-01&starting_date=2026-03-01",
            "date=2026-03-01&ending_date=2026-03-05",
            "starting_date=2026-03-01",
            "starting_date=2026-03-11",
            "starting_date=2026-03-12",
            "starting_date=2026-01-01",
            "starting_date=2026-03-01&ending_date=2026-03-02",
            "starting_date=2026-03-01&ending_date=2026-03-12",
            "starting_date=2026-03-01&ending_date=2026-03-13",
            "starting_date=2026-03-01&ending_date=2026-03-14",
            "starting_date=2026-03-01&ending_date=2026-03-01",
            "starting_date=2026-01-01&ending_date=2026-02-01",
            "starting_date=2026-01-01&ending_date=2026-02-02",
        ];
        let lines: Vec<String> = questions.iter().map(|text| format!("{text} -> {}", told(text, 31))).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        date=2026-03-11 -> 2026-03-11
        date=2026-01-01 -> 2026-01-01
        date=2026-03-12 -> date: the newest available day is 2026-03-11
        date=2031-01-01 -> date: the newest available day is 2026-03-11
        date=2025-12-31 -> date: the oldest available day is 2026-01-01
        date=2026-3-1 -> date: `2026-3-1` is not a day written as YYYY-MM-DD
        date=2026-02-30 -> date: `2026-02-30` is not a day written as YYYY-MM-DD
        date=2026-03-11T00:00:00Z -> date: `2026-03-11T00:00:00Z` is not a day written as YYYY-MM-DD
        date= -> date: `` is not a day written as YYYY-MM-DD
         -> date: required, as YYYY-MM-DD; or starting_date for a range
        ending_date=2026-03-01 -> date: required, as YYYY-MM-DD; or starting_date for a range
        date=2026-03-01&starting_date=2026-03-01 -> date and starting_date exclude each other; send date for one day or starting_date for a range
        date=2026-03-01&ending_date=2026-03-05 -> ending_date: goes with starting_date only, not with date
        starting_date=2026-03-01 -> 2026-03-01 up to 2026-03-12
        starting_date=2026-03-11 -> 2026-03-11 up to 2026-03-12
        starting_date=2026-03-12 -> starting_date: the newest available day is 2026-03-11
        starting_date=2026-01-01 -> 2026-01-01 up to 2026-02-01
        starting_date=2026-03-01&ending_date=2026-03-02 -> 2026-03-01 up to 2026-03-02
        starting_date=2026-03-01&ending_date=2026-03-12 -> 2026-03-01 up to 2026-03-12
        starting_date=2026-03-01&ending_date=2026-03-13 -> 2026-03-01 up to 2026-03-12
        starting_date=2026-03-01&ending_date=2026-03-14 -> ending_date: the newest available day is 2026-03-11, and ending_date is exclusive
        starting_date=2026-03-01&ending_date=2026-03-01 -> ending_date: 2026-03-01 is not after starting_date; it is exclusive
        starting_date=2026-01-01&ending_date=2026-02-01 -> 2026-01-01 up to 2026-02-01
        starting_date=2026-01-01&ending_date=2026-02-02 -> ending_date: a range has at most 31 days
        ");
    }

    #[test]
    fn a_walk_keeps_the_end_of_its_first_page() {
        let kept = "2026-03-09".parse().ok();
        let asked = Query::parse("starting_date=2026-03-01");
        let found = days(&asked, calendar(), 31, kept).unwrap();
        assert_eq!(found, Days::Range { first: "2026-03-01".parse().unwrap(), end: kept.unwrap() });
    }
}
