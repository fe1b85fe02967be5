//! Around every list: the feed's page with two cursors, the directory's page with one token.
//! `data` and `has_more` may be missing on the wire and then mean empty and false.
//! Never says how many rows there are in all: the API does not.

use serde::{Deserialize, Serialize};

/// A page of the activity feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorPage<T> {
    /// The rows.
    #[serde(default = "Vec::new")]
    pub data: Vec<T>,
    /// Whether the walk in this direction goes on.
    #[serde(default)]
    pub has_more: bool,
    /// Cursor of the first row; null on an empty page.
    #[serde(default)]
    pub first_id: Option<String>,
    /// Cursor of the last row; null on an empty page.
    #[serde(default)]
    pub last_id: Option<String>,
}

/// A page of a directory list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPage<T> {
    /// The rows.
    #[serde(default = "Vec::new")]
    pub data: Vec<T>,
    /// Whether there is a next page.
    #[serde(default)]
    pub has_more: bool,
    /// What to pass as `page` for it.
    #[serde(default)]
    pub next_page: Option<String>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_empty_answer_is_an_empty_page_and_is_written_in_full() {
        let page: CursorPage<u8> = serde_json::from_str("{}").unwrap();
        assert_eq!(
            serde_json::to_string(&page).unwrap(),
            r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#
        );
        let page: TokenPage<u8> = serde_json::from_str("{}").unwrap();
        assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"data":[],"has_more":false,"next_page":null}"#);
    }

    #[test]
    fn a_page_is_read_with_fields_that_nobody_published() {
        let page: CursorPage<u8> =
            serde_json::from_str(r#"{"data":[1,2],"has_more":true,"first_id":"a","last_id":"b","x":1}"#).unwrap();
        assert_eq!(
            page,
            CursorPage {
                data: vec![1, 2],
                has_more: true,
                first_id: Some("a".to_owned()),
                last_id: Some("b".to_owned())
            }
        );
    }
}
