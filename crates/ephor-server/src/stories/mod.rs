//! Stories about the whole server on a real lake and a real control database in a temporary folder.
//! Promises that each story has a node of its own and a clock that moves only when the story moves it.
//! Never goes over a socket unless the story is about sockets.

#![allow(clippy::unwrap_used)]

mod access;
mod activities;
mod analytics;
mod audit;
mod console;
mod directory;
mod errors;
mod evidence;
mod findings;
mod intake;
mod keys;
mod listening;
mod log;
mod telemetry;

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use ephor_analytics::{Analytics, AnalyticsOptions};
use ephor_detect::{Entity, Evidence, Finding, FindingId, Findings, Severity, UseCase, Window};
use ephor_lake::control::{AnalyticsAccess, Control, KeyReach, NewKey, Organization, Place, Role};
use ephor_lake::{Lake, LakeOptions};
use ephor_sources::Door;
use ephor_wire::actor::Actor;
use ephor_wire::scope::Scope;
use ephor_wire::timestamp::Timestamp;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::{AnalyticsLimits, App, AppParts, ServerOptions, router, spawn_background};

/// 2026-11-23T12:00:00Z
const NOON: i64 = 1_795_435_200_000_000;
const SECOND: i64 = 1_000_000;

const OWNER: &str = "ada@example.com";
const EAST: &str = "11111111-1111-4111-8111-111111111111";
const WEST: &str = "22222222-2222-4222-8222-222222222222";
const PARENT: &str = "00000000-0000-4000-8000-000000000000";

thread_local! {
    /// Each story runs on one thread, and so does everything of its node that asks for the time.
    static NOW: Cell<i64> = const { Cell::new(NOON) };
}

fn now() -> i64 {
    NOW.get()
}

/// Lets time pass.
fn wait(micros: i64) {
    NOW.set(NOW.get() + micros);
}

/// A node with a parent and two linked organizations.
pub(crate) struct House {
    pub(crate) app: App,
    router: Router,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    _dir: TempDir,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What is told of a failure, in whichever protocol.
    fn message(&self) -> String {
        if !self.header("grpc-message").is_empty() {
            return self.header("grpc-message").replace("%20", " ");
        }
        let body = self.json();
        body["error"]["message"].as_str().or(body["message"].as_str()).unwrap_or_default().to_owned()
    }

    /// The status of a failure; over gRPC the one that its code stands for.
    fn failed_as(&self) -> u16 {
        match self.header("grpc-status") {
            "16" => 401,
            "7" => 403,
            _ => self.status.as_u16(),
        }
    }

    /// Status and body, with the request id that differs each time left out.
    fn told(&self) -> String {
        let id = self.header("request-id");
        assert_eq!(self.json()["request_id"], id);
        format!("{} {}", self.status.as_u16(), self.text.replace(id, "req_…"))
    }

    fn ids(&self) -> Vec<String> {
        self.json()["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }
}

impl House {
    /// A node that records.
    pub(crate) async fn open() -> Self {
        // Roomy: stories about other things ask for more than sixty pages a minute.
        let analytics = AnalyticsLimits { rate_limit_per_minute: 10_000, ..AnalyticsLimits::default() };
        let house = Self::open_off(ServerOptions { analytics, ..ServerOptions::default() }).await;
        house.enable().await;
        house
    }

    /// A node as it is before anybody has turned recording on.
    async fn open_off(mut options: ServerOptions) -> Self {
        NOW.set(NOON);
        let dir = tempfile::tempdir().unwrap();
        let (lake, appender) = Lake::open_writer(dir.path(), LakeOptions::default()).await.unwrap();
        let control = Control::open(dir.path()).await.unwrap();
        options.proof_key = Some(ephor_evidence::signing_key(dir.path()).unwrap());
        for (uuid, name, place) in
            [(PARENT, "Parent", Place::Parent), (EAST, "East", Place::Linked), (WEST, "West", Place::Linked)]
        {
            let id = format!("org_{}", name.to_lowercase()).into();
            let organization =
                Organization { id, uuid: uuid.into(), name: name.into(), created_at_micros: NOON, place };
            control.organizations().ensure(&organization).await.unwrap();
        }
        let setup = Actor::system("setup");
        control
            .members()
            .grant(OWNER, Some("user_ada"), Role::PrimaryOwner, &setup, NOON, &mut rand::rng())
            .await
            .unwrap();
        let analytics = Analytics::open(&lake, AnalyticsOptions::default()).await.unwrap();
        let door = Arc::new(Door::new());
        let app = App::new(AppParts { lake, appender, analytics, control, door, clock: now, options });
        let (stop, stopped) = watch::channel(false);
        let tasks = spawn_background(&app, stopped);
        Self { router: router(app.clone()), app, stop, tasks, _dir: dir }
    }

    fn owner() -> Actor {
        Actor::user("user_ada", OWNER, None, None)
    }

    async fn enable(&self) {
        self.app.control().enablement().enable("NDA 7", &Self::owner(), now(), &mut rand::rng()).await.unwrap();
    }

    async fn switch_analytics(&self, wanted: AnalyticsAccess) {
        self.app.control().analytics_switch().turn(wanted, &Self::owner(), now(), &mut rand::rng()).await.unwrap();
    }

    /// A key of the parent.
    async fn key(&self, scopes: &[Scope]) -> String {
        self.key_reaching(scopes, KeyReach::Parent).await
    }

    async fn key_reaching(&self, scopes: &[Scope], reach: KeyReach) -> String {
        let wanted =
            NewKey { name: "story".into(), scopes: scopes.iter().copied().collect(), reach, expires_at_micros: None };
        let issued = self.app.control().keys().create(wanted, &Self::owner(), now(), &mut rand::rng()).await.unwrap();
        issued.secret.expose().to_owned()
    }

    /// A key that reads the whole Compliance API.
    async fn reader(&self) -> String {
        self.key(&[Scope::ReadComplianceActivities, Scope::ReadComplianceOrgData, Scope::ReadComplianceUserData]).await
    }

    async fn get(&self, path: &str, key: &str) -> Answer {
        self.send(Request::get(path).header("x-api-key", key).body(Body::empty()).unwrap()).await
    }

    /// The body of an answer that is no text.
    async fn bytes(&self, path: &str) -> Vec<u8> {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 4711))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = Request::post(path).header("x-api-key", key).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn send(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 4711))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// Pushes activities and expects all of them to be taken in.
    pub(crate) async fn store(&self, activities: &[Value]) {
        let key = self.key(&[Scope::WriteActivities]).await;
        let answer = self.post("/ephor/v1/activities", &key, &json!(activities)).await;
        assert_eq!(answer.json()["added"], activities.len(), "{}", answer.text);
    }

