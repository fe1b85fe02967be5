//! Records a second, lately: an average in which the last minute counts most.
//! Never stored over a restart: a rate of before says nothing of now.

use std::time::Instant;

/// After this long, what was before counts for about a third.
const MEMORY_SECONDS: f64 = 20.0;

/// The running average of one sink.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Instant>,
    per_second: f64,
}

impl Pace {
    /// The average after so many more records.
    pub(super) fn after(&mut self, records: u64, now: Instant) -> f64 {
        let Some(last) = self.last.replace(now) else { return 0.0 };
        let seconds = now.duration_since(last).as_secs_f64().max(1e-3);
        let weight = 1.0 - (-seconds / MEMORY_SECONDS).exp();
        let current = records as f64 / seconds;
        self.per_second += weight * (current - self.per_second);
        self.per_second
    }
}
