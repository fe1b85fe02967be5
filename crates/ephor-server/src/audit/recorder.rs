//! The short way from a request to the disk: a queue, and one task that writes what waits in one transaction.
//! Promises that nothing accepted is dropped: when the disk cannot take it, requests wait here and are not answered.
//! Never makes a request wait for the disk while the queue has room.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ephor_lake::control::{KeyRecord, OutboxItem};
use tokio::sync::{mpsc, watch};

use crate::state::App;

/// Notes that can wait for the disk: a few seconds of the busiest node, and a few megabytes.
const QUEUE: usize = 4096;

/// Notes written in one transaction.
const BATCH: usize = 1024;

/// How long the first note of a transaction waits for others: a commit costs the disk more than that.
const GATHER: Duration = Duration::from_millis(5);

/// Pause before the disk is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The control database writes the time of last use once a minute; asking it more often is for nothing.
const LAST_USED_STEP_MICROS: i64 = 60_000_000;

#[derive(Debug)]
pub(crate) enum Note {
    Accessed(OutboxItem),
    Used(Box<KeyRecord>, i64),
    /// A session of the console was used.
    Seen(String, i64),
}

/// Where requests leave their notes.
#[derive(Debug)]
pub(crate) struct Recorder {
    notes: mpsc::Sender<Note>,
    /// Until the background task takes it.
    inbox: Mutex<Option<mpsc::Receiver<Note>>>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let (notes, inbox) = mpsc::channel(QUEUE);
        Self { notes, inbox: Mutex::new(Some(inbox)) }
    }

    /// Records a call.
    pub(crate) async fn accessed(&self, item: OutboxItem) {
        self.leave(Note::Accessed(item)).await;
    }

    /// Records that a key was used, if its time of last use has gone stale.
    pub(crate) async fn used(&self, key: &KeyRecord, now_micros: i64) {
        if key.last_used_at_micros.is_none_or(|at| at <= now_micros.saturating_sub(LAST_USED_STEP_MICROS)) {
            self.leave(Note::Used(Box::new(key.clone()), now_micros)).await;
        }
    }

    /// Records that a session of the console is in use.
    pub(crate) async fn seen(&self, session_id: &str, now_micros: i64) {
        self.leave(Note::Seen(session_id.to_owned(), now_micros)).await;
    }

    async fn leave(&self, note: Note) {
        if self.notes.send(note).await.is_err() {
            // The server drains its requests before it stops its tasks, so this is a fault in the order of stopping.
            tracing::error!("a note of the audit came after the recorder had stopped and is lost");
        }
    }

    fn take_inbox(&self) -> Option<mpsc::Receiver<Note>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Writes notes to the control database until told to stop, and then those that are left.
pub(crate) async fn write_down(app: App, mut stop: watch::Receiver<bool>) {
    let Some(mut inbox) = app.recorder().take_inbox() else {
        tracing::error!("the audit's recorder runs already");
        return;
    };
    let orders = stop.clone();
    let mut notes = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            taken = inbox.recv_many(&mut notes, BATCH) => match taken {
                0 => return,
                _ => {
                    tokio::time::sleep(GATHER).await;
                    while notes.len() < BATCH && let Ok(note) = inbox.try_recv() {
                        notes.push(note);
                    }
                    write_all(&app, &mut notes, &orders).await;
                }
            },
            () = super::told_to_stop(&mut stop) => break,
        }
    }
    inbox.close();
    while inbox.recv_many(&mut notes, BATCH).await > 0 {
        write_all(&app, &mut notes, &orders).await;
    }
}

/// Tries until it is written; while the server is stopping, only once.
async fn write_all(app: &App, notes: &mut Vec<Note>, stop: &watch::Receiver<bool>) {
    let (mut items, mut used, mut seen) = (Vec::with_capacity(notes.len()), Vec::new(), Vec::new());
    for note in notes.drain(..) {
        match note {
            Note::Accessed(item) => items.push(item),
            Note::Used(key, at_micros) => used.push((key, at_micros)),
            Note::Seen(session, at_micros) => seen.push((session, at_micros)),
        }
    }
    while let Err(error) = app.control().outbox().put_many(&items, app.now()).await {
        if *stop.borrow() {
            tracing::error!(%error, lost = items.len(), "calls could not be recorded before the stop");
            return;
        }
        tracing::error!(%error, waiting = items.len(), "calls cannot be recorded; trying again");
        tokio::time::sleep(RETRY).await;
    }
    for (key, at_micros) in used {
        // For people only: a time of last use that is missed is written with the next call.
        if let Err(error) = app.control().keys().touch_last_used(&key, at_micros).await {
            tracing::warn!(%error, key = key.id, "the time of last use was not noted");
        }
    }
    for (session, at_micros) in seen {
        // As above: the next request of the session writes it.
        if let Err(error) = app.control().console().sessions().touch(&session, at_micros).await {
            tracing::warn!(%error, "the use of a session was not noted");
        }
    }
}
