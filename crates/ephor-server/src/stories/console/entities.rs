//! Keys, connectors, skills, projects and workspaces: lists, pages, and who sees what of them.

use ephor_detect::Wanted;
use ephor_lake::directory::{DirectoryKind, DirectoryRow, DirectorySnapshot};

use super::*;

async fn listed(house: &House, kind: DirectoryKind, scope: &str, rows: &[Value]) {
    let row = |value: &Value| {
        let key = value["id"].as_str().or(value["user_id"].as_str()).unwrap().to_owned();
        DirectoryRow { key, value: value.clone() }
    };
    let snapshot = DirectorySnapshot {
        kind,
        scope: scope.into(),
        source: "upstream".into(),
        observed_at_micros: now(),
        rows: rows.iter().map(row).collect(),
    };
    house.app.lake().directory().record(snapshot).await.unwrap();
}

fn about(number: i64, kind: &str, user: &str, fields: &[(&str, &str)]) -> Value {
    let mut activity = activity(number, kind, user, Some(EAST));
    fields.iter().for_each(|(name, value)| activity[*name] = json!(value));
    activity
}

async fn furnish(house: &House) {
    super::work::people(house, &[("user_bob", "Bob Baker"), ("user_eve", "Eve Ash")]).await;
    let key = json!({ "id": "apikey_1", "name": "Nightly build", "status": "active", "created_by": { "id": "user_bob" }, "workspace_id": "wrkspc_1", "created_at": "2026-05-01T00:00:00Z" });
    listed(house, DirectoryKind::ApiKeys, "", &[key]).await;
    let workspace =
        json!({ "id": "wrkspc_1", "name": "Research", "created_at": "2026-04-01T00:00:00Z", "archived_at": null });
    listed(house, DirectoryKind::Workspaces, "", &[workspace]).await;
    let member = json!({ "user_id": "user_eve", "workspace_id": "wrkspc_1", "workspace_role": "workspace_admin" });
    listed(house, DirectoryKind::WorkspaceMembers, "wrkspc_1", &[member]).await;
    house
        .store(&[
            about(1, "mcp_server_created", "user_bob", &[("mcp_server_id", "mcpsrv_1"), ("mcp_server_name", "Ledger")]),
            about(
                2,
                "integration_user_connected",
                "user_eve",
                &[("mcp_server_id", "mcpsrv_1"), ("mcp_server_name", "Ledger")],
            ),
            about(
                3,
                "mcp_server_created",
                "user_bob",
                &[("mcp_server_id", "mcpsrv_2"), ("mcp_server_name", "Old wiki")],
            ),
            about(
                4,
                "mcp_server_deleted",
                "user_bob",
                &[("mcp_server_id", "mcpsrv_2"), ("mcp_server_name", "Old wiki")],
            ),
            about(
                5,
                "claude_skill_enabled",
                "user_eve",
                &[("skill_id", "skill_1"), ("skill_name", "Quarterly report")],
            ),
            about(6, "claude_project_viewed", "user_eve", &[("claude_project_id", "claude_proj_1")]),
            about(7, "platform_workspace_member_added", "user_bob", &[("workspace_id", "wrkspc_1")]),
            about(8, "platform_api_key_updated", "user_bob", &[("api_key_id", "apikey_1")]),
        ])
        .await;
    found(house, &[finding(1, "user_bob", "")]).await;
}

