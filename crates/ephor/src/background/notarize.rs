//! Checkpoints signed while there is news, the seal of each day that has ended, and an authority's time-stamp on it.
//! Promises that nothing committed stays unsigned for longer than a minute.
//! Never signs what is not committed: the writer does it, between two commits.

use std::time::{Duration, Instant};

use ephor_export::TimeStampAuthority;
use ephor_lake::Appender;
use ephor_lake::proof::ProofLog;
use tokio::sync::watch;

use crate::time_stamping::stamp_last_day;

/// How often the writer is asked; without news it does nothing.
const NOTARIZE_EVERY: Duration = Duration::from_secs(20);

/// How long an authority that did not answer is left alone.
const STAMP_AGAIN_AFTER: Duration = Duration::from_secs(300);

/// An authority, and when it is to be asked next; `None` until a day is sealed.
pub(super) struct Stamping {
    pub(super) log: ProofLog,
    pub(super) authority: TimeStampAuthority,
    pub(super) next: Option<Instant>,
}

impl Stamping {
    async fn stamp_when_due(&mut self) {
        if self.next.is_none_or(|next| next > Instant::now()) {
            return;
        }
        match stamp_last_day(&self.log, &self.authority, rand::random()).await {
            Ok(stamped) => {
                if let Some(stamp) = stamped {
                    tracing::info!(day = stamp.day, time = stamp.time, authority = stamp.authority, "time-stamped");
                }
                self.next = None;
            }
            Err(error) => {
                tracing::warn!(%error, "a day's checkpoint has no time-stamp yet; it is asked for again");
                self.next = Some(Instant::now() + STAMP_AGAIN_AFTER);
            }
        }
    }
}

pub(super) async fn notarize(appender: Appender, mut stamping: Option<Stamping>, mut stop: watch::Receiver<bool>) {
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
                    if let Some(stamping) = &mut stamping {
                        stamping.next = Some(Instant::now());
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "no checkpoint was signed; the next try signs it"),
        }
        if let Some(stamping) = &mut stamping {
            tokio::select! {
                () = stamping.stamp_when_due() => {}
                _ = stop.changed() => return,
            }
        }
    }
}
