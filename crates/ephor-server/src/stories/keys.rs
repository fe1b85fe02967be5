use super::*;

const PATH: &str = "/ephor/v1/keys";

#[tokio::test]
async fn a_key_lives_from_its_making_to_its_revocation() {
    let house = House::open().await;
    let admin = house.key(&[Scope::Admin]).await;
    let made = house.post(PATH, &admin, &json!({ "name": "siem", "scopes": ["read:security"] })).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"));
    let (id, secret) =
        (made.json()["id"].as_str().unwrap().to_owned(), made.json()["key"].as_str().unwrap().to_owned());
    assert_eq!(made.json()["scopes"], json!(["read:compliance_activities"]));
    assert_eq!(house.get("/v1/compliance/activities", &secret).await.status, 200);

    let request = Request::post(format!("{PATH}/{id}/rotate")).header("x-api-key", &admin).body(Body::empty()).unwrap();
    let next = house.send(request).await;
    assert_eq!(next.json()["rotated_from"], id.as_str());
    let next = next.json()["key"].as_str().unwrap().to_owned();
    let again = house.post(&format!("{PATH}/{id}/rotate"), &admin, &json!({ "overlap_seconds": 5 })).await;
    assert_eq!(again.json()["error"]["type"], "conflict_error");
    assert_eq!(house.get("/v1/compliance/activities", &secret).await.status, 200);
    wait(25 * 3600 * SECOND);
    assert_eq!(house.get("/v1/compliance/activities", &secret).await.status, 401);
    assert_eq!(house.get("/v1/compliance/activities", &next).await.status, 200);

    let keys = house.get(PATH, &admin).await;
    assert!(!keys.text.contains("sk-ephor"), "{}", keys.text);
    let successor =
        keys.json()["data"].as_array().unwrap().iter().find(|key| key["rotated_from"] == id.as_str()).unwrap().clone();
    let path = format!("{PATH}/{}", successor["id"].as_str().unwrap());
    let revoke = || house.send(Request::delete(&path).header("x-api-key", &admin).body(Body::empty()).unwrap());
    assert_eq!(revoke().await.json()["state"], "revoked");
    assert_eq!(revoke().await.status, 200);
    assert_eq!(house.get("/v1/compliance/activities", &next).await.status, 401);
}

#[tokio::test]
async fn the_time_of_last_use_is_noted() {
    let mut house = House::open().await;
    let key = house.reader().await;
    house.get("/v1/compliance/groups", &key).await;
    house.settled("none").await;
    assert_eq!(house.app.control().keys().list().await.unwrap()[0].last_used_at_micros, Some(NOON));
}

#[tokio::test]
async fn wishes_that_make_no_key_are_refused_in_words() {
    let house = House::open().await;
    let admin = house.key(&[Scope::Admin]).await;
    let mut told = Vec::new();
    for wish in [
        json!({ "name": "x", "scopes": [] }),
        json!({ "name": "", "scopes": ["admin"] }),
        json!({ "name": "x", "scopes": ["read:everything"] }),
        json!({ "name": "x", "scopes": ["admin"], "expires_at": "2026-11-23" }),
        json!({ "name": "x", "scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z" }),
        json!({ "name": "x", "scopes": ["admin"], "organisation": "org_east" }),
        json!({ "name": "x", "scopes": ["admin"], "organization": "org_nowhere" }),
    ] {
        let answer = house.post(PATH, &admin, &wish).await;
        told.push(format!("{} {}", answer.status.as_u16(), answer.message()));
    }
    insta::assert_snapshot!(told.join("\n"), @"
    400 an API key needs at least one scope, such as `read:compliance_activities`
    400 an API key needs a name of 1 to 200 characters that says what uses it, such as `siem-collector`
    400 The body is not what this path takes: `read:everything` is not a scope; there are read:analytics, read:compliance_activities, read:compliance_org_data, read:compliance_user_data, write:activities, write:usage, read:findings, read:evidence, admin at line 1 column 40
    400 The body is not what this path takes: `2026-11-23` is not an RFC 3339 timestamp with a zone, such as 2026-11-23T12:00:00Z at line 1 column 26
    400 an API key cannot expire in the past; give a later time, or none for a key that does not expire
    400 The body is not what this path takes: unknown field `organisation`, expected one of `name`, `scopes`, `organization`, `expires_at` at line 1 column 26
    404 Organization not found: org_nowhere
    ");
    let revoke = Request::delete(format!("{PATH}/apikey_x")).header("x-api-key", &admin).body(Body::empty()).unwrap();
    assert_eq!(house.send(revoke).await.status, 404);
}

#[tokio::test]
async fn an_administrator_of_one_organization_stays_in_it() {
    let house = House::open().await;
    let parents = house.key(&[Scope::ReadFindings]).await;
    let east = house.key_reaching(&[Scope::Admin], KeyReach::Organization(EAST.into())).await;
    let made = house.post(PATH, &east, &json!({ "name": "x", "scopes": ["admin"] })).await;
    assert_eq!(made.json()["organization_uuid"], EAST);
    assert_eq!(
        house.post(PATH, &east, &json!({ "name": "x", "scopes": ["admin"], "organization": "org_west" })).await.status,
        404
    );
    assert_eq!(house.get(PATH, &east).await.json()["data"].as_array().unwrap().len(), 2);
    let all = house.app.control().keys().list().await.unwrap();
    let foreign = all.iter().find(|key| key.reach == KeyReach::Parent).unwrap();
    let revoke =
        Request::delete(format!("{PATH}/{}", foreign.id)).header("x-api-key", &east).body(Body::empty()).unwrap();
    assert_eq!(house.send(revoke).await.status, 404);
    assert_eq!(house.get("/v1/compliance/apps/chats", &parents).await.status, 403);
    let shown = house.get("/ephor/v1/organization", &east).await.json();
    assert_eq!((shown["organizations"].as_array().unwrap().len(), shown["members"].as_array().unwrap().len()), (1, 0));
}
