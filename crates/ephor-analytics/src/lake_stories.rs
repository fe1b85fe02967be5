//! Facts in a real lake, in any order, more than once and late: the answers and the day tables come out the same.
//! A day is built again when what it depends on has changed, and not otherwise.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use ephor_lake::directory::{DirectoryKind, DirectoryRow, DirectorySnapshot};
use ephor_lake::{Appender, Lake, LakeOptions, UsageBatch, UsageRows};
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use ephor_wire::usage::{Surface, UsageEvent, UsageKind};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::days::LISTINGS;
use crate::query::{
    BucketWidth, CostDimension, CostFilters, Days, Direction, Filters, GroupBy, Listing, ListingQuery, Rank, Reach,
    Report, ReportQuery, SummariesQuery,
};
use crate::{Analytics, AnalyticsOptions};

/// 2026-03-10; facts lie on this day and on days after it, with days between that have none.
const FIRST: i64 = 20_522;
const DAYS: [i64; 5] = [0, 1, 2, 5, 9];
const SPAN: i64 = 12;

fn day(number: i64) -> UtcDay {
    UtcDay::from_micros((FIRST + number) * DAY_MICROS)
}

fn clock() -> i64 {
    (FIRST + 40) * DAY_MICROS
}

struct World {
    dir: TempDir,
    lake: Lake,
    appender: Appender,
    analytics: Analytics,
}

impl World {
    async fn new(options: AnalyticsOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (lake, appender) = open(dir.path()).await;
        let analytics = Analytics::open(&lake, options).await.unwrap();
        Self { dir, lake, appender, analytics }
    }

    async fn reopened(self, options: AnalyticsOptions) -> Self {
        let Self { dir, lake, appender, analytics } = self;
        appender.close().await.unwrap();
        drop((lake, analytics));
        let (lake, appender) = open(dir.path()).await;
        let analytics = Analytics::open(&lake, options).await.unwrap();
        Self { dir, lake, appender, analytics }
    }

    async fn append(&self, events: &[UsageEvent]) {
        let mut rows = UsageRows::new();
        events.iter().for_each(|event| rows.push(event));
        let batch = UsageBatch { source: "test".to_owned(), received_at_micros: clock(), rows, cursor: None };
        self.appender.append_usage(batch).await.unwrap();
    }

    /// A full listing of one kind and scope, seen so many days after the first.
    async fn lists(&self, kind: DirectoryKind, scope: &str, on_day: i64, rows: &[Value]) {
        let key = |row: &Value| row["id"].as_str().or(row["user_id"].as_str()).unwrap().to_owned();
        let row = |value: &Value| DirectoryRow { key: key(value), value: value.clone() };
        let snapshot = DirectorySnapshot {
            kind,
            scope: scope.to_owned(),
            source: "test".to_owned(),
            observed_at_micros: day(on_day).start_micros() + 1,
            rows: rows.iter().map(row).collect(),
        };
        self.lake.directory().record(snapshot).await.unwrap();
    }

    async fn users(&self, rows: &[(&str, &str)]) {
        let row = |(id, email): &(&str, &str)| json!({ "id": id, "email": email, "full_name": "X" });
        self.lists(DirectoryKind::Users, "org", 0, &rows.iter().map(row).collect::<Vec<_>>()).await;
    }

    /// Ada is in both groups, Bo in one of them and from the second day on in the other as well.
    async fn has_groups(&self) {
        let (red, blue) = ("rbac_group_red", "rbac_group_blue");
        let group = |id: &str| json!({ "id": id, "name": id });
        self.lists(DirectoryKind::Groups, "", 0, &[group(red), group(blue)]).await;
        let member = |id: &str| json!({ "user_id": id });
        let (ada, bo) = (member("user_ada"), member("user_bo"));
        self.lists(DirectoryKind::GroupMembers, red, 0, &[ada.clone(), bo.clone()]).await;
        self.lists(DirectoryKind::GroupMembers, blue, 0, std::slice::from_ref(&ada)).await;
        self.lists(DirectoryKind::GroupMembers, blue, 1, &[ada, bo]).await;
    }

