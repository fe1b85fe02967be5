//! `[[sink]]` of ephor.toml: what a sink is given, in which format, how much at once, and where it goes.
//! A mistake is told with the sink's name before anything is sent; secrets are only ever references.
//! Never holds a secret itself.

use std::time::Duration;

use glob::Pattern;
use secrecy::SecretString;
use serde::Deserialize;

use crate::error::ExportError;
use crate::format::{Format, OcsfVersion};
use crate::guard::Reach;
use crate::limits;
use crate::receiver;
use crate::redaction::{Redaction, RedactionRule, Treatment};
use crate::sink::{
    DatadogSettings, ElasticSettings, FileSettings, KafkaSettings, NatsSettings, ObjectLayout, ObjectsSettings,
    OtlpSettings, SecopsSettings, SentinelSettings, Sink, SplunkHecSettings, StdoutSettings, SumoLogicSettings,
    SyslogSettings, WebhookSettings,
};

/// One sink as it is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkSettings {
    /// Its name: where its place is kept.
    pub name: String,
    /// What records look like. The default depends on the receiver.
    #[serde(default)]
    pub format: Option<String>,
    /// What it is given.
    #[serde(default)]
    pub what: What,
    /// Where a new sink begins.
    #[serde(default)]
    pub start: Start,
    /// Only activities for which this SQL condition over the columns of `activities` holds.
    #[serde(default)]
    pub filter: Option<String>,
    /// Fields that stay home.
    #[serde(default)]
    pub redact: Vec<RedactSetting>,
    /// What `hash` hashes with: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub redact_key: Option<String>,
    /// Records of one batch at the most.
    #[serde(default)]
    pub batch_events: Option<usize>,
    /// Bytes of one batch at the most.
    #[serde(default)]
    pub batch_bytes: Option<usize>,
    /// How long the oldest record waits for a batch to fill.
    #[serde(default)]
    pub batch_seconds: Option<f64>,
    /// The longest pause between two attempts.
    #[serde(default)]
    pub retry_max_seconds: Option<f64>,
    /// Whether addresses of private networks may be reached.
    #[serde(default)]
    pub allow_private: bool,
    /// A local file.
    #[serde(default)]
    pub file: Option<FileSettings>,
    /// Standard output.
    #[serde(default)]
    pub stdout: Option<StdoutSettings>,
    /// Syslog over UDP, TCP or TLS.
    #[serde(default)]
    pub syslog: Option<SyslogSettings>,
    /// Splunk's HTTP Event Collector.
    #[serde(default)]
    pub splunk_hec: Option<SplunkHecSettings>,
    /// Elasticsearch or OpenSearch.
    #[serde(default)]
    pub elastic: Option<ElasticSettings>,
    /// Microsoft Sentinel.
    #[serde(default)]
    pub sentinel: Option<SentinelSettings>,
    /// Datadog.
    #[serde(default)]
    pub datadog: Option<DatadogSettings>,
    /// Sumo Logic.
    #[serde(default)]
    pub sumo_logic: Option<SumoLogicSettings>,
    /// Any receiver of HTTPS posts.
    #[serde(default)]
    pub webhook: Option<WebhookSettings>,
    /// A collector of OpenTelemetry.
    #[serde(default)]
    pub otlp: Option<OtlpSettings>,
    /// Objects in a folder or a bucket.
    #[serde(default)]
    pub objects: Option<ObjectsSettings>,
    /// A topic of Kafka.
    #[serde(default)]
    pub kafka: Option<KafkaSettings>,
    /// A stream of NATS.
    #[serde(default)]
    pub nats: Option<NatsSettings>,
    /// Google SecOps.
    #[serde(default)]
    pub secops: Option<SecopsSettings>,
}

/// What a sink is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Activities and findings.
    #[default]
    Both,
    /// Activities only.
    Activities,
    /// Findings only.
    Findings,
}

impl What {
    /// Whether activities are given.
    #[must_use]
    pub fn has_activities(self) -> bool {
        self != Self::Findings
    }

