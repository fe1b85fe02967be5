//! Proof at size: a year of activities checked beside `sha256sum` over the same bytes, and a package made for each framework.
//! Promises that what is timed is found right first: an intact lake, packages that verify.
//! Never leaves a package behind.

use std::fs;
use std::process::Command;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::Bench;
use super::import::{Lake, new_lake, remove};
use super::measure::{self, Run};
use crate::step::{Blame, Failure, Outcome, Steps, ask};

/// A year that has ended, whole.
const YEAR: (&str, &str, &str) = ("2025-11-01", "2026-10-31", "2026-11-01");
const YEAR_DAYS: &str = "365";
const FRAMEWORKS: [&str; 5] = ["soc2", "iso27001", "pci-dss", "nis2", "eu-ai-act"];

#[derive(Args)]
pub struct ProofOptions {
    /// People whose year is proved; about 5,300 activities each.
    #[arg(long, default_value_t = 950)]
    workforce: u32,
}

#[derive(Serialize)]
struct Results {
    activities: u64,
    bytes: u64,
    import_seconds: f64,
    verify_seconds: f64,
    verify_peak_memory_bytes: u64,
    sha256sum_seconds: f64,
    proof_bytes: u64,
    lake_bytes: u64,
    packages: Vec<Package>,
}

#[derive(Serialize)]
struct Package {
    framework: &'static str,
    build_seconds: f64,
    build_peak_memory_bytes: u64,
    verify_seconds: f64,
    verify_peak_memory_bytes: u64,
    bytes: u64,
    cited: u64,
}

pub(super) fn run(bench: &Bench<'_>, steps: &mut Steps, options: &ProofOptions, keep: bool) -> Outcome<()> {
    let made = bench.folder.join(format!("year-{}", options.workforce));
    steps.run("simulate a year", || simulate(bench, &made, options.workforce))?;
    let lake = new_lake(bench, "proof-lake")?;
    let activities = made.join("activities.ndjson");
    let imported = steps.run("import", || {
        ask(ephor(bench, &lake, &["import", "--directory"]).arg(made.join("directory")))?;
        measure::run(ephor(bench, &lake, &["import"]).arg(&activities))
    })?;
    steps.run("detect", || ask(&mut ephor(bench, &lake, &["detect"])))?;
    let summed = steps.run("sha256sum", || measure::run(Command::new("sha256sum").arg(&activities)))?;
    let verified = steps.run("lake verify", || measure::run(&mut ephor(bench, &lake, &["lake", "verify"])))?;
    let told = json(&verified)?;
    let number = |name: &str| told[name].as_u64().blame(format!("`ephor lake verify` told nothing of `{name}`"));
    let mut results = Results {
        activities: number("rows_checked")?,
        bytes: number("bytes_checked")?,
        import_seconds: imported.seconds,
        verify_seconds: verified.seconds,
        verify_peak_memory_bytes: verified.peak_memory_bytes,
        sha256sum_seconds: summed.seconds,
        proof_bytes: measure::bytes_on_disk(&lake.folder.join("lake/activities/_proof")),
        lake_bytes: measure::bytes_on_disk(&lake.folder.join("lake/activities")),
        packages: Vec::new(),
    };
    for framework in FRAMEWORKS {
        results.packages.push(steps.run(framework, || package(bench, &lake, framework))?);
    }
    results.print();
    let file = bench.folder.join("results-proof.json");
    let text = serde_json::to_string_pretty(&results).blame("results cannot be written as JSON")?;
    fs::write(&file, text + "\n").blame(format!("cannot write {}", file.display()))?;
    println!("\nwritten to {}", file.display());
    if keep { Ok(()) } else { remove(&made).and_then(|()| remove(&lake.folder)) }
}

fn simulate(bench: &Bench<'_>, out: &std::path::Path, staff: u32) -> Outcome<()> {
    let done = out.join(".complete");
    if done.exists() {
        return Ok(());
    }
    let users = staff.to_string();
    ask(Command::new(&bench.binary)
        .args(["simulate", "--seed", "7", "--users", &users, "--days", YEAR_DAYS, "--end", YEAR.2, "--out"])
        .arg(out))?;
    fs::write(&done, "").blame(format!("cannot write {}", done.display()))
}

fn package(bench: &Bench<'_>, lake: &Lake, framework: &'static str) -> Outcome<Package> {
    let place = bench.folder.join(format!("package-{framework}"));
    remove(&place)?;
    let built = measure::run(
        ephor(bench, lake, &["evidence", "build", "--framework", framework, "--from", YEAR.0, "--to", YEAR.1, "--out"])
            .arg(&place),
    )?;
    let key = bench.folder.join("proof-key.pub");
    fs::write(&key, ask(Command::new(&bench.binary).args(["lake", "key", "show", "--data-dir"]).arg(&lake.folder))?)
        .blame(format!("cannot write {}", key.display()))?;
    let checked = measure::run(
        Command::new(&bench.binary).args(["evidence", "verify", "--format", "json", "--key"]).args([&key, &place]),
    )?;
    let (made, found) = (json(&built)?, json(&checked)?);
    remove(&place)?;
    if found["proven"] != true {
        return Err(Failure::new(format!("the package of {framework} is not proven: {}", found["problems"])));
    }
    Ok(Package {
        framework,
        build_seconds: built.seconds,
        build_peak_memory_bytes: built.peak_memory_bytes,
        verify_seconds: checked.seconds,
        verify_peak_memory_bytes: checked.peak_memory_bytes,
        bytes: made["bytes"].as_u64().unwrap_or_default(),
        cited: made["activities"].as_u64().unwrap_or_default(),
    })
}

fn ephor(bench: &Bench<'_>, lake: &Lake, arguments: &[&str]) -> Command {
    let mut command = Command::new(&bench.binary);
    command.args(["--format", "json", "--data-dir"]).arg(&lake.folder).args(arguments).current_dir(&bench.folder);
    command
}

fn json(run: &Run) -> Outcome<Value> {
    serde_json::from_str(run.output.trim()).blame("a command of ephor printed no JSON")
}

impl Results {
    fn print(&self) {
        let megabytes_a_second = |seconds: f64| self.bytes as f64 / 1e6 / seconds;
        println!("\nA year of {} activities, {} MiB as received", self.activities, self.bytes >> 20);
        println!("| what | seconds | MB/s | peak MiB |\n| --- | ---: | ---: | ---: |");
        println!("| `ephor import` | {:.1} | {:.0} | |", self.import_seconds, megabytes_a_second(self.import_seconds));
        println!(
            "| `ephor lake verify` | {:.1} | {:.0} | {} |",
            self.verify_seconds,
            megabytes_a_second(self.verify_seconds),
            self.verify_peak_memory_bytes >> 20
        );
        println!(
            "| `sha256sum` of the same bytes | {:.1} | {:.0} | |",
            self.sha256sum_seconds,
            megabytes_a_second(self.sha256sum_seconds)
        );
        println!(
            "\nproofs: {:.1} bytes an activity, {} MiB of {} MiB of the lake",
            self.proof_bytes as f64 / self.activities as f64,
            self.proof_bytes >> 20,
            self.lake_bytes >> 20
        );
        println!("\n| package | built, s | peak MiB | verified, s | peak MiB | MiB | cited |");
        println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
        for package in &self.packages {
            println!(
                "| {} | {:.1} | {} | {:.1} | {} | {} | {} |",
                package.framework,
                package.build_seconds,
                package.build_peak_memory_bytes >> 20,
                package.verify_seconds,
                package.verify_peak_memory_bytes >> 20,
                package.bytes >> 20,
                package.cited
            );
        }
    }
}