    async fn rows(&self, query: &ListingQuery) -> String {
        let answer = self.analytics.listing(query).await.unwrap();
        let mut json = Vec::new();
        answer.write(0..answer.len(), &mut json);
        String::from_utf8(json).unwrap()
    }

    async fn told(&self, listing: Listing, on: UtcDay) -> Vec<Value> {
        let rows = self.rows(&ListingQuery::whole_day(listing, Reach::Parent, on)).await;
        serde_json::from_str(&format!("[{rows}]")).unwrap()
    }

    /// The answer to every question that is worth asking.
    async fn answers(&self) -> BTreeMap<String, String> {
        let mut answers = BTreeMap::new();
        for listing in LISTINGS {
            for query in listing_questions(listing) {
                answers.insert(format!("{query:?}"), self.rows(&query).await);
            }
        }
        for groups in [vec![], vec!["rbac_group_red".to_owned()], vec!["red".to_owned(), "blue".to_owned()]] {
            let query =
                SummariesQuery { reach: Reach::Parent, first: day(0), end: day(SPAN), rbac_group_ids: groups.clone() };
            let told = self.analytics.summaries(&query).await.unwrap();
            answers.insert(format!("summaries {groups:?}"), format!("{told:?}"));
        }
        for query in report_questions() {
            let told = self.analytics.report(&query).await.unwrap();
            answers.insert(format!("{query:?}"), format!("{:?} {:?}", told.rows, told.data_refreshed_at_micros));
        }
        answers
    }

    /// The bytes of the files that the day tables consist of, by table and day.
    fn table_bytes(&self) -> BTreeMap<(String, String), Vec<u8>> {
        let mut bytes = BTreeMap::new();
        for listing in LISTINGS {
            let name = crate::listing::spec::Spec::of(listing).table;
            let table = self.dir.path().join("lake").join(name);
            for path in live_files(&table) {
                let day = path.split('/').next().unwrap().to_owned();
                let file = fs::read(table.join(&path)).unwrap();
                assert_eq!(bytes.insert((name.to_owned(), day), file), None, "a day has one file");
            }
        }
        bytes
    }
}

/// Names and days of tables that are not the same to the byte.
fn different(one: &BTreeMap<(String, String), Vec<u8>>, other: &BTreeMap<(String, String), Vec<u8>>) -> Vec<String> {
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).map(|(name, day)| format!("{name} {day}")).collect()
}

/// The files of a table, by its log.
fn live_files(table: &Path) -> BTreeSet<String> {
    let mut entries: Vec<_> = fs::read_dir(table.join("_delta_log")).unwrap().flatten().map(|e| e.path()).collect();
    entries.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    entries.sort();
    let mut live = BTreeSet::new();
    for line in entries.iter().map(|path| fs::read_to_string(path).unwrap()).collect::<Vec<_>>().join("\n").lines() {
        let action: Value = serde_json::from_str(line).unwrap_or_default();
        let path = |of: &str| action[of]["path"].as_str().map(|path| path.replace("%3D", "="));
        live.extend(path("add"));
        path("remove").inspect(|path| assert!(live.remove(path), "{path} was never there"));
    }
    live
}

async fn open(dir: &Path) -> (Lake, Appender) {
    Lake::open_writer(dir, LakeOptions { clock, ..LakeOptions::default() }).await.unwrap()
}

