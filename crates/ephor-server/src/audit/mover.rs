//! From the outbox into the lake: activities of Ephor's own making take the same way as all others, a second later.
//! Promises that a row leaves the outbox only when it is on the disk in the lake; moving twice stores once.
//! Never holds back a row because of another.

use std::time::Duration;

use ephor_lake::control::{OWN_SOURCE, OutboxItem};
use ephor_lake::{ActivityRows, AppendBatch, RowOutcome};
use ephor_wire::header::Header;
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::problem::shortened;
use crate::state::App;

/// How often the outbox is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Rows moved in one commit.
const BATCH_ROWS: usize = 2000;

/// Moves what waits, each second until told to stop, and a last time when nothing more can come (`last_note`).
pub(crate) async fn move_outbox(app: App, mut stop: watch::Receiver<bool>, last_note: oneshot::Receiver<()>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => empty(&app).await,
            () = super::told_to_stop(&mut stop) => break,
        }
    }
    // An error is the writer of notes having ended another way; there is nothing more to come then either.
    let _ = last_note.await;
    empty(&app).await;
}

/// Moves everything that waits now; what fails stays for the next time.
async fn empty(app: &App) {
    loop {
        match move_some(app).await {
            Ok(moved) if moved == BATCH_ROWS => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "activities of Ephor's own wait in the outbox");
                return;
            }
        }
    }
}

async fn move_some(app: &App) -> Result<usize, ephor_lake::LakeError> {
    let waiting = app.control().outbox().pending(BATCH_ROWS).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let rows = rows_of(&waiting);
    if !rows.is_empty() {
        let batch = AppendBatch {
            source: OWN_SOURCE.to_owned(),
            received_at_micros: app.now(),
            rows: vec![rows],
            cursor: None,
        };
        let outcome = app.appender().append(batch).await?;
        if outcome.rows.contains(&RowOutcome::Conflict) {
            tracing::error!(
                conflicts = outcome.conflicts,
                "an activity of Ephor's own has the id of another one; both are kept"
            );
        }
    }
    let ids: Vec<String> = waiting.iter().map(|item| item.id.clone()).collect();
    app.control().outbox().delete(&ids).await?;
    Ok(waiting.len())
}

fn rows_of(waiting: &[OutboxItem]) -> ActivityRows {
    let bytes = waiting.iter().map(|item| item.raw.len()).sum();
    let mut rows = ActivityRows::with_capacity(waiting.len(), bytes);
    for item in waiting {
        match Header::parse(item.raw.as_bytes()) {
            Ok(header) => rows.push(item.raw.as_bytes(), &header),
            // Only a fault of ours or a damaged database makes one; keeping it would stop all others.
            Err(error) => {
                tracing::error!(id = shortened(&item.id), %error, "an activity in the outbox cannot be read and is dropped");
            }
        }
    }
    rows
}
