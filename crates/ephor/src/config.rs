//! `ephor.toml`, the `EPHOR_` environment and the flags, in that order of rising weight.
//! A mistyped key or value is an error that names the file and the key; secrets are only ever references.
//! Never writes: `ephor init` makes the first file from a template.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ephor_export::{MailSettings, NotifySettings, SinkSettings};
use ephor_lake::{LegalHold, Retention};
use ephor_wire::timestamp::UtcDay;
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use secrecy::SecretString;
use serde::Deserialize;

use crate::analytics_config::AnalyticsConfig;
use crate::arguments::Global;
use crate::console_config::ConsoleConfig;
use crate::detect_config::DetectConfig;
use crate::evidence_config::EvidenceConfig;
use crate::failure::Failure;
use crate::proof_config::ProofConfig;
use crate::reports_config::{ReportsConfig, ReviewsConfig};
use crate::schedule_config::{self, ScheduleConfig};

/// The whole configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) server: Server,
    pub(crate) console: ConsoleConfig,
    pub(crate) analytics: AnalyticsConfig,
    pub(crate) detect: DetectConfig,
    pub(crate) retention: Option<RetentionConfig>,
    pub(crate) proof: ProofConfig,
    pub(crate) reports: ReportsConfig,
    pub(crate) reviews: ReviewsConfig,
    pub(crate) evidence: EvidenceConfig,
    /// Reports that are made by themselves.
    pub(crate) schedule: Vec<ScheduleConfig>,
    /// Sources to collect from.
    pub(crate) upstream: Vec<Upstream>,
    /// Sinks to deliver to.
    pub(crate) sink: Vec<SinkSettings>,
    /// Who is told of findings.
    pub(crate) notify: Vec<NotifySettings>,
    /// The mail server.
    pub(crate) mail: Option<MailSettings>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    pub(crate) rate_limit_per_minute: u32,
    pub(crate) usage_limit_per_minute: u32,
    pub(crate) max_body_bytes: usize,
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) allow_plaintext_public: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8787)),
            rate_limit_per_minute: 600,
            usage_limit_per_minute: 15_000,
            max_body_bytes: 16 << 20,
            tls_certificate: None,
            tls_key: None,
            allow_plaintext_public: false,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionConfig {
    pub(crate) days: u32,
    #[serde(default)]
    pub(crate) legal_hold: Vec<HoldConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldConfig {
    pub(crate) name: String,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
}

/// What an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UpstreamKind {
    /// The Compliance API: activity feed and directory.
    #[default]
    Compliance,
    /// The Admin API: directory only, with a key that opens no content.
    Admin,
    /// The Analytics API: numbers of every day.
    Analytics,
}

/// An upstream to collect from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) kind: UpstreamKind,
    pub(crate) base_url: String,
    /// `env:NAME` or `file:PATH`.
    pub(crate) key: String,
    /// The share of the upstream's request budget that Ephor may use.
    #[serde(default = "half")]
    pub(crate) share: f64,
    /// Requests a minute that the upstream allows, until its answers say otherwise.
    pub(crate) requests_per_minute: Option<u32>,
    /// Pause between two runs; the default depends on the kind.
    pub(crate) poll_seconds: Option<u64>,
    #[serde(default = "quarter_hour")]
    pub(crate) overlap_minutes: u64,
    /// `exclude` or `keep` the rows that Ephor's own requests make upstream.
    #[serde(default)]
    pub(crate) own_rows: OwnRowsConfig,
    /// A newest row older than this raises an alarm; 0 raises none. The default depends on the kind.
    pub(crate) stale_after_hours: Option<u64>,
    /// Analytics: days in which engagement may still be revised.
    #[serde(default = "week")]
    pub(crate) engagement_revised_days: u32,
    /// Analytics: days in which cost and usage may still be revised.
    #[serde(default = "thirty")]
    pub(crate) cost_revised_days: u32,
    /// Go back to this day and no further.
    pub(crate) backfill_from: Option<String>,
    /// Whether to read the directory too.
    #[serde(default = "yes")]
    pub(crate) directory: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OwnRowsConfig {
    #[default]
    Exclude,
    Keep,
}

fn half() -> f64 {
    0.5
}
fn quarter_hour() -> u64 {
    15
}
/// The published time for revisions of engagement is "the following days" (analytics_api.md §1.3).
fn week() -> u32 {
    7
}
/// And of cost 30 days.
fn thirty() -> u32 {
    30
}
fn yes() -> bool {
    true
}

impl Upstream {
    /// The pause between two runs: rows are queryable within a minute of happening, days once a day.
    pub(crate) fn poll(&self) -> Duration {
        let usual = match self.kind {
            UpstreamKind::Compliance | UpstreamKind::Admin => 60,
            UpstreamKind::Analytics => 3600,
        };
        Duration::from_secs(self.poll_seconds.unwrap_or(usual).max(1))
    }

    /// The age of the newest row that raises an alarm. Our own requests make rows at a Compliance API, and the daily
    /// reading meets them: with a day to spare, a recording that works is not older. The newest day of an Analytics API
    /// ended up to four days ago.
    pub(crate) fn stale_after(&self) -> Option<Duration> {
        let usual = match self.kind {
            UpstreamKind::Compliance | UpstreamKind::Admin => 48,
            UpstreamKind::Analytics => 120,
        };
        let hours = self.stale_after_hours.unwrap_or(usual);
        (hours > 0).then(|| Duration::from_secs(hours.saturating_mul(3600)))
    }

    /// The limit to begin with, as published (compliance_api.md §9, analytics_api.md §1.2).
    pub(crate) fn assumed_limit(&self) -> Option<u32> {
        self.requests_per_minute.or(match self.kind {
            UpstreamKind::Compliance => Some(600),
            UpstreamKind::Admin => None,
            UpstreamKind::Analytics => Some(60),
        })
    }
}

