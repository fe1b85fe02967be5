//! How fast rules take activities on one core: Ephor, bare rsigma-eval, and the same rules as SQL in DuckDB and SQLite.
//! Promises: the same activities for each, every process held to one core, and hits of the same rule compared.
//! Never lets one system do another's work on the clock: rows for the others are read and flattened for them. The clock is the
//! processor's, but for `ephor detect`, which waits for its disk as it does in life.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::{Bench, DetectionOptions, measure, script};
use crate::step::{Blame, Failure, Outcome, Steps, ask};

/// As many rules as the smallest set that the use cases ask for.
const SOME_RULES: &str = "60";

/// What `ephor rules pace` tells.
#[derive(Deserialize)]
struct Pace {
    activities: u64,
    rules: usize,
    seconds: f64,
    activities_a_second: f64,
    #[serde(default)]
    hits: std::collections::BTreeMap<String, u64>,
}

/// What `ephor detect` tells.
#[derive(Deserialize)]
struct Detected {
    activities: u64,
    rules: usize,
    seconds: f64,
}

/// What `rules_sql.py` tells.
#[derive(Deserialize, Serialize)]
struct Sql {
    activities: u64,
    queries: usize,
    load_seconds: f64,
    query_seconds: f64,
    refused: std::collections::BTreeMap<String, String>,
    compared: usize,
    others: std::collections::BTreeMap<String, [u64; 2]>,
}

#[derive(Serialize)]
struct Row {
    what: String,
    rules: usize,
    activities: u64,
    seconds: f64,
    activities_a_second: f64,
    peak_memory_mib: f64,
    note: String,
}

/// An organisation: its activities in a file, its directory and registers in a lake.
struct Made {
    activities: PathBuf,
    data: PathBuf,
}

pub(super) fn run(bench: &Bench<'_>, steps: &mut Steps, options: &DetectionOptions) -> Outcome<()> {
    let folder = tempfile::tempdir_in(&bench.folder).blame("cannot make a folder for the organisations")?;
    let made = steps.run("an organisation", || make(bench, options, options.people, &folder.path().join("usual")))?;
    let mut rows = Vec::new();
    rows.push(steps.run("detect", || detect(bench, &made))?);
    for (with, name) in [("ephor", "Ephor's engine, from the text"), ("rsigma", "bare rsigma-eval, from parsed rows")] {
        for rules in [None, Some(SOME_RULES)] {
            rows.push(
                steps.run(&format!("{with}, {} rules", rules.unwrap_or("all")), || {
                    pace(bench, &made, with, rules, name)
                })?,
            );
        }
    }
    let expected = steps.run("tables", || tables(bench, &made, folder.path()))?;
    for engine in ["duckdb", "sqlite"] {
        rows.push(steps.run(engine, || sql(bench, engine, folder.path(), expected))?);
    }
    let crowd = steps.run("a crowd", || make(bench, options, options.actors, &folder.path().join("crowd")))?;
    let name = format!("Ephor's engine, {} people", options.actors);
    rows.push(steps.run("ephor, a crowd", || pace(bench, &crowd, "ephor", None, &name))?);
    print(&rows);
    let path = bench.folder.join("detection-rates.json");
    let text = serde_json::to_string_pretty(&rows).blame("cannot write the results")?;
    fs::write(&path, text).blame(format!("cannot write {}", path.display()))
}

fn make(bench: &Bench<'_>, options: &DetectionOptions, people: u32, folder: &Path) -> Outcome<Made> {
    let (out, data) = (folder.join("made"), folder.join("data"));
    let numbers = [options.first_seed.to_string(), people.to_string(), options.span.to_string()];
    let mut simulate = Command::new(&bench.binary);
    simulate.args(["simulate", "--seed", &numbers[0], "--users", &numbers[1], "--days", &numbers[2]]);
    ask(simulate.args(["--activities", &options.activities.to_string(), "--out"]).arg(&out))?;
    ask(ephor(bench, &data).args(["import", "--directory"]).arg(out.join("directory")))?;
    Ok(Made { activities: out.join("activities.ndjson"), data })
}

fn ephor(bench: &Bench<'_>, data: &Path) -> Command {
    let mut command = Command::new(&bench.binary);
    command.env("EPHOR_DATA_DIR", data);
    command
}

/// The same command held to the last core.
fn on_one_core(command: &Command) -> Outcome<Command> {
    let cores = std::thread::available_parallelism().blame("cannot count the cores")?;
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &(cores.get() - 1).to_string()]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            pinned.env(name, value);
        }
    }
    Ok(pinned)
}

