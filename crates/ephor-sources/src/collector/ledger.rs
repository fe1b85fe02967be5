//! What an upstream was asked lately and what it last said of budget and clock, shared by everyone here who asks it.
//! A turn is given while our share of the budget lasts, whichever run, reader or collector used the rest of it.
//! Never holds a key, a path or an answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ephor_lake::control::Budget;

use super::client::Pace;

/// The account of one upstream. A clone is the same account.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    /// When the requests of the last window were made.
    recent: VecDeque<Instant>,
    budget: Option<Budget>,
    skew_micros: Option<i64>,
    /// Nobody asks before this.
    closed_until: Option<Instant>,
}

impl Ledger {
    /// What is left of the upstream's budget, as its last answer said.
    pub(crate) fn budget(&self) -> Option<Budget> {
        self.entries().budget
    }

    /// How far the upstream's clock is ahead of ours.
    pub(crate) fn skew_micros(&self) -> Option<i64> {
        self.entries().skew_micros
    }

    /// Takes a turn, which is written down; or says how long to wait before asking for one again. `assumed` is the limit
    /// of requests in a window while no answer has named one.
    pub(crate) fn turn(&self, assumed: Option<u32>, share: f64, pace: &Pace, now: Instant) -> Result<(), Duration> {
        let mut entries = self.entries();
        let closed = entries.closed_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        if !closed.is_zero() {
            return Err(closed);
        }
        while entries.recent.front().is_some_and(|made| now.saturating_duration_since(*made) >= pace.window) {
            entries.recent.pop_front();
        }
        let told = entries.budget.map(|budget| budget.limit_requests as f64);
        if let Some(limit) = told.or(assumed.map(f64::from)) {
            let ours = (limit * share).floor().max(1.0) as usize;
            // The window must hold fewer than our share: the oldest request that is one too many has to leave it first.
            if let Some(too_many) = entries.recent.len().checked_sub(ours) {
                let leaves = entries.recent[too_many] + pace.window;
                return Err(leaves.saturating_duration_since(now).max(Duration::from_micros(1)));
            }
        }
        entries.recent.push_back(now);
        Ok(())
    }

    /// Notes what an answer told of the budget. With nothing left of it nobody asks until it begins anew by the
    /// upstream's clock, or for a little while if it says not when.
    pub(crate) fn note_budget(&self, budget: Budget, pace: &Pace, now: Instant, now_micros: i64) {
        let mut entries = self.entries();
        entries.budget = Some(budget);
        if budget.remaining_requests <= 0 {
            let theirs = now_micros + entries.skew_micros.unwrap_or_default();
            let until = budget.reset_at_micros.map(|reset| u64::try_from(reset - theirs).unwrap_or_default());
            let wait = until.map_or(pace.first_wait, Duration::from_micros).min(pace.window);
            entries.closed_until = entries.closed_until.max(Some(now + wait));
        }
    }

    /// Notes the upstream's clock minus ours.
    pub(crate) fn note_skew(&self, skew_micros: i64) {
        self.entries().skew_micros = Some(skew_micros);
    }

    /// The upstream asked to be left alone for a while: by one, so by all.
    pub(crate) fn close_for(&self, wait: Duration, now: Instant) {
        let mut entries = self.entries();
        entries.closed_until = entries.closed_until.max(Some(now + wait));
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn turns_are_given_up_to_the_share_of_a_window_whoever_takes_them() {
        let (ledger, pace, start) = (Ledger::default(), Pace::default(), Instant::now());
        let other = ledger.clone();
        for (turn, account) in [(0, &ledger), (1, &other), (2, &ledger)] {
            assert_eq!(account.turn(Some(6), 0.5, &pace, start + turn * MILLI), Ok(()));
        }
        assert_eq!(other.turn(Some(6), 0.5, &pace, start + 10 * MILLI), Err(pace.window - 10 * MILLI));
        // The first has left the window; the second is still there.
        let later = start + pace.window;
        assert_eq!(ledger.turn(Some(6), 0.5, &pace, later), Ok(()));
        assert_eq!(ledger.turn(Some(6), 0.5, &pace, later), Err(MILLI));
        // What an answer says counts for more than what was assumed, and none of both is no limit.
        ledger.note_budget(
            Budget { limit_requests: 100, remaining_requests: 9, reset_at_micros: None },
            &pace,
            later,
            0,
        );
        assert_eq!(other.turn(Some(6), 0.5, &pace, later), Ok(()));
        assert_eq!(Ledger::default().turn(None, 0.01, &pace, start), Ok(()));
    }

    #[test]
    fn a_limit_that_shrinks_is_kept_at_once() {
        let (ledger, pace, start) = (Ledger::default(), Pace::default(), Instant::now());
        for turn in 0..4 {
            assert_eq!(ledger.turn(Some(100), 0.5, &pace, start + turn * MILLI), Ok(()));
        }
        // Two a window: the third oldest of four has to leave it.
        let asked = start + 4 * MILLI;
        assert_eq!(ledger.turn(Some(4), 0.5, &pace, asked), Err(pace.window - 2 * MILLI));
    }

    #[test]
    fn a_budget_that_nobody_has_left_is_waited_for_by_the_upstreams_clock() {
        let (pace, start) = (Pace::default(), Instant::now());
        let left = |reset_at_micros| Budget { limit_requests: 600, remaining_requests: 0, reset_at_micros };
        // Ours says 1 s, the upstream's 1.5 s; a reset that has passed is none to wait for, a far one not for ever.
        let cases = [
            (Some(1_600_000), Err(100 * MILLI)),
            (Some(1_400_000), Ok(())),
            (Some(i64::MAX / 2), Err(pace.window)),
            (None, Err(pace.first_wait)),
        ];
        for (reset_at, turn) in cases {
            let ledger = Ledger::default();
            ledger.note_skew(500_000);
            ledger.note_budget(left(reset_at), &pace, start, 1_000_000);
            assert_eq!(ledger.turn(None, 0.5, &pace, start), turn, "{reset_at:?}");
            assert_eq!(ledger.turn(None, 0.5, &pace, start + pace.window), Ok(()), "{reset_at:?}");
        }
    }

    #[test]
    fn who_is_asked_to_wait_waits_for_all() {
        let (ledger, pace, start) = (Ledger::default(), Pace::default(), Instant::now());
        ledger.close_for(5 * MILLI, start);
        ledger.close_for(2 * MILLI, start);
        assert_eq!(ledger.clone().turn(None, 0.5, &pace, start), Err(5 * MILLI));
        assert_eq!(ledger.turn(None, 0.5, &pace, start + 5 * MILLI), Ok(()));
    }
}
