//! The request budgets: so many requests a minute over all keys of the parent organization, or of each organization.
//! Promises that no minute, counted from its first request, admits more than the limit.
//! Never counts a request whose key was not recognised.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ephor_wire::timestamp::Timestamp;
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

const SECOND_MICROS: i64 = 1_000_000;
const MINUTE_MICROS: i64 = 60 * SECOND_MICROS;

const LIMIT: HeaderName = HeaderName::from_static("anthropic-ratelimit-requests-limit");
const REMAINING: HeaderName = HeaderName::from_static("anthropic-ratelimit-requests-remaining");
const RESET: HeaderName = HeaderName::from_static("anthropic-ratelimit-requests-reset");

/// A budget that is full again a minute after the first request that took from it. Clients read one moment (`-reset`)
/// and wait for it, so the budget comes back at one moment too and not drop by drop.
#[derive(Debug)]
pub(crate) struct Budget {
    limit_per_minute: u32,
    minute: Mutex<Minute>,
}

#[derive(Debug, Clone, Copy)]
struct Minute {
    began_micros: i64,
    used: u32,
}

/// How a budget stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit_per_minute: u32,
    pub(crate) remaining: u32,
    /// On a whole second, so that header and `retry-after` name the same moment.
    resets_at_micros: i64,
    /// Set when the request found nothing left.
    pub(crate) retry_after_seconds: Option<i64>,
}

impl Budget {
    pub(crate) fn new(limit_per_minute: u32) -> Self {
        Self { limit_per_minute, minute: Mutex::new(Minute { began_micros: i64::MIN, used: 0 }) }
    }

    /// Takes one request from the budget, if there is one left.
    pub(crate) fn spend(&self, now_micros: i64) -> Standing {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let over = now_micros.saturating_sub(minute.began_micros) >= MINUTE_MICROS;
        // A clock that was set back must not lock everybody out until it has caught up.
        if over || now_micros < minute.began_micros {
            *minute = Minute { began_micros: now_micros, used: 0 };
        }
        let ends = minute.began_micros + MINUTE_MICROS;
        let resets_at_micros = ends + (-ends).rem_euclid(SECOND_MICROS);
        let retry_after_seconds = if minute.used < self.limit_per_minute {
            minute.used += 1;
            None
        } else {
            // Rounded up, and so never 0 and never early.
            Some((resets_at_micros - now_micros + SECOND_MICROS - 1) / SECOND_MICROS)
        };
        let remaining = self.limit_per_minute - minute.used;
        Standing { limit_per_minute: self.limit_per_minute, remaining, resets_at_micros, retry_after_seconds }
    }
}

/// A budget for each organization, and one for the parent: the Analytics API's limit is per organization.
#[derive(Debug)]
pub(crate) struct OrganizationBudgets {
    limit_per_minute: u32,
    /// By UUID; the parent's under no name. There are as many as organizations have keys.
    budgets: Mutex<HashMap<Option<String>, Arc<Budget>>>,
}

impl OrganizationBudgets {
    pub(crate) fn new(limit_per_minute: u32) -> Self {
        Self { limit_per_minute, budgets: Mutex::default() }
    }

    /// Takes one request from the budget of an organization, or of the parent.
    pub(crate) fn spend(&self, organization_uuid: Option<&str>, now_micros: i64) -> Standing {
        self.of(organization_uuid).spend(now_micros)
    }

    fn of(&self, organization_uuid: Option<&str>) -> Arc<Budget> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let name = organization_uuid.map(str::to_owned);
        Arc::clone(budgets.entry(name).or_insert_with(|| Arc::new(Budget::new(self.limit_per_minute))))
    }
}

impl Standing {
    /// Writes the standing into a response's headers.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, self.limit_per_minute.into());
        headers.insert(REMAINING, self.remaining.into());
        let reset = Timestamp::from_micros(self.resets_at_micros);
        // Whole seconds without the zeros behind them: every client reads that.
        let text = reset.as_str().replace(".000000Z", "Z");
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(RESET, value);
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-23T12:00:00.25Z
    const NOON: i64 = 1_795_435_200_250_000;

    #[test]
    fn the_request_over_the_limit_is_told_when_to_come_back() {
        let budget = Budget::new(2);
        assert_eq!(budget.spend(NOON).remaining, 1);
        assert_eq!(budget.spend(NOON).remaining, 0);
        let refused = budget.spend(NOON + 10 * SECOND_MICROS);
        assert_eq!(refused.retry_after_seconds, Some(51));
        let mut headers = HeaderMap::new();
        refused.tell(&mut headers);
        let told: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        anthropic-ratelimit-requests-limit: 2
        anthropic-ratelimit-requests-remaining: 0
        anthropic-ratelimit-requests-reset: 2026-11-23T12:01:01Z
        retry-after: 51
        ");
        assert_eq!(budget.spend(NOON + 61 * SECOND_MICROS).remaining, 1);
    }

    #[test]
    fn each_organization_has_a_budget_of_its_own() {
        let budgets = OrganizationBudgets::new(1);
        for organization in [None, Some("east"), Some("west")] {
            assert_eq!(budgets.spend(organization, NOON).retry_after_seconds, None);
            assert!(budgets.spend(organization, NOON).retry_after_seconds.is_some());
        }
    }

    #[test]
    fn a_clock_set_back_does_not_lock_anyone_out() {
        let budget = Budget::new(1);
        budget.spend(NOON);
        assert_eq!(budget.spend(NOON - 3600 * SECOND_MICROS).retry_after_seconds, None);
    }

    proptest! {
        #[test]
        fn whoever_waits_as_told_is_admitted(steps in prop::collection::vec(0_i64..5_000_000, 1..200), limit in 1_u32..20) {
            let budget = Budget::new(limit);
            let mut now = NOON;
            for step in steps {
                now += step;
                if let Some(seconds) = budget.spend(now).retry_after_seconds {
                    prop_assert!((1..=61).contains(&seconds));
                    now += seconds * SECOND_MICROS;
                    prop_assert_eq!(budget.spend(now).retry_after_seconds, None);
                }
            }
        }
    }
}