fn listing_questions(listing: Listing) -> Vec<ListingQuery> {
    let whole = |on: i64| ListingQuery::whole_day(listing, Reach::Parent, day(on));
    let mut questions: Vec<ListingQuery> = DAYS.map(whole).into();
    let all = Days::Range { first: day(0), end: day(SPAN) };
    questions.push(ListingQuery { days: all, ..whole(0) });
    questions.push(ListingQuery { days: all, group_by: vec![GroupBy::RbacGroup], ..whole(0) });
    let red = Filters { rbac_group_ids: vec!["rbac_group_red".to_owned()], ..Filters::default() };
    questions.push(ListingQuery { filters: red, ..whole(1) });
    questions.push(ListingQuery { reach: Reach::Organization { id: "org_1".into(), uuid: "1".into() }, ..whole(2) });
    if listing != Listing::Users {
        questions.push(ListingQuery { days: all, group_by: vec![GroupBy::User], ..whole(0) });
    }
    questions
}

fn report_questions() -> Vec<ReportQuery> {
    let question = |report: Report, group_by: &[CostDimension], bucket_width: Option<BucketWidth>| ReportQuery {
        report,
        reach: Reach::Parent,
        from_micros: day(0).start_micros(),
        to_micros: day(SPAN).start_micros(),
        bucket_width,
        group_by: group_by.to_vec(),
        filters: CostFilters::default(),
        rank: if matches!(report, Report::UserUsage) { Rank::TotalTokens } else { Rank::Amount },
        direction: Direction::Descending,
        exclude_deleted_users: false,
        as_of: None,
    };
    use CostDimension::{CostType, Model, Product, RbacGroup, TokenType};
    vec![
        question(Report::Usage, &[], Some(BucketWidth::Day)),
        question(Report::Usage, &[Product, Model, RbacGroup], Some(BucketWidth::Hour)),
        question(Report::Cost, &[CostType, TokenType], Some(BucketWidth::Day)),
        question(Report::UserUsage, &[], None),
        question(Report::UserCost, &[Model], Some(BucketWidth::Day)),
    ]
}

fn any_event() -> impl Strategy<Value = UsageEvent> {
    let surfaces: Vec<&str> = Surface::ALL.iter().map(|surface| surface.as_str()).chain(["hologram"]).collect();
    let kinds: Vec<&str> = UsageKind::ALL.iter().map(|kind| kind.as_str()).chain(["waved"]).collect();
    let one_of = |words: &'static [&'static str]| proptest::sample::select(words);
    (
        (proptest::sample::select(surfaces), proptest::sample::select(kinds)),
        one_of(&["user_ada", "user_bo", "user_cy", ""]),
        one_of(&["a", "b", "c", ""]),
        one_of(&["read", "accept", "added", "thinking", "success", "public", "private", "agents_view", "x"]),
        one_of(&["org_1", "org_2", ""]),
        (0i64..4, proptest::sample::select(&DAYS[..]), 0i64..6),
    )
        .prop_map(|((surface, kind), user, entity, detail, organization, (count, on, instant))| {
            let event = json!({
                "id": "placeholder", "time": "2026-03-10T09:00:00Z", "surface": surface, "kind": kind,
                "user_id": user, "user_email": format!("{entity}@example.com"), "detail": detail, "count": count,
                "tool": "edit_tool", "app": "excel", "organization_id": organization, "conversation_id": entity,
                "session_id": entity, "project_id": entity, "project_name": detail, "skill_name": entity,
                "connector_name": entity, "plugin_name": entity, "plugin_id": detail, "artifact_id": entity,
                "display_name": detail, "model": "claude-sonnet-4-5", "input_tokens": count * 1_000,
            });
            let mut event = UsageEvent::from_json(event).unwrap();
            event.time_micros = day(on).start_micros() + instant * 14_000_000_000;
            event
        })
}

