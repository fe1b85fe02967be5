//! An Analytics API on loopback, of any profile, that answers from a truth computed from day and revision, and badly.
//! Page tokens, refusals and envelopes are those of analytics_api.md; what goes wrong is drawn from a seed.
//! Never wrong in what it says when it answers well.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use ephor_wire::analytics::AnalyticsEndpoint as E;
use ephor_wire::timestamp::UtcDay;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::truth;
use crate::upstream::{KEY, cut, http_date, json_answer, refusal};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    TooMany(Option<u8>),
    Status(u16),
    Cut,
    BrokenJson,
    Html,
    /// 410, on a request with a page token.
    Expired,
}

const FAULTS: [Fault; 10] = [
    Fault::TooMany(Some(0)),
    Fault::TooMany(Some(1)),
    Fault::TooMany(None),
    Fault::Status(500),
    Fault::Status(503),
    Fault::Status(529),
    Fault::Cut,
    Fault::BrokenJson,
    Fault::Html,
    Fault::Expired,
];

/// How a refused day is told.
#[derive(Debug, Clone, Copy)]
pub enum Wording {
    NamesTheDay,
    OtherWords,
    SaysNothing,
}

/// What the upstream is like.
#[derive(Debug, Clone)]
pub struct Manners {
    /// The newest day is so many days ago.
    pub lag_days: i32,
    /// The oldest day.
    pub first_day: UtcDay,
    pub wording: Wording,
    /// Endpoints that it does not have.
    pub missing: BTreeSet<E>,
    /// Cuts that it does not know.
    pub unknown_cuts: BTreeSet<&'static str>,
    /// `summaries` as before P6.
    pub old_envelope: bool,
    /// Every request answered with this status.
    pub refuse: Option<u16>,
    /// Questions about this day of this endpoint fail for good.
    pub broken: Option<(E, UtcDay)>,
    /// Data change after so many further pages.
    pub revise_after: Option<usize>,
}

pub struct Inner {
    pub manners: Manners,
    /// How often a day was revised.
    pub revisions: BTreeMap<UtcDay, u32>,
    /// Moves with every change of data.
    version: u64,
    share_of_faults: f64,
    dice: ChaCha8Rng,
    pub asked: Vec<Asked>,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub query: Vec<(String, String)>,
    pub at: Instant,
}

pub struct Upstream {
    inner: Arc<Mutex<Inner>>,
    pub url: Url,
    serving: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Inner {
    /// The vendor revises a day.
    pub fn revise(&mut self, day: UtcDay) {
        *self.revisions.entry(day).or_default() += 1;
        self.version += 1;
    }

    pub fn newest(&self) -> UtcDay {
        UtcDay::from_micros(crate::clock()).plus_days(-self.manners.lag_days)
    }

    /// What there is to know of a day.
    pub fn truth(&self, endpoint: E, cut: &[&str], day: UtcDay) -> Vec<String> {
        truth::rows(endpoint, cut, day, self.revisions.get(&day).copied().unwrap_or_default())
    }
}

impl Upstream {
    pub async fn serve(manners: Manners, seed: u64, share_of_faults: f64) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            manners,
            revisions: BTreeMap::new(),
            version: 1,
            share_of_faults,
            dice: ChaCha8Rng::seed_from_u64(seed),
            asked: Vec::new(),
        }));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, url, serving }
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, uri: Uri, headers: HeaderMap) -> Response {
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()).into_owned().collect();
    let mut inner = inner.lock().unwrap();
    inner.asked.push(Asked { path: uri.path().to_owned(), query: query.clone(), at: Instant::now() });
    let number = inner.asked.len();
    let mut response = match (inner.manners.refuse, headers.get("x-api-key")) {
        (Some(status), _) => refusal(status, "not with this key"),
        (None, Some(key)) if key == KEY => match uri.path().strip_prefix("/v1/organizations/analytics/") {
            Some(name) => endpoint(&mut inner, name, &query),
            None => refusal(404, "not found"),
        },
        _ => refusal(401, "no key"),
    };
    let set = response.headers_mut();
    set.insert("request-id", format!("req_{number}").parse().unwrap());
    set.insert("anthropic-organization-id", "org_truth".parse().unwrap());
    set.insert(header::DATE, http_date(crate::clock()));
    response
}

