//! Frameworks and what the lake holds of their controls, for auditors.
//! Promises the same answers as `ephor evidence frameworks` and `ephor evidence coverage` give.
//! Never makes a package: whoever may sign with the log's key does that, on the machine that holds it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use ephor_evidence::{Coverage, EvidenceError, Framework, Frameworks, House, Period, cover};
use ephor_wire::scope::Scope;
use http::Method;
use serde::Serialize;

use crate::problem::Problem;
use crate::query::Query;
use crate::route::{Answer, Family, Parameter, Permission, Route, Shape};
use crate::state::App;

const fn for_auditors(path: &'static str, summary: &'static str, parameters: &'static [Parameter]) -> Route {
    Route {
        method: Some(Method::GET),
        path,
        permission: Permission::Scope(Scope::ReadEvidence),
        family: Family::Node,
        summary,
        parameters,
        body: None,
        answer: Answer::Object,
    }
}

pub(super) static FRAMEWORKS: Route =
    for_auditors("/ephor/v1/evidence/frameworks", "The frameworks, their controls and grades", &[]);

pub(super) static COVERAGE: Route = for_auditors(
    "/ephor/v1/evidence/coverage/{framework}",
    "What the lake really holds for each control of a framework in a period",
    &[
        Parameter::path("framework", "Id of a framework, e.g. soc2"),
        Parameter::query("from", Shape::Text, "The first day, as YYYY-MM-DD"),
        Parameter::query("to", Shape::Text, "The last day, included"),
        Parameter::query("controls[]", Shape::TextList, "Numbers of controls. Default: all"),
    ],
);

/// The frameworks of this node.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    data: Vec<Framework>,
}

pub(super) async fn frameworks(State(app): State<App>) -> Result<Json<Listed>, Problem> {
    Ok(Json(Listed { data: known(&app)?.iter().cloned().collect() }))
}

pub(super) async fn coverage(
    State(app): State<App>,
    Path(framework): Path<String>,
    request: Request,
) -> Result<Json<Coverage>, Problem> {
    let query = Query::of(request.uri());
    let day = |name: &str| query.one(name).ok_or_else(|| Problem::invalid(format!("{name}: the day is missing")));
    let period = Period::parse(day("from")?, day("to")?)?;
    let house = House { lake: app.lake(), control: Some(app.control()) };
    let (frameworks, controls) = (known(&app)?, query.many("controls"));
    let covered = cover(house, &frameworks, (&framework, &controls), period, app.now()).await;
    Ok(Json(covered?))
}

pub(crate) fn known(app: &App) -> Result<Arc<Frameworks>, Problem> {
    match &app.options().frameworks {
        Some(frameworks) => Ok(Arc::clone(frameworks)),
        None => Ok(Arc::new(Frameworks::carried()?)),
    }
}

impl From<EvidenceError> for Problem {
    /// What was asked wrongly is told; what broke here is not.
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::NoSuchFramework { .. } => Self::not_found("Framework", &error.to_string()),
            EvidenceError::NoSuchControl { .. } | EvidenceError::Period(_) => Self::invalid(error.to_string()),
            EvidenceError::Lake(error) => error.into(),
            EvidenceError::Control(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}
