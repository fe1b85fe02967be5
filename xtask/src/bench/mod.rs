//! `cargo xtask bench`: Ephor beside DuckDB and PostgreSQL, in one run on one machine over the same activities.
//! Promises: every system gets the same rows, must make them durable, and its pages are compared row by row.
//! Never leaves a process behind, and never talks to anything but loopback and its own folder.

mod analytics;
mod console;
mod detections;
mod export;
mod feed;
mod import;
mod measure;
mod memory;
mod node;
mod postgres;
mod proof;
mod rates;
mod report;
mod reports;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::machine;
use crate::step::{Blame, Outcome, Steps, ask, show};
use crate::workspace::Workspace;

#[derive(Args)]
pub struct BenchOptions {
    /// What to measure.
    #[arg(value_enum, default_value = "all")]
    what: What,
    /// How many simulated activities.
    #[arg(long, default_value_t = 5_000_000)]
    rows: u64,
    /// The cargo profile `ephor` is built in.
    #[arg(long, default_value = "dist")]
    profile: String,
    /// Requests measured for each kind of page.
    #[arg(long, default_value_t = 200)]
    requests: u32,
    /// Measure this binary instead of building one.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Keep the generated activities and the imported lake.
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    analytics: analytics::AnalyticsOptions,
    #[command(flatten)]
    console: console::ConsoleOptions,
    #[command(flatten)]
    detections: DetectionOptions,
    #[command(flatten)]
    export: export::ExportOptions,
    #[command(flatten)]
    proof: proof::ProofOptions,
    #[command(flatten)]
    reports: reports::ReportOptions,
}

#[derive(Args)]
struct DetectionOptions {
    /// How many organisations, of the detection benchmark.
    #[arg(long, default_value_t = 5)]
    seeds: usize,
    /// The seed of the first organisation; the others follow it.
    #[arg(long, default_value_t = 4_001)]
    first_seed: u64,
    /// People in each organisation.
    #[arg(long, default_value_t = 2_000)]
    people: u32,
    /// Days of each organisation.
    #[arg(long, default_value_t = 60)]
    span: u32,
    /// Which part of the detection benchmark.
    #[arg(long, value_enum, default_value = "both")]
    part: Part,
    /// Activities that rules are timed on, and that memory is measured with.
    #[arg(long, default_value_t = 1_000_000)]
    activities: u64,
    /// People of the organisation that memory is measured with.
    #[arg(long, default_value_t = 100_000)]
    actors: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Recall and precision.
    Found,
    /// Activities a second, and memory, beside other engines.
    Rates,
    /// Memory with more people and with more time.
    Memory,
    /// What was found, and rates.
    Both,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Bulk import into a durable lake without duplicates.
    Import,
    /// Pages of the activity feed over HTTP.
    Feed,
    /// Both of activities.
    All,
    /// Days built and questions answered of the Analytics API, and telemetry taken in.
    Analytics,
    /// Pages of the console, one by one and for many viewers at once.
    Console,
    /// Events delivered to sinks, how late, beside rsyslog and syslog-ng.
    Export,
    /// Recall and precision of the shipped rules on planted incidents; and how fast they are beside other engines.
    Detections,
    /// A lake verified beside `sha256sum`, and packages over a year.
    Proof,
    /// Every report over a large organisation, beside DuckDB.
    Reports,
}

/// What the measuring parts share.
struct Bench<'a> {
    workspace: &'a Workspace,
    binary: PathBuf,
    folder: PathBuf,
    activities: PathBuf,
    requests: u32,
}

pub fn run(workspace: &Workspace, steps: &mut Steps, options: &BenchOptions) -> Outcome<()> {
    set_up(workspace, steps, options)?;
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => build(workspace, steps, &options.profile)?,
    };
    let profile = if options.binary.is_some() { "unknown (a given binary)" } else { options.profile.as_str() };
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder).blame(format!("cannot make {}", folder.display()))?;
    let simulated = folder.join(format!("simulated-{}", options.rows));
    let activities = simulated.join("activities.ndjson");
    let bench = Bench { workspace, binary, folder, activities, requests: options.requests };
    if options.what == What::Analytics {
        return analytics::run(&bench, steps, &options.analytics, options.keep);
    }
    if options.what == What::Console {
        return console::run(&bench, steps, &options.console, options.rows, options.keep);
    }
    if options.what == What::Detections {
        return of_detections(&bench, steps, &options.detections);
    }
    if options.what == What::Reports {
        return reports::run(&bench, steps, &options.reports, options.keep);
    }
    if options.what == What::Proof {
        return proof::run(&bench, steps, &options.proof, options.keep);
    }
    steps.run("simulate", || simulate(&bench.binary, &simulated, options.rows))?;
    if options.what == What::Export {
        return export::run(&bench, steps, profile, &options.export, options.keep);
    }
    of_activities(&bench, steps, options, profile, &simulated)
}

