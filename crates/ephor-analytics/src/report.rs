//! The cost and usage endpoints: tokens and money of requests, in buckets of time or by person, cut as asked.
//! Tokens told by a request and again by a counter count once; money is whole billionths of a dollar until it is written.
//! Never leaves a bucket out: one without requests is there and empty.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use ephor_wire::usage::UsageKind;
use serde_json::{Map, Value, json};

use crate::facts::names::{NONE, Name};
use crate::facts::{Column, Facts};
use crate::frame::{cents, instant};
use crate::groups::{Groups, People};
use crate::listing::rows::Membership;
use crate::prices::{Cost, PriceList, TokenType, whole_units};
use crate::query::{BucketWidth, CostDimension, CostFilters, Direction, Rank, Report, ReportQuery};

/// Groups of one bucket at the most, the most expensive or largest first: the published limit.
const GROUPS_IN_A_BUCKET: usize = 100;

/// The columns that reports read.
pub(crate) const COLUMNS: &[Column] = &[
    Column::User,
    Column::Session,
    Column::Model,
    Column::Speed,
    Column::ContextWindow,
    Column::InferenceGeo,
    Column::OrganizationId,
    Column::OrganizationUuid,
];

/// One element of `data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRow {
    /// The JSON object.
    pub json: Bytes,
    /// Whether it takes one of the places of `limit`: further rows of one person by token or cost type do not.
    pub counts_toward_limit: bool,
}

/// What a report is made against.
pub(crate) struct Surroundings<'a> {
    pub(crate) groups: &'a Groups,
    pub(crate) prices: &'a PriceList,
}

/// What a row of a report is cut by; what it is not cut by is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    /// Microseconds of the bucket's start.
    bucket: i64,
    user: Option<String>,
    product: Option<&'static str>,
    model: Option<String>,
    context_window: Option<String>,
    inference_geo: Option<String>,
    speed: Option<String>,
    rbac_group: Option<String>,
    cost_type: Option<&'static str>,
    token_type: Option<TokenType>,
}

/// Sums of a row.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    requests: i64,
    input: i64,
    output: i64,
    cache_read: i64,
    cache_creation_5m: i64,
    cache_creation_1h: i64,
    web_searches: i64,
    amount: i64,
    list_amount: i64,
}

impl Sums {
    fn total_tokens(&self) -> i64 {
        self.input + self.output + self.cache_read + self.cache_creation_5m + self.cache_creation_1h
    }

    fn rank(&self, rank: Rank) -> i64 {
        match rank {
            Rank::TotalTokens => self.total_tokens(),
            Rank::OutputTokens => self.output,
            Rank::UncachedInputTokens => self.input,
            Rank::Requests => self.requests,
            Rank::Amount => self.amount,
            Rank::ListAmount => self.list_amount,
        }
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_creation_5m += other.cache_creation_5m;
        self.cache_creation_1h += other.cache_creation_1h;
        self.web_searches += other.web_searches;
        self.amount += other.amount;
        self.list_amount += other.list_amount;
    }
}

/// The days that a report has to read.
pub(crate) fn days(query: &ReportQuery) -> Vec<UtcDay> {
    let first = UtcDay::from_micros(query.from_micros);
    let count = (query.to_micros - first.start_micros() + DAY_MICROS - 1).div_euclid(DAY_MICROS);
    (0..i32::try_from(count).unwrap_or(0)).map(|day| first.plus_days(day)).collect()
}

/// What a report counts, of some days. Days are counted apart and added up.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    sums: BTreeMap<Key, Sums>,
}

impl Counted {
    /// Adds what was counted of other days.
    pub(crate) fn add(&mut self, mut other: Self) {
        if self.sums.len() < other.sums.len() {
            std::mem::swap(&mut self.sums, &mut other.sums);
        }
        for (key, sums) in other.sums {
            self.sums.entry(key).or_default().add(&sums);
        }
    }
}

/// Every row of a report, in its order.
pub(crate) fn rows(counted: Counted, query: &ReportQuery, people: &People) -> Vec<ReportRow> {
    match query.report {
        Report::Usage | Report::Cost => buckets(query, counted.sums),
        Report::UserUsage | Report::UserCost => by_person(query, counted.sums, people),
    }
}

