//! What every request can reach: the lake and its writer, the control database, the door, the clock, the budgets.
//! Promises that all of it is shared by cloning and closed by whoever opened it.
//! Never opens anything itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ephor_analytics::Analytics;
use ephor_detect::{DetectOptions, RuleSources};
use ephor_evidence::Frameworks;
use ephor_lake::control::Control;
use ephor_lake::proof::ProofKey;
use ephor_lake::{Appender, Lake};
use ephor_reports::{ReportOptions, USUAL_FLOOR};
use ephor_sources::{Door, UsageIntake};
use ephor_wire::ids::tagged;
use metrics_exporter_prometheus::PrometheusHandle;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::OnceCell;

use crate::analytics::{AnalyticsLimits, PageTokens};
use crate::audit::Recorder;
use crate::console::{ConsoleOptions, ConsoleState};
use crate::observe::metrics;
use crate::problem::Problem;
use crate::rate_limit::{Budget, OrganizationBudgets};

/// The certificate chain and the private key of a TLS listener, as PEM files. Both are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to the root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How the server behaves. Every field has a default that suits one organisation on one machine.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Requests a minute over all keys of the parent organization; 600 as published.
    pub rate_limit_per_minute: u32,
    /// Pushes a minute over all keys: a budget of their own, so that a busy reader never stops the record.
    pub intake_limit_per_minute: u32,
    /// What may be asked of the Analytics API, and how often.
    pub analytics: AnalyticsLimits,
    /// Exports of telemetry and pushes of usage events a minute over all keys. Every client sends its own, some every
    /// five seconds, so this is for a thousand people at work at once.
    pub usage_limit_per_minute: u32,
    /// What the configuration says of reports.
    pub reports: ReportOptions,
    /// Reports do not tell of groups with fewer people.
    pub reports_floor_people: u32,
    /// How the console behaves.
    pub console: ConsoleOptions,
    /// The largest body that is taken in, after it is unpacked.
    pub max_body_bytes: usize,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How long open requests may go on after the order to stop.
    pub drain: Duration,
    /// The frameworks that evidence is for; none: those that Ephor carries.
    pub frameworks: Option<Arc<Frameworks>>,
    /// Where the rules come from that the node judges by.
    pub rules: RuleSources,
    /// What the node judges by beside its rules: lists of the configuration.
    pub detect: DetectOptions,
    /// What signs the log, and with it what people close and hand over; none: nothing is signed here.
    pub proof_key: Option<ProofKey>,
    /// Serve over TLS with these files.
    pub tls: Option<TlsFiles>,
    /// Serve without TLS on an address that others can reach.
    pub allow_plaintext_public: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            rate_limit_per_minute: 600,
            intake_limit_per_minute: 600,
            analytics: AnalyticsLimits::default(),
            usage_limit_per_minute: 15_000,
            reports: ReportOptions::default(),
            reports_floor_people: USUAL_FLOOR,
            console: ConsoleOptions::default(),
            max_body_bytes: 16 << 20,
            request_timeout: Duration::from_secs(60),
            drain: Duration::from_secs(20),
            frameworks: None,
            rules: RuleSources::default(),
            detect: DetectOptions::default(),
            proof_key: None,
            tls: None,
            allow_plaintext_public: false,
        }
    }
}

impl ServerOptions {
    /// What signs, or why nothing can be signed here.
    pub(crate) fn signing_key(&self) -> Result<&ProofKey, Problem> {
        let missing =
            || Problem::conflict("This node does not hold the key of the log: sign on the machine that does.");
        self.proof_key.as_ref().ok_or_else(missing)
    }

    /// Whether these options allow an address to be served.
    pub fn allow(&self, address: SocketAddr) -> bool {
        self.tls.is_some() || self.allow_plaintext_public || address.ip().to_canonical().is_loopback()
    }
}

/// The parts of a server, opened by the caller.
#[derive(Debug)]
pub struct AppParts {
    /// The lake.
    pub lake: Lake,
    /// Its writer.
    pub appender: Appender,
    /// What answers the Analytics API.
    pub analytics: Analytics,
    /// Keys, organizations, people, recording, outbox.
    pub control: Control,
    /// Where content is taken out of what comes in.
    pub door: Arc<Door>,
    /// Microseconds since 1970, now.
    pub clock: fn() -> i64,
    /// How to behave.
    pub options: ServerOptions,
}

/// What the secret behind page tokens is called in the control database.
const PAGE_TOKEN_SECRET: &str = "analytics_page_tokens";

