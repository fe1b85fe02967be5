//! `ephor collect`: catch up with the upstreams of ephor.toml (or with one named on the command line), or go on for ever.
//! Goes on from where the last commit of each source says.
//! Never runs beside a node that collects the same lake: there is one writer.

use std::process::ExitCode;

use ephor_sources::SourceReport;

use super::init;
use crate::arguments::{Collect, Global};
use crate::collecting::{self, Source};
use crate::config::{Config, OwnRowsConfig, Upstream, UpstreamKind};
use crate::failure::Failure;
use crate::node::{Node, stop_signal};
use crate::output;

/// The name under which an upstream of the command line is kept.
const UNNAMED: &str = "upstream";

pub(super) async fn run(global: &Global, config: &Config, options: &Collect) -> Result<ExitCode, Failure> {
    let upstreams = chosen(config, options)?;
    let node = Node::open(&config.data_dir(global), config).await?;
    init::found(&node.control, "My organization", "owner@localhost").await?;
    let sources = upstreams.iter().map(|upstream| collecting::source(upstream, &node)).collect::<Result<Vec<_>, _>>();
    let result = match sources {
        Ok(sources) if options.once => run_once(global, sources).await,
        Ok(sources) => {
            run_on(sources).await;
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    node.appender.close().await?;
    node.control.close().await;
    result.map(|()| ExitCode::SUCCESS)
}

fn chosen(config: &Config, options: &Collect) -> Result<Vec<Upstream>, Failure> {
    let mut upstreams = match (&options.url, &options.key) {
        (Some(url), Some(key)) => vec![Upstream {
            name: options.source.clone().unwrap_or_else(|| UNNAMED.to_owned()),
            kind: UpstreamKind::Compliance,
            base_url: url.clone(),
            key: key.clone(),
            share: 0.5,
            requests_per_minute: None,
            poll_seconds: None,
            overlap_minutes: 15,
            own_rows: OwnRowsConfig::Exclude,
            stale_after_hours: None,
            engagement_revised_days: 7,
            cost_revised_days: 30,
            backfill_from: None,
            directory: options.directory,
        }],
        _ => config.upstream.clone(),
    };
    if let (Some(name), None) = (&options.source, &options.url) {
        upstreams.retain(|upstream| upstream.name == *name);
        if upstreams.is_empty() {
            return Err(Failure::usage(format!("ephor.toml has no upstream called `{name}`")));
        }
    }
    if upstreams.is_empty() {
        return Err(Failure::usage("there is no upstream to collect from")
            .hint("add [[upstream]] to ephor.toml, or name one with --url and --key"));
    }
    for upstream in &mut upstreams {
        upstream.backfill_from = options.from.clone().or(upstream.backfill_from.take());
        upstream.directory |= options.directory;
    }
    Ok(upstreams)
}

async fn run_once(global: &Global, sources: Vec<Source>) -> Result<(), Failure> {
    let mut reports = Vec::new();
    for mut source in sources {
        reports.push(source.run_once().await?);
    }
    output::print(global.format, &reports, |reports| reports.iter().map(describe).collect::<Vec<_>>().join("\n"))
}

async fn run_on(sources: Vec<Source>) {
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let tasks = collecting::start(sources, &stopping);
    stop_signal().await;
    let _ = stop.send(true);
    for task in tasks {
        let _ = task.await;
    }
}

fn describe(report: &SourceReport) -> String {
    format!(
        "{}: {} read in {} requests, {} added, {} were there already, {} conflicts, {} rejected, {} of our own left out, {} late",
        report.source,
        report.read,
        report.requests,
        report.added,
        report.duplicates,
        report.conflicts,
        report.rejected,
        report.own,
        report.late
    )
}
