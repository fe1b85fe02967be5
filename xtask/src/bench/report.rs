//! The results: a table of ratios for people, one JSON file for programs.
//! Promises: Ephor's numbers stand beside the others' of the same run, with the machine they came from.
//! Never rounds in the JSON.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::step::{Blame, Failure, Outcome, ask};
use crate::workspace::Workspace;

const MIB: f64 = 1024.0 * 1024.0;

#[derive(Serialize)]
pub struct Results {
    profile: String,
    ephor_version: String,
    processors: usize,
    input_bytes: u64,
    imports: Vec<ImportResult>,
    pub pages: Vec<PageResult>,
    pub serving_memory_bytes: Option<u64>,
}

#[derive(Serialize)]
pub struct ImportResult {
    pub system: &'static str,
    pub rows: u64,
    pub seconds: f64,
    pub peak_memory_bytes: u64,
    pub disk_bytes: u64,
    pub note: &'static str,
}

#[derive(Serialize)]
pub struct PageResult {
    pub place: String,
    pub filter: String,
    pub limit_rows: u32,
    pub ephor_p50_ms: f64,
    pub ephor_p99_ms: f64,
    pub postgresql_p50_ms: f64,
    pub postgresql_p99_ms: f64,
}

impl Results {
    pub fn begin(workspace: &Workspace, activities: &Path, profile: &str, binary: &Path) -> Outcome<Self> {
        let version = ask(Command::new(binary).arg("--version").current_dir(&workspace.root))?;
        let input = fs::metadata(activities).blame(format!("cannot see {}", activities.display()))?;
        Ok(Self {
            profile: profile.to_owned(),
            ephor_version: version.trim().to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            input_bytes: input.len(),
            imports: Vec::new(),
            pages: Vec::new(),
            serving_memory_bytes: None,
        })
    }

    /// Every system must end with the same number of rows.
    pub fn add_import(&mut self, result: ImportResult) -> Outcome<()> {
        if let Some(first) = self.imports.first()
            && first.rows != result.rows
        {
            let told = format!("{} holds {} rows, {} holds {}", first.system, first.rows, result.system, result.rows);
            return Err(Failure::new(told));
        }
        self.imports.push(result);
        Ok(())
    }

    pub fn print(&self) {
        println!("\n{} · profile {} · {} processors", self.ephor_version, self.profile, self.processors);
        self.print_imports();
        self.print_pages();
        if let Some(bytes) = self.serving_memory_bytes {
            println!("\nEphor's peak memory while it served the pages: {:.0} MiB", mebibytes(bytes));
        }
    }

    fn print_imports(&self) {
        let Some(ephor) = self.imports.first() else { return };
        println!(
            "\nBulk import of {} activities ({:.0} MiB of NDJSON); × is that system over Ephor",
            ephor.rows,
            mebibytes(self.input_bytes)
        );
        println!(
            "{:<12} {:>9} {:>6} {:>11} {:>10} {:>6} {:>10} {:>6}",
            "system", "seconds", "×", "rows/s", "disk MiB", "×", "peak MiB", "×"
        );
        for run in &self.imports {
            println!(
                "{:<12} {:>9.2} {:>6.2} {:>11.0} {:>10.1} {:>6.2} {:>10.0} {:>6.2}",
                run.system,
                run.seconds,
                run.seconds / ephor.seconds,
                as_float(run.rows) / run.seconds,
                mebibytes(run.disk_bytes),
                as_float(run.disk_bytes) / as_float(ephor.disk_bytes),
                mebibytes(run.peak_memory_bytes),
                as_float(run.peak_memory_bytes) / as_float(ephor.peak_memory_bytes),
            );
        }
        for run in &self.imports {
            println!("  {}: {}", run.system, run.note);
        }
    }

    fn print_pages(&self) {
        if self.pages.is_empty() {
            return;
        }
        println!("\nFeed pages, milliseconds; × is Ephor over PostgreSQL");
        println!(
            "{:<8} {:<8} {:>6} {:>11} {:>11} {:>9} {:>9} {:>7} {:>7}",
            "place", "filter", "rows", "ephor p50", "ephor p99", "pg p50", "pg p99", "× p50", "× p99"
        );
        for page in &self.pages {
            println!(
                "{:<8} {:<8} {:>6} {:>11.2} {:>11.2} {:>9.2} {:>9.2} {:>7.2} {:>7.2}",
                page.place,
                page.filter,
                page.limit_rows,
                page.ephor_p50_ms,
                page.ephor_p99_ms,
                page.postgresql_p50_ms,
                page.postgresql_p99_ms,
                page.ephor_p50_ms / page.postgresql_p50_ms,
                page.ephor_p99_ms / page.postgresql_p99_ms,
            );
        }
    }

    pub fn write(&self, file: &Path) -> Outcome<()> {
        let text = serde_json::to_string_pretty(self).blame("results cannot be written as JSON")?;
        fs::write(file, text + "\n").blame(format!("cannot write {}", file.display()))?;
        println!("\nwritten to {}", file.display());
        Ok(())
    }
}

fn mebibytes(bytes: u64) -> f64 {
    as_float(bytes) / MIB
}

/// Sizes and counts here stay far below 2^52, where every whole number is still exact.
fn as_float(number: u64) -> f64 {
    number as f64
}
