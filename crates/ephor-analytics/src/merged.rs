//! Answers with collected rows: from one upstream as it told them, or put together by surface where origins differ.
//! Each cell has one origin; a question that an upstream's days do not answer is refused in words and never guessed.
//! Never counts: what is computed comes from the engine, and is asked like any other origin.

use std::collections::BTreeMap;

use bytes::Bytes;
use ephor_wire::analytics::AnalyticsEndpoint;
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use ephor_wire::usage::Surface;
use serde_json::{Value, json};

use crate::answer::{Answer, ReportAnswer};
use crate::engine::{Analytics, AnalyticsError, days_of, off_the_runtime};
use crate::facts::codes::product_of;
use crate::frame::instant;
use crate::query::{AsOf, BucketWidth, CostDimension, Days, ListingQuery, Report, ReportQuery, SummariesQuery};
use crate::report::{self, ReportRow};
use crate::upstream::{
    NotTold, Origin, Origins, Place, Products, UpstreamAnswerError, add_reports, merge, merge_summaries,
    needed_dimensions, order_rows, products_of, rank_reports, read_day, report_endpoint, report_rows, upstream_listing,
};

impl Analytics {
    /// A listing of which an upstream has a say.
    pub(crate) async fn merged_listing(
        &self,
        query: &ListingQuery,
        as_of: AsOf,
        origins: &Origins,
    ) -> Result<Answer, AnalyticsError> {
        let mut by_origin = BTreeMap::new();
        for origin in origins.all() {
            let rows = match origin {
                Origin::Computed => self.counted_rows(query, as_of).await?,
                Origin::Upstream(source) => self.collected_rows(source, query, as_of).await?,
            };
            by_origin.insert(origin.clone(), rows);
        }
        let day = match query.days {
            Days::Day(day) => Some(day),
            Days::Range { .. } => None,
        };
        let mut rows = merge(query.listing, origins, &by_origin, day);
        order_rows(query.listing, &mut rows, &query.ordering);
        Ok(Answer::told(rows.iter().map(|row| Bytes::from(row.to_string())).collect(), as_of))
    }

    async fn counted_rows(&self, query: &ListingQuery, as_of: AsOf) -> Result<Vec<Value>, AnalyticsError> {
        let answer = self.counted_listing(query, as_of).await?;
        let mut json = vec![b'['];
        answer.write(0..answer.len(), &mut json);
        json.push(b']');
        Ok(serde_json::from_slice(&json).unwrap_or_default())
    }

    async fn collected_rows(
        &self,
        source: &str,
        query: &ListingQuery,
        as_of: AsOf,
    ) -> Result<Vec<Value>, AnalyticsError> {
        let lake = self.lake().clone();
        let groups = self.groups().await?;
        let (source, query) = (source.to_owned(), ListingQuery { as_of: Some(as_of), ..query.clone() });
        let day = match query.days {
            Days::Day(day) | Days::Range { first: day, .. } => day,
        };
        let read = move || {
            let groups_of = |user: &str| groups.of_person(user, day);
            Ok(upstream_listing(lake.upstream_rows(), &source, &query, groups_of))
        };
        off_the_runtime(read).await?.map_err(|error| match error {
            UpstreamAnswerError::Lake(error) => AnalyticsError::Lake(error),
            UpstreamAnswerError::NotTold(error) => AnalyticsError::NotTold(error),
        })
    }

    /// Summaries of which an upstream has a say.
    pub(crate) async fn merged_summaries(
        &self,
        query: &SummariesQuery,
        origins: &Origins,
    ) -> Result<Vec<Bytes>, AnalyticsError> {
        let days = days_of(query.first, query.end);
        let mut by_day: BTreeMap<UtcDay, BTreeMap<Origin, Value>> = BTreeMap::new();
        for origin in origins.all() {
            let entries: Vec<(UtcDay, Value)> = match origin {
                Origin::Computed => {
                    let entries = self.counted_summaries(query).await?;
                    let entries = entries.iter().map(|entry| serde_json::from_slice(entry).unwrap_or_default());
                    days.iter().copied().zip(entries).collect()
                }
                Origin::Upstream(source) if !query.rbac_group_ids.is_empty() => {
                    return Err(not_told(source, "who was active in a group").into());
                }
                Origin::Upstream(source) => {
                    let (lake, source, days) = (self.lake().clone(), source.clone(), days.clone());
                    let read = move || {
                        let mut entries = Vec::new();
                        for day in days {
                            let rows = lake.upstream_rows();
                            let told = read_day(rows, &source, AnalyticsEndpoint::Summaries, &[], day, None)?;
                            entries.extend(told.into_iter().map(|entry| (day, entry)));
                        }
                        Ok(entries)
                    };
                    off_the_runtime(read).await?
                }
            };
            for (day, entry) in entries {
                by_day.entry(day).or_default().insert(origin.clone(), entry);
            }
        }
        let merged = by_day.values().filter_map(|by_origin| merge_summaries(origins, by_origin));
        Ok(merged.map(|entry| Bytes::from(entry.to_string())).collect())
    }

