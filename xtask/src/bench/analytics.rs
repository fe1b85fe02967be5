//! The Analytics API: days built, questions answered and telemetry taken in, beside DuckDB over the same Parquet files.
//! Promises: both build the same listings of the same days, and the answers that are timed are compared.
//! Never spares Ephor the opening of its lake: both builds are whole processes.

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::import::{Lake, new_lake, remove};
use super::measure::{self, PeakWatch, Run};
use super::node::Node;
use super::{Bench, script};
use crate::step::{Blame, Outcome, Steps, ask};

/// Days whose build is measured: a working week and its weekend.
const BUILT_DAYS: usize = 7;
/// The shape of telemetry that is sent: a thousand records are what a busy collector batches.
const BODIES: u64 = 400;
const RECORDS_A_BODY: u64 = 1_000;

#[derive(Args)]
pub struct AnalyticsOptions {
    /// How many people, of the analytics benchmark.
    #[arg(long, default_value_t = 100_000)]
    users: u32,
    /// How many days.
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// Usage events of each person on each day of work.
    #[arg(long, default_value_t = 4)]
    usage_per_user: u32,
}

#[derive(Serialize)]
struct Results {
    users: u32,
    days: u32,
    import: Value,
    built_days: usize,
    build_ephor_seconds: f64,
    build_ephor_inside_seconds: f64,
    build_ephor_peak_memory_bytes: u64,
    build_duckdb_seconds: f64,
    build_duckdb_peak_memory_bytes: u64,
    answers: Vec<Answered>,
    serving_memory_bytes: u64,
    telemetry: Value,
    telemetry_memory_bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Answered {
    what: String,
    ephor_p50_ms: f64,
    ephor_p99_ms: f64,
    duckdb_p50_ms: f64,
    duckdb_p99_ms: f64,
}

pub fn run(bench: &Bench<'_>, steps: &mut Steps, options: &AnalyticsOptions, keep: bool) -> Outcome<()> {
    let lake = steps.run("an empty lake", || empty_lake(bench))?;
    let import = steps.run("usage events", || import_usage(bench, &lake, options))?;
    steps.run("build every day", || rebuild(bench, &lake, None).map(drop))?;
    let days = built_days(bench, &lake)?;
    let newest = days.last().blame("no day has closed; ask for more of them with --days")?.clone();
    let ours =
        steps.run("build a week: ephor", || rebuild(bench, &lake, days.first().map(|first| (first, &newest))))?;
    let theirs = steps.run("build a week: DuckDB", || duckdb_days(bench, &lake, &days))?;
    let (answers, serving_memory_bytes) = steps.run("answers", || answers(bench, &lake))?;
    let (telemetry, telemetry_memory_bytes) = steps.run("telemetry", || telemetry(bench, &lake))?;
    let inside: Value = serde_json::from_str(ours.output.trim()).blame("`ephor analytics rebuild` printed no JSON")?;
    let results = Results {
        users: options.users,
        days: options.days,
        import,
        built_days: days.len(),
        build_ephor_seconds: ours.seconds,
        build_ephor_inside_seconds: inside["seconds"].as_f64().unwrap_or_default(),
        build_ephor_peak_memory_bytes: ours.peak_memory_bytes,
        build_duckdb_seconds: theirs.seconds,
        build_duckdb_peak_memory_bytes: theirs.peak_memory_bytes,
        answers,
        serving_memory_bytes,
        telemetry,
        telemetry_memory_bytes,
    };
    results.print();
    let file = bench.folder.join("results-analytics.json");
    let text = serde_json::to_string_pretty(&results).blame("results cannot be written as JSON")?;
    fs::write(&file, text + "\n").blame(format!("cannot write {}", file.display()))?;
    println!("\nwritten to {}", file.display());
    if keep { Ok(()) } else { remove(&lake.folder) }
}

fn empty_lake(bench: &Bench<'_>) -> Outcome<Lake> {
    let lake = new_lake(bench, "analytics-lake")?;
    ask(&mut ephor(bench, &lake, &["org", "analytics", "enable"]))?;
    Ok(lake)
}

fn import_usage(bench: &Bench<'_>, lake: &Lake, options: &AnalyticsOptions) -> Outcome<Value> {
    let events = bench.folder.join("usage");
    let (users, days, per_user) =
        (options.users.to_string(), options.days.to_string(), options.usage_per_user.to_string());
    ask(Command::new(&bench.binary)
        .args(["simulate", "--seed", "7", "--users", &users, "--days", &days, "--usage-per-user", &per_user, "--out"])
        .arg(&events))?;
    let file = events.join("usage.ndjson");
    let told = ask(ephor(bench, lake, &["import", "--usage", "--format", "json"]).arg(file))?;
    remove(&events)?;
    serde_json::from_str(told.lines().last().unwrap_or_default()).blame("`ephor import` printed no JSON")
}

/// Builds some days, or all of them.
fn rebuild(bench: &Bench<'_>, lake: &Lake, span: Option<(&String, &String)>) -> Outcome<Run> {
    let mut command = ephor(bench, lake, &["analytics", "rebuild", "--format", "json"]);
    if let Some((first, last)) = span {
        command.args(["--from", first, "--to", last]);
    }
    measure::run(&mut command)
}

/// The last days that are built, oldest first.
fn built_days(bench: &Bench<'_>, lake: &Lake) -> Outcome<Vec<String>> {
    let sql = "select distinct cast(day as varchar) as day from analytics_users order by day desc";
    let told = ask(&mut ephor(bench, lake, &["lake", "sql", "--format", "json", sql]))?;
    let rows: Vec<Value> = serde_json::from_str(&told).blame("`ephor lake sql` printed no JSON")?;
    let days = rows.iter().filter_map(|row| row["day"].as_str()).take(BUILT_DAYS);
    let mut days: Vec<String> = days.map(str::to_owned).collect();
    days.reverse();
    Ok(days)
}

fn duckdb_days(bench: &Bench<'_>, lake: &Lake, days: &[String]) -> Outcome<Run> {
    let out = bench.folder.join("duckdb-days");
    let run = measure::run(script(bench, "duckdb_days.py").arg(&lake.folder).arg(&out).args(days))?;
    remove(&out)?;
    Ok(run)
}

fn answers(bench: &Bench<'_>, lake: &Lake) -> Outcome<(Vec<Answered>, u64)> {
    let node = Node::start(bench, lake)?;
    let watch = PeakWatch::of_process(node.pid());
    let told = ask(script(bench, "analytics_pages.py")
        .arg(&node.address)
        .arg(&lake.folder)
        .arg(bench.requests.to_string())
        .env("ANALYTICS_KEY", key(lake, "analytics")?))?;
    Ok((serde_json::from_str(&told).blame("analytics_pages.py printed no JSON")?, watch.stop()))
}

fn telemetry(bench: &Bench<'_>, lake: &Lake) -> Outcome<(Value, u64)> {
    let node = Node::start(bench, lake)?;
    let watch = PeakWatch::of_process(node.pid());
    let told = ask(script(bench, "otlp_intake.py")
        .arg(&node.address)
        .args([BODIES.to_string(), RECORDS_A_BODY.to_string()])
        .env("WRITE_KEY", key(lake, "write")?))?;
    Ok((serde_json::from_str(&told).blame("otlp_intake.py printed no JSON")?, watch.stop()))
}

fn ephor(bench: &Bench<'_>, lake: &Lake, arguments: &[&str]) -> Command {
    let mut command = Command::new(&bench.binary);
    command.args(arguments).arg("--data-dir").arg(&lake.folder).current_dir::<&Path>(&bench.folder);
    command
}

fn key<'a>(lake: &'a Lake, name: &str) -> Outcome<&'a str> {
    lake.keys
        .pointer(&format!("/keys/{name}"))
        .and_then(Value::as_str)
        .blame(format!("`ephor init` printed no {name} key"))
}

