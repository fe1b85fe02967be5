//! A question to a cost or usage endpoint: a span of time, buckets, dimensions, filters, a ranking, how many rows a page.
//! Promises the published rules for each of the four, and that a walk keeps the end that its first page resolved.
//! Never narrows a span by itself, but for the beginning, which goes back to its bucket.

use ephor_analytics::query::{AsOf, BucketWidth, CostDimension, CostFilters, Direction, Rank, Report, ReportQuery};
use ephor_wire::timestamp::{DAY_MICROS, Timestamp};

use super::{DIRECTIONS, Known, MAX_ROWS, Moment, list, word, words};
use crate::analytics::limits::AnalyticsLimits;
use crate::problem::Problem;
use crate::query::{PageSize, Query};

/// Rows in a page of users unless asked otherwise, as published for both profiles.
const USUAL_USERS: usize = 20;

/// What the token of an earlier page has fixed.
#[derive(Debug, Clone, Copy)]
pub(in crate::analytics) struct ReportWalk {
    /// The end that the first page resolved, in microseconds since 1970.
    pub(in crate::analytics) to_micros: i64,
    /// What the first page was made from.
    pub(in crate::analytics) as_of: AsOf,
}

/// Reads a question to a report, and how many rows a page has that count.
pub(in crate::analytics) fn report(
    query: &Query,
    report: Report,
    moment: &Moment,
    limits: &AnalyticsLimits,
    walk: Option<ReportWalk>,
) -> Result<(ReportQuery, usize), Problem> {
    let bucket_width = bucket_width(query, report)?;
    let (from_micros, to_micros) = span(query, report, bucket_width, moment, limits, walk)?;
    let group_by = words(query, "group_by", dimensions(report))?;
    let filters = filters(query)?;
    check_tag_users(&group_by, &filters)?;
    let (rank, direction) = ranking(query, report)?;
    let exclude_deleted_users = per_user(report) && word(query, "exclude_deleted_users", FLAGS)?.unwrap_or(false);
    let limit = query.limit(page_size(report, bucket_width))?;
    let question = ReportQuery {
        report,
        reach: moment.reach.clone(),
        from_micros,
        to_micros,
        bucket_width,
        group_by,
        filters,
        rank,
        direction,
        exclude_deleted_users,
        as_of: walk.map(|walk| walk.as_of),
    };
    Ok((question, limit))
}

const WIDTHS: Known<BucketWidth> = &[("1d", BucketWidth::Day), ("1h", BucketWidth::Hour), ("1m", BucketWidth::Minute)];

const FLAGS: Known<bool> = &[("true", true), ("false", false)];

const fn per_user(report: Report) -> bool {
    matches!(report, Report::UserUsage | Report::UserCost)
}

fn bucket_width(query: &Query, report: Report) -> Result<Option<BucketWidth>, Problem> {
    let asked = word(query, "bucket_width", WIDTHS)?;
    Ok(if per_user(report) { asked } else { asked.or(Some(BucketWidth::Day)) })
}

/// `starting_at` and `ending_at`, checked as they came; the beginning then goes back to its bucket or hour.
fn span(
    query: &Query,
    report: Report,
    width: Option<BucketWidth>,
    moment: &Moment,
    limits: &AnalyticsLimits,
    walk: Option<ReportWalk>,
) -> Result<(i64, i64), Problem> {
    let now = moment.now_micros;
    let missing = || Problem::invalid("starting_at: required, as an RFC 3339 time with a zone");
    let from = query.instant("starting_at")?.ok_or_else(missing)?;
    let earliest = limits.earliest_report_micros(now);
    if from < earliest {
        let earliest = seconds(earliest);
        return Err(match walk {
            // The first page was in time: what it began has left the history meanwhile.
            Some(_) => {
                Problem::gone("page: the range of this walk has left the history; begin again at the first page")
            }
            None => Problem::invalid(format!("starting_at: the earliest that is served is {earliest}")),
        });
    }
    if from > now {
        return Err(Problem::invalid("starting_at: lies in the future"));
    }
    let longest = i64::from(limits.report_range_days).saturating_mul(DAY_MICROS);
    let to = match query.instant("ending_at")? {
        None if per_user(report) && width.is_some() => {
            return Err(Problem::invalid("ending_at: required together with bucket_width on this endpoint"));
        }
        None => now.min(from.saturating_add(longest)),
        Some(to) if to <= from => return Err(Problem::invalid("ending_at: must be after starting_at")),
        Some(to) if to - from > longest => {
            let days = limits.report_range_days;
            return Err(Problem::invalid(format!("ending_at: a range spans at most {days} days")));
        }
        Some(to) if per_user(report) && width == Some(BucketWidth::Minute) && to - from > DAY_MICROS => {
            return Err(Problem::invalid("ending_at: with bucket_width=1m a range spans at most 24 hours"));
        }
        Some(to) => to,
    };
    let step = width.unwrap_or(BucketWidth::Hour).micros();
    Ok((from - from.rem_euclid(step), walk.map_or(to, |walk| walk.to_micros)))
}

