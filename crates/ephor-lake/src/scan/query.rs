//! What can be asked of the feed: filters, order, and where a page begins.
//! A cursor names a place in the feed and not a row, so it stays good when its row has expired.
//! Never touches a file.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A page of the feed, asked for.
#[derive(Debug, Clone)]
pub struct FeedQuery {
    /// Which activities.
    pub filter: ActivityFilter,
    /// Newest or oldest first.
    pub order: Order,
    /// Where the page begins.
    pub from: PageFrom,
    /// Rows at the most; more than [`crate::FEED_PAGE_ROWS`] count as that.
    pub limit: usize,
}

/// Time direction of the rows in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Newest first, the published default.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PageFrom {
    /// At the first row in the query's order.
    #[default]
    Start,
    /// Behind this place, in the query's order (`after_id`).
    After(FeedCursor),
    /// Just before this place, in the query's order (`before_id`): the block next to it.
    Before(FeedCursor),
}

/// Conditions on activities; an empty list is no condition.
#[derive(Debug, Clone, Default)]
pub struct ActivityFilter {
    /// Which types.
    pub types: TypeFilter,
    /// The category is one of these.
    pub categories: Vec<String>,
    /// The actor's id is one of these.
    pub actor_ids: Vec<String>,
    /// The organization's id or UUID is one of these; rows without organization do not match.
    pub organizations: Vec<String>,
    /// The acting key, or the key that the row is about, is one of these.
    pub api_key_ids: Vec<String>,
    /// The address is one of these.
    pub ip_addresses: Vec<String>,
    /// The workspace that the row names is one of these.
    pub workspace_ids: Vec<String>,
    /// The source is one of these.
    pub sources: Vec<String>,
    /// When it happened.
    pub created_at: MicrosRange,
    /// Each of these words is part of one of its values (type, category, actor, address, agent, key, workspace,
    /// organization, source), in whatever case.
    pub words: Vec<String>,
    /// Its place in the order of arrival.
    pub seq: Option<Range<u64>>,
}

/// Which activity types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TypeFilter {
    /// Every type, unknown ones included.
    #[default]
    All,
    /// Only these.
    Only(Vec<String>),
    /// All but these.
    Except(Vec<String>),
}

/// A span of time in microseconds since 1970; an end that is `None` is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MicrosRange {
    /// From here on, this instant included.
    pub from: Option<i64>,
    /// Up to here, this instant excluded.
    pub to: Option<i64>,
}

/// A page of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedPage {
    /// In the query's order.
    pub rows: Vec<FeedRow>,
    /// Whether the walk in this direction goes on.
    pub has_more: bool,
}

/// One activity of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRow {
    /// When it happened.
    pub created_at_micros: i64,
    /// Its id.
    pub id: String,
    /// The activity as it was received, byte for byte.
    pub raw: String,
}

impl FeedRow {
    /// The place of this row in the feed.
    #[must_use]
    pub fn cursor(&self) -> FeedCursor {
        FeedCursor { created_at_micros: self.created_at_micros, id: self.id.clone() }
    }
}

/// A place in the feed: rows are ordered by time, ties by id.
///
/// ```
/// use ephor_lake::FeedCursor;
/// let place = FeedCursor { created_at_micros: 1_767_322_800_000_000, id: "activity_01".to_owned() };
/// assert_eq!(FeedCursor::decode(&place.encode()), Ok(place));
/// assert!(FeedCursor::decode("something else").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedCursor {
    /// The time of the row.
    pub created_at_micros: i64,
    /// The id of the row.
    pub id: String,
}

/// A cursor that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cursor cannot be decoded; use `first_id` or `last_id` of a page as it came")]
pub struct CursorError;

/// First byte of an encoded cursor: its version.
const VERSION: u8 = 1;

impl FeedCursor {
    /// The opaque token that clients hand back.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(11 + self.id.len());
        bytes.push(VERSION);
        bytes.extend(self.created_at_micros.to_be_bytes());
        bytes.extend(self.id.as_bytes());
        bytes.extend(check(&bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token back; anything mistyped, cut or foreign is an error.
    pub fn decode(token: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| CursorError)?;
        let (body, sum) = bytes.split_last_chunk::<2>().ok_or(CursorError)?;
        let (head, id) = body.split_at_checked(9).ok_or(CursorError)?;
        if *sum != check(body) || head[0] != VERSION || id.is_empty() {
            return Err(CursorError);
        }
        let created_at_micros = i64::from_be_bytes(head[1..].try_into().map_err(|_| CursorError)?);
        let id = String::from_utf8(id.to_vec()).map_err(|_| CursorError)?;
        Ok(Self { created_at_micros, id })
    }
}

/// Two bytes against typing errors. A cursor grants nothing, so it needs no signature.
fn check(bytes: &[u8]) -> [u8; 2] {
    let sum = bytes.iter().fold(0x811C_9DC5_u32, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    let folded = (sum >> 16) ^ (sum & 0xFFFF);
    [(folded >> 8) as u8, folded as u8]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_place_survives_its_token(created_at_micros in any::<i64>(), id in "[a-zA-Z0-9_]{1,64}") {
            let place = FeedCursor { created_at_micros, id };
            prop_assert_eq!(FeedCursor::decode(&place.encode()), Ok(place));
        }

        #[test]
        fn nothing_else_decodes_or_panics(token in ".{0,80}") {
            if let Ok(place) = FeedCursor::decode(&token) {
                prop_assert_eq!(place.encode(), token);
            }
        }
    }
}
