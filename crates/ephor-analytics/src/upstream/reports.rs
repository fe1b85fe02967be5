//! Cost and usage from collected buckets: narrowed to what was asked, and added up exactly.
//! A row has every field up to P6; what it is not cut by is null.
//! Never splits a number that the upstream gave in one piece.

use std::collections::{BTreeMap, HashMap};

use ephor_wire::usage::Surface;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::merge::put;
use super::origins::{Origin, Origins};
use super::over_days::{money, sum};
use crate::query::{CostDimension, CostFilters, Direction, Rank, Report};

/// Numbers of a usage row.
const TOKENS: [&str; 6] = [
    "/uncached_input_tokens",
    "/output_tokens",
    "/cache_read_input_tokens",
    "/cache_creation/ephemeral_1h_input_tokens",
    "/cache_creation/ephemeral_5m_input_tokens",
    "/server_tool_use/web_search_requests",
];

/// Amounts of a cost row.
const AMOUNTS: [&str; 2] = ["/amount", "/list_amount"];

/// Products by their surface; what belongs to none is answered by the origin of all.
const PRODUCTS: [(&str, Surface); 5] = [
    ("chat", Surface::Chat),
    ("claude_code", Surface::ClaudeCode),
    ("cowork", Surface::Cowork),
    ("office_agent", Surface::Office),
    ("claude_design", Surface::Design),
];

