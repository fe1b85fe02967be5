//! A running node: the lake open for writing, the control database, the server, collectors and upkeep, until a signal.
//! Stops in order: no new requests, what is under way finished, what was accepted stored, the lake closed.
//! Never starts a part that it could not stop.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ephor_analytics::Analytics;
use ephor_lake::control::Control;
use ephor_lake::{Appender, CompactOptions, CompactReach, Lake, LakeOptions, Retention};
use ephor_server::{AnalyticsLimits, App, AppParts, ServerError, ServerOptions, TlsFiles};
use ephor_sources::Door;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::analytics_config::AnalyticsConfig;
use crate::config::Server;
use crate::failure::Failure;

/// How often a running node looks for files to merge and days to let go.
const UPKEEP_EVERY: Duration = Duration::from_secs(60);

/// How often a running node looks for usage in new activities. A day closes hours after its end: there is no hurry.
const FOLLOW_EVERY: Duration = Duration::from_secs(20);

/// The parts that every serving command needs, opened together.
pub(crate) struct Node {
    pub(crate) lake: Lake,
    pub(crate) appender: Appender,
    pub(crate) control: Control,
    pub(crate) door: Arc<Door>,
}

impl Node {
    pub(crate) async fn open(dir: &Path) -> Result<Self, Failure> {
        let (lake, appender) = Lake::open_writer(dir, LakeOptions::default()).await?;
        let control = Control::open(dir).await?;
        Ok(Self { lake, appender, control, door: Arc::new(Door::new()) })
    }
}

/// Compacts what has become slow to read and applies retention, until told to stop.
pub(crate) async fn upkeep(appender: Appender, retention: Option<Retention>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        let options = CompactOptions { reach: CompactReach::Crowded, retention: retention.clone() };
        match appender.compact(options).await {
            Ok(report) if report.files_merged > 0 || report.days_expired > 0 => {
                tracing::info!(
                    merged = report.files_merged,
                    written = report.files_written,
                    expired_days = report.days_expired,
                    "upkeep"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "upkeep was put off to the next time"),
        }
    }
}

/// Builds the days that have closed, and those of which late facts came, until told to stop.
async fn close_days(analytics: Analytics, limits: AnalyticsLimits, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        // A day that is half built when the node stops is built again: nothing of it is in the table before its commit.
        let built = tokio::select! {
            built = analytics.catch_up(limits.closed_day(now_micros())) => built,
            _ = stop.changed() => return,
        };
        match built {
            Ok(built) if built.days > 0 => tracing::info!(days = built.days, rows = built.rows, "analytics built"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "analytics are built at the next try"),
        }
    }
}

/// Takes over the usage that new activities tell of, until told to stop.
async fn follow_usage(lake: Lake, appender: Appender, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(FOLLOW_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        if let Err(error) = ephor_sources::follow_activities(&lake, &appender, now_micros()).await {
            tracing::warn!(%error, "the usage in new activities is taken over at the next try");
        }
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
    upkeep: [JoinHandle<()>; 3],
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
    pub(crate) async fn start(
        node: Node,
        server: &Server,
        analytics: &AnalyticsConfig,
        retention: Option<Retention>,
    ) -> Result<Self, Failure> {
        let options = ServerOptions {
            rate_limit_per_minute: server.rate_limit_per_minute,
            analytics: analytics.limits()?,
            usage_limit_per_minute: server.usage_limit_per_minute,
            max_body_bytes: server.max_body_bytes,
            allow_plaintext_public: server.allow_plaintext_public,
            tls: match (&server.tls_certificate, &server.tls_key) {
                (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.clone(), key: key.clone() }),
                _ => None,
            },
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
        let address = format!("{scheme}://{bound}");
        let Node { lake, appender, control, door } = node;
        let rest = NodeRest { appender: appender.clone(), control: control.clone() };
        let (stop, stopping) = watch::channel(false);
        let upkeep = tokio::spawn(upkeep(appender.clone(), retention, stopping.clone()));
        let following = tokio::spawn(follow_usage(lake.clone(), appender.clone(), stopping.clone()));
        let limits = options.analytics.clone();
        let analytics = Analytics::open(&lake, analytics.options()).await?;
        let closing = tokio::spawn(close_days(analytics.clone(), limits, stopping.clone()));
        let app = App::new(AppParts { lake, appender, analytics, control, door, clock: now_micros, options });
        let background = ephor_server::spawn_background(&app, stopping);
        let (end_server, ended) = oneshot::channel::<()>();
        // The listener is bound: a client that connects now waits in the queue and is answered.
        let server = tokio::spawn(ephor_server::serve(app.clone(), listener, async {
            let _ = ended.await;
        }));
        Ok(Self {
            address,
            app,
            node: rest,
            server,
            background,
            upkeep: [upkeep, closing, following],
            stop,
            end_server,
        })
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
