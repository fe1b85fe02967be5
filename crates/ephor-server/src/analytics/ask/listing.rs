//! A question to an engagement endpoint: which days, which facts, cut by what, in which order, how many rows a page.
//! Promises one question for one query, whichever page of its walk is asked for.
//! Never ranks what the published endpoint does not rank.

use ephor_analytics::query::{AsOf, Days, Direction, Listing, ListingQuery, Ordering};
use ephor_wire::timestamp::UtcDay;

use super::{DIRECTIONS, MAX_ROWS, Moment, USUAL_ROWS, days, dimensions, rankable, word};
use crate::analytics::limits::AnalyticsLimits;
use crate::problem::{Problem, shortened};
use crate::query::{PageSize, Query};

/// What the token of an earlier page has fixed.
#[derive(Debug, Clone, Copy)]
pub(in crate::analytics) struct Walk {
    /// The end that the first page resolved.
    pub(in crate::analytics) end: UtcDay,
    /// What the first page was made from.
    pub(in crate::analytics) as_of: AsOf,
}

/// How an answer is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analytics) enum PageRows {
    /// All of it at once.
    Whole,
    /// So many rows.
    AtMost(usize),
}

/// Reads a question to a listing.
pub(in crate::analytics) fn listing(
    query: &Query,
    listing: Listing,
    moment: &Moment,
    limits: &AnalyticsLimits,
    walk: Option<Walk>,
) -> Result<(ListingQuery, PageRows), Problem> {
    let calendar = limits.calendar(moment.now_micros);
    let days = match listing {
        // As published: no range mode.
        Listing::Artifacts => Days::Day(days::single_day(query, calendar)?),
        _ => days::days(query, calendar, limits.range_days, walk.map(|walk| walk.end))?,
    };
    let (filters, group_by) = dimensions::read(query, listing)?;
    let usual = if listing == Listing::Users { limits.users_limit } else { USUAL_ROWS };
    let limit = query.limit(PageSize { default: usual, max: MAX_ROWS })?;
    let rows = match listing {
        // As published: the ungrouped table is small and comes whole.
        Listing::Artifacts if group_by.is_empty() => {
            if query.one("page").is_some() {
                return Err(Problem::invalid("page: goes with group_by[] only; without it the answer is one page"));
            }
            PageRows::Whole
        }
        _ => PageRows::AtMost(limit),
    };
    let ordering = ordering(query, listing)?;
    let as_of = walk.map(|walk| walk.as_of);
    let reach = moment.reach.clone();
    Ok((ListingQuery { listing, reach, days, filters, group_by, ordering, as_of }, rows))
}

/// The end of a range, for the token of the next page; a single day has none of its own.
pub(in crate::analytics) fn resolved_end(days: Days) -> UtcDay {
    match days {
        Days::Day(day) => day.plus_days(1),
        Days::Range { end, .. } => end,
    }
}

/// `order_by` and `order`: ascending by the sort column, descending by a number.
fn ordering(query: &Query, listing: Listing) -> Result<Ordering, Problem> {
    if listing == Listing::Artifacts {
        return Ok(Ordering { metric: None, direction: Direction::Ascending });
    }
    let columns = rankable::sort_columns(listing);
    let metric = match query.one("order_by") {
        None => None,
        Some(name) if columns.contains(&name) => None,
        Some(name) => {
            let known = rankable::numbers(listing).iter().find(|path| **path == name);
            Some(*known.ok_or_else(|| unknown_order(name, columns, rankable::numbers(listing)))?)
        }
    };
    let usual = if metric.is_some() { Direction::Descending } else { Direction::Ascending };
    Ok(Ordering { metric, direction: word(query, "order", DIRECTIONS)?.unwrap_or(usual) })
}