/// What happens between two batches.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    /// Days are built of what is there so far, and so the rest is late.
    Building,
    /// Answers are asked for, and kept in memory.
    Asking,
    Reopening,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn any_order_repetition_and_lateness_of_facts_gives_the_same_answers_and_the_same_tables(
        (events, arrivals) in proptest::collection::vec(any_event(), 1..60).prop_flat_map(|events| {
            let named = |(number, event): (usize, UsageEvent)| UsageEvent { id: format!("e{number}"), ..event };
            let events: Vec<UsageEvent> = events.into_iter().enumerate().map(named).collect();
            let twice = events.iter().chain(&events).cloned().collect::<Vec<_>>();
            (Just(events), Just(twice).prop_shuffle())
        }),
        steps in proptest::collection::vec(
            (1_usize..40, prop_oneof![Just(Between::Nothing), Just(Between::Building), Just(Between::Asking), Just(Between::Reopening)]), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let at_once = World::new(AnalyticsOptions::default()).await;
            at_once.has_groups().await;
            at_once.append(&events).await;
            at_once.analytics.catch_up(day(SPAN)).await.unwrap();

            let mut in_parts = World::new(AnalyticsOptions::default()).await;
            in_parts.has_groups().await;
            let mut rest = &arrivals[..];
            for (size, between) in steps.iter().cycle() {
                let (part, after) = rest.split_at((*size).min(rest.len()));
                in_parts.append(part).await;
                rest = after;
                if rest.is_empty() { break; }
                match between {
                    Between::Nothing => {}
                    Between::Building => { in_parts.analytics.catch_up(day(SPAN)).await.unwrap(); }
                    Between::Asking => { in_parts.answers().await; }
                    Between::Reopening => in_parts = in_parts.reopened(AnalyticsOptions::default()).await,
                }
            }
            in_parts.analytics.catch_up(day(SPAN)).await.unwrap();
            assert_eq!(in_parts.answers().await, at_once.answers().await);
            let tables = at_once.table_bytes();
            // A few facts of kinds that nobody knows make no row.
            assert!(events.len() < 20 || !tables.is_empty());
            assert_eq!(different(&in_parts.table_bytes(), &tables), Vec::<String>::new(), "day tables of other bytes");
            // Built once more, they are the same to the byte.
            in_parts.analytics.rebuild(day(0), day(SPAN)).await.unwrap();
            assert_eq!(different(&in_parts.table_bytes(), &tables), Vec::<String>::new(), "a rebuild gives other rows");
        });
    }
}