#[tokio::test]
async fn each_kind_has_a_list_and_each_thing_a_page_that_says_who_since_when_and_what_happened() {
    let house = house().await;
    furnish(&house).await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    let lists = [
        ("/keys", "Nightly build"),
        ("/connectors", "Ledger"),
        ("/skills", "Quarterly report"),
        ("/projects", "claude_proj_1"),
        ("/workspaces", "Research"),
    ];
    for (path, name) in lists {
        let page = analyst.get(path).await;
        assert!(page.status == 200 && page.text.contains(name), "{path}: {}", page.text);
    }
    let pages: [(&str, &[&str]); 5] = [
        (
            "/keys/apikey_1",
            &["Nightly build", "Bob Baker", "2026-05-01", "/workspaces/wrkspc_1", "platform_api_key_updated"],
        ),
        (
            "/connectors/mcpsrv_1",
            &["Ledger", "Bob Baker", "Eve Ash", "mcp_server_created", "integration_user_connected"],
        ),
        ("/skills/skill_1", &["Quarterly report", "claude_skill_enabled", "Eve Ash"]),
        ("/projects/claude_proj_1", &["claude_project_viewed", "named only"]),
        (
            "/workspaces/wrkspc_1",
            &["Research", "workspace admin", "Eve Ash", "A role was given", "platform_workspace_member_added"],
        ),
    ];
    for (path, parts) in pages {
        let page = analyst.get(path).await;
        parts.iter().for_each(|part| assert!(page.text.contains(part), "{path} without {part}: {}", page.text));
    }
    for path in ["/keys/apikey_9", "/connectors/mcpsrv_9", "/workspaces/some"] {
        assert_eq!(analyst.get(path).await.status, 404, "{path}");
    }
    // Activities, findings and the search lead here.
    assert!(analyst.get("/activity/activity_0001").await.text.contains("href=\"/connectors/mcpsrv_1\""));
    assert!(analyst.get("/findings/finding_0001").await.text.contains("href=\"/workspaces/wrkspc_1\""));
    assert_eq!(analyst.get("/seek?q=apikey_1").await.header("location"), "/keys/apikey_1");
}

#[tokio::test]
async fn a_list_of_things_is_narrowed_and_sorted() {
    let house = house().await;
    furnish(&house).await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    let mut names = async |path: &str| {
        let text = analyst.get(path).await.text;
        text.split("<td class=\"told\"><a href=\"/connectors/")
            .skip(1)
            .map(|rest| rest[..8].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("/connectors").await, ["mcpsrv_1", "mcpsrv_2"]);
    assert_eq!(names("/connectors?sort=since&way=down").await, ["mcpsrv_2", "mcpsrv_1"]);
    assert_eq!(names("/connectors?state=ended").await, ["mcpsrv_2"]);
    assert_eq!(names("/connectors?q=LEDG").await, ["mcpsrv_1"]);
    assert_eq!(names("/connectors?seen=quiet").await, [""; 0]);
    let registers = ephor_detect::Registers::new(house.app.control());
    let wanted = Wanted { list: "approved_connectors".to_owned(), id: "mcpsrv_1".to_owned(), ..Wanted::default() };
    registers.put(&wanted, &House::owner(), now(), &mut rand::rng()).await.unwrap();
    assert_eq!(names("/connectors?approved=yes").await, ["mcpsrv_1"]);
    assert_eq!(names("/connectors?approved=no").await, ["mcpsrv_2"]);
    // What comes later is told of at the next visit.
    house
        .store(&[about(
            20,
            "mcp_server_created",
            "user_eve",
            &[("mcp_server_id", "mcpsrv_3"), ("mcp_server_name", "New")],
        )])
        .await;
    assert_eq!(names("/connectors").await, ["mcpsrv_1", "mcpsrv_3", "mcpsrv_2"]);
}

#[tokio::test]
async fn a_viewer_sees_things_and_no_names_and_each_look_at_a_name_is_recorded() {
    let mut house = house().await;
    furnish(&house).await;
    let mut viewer = Browser::signed_in(&house, Role::Viewer).await;
    let paths = ["/keys", "/keys/apikey_1", "/connectors/mcpsrv_1", "/workspaces/wrkspc_1", "/projects/claude_proj_1"];
    for path in paths {
        let page = viewer.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        for name in ["user_bob", "user_eve", "Bob Baker", "Eve Ash", "198.51.100.1"] {
            assert!(!page.text.contains(name), "{path} tells {name}: {}", page.text);
        }
        assert!(
            path.starts_with("/projects") || page.text.contains("Person "),
            "{path}: a pseudonym stands in their place"
        );
    }
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    assert_eq!(analyst.get("/connectors/mcpsrv_1").await.status, 200);
    drop((viewer, analyst));
    let looks = house.settled("ephor_console_viewed").await;
    let told: Vec<String> = looks.iter().map(|look| format!("{} {}", look["path"], look["people"])).collect();
    insta::assert_snapshot!(told.join("\n"), @r#""/connectors/mcpsrv_1" ["user_bob","user_eve"]"#);
}
