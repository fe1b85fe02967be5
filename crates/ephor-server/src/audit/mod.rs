//! The record of who read what: one activity for each call to the Compliance API, kept like any other activity.
//! Promises that a call that was answered is in the outbox within milliseconds and in the feed within seconds.
//! Never records a body, a key's secret, or a call that was refused before it was recognised.

mod access;
mod mover;
mod recorder;

pub(crate) use access::Access;
pub(crate) use mover::move_outbox;
pub(crate) use recorder::{Recorder, write_down};

/// Resolves when the order to stop is given, or when whoever could give it is gone.
async fn told_to_stop(stop: &mut tokio::sync::watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
