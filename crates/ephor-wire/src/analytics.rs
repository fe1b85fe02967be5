//! The Analytics API's endpoints by name, and under which names their rows are kept: slots, keys, days that are covered.
//! The collector writes by these names and the analytics room reads by them.
//! Never interprets a number of a row.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::timestamp::UtcDay;

/// An endpoint of `/v1/organizations/analytics/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AnalyticsEndpoint {
    /// `users`
    Users,
    /// `summaries`
    Summaries,
    /// `apps/chat/projects`
    Projects,
    /// `skills`
    Skills,
    /// `connectors`
    Connectors,
    /// `plugins`
    Plugins,
    /// `artifacts`
    Artifacts,
    /// `usage_report`
    UsageReport,
    /// `cost_report`
    CostReport,
    /// `user_usage_report`
    UserUsageReport,
    /// `user_cost_report`
    UserCostReport,
}

impl AnalyticsEndpoint {
    /// All eleven.
    pub const ALL: [Self; 11] = [
        Self::Users,
        Self::Summaries,
        Self::Projects,
        Self::Skills,
        Self::Connectors,
        Self::Plugins,
        Self::Artifacts,
        Self::UsageReport,
        Self::CostReport,
        Self::UserUsageReport,
        Self::UserCostReport,
    ];

    /// Its path below `/v1/organizations/analytics/`, which is also the name under which its rows are kept.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Summaries => "summaries",
            Self::Projects => "apps/chat/projects",
            Self::Skills => "skills",
            Self::Connectors => "connectors",
            Self::Plugins => "plugins",
            Self::Artifacts => "artifacts",
            Self::UsageReport => "usage_report",
            Self::CostReport => "cost_report",
            Self::UserUsageReport => "user_usage_report",
            Self::UserCostReport => "user_cost_report",
        }
    }

    /// What identifies a row within a day's listing; empty for a row that has nothing to be told from others by, as the
    /// one row of an ungrouped report has.
    #[must_use]
    pub fn row_key(self, row: &Value) -> String {
        let text = |pointer: &str| row.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Users => [text("/user/id"), text("/user/email_address")].into_iter().find(|id| !id.is_empty()),
            Self::Summaries => Some(text("/starting_at")),
            Self::Projects => Some(text("/project_id")),
            Self::Skills => Some(text("/skill_name")),
            Self::Connectors => Some(text("/connector_name")),
            Self::Plugins => return joined([text("/plugin_name"), text("/plugin_id")]),
            Self::Artifacts => {
                let shared = if row["is_shared"] == true { "shared" } else { "" };
                return joined([text("/artifact_type"), shared]);
            }
            Self::UsageReport | Self::CostReport => return dimensions(row),
            Self::UserUsageReport | Self::UserCostReport => {
                return joined([text("/actor/user_id"), &dimensions(row)]);
            }
        }
        .unwrap_or_default()
        .to_owned()
    }
}

impl fmt::Display for AnalyticsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What cost and usage rows can be cut by, sorted.
pub const COST_DIMENSIONS: [&str; 11] = [
    "claude_tag_category",
    "claude_tag_user_id",
    "context_window",
    "cost_type",
    "inference_geo",
    "model",
    "product",
    "rbac_group_id",
    "slack_channel_id",
    "speed",
    "token_type",
];

/// What a cost or usage row is cut by, as `model=x product=y`.
fn dimensions(row: &Value) -> String {
    let told = COST_DIMENSIONS.iter().filter_map(|name| Some(format!("{name}={}", row[*name].as_str()?)));
    told.collect::<Vec<_>>().join(" ")
}

fn joined<const N: usize>(parts: [&str; N]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The slot of a day's listing: how it was cut. `group_by` is sorted.
///
/// ```
/// use ephor_wire::analytics::slot;
/// assert_eq!(slot(&[]), "day");
/// assert_eq!(slot(&["model", "product"]), "day by model,product");
/// ```
#[must_use]
pub fn slot(group_by: &[&str]) -> String {
    debug_assert!(group_by.is_sorted());
    match group_by {
        [] => "day".to_owned(),
        cut => format!("day by {}", cut.join(",")),
    }
}

/// The name of a listing in a collector's place: its endpoint and slot.
#[must_use]
pub fn listing_name(endpoint: AnalyticsEndpoint, group_by: &[&str]) -> String {
    format!("{endpoint} {}", slot(group_by))
}

/// A set of days, kept as ranges: `["2026-01-01/2026-03-09","2026-03-11/2026-03-11"]`, both ends included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaySet {
    /// First and last days, ascending, apart from each other by a day at least.
    ranges: Vec<(UtcDay, UtcDay)>,
}

impl DaySet {
    /// Adds a day.
    pub fn insert(&mut self, day: UtcDay) {
        let at = self.ranges.partition_point(|(_, last)| last.plus_days(1) < day);
        match self.ranges.get_mut(at) {
            Some((first, last)) if first.plus_days(-1) <= day => {
                *first = day.min(*first);
                *last = day.max(*last);
                let last = *last;
                if let Some((next, end)) =
                    self.ranges.get(at + 1).copied().filter(|(next, _)| *next <= last.plus_days(1))
                {
                    debug_assert!(next > day);
                    self.ranges[at].1 = end;
                    self.ranges.remove(at + 1);
                }
            }
            _ => self.ranges.insert(at, (day, day)),
        }
    }

