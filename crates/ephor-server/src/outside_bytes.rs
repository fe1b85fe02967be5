//! What reads requests, held against any text at all: the fuzz targets under `fuzz/` call this, and the tests here call it
//! with some thousand texts.
//! Promises that nothing panics and that what is taken for a question, a cursor or a token is one.
//! Never part of a build that ships.

use crate::compliance::{hold_feed_question, hold_listing_token};

/// What stands behind the `?` of a request.
pub fn question(text: &str) {
    crate::analytics::hold_question(text);
    hold_feed_question(text);
}

/// A page token of a directory listing, or the cursor of the feed.
pub fn token(text: &str) {
    hold_listing_token(text);
    if let Ok(place) = ephor_lake::FeedCursor::decode(text) {
        assert_eq!(place.encode(), text, "a cursor is written in one way");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Parameters with values that are right or nearly so.
    fn parameter() -> impl Strategy<Value = String> {
        let names = prop::sample::select(vec![
            "date",
            "starting_date",
            "ending_date",
            "starting_at",
            "ending_at",
            "bucket_width",
            "limit",
            "page",
            "order_by",
            "order",
            "filter[]",
            "group_by[]",
            "products[]",
            "models[]",
            "speeds[]",
            "rbac_group_ids[]",
            "activity_types[]",
            "created_at.gte",
            "created_at.lt",
            "after_id",
            "start_time",
            "user_ids[]",
        ]);
        let values = prop_oneof![
            prop::sample::select(vec![
                "2026-11-20",
                "2026-10-01",
                "2026-11-01T00:00:00Z",
                "2026-11-02T03:04:05%2B02:00",
                "1d",
                "1h",
                "1m",
                "5",
                "1000",
                "desc",
                "asc",
                "chat_metrics.message_count",
                "amount",
                "product",
                "user_id:user_1",
                "rbac_group_id:1",
                "rbac_group_id",
                "model",
                "chat",
                "fast",
                "product:chat",
                "is_shared:true",
            ])
            .prop_map(str::to_owned),
            ".{0,24}",
        ];
        (names, values).prop_map(|(name, value)| format!("{name}={value}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]

        #[test]
        fn any_question_is_understood_or_refused(parameters in prop::collection::vec(parameter(), 0..5)) {
            question(&parameters.join("&"));
        }

        #[test]
        fn any_text_is_a_token_or_none(text in ".{0,80}") {
            token(&text);
        }
    }
}
