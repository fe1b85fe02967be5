//! Export: events a second of each format and each sink on one core, beside rsyslog, syslog-ng and Tenzir moving the same lines;
//! how late an event is at a steady rate; what a dead receiver costs a node.
//! Promises: Ephor and its peers get one core each in turn, receivers the others, and every run counts what arrived.
//! Never spares Ephor the opening of its lake: each run is a whole process.

mod peers;
mod receivers;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::import::{Lake, new_lake, remove};
use super::measure::{self, PeakWatch};
use super::node::Node;
use super::{Bench, script};
use crate::step::{Blame, Failure, Outcome, Steps, ask};
use receivers::Receivers;

/// What a sink is given unless its protocol wants another.
const FORMATS: [&str; 7] = ["ocsf", "ecs", "cef", "leef", "otlp", "udm", "raw"];

/// How long a node with a dead receiver is watched.
const WATCHED: Duration = Duration::from_secs(20);

#[derive(Args)]
pub struct ExportOptions {
    /// Events a second while it is measured how late they are, of the export benchmark.
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// For how many seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

#[derive(Serialize)]
struct Results {
    profile: String,
    rows: u64,
    input_bytes: u64,
    runs: Vec<Delivered>,
    lag: Lag,
    memory: Vec<Memory>,
}

/// One run to its end.
#[derive(Serialize)]
struct Delivered {
    what: String,
    format: String,
    events: u64,
    seconds: f64,
    peak_memory_bytes: u64,
    bytes: u64,
    note: String,
}

/// How late events were, as `export_lag.py` tells.
#[derive(Serialize, Deserialize)]
struct Lag {
    events: u64,
    events_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    most_ms: f64,
}

#[derive(Serialize)]
struct Memory {
    what: &'static str,
    peak_memory_bytes: u64,
}

pub fn run(bench: &Bench<'_>, steps: &mut Steps, profile: &str, options: &ExportOptions, keep: bool) -> Outcome<()> {
    let lake = steps.run("a lake", || filled(bench))?;
    let input_bytes = fs::metadata(&bench.activities).blame("no activities")?.len();
    let out = bench.folder.join("exported");
    remove(&out)?;
    fs::create_dir_all(&out).blame(format!("cannot make {}", out.display()))?;
    let mut runs = Vec::new();
    for format in FORMATS {
        runs.push(steps.run(&format!("file, {format}"), || to_file(bench, &lake, &out, format))?);
        runs.push(steps.run(&format!("stdout, {format}"), || to_stdout(bench, &lake, format))?);
    }
    let receivers = steps.run("receivers", || Receivers::start(bench, &out))?;
    for sink in receivers.sinks(&out) {
        runs.push(steps.run(&format!("{}, {}", sink.name, sink.format), || to_sink(bench, &lake, &sink))?);
        remove(&out.join("objects"))?;
    }
    drop(receivers);
    for peer in peers::all(bench) {
        runs.push(steps.run(&peer.name, || peer.measure(bench, &out))?);
    }
    let rows = runs.first().map_or(0, |run| run.events);
    if let Some(other) = runs.iter().find(|run| run.events != rows) {
        return Err(Failure::new(format!("{} delivered {} of {rows} events", other.what, other.events)));
    }
    let memory = steps.run("a dead receiver", || with_a_dead_receiver(bench, &lake))?;
    let lag = steps.run("how late", || how_late(bench, options))?;
    let results = Results { profile: profile.to_owned(), rows, input_bytes, runs, lag, memory };
    results.print();
    let file = bench.folder.join("results-export.json");
    let text = serde_json::to_string_pretty(&results).blame("results cannot be written as JSON")?;
    fs::write(&file, text + "\n").blame(format!("cannot write {}", file.display()))?;
    println!("\nwritten to {}", file.display());
    remove(&out)?;
    if keep { Ok(()) } else { remove(&lake.folder) }
}

/// A lake with the activities in it.
fn filled(bench: &Bench<'_>) -> Outcome<Lake> {
    let lake = new_lake(bench, "export-lake")?;
    ask(Command::new(&bench.binary).args(["import", "--data-dir"]).arg(&lake.folder).arg(&bench.activities))?;
    Ok(lake)
}

/// `ephor export run` to the end, on one core.
fn export(bench: &Bench<'_>, lake: &Lake, sink: &str, format: Option<&str>) -> Command {
    let mut command = on_one_core(&bench.binary);
    command.args(["export", "run", "--once", "--format", "json", "--sink", sink]);
    if let Some(format) = format {
        command.args(["--export-format", format]);
    }
    command.arg("--data-dir").arg(&lake.folder).current_dir(&bench.folder);
    command
}

/// A program on the first core and no other.
fn on_one_core(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(program);
    command
}

fn to_file(bench: &Bench<'_>, lake: &Lake, out: &Path, format: &str) -> Outcome<Delivered> {
    let file = out.join(format!("{format}.out"));
    remove(&file)?;
    let run = measure::run(&mut export(bench, lake, &format!("file:{}", file.display()), Some(format)))?;
    let delivered = told("file", format, &run, "fsynced")?;
    remove(&file)?;
    Ok(delivered)
}

fn to_stdout(bench: &Bench<'_>, lake: &Lake, format: &str) -> Outcome<Delivered> {
    // The number of lines is what arrived.
    let count = export(bench, lake, "stdout", Some(format));
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$@\" | wc -lc", "sh"]).arg(count.get_program()).args(count.get_args());
    let run = measure::run(shell.current_dir(&bench.folder))?;
    let mut numbers = run.output.split_whitespace().map(str::parse::<u64>);
    let mut number = || numbers.next().blame("wc counted nothing")?.blame("wc printed no number");
    let (events, bytes) = (number()?, number()?);
    Ok(Delivered {
        what: "stdout".to_owned(),
        format: format.to_owned(),
        events,
        seconds: run.seconds,
        peak_memory_bytes: 0,
        bytes,
        note: "into a pipe that counts".to_owned(),
    })
}

