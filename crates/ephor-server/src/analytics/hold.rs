//! Any text against what reads questions to the Analytics API and its page tokens. For `crate::outside_bytes`.
//! Promises that a question that was read stays within the limits, and that no token but our own is taken.
//! Never part of a build that ships.

use ephor_analytics::query::{AsOf, Days, Reach};
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};

use super::ask::{self, Moment};
use super::page_token::{Fingerprint, PageTokens, Place};
use super::{AnalyticsLimits, engagement, reports, summaries};
use crate::query::Query;

/// 2026-11-23T12:00:00Z
const NOW_MICROS: i64 = 1_795_435_200_000_000;

/// What stands behind the `?` of a request, to each endpoint.
pub(crate) fn hold_question(text: &str) {
    let query = Query::parse(text);
    let moment = Moment { reach: Reach::Parent, now_micros: NOW_MICROS };
    let limits = AnalyticsLimits::default();
    let calendar = limits.calendar(NOW_MICROS);
    for (listing, route) in &engagement::ROUTES {
        hold_token(&query, Fingerprint::of(route, "", &query));
        let Ok((asked, _)) = ask::listing(&query, *listing, &moment, &limits, None) else { continue };
        let (first, last) = match asked.days {
            Days::Day(day) => (day, day),
            Days::Range { first, end } => (first, end.plus_days(-1)),
        };
        assert!(first <= last && calendar.oldest <= first && last <= calendar.newest, "{text}: {:?}", asked.days);
    }
    if let Ok(asked) = ask::summaries(&query, &moment, &limits) {
        assert!(asked.first < asked.end && asked.end <= calendar.newest.plus_days(1), "{text}: {asked:?}");
    }
    hold_token(&query, Fingerprint::of(&summaries::LIST, "", &query));
    for (report, route) in &reports::ROUTES {
        hold_token(&query, Fingerprint::of(route, "", &query));
        let Ok((asked, rows)) = ask::report(&query, *report, &moment, &limits, None) else { continue };
        let span = asked.to_micros - asked.from_micros;
        // The beginning may have gone back to its bucket.
        let longest = (i64::from(limits.report_range_days) + 1) * DAY_MICROS;
        assert!(0 < span && span <= longest && rows > 0, "{text}: {asked:?}");
    }
}

/// Whatever stands in `page` is no token of ours; our own is taken back, for this question alone.
fn hold_token(query: &Query, question: Fingerprint) {
    let Some(tokens) = PageTokens::new(b"secret") else { return };
    if let Some(token) = query.one("page") {
        assert!(tokens.read(question, token).is_err(), "a foreign token was taken: {token}");
    }
    let as_of = AsOf { usage_seq: 1, upstream_seq: 2 };
    let place = Place { rows_before: 20, end: i64::from(UtcDay::from_micros(NOW_MICROS).0), as_of };
    assert!(tokens.read(question, &tokens.issue(question, &place)).is_ok_and(|read| read == place));
}