/// Buckets or users in a page, as published.
const fn page_size(report: Report, width: Option<BucketWidth>) -> PageSize {
    if per_user(report) {
        return PageSize { default: USUAL_USERS, max: MAX_ROWS };
    }
    match width {
        None | Some(BucketWidth::Day) => PageSize { default: 7, max: 31 },
        Some(BucketWidth::Hour) => PageSize { default: 24, max: 168 },
        Some(BucketWidth::Minute) => PageSize { default: 60, max: 256 },
    }
}

/// `group_by[]`: the cost endpoints have two dimensions more.
const fn dimensions(report: Report) -> Known<CostDimension> {
    use CostDimension as D;
    const ALL: Known<CostDimension> = &[
        ("context_window", D::ContextWindow),
        ("inference_geo", D::InferenceGeo),
        ("model", D::Model),
        ("product", D::Product),
        ("rbac_group_id", D::RbacGroup),
        ("slack_channel_id", D::SlackChannel),
        ("speed", D::Speed),
        ("claude_tag_category", D::TagCategory),
        ("claude_tag_user_id", D::TagUser),
        ("cost_type", D::CostType),
        ("token_type", D::TokenType),
    ];
    match report {
        Report::Cost | Report::UserCost => ALL,
        Report::Usage | Report::UserUsage => ALL.split_at(9).0,
    }
}

/// Products as answers name them. `claude-in-slack` is what `claude-tag` was called before (analytics_api.md 10).
const PRODUCTS: Known<&str> = &[
    ("chat", "chat"),
    ("claude_code", "claude_code"),
    ("cowork", "cowork"),
    ("office_agent", "office_agent"),
    ("claude_in_chrome", "claude_in_chrome"),
    ("claude_design", "claude_design"),
    ("claude-tag", "claude-tag"),
    ("claude-in-slack", "claude-tag"),
];
const WINDOWS: Known<&str> = &[("0-200k", "0-200k"), ("200k-1M", "200k-1M")];
const GEOS: Known<&str> = &[("global", "global"), ("us", "us"), ("not_available", "not_available")];
const SPEEDS: Known<&str> = &[("fast", "fast"), ("standard", "standard")];
const TAG_CATEGORIES: Known<&str> = &[
    ("dm", "dm"),
    ("engaged", "engaged"),
    ("monitoring", "monitoring"),
    ("proactive", "proactive"),
    ("scheduled", "scheduled"),
];

fn filters(query: &Query) -> Result<CostFilters, Problem> {
    let known = |name: &str, known: Known<&'static str>| -> Result<Vec<String>, Problem> {
        Ok(words(query, name, known)?.into_iter().map(str::to_owned).collect())
    };
    Ok(CostFilters {
        products: known("products", PRODUCTS)?,
        models: list(query, "models")?,
        user_ids: list(query, "user_ids")?,
        context_windows: known("context_windows", WINDOWS)?,
        inference_geos: known("inference_geos", GEOS)?,
        speeds: known("speeds", SPEEDS)?,
        rbac_group_ids: list(query, "rbac_group_ids")?,
        slack_channel_ids: list(query, "slack_channel_ids")?,
        tag_categories: known("claude_tag_categories", TAG_CATEGORIES)?,
        tag_user_ids: list(query, "claude_tag_user_ids")?,
    })
}

/// As the SDK's text has it: Slack users belong to no group.
fn check_tag_users(group_by: &[CostDimension], filters: &CostFilters) -> Result<(), Problem> {
    let groups = group_by.contains(&CostDimension::RbacGroup) || !filters.rbac_group_ids.is_empty();
    if group_by.contains(&CostDimension::TagUser) && groups {
        return Err(Problem::invalid(
            "group_by[]: claude_tag_user_id does not go together with rbac_group_id or rbac_group_ids[]",
        ));
    }
    Ok(())
}

