use std::io::Write;

use super::*;

const PATH: &str = "/ephor/v1/activities";

#[tokio::test]
async fn each_activity_of_a_push_has_its_own_result() {
    let house = House::open().await;
    let key = house.key(&[Scope::WriteActivities]).await;
    let first = house
        .post(PATH, &key, &json!([activity(1, "t", "user_a", None), { "id": "x" }, activity(2, "t", "user_a", None)]))
        .await;
    let again =
        house.post(PATH, &key, &json!([activity(1, "t", "user_a", None), activity(2, "t", "user_b", None)])).await;
    // The key's own creation may have taken a place before them.
    let body = |answer: &Answer| {
        let mut body = answer.json();
        for result in body["results"].as_array_mut().unwrap() {
            if let Some(seq) = result.get_mut("seq") {
                *seq = json!("…");
            }
        }
        body.to_string()
    };
    insta::assert_snapshot!(body(&first), @r#"{"added":2,"conflicts":0,"duplicates":0,"rejected":1,"results":[{"id":"activity_0001","index":0,"seq":"…","status":"added"},{"index":1,"reason":"`type` is missing or not a non-empty string","status":"rejected"},{"id":"activity_0002","index":2,"seq":"…","status":"added"}]}"#);
    insta::assert_snapshot!(body(&again), @r#"{"added":0,"conflicts":1,"duplicates":1,"rejected":0,"results":[{"id":"activity_0001","index":0,"status":"duplicate"},{"id":"activity_0002","index":1,"status":"conflict"}]}"#);
}

#[tokio::test]
async fn a_packed_body_is_unpacked_and_counted_unpacked() {
    let options = ServerOptions { max_body_bytes: 10_000, ..ServerOptions::default() };
    let house = House::open_off(options).await;
    house.enable().await;
    let key = house.key(&[Scope::WriteActivities]).await;
    let send = |lines: i64| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for number in 0..lines {
            writeln!(packer, "{}", activity(number, "t", "user_a", None)).unwrap();
        }
        let request = Request::post(PATH).header("x-api-key", &key).header("content-type", "application/x-ndjson");
        house.send(request.header("content-encoding", "gzip").body(Body::from(packer.finish().unwrap())).unwrap())
    };
    assert_eq!(send(5).await.json()["added"], 5);
    let bomb = send(5000).await;
    assert_eq!((bomb.status.as_u16(), &bomb.json()["error"]["type"]), (413, &json!("request_too_large")));
}

#[tokio::test]
async fn too_many_activities_are_413() {
    let house = House::open().await;
    let key = house.key(&[Scope::WriteActivities]).await;
    let rows: Vec<Value> = (0..=5000).map(|number| activity(number, "t", "user_a", None)).collect();
    assert_eq!(house.post(PATH, &key, &json!(rows)).await.status, 413);
}

#[tokio::test]
async fn content_stays_outside() {
    let house = House::open().await;
    let mut row = activity(1, "claude_file_uploaded", "user_a", None);
    row["filename"] = json!("CANARY.pdf");
    row["prompt"] = json!({ "x": "CANARY" });
    house.store(&[row]).await;
    let key = house.reader().await;
    let answer = house.get("/v1/compliance/activities?activity_types[]=claude_file_uploaded", &key).await;
    assert!(answer.ids().len() == 1 && !answer.text.contains("CANARY"), "{}", answer.text);
    let metrics = house.get("/metrics", "").await.text;
    assert!(metrics.contains(r#"ephor_content_fields_stripped_total{source="push",field="prompt"}"#), "{metrics}");
}

#[tokio::test]
async fn a_key_of_one_organization_cannot_push() {
    let house = House::open().await;
    let key = house.key_reaching(&[Scope::WriteActivities], KeyReach::Organization(EAST.into())).await;
    assert_eq!(house.post(PATH, &key, &json!([activity(1, "t", "user_a", Some(WEST))])).await.status, 403);
}
