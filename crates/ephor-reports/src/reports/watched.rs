//! One report for each use case that rules watch: what was found and how it was handled, what happened in the period, and
//! how things stand now.
//! Promises that a finding is told with its explanation and the activities that it rests on.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ephor_detect::{FindingFilter, FindingRecord, FindingStatus, Findings, UseCase};
use ephor_wire::catalogue::catalogue;

use super::ReportInfo;
use super::standing;
use crate::answer::{Answer, quoted};
use crate::chart::{Chart, Series};
use crate::desk::{Desk, Question, within};
use crate::error::ReportError;
use crate::provenance::Period;
use crate::table::{Cell, Column, Figure, Report, Section, Table};

const USUAL_DAYS: u32 = 30;

/// Activities of the period that are listed; the rest is counted.
const ACTIVITIES_LISTED: usize = 500;

/// Which types evidence which use case (seed_events_map.md).
static TYPES: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    serde_json::from_str(include_str!("../../data/use_case_types.json")).expect("data/use_case_types.json is valid")
});

/// The reports of watched use cases.
pub(super) const INFOS: [ReportInfo; 8] = [
    ReportInfo {
        name: "shadow-ai",
        title: "Shadow AI",
        question: "Which connectors, skills and extensions are in use that nobody approved?",
    },
    ReportInfo {
        name: "privilege-escalation",
        title: "Privilege changes",
        question: "Whose rights grew, by whose hand, and was that right?",
    },
    ReportInfo {
        name: "api-key-hygiene",
        title: "API key hygiene",
        question: "Which keys are there, how old are they, and who answers for them?",
    },
    ReportInfo { name: "insider-threat", title: "Insider threat indicators", question: "Who did what they never do?" },
    ReportInfo {
        name: "workspace-access",
        title: "Workspace access",
        question: "Who got into a restricted workspace, group or project?",
    },
    ReportInfo {
        name: "configuration-drift",
        title: "Configuration drift",
        question: "Which settings are not what they were declared to be, since when, and by whose hand?",
    },
    ReportInfo {
        name: "third-party-audit",
        title: "Third-party integrations",
        question: "Which connectors are live, and are they the approved ones?",
    },
    ReportInfo {
        name: "data-exfiltration",
        title: "Data exfiltration signals",
        question: "Who took out more than usual, or opened a door to the outside?",
    },
];

/// The types that evidence a use case.
pub(crate) fn types_of(use_case: &str) -> &'static [String] {
    TYPES.get(use_case).map_or(&[], Vec::as_slice)
}

pub(super) async fn make(desk: &Desk, info: &ReportInfo, question: &Question) -> Result<Report, ReportError> {
    let period = desk.period(question, USUAL_DAYS).await?;
    let use_case: UseCase = info.name.parse()?;
    let filter = FindingFilter {
        use_cases: vec![use_case],
        from_micros: Some(period.from_micros()),
        to_micros: Some(period.to_micros()),
        ..FindingFilter::default()
    };
    let findings = Findings::new(&desk.control).list(&filter).await?;
    let mut others = vec![by_rule(&findings), changes(desk, info.name, period).await?];
    others.extend(standing::sections(desk, use_case, period).await?);
    Ok(Report {
        name: info.name,
        title: info.title.to_owned(),
        question: info.question,
        provenance: desk.provenance(period, population(info.name)).await?,
        figures: figures(&findings),
        main: Section::new("findings", "Findings", table(&findings))
            .noted("What rules and baselines found in the period, the latest first. `ephor findings show ID` has the whole of one."),
        others,
        notes: notes(),
    })
}

fn population(use_case: &str) -> String {
    format!("activities of {} types that bear on this question", types_of(use_case).len())
}

fn table(findings: &[FindingRecord]) -> Table {
    let mut table = Table::of(vec![
        Column::text("finding_id", "Finding"),
        Column::text("severity", "Severity"),
        Column::text("status", "Status"),
        Column::text("title", "Title"),
        Column::text("explanation", "What was found"),
        Column::person("subject", "About"),
        Column::instant("first_seen", "First"),
        Column::instant("last_seen", "Last"),
        Column::count("activities", "Activities", "activities"),
        Column::text("rule", "Rule"),
        Column::list("evidence", "Evidence"),
        Column::person("assignee", "With"),
    ]);
    for record in findings {
        let finding = &record.finding;
        let subject = finding.subject.iter().map(|entity| entity.id.clone()).collect::<Vec<_>>().join(", ");
        table.push(vec![
            finding.id.as_str().into(),
            finding.severity.as_str().into(),
            record.handling.status.as_str().into(),
            finding.title.as_str().into(),
            finding.explanation.as_str().into(),
            subject.into(),
            Cell::Instant(finding.first_seen_micros),
            Cell::Instant(finding.last_seen_micros),
            Cell::Integer(i64::try_from(finding.count).unwrap_or(i64::MAX)),
            finding.rule.as_str().into(),
            finding.evidence.iter().take(10).map(|one| one.activity.clone()).collect::<Vec<_>>().into(),
            record.handling.assignee.clone().into(),
        ]);
    }
    table
}

