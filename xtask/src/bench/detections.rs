//! What the shipped rules find of what the simulator plants: recall and precision for each use case, over several organisations.
//! Promises: each organisation is made anew from a seed of its own, and its truth is what the findings are held against.
//! Never judges a rule by its own test events.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::{Bench, DetectionOptions};
use crate::step::{Blame, Failure, Outcome, Steps, ask};

/// What `measure_detections.py` tells of one organisation.
#[derive(Deserialize)]
struct Told {
    use_cases: BTreeMap<String, Case>,
    #[serde(rename = "false")]
    false_findings: u64,
    false_by_rule: BTreeMap<String, u64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Case {
    planted: u64,
    found: u64,
    findings: u64,
    #[serde(rename = "true")]
    true_findings: u64,
}

/// What `ephor detect` tells.
#[derive(Deserialize)]
struct Detected {
    activities: u64,
    seconds: f64,
}

#[derive(Default, Serialize)]
struct Results {
    seeds: Vec<u64>,
    users: u32,
    days: u32,
    activities: u64,
    activities_a_second: f64,
    use_cases: BTreeMap<String, Case>,
    false_findings: u64,
    false_per_1000_users_and_day: f64,
    false_by_rule: BTreeMap<String, u64>,
}

pub(super) fn run(bench: &Bench<'_>, steps: &mut Steps, options: &DetectionOptions) -> Outcome<()> {
    let mut results = Results { users: options.people, days: options.span, ..Results::default() };
    let mut seconds = 0.0;
    for seed in (options.first_seed..).take(options.seeds) {
        let (detected, told) = steps.run(&format!("seed {seed}"), || one(bench, options, seed))?;
        seconds += detected.seconds;
        results.take(seed, &detected, told);
    }
    let person_days = f64::from(options.people) * f64::from(options.span) * results.seeds.len() as f64;
    results.false_per_1000_users_and_day = results.false_findings as f64 / person_days * 1_000.0;
    results.activities_a_second = results.activities as f64 / seconds;
    results.print();
    let path = bench.folder.join("detections.json");
    let text = serde_json::to_string_pretty(&results).blame("cannot write the results")?;
    fs::write(&path, text).blame(format!("cannot write {}", path.display()))?;
    let missed: u64 = results.use_cases.values().map(|case| case.planted - case.found).sum();
    if missed > 0 { Err(Failure::new(format!("{missed} planted incidents were not found"))) } else { Ok(()) }
}

fn one(bench: &Bench<'_>, options: &DetectionOptions, seed: u64) -> Outcome<(Detected, Told)> {
    let folder = tempfile::tempdir_in(&bench.folder).blame("cannot make a folder for an organisation")?;
    let (made, data) = (folder.path().join("made"), folder.path().join("data"));
    let (users, days) = (options.people.to_string(), options.span.to_string());
    let seed = seed.to_string();
    let ephor = || Command::new(&bench.binary);
    ask(ephor().args(["simulate", "--seed", &seed, "--users", &users, "--days", &days, "--out"]).arg(&made))?;
    let with_data = |command: &mut Command| ask(command.arg("--data-dir").arg(&data).args(["--format", "json"]));
    with_data(ephor().args(["import", "--directory"]).arg(made.join("directory")))?;
    with_data(ephor().arg("import").arg(made.join("activities.ndjson")))?;
    let detected = with_data(ephor().arg("detect"))?;
    let detected: Detected = serde_json::from_str(&detected).blame("`ephor detect` told something else")?;
    let findings = folder.path().join("findings.json");
    fs::write(&findings, with_data(ephor().args(["findings", "list"]))?).blame("cannot keep the findings")?;
    let script = bench.workspace.root.join("tests/python/measure_detections.py");
    let mut measure = Command::new(bench.workspace.python());
    measure.arg(script).arg(made.join("truth.json")).arg(&findings).args([&users, &days]);
    let told = serde_json::from_str(&ask(&mut measure)?).blame("the measure told something else")?;
    Ok((detected, told))
}

impl Results {
    fn take(&mut self, seed: u64, detected: &Detected, told: Told) {
        self.seeds.push(seed);
        self.activities += detected.activities;
        self.false_findings += told.false_findings;
        for (rule, count) in told.false_by_rule {
            *self.false_by_rule.entry(rule).or_default() += count;
        }
        for (name, case) in told.use_cases {
            let sum = self.use_cases.entry(name).or_default();
            sum.planted += case.planted;
            sum.found += case.found;
            sum.findings += case.findings;
            sum.true_findings += case.true_findings;
        }
    }

    fn print(&self) {
        println!("\n| use case | planted | found | recall | findings | of planted | precision |");
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        for (name, case) in &self.use_cases {
            let share = |part: u64, whole: u64| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
            let (recall, precision) = (share(case.found, case.planted), share(case.true_findings, case.findings));
            let Case { planted, found, findings, true_findings } = case;
            println!("| {name} | {planted} | {found} | {recall:.2} | {findings} | {true_findings} | {precision:.2} |");
        }
        println!(
            "\n{} organisations of {} people and {} days, seeds {:?}: {} activities, {:.0} a second through all rules; {} false findings, {:.2} per 1,000 users and day {:?}",
            self.seeds.len(),
            self.users,
            self.days,
            self.seeds,
            self.activities,
            self.activities_a_second,
            self.false_findings,
            self.false_per_1000_users_and_day,
            self.false_by_rule
        );
    }
}
