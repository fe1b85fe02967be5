//! HTTP: the Compliance and Analytics APIs as published, Ephor's own paths, the console, access, budgets, the record of reads, metrics.
//! Promises the wire of the original to every client, one shape for every error, and a record of every read.
//! Never serves content: the paths that would carry it are here, and refuse.

mod analytics;
mod audit;
mod auth;
mod body;
mod compliance;
mod console;
mod error;
mod front;
mod observe;
mod otlp;
#[cfg(any(test, fuzzing))]
pub mod outside_bytes;
mod own;
mod problem;
mod query;
mod rate_limit;
mod route;
mod serve;
mod state;
#[cfg(test)]
mod stories;
mod tls;
mod upstream;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;

pub use analytics::{AnalyticsLimits, AnalyticsProfile};
pub use console::{ConsoleOptions, EmailTrust, NodeFacts, OidcOptions, ScheduleFact, UpstreamFact};
pub use error::ServerError;
pub use serve::{serve, spawn_background};
pub use state::{App, AppParts, ServerOptions, TlsFiles};
pub use upstream::serve_upstream;

/// Everything that a node serves, as one router; [`serve`] does the rest.
pub fn router(app: App) -> Router {
    mount(app.clone())
        .router
        .merge(console::router(app.clone()))
        .fallback(front::nothing_here)
        // From here on outwards: the last layer is the first to see a request.
        .layer(RequestDecompressionLayer::new())
        .layer(CompressionLayer::new().quality(tower_http::CompressionLevel::Fastest))
        .layer(CatchPanicLayer::custom(route::panicked))
        .layer(from_fn_with_state(app.clone(), front::desk))
        .with_state(app)
}

/// Every path with its guard.
fn mount(app: App) -> route::Routes {
    observe::mount(otlp::mount(own::mount(analytics::mount(compliance::mount(route::Routes::new(app))))))
}
