//! The published parameters of the Analytics API, as the OpenAPI document shows them and page tokens are bound to them.
//! Promises one entry for each parameter that any endpoint reads.
//! Never reads a value: that is `ask`.

use crate::route::{Parameter, Shape};

use super::ask::{MAX_ROWS, USUAL_ROWS};

pub(super) const DATE: Parameter = Parameter::query("date", Shape::Day, "One UTC day; either this or starting_date");
pub(super) const ONLY_DATE: Parameter = Parameter::query("date", Shape::Day, "One UTC day; required");
pub(super) const STARTING_DATE: Parameter =
    Parameter::query("starting_date", Shape::Day, "First day of a range; one row an entity over all of it");
pub(super) const FIRST_DATE: Parameter =
    Parameter::query("starting_date", Shape::Day, "First day of the series; required");
pub(super) const ENDING_DATE: Parameter = Parameter::query(
    "ending_date",
    Shape::Day,
    "Day after the last one of the range; up to the newest available day unless sent",
);
pub(super) const FILTER: Parameter = Parameter::query(
    "filter[]",
    Shape::TextList,
    "`dimension:value`; OR within a dimension, AND across dimensions; at most 100",
);
pub(super) const GROUP_BY: Parameter =
    Parameter::query("group_by[]", Shape::TextList, "Cut rows by these dimensions; at most 100");
pub(super) const ORDER_BY: Parameter = Parameter::query(
    "order_by",
    Shape::Text,
    "The endpoint's sort column, or the dotted path of a number in its rows, such as chat_metrics.message_count",
);
pub(super) const ORDER: Parameter = Parameter::query(
    "order",
    Shape::OneOf(&["asc", "desc"]),
    "Ascending by the sort column and descending by a number, unless sent",
);
pub(super) const LIMIT: Parameter =
    Parameter::query("limit", Shape::Number { default: USUAL_ROWS, min: 1, max: MAX_ROWS }, "Rows in a page");
pub(super) const USERS_LIMIT: Parameter = Parameter::query(
    "limit",
    Shape::Number { default: 20, min: 1, max: MAX_ROWS },
    "Rows in a page; 20 by default in the profile `seed`, 100 in `current`",
);
pub(super) const PAGE: Parameter =
    Parameter::query("page", Shape::Text, "`next_page` of the page before, with the same parameters");

pub(super) const STARTING_AT: Parameter =
    Parameter::query("starting_at", Shape::Instant, "Inclusive; required; goes back to the beginning of its bucket");
pub(super) const ENDING_AT: Parameter = Parameter::query(
    "ending_at",
    Shape::Instant,
    "Exclusive; at most 31 days after starting_at; the earlier of that and now unless sent",
);
pub(super) const BUCKET_WIDTH: Parameter =
    Parameter::query("bucket_width", Shape::OneOf(&["1d", "1h", "1m"]), "Length of a bucket; 1d unless sent");
pub(super) const USER_BUCKET_WIDTH: Parameter = Parameter::query(
    "bucket_width",
    Shape::OneOf(&["1d", "1h", "1m"]),
    "Split each row by buckets; takes ending_at, and with 1m at most 24 hours",
);
pub(super) const BUCKETS: Parameter = Parameter::query(
    "limit",
    Shape::Number { default: 7, min: 1, max: 256 },
    "Buckets in a page: with 1d 7 and at most 31, with 1h 24 and at most 168, with 1m 60 and at most 256",
);
pub(super) const USERS: Parameter = Parameter::query(
    "limit",
    Shape::Number { default: 20, min: 1, max: MAX_ROWS },
    "Rows in a page; rows that cost_type and token_type fan out do not count",
);
pub(super) const PRODUCTS: Parameter = Parameter::query("products[]", Shape::TextList, "Only these products");
pub(super) const MODELS: Parameter = Parameter::query("models[]", Shape::TextList, "Only these models");
pub(super) const USER_IDS: Parameter = Parameter::query("user_ids[]", Shape::TextList, "Only these users");
pub(super) const CONTEXT_WINDOWS: Parameter =
    Parameter::query("context_windows[]", Shape::TextList, "`0-200k`, `200k-1M`");
pub(super) const INFERENCE_GEOS: Parameter =
    Parameter::query("inference_geos[]", Shape::TextList, "`global`, `us`, `not_available` (unset)");
pub(super) const SPEEDS: Parameter = Parameter::query("speeds[]", Shape::TextList, "`fast`, `standard`");
pub(super) const RBAC_GROUP_IDS: Parameter =
    Parameter::query("rbac_group_ids[]", Shape::TextList, "Only users of any of these groups");
pub(super) const SLACK_CHANNEL_IDS: Parameter =
    Parameter::query("slack_channel_ids[]", Shape::TextList, "Only these Slack channels");
pub(super) const TAG_CATEGORIES: Parameter = Parameter::query(
    "claude_tag_categories[]",
    Shape::TextList,
    "`dm`, `engaged`, `monitoring`, `proactive`, `scheduled`",
);
pub(super) const TAG_USER_IDS: Parameter =
    Parameter::query("claude_tag_user_ids[]", Shape::TextList, "Only these Slack users");
pub(super) const USAGE_ORDER_BY: Parameter = Parameter::query(
    "order_by",
    Shape::OneOf(&["total_tokens", "output_tokens", "uncached_input_tokens", "requests"]),
    "What users are ranked by; total_tokens unless sent",
);
pub(super) const COST_ORDER_BY: Parameter = Parameter::query(
    "order_by",
    Shape::OneOf(&["amount", "list_amount"]),
    "What users are ranked by; amount unless sent",
);
pub(super) const RANK_ORDER: Parameter =
    Parameter::query("order", Shape::OneOf(&["desc", "asc"]), "Descending unless sent");
pub(super) const EXCLUDE_DELETED: Parameter =
    Parameter::query("exclude_deleted_users", Shape::OneOf(&["false", "true"]), "Leave out people who are gone");
