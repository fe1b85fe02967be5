//! A running node: the lake open for writing, the control database, the server, collectors and upkeep, until a signal.
//! Stops in order: no new requests, what is under way finished, what was accepted stored, the lake closed.
//! Never starts a part that it could not stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ephor_analytics::Analytics;
use ephor_lake::control::Control;
use ephor_lake::{Appender, Lake};
use ephor_server::{App, AppParts, ServerError, ServerOptions, TlsFiles};
use ephor_sources::Door;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::background::{self, Parts};
use crate::commands::timeline::signing_key;
use crate::config::{Config, Server};
use crate::failure::Failure;

/// The parts that every serving command needs, opened together.
pub(crate) struct Node {
    pub(crate) lake: Lake,
    pub(crate) appender: Appender,
    pub(crate) control: Control,
    pub(crate) door: Arc<Door>,
    pub(crate) data_dir: PathBuf,
}

impl Node {
    pub(crate) async fn open(dir: &Path, config: &Config) -> Result<Self, Failure> {
        let (lake, appender) = Lake::open_writer(dir, config.lake_options()?).await?;
        let control = Control::open(dir).await?;
        Ok(Self { lake, appender, control, door: Arc::new(Door::new()), data_dir: dir.to_owned() })
    }
}

/// Resolves on Ctrl-C or SIGTERM.
pub(crate) async fn stop_signal() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be listened for; Ctrl-C still works");
            let _ = tokio::signal::ctrl_c().await;
            return;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Microseconds since 1970, now.
pub(crate) fn now_micros() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// A node that serves: everything that runs beside the requests, and how to end it.
pub(crate) struct Serving {
    pub(crate) address: String,
    app: App,
    node: NodeRest,
    server: JoinHandle<Result<(), ServerError>>,
    background: JoinSet<()>,
    upkeep: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    end_server: oneshot::Sender<()>,
}

/// What is left to close at the end.
struct NodeRest {
    appender: Appender,
    control: Control,
}

impl Serving {
    /// Binds, starts and waits until requests are answered.
    pub(crate) async fn start(node: Node, server: &Server, config: &Config) -> Result<Self, Failure> {
        let mut options = ServerOptions {
            rate_limit_per_minute: server.rate_limit_per_minute,
            analytics: config.analytics.limits()?,
            usage_limit_per_minute: server.usage_limit_per_minute,
            reports: config.reports.options()?,
            reports_floor_people: config.reports.floor_people,
            max_body_bytes: server.max_body_bytes,
            allow_plaintext_public: server.allow_plaintext_public,
            tls: match (&server.tls_certificate, &server.tls_key) {
                (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.clone(), key: key.clone() }),
                _ => None,
            },
            frameworks: Some(Arc::new(config.evidence.load()?)),
            rules: config.detect.sources(),
            detect: config.detect.options(),
            proof_key: Some(signing_key(config, &node.data_dir)?),
            ..ServerOptions::default()
        };
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let listener = tokio::net::TcpListener::bind(server.listen).await.map_err(|error| {
            Failure::new(format!("cannot listen on {}: {error}", server.listen))
                .hint("another --listen address, or port 0 for a free one")
        })?;
        let bound = listener.local_addr()?;
        if !options.allow(bound) {
            // Said here, before anybody is told that the node serves.
            return Err(ServerError::PlaintextPublic { address: bound }.into());
        }
        options.console = config.console.options(config, bound, scheme)?;
        let address = format!("{scheme}://{bound}");
        let Node { lake, appender, control, door, data_dir } = node;
        let rest = NodeRest { appender: appender.clone(), control: control.clone() };
        let (stop, stopping) = watch::channel(false);
        let analytics = Analytics::open(&lake, config.analytics.options()).await?;
        let parts = Parts {
            lake: lake.clone(),
            appender: appender.clone(),
            analytics: analytics.clone(),
            control: control.clone(),
        };
        let upkeep = background::start(&parts, config, &data_dir, &stopping)?;
        let app = App::new(AppParts { lake, appender, analytics, control, door, clock: now_micros, options });
        let background = ephor_server::spawn_background(&app, stopping);
        let (end_server, ended) = oneshot::channel::<()>();
        // The listener is bound: a client that connects now waits in the queue and is answered.
        let server = tokio::spawn(ephor_server::serve(app.clone(), listener, async {
            let _ = ended.await;
        }));
        Ok(Self { address, app, node: rest, server, background, upkeep, stop, end_server })
    }

    /// Turns true when the node stops.
    pub(crate) fn stop_receiver(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Serves until a signal comes (or the server fails), then stops everything in order.
    pub(crate) async fn until_stopped(self, collectors: Vec<JoinHandle<()>>) -> Result<(), Failure> {
        let Self { app, node, mut server, mut background, upkeep, stop, end_server, .. } = self;
        let served = tokio::select! {
            () = stop_signal() => {
                let _ = end_server.send(());
                (&mut server).await
            }
            ended = &mut server => ended,
        };
        // Requests are done: now what they left behind is stored, and nothing new comes in.
        let _ = stop.send(true);
        for task in collectors.into_iter().chain(upkeep) {
            let _ = task.await;
        }
        while background.join_next().await.is_some() {}
        drop(app);
        node.appender.close().await?;
        node.control.close().await;
        match served {
            Ok(result) => Ok(result?),
            Err(stopped) => Err(Failure::new(format!("the server stopped: {stopped}"))),
        }
    }
}
