//! Rules at work: what arrives is judged within seconds.
//! Promises that rules, lists and directory are read again while the node runs, and that a broken rule file stops nothing.
//! Never changes an activity.

use std::time::Duration;

use ephor_detect::{DetectError, DetectOptions, Detected, Detector};
use ephor_lake::Lake;
use ephor_lake::control::Control;
use rand::TryRngCore;
use rand::rngs::OsRng;
use tokio::sync::watch;

use crate::node::now_micros;

/// How often a running node looks for activities that nobody has judged.
const DETECT_EVERY: Duration = Duration::from_secs(2);

/// After so many looks, rules, lists and directory are read again.
const REFRESH_AFTER: u32 = 15;

/// Judges what arrives, until told to stop.
pub(super) async fn detect(lake: Lake, control: Control, options: DetectOptions, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(DETECT_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut detector: Option<Detector> = None;
    let mut looks: u32 = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        looks = looks.wrapping_add(1);
        let refresh = looks.is_multiple_of(REFRESH_AFTER);
        // What is half judged when the node stops is judged again at the next start.
        let judged = tokio::select! {
            judged = look(&mut detector, &lake, &control, &options, refresh) => judged,
            _ = stop.changed() => return,
        };
        match judged {
            Ok(Detected { recorded, .. }) if recorded.new + recorded.changed + recorded.withdrawn > 0 => {
                tracing::info!(
                    new = recorded.new,
                    changed = recorded.changed,
                    withdrawn = recorded.withdrawn,
                    "findings"
                );
            }
            Ok(_) => {}
            Err(error) => {
                // Half a step may be in its memory: it is made again from the lake.
                detector = None;
                tracing::warn!(%error, "what arrived is judged at the next try");
            }
        }
    }
}

async fn look(
    detector: &mut Option<Detector>,
    lake: &Lake,
    control: &Control,
    options: &DetectOptions,
    refresh: bool,
) -> Result<Detected, DetectError> {
    // No panic of ours: it lends the system's randomness to whoever needs a source that cannot fail.
    let mut rng = OsRng.unwrap_err();
    let own = match detector {
        Some(own) => {
            if refresh && own.refresh().await? {
                tell_problems(own);
            }
            own
        }
        None => {
            let own = detector.insert(Detector::open(lake, control, options.clone()).await?);
            tell_problems(own);
            own
        }
    };
    own.catch_up(now_micros(), &mut rng).await
}

fn tell_problems(detector: &Detector) {
    if let Some(words) = crate::commands::detect::asleep(detector) {
        tracing::info!("{words}");
    }
    for problem in detector.problems() {
        tracing::warn!(%problem, "a rule file is not in force as it is");
    }
}
