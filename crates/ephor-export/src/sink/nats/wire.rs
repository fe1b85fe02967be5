//! The part of NATS's protocol that publishing needs: greeting, login, messages with headers, answers in an inbox.
//! Promises an answer for every message, in order, or why the connection is of no more use.
//! Never connects by itself to another server that a cluster tells of: the guard let one address through.

use std::net::SocketAddr;

use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use uuid::Uuid;

use crate::json;
use crate::limits::REQUEST_TIMEOUT;
use crate::sink::{Refusal, Verdict, short};
use crate::stream::{connect, secure};

/// The longest line or answer that is read; a server's greeting is some kilobytes.
const LINE_BYTES: u64 = 1 << 20;

/// What the headers of a message take beside its id, at the most.
const HEADER_BYTES: usize = 512;

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// Who logs in.
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) token: Option<SecretString>,
    pub(super) require_tls: bool,
}

/// A message to be kept.
pub(super) struct Message<'m> {
    pub(super) subject: &'m str,
    pub(super) id: &'m str,
    pub(super) stream: Option<&'m str>,
    pub(super) payload: &'m [u8],
}

/// What a server says of itself first.
#[derive(Debug, Default, Deserialize)]
struct Greeting {
    #[serde(default)]
    tls_required: bool,
    #[serde(default)]
    tls_available: bool,
    #[serde(default)]
    headers: bool,
    #[serde(default)]
    max_payload: Option<usize>,
}

/// A connection that is logged in.
pub(super) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    inbox: String,
    most_bytes: usize,
    /// Messages that were published on this connection.
    published: u64,
}

/// What came from the server.
enum Said {
    Pong,
    Error(String),
    /// To which message of this connection, the status in its headers, and its text.
    Answer {
        number: u64,
        status: Option<String>,
        payload: Vec<u8>,
    },
    Nothing,
}

impl Wire {
    pub(super) async fn open(
        addresses: &[SocketAddr],
        host: &str,
        tls: ClientConfig,
        login: &Login,
    ) -> Result<Self, Refusal> {
        let opening = async {
            let mut plain = BufReader::new(connect(addresses).await?);
            let greeting = greeting(&mut plain).await?;
            if !greeting.headers {
                return Err(Refusal::Refused { why: "the server knows no headers, which JetStream needs".to_owned() });
            }
            let under_tls = greeting.tls_required || login.require_tls;
            if under_tls && !(greeting.tls_required || greeting.tls_available) {
                return Err(Refusal::Unauthorized { why: format!("{host} offers no TLS") });
            }
            let stream: Box<dyn Stream> = match under_tls {
                true => Box::new(secure(plain.into_inner(), host, tls).await?),
                false => Box::new(plain.into_inner()),
            };
            let inbox = format!("_INBOX.{}", Uuid::new_v4().simple());
            let most_bytes = greeting.max_payload.unwrap_or(1 << 20);
            let mut wire = Self { stream: BufReader::new(stream), inbox, most_bytes, published: 0 };
            wire.log_in(login, under_tls).await?;
            Ok(wire)
        };
        within(opening).await
    }

    async fn log_in(&mut self, login: &Login, under_tls: bool) -> Result<(), Refusal> {
        let mut hello = b"CONNECT ".to_vec();
        json::object(&mut hello, |connect| {
            connect.flag("verbose", false);
            connect.flag("pedantic", false);
            connect.flag("tls_required", under_tls);
            connect.flag("headers", true);
            connect.flag("no_responders", true);
            connect.number("protocol", 1);
            connect.text("lang", "rust");
            connect.text("name", "ephor");
            connect.text("version", env!("CARGO_PKG_VERSION"));
            connect.text("user", login.user.as_deref());
            connect.text("pass", login.password.as_ref().map(ExposeSecret::expose_secret));
            connect.text("auth_token", login.token.as_ref().map(ExposeSecret::expose_secret));
        });
        hello.extend_from_slice(format!("\r\nSUB {}.* 1\r\nPING\r\n", self.inbox).as_bytes());
        self.write(&hello).await?;
        loop {
            match self.read().await? {
                Said::Pong => return Ok(()),
                Said::Error(why) => {
                    return Err(Refusal::Unauthorized { why: short(&format!("the server says {why}")) });
                }
                Said::Answer { .. } | Said::Nothing => {}
            }
        }
    }

