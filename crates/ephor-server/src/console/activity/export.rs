//! A copy of what a question finds, to take away: the rows as they were received, or a table of their columns.
//! Promises that taking a copy is recorded with the question, and that a cell of a table is never a formula.
//! Never holds more than a page of it in memory.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use ephor_lake::control::OutboxItem;
use ephor_lake::{FeedQuery, FeedRow, LakeError, PageFrom};
use ephor_wire::timestamp::Timestamp;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::json;

use super::asked::{Asked, Depth};
use super::row::{Shown, gist};
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::{App, new_id};

/// Rows in a copy at the most; the API gives more, page by page.
const ROWS: usize = 100_000;
const ROWS_AT_ONCE: usize = 2_000;

const HEADING: &str =
    "created_at,type,category,actor_type,actor_id,actor_email,ip_address,user_agent,organization_uuid,about,id\r\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Ndjson,
    Csv,
}

pub(super) async fn take(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let query = Query::parse(&visitor.visit.query);
    let format = match query.one("format") {
        Some("csv") => Format::Csv,
        Some("ndjson") | None => Format::Ndjson,
        Some(_) => return Err(Problem::invalid("format: it is csv or ndjson")),
    };
    let asked = Asked::read(&query, &visitor)?;
    if asked.depth == Depth::Fields && !asked.words.is_empty() {
        return Err(Problem::invalid(
            "A copy takes filters and words in columns; take the search in every field away first.",
        ));
    }
    record_copy(&app, &visitor, "activities", if format == Format::Csv { "csv" } else { "ndjson" }).await;
    let begun = Copying { app, from: PageFrom::Start, asked: Arc::new(asked), format, left: ROWS, part: Part::Heading };
    let chunks = futures::stream::unfold(begun, |mut copying| async move {
        let chunk = copying.next().await?;
        Some((chunk, copying))
    });
    let (content_type, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"activities.csv\""),
        Format::Ndjson => ("application/x-ndjson", "attachment; filename=\"activities.ndjson\""),
    };
    Ok(([(CONTENT_TYPE, content_type), (CONTENT_DISPOSITION, name)], Body::from_stream(chunks)).into_response())
}

/// Tells that somebody took a copy away, and of what.
pub(in crate::console) async fn record_copy(app: &App, visitor: &Visitor, what: &str, format: &str) {
    let id = new_id("activity_");
    let activity = json!({
        "id": id,
        "created_at": Timestamp::from_micros(visitor.now()).as_str(),
        "type": "ephor_console_exported",
        "actor": visitor.actor(),
        "organization_id": null,
        "organization_uuid": null,
        "what": what,
        "format": format,
        "query": visitor.visit.query,
    });
    app.recorder().accessed(OutboxItem { raw: activity.to_string(), id }).await;
}

/// A copy under way.
struct Copying {
    app: App,
    asked: Arc<Asked>,
    from: PageFrom,
    format: Format,
    left: usize,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Heading,
    Rows,
    Done,
}

impl Copying {
    async fn next(&mut self) -> Option<Result<Bytes, LakeError>> {
        if self.part == Part::Heading {
            self.part = Part::Rows;
            if self.format == Format::Csv {
                return Some(Ok(Bytes::from_static(HEADING.as_bytes())));
            }
        }
        if self.part == Part::Done || self.left == 0 {
            return None;
        }
        let limit = ROWS_AT_ONCE.min(self.left);
        let query =
            FeedQuery { filter: self.asked.filter.clone(), order: self.asked.order, from: self.from.clone(), limit };
        let page = match self.app.lake().page(&query).await {
            Ok(page) => page,
            Err(error) => {
                self.part = Part::Done;
                return Some(Err(error));
            }
        };
        self.left -= page.rows.len();
        match page.rows.last() {
            Some(last) if page.has_more => self.from = PageFrom::After(last.cursor()),
            _ => self.part = Part::Done,
        }
        let text: String = page.rows.iter().map(|row| self.written(row)).collect();
        Some(Ok(text.into()))
    }

    fn written(&self, row: &FeedRow) -> String {
        match self.format {
            Format::Ndjson => format!("{}\n", row.raw),
            Format::Csv => {
                Shown::read(row.created_at_micros, &row.raw).map(|shown| csv_line(&shown)).unwrap_or_default()
            }
        }
    }
}

fn csv_line(shown: &Shown) -> String {
    let actor = &shown.actor;
    let at = Timestamp::from_micros(shown.created_at_micros);
    let about = gist(&shown.fields);
    let cells = [
        at.as_str(),
        &shown.kind,
        &shown.category,
        actor.kind(),
        actor.id().unwrap_or_default(),
        actor.email().unwrap_or_default(),
        actor.ip_address().unwrap_or_default(),
        actor.user_agent().unwrap_or_default(),
        shown.organization_uuid.as_deref().unwrap_or_default(),
        &about,
        &shown.id,
    ];
    cells.map(cell).join(",") + "\r\n"
}

/// A cell as RFC 4180 has it; what a spreadsheet would take for a formula is made text.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_whatever_it_says() {
        let cells = ["plain", "a,b", "say \"hi\"", "=1+1", "-2", "@x", "two\nlines"].map(cell);
        let expected = ["plain", "\"a,b\"", "\"say \"\"hi\"\"\"", "'=1+1", "'-2", "'@x", "\"two\nlines\""];
        assert_eq!(cells, expected);
    }
}
