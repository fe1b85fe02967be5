//! A Compliance API on loopback that answers from a fixed truth, and badly.
//! Which request goes wrong, and how, is drawn from a seed or written down by the test.
//! Never wrong in what it says when it answers well: filters, order and cursors are those of compliance_api.md §5.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use ephor_wire::timestamp::Timestamp;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::truth::Row;

/// Rows of a page at most, however many are asked for.
const PAGE_ROWS: usize = 50;

/// The key that the upstream knows, and the id under which it records its requests.
pub const KEY: &str = "sk-ant-api01-test";
pub const KEY_ID: &str = "apikey_own";

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 429, with a `retry-after` of these seconds or without.
    TooMany(Option<u8>),
    /// A status that may pass.
    Status(u16),
    /// 500 with `x-should-retry: false`.
    Final,
    /// No answer before the client gives up.
    Hang,
    /// The connection breaks in the middle of the body.
    Cut,
    /// A whole body that is no JSON.
    BrokenJson,
    /// The page before the cursor instead of the one behind it.
    Repeat,
    /// Some rows of the page before again.
    Overlap,
    /// The right rows in a wrong order.
    Shuffle,
    /// 400: the cursor does not decode.
    LostCursor,
}

const FAULTS: [Fault; 13] = [
    Fault::TooMany(Some(0)),
    Fault::TooMany(Some(1)),
    Fault::TooMany(None),
    Fault::Status(500),
    Fault::Status(502),
    Fault::Status(503),
    Fault::Status(529),
    Fault::Hang,
    Fault::Cut,
    Fault::BrokenJson,
    Fault::Repeat,
    Fault::Overlap,
    Fault::Shuffle,
];

/// Which requests go wrong: first those written down (`None` goes well), then a share of all others.
struct Plan {
    written: VecDeque<Option<Fault>>,
    dice: ChaCha8Rng,
    share: f64,
    hangs_left: usize,
    lost_cursors_left: usize,
}

impl Plan {
    fn next(&mut self, has_cursor: bool) -> Option<Fault> {
        if let Some(written) = self.written.pop_front() {
            return written;
        }
        if !self.dice.random_bool(self.share) {
            return None;
        }
        if has_cursor && self.lost_cursors_left > 0 && self.dice.random_bool(0.1) {
            self.lost_cursors_left -= 1;
            return Some(Fault::LostCursor);
        }
        let fault = *FAULTS.choose(&mut self.dice)?;
        if fault == Fault::Hang {
            match self.hangs_left.checked_sub(1) {
                Some(left) => self.hangs_left = left,
                None => return Some(Fault::Status(503)),
            }
        }
        Some(fault)
    }
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub query: Vec<(String, String)>,
    pub at: Instant,
}

/// How the upstream behaves beside its faults.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manners {
    /// The limit of requests that its headers tell.
    pub limit_requests: Option<u32>,
    /// Every request answered with this status.
    pub refuse: Option<u16>,
    /// Each request becomes a row of its own at this time.
    pub records_requests_at: Option<i64>,
    /// The key's id under which they are recorded, if it is not the usual one.
    pub key_id: Option<&'static str>,
    /// How far the clock that the answers tell is ahead of the test's.
    pub clock_ahead_micros: i64,
    /// Cursors of an earlier age no longer decode.
    pub age: u32,
    /// Directory paths that end so are not allowed.
    pub forbidden: Option<&'static str>,
    /// Directory paths that end so say that there is more, and give the same page again.
    pub stuck: Option<&'static str>,
    /// So many readings of the groups do not know which roles they have.
    pub roles_unknown: u32,
}

struct Inner {
    truth: Mutex<Vec<Row>>,
    plan: Mutex<Plan>,
    manners: Mutex<Manners>,
    asked: Mutex<Vec<Asked>>,
    hang: Duration,
}