impl Results {
    fn print(&self) {
        println!(
            "\nAnalytics of {} people over {} days: {} usage events; × is DuckDB over Ephor",
            self.users, self.days, self.import["added"]
        );
        println!("{:<28} {:>12} {:>12} {:>8}", "", "ephor", "duckdb", "×");
        let build = format!("build {} days, s", self.built_days);
        line(&build, self.build_ephor_seconds, self.build_duckdb_seconds);
        for answer in &self.answers {
            line(&format!("{} p50, ms", answer.what), answer.ephor_p50_ms, answer.duckdb_p50_ms);
            line(&format!("{} p99, ms", answer.what), answer.ephor_p99_ms, answer.duckdb_p99_ms);
        }
        println!(
            "  building: {:.2} s of it inside the process; it writes six listings, DuckDB five",
            self.build_ephor_inside_seconds
        );
        println!(
            "  peak memory: {} MiB building (DuckDB {}), {} MiB serving",
            self.build_ephor_peak_memory_bytes >> 20,
            self.build_duckdb_peak_memory_bytes >> 20,
            self.serving_memory_bytes >> 20
        );
        let (events, seconds) = (self.telemetry["events"].as_f64(), self.telemetry["seconds"].as_f64());
        if let (Some(events), Some(seconds)) = (events, seconds) {
            println!(
                "  OTLP over HTTP: {:.0} events/s, {} MiB at the peak",
                events / seconds,
                self.telemetry_memory_bytes >> 20
            );
        }
    }
}

fn line(what: &str, ours: f64, theirs: f64) {
    println!("{what:<28} {ours:>12.2} {theirs:>12.2} {:>8.2}", theirs / ours);
}
