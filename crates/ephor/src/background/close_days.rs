//! Days of usage counted once they have closed, and again when late facts came.
//! Promises that a day half built when the node stops is built again.
//! Never counts a day that is still open.

use std::time::Duration;

use ephor_analytics::Analytics;
use ephor_server::AnalyticsLimits;
use tokio::sync::watch;

use crate::node::now_micros;

/// How often a running node looks for days that have closed.
const CLOSE_EVERY: Duration = Duration::from_secs(60);

/// Builds the days that have closed, and those of which late facts came, until told to stop.
pub(super) async fn close_days(analytics: Analytics, limits: AnalyticsLimits, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(CLOSE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        // A day that is half built when the node stops is built again: nothing of it is in the table before its commit.
        let built = tokio::select! {
            built = analytics.catch_up(limits.closed_day(now_micros())) => built,
            _ = stop.changed() => return,
        };
        match built {
            Ok(built) if built.days > 0 => tracing::info!(days = built.days, rows = built.rows, "analytics built"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "analytics are built at the next try"),
        }
    }
}
