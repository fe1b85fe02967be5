//! Pages of a directory listing: `{data, has_more, next_page}`, with a token that belongs to its listing.
//! Promises that a walk with unchanged filters meets every row that stays, even when rows come and go meanwhile.
//! Never takes a token from another listing, or one that was changed.

use std::hash::Hasher;
use std::sync::Arc;

use axum::Json;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ephor_lake::directory::DirectoryKind;
use ephor_wire::envelope::TokenPage;
use http::Uri;
use serde_json::Value;

use crate::auth::Caller;
use crate::problem::{Problem, shortened};
use crate::query::{PageSize, Query};
use crate::route::{Parameter, Shape};
use crate::state::App;

/// A row as it was received.
pub(crate) type Row = Arc<Value>;

/// What most listings page by.
pub(crate) const USUAL: PageSize = PageSize { default: 500, max: 1000 };

pub(crate) const PAGE: Parameter = Parameter::query("page", Shape::Text, "`next_page` of the page before");
pub(crate) const LIMIT: Parameter =
    Parameter::query("limit", Shape::Number { default: USUAL.default, min: 1, max: USUAL.max }, "Rows in a page");

/// First byte of a token: its version.
const VERSION: u8 = 1;

/// One page of a listing.
pub(crate) fn page(caller: &Caller, uri: &Uri, size: PageSize, rows: &[Row]) -> Result<Json<TokenPage<Row>>, Problem> {
    let query = Query::of(uri);
    let limit = query.limit(size)?;
    let listing = fingerprint(caller, uri, &query);
    let from = match query.one("page") {
        Some(token) => Place::decode(token, listing).ok_or_else(|| undecodable(token))?.find(rows),
        None => 0,
    };
    let to = rows.len().min(from.saturating_add(limit));
    let has_more = to < rows.len();
    let next_page =
        has_more.then(|| Place { rows_before: to, last_key: key_of(&rows[to - 1]).to_owned() }.encode(listing));
    Ok(Json(TokenPage { data: rows[from..to].to_vec(), has_more, next_page }))
}

/// The row with this id.
pub(crate) fn one(rows: &[Row], what: &str, id: &str) -> Result<Row, Problem> {
    rows.iter().find(|row| key_of(row) == id).cloned().ok_or_else(|| Problem::not_found(what, id))
}

/// The rows of a kind that are listed in the parent or one organization at a time, all together.
pub(crate) fn everywhere(app: &App, kind: DirectoryKind) -> Vec<Row> {
    let directory = app.lake().directory();
    directory.scopes(kind).iter().flat_map(|scope| directory.current(kind, scope)).collect()
}

/// Keeps what the caller may see: a key of one organization sees the rows that name that organization.
pub(crate) fn keep_seen(caller: &Caller, rows: &mut Vec<Row>) {
    if !caller.sees_everything() {
        rows.retain(|row| text(row, "organization_uuid").is_some_and(|uuid| caller.sees(uuid)));
    }
}

/// A text field of a row.
pub(crate) fn text<'r>(row: &'r Value, name: &str) -> Option<&'r str> {
    row.get(name).and_then(Value::as_str)
}

/// What a row is known by; empty for kinds of rows that have no id.
fn key_of(row: &Value) -> &str {
    ["id", "uuid", "user_id"].into_iter().find_map(|name| text(row, name)).unwrap_or_default()
}

fn undecodable(token: &str) -> Problem {
    Problem::invalid(format!(
        "page: `{}` is not a `next_page` of this listing; pass it back unchanged, with the same filters",
        shortened(token)
    ))
}

/// Which listing a token belongs to: the path, the filters and what the caller sees of it.
fn fingerprint(caller: &Caller, uri: &Uri, query: &Query) -> u64 {
    let mut hasher = Fnv::default();
    for part in [uri.path(), caller.key.reach.organization().unwrap_or_default()] {
        hasher.write(part.as_bytes());
        hasher.write_u8(0);
    }
    for (name, value) in query.identity() {
        for part in [name, value] {
            hasher.write(part.as_bytes());
            hasher.write_u8(0);
        }
    }
    hasher.finish()
}