/// The upstream, served until it is dropped.
pub struct Upstream {
    inner: Arc<Inner>,
    pub url: Url,
    serving: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Upstream {
    /// Serves `truth`; `share` of the requests go wrong. `hang` is longer than the client waits.
    pub async fn serve(truth: Vec<Row>, seed: u64, share: f64, hang: Duration) -> Self {
        let plan = Plan {
            written: VecDeque::new(),
            dice: ChaCha8Rng::seed_from_u64(seed),
            share,
            hangs_left: 4,
            lost_cursors_left: 2,
        };
        let inner = Arc::new(Inner {
            truth: Mutex::new(truth),
            plan: Mutex::new(plan),
            manners: Mutex::default(),
            asked: Mutex::default(),
            hang,
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, url, serving }
    }

    pub fn truth(&self) -> MutexGuard<'_, Vec<Row>> {
        locked(&self.inner.truth)
    }

    pub fn manners(&self) -> MutexGuard<'_, Manners> {
        locked(&self.inner.manners)
    }

    /// Writes down what the next requests get.
    pub fn write_down(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        locked(&self.inner.plan).written.extend(faults);
    }

    pub fn asked(&self) -> Vec<Asked> {
        locked(&self.inner.asked).clone()
    }
}

async fn answer(State(inner): State<Arc<Inner>>, uri: Uri, headers: HeaderMap) -> Response {
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()).into_owned().collect();
    let number = {
        let mut asked = locked(&inner.asked);
        asked.push(Asked { path: uri.path().to_owned(), query: query.clone(), at: Instant::now() });
        asked.len()
    };
    let request_id = format!("req_{number}");
    let manners = *locked(&inner.manners);
    let mut response = match (manners.refuse, headers.get("x-api-key")) {
        (Some(status), _) => refusal(status, "not with this key"),
        (None, Some(key)) if key == KEY => match uri.path() {
            "/v1/compliance/activities" => feed(&inner, &query, manners.age).await,
            path if path.starts_with("/v1/organizations/") => {
                crate::admin_directory::answer(path, &query, &mut locked(&inner.manners))
            }
            path => crate::directory::answer(path, &query, manners),
        },
        _ => refusal(401, "no key"),
    };
    if let Some(at) = manners.records_requests_at {
        let key = manners.key_id.unwrap_or(KEY_ID);
        let row = Row::access(at + i64::try_from(number).unwrap(), &format!("activity_own_{number}"), key, &request_id);
        locked(&inner.truth).push(row);
    }
    let set = response.headers_mut();
    set.insert("request-id", request_id.parse().unwrap());
    set.insert(header::DATE, http_date(crate::clock() + manners.clock_ahead_micros));
    if let Some(limit) = manners.limit_requests {
        set.insert("anthropic-ratelimit-requests-limit", limit.into());
        set.insert("anthropic-ratelimit-requests-remaining", 1.into());
    }
    response
}

