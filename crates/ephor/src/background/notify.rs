//! Notifications of findings: one task each, so that none waits for another.
//! Promises that one that fails is begun again, from its place, after a pause.
//! Never holds up detection: it follows what was put down and nothing else.

use std::time::Duration;

use ephor_export::{NotifyContext, NotifySettings, Until, notify};
use tokio::sync::watch;

/// The pause after one that ended: a secret is missing, or the control database failed.
const BEGIN_AGAIN_AFTER: Duration = Duration::from_secs(60);

pub(super) async fn tell(settings: NotifySettings, context: NotifyContext, mut stop: watch::Receiver<bool>) {
    loop {
        match notify(&settings, &context, Until::Stopped(stop.clone())).await {
            Ok(_) => return,
            Err(error) => tracing::warn!(notification = settings.name, %error, "it begins again in a minute"),
        }
        tokio::select! {
            () = tokio::time::sleep(BEGIN_AGAIN_AFTER) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
    }
}
