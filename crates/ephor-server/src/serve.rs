//! Listening: plain TCP or TLS, with limits on idle connections, until told to stop.
//! Promises that open requests are finished within a deadline, and that a public address is never served in the clear by mistake.
//! Never binds: the caller brings the listener and so knows the port.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Handle, Server};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::audit;
use crate::console;
use crate::error::ServerError;
use crate::state::{App, ServerOptions};
use crate::tls;

/// A connection that has not sent a request's head by then is closed: it only holds a place. Longer than the minute
/// after which collectors usually ask again, so that theirs stays open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// Serves until `shutdown` resolves, then finishes what is open within `ServerOptions::drain`.
///
/// The background tasks of [`spawn_background`] have to run beside it and to be stopped after it, so that the last
/// call is recorded too.
pub async fn serve(
    app: App,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let options = app.options().clone();
    let closing = app.clone();
    let shutdown = async move {
        shutdown.await;
        // Streams of the console would hold up the end until the deadline.
        closing.console().close();
    };
    serve_router(crate::router(app), &options, listener, shutdown).await
}

/// Starts what runs beside the requests: calls are written down, and Ephor's own activities are moved into the lake.
/// The tasks end when `stop` turns true, after a last round in which nothing is left behind.
pub fn spawn_background(app: &App, stop: watch::Receiver<bool>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let (done, last_note) = oneshot::channel();
    let (writer, writer_stop) = (app.clone(), stop.clone());
    tasks.spawn(async move {
        audit::write_down(writer, writer_stop).await;
        // Nobody waits for it only if the mover has ended already.
        let _ = done.send(());
    });
    tasks.spawn(console::keep_warm(app.clone(), stop.clone()));
    tasks.spawn(audit::move_outbox(app.clone(), stop, last_note));
    tasks
}

/// Serves any router with this server's ways of listening and stopping.
pub(crate) async fn serve_router(
    router: Router,
    options: &ServerOptions,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let address = listener.local_addr()?;
    if !options.allow(address) {
        return Err(ServerError::PlaintextPublic { address });
    }
    let handle = Handle::new();
    let mut beside = JoinSet::new();
    let (stopping, drain) = (handle.clone(), options.drain);
    beside.spawn(async move {
        shutdown.await;
        stopping.graceful_shutdown(Some(drain));
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let mut server = axum_server::from_tcp(listener.into_std()?)?.handle(handle).first_request_timeout(HEAD_TIMEOUT);
    limit(&mut server);
    match &options.tls {
        // Without a delay for small writes: the end of a page would wait for the client's acknowledgement of its middle.
        None => server.acceptor(NoDelayAcceptor::new()).serve(service).await?,
        Some(files) => {
            let config = tls::load(files)?;
            beside.spawn(tls::keep_fresh(files.clone(), config.clone(), tls::LOOK_EVERY));
            server.acceptor(RustlsAcceptor::new(config).acceptor(NoDelayAcceptor::new())).serve(service).await?;
        }
    }
    Ok(())
}

fn limit(server: &mut Server<SocketAddr>) {
    server.http_builder().http1().header_read_timeout(HEAD_TIMEOUT);
    server.http_builder().http2().keep_alive_interval(Some(HEAD_TIMEOUT)).max_concurrent_streams(128);
}
