//! A finished document (a report, say) on its way to a receiver of HTTPS posts, as a webhook sink would send it.
//! The same document of the same moment has the same `Idempotency-Key`, so that sending it again does no harm.
//! Never tries twice: whoever schedules it knows when to.

use crate::guard::Reach;
use crate::http::HttpDoor;
use crate::receiver::webhook_door;
use crate::settings::Secrets;
use crate::sink::WebhookSettings;

/// What is sent.
#[derive(Debug)]
pub struct Document {
    /// The same whenever the same document is sent.
    pub key: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Itself.
    pub bytes: Vec<u8>,
}

/// Who takes it.
#[derive(Debug, Clone, Copy)]
pub struct DocumentReceiver<'a> {
    /// Where it is and how to get in.
    pub webhook: &'a WebhookSettings,
    /// Whether its address may be of a private network.
    pub allow_private: bool,
    /// How secrets are read.
    pub secrets: Secrets,
    /// What time it is, in microseconds since 1970.
    pub clock: fn() -> i64,
}

impl DocumentReceiver<'_> {
    /// Checks the address, if it stands there openly.
    pub fn check_address(&self) -> Result<(), String> {
        match self.webhook.url.split_once(':') {
            Some(("env" | "file", _)) => Ok(()),
            _ => HttpDoor::open(&self.webhook.tls, self.reach())?.url(&self.webhook.url).map(drop),
        }
    }

    /// Sends a document once; the error says what the receiver said.
    pub async fn post(&self, document: Document) -> Result<(), String> {
        let door = self.door()?;
        let sent = door.post(document.bytes, document.media_type, &document.key).await;
        sent.map_err(|refusal| refusal.why().to_owned())
    }

    fn door(&self) -> Result<crate::sink::WebhookDoor, String> {
        webhook_door(self.webhook, self.secrets, HttpDoor::open(&self.webhook.tls, self.reach())?, self.clock)
    }

    fn reach(&self) -> Reach {
        if self.allow_private { Reach::Private } else { Reach::Public }
    }
}