/// Counts the facts of one day.
pub(crate) fn count(facts: &Facts, day: UtcDay, query: &ReportQuery, around: &Surroundings<'_>) -> Counted {
    let asked = Asked::of(facts, day, &query.filters, around);
    let cut_by_group = query.group_by.contains(&CostDimension::RbacGroup);
    let membership = cut_by_group.then(|| Membership::of(facts, around.groups, &[], day));
    let told = sessions_with_requests(facts);
    let per_person = matches!(query.report, Report::UserUsage | Report::UserCost);
    let mut sums: BTreeMap<Key, Sums> = BTreeMap::new();
    for row in 0..facts.len() {
        let time = facts.time[row];
        if time < query.from_micros
            || time >= query.to_micros
            || !counts(facts, row, &told)
            || !asked.passes(facts, row)
        {
            continue;
        }
        let user = facts.name(Column::User, row);
        if per_person && user == NONE {
            continue;
        }
        let mut key = Key { bucket: bucket(query, time), ..Key::default() };
        if per_person {
            key.user = Some(facts.names.text(user).to_owned());
        }
        cut(&mut key, facts, row, &query.group_by);
        for (key, part) in parts(key, facts, row, query, around.prices) {
            match &membership {
                None => sums.entry(key).or_default().add(&part),
                Some(membership) => {
                    let groups = membership.groups_of(facts.day[row], user);
                    let ids = groups.iter().map(|group| membership.groups[*group as usize].clone());
                    let ids: Vec<Option<String>> = if groups.is_empty() { vec![None] } else { ids.map(Some).collect() };
                    for rbac_group in ids {
                        sums.entry(Key { rbac_group, ..key.clone() }).or_default().add(&part);
                    }
                }
            }
        }
    }
    Counted { sums }
}

/// Sessions by day of which requests tell; counters of these tell the same story again.
pub(crate) fn sessions_with_requests(facts: &Facts) -> HashSet<(u16, Name)> {
    let requests = (0..facts.len()).filter(|row| facts.kind[*row] == UsageKind::ApiRequest as u8);
    requests
        .map(|row| (facts.day[row], facts.name(Column::Session, row)))
        .filter(|(_, session)| *session != NONE)
        .collect()
}

pub(crate) fn counts(facts: &Facts, row: usize, told: &HashSet<(u16, Name)>) -> bool {
    let kind = facts.kind[row];
    kind == UsageKind::ApiRequest as u8
        || (kind == UsageKind::ApiUsage as u8 && !told.contains(&(facts.day[row], facts.name(Column::Session, row))))
}

/// The filters, as sets of names.
struct Asked<'a> {
    filters: &'a CostFilters,
    models: HashSet<Name>,
    users: HashSet<Name>,
    membership: Option<Membership>,
}

impl<'a> Asked<'a> {
    fn of(facts: &Facts, day: UtcDay, filters: &'a CostFilters, around: &Surroundings<'_>) -> Self {
        let set = |texts: &[String]| texts.iter().filter_map(|text| facts.names.find(text)).collect();
        let groups = &filters.rbac_group_ids;
        let membership = (!groups.is_empty()).then(|| Membership::of(facts, around.groups, groups, day));
        Self { filters, models: set(&filters.models), users: set(&filters.user_ids), membership }
    }

    fn passes(&self, facts: &Facts, row: usize) -> bool {
        let filters = self.filters;
        let any = |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|one| one == value);
        let text = |column: Column| facts.names.text(facts.name(column, row));
        any(&filters.products, facts.place(row).product())
            && (filters.models.is_empty() || self.models.contains(&facts.name(Column::Model, row)))
            && (filters.user_ids.is_empty() || self.users.contains(&facts.name(Column::User, row)))
            && any(&filters.context_windows, text(Column::ContextWindow))
            && any(&filters.speeds, speed(text(Column::Speed)))
            && any(&filters.inference_geos, non_empty(text(Column::InferenceGeo)).unwrap_or("not_available"))
            // Nothing that Ephor takes in comes from Slack.
            && filters.slack_channel_ids.is_empty()
            && filters.tag_categories.is_empty()
            && filters.tag_user_ids.is_empty()
            && self.membership.as_ref().is_none_or(|membership| {
                !membership.groups_of(facts.day[row], facts.name(Column::User, row)).is_empty()
            })
    }
}

fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// What is not fast is standard.
fn speed(text: &str) -> &'static str {
    if text == "fast" { "fast" } else { "standard" }
}

fn bucket(query: &ReportQuery, time: i64) -> i64 {
    match query.bucket_width {
        Some(width) => time.div_euclid(width.micros()) * width.micros(),
        None => query.from_micros,
    }
}