    /// A report of which an upstream has a say.
    pub(crate) async fn merged_report(
        &self,
        query: &ReportQuery,
        as_of: AsOf,
        origins: &Origins,
    ) -> Result<ReportAnswer, AnalyticsError> {
        let buckets = Buckets::of(query, origins)?;
        let mut parts: Vec<Vec<Vec<Value>>> = vec![Vec::new(); buckets.starts.len()];
        let mut refreshed = None;
        let mut as_told = origins.only().is_some() && buckets.days_each == 1;
        for origin in origins.all() {
            let products = products_of(origins, origin);
            let told = match origin {
                Origin::Computed => self.counted_parts(query, as_of, &products, &buckets).await?,
                Origin::Upstream(source) => {
                    let collected = self.collected_parts(source, query, as_of, &products, &buckets).await?;
                    refreshed = refreshed.max(collected.refreshed);
                    as_told &= collected.is_cut_as_asked;
                    collected.parts
                }
            };
            for (bucket, rows) in parts.iter_mut().zip(told) {
                bucket.push(rows);
            }
        }
        let mut rows = Vec::new();
        for (start, parts) in buckets.starts.iter().zip(parts) {
            let mut told = if as_told { parts.concat() } else { add_reports(query.report, &query.group_by, &parts) };
            if !as_told {
                rank_reports(query.report, query.rank, query.direction, &mut told);
            }
            buckets.write(query, *start, told, &mut rows);
        }
        Ok(ReportAnswer { rows: rows.into(), as_of, data_refreshed_at_micros: refreshed })
    }

    async fn counted_parts(
        &self,
        query: &ReportQuery,
        as_of: AsOf,
        products: &Products,
        buckets: &Buckets,
    ) -> Result<Vec<Vec<Value>>, AnalyticsError> {
        let mut query = query.clone();
        if let Some(products) = narrowed(&query.filters.products, products) {
            if products.is_empty() {
                return Ok(vec![Vec::new(); buckets.starts.len()]);
            }
            query.filters.products = products;
        }
        let answer = self.counted_report(&query, as_of).await?;
        let mut parts: Vec<Vec<Value>> = vec![Vec::new(); buckets.starts.len()];
        for (place, row) in answer.rows.iter().enumerate() {
            let row: Value = serde_json::from_slice(&row.json).unwrap_or_default();
            match row.get("results") {
                Some(results) => parts[place] = results.as_array().cloned().unwrap_or_default(),
                None => parts[buckets.of_row(&row)].push(row),
            }
        }
        Ok(parts)
    }

    async fn collected_parts(
        &self,
        source: &str,
        query: &ReportQuery,
        as_of: AsOf,
        products: &Products,
        buckets: &Buckets,
    ) -> Result<Collected, AnalyticsError> {
        let endpoint = report_endpoint(query.report);
        let place = self.lake().upstream_rows().cursor(source).await?;
        let place = place.as_ref().map(Place::parse).unwrap_or_default();
        let days: Vec<UtcDay> = report::days(query).into_iter().filter(|day| place.has(endpoint, &[], *day)).collect();
        let needed = needed_dimensions(query.report, &query.group_by, &query.filters, products);
        let Some(cut) = place.cut_for(endpoint, &needed, &days) else {
            return Err(not_told(source, "these numbers cut and filtered in this way").into());
        };
        let is_cut_as_asked = cut == needed && needed.len() == query.group_by.len();
        let (lake, source, asked, products) = (self.lake().clone(), source.to_owned(), query.clone(), products.clone());
        let (starts, days_each) = (buckets.starts.clone(), buckets.days_each);
        let read = move || {
            let mut parts: Vec<Vec<Vec<Value>>> = vec![Vec::new(); starts.len()];
            for day in days {
                let rows = read_day(lake.upstream_rows(), &source, endpoint, &cut, day, Some(as_of.upstream_seq))?;
                let told = report_rows(asked.report, &asked.group_by, &asked.filters, &products, &rows);
                let place = (day.start_micros() - asked.from_micros) / (DAY_MICROS * days_each);
                if let Some(bucket) = usize::try_from(place).ok().and_then(|place| parts.get_mut(place)) {
                    bucket.push(told);
                }
            }
            Ok(parts.iter().map(|days| added(asked.report, &asked.group_by, days)).collect())
        };
        let parts = off_the_runtime(read).await?;
        Ok(Collected { parts, refreshed: place.data_refreshed_at_micros(endpoint), is_cut_as_asked })
    }
}

