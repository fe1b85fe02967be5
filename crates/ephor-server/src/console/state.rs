//! What the console keeps while the node runs: its seal, wrong tries, open challenges, what is known of the provider.
//! Promises that all of it can be lost: whoever was in the middle of something begins again.
//! Never holds a session: those are in the control database.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{OnceCell, watch};

use super::entities::Registered;
use super::evidence::Builds;
use super::kept::Kept;
use super::rules::Tries;
use super::seal::Seal;
use super::sign_in::{Attempts, Ceremonies, Provider};
use crate::problem::Problem;
use crate::state::{App, rng};

/// What the secret behind the console's seal is called in the control database.
const SECRET: &str = "console_seal";

/// The console's state.
#[derive(Debug)]
pub(crate) struct ConsoleState {
    seal: OnceCell<Seal>,
    attempts: Attempts,
    ceremonies: Ceremonies,
    provider: Provider,
    builds: Builds,
    registered: Registered,
    kept: Kept,
    tries: Tries,
    http: Mutex<Option<reqwest::Client>>,
    closing: watch::Sender<bool>,
}

impl ConsoleState {
    pub(crate) fn new() -> Self {
        Self {
            seal: OnceCell::new(),
            attempts: Attempts::default(),
            ceremonies: Ceremonies::new(),
            provider: Provider::default(),
            builds: Builds::default(),
            registered: Registered::default(),
            kept: Kept::default(),
            tries: Tries::default(),
            http: Mutex::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// What marks texts of this node's own; its secret is made by the first who needs it.
    pub(crate) async fn seal(&self, app: &App) -> Result<Seal, Problem> {
        let make = || async {
            let secret = app.control().node_secrets().ensure(SECRET, app.now(), &mut rng()).await?;
            Seal::new(secret.expose()).ok_or_else(|| Problem::internal(&"a key of no length"))
        };
        self.seal.get_or_try_init(make).await.cloned()
    }

    pub(crate) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    pub(crate) fn ceremonies(&self) -> &Ceremonies {
        &self.ceremonies
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Evidence packages under way.
    pub(crate) fn builds(&self) -> &Builds {
        &self.builds
    }

    /// What activities told of keys, connectors, skills, projects and workspaces so far.
    pub(crate) fn registered(&self) -> &Registered {
        &self.registered
    }

    /// Answers that nothing has changed since.
    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Rules that are being tried on history.
    pub(crate) fn tries(&self) -> &Tries {
        &self.tries
    }

    /// The client for the identity provider, made by the first who needs it.
    pub(crate) fn http<E>(&self, make: impl FnOnce() -> Result<reqwest::Client, E>) -> Result<reqwest::Client, E> {
        let mut http = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*http {
            return Ok(client.clone());
        }
        let client = make()?;
        *http = Some(client.clone());
        Ok(client)
    }

    /// Turns true when the server is told to stop: streams that would go on for ever end then.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }
}