fn endpoint(inner: &mut Inner, name: &str, query: &[(String, String)]) -> Response {
    let Some(endpoint) = E::ALL.into_iter().find(|endpoint| endpoint.as_str() == name) else {
        return refusal(404, "not found");
    };
    let asked = |name: &str| query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let token = asked("page").map(str::to_owned);
    let share = inner.share_of_faults;
    let fault = if inner.dice.random_bool(share) { FAULTS.choose(&mut inner.dice).copied() } else { None };
    match fault {
        Some(Fault::TooMany(seconds)) => {
            let mut response = refusal(429, "slow down");
            if let Some(seconds) = seconds {
                response.headers_mut().insert(header::RETRY_AFTER, u16::from(seconds).into());
            }
            return response;
        }
        Some(Fault::Status(status)) => return refusal(status, "this passes"),
        Some(Fault::Html) => return json_answer("<html>a proxy was here</html>".to_owned()),
        Some(Fault::Expired) if token.is_some() => return refusal(410, "the cursor has expired"),
        _ => {}
    }
    if inner.manners.missing.contains(&endpoint) {
        return refusal(404, "not found");
    }
    let (first, end) = match days(endpoint, &asked) {
        Ok(days) => days,
        Err(message) => return refusal(400, &message),
    };
    if inner.manners.broken == Some((endpoint, first)) {
        let mut response = refusal(500, "this day is broken");
        response.headers_mut().insert("x-should-retry", "false".parse().unwrap());
        return response;
    }
    if let Some(message) = refused_days(inner, endpoint, first, end.plus_days(-1)) {
        return refusal(400, &message);
    }
    let cuts: Vec<&str> = query.iter().filter(|(name, _)| name == "group_by[]").map(|(_, cut)| cut.as_str()).collect();
    if let Some(unknown) = cuts.iter().find(|cut| inner.manners.unknown_cuts.contains(*cut)) {
        return refusal(400, &format!("group_by[]: unknown dimension `{unknown}`"));
    }
    let body = match page(inner, endpoint, &cuts, (first, end), token.as_deref()) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    match fault {
        Some(Fault::Cut) => cut(&body),
        Some(Fault::BrokenJson) => json_answer(body.replacen('[', "[nope", 1)),
        _ => json_answer(body),
    }
}

/// The days asked for, or what is wrong with the question.
fn days<'q>(endpoint: E, asked: &impl Fn(&str) -> Option<&'q str>) -> Result<(UtcDay, UtcDay), String> {
    let day = |name: &str| {
        let text = asked(name).ok_or_else(|| format!("{name}: required"))?;
        text.trim_end_matches("T00:00:00Z").parse::<UtcDay>().map_err(|error| format!("{name}: {error}"))
    };
    let (first, end) = match endpoint {
        E::Summaries => (day("starting_date")?, day("ending_date")?),
        E::UsageReport | E::CostReport | E::UserUsageReport | E::UserCostReport => {
            (day("starting_at")?, day("ending_at")?)
        }
        _ => (day("date")?, day("date")?.plus_days(1)),
    };
    match end.0 - first.0 {
        1..=31 => Ok((first, end)),
        length => Err(format!("the range has {length} days, and at most 31 are answered")),
    }
}

/// Days inside the lag and before the horizon are refused, in words of which none are published.
fn refused_days(inner: &Inner, endpoint: E, first: UtcDay, last: UtcDay) -> Option<String> {
    let is_cost = matches!(endpoint, E::UsageReport | E::CostReport | E::UserUsageReport | E::UserCostReport);
    let newest = if is_cost { UtcDay::from_micros(crate::clock()) } else { inner.newest() };
    let oldest = inner.manners.first_day;
    let words = inner.manners.wording;
    if last > newest {
        return Some(match words {
            Wording::NamesTheDay => format!("date: the newest available day is {newest}"),
            Wording::OtherWords => format!("{last} lies ahead of {newest}T00:00:00Z, until when data are complete"),
            Wording::SaysNothing => "Invalid date.".to_owned(),
        });
    }
    (first < oldest).then(|| match words {
        Wording::NamesTheDay => format!("date: the earliest available day is {oldest}"),
        Wording::OtherWords => format!("`date` must be between {oldest} and {newest}"),
        Wording::SaysNothing => "Invalid date.".to_owned(),
    })
}

