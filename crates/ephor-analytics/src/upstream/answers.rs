//! A listing's whole question put to one upstream's days: filters, range and group; and the order of rows of any origin.
//! What the days do not tell is an error that names it.
//! Never pages: the caller does.

use std::cmp::Ordering as Ranked;

use ephor_lake::{LakeError, UpstreamRows};
use ephor_wire::timestamp::UtcDay;
use serde_json::Value;

use super::filters::filter_rows;
use super::merge::fill;
use super::over_days::{Group, by_group, over_days};
use super::{NotTold, endpoint_of, fields, read_day};
use crate::query::{Days, Direction, GroupBy, Listing, ListingQuery, Ordering};

/// Why an upstream's days give no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamAnswerError {
    /// The lake could not be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// They do not tell it.
    #[error(transparent)]
    NotTold(#[from] NotTold),
}

/// The rows with which an upstream answers a question, with every field up to P6, in the upstream's order; blocks. Days that
/// were not collected have no rows: [`super::Place::has`] tells which those are.
pub fn upstream_listing(
    rows: &UpstreamRows,
    source: &str,
    query: &ListingQuery,
    groups_of: impl Fn(&str) -> Vec<Group>,
) -> Result<Vec<Value>, UpstreamAnswerError> {
    let not_told = |what: &'static str| NotTold { source_name: source.to_owned(), what };
    let by_rbac_group = match query.group_by.as_slice() {
        [] => false,
        [GroupBy::RbacGroup] if query.listing == Listing::Users => true,
        _ => return Err(not_told("how a day's numbers are shared out").into()),
    };
    let before_seq = query.as_of.map(|as_of| as_of.upstream_seq);
    let endpoint = endpoint_of(query.listing);
    let read = |day: UtcDay| -> Result<Vec<Value>, UpstreamAnswerError> {
        let day_rows = read_day(rows, source, endpoint, &[], day, before_seq)?;
        Ok(filter_rows(source, query.listing, &query.filters, day_rows, &groups_of)?)
    };
    let answer = match query.days {
        Days::Day(day) => {
            let mut answer = read(day)?;
            for row in &mut answer {
                fill(query.listing, row, Some(day));
            }
            answer
        }
        Days::Range { first, end } => {
            let days = (first.0..end.0).map(UtcDay).map(|day| Ok((day, read(day)?)));
            over_days(query.listing, &days.collect::<Result<Vec<_>, UpstreamAnswerError>>()?)
        }
    };
    Ok(if by_rbac_group { by_group(&answer, groups_of) } else { answer })
}

/// Puts rows in the order asked for: by a number, those without one last, or by what identifies them; then by their group.
pub fn order_rows(listing: Listing, rows: &mut [Value], ordering: &Ordering) {
    let name_of = |row: &Value| -> Vec<String> {
        let identity = match listing {
            Listing::Users => vec!["/user/email_address".to_owned(), "/user/id".to_owned()],
            _ => fields::identity(listing).iter().map(|name| format!("/{name}")).collect(),
        };
        let cut = ["/product", "/rbac_group_id", "/user_id"].map(str::to_owned);
        let text = |path: String| {
            row.pointer(&path)
                .map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        identity.into_iter().chain(cut).map(text).collect()
    };
    let pointer = ordering.metric.map(|metric| format!("/{}", metric.replace('.', "/")));
    let number = |row: &Value| match row.pointer(pointer.as_deref()?)? {
        Value::String(amount) => amount.parse::<f64>().ok(),
        value => value.as_f64(),
    };
    rows.sort_by(|one, other| {
        let by_name = || name_of(one).cmp(&name_of(other));
        let turned =
            |ranked: Ranked| if ordering.direction == Direction::Descending { ranked.reverse() } else { ranked };
        match (&pointer, number(one), number(other)) {
            (None, ..) => turned(by_name()),
            (Some(_), Some(one), Some(other)) => turned(one.total_cmp(&other)).then_with(by_name),
            (Some(_), Some(_), None) => Ranked::Less,
            (Some(_), None, Some(_)) => Ranked::Greater,
            (Some(_), None, None) => by_name(),
        }
    });
}
