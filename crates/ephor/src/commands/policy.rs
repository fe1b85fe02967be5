//! `ephor policy`: settings against their declared state, and the present state written down as one.
//! Works beside a running node: it reads the lake and changes nothing of it.
//! Exit code 3 when something differs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ephor_detect::{Drift, Policy, SettingsNow};
use ephor_lake::Lake;
use ephor_wire::timestamp::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::arguments::{Global, PolicyCommand};
use crate::config::Config;
use crate::failure::{Failure, found_something};
use crate::output;

#[derive(Debug, Serialize)]
struct Checked {
    policy: String,
    compared: usize,
    differences: Vec<Difference>,
    unknown: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Difference {
    organization: String,
    setting: String,
    wanted: Value,
    present: Value,
    changed_by: Option<String>,
    changed_at: Option<String>,
    activity: Option<String>,
    explanation: String,
    way_back: String,
}

pub(super) async fn run(global: &Global, config: &Config, action: PolicyCommand) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let place = |file: Option<PathBuf>| {
        file.or_else(|| config.detect.policy.clone()).unwrap_or_else(|| dir.join("policy.toml"))
    };
    let lake = Lake::open_reader(&dir).await?;
    match action {
        PolicyCommand::Check { file } => check(global, &lake, &place(file)).await,
        PolicyCommand::Init { file } => init(global, &lake, &place(file)).await,
    }
}

async fn check(global: &Global, lake: &Lake, path: &Path) -> Result<ExitCode, Failure> {
    let policy = Policy::read(path)?;
    let now = SettingsNow::of(lake).await?;
    let unknown = policy.unknown(&now).into_iter();
    let checked = Checked {
        policy: path.display().to_string(),
        compared: policy.compared(&now),
        differences: policy.drift(&now).into_iter().map(difference).collect(),
        unknown: unknown
            .map(|(organization, setting)| json!({ "organization": organization, "setting": setting }))
            .collect(),
    };
    output::print(global.format, &checked, told)?;
    Ok(if checked.differences.is_empty() { ExitCode::SUCCESS } else { found_something() })
}

fn difference(drift: Drift) -> Difference {
    let (explanation, way_back) = (drift.explanation(), drift.way_back());
    let changed_at = drift.change.as_ref().map(|change| Timestamp::from_micros(change.at_micros).to_string());
    let (changed_by, activity) = drift.change.map(|change| (change.by, change.activity)).unzip();
    Difference {
        organization: drift.organization,
        setting: drift.setting,
        wanted: drift.wanted,
        present: drift.present,
        changed_by,
        changed_at,
        activity,
        explanation,
        way_back,
    }
}

fn told(checked: &Checked) -> String {
    let mut lines: Vec<String> =
        checked.differences.iter().map(|one| format!("{}\n  {}", one.explanation, one.way_back)).collect();
    let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    lines.extend(
        checked.unknown.iter().map(|one| {
            format!("unknown: no source lists {} of {}", words(&one["setting"]), words(&one["organization"]))
        }),
    );
    let count = checked.differences.len();
    lines.push(format!("{} settings compared with {}, {count} differ", checked.compared, checked.policy));
    lines.join("\n")
}

async fn init(global: &Global, lake: &Lake, path: &Path) -> Result<ExitCode, Failure> {
    let now = SettingsNow::of(lake).await?;
    let policy = Policy::of_present(&now);
    let settings = policy.compared(&now);
    if settings == 0 {
        return Err(Failure::new("no setting is known yet").hint(
            "collect the directory of an upstream, or import one with `ephor import --directory`, and try again",
        ));
    }
    let text = policy.render();
    let failed = |error: std::io::Error| {
        let failure = Failure::new(format!("cannot write {}: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => failure.hint("move it away, or name another with --file"),
            _ => failure,
        }
    };
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).open(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    let organizations = now.organizations().count();
    let written = json!({ "policy": path.display().to_string(), "settings": settings, "organizations": organizations });
    output::print(global.format, &written, |_| {
        format!(
            "{} settings of {organizations} organizations written to {}\n`[detect] policy = \"{}\"` in ephor.toml puts it in force",
            settings,
            path.display(),
            path.display()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
