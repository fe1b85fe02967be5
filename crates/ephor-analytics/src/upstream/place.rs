//! What has been collected of an upstream: which days of which endpoint, and how they are cut.
//! Read from the place that the collector commits with its rows.
//! Never takes a day that was not read for an empty one.

use std::collections::BTreeMap;

use ephor_wire::analytics::{AnalyticsEndpoint, COST_DIMENSIONS, DaySet, listing_name};
use ephor_wire::timestamp::{Timestamp, UtcDay};
use serde::Deserialize;
use serde_json::Value;

/// Dimensions whose parts add up to the whole: a request has one model, one product and so on.
const ADD_UP: [&str; 5] = ["context_window", "inference_geo", "model", "product", "speed"];

/// How far an upstream has been read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The organization that its key reads.
    pub organization: Option<String>,
    listings: BTreeMap<String, Progress>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Progress {
    read: DaySet,
    data_refreshed_at: Option<String>,
}

impl Place {
    /// Reads [`ephor_lake::UpstreamRows::cursor`].
    #[must_use]
    pub fn parse(cursor: &Value) -> Self {
        Self::deserialize(cursor).unwrap_or_default()
    }

    /// Whether a day is collected. `group_by` is sorted.
    #[must_use]
    pub fn has(&self, endpoint: AnalyticsEndpoint, group_by: &[&str], day: UtcDay) -> bool {
        self.listings.get(&listing_name(endpoint, group_by)).is_some_and(|progress| progress.read.contains(day))
    }

    /// The oldest and the newest day of an endpoint.
    #[must_use]
    pub fn days(&self, endpoint: AnalyticsEndpoint) -> Option<(UtcDay, UtcDay)> {
        let read = &self.listings.get(&listing_name(endpoint, &[]))?.read;
        read.first().zip(read.last())
    }

    /// Up to when the upstream had counted cost and usage when it was last asked, in microseconds.
    #[must_use]
    pub fn data_refreshed_at_micros(&self, endpoint: AnalyticsEndpoint) -> Option<i64> {
        let text = self.listings.get(&listing_name(endpoint, &[]))?.data_refreshed_at.as_deref()?;
        Timestamp::parse(text).ok().map(|at| at.micros())
    }

    /// The coarsest collected cut of a report that tells `needed` (what is grouped and filtered by) on every one of
    /// these days. A cut may be finer than asked only where its parts add up: users are in several groups at once, and
    /// rows cut by kind of cost count no requests.
    #[must_use]
    pub fn cut_for(&self, endpoint: AnalyticsEndpoint, needed: &[&str], days: &[UtcDay]) -> Option<Vec<&'static str>> {
        let beginning = listing_name(endpoint, &[]);
        let cuts = self.listings.keys().filter_map(|name| {
            let cut = name.strip_prefix(&beginning)?;
            let named: Vec<&str> = cut.strip_prefix(" by ").map(|cut| cut.split(',').collect()).unwrap_or_default();
            let known = COST_DIMENSIONS.into_iter().filter(|dimension| named.contains(dimension)).collect::<Vec<_>>();
            (known.len() == named.len() && (cut.is_empty() || !named.is_empty())).then_some(known)
        });
        let tells = |cut: &Vec<&'static str>| {
            needed.iter().all(|dimension| cut.contains(dimension))
                && cut.iter().all(|dimension| needed.contains(dimension) || ADD_UP.contains(dimension))
                && days.iter().all(|day| self.has(endpoint, cut, *day))
        };
        cuts.filter(tells).min_by_key(Vec::len)
    }
}
