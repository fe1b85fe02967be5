//! The ways that messages go by: a receiver of HTTPS posts, Slack, Teams, mail; one file each for its form.
//! A message has the same bytes whenever it is sent, and what was refused is said with its reason.
//! Never keeps a message.

mod slack;
mod teams;

use secrecy::SecretString;
use serde::Deserialize;

use super::message::Message;
use crate::guard::Reach;
use crate::http::HttpDoor;
use crate::mail::{Mail, MailSettings, Mailer, mailbox};
use crate::receiver::webhook_door;
use crate::settings::Secrets;
use crate::sink::{Refusal, WebhookDoor, WebhookSettings};
use crate::tls::TlsSettings;

/// `slack = { url = "…" }` and `teams = { url = "…" }`: an incoming webhook, whose address is its secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncomingSettings {
    /// Where to: `env:NAME` or `file:PATH`, since who knows the address may post.
    pub url: String,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// `mail = { to = ["…"] }`; the server is that of `[mail]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailToSettings {
    /// To whom.
    pub to: Vec<String>,
}

/// One way, opened.
pub(super) enum Channel {
    Post(Box<WebhookDoor>, Form),
    Mail(Box<Mailer>, Vec<String>),
}

/// What a posted body looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The message itself.
    Plain,
    Slack,
    Teams,
}

/// What ways are opened with.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) secrets: Secrets,
    pub(super) clock: fn() -> i64,
    pub(super) reach: Reach,
    pub(super) mail: Option<&'a MailSettings>,
}

impl Channel {
    pub(super) fn post(webhook: &WebhookSettings, opening: Opening<'_>) -> Result<Self, String> {
        Ok(Self::Post(Box::new(door(webhook, opening)?), Form::Plain))
    }

    pub(super) fn incoming(settings: &IncomingSettings, form: Form, opening: Opening<'_>) -> Result<Self, String> {
        Ok(Self::Post(Box::new(door(&WebhookSettings::at(&settings.url, &settings.tls), opening)?), form))
    }

    pub(super) fn mail(settings: &MailToSettings, opening: Opening<'_>) -> Result<Self, String> {
        settings.check()?;
        let server = opening.mail.ok_or("mail needs a [mail] section that names the server")?;
        Ok(Self::Mail(Box::new(Mailer::open(server, opening.secrets)?), settings.to.clone()))
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), Refusal> {
        match self {
            Self::Post(door, form) => door.post(body(message, *form), "application/json", &message.id).await,
            Self::Mail(mailer, to) => {
                let mail = Mail {
                    id: message.id.clone(),
                    to: to.clone(),
                    subject: subject(message),
                    text: message.text(),
                    file: None,
                };
                mailer.deliver(&mail).await
            }
        }
    }
}

impl MailToSettings {
    /// What is wrong with the addresses, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if self.to.is_empty() {
            return Err("mail.to names nobody".to_owned());
        }
        self.to.iter().try_for_each(|to| mailbox(to).map(drop))
    }
}

/// A post's body.
pub(super) fn body(message: &Message, form: Form) -> Vec<u8> {
    let value = match form {
        // A struct of texts and numbers always serialises.
        Form::Plain => serde_json::to_value(message).unwrap_or_default(),
        Form::Slack => slack::body(message),
        Form::Teams => teams::body(message),
    };
    value.to_string().into_bytes()
}

fn subject(message: &Message) -> String {
    match &message.findings[..] {
        [one] if message.count == 1 => format!("[Ephor] {}: {}", one.severity, one.title),
        _ => message.summary.clone(),
    }
}

fn door(webhook: &WebhookSettings, opening: Opening<'_>) -> Result<WebhookDoor, String> {
    webhook_door(webhook, opening.secrets, HttpDoor::open(&webhook.tls, opening.reach)?, opening.clock)
}

/// A text cut to whole characters.
fn cut(text: &str, most_characters: usize) -> String {
    match text.char_indices().nth(most_characters.saturating_sub(1)) {
        Some((end, _)) if text[end..].chars().count() > 1 => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}

/// References that are not read: settings can be checked where the secrets are not.
pub(super) fn no_secret(_: &str) -> Result<SecretString, String> {
    Ok(SecretString::from("https://hooks.invalid/".to_owned()))
}
