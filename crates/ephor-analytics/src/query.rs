//! What the Analytics API can be asked, after its parameters have been read and checked.
//! A value of these types is a question that has an answer; what has none never becomes one.
//! Never holds text that still has to be interpreted.

use ephor_wire::timestamp::UtcDay;
use ephor_wire::usage::Surface;

/// The engagement endpoints that list entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Listing {
    /// `users`
    Users,
    /// `apps/chat/projects`
    Projects,
    /// `skills`
    Skills,
    /// `connectors`
    Connectors,
    /// `plugins`
    Plugins,
    /// `artifacts`
    Artifacts,
}

/// Whose usage: one organization, or all of the parent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Every organization of the parent, and what names none.
    Parent,
    /// One organization, by both of its names.
    Organization {
        /// `org_…`
        id: String,
        /// Its UUID.
        uuid: String,
    },
}

/// The days asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Days {
    /// `date`: one day, one row an entity and day.
    Day(UtcDay),
    /// `starting_date` to `ending_date`: one row an entity over the whole range.
    Range {
        /// Inclusive.
        first: UtcDay,
        /// Exclusive.
        end: UtcDay,
    },
}

/// What rows are cut by, beside their entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupBy {
    /// `product`
    Product,
    /// `rbac_group_id`
    RbacGroup,
    /// `user_id`
    User,
}

/// `filter[]`: OR inside a field, AND across fields; an empty field filters nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filters {
    /// `claude_proj_…`
    pub project_ids: Vec<String>,
    /// `user_…`
    pub user_ids: Vec<String>,
    /// `rbac_group_…` or a bare UUID.
    pub rbac_group_ids: Vec<String>,
    /// Products of the wire (`chat`, `claude_code`, `cowork`, `office_agent`), as surfaces.
    pub surfaces: Vec<Surface>,
    /// `organization`, `private`, `public`
    pub share_statuses: Vec<String>,
    /// Compared without case.
    pub skill_names: Vec<String>,
    /// Compared without case, by name, normalised name and display name.
    pub connector_names: Vec<String>,
    /// Compared without case.
    pub plugin_names: Vec<String>,
    /// Media types, or `other`.
    pub artifact_types: Vec<String>,
    /// `is_shared`; both is no filter.
    pub is_shared: Vec<bool>,
}

impl Filters {
    /// Whether everything passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `order`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `asc`
    Ascending,
    /// `desc`
    Descending,
}

/// `order_by` and `order`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ordering {
    /// A dotted path into the row that holds a number (`chat_metrics.message_count`), or nothing for the endpoint's own
    /// sort column.
    pub metric: Option<&'static str>,
    /// Which way.
    pub direction: Direction,
}

impl Ordering {
    /// Whether it is the endpoint's own order, in which day tables lie.
    #[must_use]
    pub fn is_natural(&self) -> bool {
        self.metric.is_none() && self.direction == Direction::Ascending
    }
}

/// A question to a listing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListingQuery {
    /// Which endpoint.
    pub listing: Listing,
    /// Whose.
    pub reach: Reach,
    /// When.
    pub days: Days,
    /// Which facts.
    pub filters: Filters,
    /// Cut by what, in the order asked for, each once.
    pub group_by: Vec<GroupBy>,
    /// In which order.
    pub ordering: Ordering,
    /// Facts that came later than this are not counted; none counts all. A page token carries it, so that the pages of
    /// one walk are pages of one answer.
    pub as_of: Option<AsOf>,
}

impl ListingQuery {
    /// Everything of one day, in the endpoint's own order.
    #[must_use]
    pub fn whole_day(listing: Listing, reach: Reach, day: UtcDay) -> Self {
        Self {
            listing,
            reach,
            days: Days::Day(day),
            filters: Filters::default(),
            group_by: Vec::new(),
            ordering: Ordering { metric: None, direction: Direction::Ascending },
            as_of: None,
        }
    }
}

/// How much of the lake an answer was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AsOf {
    /// Usage events with a smaller `seq`.
    pub usage_seq: u64,
    /// Collected rows with a smaller `seq`.
    pub upstream_seq: u64,
}

/// A question to `summaries`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SummariesQuery {
    /// Whose.
    pub reach: Reach,
    /// Inclusive.
    pub first: UtcDay,
    /// Exclusive.
    pub end: UtcDay,
    /// Users of any of these groups; empty is everybody.
    pub rbac_group_ids: Vec<String>,
}

/// The cost and usage endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Report {
    /// `usage_report`
    Usage,
    /// `cost_report`
    Cost,
    /// `user_usage_report`
    UserUsage,
    /// `user_cost_report`
    UserCost,
}

/// `bucket_width`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BucketWidth {
    /// `1d`
    Day,
    /// `1h`
    Hour,
    /// `1m`
    Minute,
}

impl BucketWidth {
    /// Its length.
    #[must_use]
    pub const fn micros(self) -> i64 {
        match self {
            Self::Day => 86_400_000_000,
            Self::Hour => 3_600_000_000,
            Self::Minute => 60_000_000,
        }
    }
}

/// `group_by[]` of the cost and usage endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CostDimension {
    /// `context_window`
    ContextWindow,
    /// `cost_type`, of cost only
    CostType,
    /// `inference_geo`
    InferenceGeo,
    /// `model`
    Model,
    /// `product`
    Product,
    /// `rbac_group_id`
    RbacGroup,
    /// `slack_channel_id`
    SlackChannel,
    /// `speed`
    Speed,
    /// `token_type`, of cost only
    TokenType,
    /// `claude_tag_category`
    TagCategory,
    /// `claude_tag_user_id`
    TagUser,
}

/// Filters of the cost and usage endpoints; an empty field filters nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CostFilters {
    /// Products as the wire names them (`chat`, `office_agent`, …).
    pub products: Vec<String>,
    /// Models.
    pub models: Vec<String>,
    /// `user_…`
    pub user_ids: Vec<String>,
    /// `0-200k`, `200k-1M`
    pub context_windows: Vec<String>,
    /// `global`, `us`, `not_available`
    pub inference_geos: Vec<String>,
    /// `fast`, `standard`
    pub speeds: Vec<String>,
    /// Groups.
    pub rbac_group_ids: Vec<String>,
    /// Slack channels.
    pub slack_channel_ids: Vec<String>,
    /// Kinds of Claude Tag.
    pub tag_categories: Vec<String>,
    /// Slack users.
    pub tag_user_ids: Vec<String>,
}

/// What the users of a per-user report are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rank {
    /// `total_tokens`
    TotalTokens,
    /// `output_tokens`
    OutputTokens,
    /// `uncached_input_tokens`
    UncachedInputTokens,
    /// `requests`
    Requests,
    /// `amount`
    Amount,
    /// `list_amount`
    ListAmount,
}

/// A question to a cost or usage endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReportQuery {
    /// Which endpoint.
    pub report: Report,
    /// Whose.
    pub reach: Reach,
    /// Inclusive, floored to the bucket (or, without one, to the hour), in microseconds since 1970.
    pub from_micros: i64,
    /// Exclusive.
    pub to_micros: i64,
    /// Buckets; per-user reports may have none.
    pub bucket_width: Option<BucketWidth>,
    /// Cut by what.
    pub group_by: Vec<CostDimension>,
    /// Which requests.
    pub filters: CostFilters,
    /// Per-user reports: ranked by what.
    pub rank: Rank,
    /// Per-user reports: which way.
    pub direction: Direction,
    /// Per-user reports: without people who are gone.
    pub exclude_deleted_users: bool,
    /// As of a [`ListingQuery`].
    pub as_of: Option<AsOf>,
}
