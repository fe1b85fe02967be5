//! What is read of an Analytics API: every endpoint, how its rows are cut, and how many days one request may span.
//! The table below is the whole of it; a listing that it lacks is never asked for.
//! Never a parameter that narrows an answer: what is stored is all there was.

use ephor_wire::analytics::{AnalyticsEndpoint, listing_name};
use ephor_wire::timestamp::UtcDay;

/// Rows of one request: the published maximum.
const PAGE_ROWS: &str = "1000";

/// Buckets of one request, and days of a span: the published maximum of all profiles (analytics_api.md §1.5, §3).
pub(super) const SPAN_DAYS: i32 = 31;

/// One listing of an endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) endpoint: AnalyticsEndpoint,
    /// `group_by[]`, sorted.
    pub(super) group_by: &'static [&'static str],
    pub(super) since: Since,
}

/// Which profiles have it (analytics_api.md §0.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// All of them: where it is missing, the key or the organization is wrong.
    First,
    /// A later one: an older upstream does not know it.
    Later,
}

/// How long the vendor goes on revising a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Engagement,
    Cost,
}

/// The finest cut whose parts add up to every coarser one. A report names a hundred groups a bucket and drops the rest, so
/// the coarse cuts are read as well.
const FINEST: &[&str] = &["context_window", "inference_geo", "model", "product", "speed"];

/// The order is that of a day's reading: first what every profile has, then what costs most requests.
pub(super) static LISTINGS: &[Listing] = {
    use AnalyticsEndpoint as E;
    use Since::{First, Later};
    &[
        whole(E::Summaries, First),
        whole(E::Skills, First),
        whole(E::Connectors, First),
        whole(E::Projects, First),
        whole(E::Users, First),
        whole(E::Plugins, Later),
        whole(E::Artifacts, Later),
        whole(E::UsageReport, Later),
        cut(E::UsageReport, &["product"]),
        cut(E::UsageReport, &["model"]),
        cut(E::UsageReport, FINEST),
        cut(E::UsageReport, &["rbac_group_id"]),
        cut(E::UsageReport, &["context_window", "inference_geo", "model", "product", "rbac_group_id", "speed"]),
        cut(E::UsageReport, &["slack_channel_id"]),
        cut(E::UsageReport, &["claude_tag_category"]),
        cut(E::UsageReport, &["claude_tag_user_id"]),
        whole(E::CostReport, Later),
        cut(E::CostReport, &["product"]),
        cut(E::CostReport, &["model"]),
        cut(E::CostReport, FINEST),
        cut(E::CostReport, &["cost_type", "token_type"]),
        cut(
            E::CostReport,
            &["context_window", "cost_type", "inference_geo", "model", "product", "speed", "token_type"],
        ),
        cut(E::CostReport, &["rbac_group_id"]),
        cut(E::CostReport, &["context_window", "inference_geo", "model", "product", "rbac_group_id", "speed"]),
        cut(E::CostReport, &["slack_channel_id"]),
        cut(E::CostReport, &["claude_tag_category"]),
        cut(E::CostReport, &["claude_tag_user_id"]),
        whole(E::UserUsageReport, Later),
        cut(E::UserUsageReport, FINEST),
        whole(E::UserCostReport, Later),
        cut(E::UserCostReport, FINEST),
    ]
};

const fn whole(endpoint: AnalyticsEndpoint, since: Since) -> Listing {
    Listing { endpoint, group_by: &[], since }
}

const fn cut(endpoint: AnalyticsEndpoint, group_by: &'static [&'static str]) -> Listing {
    Listing { endpoint, group_by, since: Since::Later }
}

impl Listing {
    /// The name of its place.
    pub(super) fn name(&self) -> String {
        listing_name(self.endpoint, self.group_by)
    }

    pub(super) fn family(&self) -> Family {
        use AnalyticsEndpoint as E;
        match self.endpoint {
            E::UsageReport | E::CostReport | E::UserUsageReport | E::UserCostReport => Family::Cost,
            _ => Family::Engagement,
        }
    }

    /// Days that one request may ask for.
    pub(super) fn span_days(&self) -> i32 {
        use AnalyticsEndpoint as E;
        match self.endpoint {
            E::Summaries | E::UsageReport | E::CostReport => SPAN_DAYS,
            _ => 1,
        }
    }

    /// The parameters that ask for the days from `first` to before `end`.
    pub(super) fn query(&self, first: UtcDay, end: UtcDay) -> Vec<(&'static str, String)> {
        use AnalyticsEndpoint as E;
        let midnight = |day: UtcDay| format!("{day}T00:00:00Z");
        let mut query = match self.endpoint {
            E::Summaries => vec![("starting_date", first.to_string()), ("ending_date", end.to_string())],
            E::UsageReport | E::CostReport => vec![
                ("starting_at", midnight(first)),
                ("ending_at", midnight(end)),
                ("bucket_width", "1d".to_owned()),
                ("limit", SPAN_DAYS.to_string()),
            ],
            E::UserUsageReport | E::UserCostReport => {
                vec![("starting_at", midnight(first)), ("ending_at", midnight(end)), ("limit", PAGE_ROWS.to_owned())]
            }
            _ => vec![("date", first.to_string()), ("limit", PAGE_ROWS.to_owned())],
        };
        query.extend(self.group_by.iter().map(|name| ("group_by[]", (*name).to_owned())));
        query
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_endpoint_is_read_whole_and_no_listing_twice() {
        for endpoint in AnalyticsEndpoint::ALL {
            assert!(LISTINGS.iter().any(|listing| listing.endpoint == endpoint && listing.group_by.is_empty()));
        }
        let names: BTreeSet<String> = LISTINGS.iter().map(Listing::name).collect();
        assert_eq!(names.len(), LISTINGS.len());
    }

    #[test]
    fn a_question_is_spelled_as_published() {
        let (first, end) = (UtcDay(20_522), UtcDay(20_523));
        let asked = |endpoint: AnalyticsEndpoint, cut: &[&str]| {
            let listing = LISTINGS.iter().find(|listing| listing.endpoint == endpoint && listing.group_by == cut);
            let query = listing.map(|listing| listing.query(first, end)).unwrap_or_default();
            query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        let told = [
            asked(AnalyticsEndpoint::Users, &[]),
            asked(AnalyticsEndpoint::Summaries, &[]),
            asked(AnalyticsEndpoint::CostReport, &["cost_type", "token_type"]),
            asked(AnalyticsEndpoint::UserUsageReport, &[]),
        ];
        assert_eq!(
            told,
            [
                "date=2026-03-10&limit=1000",
                "starting_date=2026-03-10&ending_date=2026-03-11",
                "starting_at=2026-03-10T00:00:00Z&ending_at=2026-03-11T00:00:00Z&bucket_width=1d&limit=31&group_by[]=cost_type&group_by[]=token_type",
                "starting_at=2026-03-10T00:00:00Z&ending_at=2026-03-11T00:00:00Z&limit=1000",
            ]
        );
    }
}