fn unknown_order(name: &str, columns: &[&str], numbers: &[&str]) -> Problem {
    let column = columns.first().copied().unwrap_or_default();
    let example = numbers.first().copied().unwrap_or_default();
    Problem::invalid(format!(
        "order_by: `{}` is neither {column} nor the path of a number in a row of this endpoint, such as {example}",
        shortened(name)
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ephor_analytics::query::Reach;
    use ephor_wire::timestamp::Timestamp;

    use super::*;
    use crate::analytics::limits::AnalyticsProfile;

    fn moment() -> Moment {
        let now_micros = Timestamp::parse("2026-11-23T12:00:00Z").unwrap().micros();
        Moment { reach: Reach::Parent, now_micros }
    }

    fn told(of: Listing, profile: AnalyticsProfile, text: &str) -> String {
        match listing(&Query::parse(text), of, &moment(), &AnalyticsLimits::of(profile), None) {
            Ok((query, rows)) => {
                format!("{:?} to {}, {:?}, {rows:?}", of, resolved_end(query.days), query.ordering)
            }
            Err(problem) => problem.message,
        }
    }

    #[test]
    fn order_and_size_of_a_page() {
        use AnalyticsProfile::{Current, Seed};
        let questions = [
            (Listing::Users, Seed, ""),
            (Listing::Users, Current, ""),
            (Listing::Users, Current, "limit=1000&order=desc"),
            (Listing::Users, Seed, "limit=0"),
            (Listing::Users, Seed, "limit=1001"),
            (Listing::Users, Seed, "order_by=email_address"),
            (Listing::Users, Seed, "order_by=chat_metrics.message_count"),
            (Listing::Users, Seed, "order_by=claude_code_metrics.tool_actions.write_tool.accepted_count&order=asc"),
            (Listing::Users, Seed, "order_by=message_count"),
            (Listing::Users, Seed, "order=up"),
            (Listing::Projects, Seed, ""),
            (Listing::Projects, Seed, "order_by=project_id&order=desc"),
            (Listing::Projects, Seed, "order_by=message_count"),
            (Listing::Skills, Seed, "order_by=invocation_count"),
            (Listing::Connectors, Seed, "order_by=read_call_count&limit=7"),
            (Listing::Plugins, Seed, "order_by=install_count"),
            (Listing::Artifacts, Seed, "order_by=anything&limit=3&starting_date=2020-01-01"),
            (Listing::Artifacts, Seed, "group_by[]=product&limit=3"),
            (Listing::Artifacts, Seed, "page=page_x"),
        ];
        let lines: Vec<String> = questions
            .iter()
            .map(|(of, profile, text)| format!("{text} -> {}", told(*of, *profile, &format!("date=2026-11-01&{text}"))))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
         -> Users to 2026-11-02, Ordering { metric: None, direction: Ascending }, AtMost(20)
         -> Users to 2026-11-02, Ordering { metric: None, direction: Ascending }, AtMost(100)
        limit=1000&order=desc -> Users to 2026-11-02, Ordering { metric: None, direction: Descending }, AtMost(1000)
        limit=0 -> limit: `0` is not a number from 1 to 1000
        limit=1001 -> limit: `1001` is not a number from 1 to 1000
        order_by=email_address -> Users to 2026-11-02, Ordering { metric: None, direction: Ascending }, AtMost(20)
        order_by=chat_metrics.message_count -> Users to 2026-11-02, Ordering { metric: Some("chat_metrics.message_count"), direction: Descending }, AtMost(20)
        order_by=claude_code_metrics.tool_actions.write_tool.accepted_count&order=asc -> Users to 2026-11-02, Ordering { metric: Some("claude_code_metrics.tool_actions.write_tool.accepted_count"), direction: Ascending }, AtMost(20)
        order_by=message_count -> order_by: `message_count` is neither email_address nor the path of a number in a row of this endpoint, such as chat_metrics.connectors_used_count
        order=up -> order: `up` is not supported here; there are asc, desc
         -> Projects to 2026-11-02, Ordering { metric: None, direction: Ascending }, AtMost(100)
        order_by=project_id&order=desc -> Projects to 2026-11-02, Ordering { metric: None, direction: Descending }, AtMost(100)
        order_by=message_count -> Projects to 2026-11-02, Ordering { metric: Some("message_count"), direction: Descending }, AtMost(100)
        order_by=invocation_count -> Skills to 2026-11-02, Ordering { metric: Some("invocation_count"), direction: Descending }, AtMost(100)
        order_by=read_call_count&limit=7 -> Connectors to 2026-11-02, Ordering { metric: Some("read_call_count"), direction: Descending }, AtMost(7)
        order_by=install_count -> Plugins to 2026-11-02, Ordering { metric: Some("install_count"), direction: Descending }, AtMost(100)
        order_by=anything&limit=3&starting_date=2020-01-01 -> Artifacts to 2026-11-02, Ordering { metric: None, direction: Ascending }, Whole
        group_by[]=product&limit=3 -> Artifacts to 2026-11-02, Ordering { metric: None, direction: Ascending }, AtMost(3)
        page=page_x -> page: goes with group_by[] only; without it the answer is one page
        "#);
    }

    #[test]
    fn the_profiles_differ_in_days_and_defaults_only() {
        use AnalyticsProfile::{Current, Seed};
        let mut lines = Vec::new();
        for profile in [Seed, Current] {
            for text in [
                "date=2026-11-22",
                "date=2026-11-20",
                "date=2026-08-25",
                "date=2026-08-24",
                "date=2025-12-31",
                "starting_date=2026-09-01",
                "starting_date=2026-09-01&ending_date=2026-11-23",
                "starting_date=2026-01-01",
            ] {
                lines.push(format!("{profile:?} {text} -> {}", told(Listing::Users, profile, text)));
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @"
        Seed date=2026-11-22 -> date: the newest available day is 2026-11-20
        Seed date=2026-11-20 -> Users to 2026-11-21, Ordering { metric: None, direction: Ascending }, AtMost(20)
        Seed date=2026-08-25 -> Users to 2026-08-26, Ordering { metric: None, direction: Ascending }, AtMost(20)
        Seed date=2026-08-24 -> date: the oldest available day is 2026-08-25
        Seed date=2025-12-31 -> date: the oldest available day is 2026-08-25
        Seed starting_date=2026-09-01 -> Users to 2026-11-21, Ordering { metric: None, direction: Ascending }, AtMost(20)
        Seed starting_date=2026-09-01&ending_date=2026-11-23 -> ending_date: the newest available day is 2026-11-20, and ending_date is exclusive
        Seed starting_date=2026-01-01 -> starting_date: the oldest available day is 2026-08-25
        Current date=2026-11-22 -> Users to 2026-11-23, Ordering { metric: None, direction: Ascending }, AtMost(100)
        Current date=2026-11-20 -> Users to 2026-11-21, Ordering { metric: None, direction: Ascending }, AtMost(100)
        Current date=2026-08-25 -> Users to 2026-08-26, Ordering { metric: None, direction: Ascending }, AtMost(100)
        Current date=2026-08-24 -> Users to 2026-08-25, Ordering { metric: None, direction: Ascending }, AtMost(100)
        Current date=2025-12-31 -> date: the oldest available day is 2026-01-01
        Current starting_date=2026-09-01 -> Users to 2026-11-23, Ordering { metric: None, direction: Ascending }, AtMost(100)
        Current starting_date=2026-09-01&ending_date=2026-11-23 -> Users to 2026-11-23, Ordering { metric: None, direction: Ascending }, AtMost(100)
        Current starting_date=2026-01-01 -> Users to 2026-11-23, Ordering { metric: None, direction: Ascending }, AtMost(100)
        ");
    }

    #[test]
    fn a_row_can_be_ranked_by_each_of_its_numbers_and_by_nothing_twice() {
        for listing in [Listing::Users, Listing::Projects, Listing::Skills, Listing::Connectors, Listing::Plugins] {
            let numbers = rankable::numbers(listing);
            assert!(numbers.is_sorted() && numbers.windows(2).all(|pair| pair[0] != pair[1]), "{listing:?}");
            assert!(numbers.contains(&"distinct_user_count"));
            assert!(rankable::sort_columns(listing).iter().all(|column| !numbers.contains(column)));
        }
    }
}