/// What an upstream told of a report.
struct Collected {
    /// Beside the buckets.
    parts: Vec<Vec<Value>>,
    refreshed: Option<i64>,
    /// Nothing was added up: rows and their order are the upstream's.
    is_cut_as_asked: bool,
}

/// The buckets of a question to collected days: days, or for people without buckets the whole span.
struct Buckets {
    starts: Vec<i64>,
    days_each: i64,
}

impl Buckets {
    fn of(query: &ReportQuery, origins: &Origins) -> Result<Self, NotTold> {
        let source = origins.all().into_iter().find_map(|origin| match origin {
            Origin::Upstream(source) => Some(source.as_str()),
            Origin::Computed => None,
        });
        let whole_days = query.from_micros % DAY_MICROS == 0 && query.to_micros % DAY_MICROS == 0;
        if !whole_days || query.bucket_width.is_some_and(|width| width != BucketWidth::Day) {
            return Err(not_told(source.unwrap_or_default(), "parts of a day"));
        }
        let days = (query.to_micros - query.from_micros) / DAY_MICROS;
        Ok(match query.bucket_width {
            Some(_) => {
                Self { starts: (0..days).map(|day| query.from_micros + day * DAY_MICROS).collect(), days_each: 1 }
            }
            None => Self { starts: vec![query.from_micros], days_each: days.max(1) },
        })
    }

    /// The bucket that a person's row is of.
    fn of_row(&self, row: &Value) -> usize {
        let start = row["starting_at"].as_str().unwrap_or_default();
        self.starts.iter().position(|at| instant(*at) == start).unwrap_or(0)
    }

    fn write(&self, query: &ReportQuery, start: i64, told: Vec<Value>, rows: &mut Vec<ReportRow>) {
        let end = start + DAY_MICROS;
        if matches!(query.report, Report::Usage | Report::Cost) {
            let bucket = json!({ "starting_at": instant(start), "ending_at": instant(end), "results": told });
            rows.push(ReportRow { json: bucket.to_string().into(), counts_toward_limit: true });
            return;
        }
        let split = query.group_by.iter().any(|by| matches!(by, CostDimension::CostType | CostDimension::TokenType));
        let mut last = None;
        for mut row in told {
            if query.exclude_deleted_users && row["actor"]["deleted"] == json!(true) {
                continue;
            }
            if query.bucket_width.is_some() {
                row["starting_at"] = instant(start).into();
                row["ending_at"] = instant(end).into();
            }
            let actor = row["actor"]["user_id"].clone();
            let counts_toward_limit = !split || last.as_ref() != Some(&actor);
            last = Some(actor);
            rows.push(ReportRow { json: row.to_string().into(), counts_toward_limit });
        }
    }
}

/// One day as it is, several added up.
fn added(report: Report, group_by: &[CostDimension], days: &[Vec<Value>]) -> Vec<Value> {
    match days {
        [] => Vec::new(),
        [day] => day.clone(),
        days => add_reports(report, group_by, days),
    }
}

/// The products asked for that an origin answers for; nothing where it answers for whatever is asked.
fn narrowed(asked: &[String], products: &Products) -> Option<Vec<String>> {
    let known = Surface::ALL.iter().map(|surface| product_of(*surface)).chain(["other"]);
    let answered = known.filter(|product| products.contains(Some(product)));
    match products {
        Products::All => None,
        _ => {
            Some(answered.filter(|one| asked.is_empty() || asked.iter().any(|a| a == one)).map(str::to_owned).collect())
        }
    }
}

fn not_told(source: &str, what: &'static str) -> NotTold {
    NotTold { source_name: source.to_owned(), what }
}
