//! How far back what rules have seen is still open: when what lies before a moment may be settled and forgotten.
//! Promises that nothing is settled that an activity still to be read, or one that is late as activities may be, could change.
//! Never reads a clock, and never forgets by itself.

use crate::limits::{LATENESS_MICROS, REST_AFTER_LATE_MICROS, SETTLE_EACH_MICROS, SETTLE_HISTORY_EACH_MICROS};

const DAY_MICROS: i64 = 86_400_000_000;

/// What has been seen of time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Horizon {
    /// When the newest activity happened that was seen.
    newest_at: i64,
    /// When the oldest one happened; what is older may have left the lake.
    oldest_at: i64,
    /// What lies before is settled.
    settled_to: i64,
    /// When, by the clock, an activity came last that was later than activities may be.
    late_at: Option<i64>,
}

/// How activities are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// What has been there, from the beginning on.
    History,
    /// What arrives.
    Arrivals,
}

/// Whether an activity can be judged with what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timely {
    Yes,
    /// What it belongs to is forgotten.
    No,
}

impl Default for Horizon {
    fn default() -> Self {
        Self { newest_at: i64::MIN, oldest_at: i64::MAX, settled_to: i64::MIN, late_at: None }
    }
}

impl Horizon {
    /// Nothing seen again: what was too late is remembered, since more of it may come.
    pub(crate) fn again(self) -> Self {
        Self { late_at: self.late_at, ..Self::default() }
    }

    pub(crate) fn newest_at(self) -> i64 {
        self.newest_at
    }

    pub(crate) fn oldest_at(self) -> i64 {
        self.oldest_at
    }

    /// An activity that happened then has come.
    pub(crate) fn saw(&mut self, at_micros: i64, now_micros: i64, reading: Reading) -> Timely {
        let timely = if at_micros < self.settled_to { Timely::No } else { Timely::Yes };
        let is_late = reading == Reading::Arrivals && at_micros < self.late_before(now_micros);
        if is_late || timely == Timely::No {
            self.late_at = Some(now_micros);
        }
        self.newest_at = self.newest_at.max(at_micros);
        self.oldest_at = self.oldest_at.min(at_micros);
        timely
    }

    /// What may be settled now: whole days before which nothing may come any more, if that is more than a little.
    /// `rest_from_micros` is when the oldest activity happened that is in the lake and not read yet.
    pub(crate) fn settles_to(self, now_micros: i64, rest_from_micros: Option<i64>, reading: Reading) -> Option<i64> {
        let each = match reading {
            Reading::History => SETTLE_HISTORY_EACH_MICROS,
            Reading::Arrivals => SETTLE_EACH_MICROS,
        };
        let rests = self.late_at.is_some_and(|late| now_micros.saturating_sub(late) < REST_AFTER_LATE_MICROS);
        if rests {
            return None;
        }
        let to = self.late_before(now_micros).min(rest_from_micros.unwrap_or(i64::MAX));
        let to = to.div_euclid(DAY_MICROS).saturating_mul(DAY_MICROS);
        (to > self.oldest_at && to >= self.settled_to.saturating_add(each)).then_some(to)
    }

    pub(crate) fn settled(&mut self, to_micros: i64) {
        self.settled_to = to_micros;
    }

    /// A clock of a source that runs ahead makes nothing late: the present moment bounds what is new.
    fn late_before(self, now_micros: i64) -> i64 {
        self.newest_at.min(now_micros).saturating_sub(LATENESS_MICROS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000 * DAY_MICROS;

    fn day(micros: Option<i64>) -> Option<i64> {
        micros.map(|micros| micros / DAY_MICROS)
    }

    fn having_seen(days: &[i64]) -> Horizon {
        let mut horizon = Horizon::default();
        days.iter().for_each(|day| assert_eq!(horizon.saw(day * DAY_MICROS, NOW, Reading::History), Timely::Yes));
        horizon
    }

    #[test]
    fn history_settles_as_far_as_nothing_older_is_to_come() {
        let horizon = having_seen(&[100, 300]);
        assert_eq!(day(horizon.settles_to(NOW, None, Reading::History)), Some(270));
        assert_eq!(day(horizon.settles_to(NOW, Some(200 * DAY_MICROS + 5), Reading::History)), Some(200));
        assert_eq!(day(horizon.settles_to(NOW, Some(90 * DAY_MICROS), Reading::History)), None);
        assert_eq!(day(having_seen(&[290, 300]).settles_to(NOW, None, Reading::History)), None, "nothing is that old");
        assert_eq!(day(Horizon::default().settles_to(NOW, None, Reading::History)), None);
    }

    #[test]
    fn an_activity_of_the_future_makes_nothing_late() {
        let horizon = having_seen(&[100, 990, 40_000]);
        assert_eq!(day(horizon.settles_to(NOW, None, Reading::Arrivals)), Some(970));
    }

    #[test]
    fn after_something_too_late_nothing_is_forgotten_for_a_day() {
        let mut horizon = having_seen(&[100, 500]);
        horizon.settled(470 * DAY_MICROS);
        assert_eq!(day(horizon.settles_to(NOW, None, Reading::Arrivals)), None, "a day has to pass");
        assert_eq!(horizon.saw(475 * DAY_MICROS, NOW, Reading::Arrivals), Timely::Yes);
        assert_eq!(horizon.saw(469 * DAY_MICROS, NOW, Reading::Arrivals), Timely::No);
        let mut horizon = horizon.again();
        for day in [100, 469, 500] {
            assert_eq!(horizon.saw(day * DAY_MICROS, NOW, Reading::History), Timely::Yes);
        }
        assert_eq!(day(horizon.settles_to(NOW, Some(400 * DAY_MICROS), Reading::History)), None);
        assert_eq!(day(horizon.settles_to(NOW, None, Reading::Arrivals)), None);
        assert_eq!(day(horizon.settles_to(NOW + DAY_MICROS, None, Reading::Arrivals)), Some(470));
    }
}
