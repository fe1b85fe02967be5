//! Waiting for what comes by itself: asked again and again until it is there.
//! Promises: bounded by time and not by a number of tries, so that a busy machine gets as much patience as it needs.
//! Never waits for something that must *not* come: that needs a condition that shows it.

use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything here takes on two busy cores; who waits that long waits for a fault.
const PATIENCE: Duration = Duration::from_secs(150);

/// Asks until there is an answer.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "not so after {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