    /// Stops the background tasks, which leave nothing behind, and tells what the feed holds of one type.
    async fn settled(&mut self, kind: &str) -> Vec<Value> {
        self.stop.send_replace(true);
        while let Some(ended) = tokio::time::timeout(Duration::from_secs(120), self.tasks.join_next()).await.unwrap() {
            ended.unwrap();
        }
        assert_eq!(self.app.control().outbox().len().await.unwrap(), 0);
        let filter = ephor_lake::ActivityFilter {
            types: ephor_lake::TypeFilter::Only(vec![kind.to_owned()]),
            ..Default::default()
        };
        let query = ephor_lake::FeedQuery {
            filter,
            order: ephor_lake::Order::Ascending,
            from: ephor_lake::PageFrom::Start,
            limit: 5000,
        };
        let page = self.app.lake().page(&query).await.unwrap();
        page.rows.iter().map(|row| serde_json::from_str(&row.raw).unwrap()).collect()
    }
}

/// An activity of one person, so many seconds after noon.
pub(crate) fn activity(number: i64, kind: &str, user: &str, organization: Option<&str>) -> Value {
    let id = match organization {
        Some(EAST) => json!("org_east"),
        Some(WEST) => json!("org_west"),
        _ => Value::Null,
    };
    json!({
        "id": format!("activity_{number:04}"),
        "created_at": Timestamp::from_micros(NOON + number * SECOND).as_str(),
        "type": kind,
        "actor": { "type": "user_actor", "user_id": user, "email_address": format!("{user}@example.com"), "ip_address": "198.51.100.1", "user_agent": "test" },
        "organization_id": id,
        "organization_uuid": organization,
    })
}

/// Something that a rule found about somebody, with words that its reader may see.
fn finding(number: i64, person: &str, words: &str) -> Finding {
    Finding {
        id: FindingId(format!("finding_{number:04}")),
        rule: "rank_raised_to_owner".to_owned(),
        use_case: UseCase::PrivilegeEscalation,
        severity: Severity::High,
        title: format!("A role was given {words}"),
        explanation: format!("{person} became owner {words}"),
        next_step: format!("Ask them {words}"),
        controls: vec![format!("soc2:CC6.3 {words}")],
        subject: vec![Entity { kind: "user".to_owned(), id: person.to_owned() }],
        others: vec![Entity { kind: "workspace".to_owned(), id: format!("wrkspc_1{words}") }],
        window: Window { from_micros: NOON, to_micros: NOON + 60 * SECOND },
        first_seen_micros: NOON,
        last_seen_micros: NOON + number * SECOND,
        count: 1,
        evidence: vec![Evidence { at_micros: NOON + SECOND, activity: "activity_0001".to_owned(), seq: 0 }],
    }
}

/// Puts findings down as the detector does.
async fn found(house: &House, findings: &[Finding]) {
    Findings::new(house.app.control()).record(findings, now(), &mut rand::rng()).await.unwrap();
}
