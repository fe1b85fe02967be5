//! A report to take away: a page, a workbook, JSON, or one of its tables as CSV.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ephor_reports::render;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::console::activity::record_copy;
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

pub(super) async fn take(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let report = super::report(&app, &visitor, &name).await?;
    let (format, content_type, bytes) = match query.one("format") {
        Some("xlsx") => {
            ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", render::xlsx(&report)?)
        }
        Some("csv") => {
            let section = query.one("section").unwrap_or(report.main.id);
            let table = report.section(section).ok_or_else(|| Problem::not_found("Table", section))?;
            ("csv", "text/csv; charset=utf-8", render::csv(&table.table)?.into_bytes())
        }
        Some("html") => ("html", "text/html; charset=utf-8", render::html(&report).into_bytes()),
        Some("json") | None => ("json", "application/json", render::json(&report).to_string().into_bytes()),
        Some(_) => return Err(Problem::invalid("format: it is html, xlsx, csv or json")),
    };
    record_copy(&app, &visitor, report.name, format).await;
    // The name of a report is one of fifteen words: nothing of it needs to be quoted.
    let disposition = format!("attachment; filename=\"{}.{format}\"", report.name);
    Ok(([(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, disposition)], bytes).into_response())
}