/// `order_by` and `order` of the per-user endpoints; buckets come in the order of time.
fn ranking(query: &Query, report: Report) -> Result<(Rank, Direction), Problem> {
    const USAGE: Known<Rank> = &[
        ("total_tokens", Rank::TotalTokens),
        ("output_tokens", Rank::OutputTokens),
        ("uncached_input_tokens", Rank::UncachedInputTokens),
        ("requests", Rank::Requests),
    ];
    const COST: Known<Rank> = &[("amount", Rank::Amount), ("list_amount", Rank::ListAmount)];
    let (usual, ranks) = match report {
        Report::Usage | Report::UserUsage => (Rank::TotalTokens, USAGE),
        Report::Cost | Report::UserCost => (Rank::Amount, COST),
    };
    if !per_user(report) {
        return Ok((usual, Direction::Descending));
    }
    let direction = word(query, "order", DIRECTIONS)?.unwrap_or(Direction::Descending);
    Ok((word(query, "order_by", ranks)?.unwrap_or(usual), direction))
}

/// An instant to the second, as the published answers write it.
pub(in crate::analytics) fn seconds(micros: i64) -> String {
    let whole = Timestamp::from_micros(micros - micros.rem_euclid(1_000_000));
    whole.as_str().replace(".000000Z", "Z")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ephor_analytics::query::Reach;

    use super::*;

    fn moment() -> Moment {
        Moment { reach: Reach::Parent, now_micros: Timestamp::parse("2026-11-23T12:34:56Z").unwrap().micros() }
    }

    fn ask(of: Report, text: &str, walk: Option<ReportWalk>) -> Result<(ReportQuery, usize), Problem> {
        report(&Query::parse(text), of, &moment(), &AnalyticsLimits::default(), walk)
    }

    #[test]
    fn a_span_is_checked_as_it_came_and_begins_with_its_bucket() {
        let questions = [
            (Report::Usage, ""),
            (Report::Usage, "starting_at=2026-11-23"),
            (Report::Usage, "starting_at=2026-11-20T13:14:15Z"),
            (Report::Usage, "starting_at=2026-11-20T13:14:15Z&bucket_width=1h"),
            (Report::Usage, "starting_at=2026-11-20T13:14:15Z&bucket_width=1m&ending_at=2026-11-20T13:20:00Z"),
            (Report::Usage, "starting_at=2026-10-01T00:00:00Z"),
            (Report::Usage, "starting_at=2026-10-01T00:00:00Z&ending_at=2026-11-01T00:00:00Z"),
            (Report::Usage, "starting_at=2026-10-01T00:00:00Z&ending_at=2026-11-01T00:00:01Z"),
            (Report::Usage, "starting_at=2026-11-01T00:00:00Z&ending_at=2026-11-01T00:00:00Z"),
            (Report::Usage, "starting_at=2026-11-20T00:00:00%2B02:00&ending_at=2026-11-21T00:00:00+02:00"),
            (Report::Usage, "starting_at=2025-12-31T23:59:59Z"),
            (Report::Usage, "starting_at=2026-01-01T00:00:00Z"),
            (Report::Usage, "starting_at=2026-11-24T00:00:00Z"),
            (Report::Usage, "starting_at=2026-11-20T00:00:00Z&bucket_width=1w"),
            (Report::UserUsage, "starting_at=2026-11-20T13:14:15Z"),
            (Report::UserUsage, "starting_at=2026-11-20T13:14:15Z&bucket_width=1d"),
            (Report::UserUsage, "starting_at=2026-11-20T13:14:15Z&bucket_width=1d&ending_at=2026-11-22T00:00:00Z"),
            (Report::UserUsage, "starting_at=2026-11-20T00:00:00Z&bucket_width=1m&ending_at=2026-11-21T00:00:00Z"),
            (Report::UserUsage, "starting_at=2026-11-20T00:00:00Z&bucket_width=1m&ending_at=2026-11-21T00:01:00Z"),
        ];
        let told = |of: Report, text: &str| match ask(of, text, None) {
            Ok((query, limit)) => {
                let (from, to) = (seconds(query.from_micros), seconds(query.to_micros));
                format!("{from} up to {to}, {:?}, {limit} a page", query.bucket_width)
            }
            Err(problem) => problem.message,
        };
        let lines: Vec<String> =
            questions.iter().map(|(of, text)| format!("{of:?} {text}\n  {}", told(*of, text))).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        Usage 
          starting_at: required, as an RFC 3339 time with a zone
        Usage starting_at=2026-11-23
          starting_at: `2026-11-23` is not an RFC 3339 timestamp with a zone, such as 2026-11-23T12:00:00Z
        Usage starting_at=2026-11-20T13:14:15Z
          2026-11-20T00:00:00Z up to 2026-11-23T12:34:56Z, Some(Day), 7 a page
        Usage starting_at=2026-11-20T13:14:15Z&bucket_width=1h
          2026-11-20T13:00:00Z up to 2026-11-23T12:34:56Z, Some(Hour), 24 a page
        Usage starting_at=2026-11-20T13:14:15Z&bucket_width=1m&ending_at=2026-11-20T13:20:00Z
          2026-11-20T13:14:00Z up to 2026-11-20T13:20:00Z, Some(Minute), 60 a page
        Usage starting_at=2026-10-01T00:00:00Z
          2026-10-01T00:00:00Z up to 2026-11-01T00:00:00Z, Some(Day), 7 a page
        Usage starting_at=2026-10-01T00:00:00Z&ending_at=2026-11-01T00:00:00Z
          2026-10-01T00:00:00Z up to 2026-11-01T00:00:00Z, Some(Day), 7 a page
        Usage starting_at=2026-10-01T00:00:00Z&ending_at=2026-11-01T00:00:01Z
          ending_at: a range spans at most 31 days
        Usage starting_at=2026-11-01T00:00:00Z&ending_at=2026-11-01T00:00:00Z
          ending_at: must be after starting_at
        Usage starting_at=2026-11-20T00:00:00%2B02:00&ending_at=2026-11-21T00:00:00+02:00
          2026-11-19T00:00:00Z up to 2026-11-20T22:00:00Z, Some(Day), 7 a page
        Usage starting_at=2025-12-31T23:59:59Z
          starting_at: the earliest that is served is 2026-01-01T00:00:00Z
        Usage starting_at=2026-01-01T00:00:00Z
          2026-01-01T00:00:00Z up to 2026-02-01T00:00:00Z, Some(Day), 7 a page
        Usage starting_at=2026-11-24T00:00:00Z
          starting_at: lies in the future
        Usage starting_at=2026-11-20T00:00:00Z&bucket_width=1w
          bucket_width: `1w` is not supported here; there are 1d, 1h, 1m
        UserUsage starting_at=2026-11-20T13:14:15Z
          2026-11-20T13:00:00Z up to 2026-11-23T12:34:56Z, None, 20 a page
        UserUsage starting_at=2026-11-20T13:14:15Z&bucket_width=1d
          ending_at: required together with bucket_width on this endpoint
        UserUsage starting_at=2026-11-20T13:14:15Z&bucket_width=1d&ending_at=2026-11-22T00:00:00Z
          2026-11-20T00:00:00Z up to 2026-11-22T00:00:00Z, Some(Day), 20 a page
        UserUsage starting_at=2026-11-20T00:00:00Z&bucket_width=1m&ending_at=2026-11-21T00:00:00Z
          2026-11-20T00:00:00Z up to 2026-11-21T00:00:00Z, Some(Minute), 20 a page
        UserUsage starting_at=2026-11-20T00:00:00Z&bucket_width=1m&ending_at=2026-11-21T00:01:00Z
          ending_at: with bucket_width=1m a range spans at most 24 hours
        ");
    }

    #[test]
    fn each_report_has_its_dimensions_filters_and_ranks() {
        let questions = [
            (Report::Usage, "group_by[]=model&group_by[]=product&group_by[]=model"),
            (Report::Usage, "group_by[]=token_type"),
            (Report::Cost, "group_by[]=token_type&group_by[]=cost_type"),
            (Report::Cost, "group_by[]=actor"),
            (Report::Cost, "order_by=nonsense&order=sideways&exclude_deleted_users=perhaps"),
            (Report::Cost, "group_by[]=claude_tag_user_id&rbac_group_ids[]=rbac_group_1"),
            (Report::UserUsage, "order_by=requests&order=asc&exclude_deleted_users=true&limit=1000"),
            (Report::UserUsage, "order_by=amount"),
            (Report::UserUsage, "limit=1001"),
            (Report::UserCost, "order_by=list_amount"),
            (Report::UserCost, "exclude_deleted_users=perhaps"),
            (Report::UserCost, "products[]=claude-in-slack&products[]=claude-tag&models[]=m&user_ids[]=user_1"),
            (Report::UserCost, "products[]=chat_cowork_unified"),
            (
                Report::UserCost,
                "inference_geos[]=not_available&context_windows[]=200k-1M&speeds[]=fast&claude_tag_categories[]=dm",
            ),
            (Report::UserCost, "speeds[]=slow"),
            (Report::UserCost, "slack_channel_ids[]=C1&claude_tag_user_ids[]=U1&rbac_group_ids[]=g"),
            (Report::Usage, "limit=32"),
            (Report::Usage, "bucket_width=1h&limit=168"),
            (Report::Usage, "bucket_width=1m&limit=257"),
        ];
        let told = |of: Report, text: &str| match ask(of, &format!("starting_at=2026-11-20T00:00:00Z&{text}"), None) {
            Ok((query, limit)) => {
                let shown = format!("{:?}", query.filters);
                let set: Vec<&str> = shown.split(", ").filter(|field| !field.contains("[]")).collect();
                let (group_by, rank, direction) = (query.group_by, query.rank, query.direction);
                format!(
                    "{group_by:?} {} {rank:?} {direction:?} {} {limit}",
                    set.join(", "),
                    query.exclude_deleted_users
                )
            }
            Err(problem) => problem.message,
        };
        let lines: Vec<String> =
            questions.iter().map(|(of, text)| format!("{of:?} {text}\n  {}", told(*of, text))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Usage group_by[]=model&group_by[]=product&group_by[]=model
          [Model, Product]  TotalTokens Descending false 7
        Usage group_by[]=token_type
          group_by[]: `token_type` is not supported here; there are context_window, inference_geo, model, product, rbac_group_id, slack_channel_id, speed, claude_tag_category, claude_tag_user_id
        Cost group_by[]=token_type&group_by[]=cost_type
          [TokenType, CostType]  Amount Descending false 7
        Cost group_by[]=actor
          group_by[]: `actor` is not supported here; there are context_window, inference_geo, model, product, rbac_group_id, slack_channel_id, speed, claude_tag_category, claude_tag_user_id, cost_type, token_type
        Cost order_by=nonsense&order=sideways&exclude_deleted_users=perhaps
          []  Amount Descending false 7
        Cost group_by[]=claude_tag_user_id&rbac_group_ids[]=rbac_group_1
          group_by[]: claude_tag_user_id does not go together with rbac_group_id or rbac_group_ids[]
        UserUsage order_by=requests&order=asc&exclude_deleted_users=true&limit=1000
          []  Requests Ascending true 1000
        UserUsage order_by=amount
          order_by: `amount` is not supported here; there are total_tokens, output_tokens, uncached_input_tokens, requests
        UserUsage limit=1001
          limit: `1001` is not a number from 1 to 1000
        UserCost order_by=list_amount
          []  ListAmount Descending false 20
        UserCost exclude_deleted_users=perhaps
          exclude_deleted_users: `perhaps` is not supported here; there are true, false
        UserCost products[]=claude-in-slack&products[]=claude-tag&models[]=m&user_ids[]=user_1
          [] CostFilters { products: ["claude-tag"], models: ["m"], user_ids: ["user_1"] Amount Descending false 20
        UserCost products[]=chat_cowork_unified
          products[]: `chat_cowork_unified` is not supported here; there are chat, claude_code, cowork, office_agent, claude_in_chrome, claude_design, claude-tag, claude-in-slack
        UserCost inference_geos[]=not_available&context_windows[]=200k-1M&speeds[]=fast&claude_tag_categories[]=dm
          [] context_windows: ["200k-1M"], inference_geos: ["not_available"], speeds: ["fast"], tag_categories: ["dm"] Amount Descending false 20
        UserCost speeds[]=slow
          speeds[]: `slow` is not supported here; there are fast, standard
        UserCost slack_channel_ids[]=C1&claude_tag_user_ids[]=U1&rbac_group_ids[]=g
          [] rbac_group_ids: ["g"], slack_channel_ids: ["C1"], tag_user_ids: ["U1"] } Amount Descending false 20
        Usage limit=32
          limit: `32` is not a number from 1 to 31
        Usage bucket_width=1h&limit=168
          []  TotalTokens Descending false 168
        Usage bucket_width=1m&limit=257
          limit: `257` is not a number from 1 to 256
        "#);
    }

    #[test]
    fn a_walk_keeps_its_end_and_is_gone_when_its_beginning_is() {
        let as_of = AsOf { usage_seq: 7, upstream_seq: 0 };
        let walk = Some(ReportWalk { to_micros: moment().now_micros - 5, as_of });
        let (query, _) = ask(Report::Usage, "starting_at=2026-11-20T00:00:00Z", walk).unwrap();
        assert_eq!((query.to_micros, query.as_of), (moment().now_micros - 5, Some(as_of)));
        let old = "starting_at=2025-11-20T00:00:00Z";
        let told = [ask(Report::Usage, old, walk), ask(Report::Usage, old, None)].map(|answer| {
            let problem = answer.unwrap_err();
            format!("{} {}", problem.status.as_u16(), problem.message)
        });
        insta::assert_snapshot!(told.join("\n"), @"
        410 page: the range of this walk has left the history; begin again at the first page
        400 starting_at: the earliest that is served is 2026-01-01T00:00:00Z
        ");
    }
}
