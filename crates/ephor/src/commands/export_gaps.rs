//! `ephor export gaps`: the controls of a framework without data in a period, told to a sink.
//! What counts as a gap is what `ephor evidence coverage` says; this only carries it.
//! Never prints anything beside the records on standard output when that is where the records go.

use std::path::Path;
use std::process::ExitCode;

use ephor_evidence::{ControlCoverage, Coverage, House, Period, Source, Status, cover};
use ephor_export::{ControlGap, ExportContext, GapSource, GapState, GapsTold, tell_gaps};
use serde_json::json;

use crate::arguments::{ExportGaps, Global};
use crate::config::Config;
use crate::export_config::{named, sink_secret};
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

pub(super) async fn run(
    global: &Global,
    config: &Config,
    dir: &Path,
    options: &ExportGaps,
) -> Result<ExitCode, Failure> {
    let settings = named(&options.sink, options.export_format.as_deref(), None, &config.sink)?;
    settings.check(sink_secret)?;
    let period = Period::parse(&options.asked.period.from, &options.asked.period.to)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let frameworks = config.evidence.load()?;
    let context = super::export::open(dir).await?;
    let covered = covered(&context, &frameworks, options, period).await;
    let told: &[Status] = if options.partial { &[Status::Gap, Status::Partial] } else { &[Status::Gap] };
    let outcome = match &covered {
        Ok(covered) => tell_gaps(&settings, &context, &gaps(covered, period, told)).await.map_err(Failure::from),
        Err(_) => Ok(GapsTold::default()),
    };
    context.control.close().await;
    let (covered, told) = (covered?, outcome?);
    let words = format!(
        "{}: {} of {} controls of {} told ({} of them there already), {} refused",
        settings.name,
        told.delivered,
        covered.summary.controls,
        covered.framework,
        told.duplicates,
        told.rejected.len()
    );
    match settings.stdout.is_some() {
        true => tracing::info!("{words}"),
        false => output::print(
            global.format,
            &json!({ "sink": settings.name, "framework": covered.framework, "period": covered.period, "summary": covered.summary, "told": told }),
            |_| words,
        )?,
    }
    Ok(if told.rejected.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn covered(
    context: &ExportContext,
    frameworks: &ephor_evidence::Frameworks,
    options: &ExportGaps,
    period: Period,
) -> Result<Coverage, Failure> {
    let house = House { lake: &context.lake, control: Some(&context.control) };
    let asked = (options.asked.framework.as_str(), options.asked.controls.as_slice());
    Ok(cover(house, frameworks, asked, period, now_micros()).await?)
}

/// The controls that a sink is told of.
fn gaps(covered: &Coverage, period: Period, told: &[Status]) -> Vec<ControlGap> {
    let of = |control: &ControlCoverage| {
        let state = match control.status {
            status if !told.contains(&status) => return None,
            Status::Gap => GapState::Gap,
            Status::Partial => GapState::Partial,
            Status::Covered => return None,
        };
        Some(ControlGap {
            framework: covered.framework.clone(),
            standard: format!("{} ({})", covered.title, covered.version),
            control: control.id.clone(),
            title: control.title.clone(),
            asks: control.asks.clone(),
            state,
            from: period.first_day().to_string(),
            to: period.last_day().to_string(),
            at_micros: period.last_day().start_micros(),
            sources: Source::ALL.into_iter().map(|source| source_of(control, source)).collect(),
            also_needed: control.also_needed.clone(),
        })
    };
    covered.controls.iter().filter_map(of).collect()
}

fn source_of(control: &ControlCoverage, source: Source) -> GapSource {
    let one = control.sources.of(source);
    GapSource {
        source: source.title().to_owned(),
        possible: one.possible.as_str().to_owned(),
        held: one.held.as_str().to_owned(),
        reason: one.reason.clone(),
    }
}
