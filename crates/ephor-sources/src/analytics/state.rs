//! How far an Analytics API has been read: which days of which listing, which of them may still change, what is not there.
//! Committed with the rows, so that neither is ever ahead of the other.
//! Never holds a row or a key.

use std::collections::BTreeMap;

use ephor_wire::analytics::DaySet;
use ephor_wire::timestamp::UtcDay;
use serde::{Deserialize, Serialize};

use super::listings::Listing;

/// The place of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnalyticsState {
    /// The oldest day that the engagement endpoints still have, as far as is known.
    #[serde(with = "day_text")]
    pub horizon: Option<UtcDay>,
    /// The organization that the key reads, as the upstream names it.
    pub organization: Option<String>,
    /// By [`ephor_wire::analytics::listing_name`].
    pub listings: BTreeMap<String, Progress>,
}

/// How far one listing has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Days that are stored.
    pub read: DaySet,
    /// Days that the vendor may still revise, and when they were last read, in microseconds.
    #[serde(with = "days_text", skip_serializing_if = "BTreeMap::is_empty")]
    pub unsettled: BTreeMap<UtcDay, i64>,
    /// The oldest day that the upstream still has of this one, if it has less than of others.
    #[serde(with = "day_text", skip_serializing_if = "Option::is_none")]
    pub horizon: Option<UtcDay>,
    /// Not there: since when, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<i64>,
    /// Up to when the vendor had counted cost and usage, in its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_refreshed_at: Option<String>,
}

impl AnalyticsState {
    pub(super) fn progress(&self, listing: &Listing) -> Option<&Progress> {
        self.listings.get(&listing.name())
    }

    pub(super) fn progress_mut(&mut self, listing: &Listing) -> &mut Progress {
        self.listings.entry(listing.name()).or_default()
    }

    /// The newest day that is stored of every listing that is there: one that has stopped is not hidden by the others.
    pub(super) fn newest_day(&self) -> Option<UtcDay> {
        let there = self.listings.values().filter(|progress| progress.missing_since.is_none());
        there.filter_map(|progress| progress.read.last()).min()
    }
}

/// A day as people write it.
mod day_text {
    use ephor_wire::timestamp::UtcDay;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    pub(super) fn serialize<S: Serializer>(day: &Option<UtcDay>, serializer: S) -> Result<S::Ok, S::Error> {
        day.map(|day| day.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UtcDay>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

/// Days as people write them, each with an instant.
mod days_text {
    use std::collections::BTreeMap;

    use ephor_wire::timestamp::UtcDay;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(days: &BTreeMap<UtcDay, i64>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(days.iter().map(|(day, at)| (day.to_string(), at)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<UtcDay, i64>, D::Error> {
        let texts = BTreeMap::<String, i64>::deserialize(deserializer)?;
        let day = |text: String| text.parse::<UtcDay>().map_err(serde::de::Error::custom);
        texts.into_iter().map(|(text, at)| Ok((day(text)?, at))).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_is_kept_in_words_that_people_can_read() {
        let mut progress = Progress { missing_since: Some(7), ..Progress::default() };
        for day in [UtcDay(20_522), UtcDay(20_523), UtcDay(20_530)] {
            progress.read.insert(day);
        }
        progress.unsettled.insert(UtcDay(20_530), 5);
        let mut state = AnalyticsState { horizon: Some(UtcDay(20_454)), ..AnalyticsState::default() };
        state.listings.insert("users day".to_owned(), progress);
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(
            text,
            r#"{"horizon":"2026-01-01","organization":null,"listings":{"users day":{"read":["2026-03-10/2026-03-11","2026-03-18/2026-03-18"],"unsettled":{"2026-03-18":5},"missing_since":7}}}"#
        );
        assert_eq!(serde_json::from_str::<AnalyticsState>(&text).unwrap(), state);
        assert_eq!(serde_json::from_str::<AnalyticsState>("{}").unwrap(), AnalyticsState::default());
    }
}
