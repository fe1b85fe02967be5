//! `ephor doctor`: looks at configuration, data folder, recording, keys and upstreams, and says what to do about each.
//! Exit code 0 when all is well, 1 when something is not.
//! Never changes anything.

use std::path::Path;
use std::process::ExitCode;

use ephor_lake::Lake;
use ephor_lake::control::{Control, KeyState, Recording};
use ephor_sources::GapCause;
use serde::Serialize;

use crate::arguments::Global;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

#[derive(Debug, Serialize)]
struct Check {
    what: String,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    fn good(what: &str, found: impl Into<String>) -> Self {
        Self { what: what.to_owned(), ok: true, found: found.into(), advice: None }
    }

    fn bad(what: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.to_owned(), ok: false, found: found.into(), advice: Some(advice.into()) }
    }
}

pub(super) async fn run(global: &Global, config: &Config) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let mut checks = vec![Check::good("configuration", format!("{} upstreams", config.upstream.len()))];
    checks.push(lake(&dir).await);
    checks.extend(control(&dir, config).await);
    checks.extend(config.upstream.iter().map(upstream_key));
    let healthy = checks.iter().all(|check| check.ok);
    output::print(global.format, &checks, |checks| {
        let lines = checks.iter().map(|check| {
            let mark = if check.ok { "ok " } else { "BAD" };
            let advice = check.advice.as_ref().map_or_else(String::new, |advice| format!("\n      {advice}"));
            format!("{mark}  {}: {}{advice}", check.what, check.found)
        });
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn lake(dir: &Path) -> Check {
    let opened = match Lake::open_reader(dir).await {
        Ok(lake) => lake.stats().await,
        Err(error) => Err(error),
    };
    match opened {
        Ok(stats) => {
            let newest = stats.newest_created_at.unwrap_or_else(|| "none yet".to_owned());
            Check::good("lake", format!("{} activities in {} files, newest {newest}", stats.activities, stats.files))
        }
        Err(error) => Check::bad("lake", error.to_string(), format!("looked in {}", dir.display())),
    }
}

async fn control(dir: &Path, config: &Config) -> Vec<Check> {
    let what = "control database";
    match super::org::existing_control(dir).await {
        Ok(control) => match control_checks(&control, config).await {
            Ok(checks) => checks,
            Err(error) => vec![Check::bad(what, error.to_string(), "restore control.sqlite from a copy")],
        },
        Err(error) => vec![Check::bad(what, error.to_string(), "ephor init makes one")],
    }
}

async fn control_checks(control: &Control, config: &Config) -> Result<Vec<Check>, Failure> {
    let now = now_micros();
    let mut checks = Vec::new();
    checks.push(match control.enablement().state().await? {
        Recording::On(period) => Check::good("recording", format!("on, under {}", period.agreement)),
        Recording::Off => {
            Check::bad("recording", "off: what happens now is not recorded", "ephor org enable --agreement REF")
        }
    });
    let keys = control.keys().list().await?;
    let active = keys.iter().filter(|key| key.state(now) == KeyState::Active).count();
    checks.push(match active {
        0 => Check::bad("keys", "no key works", "ephor keys create --name NAME --scope SCOPE"),
        count => Check::good("keys", format!("{count} of {} work", keys.len())),
    });
    for source in control.sources().list().await? {
        let what = format!("source {}", source.source);
        checks.push(match source.last_error.filter(|_| source.failures_in_a_row > 0) {
            Some(error) => Check::bad(
                &what,
                format!("failed {} times in a row: {error}", source.failures_in_a_row),
                "ephor collect --once shows it again",
            ),
            None => Check::good(&what, format!("{} rows so far", source.rows_total)),
        });
    }
    checks.extend(notifications(control, config).await?);
    let open = control.sources().gaps().await?.into_iter().filter(|gap| gap.closed_at_micros.is_none());
    checks.extend(open.map(|gap| {
        let advice = gap_advice(GapCause::of(&gap.reason));
        Check::bad(&format!("gap at {}", gap.source), gap.reason, advice)
    }));
    Ok(checks)
}

async fn notifications(control: &Control, config: &Config) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    for settings in &config.notify {
        let what = format!("notification {}", settings.name);
        let place = control.notices().find(&settings.name).await?;
        checks.push(match place {
            Some(place) if place.failures_in_a_row > 0 => Check::bad(
                &what,
                format!("failed {} times in a row: {}", place.failures_in_a_row, place.last_error.unwrap_or_default()),
                format!("ephor notify test {} shows it again", settings.name),
            ),
            Some(place) => Check::good(&what, format!("{} findings told so far", place.findings)),
            None => Check::good(&what, "minded from the next start of the node on"),
        });
    }
    Ok(checks)
}

fn gap_advice(cause: Option<GapCause>) -> &'static str {
    match cause {
        Some(GapCause::KeyRefused) => "give the upstream's entry in ephor.toml a key with the scopes it needs",
        Some(GapCause::SwitchedOff(_)) => "switch it on at the upstream; what it did not record cannot be had later",
        Some(GapCause::Stale) => "see whether the upstream records; where a silence is usual, raise stale_after_hours",
        None => "what the source did not record cannot be had later",
    }
}

fn upstream_key(upstream: &config::Upstream) -> Check {
    let what = format!("key of upstream {}", upstream.name);
    match config::secret(&upstream.key) {
        Ok(_) => Check::good(&what, format!("{} is there", upstream.key)),
        Err(error) => Check::bad(&what, error.to_string(), "set it where `ephor up` runs"),
    }
}
