//! What carries syslog frames: packets, a stream, or a stream under TLS.
//! A stream is closed with its end told to the receiver, so that nothing that was written is cut off.
//! Never takes what a receiver says for an answer: syslog has none. It is read for an end, an alert and TLS's own messages.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use rustls::{ClientConfig, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::Transport;
use crate::guard::Reach;
use crate::limits::{CONNECT_TIMEOUT, REQUEST_TIMEOUT, TLS_VERDICT};
use crate::sink::Refusal;
use crate::stream::{connect, secure};

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
                let mut stream = secure(connect(&addresses).await?, host, tls).await?;
                let let_in = is_let_in(&mut stream).await;
                let_in.map_err(|error| Refusal::Unauthorized { why: format!("TLS with {host}: {error}") })?;
                Ok(Self::Tls(Box::new(stream)))
            }
            (Transport::Tcp | Transport::Tls, _) => Ok(Self::Tcp(connect(&addresses).await?)),
        }
    }

    /// Whether the receiver has closed its side; what is written after that is lost.
    pub(super) fn is_broken(&mut self) -> bool {
        match self {
            Self::Udp(_) => false,
            Self::Tcp(stream) => has_ended(stream),
            // Through TLS, since a receiver's tickets and alerts are records of it: read past it, they would be lost to it.
            Self::Tls(stream) => has_ended(stream.as_mut()),
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

/// A receiver of syslog says nothing: what can be read is an end or an error.
fn has_ended(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    !matches!(peek(stream, &mut context), Poll::Pending | Poll::Ready(Ok(Read::Words)))
}

/// Waits for a sign of whether the receiver accepts this side's certificate. In TLS 1.3 it looks at it after this side is
/// through: an alert or an end means no, a ticket means yes, and silence is taken for a yes, since not every receiver
/// sends tickets.
async fn is_let_in(stream: &mut TlsStream<TcpStream>) -> std::io::Result<()> {
    if stream.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return Ok(());
    }
    let verdict = poll_fn(|context| match peek(&mut *stream, context) {
        Poll::Ready(Ok(Read::End)) => {
            let why = "the receiver closed the connection right after the handshake; does it accept this certificate?";
            Poll::Ready(Err(std::io::Error::other(why)))
        }
        Poll::Ready(Ok(Read::Words)) => Poll::Ready(Ok(())),
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Pending if stream.get_ref().1.tls13_tickets_received() > 0 => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    });
    timeout(TLS_VERDICT, verdict).await.unwrap_or(Ok(()))
}

/// What a stream had to say.
enum Read {
    End,
    Words,
}

fn peek(stream: &mut (impl AsyncRead + Unpin), context: &mut Context<'_>) -> Poll<std::io::Result<Read>> {
    let mut room = [0; 64];
    let mut read = ReadBuf::new(&mut room);
    let polled = Pin::new(stream).poll_read(context, &mut read);
    polled.map_ok(|()| if read.filled().is_empty() { Read::End } else { Read::Words })
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
