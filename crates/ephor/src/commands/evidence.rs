//! `ephor evidence`: what is held for a framework's controls, packages for auditors, their check.
//! Coverage and packages read beside a running node; a check needs neither lake nor configuration.
//! Never writes into the data folder, but for a checkpoint where nobody else has the lake open.

use std::path::Path;
use std::process::ExitCode;

use ephor_evidence::{
    BuildOptions, Built, Coverage, EvidenceError, Frameworks, House, Period, Source, Verified, build, cover, sign_off,
    signing_key, verify,
};
use ephor_lake::control::Control;
use ephor_lake::proof::{ProofKey, PublicKey};
use ephor_lake::{Lake, LakeError};
use serde_json::json;

use crate::arguments::{Build, EvidenceCommand, Global, PeriodFlags, VerifyPackage};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

pub(super) async fn run(global: &Global, config: &Config, action: EvidenceCommand) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    match action {
        EvidenceCommand::Coverage(options) => {
            let opened = Opened::reading(&dir).await?;
            let frameworks = config.evidence.load()?;
            let asked = (options.framework.as_str(), options.controls.as_slice());
            let covered = cover(opened.house(), &frameworks, asked, period(&options.period)?, now_micros()).await;
            opened.close().await;
            output::print(global.format, &covered?, describe_coverage)?;
        }
        EvidenceCommand::Build(options) => {
            let built = make(config, &dir, &options).await?;
            output::print(global.format, &built, describe_built)?;
        }
        EvidenceCommand::Verify(options) => return check(global, options).await,
        EvidenceCommand::SignOff(flags) => {
            let key = key(config, &dir)?;
            // Nobody signs for a package that this log's key did not sign, or that was changed since.
            let found = verify(&flags.path, key.public())?;
            if let (false, Some(problem)) = (found.proven, found.problems.first()) {
                return Err(Failure::new(format!("the package is not proven: {}: {}", problem.file, problem.what))
                    .hint("`ephor evidence verify` lists everything that does not fit"));
            }
            let words = (flags.by.as_str(), flags.says.says(), flags.note.as_deref());
            let signed = sign_off(&flags.path, &key, words, now_micros())?;
            output::print(global.format, &signed, |signed| {
                format!("{} {}, {}", signed.says.as_str(), signed.at, signed.by)
            })?;
        }
        EvidenceCommand::Frameworks => {
            let frameworks = config.evidence.load()?;
            let listed: Vec<_> = frameworks.iter().collect();
            output::print(global.format, &json!(listed), |_| describe_frameworks(&frameworks))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The lake for reading, and the control database where there is one.
struct Opened {
    lake: Lake,
    control: Option<Control>,
}

impl Opened {
    async fn reading(dir: &Path) -> Result<Self, Failure> {
        let lake = Lake::open_reader(dir).await?;
        let control = match dir.join("control.sqlite").is_file() {
            true => Some(Control::open(dir).await?),
            false => None,
        };
        Ok(Self { lake, control })
    }

    fn house(&self) -> House<'_> {
        House { lake: &self.lake, control: self.control.as_ref() }
    }

    async fn close(self) {
        if let Some(control) = self.control {
            control.close().await;
        }
    }
}

async fn make(config: &Config, dir: &Path, flags: &Build) -> Result<Built, Failure> {
    let frameworks = config.evidence.load()?;
    let options = BuildOptions {
        framework: flags.framework.clone(),
        controls: flags.controls.clone(),
        period: period(&flags.period)?,
        place: flags.out.clone(),
        persons: flags.persons(),
        sample: flags.sample_size(),
        seed: flags.seed.clone(),
        built_by: flags.by.clone(),
    };
    // Said before anything is signed or written.
    frameworks.find(&options.framework)?.clone().with_controls(&options.controls)?;
    Lake::open_reader(dir).await?;
    sign_news(config, dir).await?;
    let key = key(config, dir)?;
    let opened = Opened::reading(dir).await?;
    let built = build(opened.house(), &frameworks, &key, &options, now_micros(), &mut rand::rng()).await;
    opened.close().await;
    Ok(built?)
}

/// A checkpoint over everything that has arrived; a running node signs by itself, at least once a minute.
async fn sign_news(config: &Config, dir: &Path) -> Result<(), Failure> {
    match Lake::open_writer(dir, config.lake_options()?).await {
        Ok((_, appender)) => {
            let signed = appender.notarize().await;
            appender.close().await?;
            signed?;
            Ok(())
        }
        Err(LakeError::Locked { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn key(config: &Config, dir: &Path) -> Result<ProofKey, Failure> {
    match config.lake_options()?.key {
        Some(key) => Ok(key),
        None => Ok(signing_key(dir)?),
    }
}

async fn check(global: &Global, flags: VerifyPackage) -> Result<ExitCode, Failure> {
    let no_key = |what: String| Failure::from(EvidenceError::PublicKey { path: flags.key.clone(), what });
    let text = std::fs::read_to_string(&flags.key).map_err(|error| no_key(error.to_string()))?;
    // `ephor lake key show` prints every key of a log, the oldest first: that is the one to trust.
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let key = PublicKey::parse(first).map_err(|error| no_key(error.to_string()))?;
    let path = flags.path;
    let checked = tokio::task::spawn_blocking(move || verify(&path, &key).map_err(Failure::from)).await;
    let found = checked.map_err(|error| Failure::new(format!("the check ended early: {error}")))??;
    output::print(global.format, &found, describe_verified)?;
    Ok(if found.proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn period(flags: &PeriodFlags) -> Result<Period, Failure> {
    Period::parse(&flags.from, &flags.to).map_err(|error| Failure::usage(error.to_string()))
}

fn describe_coverage(covered: &Coverage) -> String {
    let counts = covered.summary;
    let mut lines = vec![
        format!("{} ({}), {}", covered.title, covered.framework, covered.period),
        format!(
            "{} controls: {} covered, {} partial, {} gaps",
            counts.controls, counts.covered, counts.partial, counts.gaps
        ),
        String::new(),
    ];
    let mut rows = vec![["control", "status", "analytics", "compliance", "subject"].map(str::to_owned).to_vec()];
    for control in &covered.controls {
        let source = |source: Source| {
            let one = control.sources.of(source);
            format!("{} of {}", one.held.as_str(), one.possible.as_str())
        };
        let cells = [
            control.id.clone(),
            control.status.as_str().to_owned(),
            source(Source::Analytics),
            source(Source::Compliance),
            control.title.clone(),
        ];
        rows.push(cells.to_vec());
    }
    lines.push(output::columns(&rows));
    lines.push(String::new());
    for source in Source::ALL {
        let one = covered.sources.of(source);
        let days = &one.holdings;
        lines.push(format!(
            "{}: {} of {}; {} rows on {} of {} days",
            source.title(),
            one.held.as_str(),
            one.possible.as_str(),
            days.rows,
            days.days_with_rows,
            days.days
        ));
        lines.extend(
            days.holes
                .iter()
                .map(|hole| format!("  gap {} to {}: {}", hole.from, hole.to.as_deref().unwrap_or("now"), hole.reason)),
        );
    }
    lines.join("\n")
}

fn describe_built(built: &Built) -> String {
    let counts = built.controls;
    let mut lines = vec![
        format!("{} for {}: {} files, {} KiB", built.path.display(), built.period, built.files, built.bytes >> 10),
        format!(
            "{} controls: {} covered, {} partial, {} gaps",
            counts.controls, counts.covered, counts.partial, counts.gaps
        ),
        format!("{} activities cited, log of {}, signed by {}", built.activities, built.size, built.signed_by),
    ];
    lines.extend(built.failed_tests.iter().map(|test| format!("a test failed: {test}")));
    lines.join("\n")
}

fn describe_verified(found: &Verified) -> String {
    let mut lines = vec![match found.proven {
        true => "proven".to_owned(),
        false => format!("NOT proven: {} problems", found.problems.len() as u64 + found.more_problems),
    }];
    if let (Some(framework), Some(period), Some(by)) = (&found.framework, found.period, &found.signed_by) {
        lines.push(format!("{framework}, {period}, signed by {by}"));
    }
    lines.extend(found.problems.iter().map(|problem| format!("{}: {}", problem.file, problem.what)));
    if found.more_problems > 0 {
        lines.push(format!("and {} more", found.more_problems));
    }
    lines.extend(found.sign_offs.iter().map(|one| {
        let note = one.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
        format!("{} by {} at {}{note}", one.says.as_str(), one.by, one.at)
    }));
    lines.extend(found.proves.iter().map(|words| format!("it proves: {words}")));
    lines.extend(found.does_not_prove.iter().map(|words| format!("it does not prove: {words}")));
    lines.join("\n")
}

fn describe_frameworks(frameworks: &Frameworks) -> String {
    let row = |framework: &ephor_evidence::Framework| {
        vec![framework.id.clone(), format!("{} controls", framework.controls.len()), framework.title.clone()]
    };
    output::columns(&frameworks.iter().map(row).collect::<Vec<_>>())
}
