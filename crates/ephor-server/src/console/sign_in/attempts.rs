//! How often one may be wrong: a few times at once, then ever slower; counted by account and by address.
//! Promises that guessing is slow from anywhere, and that one guesser does not lock the owner out from elsewhere.
//! Never grows beyond a bound, whatever is tried.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

/// Failures that are forgotten once nothing failed for so long.
const FORGET_AFTER: i64 = 30 * MINUTE;

/// The first wait; each failure after that doubles it.
const FIRST_WAIT: i64 = 15 * SECOND;
const LONGEST_WAIT: i64 = 15 * MINUTE;

/// Failures before one has to wait.
const FREE_AT_ONE_PLACE: u32 = 5;
/// Of one account from everywhere together: a guesser with many addresses is slowed down, an owner who mistypes is not.
const FREE_OF_ACCOUNT: u32 = 50;
/// Of one address for all accounts together.
const FREE_OF_ADDRESS: u32 = 30;

/// Accounts and addresses that are counted at the same time: some megabytes.
const COUNTED: usize = 50_000;

/// Tries that failed.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failures: Mutex<HashMap<String, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last_micros: i64,
}

/// Whether one may try now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MayTry {
    Now,
    /// Not before so many seconds are over.
    After(i64),
}

impl Attempts {
    /// Whether somebody may try to be this account from this address.
    pub(crate) fn may_try(&self, account: &str, address: Option<IpAddr>, now_micros: i64) -> MayTry {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let wait =
            |(key, free): &(String, u32)| failures.get(key).map_or(0, |failures| failures.wait(*free, now_micros));
        match keys(account, address).iter().map(wait).max().unwrap_or(0) {
            0 => MayTry::Now,
            micros => MayTry::After((micros + SECOND - 1) / SECOND),
        }
    }

    /// Notes that a try failed.
    pub(crate) fn failed(&self, account: &str, address: Option<IpAddr>, now_micros: i64) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= COUNTED {
            failures.retain(|_, failures| !failures.is_forgotten(now_micros));
        }
        for (key, _) in keys(account, address) {
            // Where there is no room, what is counted already goes on being counted.
            if failures.len() >= COUNTED && !failures.contains_key(&key) {
                continue;
            }
            let counted = failures.entry(key).or_insert(Failures { count: 0, last_micros: now_micros });
            if counted.is_forgotten(now_micros) {
                counted.count = 0;
            }
            *counted = Failures { count: counted.count.saturating_add(1), last_micros: now_micros };
        }
    }

    /// Notes that somebody proved who they are: their own typing errors here are forgotten.
    pub(crate) fn succeeded(&self, account: &str, address: Option<IpAddr>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((key, _)) = keys(account, address).first() {
            failures.remove(key);
        }
    }
}

impl Failures {
    fn is_forgotten(self, now_micros: i64) -> bool {
        now_micros.saturating_sub(self.last_micros) >= FORGET_AFTER
    }

    /// Microseconds until the next try.
    fn wait(self, free: u32, now_micros: i64) -> i64 {
        let Some(beyond) = self.count.checked_sub(free).filter(|_| !self.is_forgotten(now_micros)) else { return 0 };
        let wait = FIRST_WAIT.saturating_mul(1_i64.checked_shl(beyond.min(30)).unwrap_or(i64::MAX)).min(LONGEST_WAIT);
        self.last_micros.saturating_add(wait).saturating_sub(now_micros).max(0)
    }
}

/// What a try counts under, the place that is the person's own first.
fn keys(account: &str, address: Option<IpAddr>) -> [(String, u32); 3] {
    let account = account.to_lowercase();
    let address = address.map_or_else(|| "unknown".to_owned(), network);
    [
        (format!("{account} at {address}"), FREE_AT_ONE_PLACE),
        (format!("account {account}"), FREE_OF_ACCOUNT),
        (format!("address {address}"), FREE_OF_ADDRESS),
    ]
}

/// An IPv6 address counts as its /64: one customer has that many addresses.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => address.segments()[..4].iter().map(|part| format!("{part:x}:")).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOON: i64 = 1_795_435_200_000_000;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_sixth_wrong_try_waits_and_the_waits_grow() {
        let attempts = Attempts::default();
        let home = address("192.0.2.1");
        for _ in 0..4 {
            attempts.failed("ada", home, NOON);
        }
        assert_eq!(attempts.may_try("ADA", home, NOON), MayTry::Now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            attempts.failed("Ada", home, NOON);
            waits.push(attempts.may_try("ada", home, NOON));
        }
        assert_eq!(waits[..3], [MayTry::After(15), MayTry::After(30), MayTry::After(60)]);
        assert_eq!(waits[7], MayTry::After(900));
        assert_eq!(attempts.may_try("ada", home, NOON + 901 * SECOND), MayTry::Now);
        assert_eq!(attempts.may_try("ada", address("192.0.2.2"), NOON), MayTry::Now, "from elsewhere she may");
        assert_eq!(attempts.may_try("ada", home, NOON + FORGET_AFTER), MayTry::Now);
    }

    #[test]
    fn many_addresses_against_one_account_are_slowed_down_and_so_is_one_against_many() {
        let attempts = Attempts::default();
        for number in 0..50 {
            attempts.failed("ada", address(&format!("198.51.100.{number}")), NOON);
        }
        assert_eq!(attempts.may_try("ada", address("203.0.113.9"), NOON), MayTry::After(15));
        for number in 0..30 {
            attempts.failed(&format!("person{number}"), address(&format!("2001:db8::{number:x}")), NOON);
        }
        assert_eq!(
            attempts.may_try("eve", address("2001:db8::ffff"), NOON),
            MayTry::After(15),
            "one /64 is one address"
        );
        assert_eq!(attempts.may_try("eve", address("2001:db8:0:1::1"), NOON), MayTry::Now);
    }

    #[test]
    fn a_success_forgets_one_s_own_errors_and_a_flood_is_bounded() {
        let attempts = Attempts::default();
        let home = address("192.0.2.1");
        for _ in 0..5 {
            attempts.failed("ada", home, NOON);
        }
        attempts.succeeded("ada", home);
        assert_eq!(attempts.may_try("ada", home, NOON), MayTry::Now);
        for number in 0..COUNTED {
            attempts.failed(&format!("{number}"), None, NOON);
        }
        assert!(attempts.failures.lock().unwrap().len() <= COUNTED + 2);
        attempts.failed("late", home, NOON + FORGET_AFTER);
        assert!(attempts.failures.lock().unwrap().len() <= 3);
    }
}