/// Keys that the environment can set, as `EPHOR_` and the key, with two underscores between section and key. Any other
/// variable of that beginning is somebody else's: a key's, say.
const ENVIRONMENT: [&str; 17] = [
    "data_dir",
    "server__listen",
    "server__rate_limit_per_minute",
    "server__usage_limit_per_minute",
    "server__max_body_bytes",
    "server__tls_certificate",
    "server__tls_key",
    "server__allow_plaintext_public",
    "console__url",
    "analytics__profile",
    "analytics__rate_limit_per_minute",
    "detect__rules",
    "detect__policy",
    "detect__geo",
    "retention__days",
    "proof__key",
    "evidence__frameworks",
];

impl Config {
    /// Reads the file that the flags name, else the `ephor.toml` of the data folder or of this one, and the environment.
    pub(crate) fn load(global: &Global) -> Result<Self, Failure> {
        let mut figment = Figment::new();
        let file = match &global.config {
            Some(path) if !path.is_file() => {
                return Err(Failure::usage(format!("there is no configuration file {}", path.display()))
                    .hint("`ephor init` writes one, or name another with --config"));
            }
            Some(path) => Some(path.clone()),
            None => {
                let beside_data = global.data_dir.iter().map(|dir| dir.join("ephor.toml"));
                let usual = [PathBuf::from("ephor.toml"), PathBuf::from("ephor-data/ephor.toml")];
                beside_data.chain(usual).find(|path| path.is_file())
            }
        };
        if let Some(path) = &file {
            figment = figment.merge(Toml::file_exact(path));
        }
        let nested = Env::prefixed("EPHOR_").only(&ENVIRONMENT).split("__");
        let config: Self = figment.merge(nested).extract().map_err(|error| {
            let place = error
                .metadata
                .as_ref()
                .and_then(|m| m.source.as_ref())
                .map_or_else(String::new, |s| format!(" in {s}"));
            let key = error.path.join(".");
            Failure::usage(format!("the configuration{place} is not right: {} (key `{key}`)", error.kind))
                .hint("docs/configuration.md lists every key with its default")
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Failure> {
        let wrong = |words: String| Err(Failure::usage(words).hint("docs/configuration.md lists every key"));
        for (index, upstream) in self.upstream.iter().enumerate() {
            if self.upstream[..index].iter().any(|other| other.name == upstream.name) {
                return wrong(format!(
                    "two upstreams are called `{}`; the name is where its cursor is kept",
                    upstream.name
                ));
            }
            if !(0.01..=1.0).contains(&upstream.share) {
                return wrong(format!(
                    "upstream `{}`: share = {} is not between 0.01 and 1",
                    upstream.name, upstream.share
                ));
            }
        }
        for upstream in &self.upstream {
            if upstream.requests_per_minute == Some(0) {
                return wrong(format!("upstream `{}`: requests_per_minute = 0 would never ask", upstream.name));
            }
        }
        if self.retention.as_ref().is_some_and(|retention| retention.days == 0) {
            return wrong(
                "[retention] days = 0 would drop every activity; leave [retention] out to keep all".to_owned(),
            );
        }
        self.analytics.limits()?;
        self.reports.options()?;
        crate::export_config::check(&self.sink)?;
        crate::notify_config::check(&self.notify, self.mail.as_ref())?;
        schedule_config::check(&self.schedule, self.mail.as_ref())?;
        self.console.check()?;
        crate::origin_config::check(&self.analytics.origin, &self.upstream)?;
        if self.server.tls_certificate.is_some() != self.server.tls_key.is_some() {
            return wrong("[server] tls_certificate and tls_key go together".to_owned());
        }
        Ok(())
    }

    /// The data folder: flag or environment, then the file, then `./ephor-data`.
    pub(crate) fn data_dir(&self, global: &Global) -> PathBuf {
        global.data_dir.clone().or_else(|| self.data_dir.clone()).unwrap_or_else(|| PathBuf::from("ephor-data"))
    }

    /// The retention policy, if there is one.
    pub(crate) fn retention(&self) -> Result<Option<Retention>, Failure> {
        let Some(config) = &self.retention else { return Ok(None) };
        let legal_holds = config
            .legal_hold
            .iter()
            .map(|hold| {
                let day = |text: &Option<String>| text.as_deref().map(parse_day).transpose();
                Ok(LegalHold { name: hold.name.clone(), from: day(&hold.from)?, to: day(&hold.to)? })
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        Ok(Some(Retention { days: config.days, legal_holds }))
    }
}

/// A day as people write it.
pub(crate) fn parse_day(text: &str) -> Result<UtcDay, Failure> {
    UtcDay::from_str(text)
        .map_err(|_| Failure::usage(format!("`{text}` is not a day; write it as YYYY-MM-DD, e.g. 2026-10-31")))
}

/// The secret behind `env:NAME` or `file:PATH`.
pub(crate) fn secret(reference: &str) -> Result<SecretString, Failure> {
    let text = match reference.split_once(':') {
        Some(("env", name)) => std::env::var(name)
            .map_err(|_| Failure::usage(format!("the environment has no variable {name}, which should hold a key")))?,
        Some(("file", path)) => std::fs::read_to_string(Path::new(path))
            .map_err(|error| Failure::usage(format!("cannot read the key in {path}: {error}")))?,
        _ => {
            return Err(Failure::usage("a key is given as `env:NAME` or `file:PATH`, never as itself")
                .hint("put the key into an environment variable or into a file with mode 0600"));
        }
    };
    match text.trim() {
        "" => Err(Failure::usage(format!("the key behind {reference} is empty"))),
        key => Ok(SecretString::from(key.to_owned())),
    }
}
