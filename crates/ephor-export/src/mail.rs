//! Mail through one SMTP server: text, perhaps with one file, under an id that is the same whenever the same is sent.
//! The server's name is looked up by the guard and its certificate verified; a password travels encrypted only.
//! Never puts a password into an error, and never tries twice: whoever sends knows when to.

use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, Identity, Tls, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::guard::Reach;
use crate::http::chain;
use crate::limits::REQUEST_TIMEOUT;
use crate::settings::Secrets;
use crate::sink::{Refusal, short};
use crate::tls::TlsSettings;

/// `[mail]` of ephor.toml.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The server's name.
    pub server: String,
    /// Its port; the default depends on `security`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is encrypted.
    #[serde(default)]
    pub security: MailSecurity,
    /// Whom to sign in as.
    #[serde(default)]
    pub username: Option<String>,
    /// With which password: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub password: Option<String>,
    /// Who it is from: `Name <address>`.
    pub from: String,
    /// Whether the server may have an address of a private network.
    #[serde(default)]
    pub allow_private: bool,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// Asked for after the greeting, and insisted on: port 587.
    #[default]
    Starttls,
    /// From the first byte: port 465.
    Tls,
    /// Not at all: port 25, in private networks only, and never with a password.
    None,
}

/// A mail.
#[derive(Debug)]
pub struct Mail {
    /// The same whenever the same mail is sent: its `Message-ID`.
    pub id: String,
    /// To whom.
    pub to: Vec<String>,
    /// What about.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// What goes with it.
    pub file: Option<MailFile>,
}

/// A file that goes with a mail.
#[derive(Debug)]
pub struct MailFile {
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Itself.
    pub bytes: Vec<u8>,
}

/// A way to one mail server.
pub struct Mailer {
    settings: MailSettings,
    port: u16,
    from: Mailbox,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("server", &self.settings.server).finish_non_exhaustive()
    }
}

/// Checks one address as it is written.
pub(crate) fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|error| format!("`{text}` is no mail address: {error}"))
}

impl MailSettings {
    /// Checks what can be checked without a secret and without sending.
    pub fn check(&self) -> Result<(), String> {
        mailbox(&self.from).map_err(|why| format!("mail.from: {why}"))?;
        if self.username.is_some() != self.password.is_some() {
            return Err("mail.username and mail.password go together".to_owned());
        }
        if self.security == MailSecurity::None && !self.allow_private {
            return Err(
                "mail.security = \"none\" is for servers of a private network: it needs mail.allow_private = true"
                    .to_owned(),
            );
        }
        if self.security == MailSecurity::None && self.password.is_some() {
            return Err("mail.password is not sent over a connection that is not encrypted".to_owned());
        }
        self.reach().check_host(&self.server)
    }

    fn reach(&self) -> Reach {
        if self.allow_private { Reach::Private } else { Reach::Public }
    }
}

impl Mailer {
    /// Reads secrets and certificates; nothing is connected yet.
    pub fn open(settings: &MailSettings, secrets: Secrets) -> Result<Self, String> {
        settings.check()?;
        let password: Option<SecretString> = settings
            .password
            .as_deref()
            .map(|reference| secrets(reference).map_err(|why| format!("mail.password: {why}")))
            .transpose()?;
        let credentials = settings
            .username
            .as_ref()
            .zip(password)
            .map(|(user, password)| Credentials::new(user.clone(), password.expose_secret().to_owned()));
        let usual = match settings.security {
            MailSecurity::Starttls => 587,
            MailSecurity::Tls => 465,
            MailSecurity::None => 25,
        };
        Ok(Self {
            port: settings.port.unwrap_or(usual),
            from: mailbox(&settings.from)?,
            tls: (settings.security != MailSecurity::None).then(|| tls(settings)).transpose()?,
            credentials,
            settings: settings.clone(),
        })
    }

    /// Sends a mail once; the error says what the server said.
    pub async fn send(&self, mail: &Mail) -> Result<(), String> {
        self.deliver(mail).await.map_err(|refusal| refusal.why().to_owned())
    }

    pub(crate) async fn deliver(&self, mail: &Mail) -> Result<(), Refusal> {
        let message = self.message(mail).map_err(|why| Refusal::Refused { why })?;
        let addresses = self.settings.reach().resolve(&self.settings.server, self.port).await?;
        let mut refused = Refusal::unreachable("the mail server has no address");
        for address in addresses {
            match self.connect_to(&address.ip().to_string()).send(message.clone()).await {
                Ok(_) => return Ok(()),
                // Who answered has decided; who did not may have another address.
                Err(error) if error.status().is_some() => return Err(refusal(&error)),
                Err(error) => refused = refusal(&error),
            }
        }
        Err(refused)
    }