/// A server's state. Cloning shares it.
#[derive(Debug, Clone)]
pub struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: AppParts,
    reads: Budget,
    pushes: Budget,
    analytics_reads: OrganizationBudgets,
    page_tokens: OnceCell<PageTokens>,
    usage_pushes: Budget,
    usage: UsageIntake,
    recorder: Recorder,
    console: ConsoleState,
    metrics: PrometheusHandle,
}

impl App {
    /// Puts a server together. Nothing runs and nothing listens yet.
    pub fn new(parts: AppParts) -> Self {
        let inner = Inner {
            reads: Budget::new(parts.options.rate_limit_per_minute),
            pushes: Budget::new(parts.options.intake_limit_per_minute),
            analytics_reads: OrganizationBudgets::new(parts.options.analytics.rate_limit_per_minute),
            page_tokens: OnceCell::new(),
            usage_pushes: Budget::new(parts.options.usage_limit_per_minute),
            usage: UsageIntake::new(parts.lake.clone(), parts.appender.clone()),
            recorder: Recorder::new(),
            console: ConsoleState::new(),
            metrics: metrics::handle(),
            parts,
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn lake(&self) -> &Lake {
        &self.inner.parts.lake
    }

    pub(crate) fn appender(&self) -> &Appender {
        &self.inner.parts.appender
    }

    pub(crate) fn control(&self) -> &Control {
        &self.inner.parts.control
    }

    pub(crate) fn door(&self) -> &Door {
        &self.inner.parts.door
    }

    pub(crate) fn options(&self) -> &ServerOptions {
        &self.inner.parts.options
    }

    /// The budget of everything that is neither a push nor the Analytics API.
    pub(crate) fn reads(&self) -> &Budget {
        &self.inner.reads
    }

    /// The budget of pushes.
    pub(crate) fn pushes(&self) -> &Budget {
        &self.inner.pushes
    }

    /// The budgets of the Analytics API.
    pub(crate) fn analytics_reads(&self) -> &OrganizationBudgets {
        &self.inner.analytics_reads
    }

    pub(crate) fn analytics(&self) -> &Analytics {
        &self.inner.parts.analytics
    }

    /// What signs the page tokens of the Analytics API; its secret is made by the first walk that needs it.
    pub(crate) async fn page_tokens(&self) -> Result<&PageTokens, Problem> {
        let make = || async {
            let secret = self.control().node_secrets().ensure(PAGE_TOKEN_SECRET, self.now(), &mut rng()).await?;
            PageTokens::new(secret.expose()).ok_or_else(|| Problem::internal(&"a key of no length"))
        };
        self.inner.page_tokens.get_or_try_init(make).await
    }

    /// The budget of telemetry and of pushed usage events.
    pub(crate) fn usage_pushes(&self) -> &Budget {
        &self.inner.usage_pushes
    }

    /// The way in for usage.
    pub(crate) fn usage(&self) -> &UsageIntake {
        &self.inner.usage
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.inner.recorder
    }

    pub(crate) fn console(&self) -> &ConsoleState {
        &self.inner.console
    }

    pub(crate) fn metrics(&self) -> &PrometheusHandle {
        &self.inner.metrics
    }

    /// Microseconds since 1970, now.
    pub(crate) fn now(&self) -> i64 {
        (self.inner.parts.clock)()
    }
}

/// Randomness for secrets and ids, from the operating system.
pub(crate) fn rng() -> StdRng {
    StdRng::from_os_rng()
}

/// A new tagged id, such as `req_…`.
pub(crate) fn new_id(prefix: &str) -> String {
    tagged(prefix, rand::random())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_loopback_is_served_in_the_clear_unless_told_otherwise() {
        let allowed = |options: &ServerOptions, address: &str| options.allow(address.parse().unwrap());
        let options = ServerOptions::default();
        assert!(
            allowed(&options, "127.0.0.1:80")
                && allowed(&options, "[::1]:80")
                && allowed(&options, "[::ffff:127.0.0.1]:80")
        );
        assert!(
            !allowed(&options, "0.0.0.0:80") && !allowed(&options, "[::]:80") && !allowed(&options, "192.168.1.5:80")
        );
        let flagged = ServerOptions { allow_plaintext_public: true, ..options.clone() };
        assert!(allowed(&flagged, "0.0.0.0:80"));
        let files = TlsFiles { certificate: "c.pem".into(), key: "k.pem".into() };
        assert!(allowed(&ServerOptions { tls: Some(files), ..options }, "0.0.0.0:443"));
    }
}
