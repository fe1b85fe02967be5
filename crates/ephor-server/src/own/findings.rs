//! Findings over HTTP: list them, show one, judge one.
//! Promises the same JSON as `ephor findings`.
//! Never shows a finding to a key of one organization: what was found may be about several.

use axum::extract::{Path, RawQuery, Request, State};
use axum::{Extension, Json};
use ephor_detect::{
    Assignment, DetectError, Entity, FindingDetail, FindingFilter, FindingId, FindingLine, FindingStatus, Findings,
    Step,
};
use ephor_wire::scope::Scope;
use ephor_wire::timestamp::Timestamp;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::auth::Caller;
use crate::body;
use crate::problem::Problem;
use crate::route::{Answer, Body, Family, Parameter, Permission, Route, Shape};
use crate::state::{App, rng};

const FINDING: Parameter = Parameter::path("finding_id", "Id of a finding, finding_…");

/// Findings of one answer at the most, and unless the request says otherwise.
const LONGEST_LIST: usize = 1_000;

pub(super) static LIST: Route = Route {
    method: Some(Method::GET),
    path: "/ephor/v1/findings",
    permission: Permission::Scope(Scope::ReadFindings),
    family: Family::Node,
    summary: "What detections found, the latest first",
    parameters: &[
        Parameter::query("status", Shape::TextList, "Only of this status; several times for several"),
        Parameter::query("use_case", Shape::TextList, "Only of this use case; several times for several"),
        Parameter::query("rule", Shape::TextList, "Only of this rule; several times for several"),
        Parameter::query("severity", Shape::Text, "Only so urgent or more"),
        Parameter::query("entity", Shape::Text, "Only about this: an id, or `type:id`"),
        Parameter::query("from", Shape::Instant, "Only with an activity at this time or later"),
        Parameter::query("to", Shape::Instant, "Only with an activity before this time"),
        Parameter::query(
            "limit",
            Shape::Number { default: LONGEST_LIST, min: 1, max: LONGEST_LIST },
            "So many at the most",
        ),
    ],
    body: None,
    answer: Answer::Object,
};

pub(super) static SHOW: Route = Route {
    method: Some(Method::GET),
    path: "/ephor/v1/findings/{finding_id}",
    permission: Permission::Scope(Scope::ReadFindings),
    family: Family::Node,
    summary: "One finding: what it rests on, what to do, every step made with it",
    parameters: &[FINDING],
    body: None,
    answer: Answer::Object,
};

pub(super) static STEP: Route = Route {
    method: Some(Method::POST),
    path: "/ephor/v1/findings/{finding_id}/steps",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Judge a finding; every step is kept and told in the feed",
    parameters: &[FINDING],
    body: Some(Body {
        content_types: &["application/json"],
        description: "At least one of `status` (open, acknowledged, resolved, false_positive), `note`, `assignee` (null takes it back) and `suppress_until` (RFC 3339)",
    }),
    answer: Answer::Object,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    #[serde(default)]
    status: Option<FindingStatus>,
    #[serde(default)]
    note: Option<String>,
    /// Absent, null, or somebody.
    #[serde(default, deserialize_with = "given")]
    assignee: Option<Option<String>>,
    #[serde(default)]
    suppress_until: Option<Timestamp>,
}

fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    may_see(&caller)?;
    let records = Findings::new(app.control()).list(&filter(query.as_deref().unwrap_or_default())?).await?;
    let lines: Vec<FindingLine<'_>> = records.iter().map(FindingLine::of).collect();
    Ok(Json(json!({ "data": lines })))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    may_see(&caller)?;
    told(&app, &FindingId(id)).await
}

pub(super) async fn step(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    may_see(&caller)?;
    let wish: Wish = body::json(request).await?;
    let step = Step {
        status: wish.status,
        assignment: match wish.assignee {
            None => Assignment::Unchanged,
            Some(None) => Assignment::Nobody,
            Some(Some(somebody)) => Assignment::To(somebody),
        },
        note: wish.note,
        suppress_until_micros: wish.suppress_until.map(|until| until.micros()),
    };
    let id = FindingId(id);
    Findings::new(app.control()).step(&id, &step, &caller.actor(), app.now(), &mut rng()).await?;
    told(&app, &id).await
}

async fn told(app: &App, id: &FindingId) -> Result<Json<Value>, Problem> {
    let findings = Findings::new(app.control());
    let record = findings.get(id).await?;
    let steps = findings.steps(id).await?;
    Ok(Json(json!(FindingDetail::of(&record, &steps))))
}

fn may_see(caller: &Caller) -> Result<(), Problem> {
    if caller.sees_everything() {
        return Ok(());
    }
    Err(Problem::forbidden("a key of one organization cannot read findings: they may be about several"))
}

fn filter(query: &str) -> Result<FindingFilter, Problem> {
    let mut filter = FindingFilter { limit: Some(LONGEST_LIST), ..FindingFilter::default() };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = value.as_ref();
        match name.trim_end_matches("[]") {
            "status" => filter.statuses.push(value.parse()?),
            "use_case" => filter.use_cases.push(value.parse()?),
            "rule" => filter.rules.push(value.to_owned()),
            "severity" => filter.severity = Some(value.parse()?),
            "entity" => match value.split_once(':') {
                Some((kind, id)) => filter.entity = Some(Entity::new(kind, id)),
                None => filter.entity_id = Some(value.to_owned()),
            },
            "from" => filter.from_micros = Some(instant("from", value)?),
            "to" => filter.to_micros = Some(instant("to", value)?),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=LONGEST_LIST).contains(limit));
                let wrong = || Problem::invalid(format!("limit: a number from 1 to {LONGEST_LIST}"));
                filter.limit = Some(limit.ok_or_else(wrong)?);
            }
            other => return Err(Problem::invalid(format!("`{other}` is no parameter of this path"))),
        }
    }
    Ok(filter)
}

fn instant(name: &str, value: &str) -> Result<i64, Problem> {
    Timestamp::parse(value).map(|at| at.micros()).map_err(|error| Problem::invalid(format!("{name}: {error}")))
}

impl From<DetectError> for Problem {
    fn from(error: DetectError) -> Self {
        match error {
            DetectError::UnknownFinding { id } => Self::not_found("finding", &id),
            DetectError::Control(error) => error.into(),
            DetectError::Lake(error) => error.into(),
            DetectError::Damaged { .. }
            | DetectError::RuleFile { .. }
            | DetectError::UnknownRule { .. }
            | DetectError::Geo { .. }
            | DetectError::Policy { .. } => Self::internal(&error),
            DetectError::OfARegister { .. } => Self::conflict(error.to_string()),
            DetectError::Word { .. }
            | DetectError::ListName { .. }
            | DetectError::ListEntry { .. }
            | DetectError::SourceName { .. }
            | DetectError::Since { .. }
            | DetectError::EmptyStep
            | DetectError::NoteTooLong { .. }
            | DetectError::SuppressionInPast
            | DetectError::SuppressionOfOpen => Self::invalid(error.to_string()),
        }
    }
}
