//! What can go wrong with listening and serving, told to the person who starts the server.
//! Every text says what, where and the way out.
//! Never about one request: those are answered, not failed.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the server could not be started or went down.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address that others can reach, without TLS.
    #[error(
        "{address} can be reached from outside and there is no TLS: set `tls_certificate` and `tls_key`, listen on 127.0.0.1, or (behind a proxy that speaks TLS) allow it with --allow-plaintext-public"
    )]
    PlaintextPublic {
        /// The address.
        address: SocketAddr,
    },
    /// A certificate or key that cannot be used.
    #[error("cannot serve TLS with {path}: {what}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The listener failed.
    #[error("cannot serve: {0}")]
    Listen(#[from] std::io::Error),
}
