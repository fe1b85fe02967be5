//! Reports over HTTP: the same tables as `ephor report`, and the roster that they are made with.
//! Promises the same answer as the command line from the same lake.
//! Never answers a key of one organization: a report is about all of them.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use ephor_reports::{Desk, Discretion, Group, Names, Question, ReportError, catalogue, make, render, roster};
use ephor_wire::scope::Scope;
use ephor_wire::timestamp::UtcDay;
use http::{Method, header};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::body;
use crate::problem::Problem;
use crate::query::Query;
use crate::route::{Answer, Body, Family, Parameter, Permission, Route, Shape};
use crate::state::{App, rng};

const FORMS: &[&str] = &["json", "csv", "html", "xlsx"];
const YES_NO: &[&str] = &["true", "false"];

pub(super) static LIST: Route = Route {
    method: Some(Method::GET),
    path: "/ephor/v1/reports",
    permission: Permission::Scope(Scope::ReadFindings),
    family: Family::Node,
    summary: "The reports that there are, and the question that each answers",
    parameters: &[],
    body: None,
    answer: Answer::Object,
};

pub(super) static SHOW: Route = Route {
    method: Some(Method::GET),
    path: "/ephor/v1/reports/{name}",
    permission: Permission::Scope(Scope::ReadFindings),
    family: Family::Node,
    summary: "A report, made now",
    parameters: &[
        Parameter::path("name", "Name of the report: that of its use case"),
        Parameter::query("from", Shape::Day, "The first day"),
        Parameter::query("to", Shape::Day, "The last day"),
        Parameter::query("group", Shape::Text, "Only this group of the directory, by name or id (adoption and cost)"),
        Parameter::query("format", Shape::OneOf(FORMS), "How it is written. Default: json"),
        Parameter::query("section", Shape::Text, "Only this table of it (csv)"),
        Parameter::query("pseudonymise", Shape::OneOf(YES_NO), "Show people by pseudonyms"),
    ],
    body: None,
    answer: Answer::Object,
};

pub(super) static ROSTER: Route = Route {
    method: Some(Method::PUT),
    path: "/ephor/v1/roster/{source}",
    permission: Permission::Scope(Scope::Admin),
    family: Family::Node,
    summary: "Who works here, from a personnel system: replaces what this source said before",
    parameters: &[Parameter::path("source", "What this list is called")],
    body: Some(Body {
        content_types: &["text/csv", "application/json"],
        description: "A heading and a line a person, or an array of objects; docs/reports.md names the fields",
    }),
    answer: Answer::Object,
};

pub(super) async fn list() -> Json<Value> {
    Json(json!({ "data": catalogue() }))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    if !caller.sees_everything() {
        return Err(Problem::forbidden(
            "A report is about the whole parent organization; this key reaches a part of it.",
        ));
    }
    let query = Query::of(request.uri());
    let named = |group: &str| Group::named(app.lake().directory(), app.options().reports_floor_people, group);
    let group = query.one("group").map(named).transpose()?.map(|group| group.id);
    let question = Question { from: day(&query, "from")?, to: day(&query, "to")?, group };
    let form = query.one("format").unwrap_or("json");
    if !FORMS.contains(&form) {
        return Err(Problem::invalid(format!("format: `{form}` is none of {}", FORMS.join(", "))));
    }
    let desk = Desk {
        lake: app.lake().clone(),
        control: app.control().clone(),
        analytics: app.analytics().clone(),
        now_micros: app.now(),
        options: app.options().reports.clone(),
    };
    let names = names(&app, &query).await?;
    let report = make(&desk, &name, &question).await?;
    let report = Discretion { names, floor_people: app.options().reports_floor_people }.applied_to(report);
    let (content_type, bytes) = match form {
        "html" => ("text/html; charset=utf-8", render::html(&report).into_bytes()),
        "xlsx" => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", render::xlsx(&report)?),
        "csv" => {
            let section = query.one("section").unwrap_or(report.main.id);
            let table = report.section(section).ok_or_else(|| Problem::not_found("Table", section))?;
            ("text/csv; charset=utf-8", render::csv(&table.table)?.into_bytes())
        }
        _ => return Ok(Json(render::json(&report)).into_response()),
    };
    Ok(([(header::CONTENT_TYPE, content_type)], bytes).into_response())
}

pub(super) async fn put_roster(
    State(app): State<App>,
    Path(source): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let body = body::read(request.into_body(), app.options().max_body_bytes).await?;
    let entries = roster::read("body", &body)?;
    app.control().roster().replace(&source, &entries, app.now()).await?;
    let leavers = entries.iter().filter(|entry| entry.left_on.is_some()).count();
    Ok(Json(json!({ "source": source, "entries": entries.len(), "leavers": leavers })))
}

async fn names(app: &App, query: &Query) -> Result<Names, Problem> {
    match query.one("pseudonymise") {
        None | Some("false") => Ok(Names::Shown),
        Some("true") => Ok(Names::pseudonyms(app.control(), app.now(), &mut rng()).await?),
        Some(other) => Err(Problem::invalid(format!("pseudonymise: `{other}` is neither true nor false"))),
    }
}

fn day(query: &Query, name: &str) -> Result<Option<UtcDay>, Problem> {
    let parse = |text: &str| {
        text.parse::<UtcDay>()
            .map_err(|_| Problem::invalid(format!("{name}: `{text}` is not a day such as 2026-10-31")))
    };
    query.one(name).map(parse).transpose()
}

impl From<ReportError> for Problem {
    /// What the caller asked wrongly is told; what broke here is not.
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Unknown { .. } => Self::not_found_because(error.to_string()),
            ReportError::Parameter { .. } | ReportError::Input { .. } => Self::invalid(error.to_string()),
            ReportError::NotNow(_) => Self::conflict(error.to_string()),
            ReportError::Lake(error) => error.into(),
            ReportError::Control(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}
