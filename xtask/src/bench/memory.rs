//! What `ephor detect` needs of memory: with ever more people, and with ever more time.
//! Promises the kernel's own high-water mark of a process that reads the whole lake, and what it still holds at the end.
//! Never a measure of Ephor's own: what it says it holds stands beside the mark, not in its place.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::{Bench, DetectionOptions, measure};
use crate::step::{Blame, Outcome, Steps, ask};

/// The usual organisation, and a large one; the largest is asked for.
const PEOPLE: [u32; 2] = [2_000, 20_000];

/// Into so many parts the time of the largest organisation is cut; the first is as long as that of the others.
const PARTS: u32 = 3;

/// What `ephor detect` tells.
#[derive(Deserialize)]
struct Detected {
    activities: u64,
    new: u64,
    changed: u64,
    unchanged: u64,
    held: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct Row {
    people: u32,
    days: u32,
    activities: u64,
    findings: u64,
    held: u64,
    seconds: f64,
    peak_memory_mib: f64,
}

/// An organisation: its activities in a file, its directory in a lake.
struct Made {
    activities: PathBuf,
    data: PathBuf,
    people: u32,
}

pub(super) fn run(bench: &Bench<'_>, steps: &mut Steps, options: &DetectionOptions) -> Outcome<()> {
    let mut rows = Vec::new();
    for people in PEOPLE.into_iter().filter(|people| *people < options.actors) {
        let folder = tempfile::tempdir_in(&bench.folder).blame("cannot make a folder for an organisation")?;
        let made = steps.run(&format!("{people} people"), || make(bench, options, people, 1, folder.path()))?;
        import(bench, &made.data, &[&made.activities])?;
        rows.push(steps.run("detect", || detect(bench, &made, options.span))?);
    }
    let folder = tempfile::tempdir_in(&bench.folder).blame("cannot make a folder for an organisation")?;
    let name = format!("{} people, {PARTS} times as long", options.actors);
    let made = steps.run(&name, || make(bench, options, options.actors, PARTS, folder.path()))?;
    rows.push(steps.run("detect, the directory alone", || detect(bench, &made, 0))?);
    let parts = cut(&made.activities, options.activities, folder.path())?;
    for (part, days) in parts.iter().zip((1..).map(|part| part * options.span)) {
        import(bench, &made.data, &[part])?;
        rows.push(steps.run(&format!("detect, {days} days"), || detect(bench, &made, days))?);
    }
    print(&rows);
    let path = bench.folder.join("detection-memory.json");
    let text = serde_json::to_string_pretty(&rows).blame("cannot write the results")?;
    fs::write(&path, text).blame(format!("cannot write {}", path.display()))
}

fn make(bench: &Bench<'_>, options: &DetectionOptions, people: u32, times: u32, folder: &Path) -> Outcome<Made> {
    let (out, data) = (folder.join("made"), folder.join("data"));
    fs::create_dir_all(&out).blame(format!("cannot make {}", out.display()))?;
    // Usage events are many times the activities, and no rule reads them.
    symlink("/dev/null", out.join("usage.ndjson")).blame("cannot leave usage events out")?;
    let activities = options.activities * u64::from(times);
    let numbers = [options.first_seed, u64::from(people), u64::from(options.span * times), activities];
    let [seed, users, days, activities] = numbers.map(|number| number.to_string());
    let mut simulate = Command::new(&bench.binary);
    simulate.args(["simulate", "--seed", &seed, "--users", &users, "--days", &days, "--activities", &activities]);
    ask(simulate.arg("--out").arg(&out))?;
    import(bench, &data, &[Path::new("--directory"), &out.join("directory")])?;
    Ok(Made { activities: out.join("activities.ndjson"), data, people })
}

/// The file in parts of so many lines. They come by time, as from a feed that is followed.
fn cut(activities: &Path, lines: u64, folder: &Path) -> Outcome<Vec<PathBuf>> {
    let source = File::open(activities).blame(format!("cannot open {}", activities.display()))?;
    let mut source = BufReader::new(source).lines();
    let mut parts = Vec::new();
    for part in 0..PARTS {
        let path = folder.join(format!("part-{part}.ndjson"));
        let mut out = BufWriter::new(File::create(&path).blame(format!("cannot write {}", path.display()))?);
        for line in source.by_ref().take(usize::try_from(lines).unwrap_or(usize::MAX)) {
            let line = line.blame("cannot read the activities")?;
            writeln!(out, "{line}").blame(format!("cannot write {}", path.display()))?;
        }
        out.flush().blame(format!("cannot write {}", path.display()))?;
        parts.push(path);
    }
    Ok(parts)
}

fn import(bench: &Bench<'_>, data: &Path, what: &[&Path]) -> Outcome<()> {
    ask(Command::new(&bench.binary).arg("import").args(what).arg("--data-dir").arg(data)).map(drop)
}

fn detect(bench: &Bench<'_>, made: &Made, days: u32) -> Outcome<Row> {
    let mut command = Command::new(&bench.binary);
    let ran = measure::run(command.args(["detect", "--format", "json", "--data-dir"]).arg(&made.data))?;
    let told: Detected = serde_json::from_str(&ran.output).blame("`ephor detect` told something else")?;
    Ok(Row {
        people: made.people,
        days,
        activities: told.activities,
        findings: told.new + told.changed + told.unchanged,
        held: told.held,
        seconds: told.seconds,
        peak_memory_mib: ran.peak_memory_bytes as f64 / f64::from(1 << 20),
    })
}

fn print(rows: &[Row]) {
    println!("\n| people | days | activities | findings | held at the end | seconds | peak MiB |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for Row { people, days, activities, findings, held, seconds, peak_memory_mib } in rows {
        println!("| {people} | {days} | {activities} | {findings} | {held} | {seconds:.1} | {peak_memory_mib:.0} |");
    }
}
