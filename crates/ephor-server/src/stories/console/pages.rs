//! What is on the pages: no text of the organization's becomes a part of them, and they load nothing from elsewhere.

use super::*;

/// Every page that a primary owner can open, with ids that exist.
const PAGES: [&str; 53] = [
    "/",
    "/activity",
    "/activity?own=show",
    "/activity?q=x&in=fields",
    "/activity?order=asc&span=7d",
    "/activity/activity_0001",
    "/findings",
    "/findings?status=all&severity=high&use_case=privilege-escalation",
    "/findings/finding_0001",
    "/rules",
    "/rules?use_case=shadow-ai",
    "/rules/admin_key_made",
    "/rules/admin_key_made/backtest",
    "/use-cases",
    "/use-cases/shadow-ai",
    "/use-cases/privilege-escalation",
    "/use-cases/adoption-governance",
    "/use-cases/cost-attribution",
    "/use-cases/access-review?from=2026-11-01&to=2026-11-23",
    "/compare",
    "/incidents",
    "/timeline?actor=user_bob&related=1",
    "/reviews",
    "/evidence",
    "/evidence/soc2?from=2026-11-01&to=2026-11-22",
    "/settings/sinks",
    "/settings/lists?history=true",
    "/settings/schedules",
    "/people",
    "/people?seen=dormant&sort=seen&way=down",
    "/people/user_bob",
    "/settings",
    "/settings/members",
    "/settings/keys",
    "/settings/sources",
    "/settings/retention",
    "/settings/audit",
    "/keys",
    "/keys?sort=seen&way=down&state=live",
    "/keys/apikey_1",
    "/connectors",
    "/connectors?approved=no&seen=week",
    "/connectors/mcpsrv_1",
    "/skills",
    "/skills/skill_1",
    "/projects",
    "/projects/claude_proj_1",
    "/workspaces",
    "/workspaces/wrkspc_1",
    "/incidents/{case}",
    "/reviews/{review}",
    "/account",
    "/set-up",
];

const HOSTILE: &str = r#""><script>alert(1)</script><img src=x onerror=alert(1)>'"#;

fn hostile(number: i64) -> Value {
    json!({
        "id": format!("activity_{number:04}"),
        "created_at": Timestamp::from_micros(NOON + number * SECOND).as_str(),
        "type": if number == 1 { "claude_user_role_updated".to_owned() } else { format!("odd{HOSTILE}") },
        "actor": { "type": "user_actor", "user_id": "user_bob", "email_address": format!("{HOSTILE}@example.com"), "ip_address": HOSTILE, "user_agent": HOSTILE },
        "organization_id": HOSTILE,
        "organization_uuid": EAST,
        "workspace_id": HOSTILE,
        "previous_role": HOSTILE,
        "current_role": { "nested": [HOSTILE, { HOSTILE: HOSTILE }] },
        HOSTILE: HOSTILE,
    })
}

/// Ways that lead to a file, a stream or another page and are none themselves.
const NO_PAGES: [&str; 10] = [
    "/assets/{name}",
    "/activity/live",
    "/activity/export",
    "/seek",
    "/use-cases/{name}/download",
    "/incidents/{id}/download",
    "/reviews/{id}/result",
    "/evidence/packages/{name}",
    "/sign-in/provider",
    "/sign-in/provider/back",
];

/// Pages for somebody who is not signed in, which have stories of their own.
const OUTSIDE: [&str; 2] = ["/sign-in", "/signed-out"];

/// What is mounted and can be looked at.
fn mounted(house: &House) -> Vec<&'static str> {
    let table = crate::console::mount(house.app.clone()).table;
    let looks = table.iter().filter(|page| page.method == Method::GET).map(|page| page.path);
    looks.filter(|path| !NO_PAGES.contains(path)).collect()
}

/// Whether an address is one of a mounted path.
fn is_of(address: &str, path: &str) -> bool {
    let address = address.split('?').next().unwrap();
    let (mine, theirs): (Vec<&str>, Vec<&str>) = (address.split('/').collect(), path.split('/').collect());
    mine.len() == theirs.len()
        && mine.iter().zip(&theirs).all(|(mine, theirs)| mine == theirs || theirs.starts_with('{'))
}

