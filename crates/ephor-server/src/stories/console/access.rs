//! Who gets which page.

use super::*;
use crate::console::{Admits, Page, Takes};

/// A path with something in place of each parameter.
fn filled(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "some_id" } else { part }).collect::<Vec<_>>().join("/")
}

fn table(house: &House) -> Vec<&'static Page> {
    crate::console::mount(house.app.clone()).table
}

async fn ask(browser: &mut Browser<'_>, page: &Page) -> Answer {
    let path = filled(page.path);
    let token = browser.token.clone();
    match (page.method == Method::GET, page.takes) {
        (true, _) => browser.get(&path).await,
        (false, Takes::Json) => {
            let request = browser.request(Method::POST, &path).header("content-type", "application/json");
            browser.send(request.header("x-form-token", token).body(Body::from("{}")).unwrap()).await
        }
        (false, _) => browser.post(&path, &[]).await,
    }
}

#[tokio::test]
async fn every_page_and_action_asks_for_its_right_from_every_role() {
    let house = house().await;
    let mut told = Vec::new();
    for role in Role::ALL {
        let mut reader = Browser::signed_in(&house, role).await;
        let is_look = |page: &&Page| page.method == Method::GET && matches!(page.admits, Admits::Holder(_));
        let (looks, others): (Vec<_>, Vec<_>) = table(&house).into_iter().partition(is_look);
        for page in looks.into_iter().chain(others) {
            // Actions and ways in come last, each with a session of its own: some of them end all that a person has.
            let answer = match is_look(&page) {
                true => ask(&mut reader, page).await,
                false => ask(&mut Browser::signed_in(&house, role).await, page).await,
            };
            let refused = answer.status == 403 && answer.text.contains("This takes a role that may");
            let allowed = match page.admits {
                Admits::Anyone | Admits::SignedIn | Admits::Program => true,
                Admits::Holder(right) => right.is_of(role),
            };
            assert_eq!(refused, !allowed, "{role}: {} {}: {} {}", page.method, page.path, answer.status, answer.text);
            assert!(answer.status != 500, "{role}: {} {}: {}", page.method, page.path, answer.text);
            if role == Role::PrimaryOwner {
                told.push(format!("{} {} {:?}", page.method, page.path, page.admits));
            }
        }
    }
    assert!(told.len() > 40, "{told:#?}");
}

#[tokio::test]
async fn only_what_signing_in_takes_is_open() {
    let house = house().await;
    let mut open = Vec::new();
    for page in table(&house) {
        let mut stranger = Browser::new(&house);
        stranger.get("/sign-in").await;
        let answer = ask(&mut stranger, page).await;
        match (page.admits, page.method == Method::GET) {
            (Admits::Anyone | Admits::Program, _) => open.push(format!("{} {}", page.method, page.path)),
            (_, true) => {
                let to = answer.header("location");
                assert!(
                    answer.status == 303 && to.starts_with("/sign-in?to="),
                    "{}: {} {to}",
                    page.path,
                    answer.status
                );
            }
            (_, false) => assert_eq!(answer.status, 401, "{}: {}", page.path, answer.text),
        }
    }
    insta::assert_snapshot!(open.join("\n"), @r"
    GET /assets/{name}
    GET /sign-in
    POST /sign-in/password
    POST /sign-in/code
    POST /sign-in/passkey/ask
    POST /sign-in/passkey
    GET /sign-in/provider
    GET /sign-in/provider/back
    POST /sign-in/provider/logout
    GET /signed-out
    ");
}

#[tokio::test]
async fn a_path_that_is_none_says_so_as_a_page_to_a_browser_and_as_json_to_a_program() {
    let house = house().await;
    let mut browser = Browser::new(&house);
    let page = browser.get("/no/such/page").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (404, "text/html; charset=utf-8"));
    let program = house.get("/no/such/page", "").await;
    assert_eq!((program.status.as_u16(), program.json()["error"]["type"].as_str()), (404, Some("not_found_error")));
}

#[tokio::test]
async fn a_session_for_setting_up_opens_nothing_else() {
    let house = house().await;
    let id = member(&house, Role::Admin).await;
    let mut browser = Browser::new(&house);
    browser.get("/sign-in").await;
    let code = code(&house, &id, Opens::SetUp).await;
    let answer = browser.post("/sign-in/code", &[("code", &code)]).await;
    assert_eq!(answer.header("location"), "/set-up");
    for path in ["/", "/activity", "/settings/keys", "/people/user_ada"] {
        let answer = browser.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/set-up"), "{path}");
    }
}

#[tokio::test]
async fn a_viewer_sees_pseudonyms_and_nobody_s_name() {
    let house = house().await;
    house
        .store(&[
            activity(1, "claude_file_uploaded", "user_bob", Some(EAST)),
            activity(2, "api_key_created", "user_bob", None),
        ])
        .await;
    found(&house, &[finding(1, "user_bob", "")]).await;
    let mut viewer = Browser::signed_in(&house, Role::Viewer).await;
    let pages = [
        "/",
        "/activity",
        "/people",
        "/activity?actor=user_bob",
        "/activity?q=bob",
        "/people?q=bob",
        "/findings",
        "/findings?about=user_bob",
        "/use-cases/privilege-escalation",
        "/use-cases/adoption-governance",
        "/rules/rank_raised_to_owner",
    ];
    for path in pages {
        let page = viewer.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let shown = page.text.replace("q=bob", "").replace("=user_bob", "");
        assert!(!shown.contains("user_bob") && !shown.contains("198.51.100.1"), "{path}: {shown}");
    }
    assert!(viewer.get("/activity").await.text.contains("Person "), "a pseudonym stands in their place");
    let refused = ["/people/user_bob", "/findings/finding_0001", "/timeline?actor=user_bob", "/incidents", "/reviews"];
    for path in refused {
        assert_eq!(viewer.get(path).await.status, 403, "{path}");
    }
    assert_eq!(viewer.get("/activity/activity_0001").await.status, 403);
    assert_eq!(viewer.get("/activity/export?format=csv").await.status, 403);
}

#[tokio::test]
async fn every_look_at_a_named_person_and_every_copy_is_an_activity() {
    let mut house = house().await;
    house.store(&[activity(1, "claude_file_uploaded", "user_bob", Some(EAST))]).await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    assert_eq!(analyst.get("/people/user_bob").await.status, 200);
    let mut viewer = Browser::signed_in(&house, Role::Viewer).await;
    assert_eq!(viewer.get("/people").await.status, 200);
    let copy = analyst.get("/activity/export?format=csv&type=claude_file_uploaded").await;
    assert!(copy.text.contains("user_bob@example.com"), "{}", copy.text);
    drop((analyst, viewer));
    let looks = house.settled("ephor_console_viewed").await;
    let told: Vec<String> =
        looks.iter().map(|look| format!("{} {} {}", look["actor"]["user_id"], look["path"], look["people"])).collect();
    insta::assert_snapshot!(told.join("\n"), @r#""user_analyst" "/people/user_bob" ["user_bob"]"#);
    let copies = house.settled("ephor_console_exported").await;
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0]["query"], "format=csv&type=claude_file_uploaded");
}
