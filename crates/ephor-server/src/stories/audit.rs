use super::*;

#[tokio::test]
async fn every_recognised_read_is_an_activity_of_the_feed() {
    let mut house = House::open().await;
    let key = house.reader().await;
    let id = house.app.control().keys().list().await.unwrap().last().unwrap().id.clone();
    let answers = [
        house.get("/v1/compliance/activities?user_ids[]=user_bob&limit=1", &key).await,
        house.get("/v1/compliance/organizations", &key).await,
        house.get("/v1/organizations/activity?limit=0", &key).await,
        house.get("/v1/compliance/groups/none", &key).await,
        house
            .send(Request::delete("/v1/compliance/apps/chats/c").header("x-api-key", &key).body(Body::empty()).unwrap())
            .await,
    ];
    house.get("/v1/compliance/organizations", "wrong").await;
    house.get("/healthz", "").await;
    let recorded = house.settled("compliance_api_accessed").await;
    let lines: Vec<String> = recorded
        .iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row["request_method"].as_str().unwrap(),
                row["url"].as_str().unwrap(),
                row["status_code"]
            )
        })
        .collect();
    let mut lines = lines;
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @"
    DELETE /v1/compliance/apps/chats/c 403
    GET /v1/compliance/activities?user_ids[]=user_bob&limit=1 200
    GET /v1/compliance/groups/none 404
    GET /v1/compliance/organizations 200
    GET /v1/organizations/activity?limit=0 400
    ");
    let told: std::collections::BTreeSet<&str> =
        recorded.iter().map(|row| row["request_id"].as_str().unwrap()).collect();
    assert_eq!(told, answers.iter().map(|answer| answer.header("request-id")).collect());
    let row = &recorded[0];
    assert_eq!(
        row["actor"],
        json!({ "type": "api_actor", "api_key_id": id, "ip_address": "203.0.113.7", "user_agent": null })
    );
    assert_eq!(
        (&row["organization_id"], &row["organization_uuid"], &row["request_body"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert!(row["id"].as_str().unwrap().starts_with("activity_"));
}

#[tokio::test]
async fn nothing_is_recorded_while_recording_is_off() {
    let mut house = House::open().await;
    let key = house.reader().await;
    house.app.control().enablement().disable(&House::owner(), now(), &mut rand::rng()).await.unwrap();
    assert_eq!(house.get("/v1/compliance/activities", &key).await.status, 403);
    assert_eq!(house.settled("compliance_api_accessed").await.len(), 0);
}

#[tokio::test]
async fn reads_over_the_budget_are_refused_and_not_recorded() {
    let mut house = House::open_off(ServerOptions { rate_limit_per_minute: 2, ..ServerOptions::default() }).await;
    house.enable().await;
    let key = house.reader().await;
    for _ in 0..10 {
        house.get("/v1/compliance/groups", &key).await;
    }
    assert_eq!(house.settled("compliance_api_accessed").await.len(), 2);
}

#[tokio::test]
async fn a_change_of_keys_reaches_the_feed_without_a_restart() {
    let house = House::open().await;
    let key = house.reader().await;
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    loop {
        let answer = house.get("/v1/compliance/activities?activity_types[]=api_key_created", &key).await;
        if !answer.ids().is_empty() {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{}", answer.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
