//! What a running node does beside answering requests: one file a task, each a loop that ends when told to.
//! Promises that a task that fails says so and tries again; none stops the node.
//! Never starts a task that cannot be stopped.

mod close_days;
mod follow_usage;
mod notarize;
mod upkeep;

use ephor_analytics::Analytics;
use ephor_lake::{Appender, Lake};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::failure::Failure;

/// What the tasks work on. Each takes what it needs.
pub(crate) struct Parts {
    pub(crate) lake: Lake,
    pub(crate) appender: Appender,
    pub(crate) analytics: Analytics,
}

/// Starts every task; each ends soon after `stop` changes.
pub(crate) fn start(
    parts: &Parts,
    config: &Config,
    stop: &watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<()>>, Failure> {
    let Parts { lake, appender, analytics } = parts;
    Ok(vec![
        tokio::spawn(upkeep::upkeep(appender.clone(), config.retention()?, stop.clone())),
        tokio::spawn(notarize::notarize(appender.clone(), stop.clone())),
        tokio::spawn(follow_usage::follow_usage(lake.clone(), appender.clone(), stop.clone())),
        tokio::spawn(close_days::close_days(analytics.clone(), config.analytics.limits()?, stop.clone())),
    ])
}
