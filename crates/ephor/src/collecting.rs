//! Collectors of a node: one task an upstream, each run's outcome kept where people look for it.
//! A failed run is told once a run and tried again at the next; gaps are opened when they begin and closed when they end.
//! Never stops the node.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ephor_lake::control::{Control, ControlError, Gap, RunOutcome, SourceRun};
use ephor_lake::{Appender, Lake};
use ephor_sources::{
    AnalyticsCollector, AnalyticsCollectorOptions, Collector, CollectorOptions, Door, Endpoint, GapAlarm, Horizons,
    Ledger, Listings, OwnRows, Pace, SourceError, SourceReport, gap_end, read_admin_directory,
    read_compliance_directory,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use crate::config::{self, Config, OwnRowsConfig, Upstream, UpstreamKind};
use crate::failure::Failure;
use crate::node::{Node, now_micros};

/// The directory is read once a day.
const DIRECTORY_EVERY_MICROS: i64 = 86_400_000_000;

/// One upstream, ready to be collected from.
pub(crate) struct Source {
    pub(crate) endpoint: Endpoint,
    work: Work,
    pub(crate) poll: Duration,
    pub(crate) directory: bool,
    directory_read_at: Option<i64>,
    lake: Lake,
    appender: Appender,
    control: Control,
    door: Arc<Door>,
}

/// What is read from it beside its directory.
enum Work {
    Activities(Box<CollectorOptions>),
    Analytics(Box<AnalyticsCollectorOptions>),
    /// The directory is all there is.
    Nothing,
}

/// Every upstream of the configuration; a wrong address or a missing key is an error before anything starts.
pub(crate) fn prepare(config: &Config, node: &Node) -> Result<Vec<Source>, Failure> {
    config.upstream.iter().map(|upstream| source(upstream, node)).collect()
}

/// One upstream.
pub(crate) fn source(upstream: &Upstream, node: &Node) -> Result<Source, Failure> {
    // One endpoint and its clones for everything that asks this upstream: they share its budget.
    let endpoint = Endpoint {
        name: upstream.name.clone(),
        base_url: base_url(upstream)?,
        key: config::secret(&upstream.key)?,
        share: upstream.share,
        assumed_limit: upstream.assumed_limit(),
        pace: Pace::default(),
        ledger: Ledger::default(),
    };
    Ok(Source {
        work: work(upstream, node, &endpoint)?,
        endpoint,
        poll: upstream.poll(),
        directory: upstream.directory && upstream.kind != UpstreamKind::Analytics,
        directory_read_at: None,
        lake: node.lake.clone(),
        appender: node.appender.clone(),
        control: node.control.clone(),
        door: Arc::clone(&node.door),
    })
}

fn work(upstream: &Upstream, node: &Node, endpoint: &Endpoint) -> Result<Work, Failure> {
    let backfill_from = upstream.backfill_from.as_deref().map(config::parse_day).transpose()?;
    Ok(match upstream.kind {
        UpstreamKind::Compliance => Work::Activities(Box::new(CollectorOptions {
            endpoint: endpoint.clone(),
            overlap: Duration::from_secs(upstream.overlap_minutes * 60),
            own_rows: match upstream.own_rows {
                OwnRowsConfig::Exclude => OwnRows::Exclude,
                OwnRowsConfig::Keep => OwnRows::Keep,
            },
            backfill_from_micros: backfill_from.map(ephor_wire::timestamp::UtcDay::start_micros),
            stale_after: upstream.stale_after(),
            rejects: rejects(node.lake.dir(), &upstream.name),
            clock: now_micros,
        })),
        UpstreamKind::Analytics => Work::Analytics(Box::new(AnalyticsCollectorOptions {
            endpoint: endpoint.clone(),
            horizons: Horizons {
                backfill_from,
                engagement_revised_days: upstream.engagement_revised_days,
                cost_revised_days: upstream.cost_revised_days,
            },
            stale_after: upstream.stale_after(),
            clock: now_micros,
        })),
        UpstreamKind::Admin => Work::Nothing,
    })
}

fn rejects(dir: &Path, name: &str) -> std::path::PathBuf {
    let name: String = name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
    dir.join("rejects").join(format!("{name}.ndjson"))
}

/// The key goes to this address with every request: it is encrypted on the way, or does not leave the machine.
fn base_url(upstream: &Upstream) -> Result<Url, Failure> {
    let wrong = |what: &str| Failure::usage(format!("upstream `{}`: base_url {what}", upstream.name));
    let url = Url::parse(&upstream.base_url).map_err(|error| wrong(&format!("is no URL: {error}")))?;
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(wrong("names no host")),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => Err(wrong("must be https: the key would travel in the clear")),
        other => Err(wrong(&format!("has the scheme `{other}`; https is spoken"))),
    }
}