#[tokio::test]
async fn these_stories_and_the_walk_in_a_browser_look_at_every_page_there_is() {
    let house = house().await;
    let mounted = mounted(&house);
    let walked = include_str!("../../../../../tests/python/console_pages.txt").lines();
    let walked: Vec<&str> =
        walked.filter(|line| !line.starts_with('#')).map(|line| line.split(" <- ").next().unwrap()).collect();
    for path in &mounted {
        assert!(walked.contains(path), "tests/python/console_pages.txt lacks {path}");
        let here = PAGES.iter().any(|address| is_of(address, path)) || OUTSIDE.contains(path);
        assert!(here, "PAGES of this file has none of {path}");
    }
    for path in walked {
        assert!(mounted.contains(&path), "tests/python/console_pages.txt has {path}, which is not mounted");
    }
}

/// Furnishes a house with one of everything, each with these words in its name; the addresses of [`PAGES`] with what was made.
async fn furnished(house: &House, browser: &mut Browser<'_>, words: &str) -> Vec<String> {
    let named = |number: i64, kind: &str, fields: Value| {
        let mut activity = activity(number, kind, "user_bob", Some(EAST));
        activity.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        activity
    };
    house
        .store(&[
            named(
                11,
                "mcp_server_created",
                json!({ "mcp_server_id": "mcpsrv_1", "mcp_server_name": format!("Jira {words}") }),
            ),
            named(
                12,
                "claude_skill_created",
                json!({ "skill_id": "skill_1", "skill_name": format!("Reports {words}") }),
            ),
            named(13, "api_key_created", json!({ "api_key_id": "apikey_1", "scopes": [words] })),
            named(14, "claude_project_created", json!({ "claude_project_id": "claude_proj_1" })),
            named(15, "platform_workspace_created", json!({ "workspace_id": "wrkspc_1" })),
        ])
        .await;
    super::work::people(house, &[("user_bob", &format!("Bob {words}"))]).await;
    let registers = ephor_detect::Registers::new(house.app.control());
    let wanted = ephor_detect::Wanted {
        list: "approved_connectors".to_owned(),
        id: format!("Wiki {words}"),
        name: Some(format!("Wiki {words}")),
        reason: Some(format!("Asked for {words}")),
        ..ephor_detect::Wanted::default()
    };
    registers.put(&wanted, &House::owner(), now(), &mut rand::rng()).await.unwrap();
    let packages = house.app.lake().dir().join("packages");
    std::fs::create_dir_all(&packages).unwrap();
    std::fs::write(packages.join("odd<script>.zip"), "none").unwrap();
    let title = if words.is_empty() { "A case" } else { words };
    let case = browser.post("/incidents", &[("title", title), ("actor", title)]).await.header("location").to_owned();
    let case = case.split('?').next().unwrap().to_owned();
    assert_eq!(browser.post(&case, &[("words", title)]).await.status, 303);
    let wanted =
        [("name", title), ("due", "2026-12-31"), ("reviewer", "reviewer@example.com"), ("kind", "organization_role")];
    let review = browser.post("/reviews", &wanted).await;
    assert_eq!(review.status, 303, "{}", review.text);
    let review = review.header("location").split('?').next().unwrap().to_owned();
    PAGES.iter().map(|path| path.replace("/incidents/{case}", &case).replace("/reviews/{review}", &review)).collect()
}

#[tokio::test]
async fn a_hostile_organization_s_texts_stay_texts_on_every_page() {
    let house = house().await;
    house.store(&[hostile(1), hostile(2)]).await;
    found(&house, &[finding(1, "user_bob", HOSTILE)]).await;
    house.key(&[Scope::ReadFindings]).await;
    let wanted = NewKey {
        name: HOSTILE.into(),
        scopes: [Scope::ReadFindings].into_iter().collect(),
        reach: KeyReach::Parent,
        expires_at_micros: None,
    };
    house.app.control().keys().create(wanted, &House::owner(), now(), &mut rand::rng()).await.unwrap();
    let mut browser = Browser::signed_in(&house, Role::PrimaryOwner).await;
    let pages = furnished(&house, &mut browser, HOSTILE).await;
    let mut shown = 0;
    let asked = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect::<String>();
    let part = asked.replace('+', "%20");
    let searches = ["q", "type", "ip", "from"].map(|name| format!("/activity?{name}={asked}"));
    let more = [
        format!("/findings?rule={asked}"),
        format!("/findings?about={asked}"),
        format!("/timeline?ip={asked}"),
        format!("/timeline?from={asked}"),
        format!("/evidence/soc2?from={asked}"),
        format!("/connectors?q={asked}"),
        format!("/workspaces/{part}"),
    ];
    for path in pages.into_iter().chain(searches).chain(more) {
        let page = browser.get(&path).await;
        assert!(page.status == 200 || page.status == 400, "{path}: {}", page.text);
        assert!(!page.text.contains("<script>") && !page.text.contains("<img"), "{path}: {}", page.text);
        shown += page.text.matches("&lt;script&gt;").count();
    }
    assert!(shown > 40, "the texts are shown, as texts: {shown}");
}

