//! Files merged and expired days let go, once a minute.
//! Promises that a failure is tried again and stops nothing.
//! Never holds up an append: the writer does it between two commits.

use std::time::Duration;

use ephor_lake::{Appender, CompactOptions, CompactReach, Retention};
use tokio::sync::watch;

/// How often a running node looks for files to merge and days to let go.
const UPKEEP_EVERY: Duration = Duration::from_secs(60);

/// Compacts what has become slow to read and applies retention, until told to stop.
pub(super) async fn upkeep(appender: Appender, retention: Option<Retention>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        let options = CompactOptions { reach: CompactReach::Crowded, retention: retention.clone() };
        match appender.compact(options).await {
            Ok(report) if report.files_merged > 0 || report.days_expired > 0 => {
                tracing::info!(
                    merged = report.files_merged,
                    written = report.files_written,
                    expired_days = report.days_expired,
                    "upkeep"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "upkeep was put off to the next time"),
        }
    }
}
