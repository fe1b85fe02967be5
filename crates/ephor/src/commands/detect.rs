//! `ephor detect`: every rule over what the lake holds; what is found is put down.
//! Promises the same findings as a running node puts down, and that a second run changes nothing.
//! Never changes the lake.

use std::process::ExitCode;

use ephor_detect::Detector;
use ephor_lake::Lake;
use ephor_lake::control::Control;
use ephor_wire::timestamp::UtcDay;
use serde::Serialize;

use crate::arguments::{Detect, Global};
use crate::config::{Config, parse_day};
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

#[derive(Debug, Serialize)]
struct Done {
    activities: u64,
    rules: usize,
    new: usize,
    changed: usize,
    unchanged: usize,
    withdrawn: usize,
    /// Hits, and spans in which a value was seen, that are still in memory: what is settled is forgotten.
    held: usize,
    seconds: f64,
}

pub(super) async fn run(global: &Global, config: &Config, span: &Detect) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let lake = Lake::open_reader(&dir).await?;
    let control = Control::open(&dir).await?;
    let mut options = config.detect.options();
    options.within = within(span)?;
    let started = std::time::Instant::now();
    let mut detector = Detector::open(&lake, &control, options).await?;
    for problem in detector.problems() {
        eprintln!("{problem}");
    }
    if let Some(words) = asleep(&detector) {
        eprintln!("{words}");
    }
    let detected = detector.catch_up(now_micros(), &mut rand::rng()).await?;
    control.close().await;
    let recorded = detected.recorded;
    let done = Done {
        activities: detected.activities,
        rules: detector.rules(),
        new: recorded.new,
        changed: recorded.changed,
        unchanged: recorded.unchanged,
        withdrawn: recorded.withdrawn,
        held: detector.held(),
        seconds: started.elapsed().as_secs_f64(),
    };
    output::print(global.format, &done, |done| {
        format!(
            "{} activities, {} rules: {} new findings, {} changed, {} as they were, {} withdrawn, in {:.1} s",
            done.activities, done.rules, done.new, done.changed, done.unchanged, done.withdrawn, done.seconds
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What to say of rules that nothing can come of.
pub(crate) fn asleep(detector: &Detector) -> Option<String> {
    let rules = detector.asleep();
    let named = rules.join(", ");
    (!rules.is_empty())
        .then(|| format!("{named}: quiet, since `[detect] geo` names no database of places (docs/rules.md)"))
}

/// Whole days, both ends included.
pub(super) fn within(span: &Detect) -> Result<Option<(i64, i64)>, Failure> {
    let from = span.from.as_deref().map(parse_day).transpose()?.map(UtcDay::start_micros);
    let to = span.to.as_deref().map(parse_day).transpose()?.map(UtcDay::end_micros);
    Ok((from.is_some() || to.is_some()).then(|| (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX))))
}
