//! The three published envelopes: a page of a listing, the series of summaries, a page of a report.
//! Promises that rows go out as the engine made them, byte for byte, and every key of an envelope in every answer.
//! Never parses a row.

use std::ops::Range;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use ephor_analytics::Answer;
use http::header::CONTENT_TYPE;

/// `{data, next_page}`
pub(super) fn listing(answer: &Answer, rows: Range<usize>, next_page: Option<&str>) -> Response {
    let mut body = Body(Vec::with_capacity(AROUND_BYTES + ROW_BYTES * rows.len()));
    body.text("{\"data\":[");
    answer.write(rows, &mut body.0);
    body.text("],\"next_page\":").token(next_page).text("}");
    body.answer()
}

/// `{data, next_page, summaries}`: what old and new clients read, the entries twice, as published.
pub(super) fn summaries(days: &[Bytes]) -> Response {
    let mut body = Body::new(days.iter().chain(days));
    body.text("{\"data\":").rows(days.iter()).text(",\"next_page\":null,\"summaries\":").rows(days.iter()).text("}");
    body.answer()
}

/// `{organization_id, data, has_more, next_page, data_refreshed_at}`
pub(super) fn report<'r>(
    organization_id: &str,
    rows: impl Iterator<Item = &'r Bytes> + Clone,
    next_page: Option<&str>,
    data_refreshed_at: Option<&str>,
) -> Response {
    let mut body = Body::new(rows.clone());
    body.text("{\"organization_id\":").json(organization_id).text(",\"data\":").rows(rows);
    body.text(",\"has_more\":").text(if next_page.is_some() { "true" } else { "false" });
    body.text(",\"next_page\":").token(next_page).text(",\"data_refreshed_at\":").token(data_refreshed_at).text("}");
    body.answer()
}

/// Keys and tokens around the rows.
const AROUND_BYTES: usize = 512;

/// A row of `users`, the longest there is.
const ROW_BYTES: usize = 2_600;

/// A body under construction; rows are copied once, into the one buffer of the answer.
struct Body(Vec<u8>);

impl Body {
    fn new<'r>(rows: impl Iterator<Item = &'r Bytes>) -> Self {
        Self(Vec::with_capacity(AROUND_BYTES + rows.map(|row| row.len() + 1).sum::<usize>()))
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn json(&mut self, text: &str) -> &mut Self {
        // Text always serialises.
        self.0.extend_from_slice(&serde_json::to_vec(text).unwrap_or_default());
        self
    }

    fn token(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.json(text),
            None => self.text("null"),
        }
    }

    fn rows<'r>(&mut self, rows: impl Iterator<Item = &'r Bytes>) -> &mut Self {
        self.text("[");
        for (at, row) in rows.enumerate() {
            if at > 0 {
                self.text(",");
            }
            self.0.extend_from_slice(row);
        }
        self.text("]")
    }

    fn answer(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}
