//! `[reports]` of ephor.toml: thresholds, the price of a seat, who is exempt, and what may be shown of people.
//! Promises that rankings of people are off unless a reason is given, which every report then repeats.

use std::str::FromStr;

use ephor_reports::review::NoticeDays;
use ephor_reports::{ReportOptions, USUAL_FLOOR};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::failure::Failure;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReportsConfig {
    pub(crate) dormant_days: u32,
    pub(crate) grace_days: u32,
    pub(crate) stale_invite_days: u32,
    pub(crate) offboarding_days: u32,
    /// What a seat costs a month, as decimal text.
    pub(crate) seat_usd_month: Option<String>,
    /// People whose quiet means nothing, by address or id.
    pub(crate) exempt: Vec<String>,
    /// Groups with fewer people are not told.
    pub(crate) floor_people: u32,
    pub(crate) rankings_reason: Option<String>,
}

impl Default for ReportsConfig {
    fn default() -> Self {
        let usual = ReportOptions::default();
        Self {
            dormant_days: usual.dormant_days,
            grace_days: usual.grace_days,
            stale_invite_days: usual.stale_invite_days,
            offboarding_days: usual.offboarding_days,
            seat_usd_month: None,
            exempt: Vec::new(),
            floor_people: USUAL_FLOOR,
            rankings_reason: None,
        }
    }
}

impl ReportsConfig {
    pub(crate) fn options(&self) -> Result<ReportOptions, Failure> {
        let seat_usd_month = match &self.seat_usd_month {
            None => None,
            Some(text) => Some(Decimal::from_str(text).map_err(|_| {
                Failure::usage(format!("[reports] seat_usd_month = \"{text}\" is not an amount, such as \"60.00\""))
            })?),
        };
        if self.dormant_days == 0 {
            return Err(Failure::usage("[reports] dormant_days = 0 would call every seat dormant"));
        }
        Ok(ReportOptions {
            dormant_days: self.dormant_days,
            grace_days: self.grace_days,
            stale_invite_days: self.stale_invite_days,
            seat_usd_month,
            exempt: self.exempt.clone(),
            rankings_reason: self.rankings_reason.clone(),
            offboarding_days: self.offboarding_days,
        })
    }
}

/// `[reviews]` of ephor.toml: when people hear of an access review.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReviewsConfig {
    /// So many days before it is due its reviewers are reminded.
    pub(crate) remind_days_before: Vec<u32>,
    /// So many days after it was due the managers of its reviewers are told.
    pub(crate) escalate_days_after: Vec<u32>,
}

impl Default for ReviewsConfig {
    fn default() -> Self {
        let NoticeDays { remind_before, escalate_after } = NoticeDays::default();
        Self { remind_days_before: remind_before, escalate_days_after: escalate_after }
    }
}

impl ReviewsConfig {
    pub(crate) fn days(&self) -> NoticeDays {
        NoticeDays { remind_before: self.remind_days_before.clone(), escalate_after: self.escalate_days_after.clone() }
    }
}
