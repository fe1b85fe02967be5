//! Notices of access reviews: whoever owes a decision hears of it when the time comes, until told to stop.
//! Promises that what could not be sent is tried again, and that nobody hears the same twice.
//! Never decides anything.

use std::time::Duration;

use ephor_lake::control::Control;
use tokio::sync::watch;

use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::reminding;

/// How often a running node looks whether somebody is owed word: reviews count in days.
const LOOK_EVERY: Duration = Duration::from_secs(60);

pub(super) async fn reviews(config: Config, control: Control, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        let looked = tokio::select! {
            looked = look(&config, &control) => looked,
            _ = stop.changed() => return,
        };
        if let Err(error) = looked {
            tracing::warn!(%error, "the notices of reviews are tried again");
        }
    }
}

async fn look(config: &Config, control: &Control) -> Result<(), Failure> {
    let now = now_micros();
    let owed = reminding::owed(control, config, now).await?;
    if owed.is_empty() {
        return Ok(());
    }
    let unsent = reminding::send(control, config, &owed, now).await?;
    for (notice, why) in &unsent {
        tracing::warn!(review = notice.review, about = notice.about.as_str(), why, "a notice could not be sent");
    }
    tracing::info!(sent = owed.len() - unsent.len(), "notices of reviews sent");
    Ok(())
}
