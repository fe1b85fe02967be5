//! Syslog, RFC 5424 over UDP, TCP and TLS: frames by octet counting (RFC 6587, RFC 5425) or by line ends.
//! Promises frames whose length is that of the bytes sent, and an id in every message. Syslog has no acknowledgement: what
//! the network took counts as delivered, and after a broken connection the last messages are sent again.
//! Never a message longer than the limit: it is cut before it is counted.

mod message;
mod wire;

use std::collections::VecDeque;

use async_trait::async_trait;
use serde::Deserialize;

use super::{Broken, Refusal, Sink, Verdict, all_delivered};
use crate::guard::Reach;
use crate::record::Record;
use crate::stream::host_and_port;
use crate::tls::TlsSettings;
use message::Messages;
use wire::Wire;

/// `syslog = { address = "HOST:PORT", … }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogSettings {
    /// Host and port.
    pub address: String,
    /// What carries it.
    #[serde(default)]
    pub transport: Transport,
    /// How messages are told apart on TCP; TLS always counts.
    #[serde(default)]
    pub framing: Framing,
    /// 0 to 11 or 16 to 23. Default: 10, security and authorization.
    #[serde(default = "security")]
    pub facility: u8,
    /// HOSTNAME. Default: this machine's.
    #[serde(default)]
    pub hostname: Option<String>,
    /// APP-NAME.
    #[serde(default = "ephor")]
    pub app_name: String,
    /// Whether messages in UTF-8 begin with a byte order mark, as the standard says and few receivers like.
    #[serde(default)]
    pub bom: bool,
    /// The longest message in bytes. Default: 8,192, and 1,400 on UDP, which fits one packet.
    #[serde(default)]
    pub max_bytes: Option<usize>,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// What carries syslog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// One message a packet; packets get lost.
    Udp,
    /// A stream.
    #[default]
    Tcp,
    /// A stream that nobody else reads.
    Tls,
}

/// How messages are told apart on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// The length in bytes before each message.
    #[default]
    OctetCounting,
    /// A line end behind each message.
    Newline,
}

fn security() -> u8 {
    10
}

fn ephor() -> String {
    "ephor".to_owned()
}

/// Messages that are sent again over a new connection: what the old one may have held when it broke.
const RESENT_MESSAGES: usize = 256;

/// What receivers should take by RFC 5425.
const STREAM_BYTES: usize = 8_192;

/// What fits one Ethernet packet beside its headers.
const PACKET_BYTES: usize = 1_400;

pub(crate) struct SyslogSink {
    settings: SyslogSettings,
    reach: Reach,
    messages: Messages,
    tls: Option<rustls::ClientConfig>,
    wire: Option<Wire>,
    /// Frames that were written last.
    recent: VecDeque<Vec<u8>>,
}

impl SyslogSink {
    pub(crate) fn new(settings: SyslogSettings, reach: Reach) -> Result<Self, String> {
        let (host, _) = host_and_port("syslog.address", &settings.address)?;
        reach.check_host(host)?;
        let tls = match settings.transport {
            Transport::Tls => Some(settings.tls.client()?),
            Transport::Udp | Transport::Tcp => None,
        };
        let limit = match (settings.max_bytes, settings.transport) {
            (Some(limit), _) if limit < 480 => {
                return Err(format!("syslog.max_bytes = {limit} is less than the 480 that every receiver takes"));
            }
            (Some(limit), _) => limit,
            (None, Transport::Udp) => PACKET_BYTES,
            (None, _) => STREAM_BYTES,
        };
        let messages = Messages::new(&settings, limit)?;
        Ok(Self { settings, reach, messages, tls, wire: None, recent: VecDeque::new() })
    }

    fn frame(&self, record: &Record) -> Vec<u8> {
        let message = self.messages.message(record);
        match (self.settings.transport, self.settings.framing) {
            (Transport::Udp, _) => message,
            (Transport::Tcp, Framing::Newline) => [message.as_slice(), b"\n"].concat(),
            (Transport::Tcp, Framing::OctetCounting) | (Transport::Tls, _) => {
                [format!("{} ", message.len()).as_bytes(), &message].concat()
            }
        }
    }

    async fn write(&mut self, frames: &[Vec<u8>]) -> Result<(), Refusal> {
        if let Some(wire) = &mut self.wire
            && wire.is_broken()
        {
            self.wire = None;
        }
        let is_new = self.wire.is_none();
        let wire = match &mut self.wire {
            Some(wire) => wire,
            none => {
                let (host, port) = host_and_port("syslog.address", &self.settings.address)
                    .map_err(|why| Refusal::Unreachable { why })?;
                let tls = self.tls.clone();
                none.insert(Wire::open(self.settings.transport, host, port, self.reach, tls).await?)
            }
        };
        if is_new {
            let again: Vec<Vec<u8>> = self.recent.iter().cloned().collect();
            wire.write(&again).await?;
        }
        wire.write(frames).await
    }
}

#[async_trait]
impl Sink for SyslogSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let frames: Vec<Vec<u8>> = batch.iter().map(|record| self.frame(record)).collect();
        if let Err(refusal) = self.write(&frames).await {
            self.wire = None;
            return Err(refusal.into());
        }
        if self.settings.transport != Transport::Udp {
            let first = frames.len().saturating_sub(RESENT_MESSAGES);
            self.recent.extend(frames.into_iter().skip(first));
            let too_many = self.recent.len().saturating_sub(RESENT_MESSAGES);
            self.recent.drain(..too_many);
        }
        Ok(all_delivered(batch))
    }

    async fn close(&mut self) -> Result<(), Refusal> {
        match self.wire.take() {
            Some(wire) => wire.close().await,
            None => Ok(()),
        }
    }
}
