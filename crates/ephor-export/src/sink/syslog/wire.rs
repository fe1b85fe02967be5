//! What carries syslog frames: packets, a stream, or a stream under TLS.
//! A stream is closed with its end told to the receiver, so that nothing that was written is cut off.
//! Never reads what a receiver says: syslog has no answers.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Transport;
use crate::guard::Reach;
use crate::limits::{CONNECT_TIMEOUT, REQUEST_TIMEOUT};
use crate::sink::Refusal;

pub(super) enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(super) async fn open(
        transport: Transport,
        host: &str,
        port: u16,
        reach: Reach,
        tls: Option<ClientConfig>,
    ) -> Result<Self, Refusal> {
        let addresses = reach.resolve(host, port).await?;
        match (transport, tls) {
            (Transport::Udp, _) => {
                let any: SocketAddr = match addresses[0] {
                    SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
                    SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
                };
                let socket = UdpSocket::bind(any).await.map_err(Refusal::unreachable)?;
                socket.connect(addresses[0]).await.map_err(Refusal::unreachable)?;
                Ok(Self::Udp(socket))
            }
            (Transport::Tls, Some(tls)) => {
                let stream = connect(&addresses).await?;
                let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let name = ServerName::try_from(bare).map_err(Refusal::unreachable)?;
                let connecting = TlsConnector::from(Arc::new(tls)).connect(name, stream);
                match timeout(CONNECT_TIMEOUT, connecting).await {
                    Ok(Ok(stream)) => Ok(Self::Tls(Box::new(stream))),
                    Ok(Err(error)) => Err(Refusal::Unreachable { why: format!("TLS with {host}: {error}") }),
                    Err(_) => Err(Refusal::Unreachable { why: format!("TLS with {host} took too long") }),
                }
            }
            (Transport::Tcp | Transport::Tls, _) => Ok(Self::Tcp(connect(&addresses).await?)),
        }
    }

    /// Whether the receiver has closed its side; what is written after that is lost.
    pub(super) fn is_broken(&mut self) -> bool {
        let stream = match self {
            Self::Udp(_) => return false,
            Self::Tcp(stream) => &*stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        // A receiver of syslog says nothing: what can be read is an end or an error.
        match stream.try_read(&mut [0; 1]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }

    pub(super) async fn write(&mut self, frames: &[Vec<u8>]) -> Result<(), Refusal> {
        let writing = async {
            match self {
                Self::Udp(socket) => {
                    for frame in frames {
                        socket.send(frame).await?;
                    }
                    Ok(())
                }
                Self::Tcp(stream) => stream.write_all(&frames.concat()).await,
                Self::Tls(stream) => {
                    stream.write_all(&frames.concat()).await?;
                    stream.flush().await
                }
            }
        };
        match timeout(REQUEST_TIMEOUT, writing).await {
            Ok(written) => written.map_err(Refusal::unreachable),
            Err(_) => Err(Refusal::Unreachable { why: "the receiver takes nothing any more".to_owned() }),
        }
    }

    /// Says that no more comes and waits for the receiver to have read it all.
    pub(super) async fn close(self) -> Result<(), Refusal> {
        let closing = async {
            match self {
                Self::Udp(_) => Ok(()),
                Self::Tcp(mut stream) => {
                    stream.shutdown().await?;
                    end_of(&mut stream).await
                }
                Self::Tls(mut stream) => {
                    stream.shutdown().await?;
                    end_of(&mut stream).await
                }
            }
        };
        match timeout(CONNECT_TIMEOUT, closing).await {
            Ok(closed) => closed.map_err(Refusal::unreachable),
            Err(_) => Err(Refusal::Unreachable { why: "the receiver did not close its side".to_owned() }),
        }
    }
}

async fn end_of(stream: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<()> {
    let mut rest = [0; 64];
    loop {
        match stream.read(&mut rest).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // A receiver that goes without a farewell has gone all the same.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Refusal> {
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(addresses)).await {
        Ok(Ok(stream)) => {
            // A batch is one write; waiting for more to say would only hold up its last part.
            stream.set_nodelay(true).map_err(Refusal::unreachable)?;
            Ok(stream)
        }
        Ok(Err(error)) => Err(Refusal::Unreachable { why: format!("{}: {error}", addresses[0]) }),
        Err(_) => Err(Refusal::Unreachable { why: format!("{} does not answer", addresses[0]) }),
    }
}
