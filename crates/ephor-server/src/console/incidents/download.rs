//! A case's timeline to take away: HTML, JSON, CSV, or a STIX 2.1 bundle.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ephor_reports::timeline::{bundle, events, timeline};
use ephor_reports::{Cases, render};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::case::asked;
use crate::console::activity::record_copy;
use crate::console::desk::{desk, discreet};
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

pub(super) async fn take(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let case = Cases::new(app.control()).get(&id).await?;
    let (asked, desk) = (asked(&case)?, desk(&app));
    let form = query.one("format").unwrap_or("json");
    if form == "stix" {
        let events = events(&desk, &asked).await?;
        events.iter().filter_map(|event| event.actor.as_deref()).for_each(|person| visitor.has_seen(person));
        let told = format!("{} events", events.len());
        let bytes = bundle(&case.title, &told, &events, visitor.now()).to_string().into_bytes();
        record_copy(&app, &visitor, "case", form).await;
        return Ok(file("case.stix.json", "application/stix+json;version=2.1", bytes));
    }
    let mut report = timeline(&desk, &asked).await?;
    report.title.clone_from(&case.title);
    let report = discreet(&app, &visitor, report).await?;
    let (name, content_type, bytes) = match form {
        "html" => ("case.html", "text/html; charset=utf-8", render::html(&report).into_bytes()),
        "json" => ("case.json", "application/json", render::json(&report).to_string().into_bytes()),
        "csv" => {
            let text = render::csv(&report.main.table)?;
            ("case.csv", "text/csv; charset=utf-8", text.into_bytes())
        }
        _ => return Err(Problem::invalid("format: it is html, json, csv or stix")),
    };
    record_copy(&app, &visitor, "case", form).await;
    Ok(file(name, content_type, bytes))
}

fn file(name: &str, content_type: &'static str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, disposition)], bytes).into_response()
}