fn cut(key: &mut Key, facts: &Facts, row: usize, group_by: &[CostDimension]) {
    let text = |column: Column| non_empty(facts.names.text(facts.name(column, row))).map(str::to_owned);
    for dimension in group_by {
        match dimension {
            CostDimension::Product => key.product = Some(facts.place(row).product()),
            CostDimension::Model => key.model = text(Column::Model),
            CostDimension::ContextWindow => key.context_window = text(Column::ContextWindow),
            CostDimension::InferenceGeo => key.inference_geo = text(Column::InferenceGeo),
            CostDimension::Speed => key.speed = Some(speed(&text(Column::Speed).unwrap_or_default()).to_owned()),
            // Groups are put in by membership, types by the parts of the cost; nothing comes from Slack.
            CostDimension::RbacGroup
            | CostDimension::CostType
            | CostDimension::TokenType
            | CostDimension::SlackChannel
            | CostDimension::TagCategory
            | CostDimension::TagUser => {}
        }
    }
}

/// A request's sums, whole or cut by type of cost and token.
fn parts(key: Key, facts: &Facts, row: usize, query: &ReportQuery, prices: &PriceList) -> Vec<(Key, Sums)> {
    let Some(spent) = facts.spent(row) else { return Vec::new() };
    let told = spent.told_nano_usd.map(|nanos| whole_units(i128::from(nanos), 1));
    let list = prices.cost(facts, row, false).unwrap_or_default();
    let paid = prices.cost(facts, row, true).unwrap_or_default();
    let by_token = query.group_by.contains(&CostDimension::TokenType);
    if !by_token && !query.group_by.contains(&CostDimension::CostType) {
        let sums = Sums {
            // A counter does not say how many requests it counts.
            requests: if facts.kind[row] == UsageKind::ApiRequest as u8 { facts.times[row] } else { 0 },
            input: spent.input,
            output: spent.output,
            cache_read: spent.cache_read,
            cache_creation_5m: spent.cache_creation_5m,
            cache_creation_1h: spent.cache_creation_1h,
            web_searches: spent.web_searches,
            amount: told.unwrap_or(paid.total()),
            list_amount: if list == Cost::default() { told.unwrap_or(0) } else { list.total() },
        };
        return vec![(key, sums)];
    }
    let shares = shares(&list, &paid, told);
    let mut parts = Vec::new();
    for (place, token_type) in TokenType::ALL.into_iter().enumerate() {
        let token_type = by_token.then_some(token_type);
        let key = Key { cost_type: Some("tokens"), token_type, ..key.clone() };
        let (amount, list_amount) = shares[place];
        if amount != 0 || list_amount != 0 {
            parts.push((key, Sums { amount, list_amount, ..Sums::default() }));
        }
    }
    let (amount, list_amount) = shares[TokenType::ALL.len()];
    // Token types alone are rows of tokens only; with cost types the other costs stand beside them.
    if (amount != 0 || list_amount != 0) && query.group_by.contains(&CostDimension::CostType) {
        parts.push((Key { cost_type: Some("web_search"), ..key }, Sums { amount, list_amount, ..Sums::default() }));
    }
    parts
}

/// Amount and list amount of each token type and of web searches. An amount that was told as a whole is shared out in
/// proportion to the list, the last part taking what rounding left, so that the parts sum up to it.
pub(crate) fn shares(list: &Cost, paid: &Cost, told: Option<i64>) -> Vec<(i64, i64)> {
    let listed: Vec<i64> = list.tokens.iter().copied().chain([list.web_search]).collect();
    let agreed: Vec<i64> = paid.tokens.iter().copied().chain([paid.web_search]).collect();
    let whole = list.total();
    let Some(told) = told else { return agreed.into_iter().zip(listed).collect() };
    if whole == 0 {
        // Nothing says which tokens it was for: the first type carries it.
        return listed.iter().enumerate().map(|(place, _)| if place == 0 { (told, told) } else { (0, 0) }).collect();
    }
    let mut left = told;
    let last = listed.iter().rposition(|part| *part != 0).unwrap_or(0);
    let share = |(place, part): (usize, &i64)| {
        let amount = whole_units(i128::from(told) * i128::from(*part), i128::from(whole));
        let amount = if place == last { left } else { amount };
        left -= amount;
        (amount, *part)
    };
    listed.iter().enumerate().map(share).collect()
}

/// Every bucket of the span, the rows of each ranked and cut off at the published number.
fn buckets(query: &ReportQuery, sums: BTreeMap<Key, Sums>) -> Vec<ReportRow> {
    let width = query.bucket_width.unwrap_or(BucketWidth::Day).micros();
    let mut by_bucket: HashMap<i64, Vec<(Key, Sums)>> = HashMap::new();
    for (key, sums) in sums {
        by_bucket.entry(key.bucket).or_default().push((key, sums));
    }
    let rank = if query.report == Report::Cost { Rank::Amount } else { Rank::TotalTokens };
    let mut rows = Vec::new();
    let mut start = query.from_micros;
    while start < query.to_micros {
        let mut groups = by_bucket.remove(&start).unwrap_or_default();
        // Stable: equal ones stay in the order of their keys.
        groups.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.rank(rank)));
        groups.truncate(GROUPS_IN_A_BUCKET);
        let results: Vec<Value> = groups.iter().map(|(key, sums)| Value::Object(fields(query, key, sums))).collect();
        let bucket = json!({
            "starting_at": instant(start),
            "ending_at": instant(start + width),
            "results": results,
        });
        rows.push(ReportRow { json: bucket.to_string().into(), counts_toward_limit: true });
        start += width;
    }
    rows
}