fn to_sink(bench: &Bench<'_>, lake: &Lake, sink: &receivers::SinkToMeasure) -> Outcome<Delivered> {
    // Each sink has a name of its own, so its place is at the beginning.
    let config = lake.folder.join("ephor.toml");
    let before = fs::read_to_string(&config).unwrap_or_default();
    let mut file = fs::File::create(&config).blame(format!("cannot write {}", config.display()))?;
    file.write_all(format!("{before}\n{}", sink.settings).as_bytes()).blame("cannot name the sink")?;
    let run = measure::run(&mut export(bench, lake, &sink.name, None));
    fs::write(&config, before).blame(format!("cannot write {}", config.display()))?;
    told(&sink.name, sink.format, &run?, sink.note)
}

fn told(what: &str, format: &str, run: &measure::Run, note: &str) -> Outcome<Delivered> {
    let told: Value = serde_json::from_str(run.output.trim()).blame("`ephor export run` printed no JSON")?;
    let number = |name: &str| told["sinks"][0][name].as_u64().unwrap_or_default();
    Ok(Delivered {
        what: what.to_owned(),
        format: format.to_owned(),
        events: number("delivered"),
        seconds: run.seconds,
        peak_memory_bytes: run.peak_memory_bytes,
        bytes: number("bytes"),
        note: note.to_owned(),
    })
}

/// A node over the whole lake: without a sink, and with one whose receiver is not there.
fn with_a_dead_receiver(bench: &Bench<'_>, lake: &Lake) -> Outcome<Vec<Memory>> {
    let config = lake.folder.join("ephor.toml");
    let before = fs::read_to_string(&config).unwrap_or_default();
    let dead = "\n[[sink]]\nname = \"dead\"\nallow_private = true\nwebhook = { url = \"http://127.0.0.1:9/\" }\n";
    let mut found = Vec::new();
    for (what, settings) in [("without a sink", ""), ("with a sink whose receiver is dead", dead)] {
        fs::write(&config, format!("{before}{settings}")).blame(format!("cannot write {}", config.display()))?;
        let node = Node::start(bench, lake)?;
        let watch = PeakWatch::of_process(node.pid());
        let end = Instant::now() + WATCHED;
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(100));
        }
        found.push(Memory { what, peak_memory_bytes: watch.stop() });
    }
    fs::write(&config, before).blame(format!("cannot write {}", config.display()))?;
    Ok(found)
}

/// Events pushed into a node at a steady rate, until each stands in a file that a sink writes.
fn how_late(bench: &Bench<'_>, options: &ExportOptions) -> Outcome<Lag> {
    let lake = new_lake(bench, "lag-lake")?;
    let file: PathBuf = bench.folder.join("lag.ndjson");
    remove(&file)?;
    let config = lake.folder.join("ephor.toml");
    let before = fs::read_to_string(&config).unwrap_or_default();
    let sink = format!(
        "\n[[sink]]\nname = \"late\"\nformat = \"ocsf\"\nwhat = \"activities\"\nfile = {{ path = {file:?} }}\n"
    );
    fs::write(&config, before + &sink).blame(format!("cannot write {}", config.display()))?;
    let node = Node::start(bench, &lake)?;
    let key = lake.keys.pointer("/keys/write").and_then(Value::as_str).blame("`ephor init` printed no write key")?;
    let told = ask(script(bench, "export_lag.py")
        .arg(&node.address)
        .arg(&file)
        .args([options.rate.to_string(), options.seconds.to_string()])
        .env("WRITE_KEY", key))?;
    drop(node);
    remove(&file)?;
    remove(&lake.folder)?;
    serde_json::from_str(&told).blame("export_lag.py printed no JSON")
}

impl Results {
    fn print(&self) {
        println!(
            "\nExport of {} activities ({} MiB of NDJSON), profile {}; one core for the exporter, receivers on the others",
            self.rows,
            self.input_bytes >> 20,
            self.profile
        );
        println!(
            "\n{:<26} {:<10} {:>9} {:>10} {:>9} {:>9}  note",
            "to", "format", "seconds", "events/s", "MiB/s", "peak MiB"
        );
        for run in &self.runs {
            let peak = match run.peak_memory_bytes >> 20 {
                0 => "–".to_owned(),
                mebibytes => mebibytes.to_string(),
            };
            println!(
                "{:<26} {:<10} {:>9.2} {:>10.0} {:>9.1} {:>9}  {}",
                run.what,
                run.format,
                run.seconds,
                run.events as f64 / run.seconds,
                run.bytes as f64 / f64::from(1 << 20) / run.seconds,
                peak,
                run.note
            );
        }
        println!(
            "\nFrom a push to a line in a file, {} events at {:.0} a second: p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms",
            self.lag.events, self.lag.events_per_second, self.lag.p50_ms, self.lag.p99_ms, self.lag.most_ms
        );
        for memory in &self.memory {
            println!("Peak memory of a node over all of it, {}: {} MiB", memory.what, memory.peak_memory_bytes >> 20);
        }
    }
}