#[tokio::test]
async fn every_page_has_a_title_landmarks_and_nothing_from_elsewhere() {
    let house = house().await;
    house.store(&[activity(1, "claude_file_uploaded", "user_bob", Some(EAST))]).await;
    found(&house, &[finding(1, "user_bob", "")]).await;
    let mut browser = Browser::signed_in(&house, Role::PrimaryOwner).await;
    let pages = furnished(&house, &mut browser, "").await;
    for path in pages.into_iter().chain(["/sign-in?said=wrong", "/no/such/page"].map(str::to_owned)) {
        let path = path.as_str();
        let page = browser.get(path).await;
        let text = &page.text;
        assert_eq!(text.matches("<h1>").count(), 1, "{path}");
        assert!(
            text.contains("<html lang=\"en\"") && text.contains("<main id=\"content\"") && text.contains("<title>"),
            "{path}"
        );
        assert!(
            !text.contains(" style=\"") && !text.contains("<style") && !text.contains(" onclick="),
            "{path}: inline style or script"
        );
        for attribute in ["src=\"", "href=\"", "action=\""] {
            for target in text.split(attribute).skip(1) {
                let target = target.split('"').next().unwrap();
                assert!(target.starts_with('/') || target.starts_with('#'), "{path} loads or leads to {target}");
            }
        }
        assert_eq!(
            text.matches("<table").count(),
            text.matches("<caption").count(),
            "{path}: a table without a caption"
        );
        let navs = text.split("<nav").skip(1).map(|rest| rest.split('>').next().unwrap());
        assert!(navs.into_iter().all(|nav| nav.contains("aria-label=")), "{path}: a navigation without a name");
        assert!(text.len() < 150 << 10, "{path}: {} bytes", text.len());
    }
}

#[tokio::test]
async fn a_link_keeps_the_question_and_a_filter_can_be_taken_away() {
    let house = house().await;
    let rows: Vec<Value> = (0..70)
        .map(|number| {
            activity(
                number,
                if number % 2 == 0 { "claude_file_uploaded" } else { "user_logged_out" },
                "user_bob",
                Some(EAST),
            )
        })
        .collect();
    house.store(&rows).await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    let page = analyst.get("/activity?type=claude_file_uploaded").await;
    assert!(
        page.text.contains("35 activities") && !page.text.contains("href=\"/activity/activity_0001\""),
        "{}",
        page.text
    );
    let all = analyst.get("/activity?source=push").await;
    let older = all
        .text
        .split("rel=\"next\" href=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .map(|link| link.replace("&amp;", "&"));
    assert!(all.text.contains("href=\"/activity\""), "taking the filter away");
    let older = older.unwrap_or_else(|| panic!("no older page: {}", all.text));
    let second = analyst.get(&older).await;
    let ids = |text: &str| text.matches("href=\"/activity/activity_").count();
    assert_eq!((ids(&all.text), ids(&second.text)), (50, 20));
}

#[tokio::test]
async fn a_key_is_made_shown_once_and_revoked() {
    let house = house().await;
    let mut admin = Browser::signed_in(&house, Role::Admin).await;
    let made = admin
        .post("/settings/keys", &[("name", "siem"), ("scope", "read:compliance_activities"), ("days", "90")])
        .await;
    let secret = between(&made.text, "id=\"secret\">", "<").unwrap().to_owned();
    assert_eq!(house.get("/v1/compliance/activities", &secret).await.status, 200);
    let listed = admin.get("/settings/keys").await;
    assert!(!listed.text.contains(&secret) && listed.text.contains("siem"));
    let record = house.app.control().keys().list().await.unwrap().into_iter().find(|key| key.name == "siem").unwrap();
    assert_eq!(admin.post("/settings/keys/revoke", &[("id", &record.id)]).await.status, 303);
    assert_eq!(house.get("/v1/compliance/activities", &secret).await.status, 401);
}