/// Starts a task for each source; they end when `stop` turns true.
pub(crate) fn start(sources: Vec<Source>, stop: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
    sources.into_iter().map(|source| tokio::spawn(keep_collecting(source, stop.clone()))).collect()
}

async fn keep_collecting(mut source: Source, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            // Between two requests is a good place to stop; what was stored is stored with its place.
            _ = stop.changed() => return,
            result = source.run_once() => if let Err(error) = result {
                tracing::warn!(source = source.endpoint.name, %error, "the run failed; the next one goes on from the same place");
            }
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(source.poll) => {}
        }
    }
}

impl Source {
    /// One run, its outcome recorded.
    pub(crate) async fn run_once(&mut self) -> Result<SourceReport, SourceError> {
        let (report, result) = match &self.work {
            Work::Nothing => (SourceReport { source: self.endpoint.name.clone(), ..SourceReport::default() }, Ok(())),
            Work::Activities(options) => {
                let options = options.as_ref().clone();
                Collector::open(options, &self.lake, &self.appender, &self.door).await?.run_once().await
            }
            Work::Analytics(options) => {
                let options = options.as_ref().clone();
                AnalyticsCollector::open(options, &self.lake, &self.door).await?.run_once().await
            }
        };
        let due = self.directory_read_at.is_none_or(|at| now_micros() - at >= DIRECTORY_EVERY_MICROS);
        let result = match result {
            Ok(()) if self.directory && due => self.read_directory().await.map(drop),
            other => other,
        };
        self.record(&report, &result).await?;
        result.map(|()| report)
    }

    /// Reads the directory now.
    pub(crate) async fn read_directory(&mut self) -> Result<Vec<String>, SourceError> {
        let endpoint = self.endpoint.clone();
        let Listings { snapshots, left_out } = match &self.work {
            Work::Activities(_) => read_compliance_directory(endpoint, now_micros).await?,
            Work::Nothing => read_admin_directory(endpoint, now_micros).await?,
            Work::Analytics(_) => Listings::default(),
        };
        for reason in &left_out {
            tracing::info!(source = self.endpoint.name, reason, "left out of the directory");
        }
        self.lake.directory().record_many(snapshots).await?;
        self.directory_read_at = Some(now_micros());
        Ok(left_out)
    }

    async fn record(&self, report: &SourceReport, result: &Result<(), SourceError>) -> Result<(), SourceError> {
        let now = now_micros();
        let outcome = match result {
            Ok(()) => RunOutcome::Succeeded { rows: report.added },
            Err(error) => RunOutcome::Failed { error: error.to_string() },
        };
        let run = SourceRun {
            source: report.source.clone(),
            at_micros: now,
            outcome,
            budget: report.budget,
            clock_skew_micros: report.clock_skew_micros,
            last_request_id: report.last_request_id.clone(),
        };
        let control = &self.control;
        control.sources().record_run(&run).await.map_err(ephor_lake::LakeError::from)?;
        self.note_gaps(report, result.is_ok(), now).await.map_err(ephor_lake::LakeError::from)?;
        Ok(())
    }

    /// Opens a gap once, however often its reason is met again, and closes it when what began it has ended.
    async fn note_gaps(&self, report: &SourceReport, succeeded: bool, now: i64) -> Result<(), ControlError> {
        let name = &self.endpoint.name;
        let sources = self.control.sources();
        for GapAlarm { from_micros, reason } in &report.alarms {
            let same = |gap: &Gap| {
                gap.reason == *reason && (gap.from_micros == *from_micros || gap.closed_at_micros.is_none())
            };
            if !self.gaps().await?.iter().any(same) {
                tracing::warn!(source = name, reason, "something may be missing for ever");
                sources.open_gap(name, reason, *from_micros, None, now, &mut StdRng::from_os_rng()).await?;
            }
        }
        for gap in self.gaps().await?.into_iter().filter(|gap| gap.closed_at_micros.is_none()) {
            let told = GapAlarm { from_micros: gap.from_micros, reason: gap.reason };
            if let Some(end) = gap_end(&told, report, succeeded.then_some(now)) {
                sources.close_gap(&gap.id, end, now).await?;
            }
        }
        Ok(())
    }

    async fn gaps(&self) -> Result<Vec<Gap>, ControlError> {
        let all = self.control.sources().gaps().await?;
        Ok(all.into_iter().filter(|gap| gap.source == self.endpoint.name).collect())
    }
}