async fn feed(inner: &Inner, query: &[(String, String)], age: u32) -> Response {
    let asked = |name: &str| query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let cursor = match (asked("after_id"), asked("before_id")) {
        (Some(after), None) => Some((Direction::After, after)),
        (None, Some(before)) => Some((Direction::Before, before)),
        (None, None) => None,
        (Some(_), Some(_)) => return refusal(400, "only one cursor"),
    };
    let fault = locked(&inner.plan).next(cursor.is_some());
    match fault {
        Some(Fault::TooMany(seconds)) => {
            let mut response = refusal(429, "slow down");
            if let Some(seconds) = seconds {
                response.headers_mut().insert(header::RETRY_AFTER, u16::from(seconds).into());
            }
            return response;
        }
        Some(Fault::Status(status)) => return refusal(status, "this passes"),
        Some(Fault::Final) => {
            let mut response = refusal(500, "this does not pass");
            response.headers_mut().insert("x-should-retry", "false".parse().unwrap());
            return response;
        }
        Some(Fault::Hang) => tokio::time::sleep(inner.hang).await,
        Some(Fault::LostCursor) if cursor.is_some() => return refusal(400, "the cursor is not decodable"),
        _ => {}
    }
    let cursor = match cursor.map(|(direction, text)| decode(text, age).map(|at| (direction, at))) {
        None => None,
        Some(Some(cursor)) => Some(cursor),
        Some(None) => return refusal(400, "the cursor is not decodable"),
    };
    let rows = matching(inner, query);
    let limit = asked("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100);
    let page = page(&rows, cursor.as_ref(), usize::min(limit, PAGE_ROWS), fault);
    let body = written(page, age, fault, &mut locked(&inner.plan).dice);
    match fault {
        Some(Fault::Cut) => cut(&body),
        Some(Fault::BrokenJson) => json_answer(body.replace("\"data\":[", "\"data\":[nope")),
        _ => json_answer(body),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    After,
    Before,
}

/// Rows that the filters let through, newest first.
fn matching(inner: &Inner, query: &[(String, String)]) -> Vec<Row> {
    let mut rows = locked(&inner.truth).clone();
    rows.retain(|row| {
        query.iter().all(|(name, value)| match name.as_str() {
            "created_at.gte" => row.at >= Timestamp::parse(value).unwrap().micros(),
            "created_at.lt" => row.at < Timestamp::parse(value).unwrap().micros(),
            "exclude_activity_types[]" => row.kind != *value,
            "limit" | "after_id" | "before_id" => true,
            other => panic!("the collector has no reason to ask for {other}"),
        })
    });
    rows.sort_by(|a, b| b.place().cmp(&a.place()));
    rows
}

/// Rows of a page, newest first, and whether there are more in its direction.
fn page(
    rows: &[Row],
    cursor: Option<&(Direction, (i64, String))>,
    limit: usize,
    fault: Option<Fault>,
) -> (Vec<Row>, bool) {
    let Some((direction, (at, id))) = cursor else {
        let page = &rows[..rows.len().min(limit)];
        return (page.to_vec(), page.len() < rows.len());
    };
    let place = (*at, id.as_str());
    // Rows before `newer` are newer than the cursor, rows from `older` on are older; its own row, if there, is between.
    let newer = rows.partition_point(|row| row.place() > place);
    let older = rows.partition_point(|row| row.place() >= place);
    let again = if fault == Some(Fault::Overlap) { 7 } else { 0 };
    let (from, to, has_more) = match (direction, fault) {
        (Direction::After, Some(Fault::Repeat)) => (older.saturating_sub(limit), older, true),
        (Direction::Before, Some(Fault::Repeat)) => (newer, rows.len().min(newer + limit), true),
        (Direction::After, _) => {
            let to = rows.len().min(older + limit);
            (older.saturating_sub(again), to, to < rows.len())
        }
        (Direction::Before, _) => {
            let from = newer.saturating_sub(limit);
            (from, rows.len().min(newer + again), from > 0)
        }
    };
    (rows[from..to].to_vec(), has_more)
}

fn written((mut rows, has_more): (Vec<Row>, bool), age: u32, fault: Option<Fault>, dice: &mut ChaCha8Rng) -> String {
    if fault == Some(Fault::Shuffle) {
        rows.shuffle(dice);
    }
    let cursor = |row: Option<&Row>| json!(row.map(|row| format!("{age}.{}.{}", row.at, row.id)));
    let (first, last) = (cursor(rows.first()), cursor(rows.last()));
    let data: Vec<&str> = rows.iter().map(|row| row.raw.as_str()).collect();
    let data = data.join(" ,\n");
    format!(r#"{{"data":[{data}],"has_more":{has_more},"first_id":{first},"last_id":{last}}}"#)
}

fn decode(cursor: &str, age: u32) -> Option<(i64, String)> {
    let (made, place) = cursor.split_once('.')?;
    let (at, id) = place.split_once('.')?;
    (made == age.to_string()).then_some((at.parse().ok()?, id.to_owned()))
}

/// A body that is announced in full and ends in its middle.
pub fn cut(body: &str) -> Response {
    let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
    let broken = std::io::Error::other("cut");
    Response::builder()
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from_stream(futures::stream::iter([Ok(half), Err(broken)])))
        .unwrap()
}

pub fn json_answer(body: String) -> Response {
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap()
}

pub fn refusal(status: u16, message: &str) -> Response {
    let body = json!({ "type": "error", "error": { "type": "some_error", "message": message } });
    let mut response = json_answer(body.to_string());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// An instant as HTTP writes it, to the second.
pub fn http_date(micros: i64) -> HeaderValue {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap();
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap().parse().unwrap()
}
