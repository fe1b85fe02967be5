//! What is on the pages: no text of the organization's becomes a part of them, and they load nothing from elsewhere.

use super::*;

/// Every page that a primary owner can open, with ids that exist.
const PAGES: [&str; 36] = [
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
    "/people",
    "/people?seen=dormant&sort=seen&way=down",
    "/people/user_bob",
    "/settings",
    "/settings/members",
    "/settings/keys",
    "/settings/sources",
    "/settings/retention",
    "/settings/audit",
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
    let made = browser.post("/incidents", &[("title", HOSTILE), ("actor", HOSTILE)]).await;
    let case = made.header("location").to_owned();
    assert_eq!(browser.post(case.split('?').next().unwrap(), &[("words", HOSTILE)]).await.status, 303);
    let mut shown = 0;
    let asked = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect::<String>();
    let searches = ["q", "type", "ip", "from"].map(|name| format!("/activity?{name}={asked}"));
    let more = [
        format!("/findings?rule={asked}"),
        format!("/findings?about={asked}"),
        format!("/timeline?ip={asked}"),
        format!("/timeline?from={asked}"),
        format!("/evidence/soc2?from={asked}"),
        case,
    ];
    for path in PAGES.iter().map(|path| (*path).to_owned()).chain(searches).chain(more) {
        let page = browser.get(&path).await;
        assert!(page.status == 200 || page.status == 400, "{path}: {}", page.text);
        assert!(!page.text.contains("<script>") && !page.text.contains("<img"), "{path}: {}", page.text);
        shown += page.text.matches("&lt;script&gt;").count();
    }
    assert!(shown > 20, "the texts are shown, as texts: {shown}");
}

#[tokio::test]
async fn every_page_has_a_title_landmarks_and_nothing_from_elsewhere() {
    let house = house().await;
    house.store(&[activity(1, "claude_file_uploaded", "user_bob", Some(EAST))]).await;
    found(&house, &[finding(1, "user_bob", "")]).await;
    let mut browser = Browser::signed_in(&house, Role::PrimaryOwner).await;
    for path in PAGES.into_iter().chain(["/sign-in?said=wrong", "/no/such/page"]) {
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
