//! The usage that new activities tell of, taken over as usage events.
//! Promises that each is taken over once, however often the node stops.
//! Never changes an activity.

use std::time::Duration;

use ephor_lake::{Appender, Lake};
use tokio::sync::watch;

use crate::node::now_micros;

/// How often a running node looks for usage in new activities. A day closes hours after its end: there is no hurry.
const FOLLOW_EVERY: Duration = Duration::from_secs(20);

/// Takes over the usage that new activities tell of, until told to stop.
pub(super) async fn follow_usage(lake: Lake, appender: Appender, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(FOLLOW_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        if let Err(error) = ephor_sources::follow_activities(&lake, &appender, now_micros()).await {
            tracing::warn!(%error, "the usage in new activities is taken over at the next try");
        }
    }
}
