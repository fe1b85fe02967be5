//! Findings and the lists that rules ask, as programs read and change them.

use super::*;

#[tokio::test]
async fn findings_are_listed_shown_and_judged_over_http() {
    let mut house = House::open().await;
    found(&house, &[finding(1, "user_bob", ""), finding(2, "user_eve", "")]).await;
    let (reader, admin) = (house.key(&[Scope::ReadFindings]).await, house.key(&[Scope::Admin]).await);
    let listed = house.get("/ephor/v1/findings?use_case=privilege-escalation&severity=high", &reader).await;
    assert_eq!(listed.ids(), ["finding_0002", "finding_0001"], "{}", listed.text);
    assert_eq!(house.get("/ephor/v1/findings?entity=user_eve", &reader).await.ids(), ["finding_0002"]);
    assert_eq!(house.get("/ephor/v1/findings?severity=critical", &reader).await.ids(), [""; 0]);
    for odd in ["severity=grave", "status=maybe", "limit=0", "from=yesterday", "colour=red"] {
        assert_eq!(house.get(&format!("/ephor/v1/findings?{odd}"), &reader).await.status, 400, "{odd}");
    }
    let step = json!({ "status": "resolved", "note": "asked them" });
    let path = "/ephor/v1/findings/finding_0001/steps";
    assert_eq!(house.post(path, &reader, &step).await.status, 403);
    let judged = house.post(path, &admin, &step).await.json();
    assert_eq!((&judged["status"], &judged["steps"][0]["note"]), (&json!("resolved"), &json!("asked them")));
    assert_eq!(house.post(path, &admin, &json!({})).await.status, 400);
    assert_eq!(house.post("/ephor/v1/findings/finding_9/steps", &admin, &step).await.status, 404);
    assert_eq!(house.get("/ephor/v1/findings?status=open", &reader).await.ids(), ["finding_0002"]);
    let told = house.settled("ephor_finding_updated").await;
    assert_eq!(told.len(), 1);
    assert!(!told[0].to_string().contains("asked them"), "a note stays with the finding: {}", told[0]);
}

#[tokio::test]
async fn lists_are_read_and_edited_over_http_and_each_change_is_told() {
    let mut house = House::open().await;
    let (reader, admin) = (house.key(&[Scope::ReadFindings]).await, house.key(&[Scope::Admin]).await);
    let send = async |method: http::Method, path: &str, key: &str| {
        let request = Request::builder().method(method).uri(path).header("x-api-key", key);
        let request = request.header("content-type", "application/json").body(Body::from(r#"{"name":"Jira"}"#));
        house.send(request.unwrap()).await
    };
    let path = "/ephor/v1/lists/approved_connectors/mcpsrv_1";
    assert_eq!(send(http::Method::PUT, path, &reader).await.status, 403);
    assert_eq!(send(http::Method::PUT, path, &admin).await.json()["result"], "changed");
    assert_eq!(send(http::Method::PUT, path, &admin).await.json()["result"], "unchanged");
    assert_eq!(send(http::Method::PUT, "/ephor/v1/lists/Approved/mcpsrv_1", &admin).await.status, 400);
    let listed = house.get("/ephor/v1/lists", &reader).await.json();
    assert_eq!((&listed["data"][0]["id"], &listed["data"][0]["source"]), (&json!("mcpsrv_1"), &json!("by_hand")));
    // Activities of one instant come in no order.
    wait(SECOND);
    assert_eq!(send(http::Method::DELETE, path, &admin).await.json()["result"], "changed");
    assert_eq!(house.get("/ephor/v1/lists", &reader).await.ids(), [""; 0]);
    let told = house.settled("ephor_list_updated").await;
    let changes: Vec<&str> = told.iter().filter_map(|one| one["change"].as_str()).collect();
    assert_eq!(changes, ["added", "removed"]);
}
