//! `ephor timeline`: what happened around a person, an address, a key or a thing, in one order of time.
//! Works beside a running node.
//! Never changes anything.

use std::path::Path;
use std::process::ExitCode;

use ephor_lake::LakeError;
use ephor_lake::proof::{ProofKey, ProofLog};
use ephor_reports::timeline::{Reach, TimelineQuestion, bundle, events, timeline};
use ephor_reports::{Desk, Names, render};
use ephor_wire::timestamp::{Timestamp, UtcDay};

use super::report::{desk, discretion, write};
use crate::arguments::{About, Format, Global, Timeline, TimelineForm};
use crate::config::{Config, parse_day};
use crate::failure::Failure;

pub(super) async fn run(global: &Global, config: &Config, options: &Timeline) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let desk = desk(config, &dir).await?;
    let question = question(&options.about)?;
    let form = form_of(global, options.form, options.out.as_deref());
    let bytes = match options.signed {
        true => signed(&desk, config, &dir, &question).await?.into_bytes(),
        false => written(&desk, config, &question, form, options.pseudonymise, "Timeline").await?,
    };
    write(options.out.as_deref(), &bytes)?;
    desk.control.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What the flags ask for.
pub(super) fn question(about: &About) -> Result<TimelineQuestion, Failure> {
    Ok(TimelineQuestion {
        actors: about.actors.clone(),
        ips: about.ips.clone(),
        keys: about.keys.clone(),
        sessions: about.sessions.clone(),
        resources: about.resources.clone(),
        from_micros: instant(about.from.as_deref(), UtcDay::start_micros)?,
        to_micros: instant(about.to.as_deref(), UtcDay::end_micros)?,
        reach: if about.related { Reach::OneStep } else { Reach::Asked },
    })
}

/// A day, of which `edge` is meant, or an instant.
fn instant(text: Option<&str>, edge: impl Fn(UtcDay) -> i64) -> Result<Option<i64>, Failure> {
    let Some(text) = text else { return Ok(None) };
    if text.contains('T') {
        let instant = Timestamp::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
        return Ok(Some(instant.micros()));
    }
    Ok(Some(edge(parse_day(text)?)))
}

pub(super) fn form_of(global: &Global, form: Option<TimelineForm>, out: Option<&Path>) -> TimelineForm {
    let ending = out.and_then(Path::extension).and_then(|ending| ending.to_str());
    form.unwrap_or(match (global.format, ending) {
        (Format::Json, _) | (Format::Text, Some("json")) => TimelineForm::Json,
        (Format::Csv, _) | (Format::Text, Some("csv")) => TimelineForm::Csv,
        (Format::Xlsx, _) | (Format::Text, Some("xlsx")) => TimelineForm::Xlsx,
        (Format::Html, _) | (Format::Text, Some("html" | "htm")) => TimelineForm::Html,
        _ => TimelineForm::Table,
    })
}

pub(super) async fn written(
    desk: &Desk,
    config: &Config,
    asked: &TimelineQuestion,
    form: TimelineForm,
    pseudonymise: bool,
    title: &str,
) -> Result<Vec<u8>, Failure> {
    let discretion = discretion(desk, config, pseudonymise).await?;
    if form == TimelineForm::Stix {
        if matches!(discretion.names, Names::Pseudonyms(_)) {
            return Err(Failure::usage("a STIX bundle names the accounts that it is about")
                .hint("leave --pseudonymise away, or take another form"));
        }
        let events = events(desk, asked).await?;
        let about = format!("{} events", events.len());
        return Ok(serde_json::to_vec(&bundle(title, &about, &events, desk.now_micros))?);
    }
    let mut report = timeline(desk, asked).await?;
    report.title = title.to_owned();
    let report = discretion.applied_to(report);
    Ok(match form {
        TimelineForm::Table => render::text(&report).into_bytes(),
        TimelineForm::Csv => render::csv(&report.main.table)?.into_bytes(),
        TimelineForm::Xlsx => render::xlsx(&report)?,
        TimelineForm::Html => render::html(&report).into_bytes(),
        TimelineForm::Json | TimelineForm::Stix => serde_json::to_vec(&render::json(&report))?,
    })
}

async fn signed(desk: &Desk, config: &Config, dir: &Path, asked: &TimelineQuestion) -> Result<String, Failure> {
    let document = serde_json::to_string(&render::json(&timeline(desk, asked).await?))?;
    Ok(signing_key(config, dir)?.sign_note(&format!("{document}\n")).map_err(LakeError::from)?)
}

/// The key that signs checkpoints; it signs what people decide, too.
pub(crate) fn signing_key(config: &Config, dir: &Path) -> Result<ProofKey, Failure> {
    if let Some(key) = config.lake_options()?.key {
        return Ok(key);
    }
    let path = ProofLog::of(dir).key_path();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::new(format!("cannot read the signing key {}: {error}", path.display()))
            .hint("the first import makes it; `[proof] key` names one that is kept elsewhere")
    })?;
    Ok(ProofKey::parse(&text).map_err(LakeError::from)?)
}