/// Rows of a page of a listing.
const PAGE_ROWS: usize = 3;
/// Buckets of a page.
const PAGE_BUCKETS: i32 = 20;

fn page(
    inner: &mut Inner,
    endpoint: E,
    cuts: &[&str],
    (first, end): (UtcDay, UtcDay),
    token: Option<&str>,
) -> Result<String, Box<Response>> {
    let is_cost = matches!(endpoint, E::UsageReport | E::CostReport | E::UserUsageReport | E::UserCostReport);
    let from: usize = match token.and_then(|token| token.strip_prefix("page_")?.split_once('_')) {
        None if token.is_none() => 0,
        // Cost and usage know that their data have moved on; the others do not.
        Some((version, _)) if is_cost && version != inner.version.to_string() => {
            return Err(Box::new(refusal(410, "the data were refreshed")));
        }
        Some((_, from)) => from.parse().unwrap(),
        None => return Err(Box::new(refusal(400, "page: not one of ours"))),
    };
    let made = inner.version;
    if inner.manners.revise_after == Some(0) {
        inner.manners.revise_after = None;
        inner.revise(first);
    } else if let Some(left) = &mut inner.manners.revise_after {
        *left -= 1;
    }
    let next = |more: bool, to: usize| if more { json!(format!("page_{made}_{to}")) } else { json!(null) };
    let refreshed = format!("2026-11-23T04:00:{:02}Z", made % 60);
    Ok(match endpoint {
        E::Summaries => {
            let rows: Vec<String> = (first.0..end.0).flat_map(|day| inner.truth(endpoint, cuts, UtcDay(day))).collect();
            let rows = rows.join(", ");
            match inner.manners.old_envelope {
                true => format!(r#"{{"summaries":[{rows}]}}"#),
                false => format!(r#"{{"data":[{rows}],"next_page":null,"summaries":[{rows}]}}"#),
            }
        }
        E::UsageReport | E::CostReport => {
            let begin = first.plus_days(i32::try_from(from).unwrap());
            let stop = end.min(begin.plus_days(PAGE_BUCKETS));
            let bucket = |day: UtcDay| {
                let rows = inner.truth(endpoint, cuts, day).join(" , ");
                let (from, to) = (day, day.plus_days(1));
                format!(r#"{{"starting_at":"{from}T00:00:00Z","ending_at":"{to}T00:00:00Z","results":[{rows}]}}"#)
            };
            let data: Vec<String> = (begin.0..stop.0).map(|day| bucket(UtcDay(day))).collect();
            let (more, to) = (stop < end, usize::try_from(stop.0 - first.0).unwrap());
            let (data, next) = (data.join(","), next(more, to));
            format!(
                r#"{{"organization_id":"org_truth","data":[{data}],"has_more":{more},"next_page":{next},"data_refreshed_at":"{refreshed}"}}"#
            )
        }
        _ => {
            let rows = inner.truth(endpoint, cuts, first);
            // Artifacts come whole (analytics_api.md §8).
            let size = if endpoint == E::Artifacts { usize::MAX } else { PAGE_ROWS };
            let to = rows.len().min(from.saturating_add(size));
            let (data, next) = (rows[from.min(to)..to].join(","), next(to < rows.len(), to));
            match is_cost {
                true => format!(
                    r#"{{"data":[{data}],"has_more":{},"next_page":{next},"data_refreshed_at":"{refreshed}"}}"#,
                    to < rows.len()
                ),
                false => format!(r#"{{"data":[{data}],"next_page":{next}}}"#),
            }
        }
    })
}
