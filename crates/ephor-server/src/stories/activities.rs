use super::*;

const FEED: &str = "/v1/compliance/activities";

/// Twenty activities: odd ones in the east by Bob, even ones in the west by Eve, every fifth a sign-in without organization.
async fn house() -> (House, String) {
    let house = House::open().await;
    let rows: Vec<Value> = (1..=20)
        .map(|number| match number % 5 {
            0 => activity(number, "sso_login_succeeded", "user_bob", None),
            _ if number % 2 == 1 => activity(number, "claude_file_uploaded", "user_bob", Some(EAST)),
            _ => activity(number, "claude_project_created", "user_eve", Some(WEST)),
        })
        .collect();
    house.store(&rows).await;
    let key = house.reader().await;
    (house, key)
}

/// Ids of the story's own rows, without what the node has recorded of itself meanwhile.
fn numbers(answer: &Answer) -> Vec<u32> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.ids().iter().map(|id| id.trim_start_matches("activity_").parse().unwrap()).collect()
}

/// Everything before the node's own record of these reads.
const WINDOW: &str = "created_at.gt=2026-11-23T12:00:00Z&created_at.lte=2026-11-23T12:00:20Z";

#[tokio::test]
async fn rows_come_back_as_the_bytes_that_came_in() {
    let house = House::open().await;
    let key = house.key(&[Scope::WriteActivities]).await;
    let line = r#"{ "z":1.50, "id" : "activity_x", "created_at":"2026-11-23T13:00:00+01:00","type":"next_year","actor":{"type":"robot","größe":"\u00e9"} }"#;
    let request =
        Request::post("/ephor/v1/activities").header("x-api-key", key).header("content-type", "application/x-ndjson");
    assert_eq!(house.send(request.body(Body::from(format!("{line}\n"))).unwrap()).await.status, 200);
    let reader = house.reader().await;
    let answer = house.get(&format!("{FEED}?activity_types[]=next_year"), &reader).await;
    assert!(answer.text.contains(line), "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn both_cursors_walk_both_ways_in_both_orders() {
    let (house, key) = house().await;
    for (order, forward) in [("desc", (1..=20).rev().collect::<Vec<u32>>()), ("asc", (1..=20).collect())] {
        let (mut met, mut pages, mut cursor) = (Vec::new(), Vec::new(), String::new());
        loop {
            let page = house.get(&format!("{FEED}?{WINDOW}&order={order}&limit=7{cursor}"), &key).await;
            met.extend(numbers(&page));
            let body = page.json();
            cursor = format!("&after_id={}", body["last_id"].as_str().unwrap());
            pages.push(page);
            if body["has_more"] == false {
                break;
            }
        }
        assert_eq!(met, forward, "{order}");
        // Back again: the block next to the cursor, in the same order of rows.
        let last = pages.last().unwrap().json();
        let back = house
            .get(
                &format!("{FEED}?{WINDOW}&order={order}&limit=7&before_id={}", last["first_id"].as_str().unwrap()),
                &key,
            )
            .await;
        assert_eq!(numbers(&back), numbers(&pages[1]), "{order}");
        assert_eq!(back.json()["has_more"], true);
        let first = house
            .get(
                &format!(
                    "{FEED}?{WINDOW}&order={order}&limit=7&before_id={}",
                    back.json()["first_id"].as_str().unwrap()
                ),
                &key,
            )
            .await;
        assert_eq!(numbers(&first), numbers(&pages[0]), "{order}");
        assert_eq!(first.json()["has_more"], false, "{order}");
        let none = house
            .get(
                &format!("{FEED}?{WINDOW}&order={order}&before_id={}", first.json()["first_id"].as_str().unwrap()),
                &key,
            )
            .await;
        assert_eq!(none.text, r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#);
    }
}

#[tokio::test]
async fn an_activity_id_is_a_cursor_too() {
    let (house, key) = house().await;
    let older = house.get(&format!("{FEED}?{WINDOW}&limit=2&after_id=activity_0010"), &key).await;
    assert_eq!(numbers(&older), [9, 8]);
    let newer = house.get(&format!("{FEED}?{WINDOW}&limit=2&before_id=activity_0010"), &key).await;
    assert_eq!(numbers(&newer), [12, 11]);
}

#[tokio::test]
async fn every_filter_narrows_as_published() {
    let (house, key) = house().await;
    let cases: [(&str, &[u32]); 10] = [
        ("activity_types[]=sso_login_succeeded", &[20, 15, 10, 5]),
        ("activity_types=sso_login_succeeded&activity_types[]=nothing", &[20, 15, 10, 5]),
        (
            "exclude_activity_types[]=claude_file_uploaded&exclude_activity_types%5B%5D=claude_project_created",
            &[20, 15, 10, 5],
        ),
        ("actor_ids[]=user_eve&limit=3", &[18, 16, 14]),
        ("user_ids[]=user_eve&actor_ids[]=user_bob&limit=3", &[20, 19, 18]),
        ("organization_ids[]=org_west&limit=2", &[18, 16]),
        (&format!("organization_ids[]={EAST}&limit=2"), &[19, 17]),
        (&format!("organization_ids[]={EAST}&organization_ids[]=org_west&limit=3"), &[19, 18, 17]),
        ("created_at.gte=2026-11-23T12:00:03Z&created_at.lt=2026-11-23T12:00:05Z", &[4, 3]),
        ("something_new=1&limit=1", &[20]),
    ];
    for (filter, expected) in cases {
        let answer = house.get(&format!("{FEED}?{filter}&{WINDOW}"), &key).await;
        // Of a parameter given twice the last counts, so a case with times of its own goes without the window.
        let answer =
            if filter.contains("created_at") { house.get(&format!("{FEED}?{filter}"), &key).await } else { answer };
        assert_eq!(numbers(&answer), expected, "{filter}");
    }
}

#[tokio::test]
async fn the_founding_document_s_path_serves_the_same_rows_and_filters_by_key() {
    let (house, key) = house().await;
    let mut by_key = activity(30, "claude_file_uploaded", "user_bob", Some(EAST));
    by_key["actor"] = json!({ "type": "api_actor", "api_key_id": "apikey_x", "ip_address": null, "user_agent": null });
    house.store(&[by_key]).await;
    let seed = house.get(&format!("/v1/organizations/activity?{WINDOW}"), &key).await;
    let published = house.get(&format!("{FEED}?{WINDOW}"), &key).await;
    assert_eq!(seed.text, published.text);
    assert_eq!(numbers(&house.get("/v1/organizations/activity?api_key_ids[]=apikey_x", &key).await), [30]);
    let span = "start_time=2026-11-23T12:00:02Z&end_time=2026-11-23T12:00:04Z&user_ids[]=user_bob";
    assert_eq!(numbers(&house.get(&format!("/v1/organizations/activity?{span}"), &key).await), [3]);
}

#[tokio::test]
async fn a_key_of_one_organization_sees_that_one_only() {
    let (house, _) = house().await;
    let key = house.key_reaching(&[Scope::ReadComplianceActivities], KeyReach::Organization(EAST.into())).await;
    let seen = numbers(&house.get(&format!("{FEED}?{WINDOW}"), &key).await);
    assert_eq!(seen, [19, 17, 13, 11, 9, 7, 3, 1]);
    let both = format!("{FEED}?{WINDOW}&organization_ids[]=org_west&organization_ids[]=org_east");
    assert_eq!(numbers(&house.get(&both, &key).await), seen);
    assert_eq!(numbers(&house.get(&format!("{FEED}?organization_ids[]={WEST}"), &key).await), [0_u32; 0]);
    // The id of a foreign row is no cursor for it, so nothing can be learned about ids.
    assert_eq!(house.get(&format!("{FEED}?after_id=activity_0002"), &key).await.status, 400);
    assert_eq!(house.get(&format!("{FEED}?after_id=activity_0003"), &key).await.status, 200);
}

#[tokio::test]
async fn a_page_holds_a_hundred_unless_asked_for_another_number() {
    let house = House::open().await;
    let rows: Vec<Value> = (1..=150).map(|number| activity(number, "claude_file_uploaded", "user_bob", None)).collect();
    house.store(&rows).await;
    let key = house.reader().await;
    let path = format!("{FEED}?activity_types[]=claude_file_uploaded");
    assert_eq!(house.get(&path, &key).await.ids().len(), 100);
    assert_eq!(house.get(&format!("{path}&limit=5000"), &key).await.ids().len(), 150);
}