fn detect(bench: &Bench<'_>, made: &Made) -> Outcome<Row> {
    ask(ephor(bench, &made.data).arg("import").arg(&made.activities))?;
    let mut command = ephor(bench, &made.data);
    command.args(["detect", "--format", "json"]);
    let ran = measure::run(&mut on_one_core(&command)?)?;
    let told: Detected = serde_json::from_str(&ran.output).blame("`ephor detect` told something else")?;
    Ok(Row {
        what: "ephor detect: from the lake to findings put down".to_owned(),
        rules: told.rules,
        activities: told.activities,
        seconds: told.seconds,
        activities_a_second: told.activities as f64 / told.seconds,
        peak_memory_mib: mib(ran.peak_memory_bytes),
        note: String::new(),
    })
}

fn pace(bench: &Bench<'_>, made: &Made, with: &str, rules: Option<&str>, name: &str) -> Outcome<Row> {
    let mut command = ephor(bench, &made.data);
    command.args(["rules", "pace", "--with", with, "--format", "json"]).arg(&made.activities);
    command.args(rules.iter().flat_map(|rules| ["--rules", rules]));
    let ran = measure::run(&mut on_one_core(&command)?)?;
    let told: Pace = serde_json::from_str(&ran.output).blame("`ephor rules pace` told something else")?;
    let hits: u64 = told.hits.values().sum();
    Ok(Row {
        what: name.to_owned(),
        rules: told.rules,
        activities: told.activities,
        seconds: told.seconds,
        activities_a_second: told.activities_a_second,
        peak_memory_mib: mib(ran.peak_memory_bytes),
        note: if hits > 0 { format!("{hits} matches of detections") } else { String::new() },
    })
}

/// The flat rows, the lists, and what each detection selects.
fn tables(bench: &Bench<'_>, made: &Made, folder: &Path) -> Outcome<usize> {
    let mut command = ephor(bench, &made.data);
    command
        .args(["rules", "pace", "--format", "json"])
        .arg(&made.activities)
        .arg("--tables")
        .arg(folder.join("tables"));
    let told: Pace = serde_json::from_str(&ask(&mut command)?).blame("`ephor rules pace` told something else")?;
    let lists = ask(ephor(bench, &made.data).args(["lists", "show", "--format", "json"]))?;
    let path = folder.join("lists.json");
    fs::write(&path, lists).blame(format!("cannot write {}", path.display()))?;
    if told.hits.values().sum::<u64>() == 0 {
        return Err(Failure::new("no rule selects anything of these activities: there is nothing to compare"));
    }
    Ok(told.hits.len())
}

fn sql(bench: &Bench<'_>, engine: &str, folder: &Path, detections: usize) -> Outcome<Row> {
    let mut command = script(bench, "rules_sql.py");
    command.arg(engine).arg(folder.join("tables")).arg(folder.join("lists.json"));
    command.arg(bench.workspace.root.join("rules"));
    let ran = measure::run(&mut on_one_core(&command)?)?;
    let told: Sql = serde_json::from_str(&ran.output).blame("rules_sql.py told something else")?;
    let seconds = told.load_seconds + told.query_seconds;
    let named = |names: Vec<&String>| names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut note = format!(
        "loading {:.2} s, queries {:.2} s; {} of {detections} detections compared, {} select others",
        told.load_seconds,
        told.query_seconds,
        told.compared,
        told.others.len()
    );
    for (what, names) in
        [("others", told.others.keys().collect()), ("refused", told.refused.keys().collect::<Vec<_>>())]
    {
        if !names.is_empty() {
            note += &format!("; {what}: {}", named(names));
        }
    }
    Ok(Row {
        what: format!("the rules as SQL in {engine}, one query each"),
        rules: told.queries,
        activities: told.activities,
        seconds,
        activities_a_second: told.activities as f64 / seconds,
        peak_memory_mib: mib(ran.peak_memory_bytes),
        note,
    })
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn print(rows: &[Row]) {
    println!("\n| what | rules | activities | seconds | activities a second | peak memory | |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for Row { what, rules, activities, seconds, activities_a_second, peak_memory_mib, note } in rows {
        println!(
            "| {what} | {rules} | {activities} | {seconds:.2} | {activities_a_second:.0} | {peak_memory_mib:.0} MiB | {note} |"
        );
    }
}
