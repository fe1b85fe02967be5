//! Checkpoints signed while there is news, and the seal of each day that has ended.
//! Promises that nothing committed stays unsigned for longer than a minute.
//! Never signs what is not committed: the writer does it, between two commits.

use std::time::Duration;

use ephor_lake::Appender;
use tokio::sync::watch;

/// How often the writer is asked; without news it does nothing.
const NOTARIZE_EVERY: Duration = Duration::from_secs(20);

pub(super) async fn notarize(appender: Appender, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(NOTARIZE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        match appender.notarize().await {
            Ok(signed) => {
                if let Some(day) = signed.sealed {
                    tracing::info!(%day, "sealed");
                }
            }
            Err(error) => tracing::warn!(%error, "no checkpoint was signed; the next try signs it"),
        }
    }
}
