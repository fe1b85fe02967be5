//! A page of the Analytics API, whatever its profile: rows by day, as bytes of the answer, and where the next page is.
//! Both envelopes of `summaries` are read, and fields that nobody knows stay in their rows.
//! Never writes a row anew.

use std::collections::BTreeMap;

use bytes::Bytes;
use ephor_wire::analytics::AnalyticsEndpoint;
use ephor_wire::timestamp::{Timestamp, UtcDay};
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::value::RawValue;

/// A page, its rows still part of the answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Rows by day, in the answer's order.
    pub(super) days: BTreeMap<UtcDay, Vec<Bytes>>,
    pub(super) next_page: Option<String>,
    pub(super) data_refreshed_at: Option<String>,
    pub(super) organization_id: Option<String>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    data: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    summaries: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    has_more: Option<bool>,
    #[serde(default)]
    next_page: Option<String>,
    #[serde(default)]
    data_refreshed_at: Option<String>,
    #[serde(default)]
    organization_id: Option<String>,
}

/// What tells the day of a summary or bucket, and the rows of a bucket.
#[derive(Deserialize)]
struct Dated<'a> {
    starting_at: String,
    #[serde(borrow, default)]
    results: Vec<&'a RawValue>,
}

impl Page {
    /// Reads an answer; rows of an endpoint whose question names one day are of `day`.
    pub(super) fn parse(endpoint: AnalyticsEndpoint, day: UtcDay, body: &Bytes) -> Result<Self, serde_json::Error> {
        let wire: Wire<'_> = serde_json::from_slice(body)?;
        // From P6 on both are there and the same; the older one goes first to be dropped (analytics_api.md §3).
        let Some(rows) = wire.data.or(wire.summaries) else {
            return Err(serde_json::Error::custom("there is neither `data` nor `summaries`"));
        };
        let slice = |row: &RawValue| body.slice_ref(row.get().as_bytes());
        let mut days: BTreeMap<UtcDay, Vec<Bytes>> = BTreeMap::new();
        for row in rows {
            match endpoint {
                AnalyticsEndpoint::Summaries => {
                    let day = day_of(&serde_json::from_str::<Dated<'_>>(row.get())?)?;
                    days.entry(day).or_default().push(slice(row));
                }
                AnalyticsEndpoint::UsageReport | AnalyticsEndpoint::CostReport => {
                    let bucket: Dated<'_> = serde_json::from_str(row.get())?;
                    days.entry(day_of(&bucket)?).or_default().extend(bucket.results.into_iter().map(slice));
                }
                _ => days.entry(day).or_default().push(slice(row)),
            }
        }
        // `has_more` is there on some endpoints only, and where it says no, a token is of no use.
        let next_page = wire.next_page.filter(|token| !token.is_empty() && wire.has_more != Some(false));
        let Wire { data_refreshed_at, organization_id, .. } = wire;
        Ok(Self { days, next_page, data_refreshed_at, organization_id })
    }
}

fn day_of(dated: &Dated<'_>) -> Result<UtcDay, serde_json::Error> {
    // `date` style days are what the article writes and no upstream sent (analytics_api.md §3); they cost nothing to read.
    if let Ok(day) = dated.starting_at.parse() {
        return Ok(day);
    }
    let at = Timestamp::parse(&dated.starting_at).map_err(serde_json::Error::custom)?;
    Ok(UtcDay::from_micros(at.micros()))
}

/// Holds any bytes against what reads a page. For `crate::outside_bytes`.
#[cfg(any(test, fuzzing))]
pub(crate) fn hold_analytics_page(body: &Bytes) {
    for endpoint in AnalyticsEndpoint::ALL {
        let Ok(page) = Page::parse(endpoint, UtcDay(20_522), body) else { continue };
        for row in page.days.values().flatten() {
            assert!(serde_json::from_slice::<serde::de::IgnoredAny>(row).is_ok(), "a row is a JSON value");
        }
        assert_ne!(page.next_page.as_deref(), Some(""), "an empty token would ask for page one again");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use AnalyticsEndpoint as E;

    use super::*;

    const DAY: UtcDay = UtcDay(20_522);

    fn told(endpoint: E, body: &'static str) -> Vec<(String, Vec<String>)> {
        let page = Page::parse(endpoint, DAY, &Bytes::from_static(body.as_bytes())).unwrap();
        let text = |row: &Bytes| String::from_utf8(row.to_vec()).unwrap();
        page.days.iter().map(|(day, rows)| (day.to_string(), rows.iter().map(text).collect())).collect()
    }

    #[test]
    fn both_envelopes_of_summaries_are_read_once() {
        let row = r#"{ "starting_at":"2026-03-10T00:00:00Z", "daily_active_user_count":4.20 }"#;
        let day = vec![("2026-03-10".to_owned(), vec![row.to_owned()])];
        let old = r#"{"summaries":[{ "starting_at":"2026-03-10T00:00:00Z", "daily_active_user_count":4.20 }]}"#;
        let new = r#"{"data":[{ "starting_at":"2026-03-10T00:00:00Z", "daily_active_user_count":4.20 }],"next_page":null,"summaries":[{"starting_at":"2026-03-10T00:00:00Z"}]}"#;
        assert_eq!(told(E::Summaries, old), day);
        assert_eq!(told(E::Summaries, new), day);
    }

    #[test]
    fn buckets_become_days_and_an_empty_one_is_an_empty_day() {
        let body = r#"{"organization_id":"org_1","data":[
            {"starting_at":"2026-03-10T00:00:00Z","ending_at":"2026-03-11T00:00:00Z","results":[{"model":"a"}, {"model":"b"}]},
            {"starting_at":"2026-03-11T00:00:00Z","ending_at":"2026-03-12T00:00:00Z","results":[]}],
            "has_more":false,"next_page":"page_2","data_refreshed_at":"2026-03-12T04:00:00Z"}"#;
        assert_eq!(
            told(E::CostReport, body),
            [
                ("2026-03-10".to_owned(), vec![r#"{"model":"a"}"#.to_owned(), r#"{"model":"b"}"#.to_owned()]),
                ("2026-03-11".to_owned(), vec![]),
            ]
        );
        let page = Page::parse(E::CostReport, DAY, &Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!((page.next_page, page.organization_id.as_deref()), (None, Some("org_1")));
    }

    #[test]
    fn an_answer_that_is_no_list_is_no_answer() {
        for body in ["{}", "[]", r#"{"data":null}"#, r#"{"data":[{"starting_at":"soon"}]}"#] {
            assert!(Page::parse(E::Summaries, DAY, &Bytes::from_static(body.as_bytes())).is_err(), "{body}");
        }
        assert_eq!(told(E::Users, r#"{"data":[]}"#), []);
    }
}
