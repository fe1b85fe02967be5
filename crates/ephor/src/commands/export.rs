//! `ephor export`: deliver, look, try out, send again.
//! A run with `--once` ends when everything is delivered that was stored when it began; without, it goes on until a signal.
//! Never prints anything beside the records on standard output when that is where the records go.

use std::path::Path;
use std::process::ExitCode;

use ephor_detect::Findings;
use ephor_export::{
    Delivered, ExportContext, LakeIs, ReplaySpan, Replayed, Replaying, SinkSettings, Until, What, deliver, preview,
    replay,
};
use ephor_lake::control::{Control, DeadLetter, ExportSink};
use ephor_lake::{Lake, MicrosRange};
use ephor_sources::simulator::{Simulation, SimulationOptions};
use ephor_wire::timestamp::{Timestamp, UtcDay};
use futures::future::join_all;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::org::actor_named;
use crate::arguments::{ExportCommand, ExportPreview, ExportReplay, ExportRetry, ExportRun, Global};
use crate::config::{Config, parse_day};
use crate::export_config::{self, named, sink_secret};
use crate::failure::Failure;
use crate::node::{now_micros, stop_signal};
use crate::output;

/// Dead letters that `retry --dry-run` lists.
const LISTED_LETTERS: u32 = 1_000;

/// The seed and the day of previews: the same type gives the same record each time.
const PREVIEW_SEED: u64 = 7;
const PREVIEW_END: &str = "2026-01-31";

pub(super) async fn run(global: &Global, config: &Config, action: ExportCommand) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    match action {
        ExportCommand::Run(options) => run_sinks(global, config, &dir, &options).await,
        ExportCommand::Status => status(global, config, &dir).await,
        ExportCommand::Preview(options) => show(config, &options),
        ExportCommand::Replay(options) => send_again(global, config, &dir, &options).await,
        ExportCommand::Gaps(options) => super::export_gaps::run(global, config, &dir, &options).await,
        ExportCommand::Retry(options) => retry(global, &dir, &options).await,
    }
}

/// What one sink was given.
#[derive(Debug, Serialize)]
struct Outcome {
    sink: String,
    kind: &'static str,
    #[serde(flatten)]
    delivered: Delivered,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) async fn open(dir: &Path) -> Result<ExportContext, Failure> {
    let lake = Lake::open_reader(dir).await?;
    let control = Control::open(dir).await?;
    Ok(export_config::context(lake, control, dir, LakeIs::Anothers))
}

