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
mod meaning;
mod receiver;
mod record;
mod redaction;
mod settings;
mod sink;
#[cfg(test)]
mod stories;
mod stream;
mod tls;

pub use deliver::{Delivered, ExportContext, LakeIs, ReplaySpan, Replayed, Replaying, Until, deliver, replay};
pub use document::{Document, DocumentReceiver};
pub use error::ExportError;
pub use format::{Format, OcsfVersion, preview};
pub use meaning::Level;
pub use record::{Place, Record};
pub use redaction::{Redaction, RedactionRule, Treatment};
pub use settings::{RedactSetting, Secrets, SinkSettings, Start, What};
pub use sink::{
    DatadogSettings, ElasticSettings, FileSettings, Framing, NatsSettings, ObjectLayout, ObjectsSettings, OtlpProtocol,
    OtlpSettings, SecopsSettings, SentinelSettings, SplunkHecSettings, StdoutSettings, SumoLogicSettings,
    SyslogSettings, Transport, WebhookBody, WebhookSettings,
};
pub use tls::TlsSettings;