fn event(id: &str, fields: &Value) -> UsageEvent {
    let mut event = json!({ "id": id, "time": "2026-03-10T09:00:00Z", "surface": "chat", "kind": "message" });
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    UsageEvent::from_json(event).unwrap()
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["user"]["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn who_an_address_belongs_to_may_be_learned_later_and_is_kept_when_they_leave() {
    let world = World::new(AnalyticsOptions::default()).await;
    world.append(&[event("1", &json!({ "user_email": "Bo@example.com" }))]).await;
    assert_eq!(ids(&world.told(Listing::Users, day(0)).await), ["bo@example.com"]);
    world.users(&[("user_bo", "bo@example.com"), ("user_ada", "ada@example.com")]).await;
    assert_eq!(ids(&world.told(Listing::Users, day(0)).await), ["user_bo"]);
    world.users(&[("user_ada", "ada@example.com")]).await;
    let rows = world.told(Listing::Users, day(0)).await;
    assert_eq!(ids(&rows), ["user_bo"], "what somebody did stays theirs when they have left");
    // Asked in another way, the answer is the same.
    let of_bo = Filters { user_ids: vec!["user_bo".to_owned()], ..Filters::default() };
    let query = ListingQuery { filters: of_bo, ..ListingQuery::whole_day(Listing::Users, Reach::Parent, day(0)) };
    let found: Value = serde_json::from_str(&world.rows(&query).await).unwrap();
    assert_eq!(found["chat_metrics"]["message_count"], rows[0]["chat_metrics"]["message_count"]);
}

#[tokio::test]
async fn the_pages_of_a_listing_are_the_listing_whether_the_day_is_in_memory_or_not() {
    let world = World::new(AnalyticsOptions::default()).await;
    let of = |number: usize| event(&number.to_string(), &json!({ "user_id": format!("user_{number}") }));
    world.append(&(0..7).map(of).collect::<Vec<_>>()).await;
    let query = ListingQuery::whole_day(Listing::Users, Reach::Parent, day(0));
    let pages = async || {
        let mut pages = Vec::new();
        for first in [0, 3, 6, 9] {
            let answer = world.analytics.page(&query, first..first + 3).await.unwrap();
            assert_eq!(answer.len(), 7);
            let mut json = Vec::new();
            answer.write(first..first + 3, &mut json);
            pages.push(String::from_utf8(json).unwrap());
        }
        assert_eq!(pages.pop().as_deref(), Some(""), "there is nothing behind the last row");
        pages.join(",")
    };
    let read_by_page = pages().await;
    assert_eq!(read_by_page, world.rows(&query).await);
    assert_eq!(read_by_page, pages().await, "and now the day is in memory");
}

#[tokio::test]
async fn a_reader_beside_the_writer_counts_a_day_that_is_not_built() {
    let world = World::new(AnalyticsOptions::default()).await;
    world.append(&[event("1", &json!({ "user_id": "user_ada" })), event("2", &json!({ "user_id": "user_bo" }))]).await;
    let lake = Lake::open_reader(world.dir.path()).await.unwrap();
    let reader = Analytics::open(&lake, AnalyticsOptions::default()).await.unwrap();
    let days = SummariesQuery { first: day(0), end: day(1), reach: Reach::Parent, rbac_group_ids: Vec::new() };
    let query = ListingQuery::whole_day(Listing::Users, Reach::Parent, day(0));
    let (rows, summaries) = (reader.listing(&query).await.unwrap(), reader.summaries(&days).await.unwrap());
    assert_eq!(world.analytics.catch_up(day(0)).await.unwrap().days, 1);
    assert_eq!(rows.len(), 2);
    assert_eq!(summaries, world.analytics.summaries(&days).await.unwrap());
}

#[tokio::test]
async fn only_days_that_depend_on_the_directory_are_built_again_when_it_changes() {
    let world = World::new(AnalyticsOptions::default()).await;
    let next_day = json!({ "user_email": "bo@example.com", "time": "2026-03-11T09:00:00Z" });
    let told = json!({ "user_id": "user_ada", "user_email": "ada@example.com" });
    world.append(&[event("1", &told), event("2", &next_day)]).await;
    let built = |rebuilt: crate::Rebuilt| rebuilt.days;
    assert_eq!(built(world.analytics.catch_up(day(SPAN)).await.unwrap()), 2);
    assert_eq!(built(world.analytics.catch_up(day(SPAN)).await.unwrap()), 0);
    world.users(&[("user_bo", "bo@example.com")]).await;
    assert_eq!(built(world.analytics.catch_up(day(SPAN)).await.unwrap()), 1);
    let world = world.reopened(AnalyticsOptions::default()).await;
    assert_eq!(built(world.analytics.catch_up(day(SPAN)).await.unwrap()), 0, "what was built is remembered");
}

#[tokio::test]
async fn other_names_in_the_configuration_are_in_the_tables_after_a_restart() {
    let world = World::new(AnalyticsOptions::default()).await;
    let call = json!({ "user_id": "user_ada", "kind": "connector_used", "connector_name": "Our Wiki" });
    world.append(&[event("1", &call)]).await;
    assert_eq!(world.told(Listing::Connectors, day(0)).await[0]["connector_name"], "our_wiki");
    let connector_aliases = HashMap::from([("our wiki".to_owned(), "confluence".to_owned())]);
    let world = world.reopened(AnalyticsOptions { connector_aliases, ..AnalyticsOptions::default() }).await;
    assert_eq!(world.told(Listing::Connectors, day(0)).await[0]["connector_name"], "confluence");
}