    /// Whether findings are given.
    #[must_use]
    pub fn has_findings(self) -> bool {
        self != Self::Activities
    }
}

/// Where a new sink begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With the oldest record that is stored.
    #[default]
    Beginning,
    /// With what comes after it was first seen.
    Now,
}

/// One line of `redact`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactSetting {
    /// A pattern over the dotted path of a field.
    pub field: String,
    /// What becomes of it.
    pub how: Treatment,
}

/// How secrets are read: from a reference, to the secret or to words that say why not.
pub type Secrets = fn(&str) -> Result<SecretString, String>;

/// Settings that were checked, and what a delivery needs of them.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) format: Format,
    pub(crate) what: What,
    pub(crate) start: Start,
    pub(crate) filter: Option<ephor_lake::RowPredicate>,
    pub(crate) redaction: Redaction,
    pub(crate) batch: BatchLimits,
    pub(crate) retry_longest: Duration,
    pub(crate) sink: Box<dyn Sink>,
}

/// How much goes out at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchLimits {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
}

/// What a kind of receiver wants unless the settings say otherwise.
pub(crate) struct Usual {
    pub(crate) kind: &'static str,
    pub(crate) format: Format,
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
}

impl Usual {
    /// Those of a kind of receiver as a sink sets it up.
    fn of(kind: &'static str, sink: &SinkSettings) -> Self {
        let format = match kind {
            "elastic" => Format::Ecs,
            "syslog" => Format::Cef,
            "otlp" => Format::Otlp,
            "secops" => Format::Udm,
            "objects" if sink.objects.as_ref().is_some_and(|objects| objects.layout == ObjectLayout::SecurityLake) => {
                Format::Ocsf(OcsfVersion::V1_3)
            }
            _ => Format::Ocsf(OcsfVersion::default()),
        };
        let (events, bytes, age) = match kind {
            "objects" => (limits::OBJECT_EVENTS, limits::OBJECT_BYTES, limits::OBJECT_AGE),
            _ => (limits::BATCH_EVENTS, limits::BATCH_BYTES, limits::BATCH_AGE),
        };
        Self { kind, format, events, bytes, age }
    }
}