fn by_rule(findings: &[FindingRecord]) -> Section {
    let mut counts: BTreeMap<&str, [i64; 5]> = BTreeMap::new();
    for record in findings {
        let row = counts.entry(&record.finding.rule).or_default();
        row[0] += 1;
        row[1 + record.handling.status as usize] += 1;
    }
    let mut table = Table::of(vec![
        Column::text("rule", "Rule"),
        Column::count("findings", "Findings", "findings"),
        Column::count("open", "Open", "findings"),
        Column::count("acknowledged", "Acknowledged", "findings"),
        Column::count("resolved", "Resolved", "findings"),
        Column::count("false_positive", "False positive", "findings"),
    ]);
    for (rule, row) in &counts {
        let mut cells: Vec<Cell> = vec![(*rule).into()];
        cells.extend(row.iter().map(|number| Cell::from(*number)));
        table.push(cells);
    }
    let labels = counts.keys().map(|rule| (*rule).to_owned()).collect();
    let values = counts.values().map(|row| Some(row[0] as f64)).collect();
    Section::new("rules", "By rule, and how they were handled", table).charted(Chart::bars(
        "Findings by rule",
        "findings",
        labels,
        vec![Series::new("findings", values)],
    ))
}

/// What happened in the period that bears on the question, counted by type and listed.
async fn changes(desk: &Desk, use_case: &str, period: Period) -> Result<Section, ReportError> {
    let types = types_of(use_case).iter().map(|kind| quoted(kind)).collect::<Vec<_>>().join(", ");
    let statement = format!(
        "select type, count(*), count(distinct coalesce(actor_id, actor_email)), max(created_at) from activities \
         where {} and type in ({types}) group by type order by 2 desc, 1 limit {ACTIVITIES_LISTED}",
        within(period)
    );
    let mut table = Table::of(vec![
        Column::text("type", "Activity"),
        Column::text("summary", "What it is"),
        Column::count("activities", "Activities", "activities"),
        Column::count("actors", "Actors", "actors"),
        Column::instant("newest", "Newest"),
    ]);
    Answer::of(&desk.lake, &statement).await?.each(|row| {
        let kind = row.owned(0).unwrap_or_default();
        let summary = catalogue().get(&kind).map(|entry| entry.summary.clone());
        table.push(vec![
            kind.into(),
            summary.into(),
            row.number(1).into(),
            row.number(2).into(),
            row.number(3).map_or(Cell::Nothing, Cell::Instant),
        ]);
    });
    Ok(Section::new("activities", "What happened in the period", table)
        .noted("Every type of activity that bears on this question and occurred."))
}

fn figures(findings: &[FindingRecord]) -> Vec<Figure> {
    let count = |status: FindingStatus| findings.iter().filter(|record| record.handling.status == status).count();
    let figure =
        |label: &str, value: Cell, note: Option<String>| Figure { label: label.to_owned(), value, unit: None, note };
    let mut hours: Vec<i64> = findings
        .iter()
        .filter(|record| matches!(record.handling.status, FindingStatus::Resolved | FindingStatus::FalsePositive))
        .filter_map(|record| Some((record.handling.changed_at_micros? - record.found_at_micros) / 3_600_000_000))
        .collect();
    hours.sort_unstable();
    let median = hours.get(hours.len() / 2).copied();
    vec![
        figure("Findings", Cell::count(findings.len()), None),
        figure("Open", Cell::count(count(FindingStatus::Open)), None),
        figure("Resolved", Cell::count(count(FindingStatus::Resolved)), None),
        figure("False positives", Cell::count(count(FindingStatus::FalsePositive)), None),
        figure("Median time to handle", median.into(), Some("hours, of those that were handled".to_owned())),
    ]
}

fn notes() -> Vec<String> {
    [
        "No finding means that no rule matched, not that nothing happened: docs/detections.md says what rules cannot see.",
        "Findings are made by `ephor detect` or by a running node; without either there are none.",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_watched_use_case_names_types_and_the_catalogue_knows_all_of_them() {
        for info in INFOS {
            assert!(types_of(info.name).len() >= 7, "{}", info.name);
        }
        for (case, types) in TYPES.iter() {
            assert!(case.parse::<UseCase>().is_ok(), "{case}");
            for kind in types {
                assert!(catalogue().get(kind).is_some(), "{case}: {kind}");
            }
        }
    }
}
