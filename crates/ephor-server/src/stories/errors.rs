use super::*;

#[tokio::test]
async fn what_is_wrong_with_a_parameter_is_said_by_name_and_value() {
    let house = House::open().await;
    let key = house.reader().await;
    let mut told = Vec::new();
    for query in [
        "created_at.gte=2026-11-23",
        "created_at.lt=2026-11-23T12:00:00",
        "limit=0",
        "limit=5001",
        "limit=many",
        "order=up",
        "after_id=x&before_id=y",
        "after_id=x",
        "before_id=activity_unknown",
        "after_id=",
        "activity_types[]=a&exclude_activity_types[]=b",
    ] {
        let answer = house.get(&format!("/v1/compliance/activities?{query}"), &key).await;
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
        told.push(format!("{} {}", answer.status.as_u16(), answer.message()));
    }
    insta::assert_snapshot!(told.join("\n"), @"
    400 created_at.gte: `2026-11-23` is not an RFC 3339 timestamp with a zone, such as 2026-11-23T12:00:00Z
    400 created_at.lt: `2026-11-23T12:00:00` is not an RFC 3339 timestamp with a zone, such as 2026-11-23T12:00:00Z
    400 limit: `0` is not a number from 1 to 5000
    400 limit: `5001` is not a number from 1 to 5000
    400 limit: `many` is not a number from 1 to 5000
    400 order: `up` is neither `desc` nor `asc`
    400 after_id and before_id exclude each other; send one of them
    400 after_id: `x` cannot be decoded; use `first_id` or `last_id` of a page as it came
    400 before_id: `activity_unknown` cannot be decoded; use `first_id` or `last_id` of a page as it came
    400 after_id: `` cannot be decoded; use `first_id` or `last_id` of a page as it came
    400 activity_types[] and exclude_activity_types[] exclude each other; send one of them
    ");
}

#[tokio::test]
async fn every_failure_has_the_published_shape() {
    let house = House::open().await;
    let key = house.key(&[Scope::ReadComplianceActivities]).await;
    let write = house.key(&[Scope::WriteActivities]).await;
    let push = |content_type: &'static str, body: &str| {
        let request =
            Request::post("/ephor/v1/activities").header("x-api-key", &write).header("content-type", content_type);
        house.send(request.body(Body::from(body.to_owned())).unwrap())
    };
    let reader = house.reader().await;
    let answers = [
        house.get("/v1/compliance/groups", &key).await,
        house.get("/v1/compliance/nothing", &key).await,
        house.get("/v1/compliance/groups/rbac_group_x", &reader).await,
        house
            .send(Request::put("/v1/compliance/activities").header("x-api-key", &key).body(Body::empty()).unwrap())
            .await,
        push("text/csv", "").await,
        push("application/json", "{}").await,
        push("application/x-ndjson", "").await,
        push("application/x-ndjson", "{\"id\":\"\"}\nnot json\n").await,
        house.get("/v1/compliance/apps/chats", &key).await,
    ];
    let told: Vec<String> = answers.iter().map(Answer::told).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    403 {"type":"error","error":{"type":"permission_error","message":"Missing required scopes. Got: ['read:compliance_activities'] Needed: ['read:compliance_org_data']"},"request_id":"req_…"}
    404 {"type":"error","error":{"type":"not_found_error","message":"There is nothing at /v1/compliance/nothing."},"request_id":"req_…"}
    404 {"type":"error","error":{"type":"not_found_error","message":"Group not found: rbac_group_x"},"request_id":"req_…"}
    405 {"type":"error","error":{"type":"invalid_request_error","message":"This path does not take this method; the `allow` header lists those it takes."},"request_id":"req_…"}
    415 {"type":"error","error":{"type":"invalid_request_error","message":"The content type is `text/csv`; this path takes application/x-ndjson or application/json."},"request_id":"req_…"}
    400 {"type":"error","error":{"type":"invalid_request_error","message":"The body is not a JSON array: it is another JSON value; for one row a line send content-type application/x-ndjson."},"request_id":"req_…"}
    422 {"type":"error","error":{"type":"invalid_request_error","message":"The body has no rows."},"request_id":"req_…"}
    422 {"type":"error","error":{"type":"invalid_request_error","message":"None of the rows could be taken in: [0] `id` is missing or not a non-empty string; [1] not a JSON object: expected ident at line 1 column 2."},"request_id":"req_…","results":[{"index":0,"reason":"`id` is missing or not a non-empty string","status":"rejected"},{"index":1,"reason":"not a JSON object: expected ident at line 1 column 2","status":"rejected"}]}
    403 {"type":"error","error":{"type":"permission_error","message":"Ephor holds metadata only: it never asks for, stores or serves prompts, responses, conversation text, file contents or titles, so this path has nothing to give to any key. What happened is in the activity feed (GET /v1/compliance/activities)."},"request_id":"req_…"}
    "#);
    assert!(answers.iter().all(|answer| answer.header("content-type") == "application/json"));
}

#[tokio::test]
async fn a_panic_is_told_to_the_log_alone() {
    let house = House::open().await;
    let broken = Router::new()
        .route("/broken", axum::routing::get(async || -> &'static str { panic!("secret of the house") }))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(crate::route::panicked))
        .layer(axum::middleware::from_fn_with_state(house.app.clone(), crate::front::desk))
        .with_state(house.app.clone());
    let house = House { router: broken, ..house };
    let answer = house.send(Request::get("/broken").body(Body::empty()).unwrap()).await;
    insta::assert_snapshot!(answer.told(), @r#"500 {"type":"error","error":{"type":"api_error","message":"Something went wrong on this server; its log says what, under this request id."},"request_id":"req_…"}"#);
}
