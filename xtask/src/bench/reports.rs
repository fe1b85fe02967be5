//! Reports at size: every report over a large organisation, and the same question in DuckDB SQL where it has one.
//! Promises that what DuckDB is asked is compared with what the report tells.
//! Never spares Ephor anything: each report is a whole process that opens the lake.

use std::fs;
use std::process::Command;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::Bench;
use super::import::{Lake, new_lake, remove};
use super::measure;
use crate::step::{Blame, Outcome, Steps, ask};

/// Days of activities beside the usage: everybody's entrance, keys and settings.
const ACTIVITY_DAYS: &str = "1";
/// The day after the last one: far enough back that every day has closed.
const END: &str = "2026-11-01";
/// Reports whose question is put to DuckDB too.
const COMPARED: [&str; 3] = ["dormant-accounts", "cost-attribution", "adoption-governance"];

#[derive(Args)]
pub struct ReportOptions {
    /// People of the organisation that is reported on, with 90 days of usage each.
    #[arg(long, default_value_t = 100_000)]
    seats: u32,
}

#[derive(Serialize)]
struct Results {
    seats: u32,
    usage_events: u64,
    activities: u64,
    reports: Vec<Timed>,
}

#[derive(Serialize)]
struct Timed {
    name: String,
    seconds: f64,
    peak_memory_bytes: u64,
    bytes: u64,
    duckdb_seconds: Option<f64>,
    duckdb_peak_memory_bytes: Option<u64>,
}

pub(super) fn run(bench: &Bench<'_>, steps: &mut Steps, options: &ReportOptions, keep: bool) -> Outcome<()> {
    let lake = new_lake(bench, "reports-lake")?;
    let usage_events = steps.run("usage events", || import_usage(bench, &lake, options.seats))?;
    let activities = steps.run("directory and activities", || import_organisation(bench, &lake, options.seats))?;
    steps.run("build the days", || {
        ask(&mut ephor(bench, &lake, &["org", "analytics", "enable"]))?;
        ask(&mut ephor(bench, &lake, &["analytics", "rebuild"]))
    })?;
    let mut results = Results { seats: options.seats, usage_events, activities, reports: Vec::new() };
    for name in names(bench)? {
        results.reports.push(steps.run(&name, || one(bench, &lake, &name))?);
    }
    results.print();
    let file = bench.folder.join("results-reports.json");
    let text = serde_json::to_string_pretty(&results).blame("results cannot be written as JSON")?;
    fs::write(&file, text + "\n").blame(format!("cannot write {}", file.display()))?;
    println!("\nwritten to {}", file.display());
    if keep { Ok(()) } else { remove(&lake.folder) }
}

fn import_usage(bench: &Bench<'_>, lake: &Lake, seats: u32) -> Outcome<u64> {
    let made = bench.folder.join("reports-usage");
    remove(&made)?;
    let seats = seats.to_string();
    ask(Command::new(&bench.binary)
        .args([
            "simulate",
            "--seed",
            "7",
            "--end",
            END,
            "--days",
            "90",
            "--usage-per-user",
            "4",
            "--users",
            &seats,
            "--out",
        ])
        .arg(&made))?;
    let added = added(&ask(ephor(bench, lake, &["import", "--usage"]).arg(made.join("usage.ndjson")))?)?;
    remove(&made)?;
    Ok(added)
}

fn import_organisation(bench: &Bench<'_>, lake: &Lake, seats: u32) -> Outcome<u64> {
    let made = bench.folder.join("reports-organisation");
    remove(&made)?;
    let seats = seats.to_string();
    ask(Command::new(&bench.binary)
        .args(["simulate", "--seed", "7", "--end", END, "--days", ACTIVITY_DAYS, "--users", &seats, "--out"])
        .arg(&made))?;
    ask(ephor(bench, lake, &["import", "--directory"]).arg(made.join("directory")))?;
    let added = added(&ask(ephor(bench, lake, &["import"]).arg(made.join("activities.ndjson")))?)?;
    remove(&made)?;
    Ok(added)
}

fn added(told: &str) -> Outcome<u64> {
    let told: Value =
        serde_json::from_str(told.lines().last().unwrap_or_default()).blame("an import printed no JSON")?;
    told["added"].as_u64().blame("an import told nothing of `added`")
}

fn names(bench: &Bench<'_>) -> Outcome<Vec<String>> {
    let told = ask(Command::new(&bench.binary).args(["report", "list", "--format", "json"]))?;
    let reports: Vec<Value> = serde_json::from_str(&told).blame("`ephor report list` printed no JSON")?;
    Ok(reports.iter().filter_map(|report| report["name"].as_str()).map(str::to_owned).collect())
}

fn one(bench: &Bench<'_>, lake: &Lake, name: &str) -> Outcome<Timed> {
    let file = bench.folder.join(format!("report-{name}.json"));
    let ours = measure::run(ephor(bench, lake, &["report", name, "--out"]).arg(&file))?;
    let compared = COMPARED.contains(&name);
    let theirs = compared.then(|| measure::run(super::script(bench, "duckdb_reports.py").arg(&lake.folder).arg(&file)));
    let theirs = theirs.transpose()?;
    let bytes = measure::bytes_on_disk(&file);
    fs::remove_file(&file).blame(format!("cannot remove {}", file.display()))?;
    Ok(Timed {
        name: name.to_owned(),
        seconds: ours.seconds,
        peak_memory_bytes: ours.peak_memory_bytes,
        bytes,
        duckdb_seconds: theirs.as_ref().map(|run| run.seconds),
        duckdb_peak_memory_bytes: theirs.as_ref().map(|run| run.peak_memory_bytes),
    })
}

fn ephor(bench: &Bench<'_>, lake: &Lake, arguments: &[&str]) -> Command {
    let mut command = Command::new(&bench.binary);
    command.args(["--format", "json", "--data-dir"]).arg(&lake.folder).args(arguments).current_dir(&bench.folder);
    command
}

impl Results {
    fn print(&self) {
        println!(
            "\nReports on {} people: {} usage events over 90 days, {} activities; each a whole process",
            self.seats, self.usage_events, self.activities
        );
        println!("\n| report | seconds | peak MiB | MiB told | DuckDB, s | peak MiB |");
        println!("| --- | ---: | ---: | ---: | ---: | ---: |");
        for timed in &self.reports {
            let theirs = timed.duckdb_seconds.map_or_else(String::new, |seconds| format!("{seconds:.1}"));
            let memory = timed.duckdb_peak_memory_bytes.map_or_else(String::new, |bytes| (bytes >> 20).to_string());
            println!(
                "| {} | {:.1} | {} | {:.1} | {theirs} | {memory} |",
                timed.name,
                timed.seconds,
                timed.peak_memory_bytes >> 20,
                timed.bytes as f64 / 1_048_576.0
            );
        }
    }
}
