use super::*;
use crate::analytics::told::{self, Script};
use crate::route::{Family, Permission};

const USERS: &str = "/v1/organizations/analytics/users";
const USAGE: &str = "/v1/organizations/analytics/usage_report";
const USER_COST: &str = "/v1/organizations/analytics/user_cost_report";
/// The newest day at NOON under the seed's three days of delay.
const DAY: &str = "date=2026-11-20";

/// A node whose Analytics API is on, and a key that reads it.
async fn open() -> (House, String) {
    let house = House::open().await;
    house.switch_analytics(AnalyticsAccess::On).await;
    let key = house.key(&[Scope::ReadAnalytics]).await;
    (house, key)
}

fn numbered(rows: usize) -> Script {
    Script { rows: (0..rows).map(|n| json!({ "n": n })).collect(), usage_seq: 7, ..Script::default() }
}

/// Follows `next_page` to the end; the rows of each page.
async fn walk(house: &House, path: &str, query: &str, key: &str) -> Vec<Vec<i64>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let answer = house.get(&format!("{path}?{query}{token}"), key).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page = answer.json();
        pages.push(page["data"].as_array().unwrap().iter().map(|row| row["n"].as_i64().unwrap()).collect());
        match page["next_page"].as_str() {
            Some(next) => token = format!("&page={next}"),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn all_eleven_endpoints_are_there_under_one_scope() {
    let (house, key) = open().await;
    told::tell(numbered(0));
    let mut answers = Vec::new();
    for route in crate::mount(house.app.clone()).table.iter().filter(|route| route.family == Family::Analytics) {
        assert_eq!(route.permission, Permission::Scope(Scope::ReadAnalytics));
        let query = match route.path.rsplit('/').next().unwrap() {
            "summaries" => "starting_date=2026-11-01",
            path if path.ends_with("_report") => "starting_at=2026-11-01T00:00:00Z",
            _ => DAY,
        };
        let answer = house.get(&format!("{}?{query}&beta=true", route.path), &key).await;
        answers.push(format!("{} {} {}", answer.status.as_u16(), route.path, answer.text));
    }
    insta::assert_snapshot!(answers.join("\n"), @r#"
    200 /v1/organizations/analytics/users {"data":[],"next_page":null}
    200 /v1/organizations/analytics/apps/chat/projects {"data":[],"next_page":null}
    200 /v1/organizations/analytics/skills {"data":[],"next_page":null}
    200 /v1/organizations/analytics/connectors {"data":[],"next_page":null}
    200 /v1/organizations/analytics/plugins {"data":[],"next_page":null}
    200 /v1/organizations/analytics/artifacts {"data":[],"next_page":null}
    200 /v1/organizations/analytics/summaries {"data":[],"next_page":null,"summaries":[]}
    200 /v1/organizations/analytics/usage_report {"organization_id":"org_parent","data":[],"has_more":false,"next_page":null,"data_refreshed_at":null}
    200 /v1/organizations/analytics/cost_report {"organization_id":"org_parent","data":[],"has_more":false,"next_page":null,"data_refreshed_at":null}
    200 /v1/organizations/analytics/user_usage_report {"organization_id":"org_parent","data":[],"has_more":false,"next_page":null,"data_refreshed_at":null}
    200 /v1/organizations/analytics/user_cost_report {"organization_id":"org_parent","data":[],"has_more":false,"next_page":null,"data_refreshed_at":null}
    "#);
}

#[tokio::test]
async fn a_walk_reads_every_row_once_in_the_state_of_its_first_page() {
    let (house, key) = open().await;
    told::tell(numbered(45));
    assert_eq!(walk(&house, USERS, DAY, &key).await.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 5]);
    told::asked();
    let pages = walk(&house, USERS, &format!("{DAY}&limit=15&order=desc"), &key).await;
    assert_eq!(pages.concat(), (0..45).collect::<Vec<i64>>());
    let asked = told::asked();
    assert!(asked[0].contains("as_of: None"), "{}", asked[0]);
    for question in &asked[1..] {
        assert!(question.contains("usage_seq: 7"), "{question}");
    }
    told::tell(numbered(0));
    assert_eq!(house.get(&format!("{USERS}?{DAY}"), &key).await.text, r#"{"data":[],"next_page":null}"#);
}

#[tokio::test]
async fn a_range_without_an_end_keeps_the_end_of_its_first_page_overnight() {
    let (house, key) = open().await;
    told::tell(numbered(3));
    let query = "starting_date=2026-11-10&limit=1";
    let first = house.get(&format!("{USERS}?{query}"), &key).await.json();
    wait(24 * 3600 * SECOND);
    told::asked();
    let next = first["next_page"].as_str().unwrap();
    assert_eq!(house.get(&format!("{USERS}?{query}&page={next}"), &key).await.status, 200);
    house.get(&format!("{USERS}?{query}"), &key).await;
    let ends: Vec<String> =
        told::asked().iter().map(|question| question.split("end: ").nth(1).unwrap()[..13].to_owned()).collect();
    let (kept, fresh) = ("2026-11-21".parse::<ephor_wire::timestamp::UtcDay>().unwrap(), "2026-11-22".parse().unwrap());
    assert_eq!(ends, [kept, fresh].map(|day: ephor_wire::timestamp::UtcDay| format!("{day:?}")));
}

#[tokio::test]
async fn a_token_is_good_for_its_query_its_endpoint_and_its_reach() {
    let (house, key) = open().await;
    told::tell(numbered(3));
    let first = house.get(&format!("{USERS}?{DAY}&limit=1"), &key).await.json();
    let next = first["next_page"].as_str().unwrap().to_owned();
    let skills = "/v1/organizations/analytics/skills";
    let east = house.key_reaching(&[Scope::ReadAnalytics], KeyReach::Organization(EAST.into())).await;
    let mut told = Vec::new();
    for (path, key) in [
        (format!("{USERS}?{DAY}&limit=2&page={next}"), &key),
        (format!("{USERS}?{DAY}&beta=true&page={next}"), &key),
        (format!("{USERS}?date=2026-11-19&limit=1&page={next}"), &key),
        (format!("{USERS}?{DAY}&order=desc&page={next}"), &key),
        (format!("{skills}?{DAY}&limit=1&page={next}"), &key),
        (format!("{USERS}?{DAY}&limit=1&page={next}"), &east),
        (format!("{USERS}?{DAY}&limit=1&page=page_AAAA"), &key),
        (format!("{USERS}?{DAY}&limit=1&page="), &key),
    ] {
        let answer = house.get(&path, key).await;
        let said = if answer.status == 200 { answer.json()["data"].to_string() } else { answer.message() };
        told.push(format!("{} {said}", answer.status.as_u16()));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    200 [{"n":1},{"n":2}]
    200 [{"n":1},{"n":2}]
    400 page: this token belongs to another query; send the same parameters as for its page, or begin without page
    400 page: this token belongs to another query; send the same parameters as for its page, or begin without page
    400 page: this token belongs to another query; send the same parameters as for its page, or begin without page
    400 page: this token belongs to another query; send the same parameters as for its page, or begin without page
    400 page: `page_AAAA` is not a `next_page` of this server; pass it back unchanged
    400 page: `` is not a `next_page` of this server; pass it back unchanged
    "#);
}

#[tokio::test]
async fn rows_that_a_cost_fans_out_stay_together_and_do_not_count() {
    let (house, key) = open().await;
    let counted = vec![true, false, false, true, false, false, true];
    told::tell(Script { counted, refreshed_at_micros: Some(NOON - 1), ..numbered(7) });
    let query = "starting_at=2026-11-01T00:00:00Z&group_by[]=token_type&limit=2";
    assert_eq!(walk(&house, USER_COST, query, &key).await, [vec![0, 1, 2, 3, 4, 5], vec![6]]);
    let first = house.get(&format!("{USER_COST}?{query}"), &key).await.json();
    assert_eq!((&first["has_more"], &first["organization_id"]), (&json!(true), &json!("org_parent")));
    assert_eq!(first["data_refreshed_at"], "2026-11-23T11:59:59Z");
}

#[tokio::test]
async fn a_report_walk_whose_beginning_has_left_the_history_is_gone() {
    let (house, key) = open().await;
    told::tell(numbered(3));
    let query = "starting_at=2026-01-01T00:00:00Z&limit=1";
    let first = house.get(&format!("{USAGE}?{query}"), &key).await.json();
    let next = first["next_page"].as_str().unwrap();
    wait(60 * 24 * 3600 * SECOND);
    let gone = house.get(&format!("{USAGE}?{query}&page={next}"), &key).await;
    let refused = house.get(&format!("{USAGE}?{query}"), &key).await;
    insta::assert_snapshot!([gone.told(), refused.told()].join("\n"), @r#"
    410 {"type":"error","error":{"type":"invalid_request_error","message":"page: the range of this walk has left the history; begin again at the first page"},"request_id":"req_…"}
    400 {"type":"error","error":{"type":"invalid_request_error","message":"starting_at: the earliest that is served is 2026-01-22T12:00:00Z"},"request_id":"req_…"}
    "#);
}

#[tokio::test]
async fn a_key_of_one_organization_asks_for_that_one_only() {
    let (house, key) = open().await;
    told::tell(numbered(1));
    let east = house.key_reaching(&[Scope::ReadAnalytics], KeyReach::Organization(EAST.into())).await;
    house.get(&format!("{USERS}?{DAY}"), &key).await;
    house.get(&format!("{USERS}?{DAY}"), &east).await;
    let report = house.get(&format!("{USAGE}?starting_at=2026-11-01T00:00:00Z"), &east).await.json();
    let reach = |question: &String| {
        let rest = question.split_once("reach: ").unwrap().1;
        let end = rest.find(", days").or_else(|| rest.find(", from_micros")).unwrap();
        rest[..end].to_owned()
    };
    let reaches: Vec<String> = told::asked().iter().map(reach).collect();
    insta::assert_snapshot!(reaches.join("\n"), @r#"
    Parent
    Organization { id: "org_east", uuid: "11111111-1111-4111-8111-111111111111" }
    Organization { id: "org_east", uuid: "11111111-1111-4111-8111-111111111111" }
    "#);
    assert_eq!(report["organization_id"], "org_east");
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name_with_the_way_out() {
    let (house, key) = open().await;
    let mut told = Vec::new();
    for path in [
        "users",
        "users?date=2026-11-21",
        "users?date=2026-08-24",
        "users?date=2025-12-31",
        "users?date=2026-11-20&filter[]=product:chat",
        "skills?date=2026-11-20&group_by[]=colour",
        "connectors?date=2026-11-20&order_by=messages",
        "summaries",
        "summaries?starting_date=2026-10-01&ending_date=2026-11-20",
        "artifacts?starting_date=2026-11-01",
        "usage_report",
        "usage_report?starting_at=2026-11-01T00:00:00Z&group_by[]=token_type",
        "cost_report?starting_at=2026-11-01T00:00:00Z&group_by[]=actor",
        "user_cost_report?starting_at=2026-11-01T00:00:00Z&order_by=total_tokens",
        "nothing",
    ] {
        let answer = house.get(&format!("/v1/organizations/analytics/{path}"), &key).await;
        told.push(format!("{} {path}: {}", answer.status.as_u16(), answer.message()));
    }
    insta::assert_snapshot!(told.join("\n"), @"
    400 users: date: required, as YYYY-MM-DD; or starting_date for a range
    400 users?date=2026-11-21: date: the newest available day is 2026-11-20
    400 users?date=2026-08-24: date: the oldest available day is 2026-08-25
    400 users?date=2025-12-31: date: the oldest available day is 2026-08-25
    400 users?date=2026-11-20&filter[]=product:chat: filter[]: the dimension `product` is not supported here; there are project_id, rbac_group_id, user_id
    400 skills?date=2026-11-20&group_by[]=colour: group_by[]: `colour` is not supported here; there are product, rbac_group_id, user_id
    400 connectors?date=2026-11-20&order_by=messages: order_by: `messages` is neither connector_name nor the path of a number in a row of this endpoint, such as chat_metrics.distinct_conversation_connector_used_count
    400 summaries: starting_date: required, as YYYY-MM-DD
    400 summaries?starting_date=2026-10-01&ending_date=2026-11-20: ending_date: a range has at most 31 days
    400 artifacts?starting_date=2026-11-01: date: required, as YYYY-MM-DD
    400 usage_report: starting_at: required, as an RFC 3339 time with a zone
    400 usage_report?starting_at=2026-11-01T00:00:00Z&group_by[]=token_type: group_by[]: `token_type` is not supported here; there are context_window, inference_geo, model, product, rbac_group_id, slack_channel_id, speed, claude_tag_category, claude_tag_user_id
    400 cost_report?starting_at=2026-11-01T00:00:00Z&group_by[]=actor: group_by[]: `actor` is not supported here; there are context_window, inference_geo, model, product, rbac_group_id, slack_channel_id, speed, claude_tag_category, claude_tag_user_id, cost_type, token_type
    400 user_cost_report?starting_at=2026-11-01T00:00:00Z&order_by=total_tokens: order_by: `total_tokens` is not supported here; there are amount, list_amount
    404 nothing: There is nothing at /v1/organizations/analytics/nothing.
    ");
}

#[tokio::test]
async fn while_the_switch_is_off_every_endpoint_says_so_and_the_compliance_api_goes_on() {
    let house = House::open().await;
    let key = house.key(&Scope::ALL).await;
    let refused = house.get(&format!("{USERS}?{DAY}"), &key).await;
    insta::assert_snapshot!(refused.told(), @r#"403 {"type":"error","error":{"type":"permission_error","message":"The Analytics API is not enabled for this organization. Its primary owner turns it on with `ephor org analytics enable` or POST /ephor/v1/analytics_settings."},"request_id":"req_…"}"#);
    for route in crate::mount(house.app.clone()).table.iter().filter(|route| route.family == Family::Analytics) {
        assert_eq!(house.get(route.path, &key).await.message(), refused.message(), "{}", route.path);
    }
    assert_eq!(house.get("/v1/compliance/activities", &key).await.status, 200);
    // And the other way round: recording is off, analytics is on.
    let house = House::open_off(ServerOptions::default()).await;
    house.switch_analytics(AnalyticsAccess::On).await;
    let key = house.key(&[Scope::ReadAnalytics]).await;
    assert_eq!(house.get(&format!("{USERS}?{DAY}"), &key).await.status, 200);
}

#[tokio::test]
async fn the_owner_s_switch_over_http_is_told_in_the_feed() {
    let mut house = House::open().await;
    let path = "/ephor/v1/analytics_settings";
    let admin = house.key(&[Scope::Admin]).await;
    let mut told = Vec::new();
    told.push(house.get(path, &admin).await.text);
    for state in [json!("enabled"), json!({ "type": "enabled" }), json!("disabled"), json!("sideways")] {
        let answer = house.post(path, &admin, &json!({ "state": state })).await;
        told.push(format!(
            "{} {}",
            answer.status.as_u16(),
            if answer.status == 200 { answer.text } else { answer.message() }
        ));
    }
    let wanted = NewKey {
        name: "x".into(),
        scopes: [Scope::Admin].into_iter().collect(),
        reach: KeyReach::Parent,
        expires_at_micros: None,
    };
    let stranger = Actor::user("user_eve", "eve@example.com", None, None);
    let foreign = house.app.control().keys().create(wanted, &stranger, now(), &mut rand::rng()).await.unwrap();
    let east = house.key_reaching(&[Scope::Admin], KeyReach::Organization(EAST.into())).await;
    for key in [foreign.secret.expose(), &east] {
        let answer = house.post(path, key, &json!({ "state": "enabled" })).await;
        told.push(format!("{} {}", answer.status.as_u16(), answer.message().replace(&foreign.record.id, "apikey_…")));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    {"state":{"type":"disabled"},"type":"analytics_settings"}
    200 {"state":{"type":"enabled"},"type":"analytics_settings"}
    200 {"state":{"type":"enabled"},"type":"analytics_settings"}
    200 {"state":{"type":"disabled"},"type":"analytics_settings"}
    400 The body is not what this path takes: data did not match any variant of untagged enum WishedState at line 1 column 20
    403 apikey_… is not a member of this Ephor, and to switch the Analytics API on takes the role primary_owner; the primary owner can give it with `ephor org grant`
    403 The Analytics API is switched for the parent organization and all linked ones together; this key reaches one organization only.
    "#);
    let switched = house.settled("org_analytics_api_capability_updated").await;
    let mut values: Vec<bool> = switched.iter().map(|row| row["current_value"].as_bool().unwrap()).collect();
    values.sort_unstable();
    assert_eq!(values, [false, true]);
}

#[tokio::test]
async fn sixty_requests_a_minute_for_each_organization_over_all_endpoints() {
    let house = House::open_off(ServerOptions::default()).await;
    house.switch_analytics(AnalyticsAccess::On).await;
    house.enable().await;
    let (one, other) = (house.key(&[Scope::ReadAnalytics]).await, house.key(&[Scope::ReadAnalytics]).await);
    let paths = [format!("{USERS}?{DAY}"), format!("{USAGE}?starting_at=2026-11-01T00:00:00Z")];
    for n in 0..60 {
        let answer = house.get(&paths[n % 2], if n % 3 == 0 { &one } else { &other }).await;
        assert_eq!(answer.status, 200, "{n}: {}", answer.text);
        assert_eq!(answer.header("anthropic-ratelimit-requests-remaining"), (59 - n).to_string());
    }
    let refused = house.get(&paths[0], &one).await;
    assert_eq!((refused.header("retry-after"), refused.header("anthropic-ratelimit-requests-limit")), ("60", "60"));
    insta::assert_snapshot!(refused.told(), @r#"429 {"type":"error","error":{"type":"rate_limit_error","message":"The budget of 60 requests a minute, shared by all keys of the organization and all endpoints of the Analytics API, is used up; retry after the time in `retry-after`."},"request_id":"req_…"}"#);
    let east = house.key_reaching(&[Scope::ReadAnalytics], KeyReach::Organization(EAST.into())).await;
    assert_eq!(house.get(&paths[0], &east).await.status, 200);
    // The Compliance API has its own budget.
    let reader = house.reader().await;
    assert_eq!(
        house.get("/v1/compliance/activities", &reader).await.header("anthropic-ratelimit-requests-limit"),
        "600"
    );
    wait(60 * SECOND);
    assert_eq!(house.get(&paths[0], &one).await.status, 200);
}
