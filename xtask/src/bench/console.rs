//! The console: every page asked first and again, then many viewers at once, on a demo of the size that is asked for.
//! Promises: the node has done what it does after a start (rules over history, days counted) before anything is timed, and
//! activities go on coming in while pages are.
//! Never counts the making of the organisation: the node that is measured finds it.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::import::remove;
use super::measure::{self, PeakWatch};
use super::node::Node;
use super::{Bench, script};
use crate::step::{Blame, Failure, Outcome, Steps, ask};

/// A node at rest uses less of one core than this…
const AT_REST: f64 = 0.10;
/// …for so long.
const REST: Duration = Duration::from_secs(5);
/// Rules over five million activities take two minutes in a development build.
const SETTLES_WITHIN: Duration = Duration::from_secs(1_800);

#[derive(Args)]
pub struct ConsoleOptions {
    /// How many people, of the console benchmark.
    #[arg(long, default_value_t = 10_000)]
    staff: u32,
    /// Days of the console benchmark's organisation.
    #[arg(long, default_value_t = 60)]
    working_days: u32,
    /// The data folder of a demo that is there already, instead of making one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Viewers at once.
    #[arg(long, default_value_t = 200)]
    viewers: u32,
    /// How long they look.
    #[arg(long, default_value_t = 30)]
    viewed_seconds: u32,
}

/// What console_pages.py tells.
#[derive(Serialize, Deserialize)]
struct Told {
    pages: Vec<Page>,
    asset_bytes: u64,
    at_once: Vec<AtOnce>,
    activities_meanwhile: u64,
}

#[derive(Serialize, Deserialize)]
struct Page {
    page: String,
    first_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct AtOnce {
    viewers: u32,
    pause_seconds: f64,
    requests: u64,
    requests_a_second: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

#[derive(Serialize)]
struct Results {
    activities: u64,
    #[serde(flatten)]
    told: Told,
    resident_bytes: u64,
    peak_memory_bytes: u64,
}

pub fn run(bench: &Bench<'_>, steps: &mut Steps, options: &ConsoleOptions, rows: u64, keep: bool) -> Outcome<()> {
    let folder = options.data.clone().unwrap_or_else(|| bench.folder.join("console"));
    let demo = || Node::demo(bench, &folder, (options.staff, options.working_days, rows));
    if options.data.is_none() {
        remove(&folder)?;
        // Ended as a person ends it: what was taken in is closed in order, and the next start finds it.
        steps.run("an organisation", || demo()?.interrupt())?;
    }
    let node = steps.run("start", || {
        let node = demo()?;
        settled(node.pid()).map(|()| node)
    })?;
    let watch = PeakWatch::of_process(node.pid());
    let told = steps.run("pages and viewers", || {
        ask(script(bench, "console_pages.py")
            .arg(node.told("/console")?)
            .args([bench.requests, options.viewers, options.viewed_seconds].map(|number| number.to_string()))
            .env("WRITE_KEY", node.told("/keys/write")?))
    })?;
    let told: Told = serde_json::from_str(&told).blame("console_pages.py printed no JSON")?;
    let resident_bytes = measure::resident_bytes(node.pid());
    let results = Results { activities: rows, told, resident_bytes, peak_memory_bytes: watch.stop() };
    drop(node);
    results.print();
    results.write(&bench.folder.join("results-console.json"))?;
    if keep || options.data.is_some() { Ok(()) } else { remove(&folder) }
}

/// Waits until a node does nothing but wait.
fn settled(pid: u32) -> Outcome<()> {
    let deadline = Instant::now() + SETTLES_WITHIN;
    while Instant::now() < deadline {
        let before = measure::cpu_seconds(pid);
        thread::sleep(REST);
        if measure::cpu_seconds(pid) - before < AT_REST * REST.as_secs_f64() {
            return Ok(());
        }
    }
    Err(Failure::new(format!("the node was still busy after {} s", SETTLES_WITHIN.as_secs())))
}

impl Results {
    fn print(&self) {
        println!(
            "\nConsole over {} activities, {} more meanwhile; ms",
            self.activities, self.told.activities_meanwhile
        );
        println!("{:<44} {:>9} {:>9} {:>9} {:>9} {:>8}", "page", "first", "p50", "p95", "p99", "KiB");
        for page in &self.told.pages {
            let Page { page, first_ms, p50_ms, p95_ms, p99_ms, bytes } = page;
            let kib = *bytes as f64 / 1024.0;
            println!("{page:<44} {first_ms:>9.1} {p50_ms:>9.1} {p95_ms:>9.1} {p99_ms:>9.1} {kib:>8.1}");
        }
        println!("  style, script and typeface, fetched once: {:.1} KiB", self.told.asset_bytes as f64 / 1024.0);
        for AtOnce { viewers, pause_seconds, requests_a_second, p50_ms, p95_ms, p99_ms, .. } in &self.told.at_once {
            let pace = if *pause_seconds > 0.0 { "reading" } else { "without a pause" };
            println!(
                "  {viewers} viewers {pace}: {requests_a_second:.0} requests/s, p50 {p50_ms:.1} ms, p95 {p95_ms:.1} ms, p99 {p99_ms:.1} ms"
            );
        }
        println!(
            "  memory: {} MiB resident at the end, {} MiB at the peak",
            self.resident_bytes >> 20,
            self.peak_memory_bytes >> 20
        );
    }

    fn write(&self, file: &Path) -> Outcome<()> {
        let text = serde_json::to_string_pretty(self).blame("results cannot be written as JSON")?;
        fs::write(file, text + "\n").blame(format!("cannot write {}", file.display()))?;
        println!("\nwritten to {}", file.display());
        Ok(())
    }
}