/// A place between two rows of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    rows_before: usize,
    last_key: String,
}

impl Place {
    fn encode(&self, listing: u64) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(listing.to_be_bytes());
        bytes.extend(u32::try_from(self.rows_before).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(self.last_key.as_bytes());
        bytes.extend(check(&bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(token: &str, listing: u64) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, sum) = bytes.split_last_chunk::<4>()?;
        let (version, rest) = body.split_first()?;
        let (of, rest) = rest.split_first_chunk::<8>()?;
        let (rows_before, key) = rest.split_first_chunk::<4>()?;
        if *sum != check(body) || *version != VERSION || u64::from_be_bytes(*of) != listing {
            return None;
        }
        let rows_before = usize::try_from(u32::from_be_bytes(*rows_before)).ok()?;
        Some(Self { rows_before, last_key: String::from_utf8(key.to_vec()).ok()? })
    }

    /// Where the page after this place begins, now that rows may have come and gone.
    fn find(&self, rows: &[Row]) -> usize {
        let is_last = |row: &Row| !self.last_key.is_empty() && key_of(row) == self.last_key;
        let expected = self.rows_before.checked_sub(1).and_then(|at| rows.get(at));
        if expected.is_some_and(is_last) {
            return self.rows_before;
        }
        rows.iter().position(is_last).map_or_else(|| self.rows_before.min(rows.len()), |at| at + 1)
    }
}

/// Four bytes against typing errors. A token grants nothing, so it needs no signature.
fn check(bytes: &[u8]) -> [u8; 4] {
    let mut hasher = Fnv::default();
    hasher.write(bytes);
    let sum = hasher.finish();
    (((sum >> 32) ^ sum) as u32).to_be_bytes()
}

/// FNV-1a: tokens outlive the process, so the hash must be the same in every version.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }
}

/// Holds any text against what reads a page token. For `crate::outside_bytes`.
#[cfg(any(test, fuzzing))]
pub(crate) fn hold_listing_token(text: &str) {
    for listing in [0, 7, u64::MAX] {
        if let Some(place) = Place::decode(text, listing) {
            assert_eq!(place.encode(listing), text, "a token is written in one way");
        }
        let place = Place { rows_before: text.len(), last_key: text.to_owned() };
        assert_eq!(Place::decode(&place.encode(listing), listing), Some(place));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rows(ids: &[&str]) -> Vec<Row> {
        ids.iter().map(|id| Arc::new(json!({ "id": id }))).collect()
    }

    #[test]
    fn a_place_is_found_again_after_rows_came_and_went() {
        let place = Place { rows_before: 2, last_key: "b".to_owned() };
        assert_eq!(place.find(&rows(&["a", "b", "c"])), 2);
        assert_eq!(place.find(&rows(&["0", "a", "b", "c"])), 3);
        assert_eq!(place.find(&rows(&["b", "c"])), 1);
        assert_eq!(place.find(&rows(&["a", "c", "d"])), 2);
        assert_eq!(place.find(&rows(&["a"])), 1);
    }

    proptest! {
        #[test]
        fn a_token_is_good_for_its_own_listing_only(rows_before in 1_usize..1_000_000, last_key in ".{0,40}", listing: u64, other: u64) {
            let place = Place { rows_before, last_key };
            let token = place.encode(listing);
            prop_assert_eq!(Place::decode(&token, listing), Some(place));
            prop_assert!(listing == other || Place::decode(&token, other).is_none());
        }

        #[test]
        fn nothing_else_decodes_or_panics(token in ".{0,80}", listing: u64) {
            prop_assert_eq!(Place::decode(&token, listing), None);
        }
    }
}
