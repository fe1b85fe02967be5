//! Collected rows of another Analytics API as answers: verbatim where one origin answers, merged by surface where several do.
//! Every field up to P6 is there; what an upstream cannot be asked is said to be so and never guessed.
//! Never mixes two origins in one cell, and never does I/O but in [`read_day`], [`read_day_raw`] and [`upstream_listing`].
//!
//! How an engine uses it, for one reach and one day:
//!
//! 1. [`Origins::of`] the rules and the reach. If [`Origins::only`] is [`Origin::Computed`], nothing here is needed.
//! 2. For each of [`Origins::all`]: the computed rows of the same question, or [`upstream_listing`], as of a `seq`.
//!    [`Place::has`] says whether a day without rows is empty or was not collected.
//! 3. [`merge`] them (or [`merge_summaries`], a day at a time), put them in order with [`order_rows`], and page as ever.
//!
//! Cost and usage: [`Place::cut_for`] finds the stored cut that tells a question, [`report_rows`] narrows it. Where surfaces
//! have different origins, ask each origin for [`products_of`] it, add up with [`add_reports`] and order with [`rank_reports`].
//!
//! [`differences`] lists the cells in which two origins tell different numbers of the same day.

mod answers;
mod differences;
mod fields;
mod filters;
mod merge;
mod origins;
mod over_days;
mod place;
mod reports;
#[cfg(test)]
mod stories;

use ephor_lake::{LakeError, UpstreamRows};
use ephor_wire::analytics::{AnalyticsEndpoint, slot};
use ephor_wire::timestamp::UtcDay;
use serde_json::Value;

use crate::query::{Listing, Report};

pub use answers::{UpstreamAnswerError, order_rows, upstream_listing};
pub use differences::{Difference, differences};
pub use filters::filter_rows;
pub use merge::{fill, fill_summary, merge, merge_summaries};
pub use origins::{Origin, OriginRule, Origins};
pub use over_days::{Group, by_group, over_days};
pub use place::Place;
pub use reports::{Products, add_reports, needed_dimensions, products_of, rank_reports, report_rows};

/// Why a question has no answer from an upstream's days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the days that were collected from upstream `{source_name}` do not tell {what}")]
pub struct NotTold {
    /// The upstream.
    pub source_name: String,
    /// What was asked and is not in them.
    pub what: &'static str,
}

/// The endpoint of a listing.
#[must_use]
pub fn endpoint_of(listing: Listing) -> AnalyticsEndpoint {
    match listing {
        Listing::Users => AnalyticsEndpoint::Users,
        Listing::Projects => AnalyticsEndpoint::Projects,
        Listing::Skills => AnalyticsEndpoint::Skills,
        Listing::Connectors => AnalyticsEndpoint::Connectors,
        Listing::Plugins => AnalyticsEndpoint::Plugins,
        Listing::Artifacts => AnalyticsEndpoint::Artifacts,
    }
}

/// The endpoint of a report.
#[must_use]
pub fn report_endpoint(report: Report) -> AnalyticsEndpoint {
    match report {
        Report::Usage => AnalyticsEndpoint::UsageReport,
        Report::Cost => AnalyticsEndpoint::CostReport,
        Report::UserUsage => AnalyticsEndpoint::UserUsageReport,
        Report::UserCost => AnalyticsEndpoint::UserCostReport,
    }
}

/// A day's rows as the upstream served them, byte for byte and in its order; blocks. `group_by` is sorted; `before_seq`
/// is [`crate::query::AsOf::upstream_seq`].
pub fn read_day_raw(
    rows: &UpstreamRows,
    source: &str,
    endpoint: AnalyticsEndpoint,
    group_by: &[&str],
    day: UtcDay,
    before_seq: Option<u64>,
) -> Result<Vec<String>, LakeError> {
    rows.current(source, endpoint.as_str(), &slot(group_by), day, before_seq)
}

/// A day's rows, parsed; blocks.
pub fn read_day(
    rows: &UpstreamRows,
    source: &str,
    endpoint: AnalyticsEndpoint,
    group_by: &[&str],
    day: UtcDay,
    before_seq: Option<u64>,
) -> Result<Vec<Value>, LakeError> {
    let raw = read_day_raw(rows, source, endpoint, group_by, day, before_seq)?;
    // What is stored was parsed when it came in.
    Ok(raw.iter().filter_map(|row| serde_json::from_str(row).ok()).collect())
}