    /// Whether a day is in it.
    #[must_use]
    pub fn contains(&self, day: UtcDay) -> bool {
        let at = self.ranges.partition_point(|(_, last)| *last < day);
        self.ranges.get(at).is_some_and(|(first, _)| *first <= day)
    }

    /// The earliest day from `first` to `last`, both included, that is not in it.
    #[must_use]
    pub fn first_missing(&self, first: UtcDay, last: UtcDay) -> Option<UtcDay> {
        let at = self.ranges.partition_point(|(_, end)| *end < first);
        let missing = match self.ranges.get(at) {
            Some((start, end)) if *start <= first => end.plus_days(1),
            _ => first,
        };
        (missing <= last).then_some(missing)
    }

    /// The newest day.
    #[must_use]
    pub fn last(&self) -> Option<UtcDay> {
        self.ranges.last().map(|(_, last)| *last)
    }

    /// The oldest day.
    #[must_use]
    pub fn first(&self) -> Option<UtcDay> {
        self.ranges.first().map(|(first, _)| *first)
    }
}

impl Serialize for DaySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.ranges.iter().map(|(first, last)| format!("{first}/{last}")))
    }
}

impl<'de> Deserialize<'de> for DaySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut ranges: Vec<(UtcDay, UtcDay)> = Vec::new();
        for text in Vec::<String>::deserialize(deserializer)? {
            let days = text.split_once('/').and_then(|(first, last)| first.parse().ok().zip(last.parse().ok()));
            ranges.push(days.ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no range of days")))?);
        }
        let apart = ranges.windows(2).all(|pair| pair[0].1.plus_days(1) < pair[1].0);
        match apart && ranges.iter().all(|(first, last)| first <= last) {
            true => Ok(Self { ranges }),
            false => Err(serde::de::Error::custom("the ranges of days are not in order")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_known_by_what_its_listing_is_cut_by() {
        use AnalyticsEndpoint as E;
        let cases = [
            (E::Users, json!({"user": {"id": "user_1", "email_address": "a@example.com"}}), "user_1"),
            (E::Users, json!({"user": {"email_address": "a@example.com"}}), "a@example.com"),
            (E::Users, json!({"user": null}), ""),
            (E::Summaries, json!({"starting_at": "2026-03-10T00:00:00Z"}), "2026-03-10T00:00:00Z"),
            (E::Projects, json!({"project_id": "claude_proj_1"}), "claude_proj_1"),
            (E::Plugins, json!({"plugin_name": "lint", "plugin_id": "lint@market"}), "lint lint@market"),
            (E::Plugins, json!({"plugin_name": "lint", "plugin_id": null}), "lint"),
            (E::Artifacts, json!({"artifact_type": "text/html", "is_shared": true}), "text/html shared"),
            (E::Artifacts, json!({"artifact_type": "text/html", "is_shared": false}), "text/html"),
            (E::UsageReport, json!({"product": null, "model": null}), ""),
            (
                E::CostReport,
                json!({"product": "chat", "model": "m", "cost_type": "tokens"}),
                "cost_type=tokens model=m product=chat",
            ),
            (E::UserCostReport, json!({"actor": {"user_id": "user_1"}, "product": "chat"}), "user_1 product=chat"),
        ];
        for (endpoint, row, key) in cases {
            assert_eq!(endpoint.row_key(&row), key, "{endpoint} {row}");
        }
        assert!(COST_DIMENSIONS.is_sorted());
    }

    proptest! {
        #[test]
        fn a_set_of_days_is_a_set_in_whatever_order_it_was_filled(days in prop::collection::vec(20_454..20_500_i32, 0..60), first in 20_450..20_505_i32) {
            let (mut set, mut truth) = (DaySet::default(), BTreeSet::new());
            for day in days {
                set.insert(UtcDay(day));
                truth.insert(day);
            }
            for day in 20_450..20_505 {
                prop_assert_eq!(set.contains(UtcDay(day)), truth.contains(&day));
            }
            let missing = (first..=20_502).find(|day| !truth.contains(day)).map(UtcDay);
            prop_assert_eq!(set.first_missing(UtcDay(first), UtcDay(20_502)), missing);
            prop_assert_eq!(set.first(), truth.first().copied().map(UtcDay));
            prop_assert_eq!(set.last(), truth.last().copied().map(UtcDay));
            let text = serde_json::to_string(&set).unwrap();
            prop_assert_eq!(serde_json::from_str::<DaySet>(&text).unwrap(), set);
        }
    }

    #[test]
    fn ranges_that_overlap_or_run_backwards_are_refused() {
        for text in [r#"["2026-01-02/2026-01-01"]"#, r#"["2026-01-01/2026-01-03","2026-01-04/2026-01-05"]"#, r#"["x"]"#]
        {
            assert!(serde_json::from_str::<DaySet>(text).is_err(), "{text}");
        }
    }
}
