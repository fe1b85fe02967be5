//! Activities and findings on their way to other systems: in their formats, to their doors, each at least once.
//! The same row gives the same bytes; a place moves only after what lies before it was acknowledged.
//! Never stores what it sends: the lake is the queue, and a sink is a place in it.

#![warn(missing_docs)]

mod deliver;
mod document;
mod entra;
mod error;
mod format;
mod google;
mod guard;
mod http;
mod json;
mod limits;
mod mail;
mod meaning;
mod notify;
#[cfg(any(test, fuzzing))]
pub mod outside_bytes;
mod receiver;
mod record;
mod redaction;
mod settings;
mod sink;
#[cfg(test)]
mod stories;
mod stream;
mod time_stamp;
mod tls;
mod token;

pub use deliver::{
    Delivered, ExportContext, GapsTold, LakeIs, RefusedGap, ReplaySpan, Replayed, Replaying, Until, deliver, replay,
    tell_gaps,
};
pub use document::{Document, DocumentReceiver};
pub use error::ExportError;
pub use format::{ControlGap, Format, GapSource, GapState, OcsfVersion, preview};
pub use mail::{Mail, MailFile, MailSecurity, MailSettings, Mailer};
pub use meaning::Level;
pub use notify::{
    Detail, IncomingSettings, MailToSettings, Notified, NotifyContext, NotifySettings, NotifyStanding, QuietSettings,
    notify, notify_standing, notify_test,
};
pub use record::{Place, Record};
pub use redaction::{Redaction, RedactionRule, Treatment};
pub use settings::{RedactSetting, Secrets, SinkSettings, Start, What};
pub use sink::{
    DatadogSettings, ElasticSettings, FileSettings, Framing, KafkaMechanism, KafkaSettings, KafkaTransport,
    NatsSettings, ObjectLayout, ObjectsSettings, OtlpProtocol, OtlpSettings, SecopsSettings, SentinelSettings,
    SplunkHecSettings, StdoutSettings, SumoLogicSettings, SyslogSettings, Transport, WebhookBody, WebhookSettings,
};
pub use time_stamp::TimeStampAuthority;
pub use tls::TlsSettings;
