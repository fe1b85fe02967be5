//! `ephor rules`: what is in force, whether it passes its own tests, and what one rule would find.
//! Promises exit code 1 when a rule file is broken or a test fails.
//! Never puts a finding down.

use std::collections::BTreeMap;
use std::process::ExitCode;

use ephor_detect::{Detector, FindingId, RuleCard, UseCase};
use ephor_lake::Lake;
use ephor_lake::control::Control;
use ephor_wire::timestamp::Timestamp;
use serde::Serialize;

use crate::arguments::{Detect, Format, Global, RulesCommand};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

pub(super) async fn run(global: &Global, config: &Config, action: RulesCommand) -> Result<ExitCode, Failure> {
    match action {
        RulesCommand::List { use_cases } => list(global, config, &use_cases),
        RulesCommand::Test { rules } => test(global, config, &rules),
        RulesCommand::Lint => lint(global, config),
        RulesCommand::Backtest { rule, span } => backtest(global, config, &rule, &span).await,
        RulesCommand::Pace(asked) => super::pace::run(global, config, &asked).await,
    }
}

fn list(global: &Global, config: &Config, use_cases: &[String]) -> Result<ExitCode, Failure> {
    let asked: Vec<UseCase> = use_cases
        .iter()
        .map(|name| name.parse().map_err(|error: ephor_detect::DetectError| Failure::usage(error.to_string())))
        .collect::<Result<_, _>>()?;
    let (mut cards, problems) = ephor_detect::cards(&config.detect.sources())?;
    cards.retain(|card| asked.is_empty() || asked.contains(&card.use_case));
    output::print(global.format, &cards, |cards| table(cards))?;
    problems.iter().for_each(|problem| eprintln!("{problem}"));
    Ok(ExitCode::SUCCESS)
}

fn table(cards: &[RuleCard]) -> String {
    let mut rows = vec![["use case", "severity", "how", "name", "title"].map(str::to_owned).to_vec()];
    rows.extend(cards.iter().filter(|card| card.finds).map(|card| {
        vec![
            card.use_case.to_string(),
            card.severity.to_string(),
            card.turn.to_owned(),
            card.name.clone(),
            card.title.clone(),
        ]
    }));
    output::columns(&rows)
}

#[derive(Debug, Serialize)]
struct Tested {
    tests: usize,
    failed: Vec<FailedTest>,
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FailedTest {
    rule: String,
    test: String,
    file: String,
    why: String,
}

fn test(global: &Global, config: &Config, rules: &[String]) -> Result<ExitCode, Failure> {
    let (mut trials, problems) = ephor_detect::try_rules(&config.detect.sources())?;
    trials.retain(|trial| rules.is_empty() || rules.contains(&trial.rule));
    if let Some(unknown) = rules.iter().find(|rule| !trials.iter().any(|trial| trial.rule == **rule)) {
        return Err(Failure::usage(format!("no test is of a rule `{unknown}`")).hint("`ephor rules list` shows them"));
    }
    let failed = trials.iter().filter_map(|trial| {
        Some(FailedTest {
            rule: trial.rule.clone(),
            test: trial.test.clone(),
            file: trial.file.clone(),
            why: trial.failure.clone()?,
        })
    });
    let problems = if rules.is_empty() { problems.iter().map(ToString::to_string).collect() } else { Vec::new() };
    let tested = Tested { tests: trials.len(), failed: failed.collect(), problems };
    output::print(global.format, &tested, |tested| {
        let mut lines: Vec<String> = tested.problems.clone();
        lines.extend(tested.failed.iter().map(|one| format!("{}: {} ({}): {}", one.file, one.rule, one.test, one.why)));
        lines.push(format!("{} tests, {} failed", tested.tests, tested.failed.len()));
        lines.join("\n")
    })?;
    Ok(if tested.failed.is_empty() && tested.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn lint(global: &Global, config: &Config) -> Result<ExitCode, Failure> {
    let (trials, problems) = ephor_detect::try_rules(&config.detect.sources())?;
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    output::print(global.format, &told, |told| {
        if told.is_empty() { format!("every rule can be used; {} tests", trials.len()) } else { told.join("\n") }
    })?;
    Ok(if told.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Debug, Serialize)]
struct Backtested {
    rule: String,
    activities: u64,
    findings: usize,
    hits: u64,
    per_day: BTreeMap<String, usize>,
    per_subject: BTreeMap<String, usize>,
    found: Vec<Found>,
}

#[derive(Debug, Serialize)]
struct Found {
    id: FindingId,
    first_seen: Timestamp,
    count: u64,
    explanation: String,
}

async fn backtest(global: &Global, config: &Config, rule: &str, span: &Detect) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let lake = Lake::open_reader(&dir).await?;
    let control = Control::open(&dir).await?;
    let mut options = config.detect.options();
    options.within = super::detect::within(span)?;
    let mut detector = Detector::open(&lake, &control, options).await?;
    let tried = detector.backtest(rule, now_micros()).await?;
    control.close().await;
    let mut told = Backtested {
        rule: rule.to_owned(),
        activities: tried.activities,
        findings: tried.findings.len(),
        hits: tried.findings.iter().map(|finding| finding.count).sum(),
        per_day: BTreeMap::new(),
        per_subject: BTreeMap::new(),
        found: Vec::new(),
    };
    for finding in tried.findings {
        let first_seen = Timestamp::from_micros(finding.first_seen_micros);
        let day = first_seen.as_str().get(..10).unwrap_or_default().to_owned();
        *told.per_day.entry(day).or_default() += 1;
        let subject: Vec<String> =
            finding.subject.iter().map(|entity| format!("{}:{}", entity.kind, entity.id)).collect();
        *told.per_subject.entry(subject.join(" ")).or_default() += 1;
        told.found.push(Found { id: finding.id, first_seen, count: finding.count, explanation: finding.explanation });
    }
    if global.format == Format::Json {
        output::print(global.format, &told, |_| String::new())?;
    } else {
        output::print_line(&described(&told))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn described(told: &Backtested) -> String {
    let mut rows = vec![["first seen", "activities", "what"].map(str::to_owned).to_vec()];
    rows.extend(told.found.iter().map(|one| {
        let second = one.first_seen.as_str().get(..19).unwrap_or_default();
        vec![format!("{second}Z"), one.count.to_string(), one.explanation.clone()]
    }));
    let busiest = told.per_day.iter().max_by_key(|(day, count)| (**count, std::cmp::Reverse(*day)));
    let busiest = busiest.map_or_else(String::new, |(day, count)| format!("; the most on {day}: {count}"));
    format!(
        "{}: {} findings on {} days about {} subjects, from {} activities{busiest}\n{}",
        told.rule,
        told.findings,
        told.per_day.len(),
        told.per_subject.len(),
        told.activities,
        output::columns(&rows)
    )
}