/// What a person spent, as a whole and cut.
#[derive(Debug, Default)]
struct Person {
    whole: Sums,
    rows: Vec<(Key, Sums)>,
}

/// One row a person and cut, the people ranked by their whole.
fn by_person(query: &ReportQuery, sums: BTreeMap<Key, Sums>, people: &People) -> Vec<ReportRow> {
    let mut persons: BTreeMap<(i64, String), Person> = BTreeMap::new();
    for (key, sums) in sums {
        let person = persons.entry((key.bucket, key.user.clone().unwrap_or_default())).or_default();
        person.whole.add(&sums);
        person.rows.push((key, sums));
    }
    let mut persons: Vec<((i64, String), Person)> = persons.into_iter().collect();
    persons.sort_by(|((bucket, a_id), a), ((other, b_id), b)| {
        let (a, b) = (a.whole.rank(query.rank), b.whole.rank(query.rank));
        let by_rank = if query.direction == Direction::Descending { b.cmp(&a) } else { a.cmp(&b) };
        bucket.cmp(other).then(by_rank).then_with(|| a_id.cmp(b_id))
    });
    let split = query.group_by.iter().any(|by| matches!(by, CostDimension::CostType | CostDimension::TokenType));
    let mut rows = Vec::new();
    for ((bucket, user), person) in persons {
        let deleted = people.has_left(&user);
        if deleted && query.exclude_deleted_users {
            continue;
        }
        for (place, (key, sums)) in person.rows.iter().enumerate() {
            let mut row = Map::new();
            row.insert("actor".to_owned(), actor(&user, deleted, people));
            row.extend(fields(query, key, sums));
            let (starting_at, ending_at) = match query.bucket_width {
                Some(width) => (json!(instant(bucket)), json!(instant(bucket + width.micros()))),
                None => (Value::Null, Value::Null),
            };
            row.insert("starting_at".to_owned(), starting_at);
            row.insert("ending_at".to_owned(), ending_at);
            let json = Value::Object(row).to_string().into();
            rows.push(ReportRow { json, counts_toward_limit: !split || place == 0 });
        }
    }
    rows
}

fn actor(user: &str, deleted: bool, people: &People) -> Value {
    let email = people.email_by_id.get(user).cloned().or_else(|| user.contains('@').then(|| user.to_owned()));
    let name = match deleted {
        true => Some("Deleted User".to_owned()),
        false => people.name_by_id.get(user).cloned(),
    };
    // Both spellings of the address: the older clients' and the newer ones'.
    json!({
        "type": "user_actor", "user_id": user, "name": name, "email": email, "email_address": email, "deleted": deleted,
    })
}

/// What a row says beside its person and bucket.
fn fields(query: &ReportQuery, key: &Key, sums: &Sums) -> Map<String, Value> {
    let is_cost = matches!(query.report, Report::Cost | Report::UserCost);
    let split = key.cost_type.is_some() || key.token_type.is_some();
    let mut row = json!({
        "requests": if split { None } else { Some(sums.requests) },
        "product": key.product,
        "model": key.model,
        "context_window": key.context_window,
        "inference_geo": key.inference_geo,
        "speed": key.speed,
        "rbac_group_id": key.rbac_group,
        "slack_channel_id": null,
        "claude_tag_category": null,
        "claude_tag_user_id": null,
    });
    if is_cost {
        row["amount"] = cents(sums.amount).into();
        row["list_amount"] = cents(sums.list_amount).into();
        row["currency"] = "USD".into();
        row["cost_type"] = key.cost_type.into();
        row["token_type"] = key.token_type.map(TokenType::as_str).into();
    } else {
        row["uncached_input_tokens"] = sums.input.into();
        row["output_tokens"] = sums.output.into();
        row["cache_read_input_tokens"] = sums.cache_read.into();
        row["cache_creation"] = json!({
            "ephemeral_5m_input_tokens": sums.cache_creation_5m, "ephemeral_1h_input_tokens": sums.cache_creation_1h,
        });
        row["server_tool_use"] = json!({ "web_search_requests": sums.web_searches });
        if query.report == Report::UserUsage {
            row["total_tokens"] = sums.total_tokens().into();
        }
    }
    match row {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}
