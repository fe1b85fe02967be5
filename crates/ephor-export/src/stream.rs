//! Streams to receivers that do not speak HTTP: guarded addresses, a limit of time, verified TLS.
//! What is opened is open to this side; what a receiver thinks of this side's certificate its own protocol has to tell.
//! Never connects to an address that the guard has not let through.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::limits::CONNECT_TIMEOUT;
use crate::sink::Refusal;

/// Connects to the first of these addresses that answers.
pub(crate) async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Refusal> {
    let Some(first) = addresses.first() else {
        return Err(Refusal::Unreachable { why: "there is no address".to_owned() });
    };
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(addresses)).await {
        Ok(Ok(stream)) => {
            // A batch is one write; waiting for more to say would only hold up its last part.
            stream.set_nodelay(true).map_err(Refusal::unreachable)?;
            Ok(stream)
        }
        Ok(Err(error)) => Err(Refusal::Unreachable { why: format!("{first}: {error}") }),
        Err(_) => Err(Refusal::Unreachable { why: format!("{first} does not answer") }),
    }
}

/// Puts a stream under TLS with whoever has a certificate for this host.
pub(crate) async fn secure(stream: TcpStream, host: &str, tls: ClientConfig) -> Result<TlsStream<TcpStream>, Refusal> {
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare).map_err(Refusal::unreachable)?;
    match timeout(CONNECT_TIMEOUT, TlsConnector::from(Arc::new(tls)).connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Refusal::Unreachable { why: format!("TLS with {host}: {error}") }),
        Err(_) => Err(Refusal::Unreachable { why: format!("TLS with {host} took too long") }),
    }
}

/// A host and a port as settings name them.
pub(crate) fn host_and_port<'a>(setting: &str, address: &'a str) -> Result<(&'a str, u16), String> {
    let wrong = || format!("{setting} = \"{address}\" is not HOST:PORT, such as \"siem.example.com:6514\"");
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    if host.is_empty() { Err(wrong()) } else { Ok((host, port)) }
}
