use std::collections::BTreeSet;

use super::*;
use crate::compliance::CONTENT_PATHS;
use crate::route::{Family, Permission};

/// A path with something in place of each parameter.
fn filled(path: &str) -> String {
    let part = |part: &str| match part {
        "{org_uuid}" => EAST.to_owned(),
        part if part.starts_with('{') => "some_id".to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_asks_for_its_scope_and_admin_has_all() {
    let house = House::open().await;
    for scope in Scope::ALL {
        let key = house.key(&[scope]).await;
        for route in crate::mount(house.app.clone()).table {
            let method = route.method.clone().unwrap_or(http::Method::GET);
            let request = Request::builder().method(method).uri(filled(route.path)).header("x-api-key", &key);
            let answer = house.send(request.body(Body::empty()).unwrap()).await;
            let refused = answer.failed_as() == 403 && answer.message().starts_with("Missing required scopes. ");
            let allowed = match route.permission {
                Permission::Scope(needed) => scope == needed || scope == Scope::Admin,
                Permission::Open | Permission::AnyKey => true,
            };
            assert_eq!(refused, !allowed, "{} with {}: {}", route.path, scope.as_str(), answer.text);
        }
    }
}

#[tokio::test]
async fn every_route_but_the_open_ones_asks_for_a_key() {
    let house = House::open().await;
    let mut open = BTreeSet::new();
    for route in crate::mount(house.app.clone()).table {
        let method = route.method.clone().unwrap_or(http::Method::GET);
        let answer =
            house.send(Request::builder().method(method).uri(filled(route.path)).body(Body::empty()).unwrap()).await;
        assert!(answer.header("request-id").starts_with("req_"));
        match route.permission {
            // A place in the log that is not there yet is still no secret.
            Permission::Open => {
                assert!(
                    [200, 400, 404].contains(&answer.status.as_u16()) && open.insert(route.path),
                    "{}",
                    answer.text
                );
            }
            _ => assert_eq!(answer.failed_as(), 401, "{}", route.path),
        }
    }
    let log =
        ["checkpoint", "consistency", "keys", "tile/{level}/{*index}"].map(|path| format!("/ephor/v1/log/{path}"));
    let node = ["/healthz", "/metrics", "/openapi.json", "/readyz"].map(str::to_owned);
    assert_eq!(open.into_iter().collect::<Vec<_>>(), log.into_iter().chain(node).collect::<Vec<_>>());
}

#[tokio::test]
async fn every_content_path_refuses_every_method_and_every_key() {
    let house = House::open().await;
    let key = house.key(&Scope::ALL).await;
    for route in &CONTENT_PATHS {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let request = Request::builder().method(method).uri(filled(route.path)).header("x-api-key", &key);
            let answer = house.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, 403, "{method} {}", route.path);
            assert_eq!(answer.json()["error"]["type"], "permission_error");
            assert!(answer.message().contains("metadata only"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn one_body_for_every_cause_of_a_401() {
    let house = House::open().await;
    let keys = house.app.control().keys();
    let by = House::owner();
    let wanted = |expires_at_micros| NewKey {
        name: "story".into(),
        scopes: [Scope::ReadComplianceActivities].into_iter().collect(),
        reach: KeyReach::Parent,
        expires_at_micros,
    };
    let revoked = keys.create(wanted(None), &by, now(), &mut rand::rng()).await.unwrap();
    keys.revoke(&revoked.record.id, &by, now(), &mut rand::rng()).await.unwrap();
    let expired = keys.create(wanted(Some(now() + SECOND)), &by, now(), &mut rand::rng()).await.unwrap();
    wait(2 * SECOND);
    let mut told = BTreeSet::new();
    for presented in ["", "sk-ant-api01-x", "sk-ephor-api01-x", "ä", revoked.secret.expose(), expired.secret.expose()]
    {
        let value = http::HeaderValue::from_bytes(presented.as_bytes()).unwrap();
        let request = Request::get("/v1/compliance/activities").header("x-api-key", value);
        let answer = house.send(request.body(Body::empty()).unwrap()).await;
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("anthropic-ratelimit")));
        told.insert(answer.told());
    }
    let without = house.send(Request::get("/v1/compliance/activities").body(Body::empty()).unwrap()).await;
    told.insert(without.told());
    insta::assert_snapshot!(told.into_iter().collect::<Vec<_>>().join("\n"), @r#"401 {"type":"error","error":{"type":"authentication_error","message":"Invalid or missing API key."},"request_id":"req_…"}"#);
}

#[tokio::test]
async fn a_bearer_key_is_taken_as_well() {
    let house = House::open().await;
    let key = house.reader().await;
    let request = Request::get("/v1/compliance/activities").header("authorization", format!("Bearer {key}"));
    assert_eq!(house.send(request.body(Body::empty()).unwrap()).await.status, 200);
}

#[tokio::test]
async fn the_budget_is_shared_by_all_keys_and_not_touched_by_failed_authentication() {
    let options = ServerOptions { rate_limit_per_minute: 3, ..ServerOptions::default() };
    let house = House::open_off(options).await;
    house.enable().await;
    let (one, other) = (house.reader().await, house.key(&[Scope::ReadFindings]).await);
    for _ in 0..5 {
        assert_eq!(house.get("/v1/compliance/groups", "wrong").await.status, 401);
    }
    let first = house.get("/v1/compliance/groups", &one).await;
    assert_eq!((first.status.as_u16(), first.header("anthropic-ratelimit-requests-remaining")), (200, "2"));
    assert_eq!(first.header("anthropic-ratelimit-requests-limit"), "3");
    assert_eq!(first.header("anthropic-ratelimit-requests-reset"), "2026-11-23T12:01:00Z");
    let second = house.get("/v1/compliance/groups", &other).await;
    assert_eq!((second.status.as_u16(), second.header("anthropic-ratelimit-requests-remaining")), (403, "1"));
    assert_eq!(house.get("/v1/organizations/activity", &one).await.status, 200);
    wait(15 * SECOND);
    let refused = house.get("/v1/compliance/groups", &one).await;
    assert_eq!(refused.header("retry-after"), "45");
    insta::assert_snapshot!(refused.told(), @r#"429 {"type":"error","error":{"type":"rate_limit_error","message":"The budget of 3 requests a minute, shared by all keys of the parent organization, is used up; retry after the time in `retry-after`."},"request_id":"req_…"}"#);
    // A push has a budget of its own.
    house.store(&[activity(1, "claude_file_uploaded", "user_bob", None)]).await;
    wait(45 * SECOND);
    assert_eq!(house.get("/v1/compliance/groups", &one).await.status, 200);
}

#[tokio::test]
async fn while_recording_is_off_the_api_says_so_and_ephor_s_own_paths_work() {
    let house = House::open_off(ServerOptions::default()).await;
    let key = house.key(&[Scope::Admin]).await;
    for route in crate::mount(house.app.clone()).table {
        // Usage is not activities: the switch is not about it.
        if matches!(route.family, Family::Node | Family::Analytics | Family::Usage | Family::Telemetry) {
            continue;
        }
        let method = route.method.clone().unwrap_or(http::Method::GET);
        let request = Request::builder().method(method).uri(filled(route.path)).header("x-api-key", &key);
        let answer = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 403, "{}", route.path);
        assert!(
            answer.message().contains("not enabled") && answer.message().contains("ephor org enable"),
            "{}",
            answer.text
        );
    }
    assert_eq!(house.get("/ephor/v1/organization", &key).await.json()["recording"], "off");
}

#[tokio::test]
async fn the_switch_needs_an_agreement_once_and_the_primary_owner_always() {
    let house = House::open_off(ServerOptions::default()).await;
    let path = "/v1/organizations/compliance_settings";
    let key = house.key(&[Scope::Admin]).await;
    let off = r#"{"state":{"type":"disabled"},"type":"compliance_settings"}"#;
    let on = r#"{"state":{"type":"enabled"},"type":"compliance_settings"}"#;
    assert_eq!(house.get(path, &key).await.text, off);
    let without = house.post(path, &key, &json!({ "state": { "type": "enabled" } })).await;
    assert_eq!(without.status, 400, "{}", without.text);
    let enabled = house.post(path, &key, &json!({ "state": { "type": "enabled" }, "agreement": "NDA 7" })).await;
    assert_eq!(enabled.text, on);
    assert_eq!(house.post(path, &key, &json!({ "state": "disabled" })).await.text, off);
    assert_eq!(house.post(path, &key, &json!({ "state": "disabled" })).await.text, off);
    assert_eq!(house.post(path, &key, &json!({ "state": "enabled" })).await.text, on);
    assert_eq!(house.post(path, &key, &json!({ "state": "sideways" })).await.status, 400);
    // A key that somebody else made switches nothing; one made with the owner's key does.
    let wanted = NewKey {
        name: "x".into(),
        scopes: [Scope::Admin].into_iter().collect(),
        reach: KeyReach::Parent,
        expires_at_micros: None,
    };
    let stranger = Actor::user("user_eve", "eve@example.com", None, None);
    let issued = house.app.control().keys().create(wanted, &stranger, now(), &mut rand::rng()).await.unwrap();
    assert_eq!(house.post(path, issued.secret.expose(), &json!({ "state": "disabled" })).await.status, 403);
    let child = house.post("/ephor/v1/keys", &key, &json!({ "name": "child", "scopes": ["admin"] })).await.json();
    assert_eq!(house.post(path, child["key"].as_str().unwrap(), &json!({ "state": "disabled" })).await.text, off);
    let east = house.key_reaching(&[Scope::Admin], KeyReach::Organization(EAST.into())).await;
    assert_eq!(house.post(path, &east, &json!({ "state": "enabled" })).await.status, 403);
}