async fn run_sinks(global: &Global, config: &Config, dir: &Path, options: &ExportRun) -> Result<ExitCode, Failure> {
    let format = options.export_format.as_deref();
    let sinks: Vec<SinkSettings> = match options.sinks.is_empty() {
        false => options
            .sinks
            .iter()
            .map(|text| named(text, format, options.what.map(What::from), &config.sink))
            .collect::<Result<_, _>>()?,
        true if config.sink.is_empty() => {
            return Err(Failure::usage("there is no sink to deliver to")
                .hint("name one with --sink file:PATH, or write a [[sink]] into ephor.toml (docs/export.md)"));
        }
        true => config.sink.clone(),
    };
    export_config::check(&sinks)?;
    for sink in &sinks {
        sink.check(sink_secret)?;
    }
    let context = open(dir).await?;
    if options.dry_run {
        return rehearse(global, &sinks, &context).await;
    }
    for sink in sinks.iter().filter(|sink| !config.sink.iter().any(|other| other.name == sink.name)) {
        begin_anew_without_a_file(sink, &context).await?;
    }
    let (stop, stopping) = watch::channel(false);
    let until = if options.once { Until::CaughtUp } else { Until::Stopped(stopping) };
    let all = join_all(sinks.iter().map(|sink| deliver(sink, &context, until.clone())));
    tokio::pin!(all);
    let outcomes = tokio::select! {
        outcomes = &mut all => outcomes,
        () = stop_signal() => {
            let _ = stop.send(true);
            // A run with an end has no other way out than its end; its place is kept, and the next run goes on from there.
            if options.once {
                return Err(Failure::new("stopped before everything was delivered").hint("run it again: it goes on where it stopped"));
            }
            all.await
        }
    };
    context.control.close().await;
    let mut results = Vec::new();
    for (sink, outcome) in sinks.iter().zip(outcomes) {
        let kind = sink.kind().unwrap_or_default();
        results.push(match outcome {
            Ok(delivered) => Outcome { sink: sink.name.clone(), kind, delivered, error: None },
            Err(error) => {
                let (delivered, error) = (error.delivered(), Some(error.to_string()));
                Outcome { sink: sink.name.clone(), kind, delivered, error }
            }
        });
    }
    let all_well = results.iter().all(|outcome| outcome.error.is_none());
    match sinks.iter().any(|sink| sink.stdout.is_some()) {
        true => results.iter().for_each(|outcome| tracing::info!("{}", describe_outcome(outcome))),
        false => output::print(global.format, &json!({ "sinks": results }), |_| {
            results.iter().map(describe_outcome).collect::<Vec<_>>().join("\n")
        })?,
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file that a flag names and that is not there (any more) begins with the oldest record.
async fn begin_anew_without_a_file(sink: &SinkSettings, context: &ExportContext) -> Result<(), Failure> {
    let exports = context.control.exports();
    match &sink.file {
        Some(file) => {
            let has_lines = std::fs::metadata(&file.path).is_ok_and(|found| found.len() > 0);
            let known = exports.find(&sink.name).await?.is_some();
            match (has_lines, known) {
                (false, true) => exports.forget(&sink.name).await?,
                (true, false) => {
                    return Err(Failure::usage(format!(
                        "{} is there already and was not written by this export",
                        file.path.display()
                    ))
                    .hint("name another file, or move this one away"));
                }
                _ => {}
            }
        }
        // A pipe begins anew each time.
        None => exports.forget(&sink.name).await?,
    }
    Ok(())
}

async fn rehearse(global: &Global, sinks: &[SinkSettings], context: &ExportContext) -> Result<ExitCode, Failure> {
    let mut counted = Vec::new();
    for sink in sinks {
        let known = context.control.exports().find(&sink.name).await?;
        let place = known.as_ref().map_or(0, |found| found.activities.next);
        let waiting = match sink.what.has_activities() {
            true => replay(sink, context, &ReplaySpan::Places(place..u64::MAX), Replaying::Rehearsal).await?,
            false => Replayed::default(),
        };
        let findings = match sink.what.has_findings() {
            true => findings_waiting(context, known.map_or(0, |found| found.findings.next)).await?,
            false => 0,
        };
        counted.push(json!({ "sink": sink.name, "from_seq": place, "records": waiting.records, "bytes": waiting.bytes, "sha256": waiting.sha256, "findings": findings }));
    }
    context.control.close().await;
    output::print(global.format, &json!({ "sinks": counted, "sent": false }), |_| {
        let line = |one: &Value| {
            format!(
                "{}: {} activities ({} bytes) and {} findings wait; nothing was sent",
                one["sink"].as_str().unwrap_or_default(),
                one["records"],
                one["bytes"],
                one["findings"]
            )
        };
        counted.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Findings that changed since a place.
async fn findings_waiting(context: &ExportContext, next: u64) -> Result<u64, Failure> {
    let changed = Findings::new(&context.control).since(next.saturating_sub(1), usize::MAX).await?;
    Ok(changed.len() as u64)
}

fn describe_outcome(outcome: &Outcome) -> String {
    let Outcome { sink, delivered, error, .. } = outcome;
    match error {
        Some(error) => format!("{sink}: {} delivered, then: {error}", delivered.delivered),
        None => format!(
            "{sink}: {} delivered ({} bytes), {} of them there already, {} left out, {} refused",
            delivered.delivered, delivered.bytes, delivered.duplicates, delivered.filtered, delivered.rejected
        ),
    }
}

/// One sink in `ephor export status`.
#[derive(Debug, Serialize)]
struct SinkStatus {
    sink: String,
    kind: String,
    configured: bool,
    state: String,
    next_seq: u64,
    lag_records: u64,
    next_revision: u64,
    lag_findings: u64,
    delivered: u64,
    duplicates: u64,
    filtered: u64,
    rejected: u64,
    bytes: u64,
    batches: u64,
    events_per_second: f64,
    dead_letters: u64,
    failures_in_a_row: u64,
    last_delivered_at: Option<String>,
    last_error_at: Option<String>,
    last_error: Option<String>,
    next_attempt_at: Option<String>,
}

async fn status(global: &Global, config: &Config, dir: &Path) -> Result<ExitCode, Failure> {
    let context = open(dir).await?;
    let exports = context.control.exports();
    let dead = exports.dead_counts().await?;
    let dead_of = |sink: &str| dead.iter().find(|(name, _)| name == sink).map_or(0, |(_, count)| *count);
    let end = context.lake.next_seq();
    let mut rows: Vec<SinkStatus> = Vec::new();
    for known in exports.list().await? {
        let configured = config.sink.iter().find(|sink| sink.name == known.sink);
        let dead_letters = dead_of(&known.sink);
        // Of a sink that only a flag named, its place says whether it is given findings.
        let has_findings = configured.map_or(known.findings.next > 0, |sink| sink.what.has_findings());
        let lag_findings = if has_findings { findings_waiting(&context, known.findings.next).await? } else { 0 };
        let has_activities = configured.is_none_or(|sink| sink.what.has_activities());
        let lag_records = if has_activities { end.saturating_sub(known.activities.next) } else { 0 };
        rows.push(row(known, (lag_records, lag_findings), dead_letters, configured.is_some()));
    }
    let new: Vec<&SinkSettings> =
        config.sink.iter().filter(|sink| !rows.iter().any(|row| row.sink == sink.name)).collect();
    for sink in new {
        let lag_records = if sink.what.has_activities() { end } else { 0 };
        let lag_findings = if sink.what.has_findings() { findings_waiting(&context, 0).await? } else { 0 };
        rows.push(never_delivered(sink, (lag_records, lag_findings)));
    }
    rows.sort_by(|a, b| a.sink.cmp(&b.sink));
    context.control.close().await;
    output::print(global.format, &rows, |rows| describe(rows))?;
    Ok(ExitCode::SUCCESS)
}

fn row(known: ExportSink, (lag_records, lag_findings): (u64, u64), dead_letters: u64, configured: bool) -> SinkStatus {
    let time = |micros: Option<i64>| micros.map(|micros| Timestamp::from_micros(micros).as_str().to_owned());
    SinkStatus {
        configured,
        state: known.state,
        next_seq: known.activities.next,
        lag_records,
        next_revision: known.findings.next,
        lag_findings,
        delivered: known.totals.delivered,
        duplicates: known.totals.duplicates,
        filtered: known.totals.filtered,
        rejected: known.totals.rejected,
        bytes: known.totals.bytes,
        batches: known.totals.batches,
        events_per_second: known.events_per_second,
        dead_letters,
        failures_in_a_row: known.failures_in_a_row,
        last_delivered_at: time(known.last_delivered_at_micros),
        last_error_at: time(known.last_error_at_micros),
        last_error: known.last_error,
        next_attempt_at: time(known.next_attempt_at_micros),
        sink: known.sink,
        kind: known.kind,
    }
}

fn never_delivered(sink: &SinkSettings, (lag_records, lag_findings): (u64, u64)) -> SinkStatus {
    SinkStatus {
        sink: sink.name.clone(),
        kind: sink.kind().unwrap_or("unknown").to_owned(),
        configured: true,
        state: "new".to_owned(),
        next_seq: 0,
        lag_records,
        next_revision: 0,
        lag_findings,
        delivered: 0,
        duplicates: 0,
        filtered: 0,
        rejected: 0,
        bytes: 0,
        batches: 0,
        events_per_second: 0.0,
        dead_letters: 0,
        failures_in_a_row: 0,
        last_delivered_at: None,
        last_error_at: None,
        last_error: None,
        next_attempt_at: None,
    }
}

fn describe(rows: &[SinkStatus]) -> String {
    if rows.is_empty() {
        return "no sinks; `ephor export run --sink file:PATH --once` delivers to a file".to_owned();
    }
    let heading = [
        "sink",
        "kind",
        "state",
        "activities wait",
        "findings wait",
        "delivered",
        "a second",
        "dead letters",
        "last error",
    ];
    let mut lines = vec![heading.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        vec![
            row.sink.clone(),
            row.kind.clone(),
            row.state.clone(),
            row.lag_records.to_string(),
            row.lag_findings.to_string(),
            row.delivered.to_string(),
            format!("{:.0}", row.events_per_second),
            row.dead_letters.to_string(),
            row.last_error.clone().filter(|_| row.failures_in_a_row > 0).unwrap_or_default(),
        ]
    }));
    output::columns(&lines)
}

fn show(config: &Config, options: &ExportPreview) -> Result<ExitCode, Failure> {
    let mut settings = match &options.sink {
        Some(name) => named(name, None, None, &config.sink)?,
        None => named("stdout", options.export_format.as_deref(), None, &[])?,
    };
    if options.export_format.is_some() {
        settings.format.clone_from(&options.export_format);
    }
    let raw = match &options.activity {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?,
        None => example(&options.kind)?,
    };
    let record = preview(raw.trim(), &settings, sink_secret, now_micros())?;
    let text = String::from_utf8_lossy(&record.bytes).into_owned();
    // A record that is JSON is laid out for reading; the bytes that are sent have no white space.
    output::print_line(&match serde_json::from_str::<Value>(&text) {
        Ok(value) => serde_json::to_string_pretty(&value)?,
        Err(_) => text,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// An activity of a type as the simulator fills it; a type that it does not know has the envelope alone.
fn example(kind: &str) -> Result<String, Failure> {
    let end = parse_day(PREVIEW_END)?;
    let options = SimulationOptions { all_types: true, ..SimulationOptions::new(PREVIEW_SEED, 12, 1, end) };
    let simulation = Simulation::new(options);
    let found = simulation.activities().find_map(|row| {
        let value: Value = serde_json::from_slice(&row.raw).ok()?;
        (value["type"] == kind).then_some(value)
    });
    let unknown = || {
        json!({
            "id": "activity_preview", "type": kind, "created_at": "2026-01-30T12:00:00Z",
            "actor": { "type": "user_actor", "user_id": "user_preview", "email_address": "somebody@example.com", "ip_address": "192.0.2.7" },
            "organization_id": "org_preview",
        })
    };
    Ok(serde_json::to_string(&found.unwrap_or_else(unknown))?)
}

async fn send_again(global: &Global, config: &Config, dir: &Path, options: &ExportReplay) -> Result<ExitCode, Failure> {
    let settings = named(&options.sink, options.export_format.as_deref(), None, &config.sink)?;
    settings.check(sink_secret)?;
    let day = |text: &Option<String>| text.as_deref().map(parse_day).transpose();
    let (from, to) = (day(&options.from)?, day(&options.to)?);
    let span = match (from, to) {
        (None, None) => ReplaySpan::Places(options.from_seq.unwrap_or(0)..options.to_seq.unwrap_or(u64::MAX)),
        (from, to) => {
            ReplaySpan::Times(MicrosRange { from: from.map(UtcDay::start_micros), to: to.map(UtcDay::end_micros) })
        }
    };
    let replaying = if options.dry_run { Replaying::Rehearsal } else { Replaying::InEarnest };
    let context = open(dir).await?;
    let replayed = replay(&settings, &context, &span, replaying).await;
    context.control.close().await;
    let replayed = replayed?;
    let words = format!(
        "{}: {} records ({} bytes) {}, {} refused; SHA-256 of the lines {}",
        settings.name,
        replayed.records,
        replayed.bytes,
        if options.dry_run { "would be sent" } else { "sent again" },
        replayed.rejected,
        replayed.sha256
    );
    match settings.stdout.is_some() && !options.dry_run {
        true => tracing::info!("{words}"),
        false => output::print(global.format, &replayed, |_| words)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn retry(global: &Global, dir: &Path, options: &ExportRetry) -> Result<ExitCode, Failure> {
    let control = super::org::existing_control(dir).await?;
    let exports = control.exports();
    let sink = exports.find(&options.sink).await?;
    if sink.is_none() {
        control.close().await;
        return Err(Failure::usage(format!("nothing was ever delivered to a sink `{}`", options.sink))
            .hint("`ephor export status` lists the sinks"));
    }
    if options.dry_run {
        let letters: Vec<Value> =
            exports.dead_letters(&options.sink, LISTED_LETTERS).await?.iter().map(letter).collect();
        control.close().await;
        output::print(global.format, &letters, |letters| {
            let line = |one: &Value| {
                format!(
                    "{} (seq {}): {}",
                    one["id"].as_str().unwrap_or_default(),
                    one["seq"],
                    one["reason"].as_str().unwrap_or_default()
                )
            };
            match letters.is_empty() {
                true => "no dead letters".to_owned(),
                false => letters.iter().map(line).collect::<Vec<_>>().join("\n"),
            }
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let by = actor_named(&control, options.by.as_deref()).await?;
    let marked = exports.retry(&options.sink, &by, now_micros(), &mut rand::rng()).await?;
    control.close().await;
    output::print(global.format, &json!({ "sink": options.sink, "to_be_retried": marked }), |_| {
        format!(
            "{marked} records are tried again: by the running node within a second, or by `ephor export run --sink {} --once`",
            options.sink
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn letter(letter: &DeadLetter) -> Value {
    let time = |micros: i64| Timestamp::from_micros(micros).as_str().to_owned();
    json!({
        "id": letter.record_id,
        "stream": letter.stream.as_str(),
        "seq": letter.place,
        "reason": letter.reason,
        "first_at": time(letter.first_at_micros),
        "last_at": time(letter.last_at_micros),
        "attempts": letter.attempts,
        "to_be_retried": letter.again,
    })
}