/// The products that an origin answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Products {
    /// All of them.
    All,
    /// These.
    Only(Vec<&'static str>),
    /// All but these.
    AllBut(Vec<&'static str>),
}

impl Products {
    /// Whether a row cut by product is one of them.
    #[must_use]
    pub fn contains(&self, product: Option<&str>) -> bool {
        let named = |list: &[&str]| product.is_some_and(|product| list.contains(&product));
        match self {
            Self::All => true,
            Self::Only(list) => named(list),
            Self::AllBut(list) => !named(list),
        }
    }
}

/// The products that `origin` answers for.
#[must_use]
pub fn products_of(origins: &Origins, origin: &Origin) -> Products {
    let told = |wanted: bool| {
        let by_surface = PRODUCTS.iter().filter(move |(_, surface)| (origins.surface(*surface) == origin) == wanted);
        by_surface.map(|(product, _)| *product).collect::<Vec<_>>()
    };
    match (origins.whole() == origin, told(false)) {
        (true, others) if others.is_empty() => Products::All,
        (true, others) => Products::AllBut(others),
        (false, _) => Products::Only(told(true)),
    }
}

/// The dimensions that a question needs its rows to be cut by; for [`super::Place::cut_for`]. Buckets are cut by no user, so
/// that no cut tells what some users spent of one.
#[must_use]
pub fn needed_dimensions(
    report: Report,
    group_by: &[CostDimension],
    filters: &CostFilters,
    products: &Products,
) -> Vec<&'static str> {
    let buckets = matches!(report, Report::Usage | Report::Cost);
    let by_user = (buckets && !filters.user_ids.is_empty()).then_some("user_id");
    let filtered = filtered_by(filters).into_iter().filter(|(_, wanted)| !wanted.is_empty()).map(|(name, _)| name);
    let by_product = (*products != Products::All).then_some("product");
    let mut needed: Vec<&str> =
        group_by.iter().map(|dimension| name_of(*dimension)).chain(filtered).chain(by_product).chain(by_user).collect();
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// Rows of one bucket (or, per user, of one or more days) as asked: filtered, cut by `group_by` alone, added up. `rows` are
/// of the cut that [`super::Place::cut_for`] named for [`needed_dimensions`].
#[must_use]
pub fn report_rows(
    report: Report,
    group_by: &[CostDimension],
    filters: &CostFilters,
    products: &Products,
    rows: &[Value],
) -> Vec<Value> {
    let per_user = matches!(report, Report::UserUsage | Report::UserCost);
    let passes = |row: &&Value| {
        let listed = |(name, wanted): (&str, &[String])| {
            wanted.is_empty() || row[name].as_str().is_some_and(|value| wanted.iter().any(|one| one == value))
        };
        let user = row["actor"]["user_id"].as_str().unwrap_or_default();
        filtered_by(filters).into_iter().all(listed)
            && products.contains(row["product"].as_str())
            && (!per_user || filters.user_ids.is_empty() || filters.user_ids.iter().any(|one| one == user))
    };
    let mut parts: BTreeMap<(usize, String), Vec<&Value>> = BTreeMap::new();
    let mut order: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows.iter().filter(passes) {
        let cut = group_by.iter().map(|dimension| row[name_of(*dimension)].to_string()).collect::<Vec<_>>().join(" ");
        let key = format!("{} {cut}", row["actor"]["user_id"]);
        let next = order.len();
        let place = *order.entry(key.clone()).or_insert(next);
        parts.entry((place, key)).or_default().push(row);
    }
    parts.into_values().map(|parts| added(report, group_by, &parts)).collect()
}

/// Adds up what several origins, or several days, tell of the same cut.
#[must_use]
pub fn add_reports(report: Report, group_by: &[CostDimension], parts: &[Vec<Value>]) -> Vec<Value> {
    report_rows(report, group_by, &CostFilters::default(), &Products::All, &parts.concat())
}

/// Puts added rows in the published order: the rows of a bucket largest first, those of people together, the people ranked by
/// their whole. Equal ones stand by user and cut.
pub fn rank_reports(report: Report, rank: Rank, direction: Direction, rows: &mut [Value]) {
    let per_user = matches!(report, Report::UserUsage | Report::UserCost);
    let (rank, direction) = match report {
        Report::Usage => (Rank::TotalTokens, Direction::Descending),
        Report::Cost => (Rank::Amount, Direction::Descending),
        Report::UserUsage | Report::UserCost => (rank, direction),
    };
    let user_of = |row: &Value| row["actor"]["user_id"].as_str().unwrap_or_default().to_owned();
    let mut wholes: HashMap<String, Decimal> = HashMap::new();
    for row in rows.iter().filter(|_| per_user) {
        let whole = wholes.entry(user_of(row)).or_default();
        *whole = whole.checked_add(size(rank, row)).unwrap_or(Decimal::MAX);
    }
    rows.sort_by_cached_key(|row| {
        let user = user_of(row);
        let size = wholes.get(&user).copied().unwrap_or_else(|| size(rank, row));
        let size = if direction == Direction::Descending { -size } else { size };
        (size, user, CUT_ORDER.map(|name| row[name].as_str().map(str::to_owned)))
    });
}

/// The cuts in the order in which equal rows stand.
const CUT_ORDER: [&str; 8] =
    ["product", "model", "context_window", "inference_geo", "speed", "rbac_group_id", "cost_type", "token_type"];

/// What a row is ranked by.
fn size(rank: Rank, row: &Value) -> Decimal {
    let number = |path: &str| match row.pointer(path) {
        Some(Value::String(amount)) => amount.parse().unwrap_or_default(),
        Some(value) => value.as_i64().map(Decimal::from).unwrap_or_default(),
        None => Decimal::ZERO,
    };
    match rank {
        // All but the last, which counts searches.
        Rank::TotalTokens => TOKENS[..TOKENS.len() - 1].iter().map(|path| number(path)).sum(),
        Rank::OutputTokens => number("/output_tokens"),
        Rank::UncachedInputTokens => number("/uncached_input_tokens"),
        Rank::Requests => number("/requests"),
        Rank::Amount => number("/amount"),
        Rank::ListAmount => number("/list_amount"),
    }
}

fn added(report: Report, group_by: &[CostDimension], parts: &[&Value]) -> Value {
    let mut row = Value::Object(Map::new());
    let Some(last) = parts.last() else { return row };
    for dimension in DIMENSIONS {
        let of_cost = matches!(dimension, CostDimension::CostType | CostDimension::TokenType);
        if !of_cost || matches!(report, Report::Cost | Report::UserCost) {
            let told = group_by.contains(&dimension).then(|| last[name_of(dimension)].clone());
            row[name_of(dimension)] = told.unwrap_or_default();
        }
    }
    let column =
        |path: &str| -> Vec<&Value> { parts.iter().map(|part| part.pointer(path).unwrap_or(&Value::Null)).collect() };
    match report {
        Report::Usage | Report::UserUsage => {
            for path in TOKENS {
                let total = sum(&column(path));
                put(&mut row, path, if total.is_null() { 0.into() } else { total });
            }
        }
        Report::Cost | Report::UserCost => {
            for path in AMOUNTS {
                put(&mut row, path, money(column(path).into_iter()));
            }
            row["currency"] =
                column("/currency").into_iter().rfind(|one| !one.is_null()).cloned().unwrap_or_else(|| "USD".into());
        }
    }
    // One part that does not tell its requests leaves the whole untold.
    let requests = column("/requests");
    row["requests"] = if requests.iter().any(|one| one.is_null()) { Value::Null } else { sum(&requests) };
    if matches!(report, Report::UserUsage | Report::UserCost) {
        row["actor"] = actor(&last["actor"]);
        (row["starting_at"], row["ending_at"]) = (Value::Null, Value::Null);
    }
    if report == Report::UserUsage {
        row["total_tokens"] = sum(&column("/total_tokens"));
    }
    row
}

/// An actor with both spellings of the address: `email` until P6, `email_address` from then on.
fn actor(told: &Value) -> Value {
    let mut actor = told.clone();
    for (name, other) in [("email", "email_address"), ("email_address", "email")] {
        if actor.get(name).is_none()
            && let Some(address) = told.get(other)
        {
            actor[name] = address.clone();
        }
    }
    actor
}

const DIMENSIONS: [CostDimension; 11] = [
    CostDimension::ContextWindow,
    CostDimension::CostType,
    CostDimension::InferenceGeo,
    CostDimension::Model,
    CostDimension::Product,
    CostDimension::RbacGroup,
    CostDimension::SlackChannel,
    CostDimension::Speed,
    CostDimension::TokenType,
    CostDimension::TagCategory,
    CostDimension::TagUser,
];

fn name_of(dimension: CostDimension) -> &'static str {
    match dimension {
        CostDimension::ContextWindow => "context_window",
        CostDimension::CostType => "cost_type",
        CostDimension::InferenceGeo => "inference_geo",
        CostDimension::Model => "model",
        CostDimension::Product => "product",
        CostDimension::RbacGroup => "rbac_group_id",
        CostDimension::SlackChannel => "slack_channel_id",
        CostDimension::Speed => "speed",
        CostDimension::TokenType => "token_type",
        CostDimension::TagCategory => "claude_tag_category",
        CostDimension::TagUser => "claude_tag_user_id",
    }
}

/// Filters by the dimension that they need.
fn filtered_by(filters: &CostFilters) -> [(&'static str, &[String]); 9] {
    [
        ("product", &filters.products),
        ("model", &filters.models),
        ("context_window", &filters.context_windows),
        ("inference_geo", &filters.inference_geos),
        ("speed", &filters.speeds),
        ("rbac_group_id", &filters.rbac_group_ids),
        ("slack_channel_id", &filters.slack_channel_ids),
        ("claude_tag_category", &filters.tag_categories),
        ("claude_tag_user_id", &filters.tag_user_ids),
    ]
}