    /// The address was looked up by the guard; the certificate is held against the server's name all the same.
    fn connect_to(&self, address: &str) -> AsyncSmtpTransport<Tokio1Executor> {
        let tls = match (&self.tls, self.settings.security) {
            (Some(tls), MailSecurity::Tls) => Tls::Wrapper(tls.clone()),
            (Some(tls), _) => Tls::Required(tls.clone()),
            (None, _) => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address)
            .port(self.port)
            .tls(tls)
            .hello_name(ClientId::Domain(self.from.email.domain().to_owned()))
            .timeout(Some(Duration::min(REQUEST_TIMEOUT, Duration::from_secs(60))));
        if let Some(credentials) = &self.credentials {
            transport = transport.credentials(credentials.clone());
        }
        transport.build()
    }

    fn message(&self, mail: &Mail) -> Result<Message, String> {
        let wrong = |error: &dyn std::error::Error| format!("the mail cannot be written: {error}");
        let domain = self.from.email.domain();
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(one_line(&mail.subject))
            .date_now()
            .message_id(Some(format!("<{}@{domain}>", mail.id)));
        for to in &mail.to {
            message = message.to(mailbox(to)?);
        }
        // RFC 3834: no out-of-office answer comes back.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let message = message.raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
        let text = SinglePart::plain(mail.text.clone());
        let Some(file) = &mail.file else { return message.singlepart(text).map_err(|error| wrong(&error)) };
        let kind = ContentType::parse(file.media_type).map_err(|error| wrong(&error))?;
        let part = Attachment::new(file.name.clone()).body(file.bytes.clone(), kind);
        message.multipart(MultiPart::mixed().singlepart(text).singlepart(part)).map_err(|error| wrong(&error))
    }
}

fn tls(settings: &MailSettings) -> Result<TlsParameters, String> {
    let read = |path: &std::path::Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let mut builder = TlsParametersBuilder::new(settings.server.clone());
    if let Some(path) = &settings.tls.ca {
        let roots = Certificate::from_pem(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(roots);
    }
    match (&settings.tls.certificate, &settings.tls.key) {
        (None, None) => {}
        (Some(certificate), Some(key)) => {
            let identity = Identity::from_pem(&read(certificate)?, &read(key)?);
            builder = builder.identify_with(identity.map_err(|error| format!("{}: {error}", certificate.display()))?);
        }
        _ => return Err("tls.certificate and tls.key go together".to_owned()),
    }
    builder.build().map_err(|error| format!("TLS: {}", chain(&error)))
}

fn refusal(error: &lettre::transport::smtp::Error) -> Refusal {
    let why = short(&chain(error));
    match error.status().map(u16::from) {
        // RFC 4954: authentication required, too weak, wrong, encryption required.
        Some(530 | 534 | 535 | 538) => Refusal::Unauthorized { why },
        Some(552) => Refusal::TooLarge { why },
        Some(400..=499) => Refusal::Busy { why, after: None },
        Some(_) => Refusal::Refused { why },
        None => Refusal::Unreachable { why },
    }
}

/// A header is one line, whatever a name brought along.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings(more: &str) -> MailSettings {
        toml::from_str(&format!("server = \"mail.example.com\"\nfrom = \"Ephor <ephor@example.com>\"\n{more}")).unwrap()
    }

    #[test]
    fn a_password_never_travels_open_and_an_open_connection_stays_home() {
        assert!(settings("").check().is_ok());
        assert!(settings("security = \"none\"").check().unwrap_err().contains("allow_private"));
        let open = settings("security = \"none\"\nallow_private = true\nusername = \"a\"\npassword = \"env:P\"");
        assert!(open.check().unwrap_err().contains("not encrypted"));
        assert!(settings("username = \"a\"").check().unwrap_err().contains("go together"));
        let nobody = MailSettings { from: "nobody".to_owned(), ..settings("") };
        assert!(nobody.check().unwrap_err().contains("`nobody` is no mail address"));
    }

    #[test]
    fn a_mail_is_one_message_under_its_own_id_and_a_subject_is_one_line() {
        let mailer = Mailer::open(&settings(""), |_| Err("none".to_owned())).unwrap();
        let mail = Mail {
            id: "notice_1".to_owned(),
            to: vec!["Ada <ada@example.com>".to_owned(), "b@example.com".to_owned()],
            subject: "two\r\nBcc: eve@example.com".to_owned(),
            text: "Grüße".to_owned(),
            file: Some(MailFile { name: "r.csv".to_owned(), media_type: "text/csv", bytes: b"a,b\n".to_vec() }),
        };
        let text = String::from_utf8(mailer.message(&mail).unwrap().formatted()).unwrap();
        for part in [
            "Message-ID: <notice_1@example.com>\r\n",
            "Subject: two Bcc: eve@example.com\r\n",
            "To: Ada <ada@example.com>, b@example.com\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Disposition: attachment; filename=\"r.csv\"\r\n",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
