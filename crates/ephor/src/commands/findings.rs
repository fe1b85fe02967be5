//! `ephor findings`: what was found, and what people make of it.
//! Works beside a running node; every step is kept as history and is an activity of the feed.
//! Never changes what was found.

use std::process::ExitCode;

use ephor_detect::{
    Assignment, DetectError, Entity, FindingDetail, FindingFilter, FindingId, FindingLine, FindingRecord,
    FindingStatus, Findings, Severity, Step, StepMade,
};
use ephor_lake::control::Control;
use ephor_wire::timestamp::Timestamp;

use crate::arguments::{FindingJudged, FindingStep, FindingsCommand, FindingsList, Format, Global};
use crate::config::{Config, parse_day};
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

const DAY_MICROS: i64 = 86_400_000_000;

pub(super) async fn run(global: &Global, config: &Config, action: FindingsCommand) -> Result<ExitCode, Failure> {
    let control = super::org::existing_control(&config.data_dir(global)).await?;
    let findings = Findings::new(&control);
    let (step, status, suppress_days) = match action {
        FindingsCommand::List(asked) => return list(global, &findings, &asked).await,
        FindingsCommand::Show { id } => {
            let record = findings.get(&FindingId(id)).await?;
            return show(global, &findings, &record).await;
        }
        FindingsCommand::Acknowledge(step) => (step, Some(FindingStatus::Acknowledged), None),
        FindingsCommand::Resolve(FindingJudged { step, suppress_days }) => {
            (step, Some(FindingStatus::Resolved), suppress_days)
        }
        FindingsCommand::FalsePositive(FindingJudged { step, suppress_days }) => {
            (step, Some(FindingStatus::FalsePositive), suppress_days)
        }
        FindingsCommand::Reopen(step) => (step, Some(FindingStatus::Open), None),
        FindingsCommand::Note(step) => (step, None, None),
    };
    let record = make(&control, &findings, step, status, suppress_days).await?;
    show(global, &findings, &record).await
}

async fn list(global: &Global, findings: &Findings, asked: &FindingsList) -> Result<ExitCode, Failure> {
    let threshold = asked.fail_on.as_deref().map(word::<Severity>).transpose()?;
    let records = findings.list(&filter(asked)?).await?;
    let lines: Vec<FindingLine<'_>> = records.iter().map(FindingLine::of).collect();
    output::print(global.format, &lines, |_| table(&records))?;
    let urgent = |record: &FindingRecord| {
        record.handling.status == FindingStatus::Open && threshold.is_some_and(|least| record.finding.severity >= least)
    };
    Ok(if records.iter().any(urgent) { crate::failure::found_something() } else { ExitCode::SUCCESS })
}

fn filter(asked: &FindingsList) -> Result<FindingFilter, Failure> {
    let (entity, entity_id) = match asked.entity.as_deref().map(|text| text.split_once(':').ok_or(text)) {
        Some(Ok((kind, id))) => (Some(Entity::new(kind, id)), None),
        Some(Err(id)) => (None, Some(id.to_owned())),
        None => (None, None),
    };
    Ok(FindingFilter {
        statuses: words(&asked.statuses)?,
        use_cases: words(&asked.use_cases)?,
        rules: asked.rules.clone(),
        severity: asked.severity.as_deref().map(word).transpose()?,
        entity,
        entity_id,
        from_micros: asked.from.as_deref().map(|day| Ok::<_, Failure>(parse_day(day)?.start_micros())).transpose()?,
        to_micros: asked.to.as_deref().map(|day| Ok::<_, Failure>(parse_day(day)?.end_micros())).transpose()?,
        limit: asked.limit,
    })
}

/// A mistyped word is wrong usage.
fn word<T: std::str::FromStr<Err = DetectError>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: DetectError| Failure::usage(error.to_string()))
}

fn words<T: std::str::FromStr<Err = DetectError>>(texts: &[String]) -> Result<Vec<T>, Failure> {
    texts.iter().map(|text| word(text)).collect()
}

async fn make(
    control: &Control,
    findings: &Findings,
    asked: FindingStep,
    status: Option<FindingStatus>,
    suppress_days: Option<u32>,
) -> Result<FindingRecord, Failure> {
    let by = super::org::actor_named(control, asked.by.as_deref()).await?;
    let now = now_micros();
    let step = Step {
        status,
        assignment: match (asked.assign, asked.unassign) {
            (Some(somebody), _) => Assignment::To(somebody),
            (None, true) => Assignment::Nobody,
            (None, false) => Assignment::Unchanged,
        },
        note: asked.note,
        suppress_until_micros: suppress_days.map(|days| now.saturating_add(i64::from(days) * DAY_MICROS)),
    };
    Ok(findings.step(&FindingId(asked.id), &step, &by, now, &mut rand::rng()).await?)
}

async fn show(global: &Global, findings: &Findings, record: &FindingRecord) -> Result<ExitCode, Failure> {
    let steps = findings.steps(&record.finding.id).await?;
    match global.format {
        Format::Json => {
            output::print(global.format, &FindingDetail::of(record, &steps), |_| String::new())?;
        }
        _ => output::print_line(&described(record, &steps))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn table(records: &[FindingRecord]) -> String {
    if records.is_empty() {
        return "nothing was found".to_owned();
    }
    let mut rows = vec![["last seen", "severity", "status", "use case", "id", "title"].map(str::to_owned).to_vec()];
    rows.extend(records.iter().map(|record| {
        let finding = &record.finding;
        let subject: Vec<&str> = finding.subject.iter().map(|entity| entity.id.as_str()).collect();
        vec![
            minute(finding.last_seen_micros),
            finding.severity.to_string(),
            record.handling.status.to_string(),
            finding.use_case.to_string(),
            finding.id.to_string(),
            format!("{} [{}]", finding.title, subject.join(", ")),
        ]
    }));
    output::columns(&rows)
}

fn described(record: &FindingRecord, steps: &[StepMade]) -> String {
    let finding = &record.finding;
    let entities: Vec<String> = finding.entities().map(|entity| format!("{} {}", entity.kind, entity.id)).collect();
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("id", finding.id.to_string()),
        row("severity", finding.severity.to_string()),
        row("status", record.handling.status.to_string()),
        row("assignee", record.handling.assignee.clone().unwrap_or_else(|| "nobody".to_owned())),
        row("use case", finding.use_case.to_string()),
        row("rule", finding.rule.clone()),
        row("controls", finding.controls.join(", ")),
        row("seen", format!("{} to {}", minute(finding.first_seen_micros), minute(finding.last_seen_micros))),
        row("about", entities.join(", ")),
    ];
    rows.retain(|row| !row[1].is_empty());
    let mut text = format!(
        "{}\n\n{}\n\n{}\n\nNext: {}\n\n{} activities",
        finding.title,
        finding.explanation,
        output::columns(&rows),
        finding.next_step,
        finding.count
    );
    for evidence in &finding.evidence {
        text.push_str(&format!("\n  {}  {}", minute(evidence.at_micros), evidence.activity));
    }
    for step in steps {
        let note = step.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
        text.push_str(&format!("\n{} {} by {}{note}", minute(step.at_micros), step.status, step.by));
    }
    text
}

/// To the second: what people compare with a calendar.
fn minute(micros: i64) -> String {
    let text = Timestamp::from_micros(micros).as_str().to_owned();
    text.get(..19).map_or_else(|| text.clone(), |seconds| format!("{seconds}Z"))
}