/// What is measured says what it needs.
fn set_up(workspace: &Workspace, steps: &mut Steps, options: &BenchOptions) -> Outcome<()> {
    match (options.what, options.detections.part) {
        (What::Detections, Part::Found) | (What::Console | What::Export | What::Proof, _) => {
            machine::set_up_tests(workspace, steps)
        }
        (What::Detections, Part::Rates) => machine::set_up_sql_rules(workspace, steps),
        (What::Detections, Part::Memory) => Ok(()),
        (What::Detections, Part::Both) => {
            machine::set_up_tests(workspace, steps)?;
            machine::set_up_sql_rules(workspace, steps)
        }
        _ => machine::set_up_benchmarks(workspace, steps),
    }
}

fn of_detections(bench: &Bench<'_>, steps: &mut Steps, options: &DetectionOptions) -> Outcome<()> {
    if options.part == Part::Memory {
        return memory::run(bench, steps, options);
    }
    if options.part != Part::Found {
        rates::run(bench, steps, options)?;
    }
    if options.part != Part::Rates {
        detections::run(bench, steps, options)?;
    }
    Ok(())
}

fn of_activities(
    bench: &Bench<'_>,
    steps: &mut Steps,
    options: &BenchOptions,
    profile: &str,
    simulated: &Path,
) -> Outcome<()> {
    let mut results = report::Results::begin(bench.workspace, &bench.activities, profile, &bench.binary)?;
    steps.run("warm the file cache", || read_through(&bench.activities))?;
    let lake = steps.run("import: ephor", || import::into_ephor(bench, &mut results))?;
    if options.what != What::Feed {
        steps.run("import: DuckDB", || import::into_duckdb(bench, &mut results))?;
    }
    let cluster = steps.run("import: PostgreSQL", || import::into_postgres(bench, &mut results))?;
    if options.what != What::Import {
        steps.run("feed pages", || feed::measure(bench, &lake, &cluster, &mut results))?;
    }
    drop(cluster);
    results.print();
    results.write(&bench.folder.join("results.json"))?;
    if !options.keep {
        for leftover in [lake.folder.as_path(), simulated] {
            fs::remove_dir_all(leftover).blame(format!("cannot remove {}", leftover.display()))?;
        }
    }
    Ok(())
}

fn build(workspace: &Workspace, steps: &mut Steps, profile: &str) -> Outcome<PathBuf> {
    steps.run("build", || show(workspace.cargo().args(["build", "--package", "ephor", "--profile", profile])))?;
    Ok(workspace.binary(profile))
}

/// The same seed gives the same bytes, so activities that are there already are not made again.
fn simulate(binary: &Path, folder: &Path, rows: u64) -> Outcome<()> {
    let done = folder.join(".complete");
    if done.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder).blame(format!("cannot make {}", folder.display()))?;
    ask(Command::new(binary)
        .args(["simulate", "--seed", "7", "--activities", &rows.to_string(), "--out"])
        .arg(folder))?;
    fs::write(&done, "").blame(format!("cannot write {}", done.display()))
}

/// Nobody should pay for reading the file from the disk first.
fn read_through(file: &Path) -> Outcome<()> {
    let mut source = fs::File::open(file).blame(format!("cannot open {}", file.display()))?;
    std::io::copy(&mut source, &mut std::io::sink()).blame(format!("cannot read {}", file.display()))?;
    Ok(())
}

/// One of the scripts in `benches/`, in the Python environment of the clients.
fn script(bench: &Bench<'_>, name: &str) -> Command {
    let mut command = Command::new(bench.workspace.python());
    command.arg(bench.workspace.root.join("benches").join(name)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
