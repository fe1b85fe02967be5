//! `[analytics]` of ephor.toml: a profile, and any of its numbers set otherwise.
//! Promises that a number which makes no sense is refused by its key.
//! Never knows what the numbers are for: the server does.

use std::collections::HashMap;

use ephor_analytics::{AnalyticsOptions, PriceEntry};
use ephor_server::{AnalyticsLimits, AnalyticsProfile};
use serde::Deserialize;

use crate::config::parse_day;
use crate::failure::Failure;
use crate::origin_config::OriginConfig;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AnalyticsConfig {
    pub(crate) profile: ProfileConfig,
    pub(crate) delay_days: Option<u32>,
    pub(crate) close_hour_utc: Option<u32>,
    pub(crate) first_day: Option<String>,
    pub(crate) history_days: Option<u32>,
    pub(crate) range_days: Option<u32>,
    pub(crate) summaries_range_days: Option<u32>,
    pub(crate) report_history_days: Option<u32>,
    pub(crate) report_range_days: Option<u32>,
    pub(crate) users_limit: Option<usize>,
    pub(crate) rate_limit_per_minute: Option<u32>,
    /// Connector names as sent → as published, before the shipped ones.
    pub(crate) connector_aliases: HashMap<String, String>,
    /// Negotiated prices, before the list.
    pub(crate) price: Vec<PriceEntry>,
    /// Who answers what.
    pub(crate) origin: Vec<OriginConfig>,
}

/// Which published state the numbers begin from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProfileConfig {
    #[default]
    Seed,
    Current,
}

impl AnalyticsConfig {
    /// What the engine counts by.
    pub(crate) fn options(&self) -> AnalyticsOptions {
        AnalyticsOptions {
            connector_aliases: self.connector_aliases.clone(),
            prices: self.price.clone(),
            origins: self.origin.iter().filter_map(OriginConfig::rule).collect(),
        }
    }
}

/// A hundred years: what is longer is a slip, and nothing that counts days overflows below it.
const MOST_DAYS: u32 = 36_525;

impl AnalyticsConfig {
    /// The limits in force.
    pub(crate) fn limits(&self) -> Result<AnalyticsLimits, Failure> {
        let usual = AnalyticsLimits::of(match self.profile {
            ProfileConfig::Seed => AnalyticsProfile::Seed,
            ProfileConfig::Current => AnalyticsProfile::Current,
        });
        Ok(AnalyticsLimits {
            delay_days: within("delay_days", self.delay_days, usual.delay_days, 0, MOST_DAYS)?,
            close_hour_utc: within("close_hour_utc", self.close_hour_utc, usual.close_hour_utc, 0, 23)?,
            first_day: self.first_day.as_deref().map_or(Ok(usual.first_day), parse_day)?,
            history_days: within("history_days", self.history_days, usual.history_days, 1, MOST_DAYS)?,
            range_days: within("range_days", self.range_days, usual.range_days, 1, MOST_DAYS)?,
            summaries_range_days: within(
                "summaries_range_days",
                self.summaries_range_days,
                usual.summaries_range_days,
                1,
                MOST_DAYS,
            )?,
            report_history_days: within(
                "report_history_days",
                self.report_history_days,
                usual.report_history_days,
                1,
                MOST_DAYS,
            )?,
            report_range_days: within("report_range_days", self.report_range_days, usual.report_range_days, 1, 366)?,
            users_limit: within("users_limit", self.users_limit, usual.users_limit, 1, 1000)?,
            rate_limit_per_minute: within(
                "rate_limit_per_minute",
                self.rate_limit_per_minute,
                usual.rate_limit_per_minute,
                1,
                u32::MAX,
            )?,
        })
    }
}

fn within<T: Copy + PartialOrd + std::fmt::Display>(
    key: &str,
    given: Option<T>,
    usual: T,
    least: T,
    most: T,
) -> Result<T, Failure> {
    let value = given.unwrap_or(usual);
    if value < least || value > most {
        return Err(Failure::usage(format!("[analytics] {key} = {value} is not between {least} and {most}"))
            .hint("docs/analytics.md says what each number means"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<AnalyticsLimits, String> {
        let config: AnalyticsConfig = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        config.limits().map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_profile_gives_every_number_and_each_can_be_set() {
        assert_eq!(read("").unwrap(), AnalyticsLimits::of(AnalyticsProfile::Seed));
        assert_eq!(read("profile = \"current\"").unwrap(), AnalyticsLimits::of(AnalyticsProfile::Current));
        let own =
            read("profile = \"current\"\ndelay_days = 2\nfirst_day = \"2025-06-01\"\nrate_limit_per_minute = 600")
                .unwrap();
        let expected = AnalyticsLimits {
            delay_days: 2,
            first_day: "2025-06-01".parse().unwrap(),
            rate_limit_per_minute: 600,
            ..AnalyticsLimits::of(AnalyticsProfile::Current)
        };
        assert_eq!(own, expected);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        let told: Vec<String> =
            ["close_hour_utc = 24", "history_days = 0", "first_day = \"June\"", "profile = \"next\"", "delay = 3"]
                .map(|text| read(text).unwrap_err())
                .into();
        insta::assert_snapshot!(told.join("\n"), @"
        [analytics] close_hour_utc = 24 is not between 0 and 23
        [analytics] history_days = 0 is not between 1 and 36525
        `June` is not a day; write it as YYYY-MM-DD, e.g. 2026-10-31
        unknown variant `next`, expected `seed` or `current`
        unknown field `delay`, expected one of `profile`, `delay_days`, `close_hour_utc`, `first_day`, `history_days`, `range_days`, `summaries_range_days`, `report_history_days`, `report_range_days`, `users_limit`, `rate_limit_per_minute`
        ");
    }
}