    /// Sends messages and reads what became of each; the verdicts are those of the first ones if it breaks.
    pub(super) async fn publish(
        &mut self,
        messages: &[Message<'_>],
        verdicts: &mut Vec<Verdict>,
    ) -> Result<(), Refusal> {
        let first = self.published;
        self.published += messages.len() as u64;
        let mut said: Vec<Option<Verdict>> = messages.iter().map(|message| self.too_large(message)).collect();
        let exchange = async {
            let mut out = Vec::new();
            for (number, message) in (first..).zip(messages) {
                if self.too_large(message).is_none() {
                    self.frame(number, message, &mut out);
                }
            }
            self.write(&out).await?;
            while said.iter().any(Option::is_none) {
                match self.read().await? {
                    Said::Error(why) => {
                        return Err(Refusal::Unauthorized { why: short(&format!("the server says {why}")) });
                    }
                    Said::Answer { number, status, payload } => {
                        let place = number.checked_sub(first).and_then(|place| usize::try_from(place).ok());
                        if let Some(place) = place.and_then(|place| said.get_mut(place)) {
                            *place = Some(verdict(status.as_deref(), &payload)?);
                        }
                    }
                    Said::Pong | Said::Nothing => {}
                }
            }
            Ok(())
        };
        let outcome = within(exchange).await;
        verdicts.extend(said.into_iter().map_while(|verdict| verdict));
        outcome
    }

    fn too_large(&self, message: &Message<'_>) -> Option<Verdict> {
        // Headers count as well.
        let (size, most) = (message.payload.len() + message.id.len() + HEADER_BYTES, self.most_bytes);
        (size > most).then(|| Verdict::Rejected(format!("{size} bytes; the server takes {most} a message")))
    }

    fn frame(&self, number: u64, message: &Message<'_>, out: &mut Vec<u8>) {
        let Message { subject, id, stream, payload } = message;
        // A header ends with its line.
        let id: String = id.chars().filter(|c| !c.is_control()).collect();
        let stream = stream.map(|stream| format!("Nats-Expected-Stream: {stream}\r\n")).unwrap_or_default();
        let headers = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n{stream}\r\n");
        let whole = headers.len() + payload.len();
        let inbox = &self.inbox;
        out.extend_from_slice(
            format!("HPUB {subject} {inbox}.{number} {} {whole}\r\n{headers}", headers.len()).as_bytes(),
        );
        out.extend_from_slice(payload);
        out.extend_from_slice(b"\r\n");
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.stream.write_all(bytes).await.map_err(Refusal::unreachable)?;
        self.stream.flush().await.map_err(Refusal::unreachable)
    }

    /// Reads the next thing that the server says, and answers its pings.
    async fn read(&mut self) -> Result<Said, Refusal> {
        let line = line(&mut self.stream).await?;
        let (word, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        match word.to_ascii_uppercase().as_str() {
            "PING" => {
                self.write(b"PONG\r\n").await?;
                Ok(Said::Nothing)
            }
            "PONG" => Ok(Said::Pong),
            "-ERR" => Ok(Said::Error(rest.trim().trim_matches('\'').to_owned())),
            "MSG" | "HMSG" => self.answer(rest, word.len() == 4).await,
            _ => Ok(Said::Nothing),
        }
    }

    async fn answer(&mut self, line: &str, has_headers: bool) -> Result<Said, Refusal> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let size = |from_behind: usize| words.iter().rev().nth(from_behind).and_then(|word| word.parse::<usize>().ok());
        let whole = size(0).filter(|whole| *whole as u64 <= LINE_BYTES).ok_or_else(|| no_sense(line))?;
        let head = if has_headers { size(1).filter(|head| *head <= whole).ok_or_else(|| no_sense(line))? } else { 0 };
        let mut text = vec![0; whole + 2];
        self.stream.read_exact(&mut text).await.map_err(Refusal::unreachable)?;
        text.truncate(whole);
        let payload = text.split_off(head);
        // `NATS/1.0 503` and a line end.
        let head = String::from_utf8_lossy(&text);
        let status =
            head.lines().next().and_then(|line| line.strip_prefix("NATS/1.0 ")).map(|said| said.trim().to_owned());
        let number = words
            .first()
            .and_then(|subject| subject.strip_prefix(self.inbox.as_str())?.strip_prefix('.')?.parse().ok());
        Ok(number.map_or(Said::Nothing, |number| Said::Answer { number, status, payload }))
    }
}

/// What a stream answered: an acknowledgement, or why there is none.
fn verdict(status: Option<&str>, payload: &[u8]) -> Result<Verdict, Refusal> {
    if let Some(status) = status.filter(|status| !status.is_empty()) {
        let why = match status.starts_with("503") {
            true => "no stream keeps this subject".to_owned(),
            false => short(&format!("answered {status}")),
        };
        return Err(Refusal::Unauthorized { why });
    }
    let said: Value = serde_json::from_slice(payload).unwrap_or_default();
    let error = &said["error"];
    if error.is_object() {
        let why = short(&format!("the stream says {}", error["description"].as_str().unwrap_or("no")));
        // 10054: the message is larger than the stream takes. 10060: another stream than the one that is expected.
        return match error["err_code"].as_u64().unwrap_or_default() {
            10_054 => Ok(Verdict::Rejected(why)),
            10_060 => Err(Refusal::Unauthorized { why }),
            _ => Ok(Verdict::Again(why)),
        };
    }
    match (said["stream"].is_string(), said["duplicate"].as_bool()) {
        (true, Some(true)) => Ok(Verdict::Duplicate),
        (true, _) => Ok(Verdict::Delivered),
        (false, _) => Err(no_sense(&String::from_utf8_lossy(payload))),
    }
}

fn no_sense(said: &str) -> Refusal {
    Refusal::Unreachable { why: short(&format!("no answer of JetStream: {said}")) }
}

async fn greeting(stream: &mut (impl AsyncRead + Unpin + AsyncBufReadExt)) -> Result<Greeting, Refusal> {
    let line = line(stream).await?;
    let said = line.strip_prefix("INFO ").ok_or_else(|| no_sense(&line))?;
    serde_json::from_str(said).map_err(|_| no_sense(&line))
}

async fn line(stream: &mut (impl AsyncRead + AsyncBufReadExt + Unpin)) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    stream.take(LINE_BYTES).read_until(b'\n', &mut bytes).await.map_err(Refusal::unreachable)?;
    if bytes.last() != Some(&b'\n') {
        return Err(Refusal::Unreachable { why: "the server closed the connection".to_owned() });
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

async fn within<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    match timeout(REQUEST_TIMEOUT, work).await {
        Ok(done) => done,
        Err(_) => Err(Refusal::Unreachable { why: "the server does not answer".to_owned() }),
    }
}

/// Holds any bytes of a server against what reads its answers to two messages. For `crate::outside_bytes`.
#[cfg(any(test, fuzzing))]
pub(crate) fn hold_answers(said: &[u8]) -> Option<(Vec<Verdict>, Result<(), Refusal>)> {
    let stream: Box<dyn Stream> = Box::new(tokio::io::join(std::io::Cursor::new(said.to_vec()), tokio::io::sink()));
    let inbox = "_INBOX.ephor".to_owned();
    let mut wire = Wire { stream: BufReader::new(stream), inbox, most_bytes: 1 << 20, published: 0 };
    let message = |id| Message { subject: "ephor.activities.a", id, stream: None, payload: b"{}" };
    let mut verdicts = Vec::new();
    // There is no clock for the limit of time without a runtime, and no runtime if the system gives none.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
    let outcome = runtime.block_on(wire.publish(&[message("activity_1"), message("activity_2")], &mut verdicts));
    assert!(verdicts.len() <= 2, "more verdicts than messages");
    assert!(outcome.is_err() || verdicts.len() == 2, "well, and nothing said of a message");
    Some((verdicts, outcome))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn said(number: u64, headers: &str, payload: &str) -> String {
        let whole = headers.len() + payload.len();
        match headers.is_empty() {
            true => format!("MSG _INBOX.ephor.{number} 1 {whole}\r\n{payload}\r\n"),
            false => format!("HMSG _INBOX.ephor.{number} 1 {} {whole}\r\n{headers}{payload}\r\n", headers.len()),
        }
    }

    const KEPT: &str = r#"{"stream":"CLAUDE","seq":7}"#;

    #[test]
    fn answers_are_put_to_their_messages_whatever_comes_between() {
        let twice = said(1, "", r#"{"stream":"CLAUDE","seq":7,"duplicate":true}"#);
        let all = format!("PING\r\n{twice}+OK\r\n{}{}", said(99, "", "{}"), said(0, "", KEPT));
        let (verdicts, outcome) = hold_answers(all.as_bytes()).unwrap();
        assert_eq!((verdicts, outcome), (vec![Verdict::Delivered, Verdict::Duplicate], Ok(())));
    }

    #[test]
    fn what_broke_off_keeps_the_verdicts_before_it() {
        let nobody = said(1, "NATS/1.0 503\r\n\r\n", "");
        let (verdicts, outcome) = hold_answers(format!("{}{nobody}", said(0, "", KEPT)).as_bytes()).unwrap();
        assert_eq!(verdicts, [Verdict::Delivered]);
        assert_eq!(outcome, Err(Refusal::Unauthorized { why: "no stream keeps this subject".to_owned() }));
        let too_large =
            r#"{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}"#;
        let (verdicts, outcome) = hold_answers(said(0, "", too_large).as_bytes()).unwrap();
        assert!(matches!(&verdicts[..], [Verdict::Rejected(why)] if why.contains("exceeds maximum")));
        assert!(matches!(outcome, Err(Refusal::Unreachable { .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_server_are_too_much(
            before in proptest::collection::vec(any::<u8>(), 0..64),
            number in 0..4_u64,
            sizes in any::<(u16, u16)>(),
            payload in ".{0,40}",
        ) {
            hold_answers(&before);
            hold_answers(&[&before[..], said(number, "", &payload).as_bytes()].concat());
            hold_answers(format!("HMSG _INBOX.ephor.{number} 1 {} {}\r\n{payload}", sizes.0, sizes.1).as_bytes());
        }
    }
}