impl SinkSettings {
    /// Settings with a name and nothing else: the caller says where it goes.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            format: None,
            what: What::default(),
            start: Start::default(),
            filter: None,
            redact: Vec::new(),
            redact_key: None,
            batch_events: None,
            batch_bytes: None,
            batch_seconds: None,
            retry_max_seconds: None,
            allow_private: false,
            file: None,
            stdout: None,
            syslog: None,
            splunk_hec: None,
            elastic: None,
            sentinel: None,
            datadog: None,
            sumo_logic: None,
            webhook: None,
            otlp: None,
            objects: None,
            kafka: None,
            nats: None,
            secops: None,
        }
    }

    /// Checks everything that can be checked without sending, and says what is wrong.
    pub fn check(&self, secrets: Secrets) -> Result<(), ExportError> {
        self.plan(secrets, || 0).map(|_| ())
    }

    /// What it speaks, if it names exactly one receiver.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        let named: Vec<&'static str> = self.receivers().into_iter().flatten().collect();
        if let [kind] = named[..] { Some(kind) } else { None }
    }

    fn receivers(&self) -> [Option<&'static str>; 14] {
        [
            self.file.as_ref().map(|_| "file"),
            self.stdout.as_ref().map(|_| "stdout"),
            self.syslog.as_ref().map(|_| "syslog"),
            self.splunk_hec.as_ref().map(|_| "splunk_hec"),
            self.elastic.as_ref().map(|_| "elastic"),
            self.sentinel.as_ref().map(|_| "sentinel"),
            self.datadog.as_ref().map(|_| "datadog"),
            self.sumo_logic.as_ref().map(|_| "sumo_logic"),
            self.webhook.as_ref().map(|_| "webhook"),
            self.otlp.as_ref().map(|_| "otlp"),
            self.objects.as_ref().map(|_| "objects"),
            self.kafka.as_ref().map(|_| "kafka"),
            self.nats.as_ref().map(|_| "nats"),
            self.secops.as_ref().map(|_| "secops"),
        ]
    }

    /// Checks the settings and opens the receiver; nothing is connected yet.
    pub(crate) fn plan(&self, secrets: Secrets, clock: fn() -> i64) -> Result<Plan, ExportError> {
        let wrong = |what: String| ExportError::settings(&self.name, what);
        let kinds: Vec<&str> = self.receivers().into_iter().flatten().collect();
        if kinds.len() != 1 {
            return Err(wrong(match kinds.is_empty() {
                true => "it names no receiver; add one, for example `file = { path = \"…\" }`".to_owned(),
                false => format!("it names {}; a sink has one receiver", kinds.join(" and ")),
            }));
        }
        let well_named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty() || !self.name.chars().all(well_named) || self.name.starts_with('.') {
            return Err(wrong(
                "a name has letters, digits, `-`, `_` and `.`, and does not begin with a dot".to_owned(),
            ));
        }
        let usual = Usual::of(kinds[0], self);
        let format = self.format_or(usual.format)?;
        let sink = receiver::open(self, secrets, clock, format).map_err(wrong)?;
        let filter = self.filter.as_deref().map(ephor_lake::RowPredicate::parse).transpose();
        let seconds = |name: &str, wish: Option<f64>, usual: Duration| match wish {
            None => Ok(usual),
            Some(wish) => Duration::try_from_secs_f64(wish).map_err(|e| wrong(format!("{name} = {wish}: {e}"))),
        };
        let at_least_one = |name: &str, wish: Option<usize>, usual: usize| match wish {
            Some(0) => Err(wrong(format!("{name} = 0 would never send anything"))),
            wish => Ok(wish.unwrap_or(usual)),
        };
        Ok(Plan {
            name: self.name.clone(),
            kind: usual.kind,
            format,
            what: self.what,
            start: self.start,
            filter: filter.map_err(|error| wrong(format!("filter: {error}")))?,
            redaction: self.redaction(secrets)?,
            batch: BatchLimits {
                events: at_least_one("batch_events", self.batch_events, usual.events)?,
                bytes: at_least_one("batch_bytes", self.batch_bytes, usual.bytes)?,
                age: seconds("batch_seconds", self.batch_seconds, usual.age)?,
            },
            retry_longest: seconds("retry_max_seconds", self.retry_max_seconds, limits::RETRY_LONGEST)?,
            sink,
        })
    }

    pub(crate) fn reach(&self) -> Reach {
        if self.allow_private { Reach::Private } else { Reach::Public }
    }

    /// What its records look like.
    pub fn format(&self) -> Result<Format, ExportError> {
        self.format_or(Usual::of(self.kind().unwrap_or("file"), self).format)
    }

    fn format_or(&self, usual: Format) -> Result<Format, ExportError> {
        match &self.format {
            Some(text) => text.parse().map_err(|what: String| ExportError::settings(&self.name, what)),
            None => Ok(usual),
        }
    }

    pub(crate) fn redaction(&self, secrets: Secrets) -> Result<Redaction, ExportError> {
        let wrong = |what: String| ExportError::settings(&self.name, what);
        let rule = |setting: &RedactSetting| match Pattern::new(&setting.field) {
            Ok(field) => Ok(RedactionRule { field, how: setting.how }),
            Err(error) => Err(wrong(format!("redact: `{}` is no pattern: {error}", setting.field))),
        };
        let rules = self.redact.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
        let key = self.redact_key.as_deref().map(secrets).transpose();
        let key = key.map_err(|why| wrong(format!("redact_key: {why}")))?;
        if key.is_none() && rules.iter().any(|rule| rule.how == Treatment::Hash) {
            return Err(wrong(
                "redact with `hash` needs redact_key: without a key, hashes of addresses can be guessed".to_owned(),
            ));
        }
        Ok(Redaction::new(rules, key))
    }
}
