//! Delivery to the sinks of ephor.toml: one task a sink, so that none waits for another.
//! Promises that a sink that fails is begun again, from its place, after a pause.
//! Never holds up intake: a sink reads the lake and nothing else.

use std::time::Duration;

use ephor_export::{ExportContext, ExportError, SinkSettings, Until, deliver};
use tokio::sync::watch;

/// The pause after a delivery that ended: the receiver said that it is gone, or the lake or the control database failed.
const BEGIN_AGAIN_AFTER: Duration = Duration::from_secs(60);

pub(super) async fn export(settings: SinkSettings, context: ExportContext, mut stop: watch::Receiver<bool>) {
    loop {
        let ended = deliver(&settings, &context, Until::Stopped(stop.clone())).await;
        match ended {
            Ok(_) => return,
            Err(ExportError::Busy { sink }) => {
                tracing::info!(sink, "another process delivers to this sink; it is looked at again in a minute");
            }
            Err(error) => tracing::warn!(sink = settings.name, %error, "delivery begins again in a minute"),
        }
        tokio::select! {
            () = tokio::time::sleep(BEGIN_AGAIN_AFTER) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
    }
}
