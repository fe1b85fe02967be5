//! Bulk import: a file of activities into a store that is durable and holds no id twice.
//! Promises: each system does it the way its own users would, and anything not counted against it is said in its note.
//! Never compares a run that lost a row.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use super::Bench;
use super::measure::{self, PeakWatch};
use super::postgres::Cluster;
use super::report::{ImportResult, Results};
use crate::step::{Blame, Failure, Outcome, ask};

/// A lake that holds the activities, and the keys that open it.
pub struct Lake {
    pub folder: PathBuf,
    pub keys: Value,
}

pub fn into_ephor(bench: &Bench<'_>, results: &mut Results) -> Outcome<Lake> {
    let Lake { folder, keys } = new_lake(bench, "lake")?;
    let run = measure::run(
        Command::new(&bench.binary)
            .args(["import", "--format", "json", "--data-dir"])
            .arg(&folder)
            .arg(&bench.activities)
            .current_dir(&bench.folder),
    )?;
    let last = run.output.lines().last().unwrap_or_default();
    let told: Value = serde_json::from_str(last).blame("`ephor import` printed no JSON")?;
    let rows = told["added"].as_u64().blame(format!("`ephor import` told nothing of `added`: {last}"))?;
    results.add_import(ImportResult {
        system: "ephor",
        rows,
        seconds: run.seconds,
        peak_memory_bytes: run.peak_memory_bytes,
        disk_bytes: measure::bytes_on_disk(&folder),
        note: "parse, strip content, deduplicate, fsync; whole data folder",
    })?;
    Ok(Lake { folder, keys })
}

/// A data folder with keys in which recording is on.
pub fn new_lake(bench: &Bench<'_>, name: &str) -> Outcome<Lake> {
    let folder = bench.folder.join(name);
    remove(&folder)?;
    let keys = ask(Command::new(&bench.binary)
        .args(["init", "--format", "json", "--data-dir"])
        .arg(&folder)
        .current_dir(&bench.folder))?;
    let keys: Value = serde_json::from_str(keys.trim()).blame("`ephor init` printed no JSON")?;
    // Served pages need recording to be on; each of them is then written down, as in real life.
    ask(Command::new(&bench.binary).args(["org", "enable", "--agreement", "benchmark", "--data-dir"]).arg(&folder))?;
    Ok(Lake { folder, keys })
}

/// DuckDB twice: with the raw line kept, as a lake must, and without it, as its shortest statement would have it.
pub fn into_duckdb(bench: &Bench<'_>, results: &mut Results) -> Outcome<()> {
    for (system, kept, note) in [
        ("duckdb", "raw", "read_ndjson_objects into a table with a primary key, raw kept, checkpoint; no other index"),
        ("duckdb short", "columns", "read_ndjson of the columns alone into the same table: the raw line is lost"),
    ] {
        let database = bench.folder.join("activities.duckdb");
        remove(&database)?;
        remove(&database.with_extension("duckdb.wal"))?;
        let script = bench.workspace.root.join("benches/duckdb_import.py");
        let run = measure::run(
            Command::new(bench.workspace.python()).arg(script).arg(&bench.activities).arg(&database).arg(kept),
        )?;
        let rows = run.output.trim().parse().blame("duckdb_import.py printed no number of rows")?;
        results.add_import(ImportResult {
            system,
            rows,
            seconds: run.seconds,
            peak_memory_bytes: run.peak_memory_bytes,
            disk_bytes: measure::bytes_on_disk(&database),
            note,
        })?;
        remove(&database)?;
    }
    Ok(())
}

pub fn into_postgres(bench: &Bench<'_>, results: &mut Results) -> Outcome<Cluster> {
    let rows_file = bench.folder.join("activities.copy");
    let script = bench.workspace.root.join("benches/postgres_rows.py");
    ask(Command::new(bench.workspace.python()).arg(script).arg(&bench.activities).arg(&rows_file))?;
    let tables = read(bench, "benches/postgres_table.sql")?;
    let indexes = read(bench, "benches/postgres_indexes.sql")?;

    let cluster = Cluster::start()?;
    cluster.sql(&tables)?;
    let watch = PeakWatch::of_tree(cluster.pid()?);
    let start = Instant::now();
    copy_in(&cluster, &rows_file)?;
    cluster.sql(&indexes)?;
    cluster.sql("CHECKPOINT")?;
    let seconds = start.elapsed().as_secs_f64();
    let peak_memory_bytes = watch.stop();
    cluster.sql("VACUUM (ANALYZE) activities")?;
    let rows = cluster.sql("SELECT count(*) FROM activities")?.parse().blame("PostgreSQL counted no rows")?;
    let disk_bytes =
        cluster.sql("SELECT pg_total_relation_size('activities')")?.parse().blame("PostgreSQL told no size")?;
    results.add_import(ImportResult {
        system: "postgresql",
        rows,
        seconds,
        peak_memory_bytes,
        disk_bytes,
        note: "COPY of rows whose JSON was taken apart beforehand (not counted), unique key, then six indexes; without its log",
    })?;
    remove(&rows_file)?;
    Ok(cluster)
}

/// COPY from standard input, as a client of a server elsewhere would.
fn copy_in(cluster: &Cluster, rows: &std::path::Path) -> Outcome<()> {
    cluster.sql(&format!("\\copy activities FROM '{}'", rows.display())).map(drop)
}

fn read(bench: &Bench<'_>, file: &str) -> Outcome<String> {
    let path = bench.workspace.root.join(file);
    fs::read_to_string(&path).blame(format!("cannot read {}", path.display()))
}

pub fn remove(path: &std::path::Path) -> Outcome<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::new(format!("cannot remove {}: {error}", path.display()))),
    }
}
