//! One question to its last page. Pages of one answer must be pages of one state of the upstream.
//! A walk under which the data changed is begun again at page one: what it read before is dropped whole.
//! Never hands on half an answer.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ephor_wire::timestamp::UtcDay;

use super::listings::Listing;
use super::page::Page;
use crate::collector::{Client, Pace, UpstreamError, UpstreamPath};

/// Pages of one walk at most: ten million users; a walk that goes further goes in circles.
const MOST_PAGES: usize = 10_000;

/// A whole answer.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) days: BTreeMap<UtcDay, Vec<Bytes>>,
    pub(super) data_refreshed_at: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) request_id: Option<String>,
}

/// What came of one walk.
enum Walk {
    Whole(Walked),
    /// The data changed underneath, and how that showed.
    Changed(&'static str),
    /// Rows came twice. If they do so again, the upstream has them twice.
    Repeated(Walked),
}

/// Reads the days from `first` to before `end` of a listing.
pub(super) async fn walk(
    client: &mut Client,
    listing: &Listing,
    first: UtcDay,
    end: UtcDay,
    pace: &Pace,
) -> Result<Walked, UpstreamError> {
    let mut repeated: Option<Walked> = None;
    let mut last = "";
    for _ in 0..pace.tries {
        match once(client, listing, first, end).await? {
            Walk::Whole(walked) => return Ok(walked),
            Walk::Repeated(walked) if repeated.as_ref().is_some_and(|before| before.days == walked.days) => {
                return Ok(walked);
            }
            Walk::Repeated(walked) => {
                repeated = Some(walked);
                last = "rows of one page came again on another";
            }
            Walk::Changed(how) => last = how,
        }
        tracing::debug!(listing = listing.name(), %first, last, "the data changed while it was read; once more from page one");
        tokio::time::sleep(pace.first_wait).await;
    }
    Err(UpstreamError::Unavailable { tries: pace.tries, last: format!("the data changed while it was read: {last}") })
}

async fn once(client: &mut Client, listing: &Listing, first: UtcDay, end: UtcDay) -> Result<Walk, UpstreamError> {
    let query = listing.query(first, end);
    let mut walked = Walked::default();
    let mut page_one: Option<Page> = None;
    let mut tokens = BTreeSet::new();
    let mut token: Option<String> = None;
    loop {
        let page = match ask(client, listing, first, &query, token.as_deref(), &mut walked).await {
            Ok(page) => page,
            // A token is bound to its data and expires with them (analytics_api.md §1.5).
            Err(UpstreamError::Expired(_)) => return Ok(Walk::Changed("a page token expired")),
            Err(UpstreamError::BadRequest(_)) if token.is_some() => {
                return Ok(Walk::Changed("a page token was refused"));
            }
            Err(error) => return Err(error),
        };
        for (day, rows) in &page.days {
            walked.days.entry(*day).or_default().extend(rows.iter().cloned());
        }
        walked.organization = walked.organization.or_else(|| page.organization_id.clone());
        token.clone_from(&page.next_page);
        match &page_one {
            None => {
                walked.data_refreshed_at.clone_from(&page.data_refreshed_at);
                page_one = Some(page);
            }
            Some(_) if page.data_refreshed_at != walked.data_refreshed_at => {
                return Ok(Walk::Changed("data_refreshed_at moved"));
            }
            Some(_) => {}
        }
        match &token {
            None => break,
            Some(next) if !tokens.insert(next.clone()) || tokens.len() > MOST_PAGES => {
                return Ok(Walk::Changed("the pages go in circles"));
            }
            Some(_) => {}
        }
    }
    if tokens.is_empty() {
        return Ok(Walk::Whole(walked));
    }
    // Without a mark of its own, an endpoint shows only by its rows that a day was aggregated anew meanwhile: page one is
    // read again, and a row that moved over the edge of a page came twice.
    let again = ask(client, listing, first, &query, None, &mut walked).await?;
    if page_one.is_some_and(|before| before.days != again.days) {
        return Ok(Walk::Changed("page one is not what it was"));
    }
    Ok(if has_repeated_rows(listing, &walked) { Walk::Repeated(walked) } else { Walk::Whole(walked) })
}

async fn ask(
    client: &mut Client,
    listing: &Listing,
    day: UtcDay,
    query: &[(&'static str, String)],
    token: Option<&str>,
    walked: &mut Walked,
) -> Result<Page, UpstreamError> {
    let mut query = query.to_vec();
    query.extend(token.map(|token| ("page", token.to_owned())));
    let path = UpstreamPath::Analytics(listing.endpoint);
    let answer = client.get(&path, &query, |body| Page::parse(listing.endpoint, day, body)).await?;
    walked.request_id = answer.request_id;
    walked.organization = answer.organization.or(walked.organization.take());
    Ok(answer.value)
}

fn has_repeated_rows(listing: &Listing, walked: &Walked) -> bool {
    walked.days.values().any(|rows| {
        let mut keys = BTreeSet::new();
        rows.iter().any(|row| !keys.insert(row_key(listing, row)))
    })
}

/// What a row is known by; its own bytes if it has no name.
pub(super) fn row_key(listing: &Listing, row: &Bytes) -> String {
    let key = serde_json::from_slice(row).map(|row| listing.endpoint.row_key(&row)).unwrap_or_default();
    if key.is_empty() && !listing.group_by.is_empty() { String::from_utf8_lossy(row).into_owned() } else { key }
}
