//! `ephor rules pace`: how many activities of a file the rules take in a second, on one core.
//! Promises that only the taking is on the clock: lines are read, and rows made for rsigma, while it stands. The clock is
//! the processor's, so that what else runs on the machine does not count.
//! Never puts a finding down.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use ephor_detect::{Detector, Workbench};
use ephor_lake::Lake;
use ephor_lake::control::Control;
use serde::Serialize;
use serde_json::Value;

use crate::arguments::{Global, Pace, Taker};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

/// Lines that are read at once: enough to keep the clock out of the way, few enough to keep memory out of it.
const ROWS_AT_ONCE: usize = 10_000;

#[derive(Debug, Default, Serialize)]
struct Told {
    activities: u64,
    rules: usize,
    /// Of the processor.
    seconds: f64,
    activities_a_second: f64,
    /// Findings that there were to tell.
    findings: usize,
    /// Of each detection, the activities that it selects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    hits: BTreeMap<String, u64>,
}

pub(super) async fn run(global: &Global, config: &Config, asked: &Pace) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let lake = Lake::open_reader(&dir).await?;
    let control = Control::open(&dir).await?;
    let detector = Detector::open(&lake, &control, config.detect.options()).await?;
    control.close().await;
    let mut workbench = detector.workbench(asked.rules);
    let mut told = Told { rules: workbench.rules(), ..Told::default() };
    let seconds = match (&asked.tables, asked.with) {
        (Some(folder), _) => tables(&workbench, asked, folder, &mut told)?,
        (None, Taker::Ephor) => with_ephor(&mut workbench, asked, &mut told)?,
        (None, Taker::Rsigma) => with_rsigma(&workbench, asked, &mut told)?,
    };
    told.seconds = seconds.as_secs_f64();
    told.activities_a_second = told.activities as f64 / told.seconds;
    output::print(global.format, &told, |told| {
        format!(
            "{} activities through {} rules in {:.2} s: {:.0} a second, {} findings to tell",
            told.activities, told.rules, told.seconds, told.activities_a_second, told.findings
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn with_ephor(workbench: &mut Workbench<'_>, asked: &Pace, told: &mut Told) -> Result<Duration, Failure> {
    let mut on_the_clock = Duration::ZERO;
    each_lot(&asked.file, |rows| {
        let begin = on_the_processor()?;
        workbench.take(rows);
        on_the_clock += on_the_processor()?.saturating_sub(begin);
        told.activities += rows.len() as u64;
        Ok(())
    })?;
    let begin = on_the_processor()?;
    told.findings = workbench.judge(now_micros());
    Ok(on_the_clock + on_the_processor()?.saturating_sub(begin))
}

fn with_rsigma(workbench: &Workbench<'_>, asked: &Pace, told: &mut Told) -> Result<Duration, Failure> {
    let mut bare = workbench.bare()?;
    let fields = workbench.fields().union(bare.fields()).cloned().collect();
    let mut on_the_clock = Duration::ZERO;
    each_lot(&asked.file, |rows| {
        let flat = rows.iter().filter_map(|(_, raw)| workbench.flattened(raw, &fields)).map(Value::Object);
        let flat: Vec<Value> = flat.collect();
        let begin = on_the_processor()?;
        bare.take(&flat, &mut told.hits);
        on_the_clock += on_the_processor()?.saturating_sub(begin);
        told.activities += rows.len() as u64;
        Ok(())
    })?;
    Ok(on_the_clock)
}

/// Rows as other systems take them in, and what they should find in each.
fn tables(workbench: &Workbench<'_>, asked: &Pace, folder: &Path, told: &mut Told) -> Result<Duration, Failure> {
    std::fs::create_dir_all(folder)?;
    let fields = workbench.fields();
    let mut file = BufWriter::new(File::create(folder.join("activities.ndjson"))?);
    let begin = on_the_processor()?;
    each_lot(&asked.file, |rows| {
        for (_, raw) in rows {
            workbench.count(raw, &mut told.hits);
            if let Some(row) = workbench.flattened(raw, &fields) {
                serde_json::to_writer(&mut file, &row).map_err(std::io::Error::from)?;
                file.write_all(b"\n")?;
            }
        }
        told.activities += rows.len() as u64;
        Ok(())
    })?;
    file.flush()?;
    let hits = serde_json::to_string(&told.hits).map_err(std::io::Error::from)?;
    std::fs::write(folder.join("hits.json"), hits)?;
    let fields = serde_json::to_string(&fields).map_err(std::io::Error::from)?;
    std::fs::write(folder.join("fields.json"), fields)?;
    Ok(on_the_processor()?.saturating_sub(begin))
}

/// How long this thread has been on a processor, by the kernel's own count. Everything here is one thread's work.
fn on_the_processor() -> Result<Duration, Failure> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = told.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    let told = || Failure::new("this system does not say how long a thread has run; /proc/thread-self/schedstat does");
    nanos.map(Duration::from_nanos).ok_or_else(told)
}

fn each_lot(file: &Path, mut take: impl FnMut(&[(u64, String)]) -> Result<(), Failure>) -> Result<(), Failure> {
    let open = File::open(file);
    let open = open.map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))?;
    let mut lines = (0..).zip(BufReader::new(open).lines());
    loop {
        let lot = lines.by_ref().take(ROWS_AT_ONCE).map(|(seq, line)| Ok((seq, line?)));
        let lot: Vec<(u64, String)> = lot.collect::<Result<_, std::io::Error>>()?;
        if lot.is_empty() {
            return Ok(());
        }
        take(&lot)?;
    }
}
