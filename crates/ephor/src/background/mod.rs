//! What a running node does beside answering requests: one file a task, each a loop that ends when told to.
//! Promises that a task that fails says so and tries again; none stops the node.
//! Never starts a task that cannot be stopped.

mod close_days;
mod detect;
mod export;
mod follow_usage;
mod notarize;
mod notify;
mod reviews;
mod schedules;
mod upkeep;

use std::path::Path;

use ephor_analytics::Analytics;
use ephor_export::LakeIs;
use ephor_lake::control::Control;
use ephor_lake::{Appender, Lake};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::export_config;
use crate::failure::Failure;
use crate::notify_config;

/// What the tasks work on. Each takes what it needs.
pub(crate) struct Parts {
    pub(crate) lake: Lake,
    pub(crate) appender: Appender,
    pub(crate) analytics: Analytics,
    pub(crate) control: Control,
}

/// Starts every task; each ends soon after `stop` changes.
pub(crate) fn start(
    parts: &Parts,
    config: &Config,
    data_dir: &Path,
    stop: &watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<()>>, Failure> {
    let Parts { lake, appender, analytics, control } = parts;
    let stamping = config.time_stamp_authority()?.map(|authority| notarize::Stamping {
        log: lake.proof_log(),
        authority,
        // The day that was sealed last may have waited for its stamp when the node stopped.
        next: Some(std::time::Instant::now()),
    });
    let mut tasks = vec![
        tokio::spawn(upkeep::upkeep(appender.clone(), config.retention()?, stop.clone())),
        tokio::spawn(notarize::notarize(appender.clone(), stamping, stop.clone())),
        tokio::spawn(follow_usage::follow_usage(lake.clone(), appender.clone(), stop.clone())),
        tokio::spawn(detect::detect(lake.clone(), control.clone(), config.detect.options(), stop.clone())),
        tokio::spawn(close_days::close_days(analytics.clone(), config.analytics.limits()?, stop.clone())),
    ];
    if !config.schedule.is_empty() {
        let (lake, control, analytics) = (lake.clone(), control.clone(), analytics.clone());
        tasks.push(tokio::spawn(schedules::schedules(config.clone(), lake, control, analytics, stop.clone())));
    }
    if config.mail.is_some() {
        tasks.push(tokio::spawn(reviews::reviews(config.clone(), control.clone(), stop.clone())));
    }
    let context = export_config::context(lake.clone(), control.clone(), data_dir, LakeIs::Ours);
    for sink in &config.sink {
        sink.check(export_config::sink_secret)?;
        tasks.push(tokio::spawn(export::export(sink.clone(), context.clone(), stop.clone())));
    }
    let told = notify_config::context(control.clone(), config, data_dir);
    for settings in &config.notify {
        tasks.push(tokio::spawn(notify::tell(settings.clone(), told.clone(), stop.clone())));
    }
    Ok(tasks)
}
