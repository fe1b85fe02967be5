//! Findings as others read them: the JSON of commands and of the API, and the table `findings` of `ephor lake sql`.
//! Promises the published names; a field is added, never renamed.
//! Never shows more than was found and decided.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use ephor_wire::timestamp::Timestamp;
use serde::Serialize;

use crate::error::DetectError;
use crate::finding::{Entity, Evidence, FindingId};
use crate::handling::{FindingRecord, FindingStatus, StepMade};
use crate::severity::Severity;
use crate::use_case::UseCase;

/// A finding in a list.
#[derive(Debug, Clone, Serialize)]
pub struct FindingLine<'a> {
    id: &'a FindingId,
    rule: &'a str,
    use_case: UseCase,
    severity: Severity,
    status: FindingStatus,
    title: &'a str,
    explanation: &'a str,
    first_seen: String,
    last_seen: String,
    count: u64,
    entities: Vec<&'a Entity>,
    evidence: Vec<&'a str>,
    controls: &'a [String],
}

impl<'a> FindingLine<'a> {
    /// The line of a finding.
    #[must_use]
    pub fn of(record: &'a FindingRecord) -> Self {
        let finding = &record.finding;
        Self {
            id: &finding.id,
            rule: &finding.rule,
            use_case: finding.use_case,
            severity: finding.severity,
            status: record.handling.status,
            title: &finding.title,
            explanation: &finding.explanation,
            first_seen: time(finding.first_seen_micros),
            last_seen: time(finding.last_seen_micros),
            count: finding.count,
            entities: finding.entities().collect(),
            evidence: finding.evidence.iter().map(|evidence| evidence.activity.as_str()).collect(),
            controls: &finding.controls,
        }
    }
}

/// A finding with everything that is known of it.
#[derive(Debug, Clone, Serialize)]
pub struct FindingDetail<'a> {
    #[serde(flatten)]
    line: FindingLine<'a>,
    next_step: &'a str,
    assignee: Option<&'a str>,
    standing: &'static str,
    found_at: String,
    revision: u64,
    activities: Vec<EvidenceLine<'a>>,
    steps: Vec<StepLine<'a>>,
}

#[derive(Debug, Clone, Serialize)]
struct EvidenceLine<'a> {
    id: &'a str,
    at: String,
    seq: u64,
}

#[derive(Debug, Clone, Serialize)]
struct StepLine<'a> {
    at: String,
    by: &'a str,
    status: FindingStatus,
    assignee: Option<&'a str>,
    note: Option<&'a str>,
    suppressed_until: Option<String>,
}

impl<'a> FindingDetail<'a> {
    /// All of a finding.
    #[must_use]
    pub fn of(record: &'a FindingRecord, steps: &'a [StepMade]) -> Self {
        let activity = |Evidence { at_micros, activity, seq }: &'a Evidence| EvidenceLine {
            id: activity,
            at: time(*at_micros),
            seq: *seq,
        };
        Self {
            line: FindingLine::of(record),
            next_step: &record.finding.next_step,
            assignee: record.handling.assignee.as_deref(),
            standing: record.standing.as_str(),
            found_at: time(record.found_at_micros),
            revision: record.revision,
            activities: record.finding.evidence.iter().map(activity).collect(),
            steps: steps
                .iter()
                .map(|step| StepLine {
                    at: time(step.at_micros),
                    by: &step.by,
                    status: step.status,
                    assignee: step.assignee.as_deref(),
                    note: step.note.as_deref(),
                    suppressed_until: step.suppressed_until_micros.map(time),
                })
                .collect(),
        }
    }
}

fn time(micros: i64) -> String {
    Timestamp::from_micros(micros).as_str().to_owned()
}

/// Findings as columns, for SQL beside the lake's own tables. Lists are JSON.
pub(crate) fn columns(records: &[FindingRecord]) -> Result<RecordBatch, DetectError> {
    let lines: Vec<FindingLine<'_>> = records.iter().map(FindingLine::of).collect();
    let text = |of: fn(&FindingLine<'_>) -> String| -> ArrayRef {
        Arc::new(lines.iter().map(|line| Some(of(line))).collect::<StringArray>())
    };
    let times = |of: fn(&FindingRecord) -> i64| -> ArrayRef {
        Arc::new(
            records.iter().map(|record| Some(of(record))).collect::<TimestampMicrosecondArray>().with_timezone("UTC"),
        )
    };
    let number = |of: fn(&FindingRecord) -> u64| -> ArrayRef {
        Arc::new(records.iter().map(|record| i64::try_from(of(record)).ok()).collect::<Int64Array>())
    };
    let assignees: ArrayRef = Arc::new(records.iter().map(|r| r.handling.assignee.as_deref()).collect::<StringArray>());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", text(|line| line.id.0.clone())),
        ("rule", text(|line| line.rule.to_owned())),
        ("use_case", text(|line| line.use_case.to_string())),
        ("severity", text(|line| line.severity.to_string())),
        ("status", text(|line| line.status.to_string())),
        ("assignee", assignees),
        ("title", text(|line| line.title.to_owned())),
        ("explanation", text(|line| line.explanation.to_owned())),
        ("first_seen", times(|record| record.finding.first_seen_micros)),
        ("last_seen", times(|record| record.finding.last_seen_micros)),
        ("count", number(|record| record.finding.count)),
        ("entities", text(|line| serde_json::to_string(&line.entities).unwrap_or_default())),
        ("evidence", text(|line| serde_json::to_string(&line.evidence).unwrap_or_default())),
        ("controls", text(|line| serde_json::to_string(line.controls).unwrap_or_default())),
        ("found_at", times(|record| record.found_at_micros)),
        ("revision", number(|record| record.revision)),
    ];
    let field = |(name, column): &(&str, ArrayRef)| match column.data_type() {
        DataType::Timestamp(..) => {
            Field::new(*name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false)
        }
        kind => Field::new(*name, kind.clone(), *name == "assignee"),
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(schema), columns).map_err(|error| DetectError::Lake(error.into()))
}
