use ephor_lake::directory::{DirectoryKind, DirectoryRow, DirectorySnapshot};

use super::*;

async fn list(house: &House, kind: DirectoryKind, scope: &str, rows: Vec<Value>) {
    let key = |row: &Value| {
        ["id", "uuid", "user_id", "name"].iter().find_map(|name| row[*name].as_str()).unwrap_or_default().to_owned()
    };
    let rows = rows.into_iter().map(|value| DirectoryRow { key: key(&value), value }).collect();
    let snapshot =
        DirectorySnapshot { kind, scope: scope.into(), source: "upstream".into(), observed_at_micros: now(), rows };
    house.app.lake().directory().record(snapshot).await.unwrap();
}

async fn house() -> (House, String) {
    let house = House::open().await;
    let user = |number: u32| json!({ "id": format!("user_{number:02}"), "full_name": "N", "email": format!("{number}@example.com"), "created_at": format!("2026-01-{number:02}T00:00:00Z"), "organization_role": "user" });
    list(&house, DirectoryKind::Users, EAST, (1..=25).map(user).collect()).await;
    list(&house, DirectoryKind::Users, WEST, vec![user(1)]).await;
    list(
        &house,
        DirectoryKind::Roles,
        EAST,
        vec![json!({ "id": "rbac_role_1", "name": "Analyst", "description": "" })],
    )
    .await;
    let permissions = vec![json!({ "resource_type": "project", "resource_id": "*", "action": "read" })];
    list(&house, DirectoryKind::RolePermissions, "rbac_role_1", permissions).await;
    let group = |id: &str, name: &str| json!({ "id": id, "name": name, "description": "", "source_type": "direct", "roles": ["rbac_role_1"] });
    list(&house, DirectoryKind::Groups, "", vec![group("rbac_group_1", "Sales"), group("rbac_group_2", "Security")])
        .await;
    list(
        &house,
        DirectoryKind::GroupMembers,
        "rbac_group_1",
        vec![json!({ "user_id": "user_01", "email": "1@example.com" })],
    )
    .await;
    let project = |number: u32, organization: &str| {
        json!({
            "id": format!("claude_proj_{number}"), "name": "P", "is_private": true, "user": { "id": format!("user_{number:02}"), "email_address": "x" },
            "organization_id": if organization == EAST { "org_east" } else { "org_west" }, "organization_uuid": organization,
            "created_at": format!("2026-02-{number:02}T00:00:00Z"), "updated_at": format!("2026-03-{number:02}T00:00:00Z"),
        })
    };
    list(&house, DirectoryKind::Projects, "", vec![project(1, EAST), project(2, WEST), project(3, EAST)]).await;
    let collaborator =
        json!({ "type": "user", "user_id": "user_01", "role": "owner", "granted_at": "2026-02-01T00:00:00Z" });
    list(&house, DirectoryKind::ProjectCollaborators, "claude_proj_1", vec![collaborator]).await;
    list(
        &house,
        DirectoryKind::Settings,
        EAST,
        vec![json!({ "name": "web_search_enabled", "type": "boolean", "value": true })],
    )
    .await;
    let key = house.reader().await;
    (house, key)
}

#[tokio::test]
async fn every_listing_serves_its_rows() {
    let (house, key) = house().await;
    let paths = [
        "/v1/compliance/organizations".to_owned(),
        format!("/v1/compliance/organizations/{WEST}/users"),
        format!("/v1/compliance/organizations/{EAST}/roles"),
        format!("/v1/compliance/organizations/{EAST}/roles/rbac_role_1"),
        format!("/v1/compliance/organizations/{EAST}/roles/rbac_role_1/permissions"),
        "/v1/compliance/groups?name_prefix=Sec".to_owned(),
        "/v1/compliance/groups/rbac_group_1".to_owned(),
        "/v1/compliance/groups/rbac_group_1/members".to_owned(),
        "/v1/compliance/apps/projects?user_ids[]=user_03".to_owned(),
        "/v1/compliance/apps/projects/claude_proj_1/collaborators".to_owned(),
    ];
    let mut told = Vec::new();
    for path in paths {
        let answer = house.get(&path, &key).await;
        told.push(format!("{path}\n  {} {}", answer.status.as_u16(), answer.text));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    /v1/compliance/organizations
      200 {"data":[{"created_at":"2026-11-23T12:00:00.000000Z","name":"Parent","uuid":"00000000-0000-4000-8000-000000000000"},{"created_at":"2026-11-23T12:00:00.000000Z","name":"East","uuid":"11111111-1111-4111-8111-111111111111"},{"created_at":"2026-11-23T12:00:00.000000Z","name":"West","uuid":"22222222-2222-4222-8222-222222222222"}],"has_more":false,"next_page":null}
    /v1/compliance/organizations/22222222-2222-4222-8222-222222222222/users
      200 {"data":[{"created_at":"2026-01-01T00:00:00Z","email":"1@example.com","full_name":"N","id":"user_01","organization_role":"user"}],"has_more":false,"next_page":null}
    /v1/compliance/organizations/11111111-1111-4111-8111-111111111111/roles
      200 {"data":[{"description":"","id":"rbac_role_1","name":"Analyst"}],"has_more":false,"next_page":null}
    /v1/compliance/organizations/11111111-1111-4111-8111-111111111111/roles/rbac_role_1
      200 {"description":"","id":"rbac_role_1","name":"Analyst"}
    /v1/compliance/organizations/11111111-1111-4111-8111-111111111111/roles/rbac_role_1/permissions
      200 {"data":[{"action":"read","resource_id":"*","resource_type":"project"}],"has_more":false,"next_page":null}
    /v1/compliance/groups?name_prefix=Sec
      200 {"data":[{"description":"","id":"rbac_group_2","name":"Security","roles":["rbac_role_1"],"source_type":"direct"}],"has_more":false,"next_page":null}
    /v1/compliance/groups/rbac_group_1
      200 {"description":"","id":"rbac_group_1","name":"Sales","roles":["rbac_role_1"],"source_type":"direct"}
    /v1/compliance/groups/rbac_group_1/members
      200 {"data":[{"email":"1@example.com","user_id":"user_01"}],"has_more":false,"next_page":null}
    /v1/compliance/apps/projects?user_ids[]=user_03
      200 {"data":[{"created_at":"2026-02-03T00:00:00Z","id":"claude_proj_3","is_private":true,"name":"P","organization_id":"org_east","organization_uuid":"11111111-1111-4111-8111-111111111111","updated_at":"2026-03-03T00:00:00Z","user":{"email_address":"x","id":"user_03"}}],"has_more":false,"next_page":null}
    /v1/compliance/apps/projects/claude_proj_1/collaborators
      200 {"data":[{"granted_at":"2026-02-01T00:00:00Z","role":"owner","type":"user","user_id":"user_01"}],"has_more":false,"next_page":null}
    "#);
}

#[tokio::test]
async fn pages_follow_each_other_and_their_tokens_belong_to_one_listing() {
    let (house, key) = house().await;
    let path = format!("/v1/compliance/organizations/{EAST}/users?limit=10");
    let first = house.get(&path, &key).await.json();
    let token = first["next_page"].as_str().unwrap();
    let second = house.get(&format!("{path}&page={token}"), &key).await;
    assert_eq!(second.ids().first().unwrap(), "user_11");
    let third = house.get(&format!("{path}&page={}", second.json()["next_page"].as_str().unwrap()), &key).await;
    assert_eq!(third.ids(), ["user_21", "user_22", "user_23", "user_24", "user_25"]);
    assert_eq!((&third.json()["has_more"], &third.json()["next_page"]), (&json!(false), &Value::Null));
    for foreign in [
        format!("/v1/compliance/organizations/{WEST}/users?page={token}"),
        format!("{path}&page={token}x"),
        format!("{path}&page="),
    ] {
        assert_eq!(house.get(&foreign, &key).await.status, 400, "{foreign}");
    }
    assert_eq!(house.get(&format!("/v1/compliance/organizations/{EAST}/users?limit=1001"), &key).await.status, 400);
    assert_eq!(house.get("/v1/compliance/apps/projects?limit=101", &key).await.status, 400);
}

#[tokio::test]
async fn projects_are_filtered_by_organization_and_time() {
    let (house, key) = house().await;
    for (filter, expected) in [
        ("organization_ids[]=org_east", vec!["claude_proj_1", "claude_proj_3"]),
        ("created_at.gt=2026-02-01T00:00:00Z&created_at.lt=2026-02-03T00:00:00Z", vec!["claude_proj_2"]),
        ("updated_at.gte=2026-03-02T00:00:00Z", vec!["claude_proj_2", "claude_proj_3"]),
    ] {
        assert_eq!(
            house.get(&format!("/v1/compliance/apps/projects?{filter}"), &key).await.ids(),
            expected,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn settings_come_with_the_keys_and_never_for_the_parent() {
    let (house, key) = house().await;
    let mut answer = house.get(&format!("/v1/compliance/organizations/{EAST}/settings"), &key).await.json();
    answer["api_keys"][0]["id"] = json!("apikey_…");
    insta::assert_snapshot!(answer, @r#"{"api_keys":[{"created_at":"2026-11-23T12:00:00.000000Z","created_by_id":"user_ada","expires_at":null,"id":"apikey_…","is_active":true,"name":"story","scopes":["read:compliance_activities","read:compliance_org_data","read:compliance_user_data"],"type":"compliance_api_key"}],"organization_id":"11111111-1111-4111-8111-111111111111","settings":[{"name":"web_search_enabled","type":"boolean","value":true}],"type":"effective_organization_settings"}"#);
    for unknown in [PARENT, "33333333-3333-4333-8333-333333333333", "no-uuid", "org_east"] {
        assert_eq!(
            house.get(&format!("/v1/compliance/organizations/{unknown}/settings"), &key).await.status,
            404,
            "{unknown}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let (house, key) = house().await;
    for path in [
        "/v1/compliance/organizations/no-uuid/users".to_owned(),
        "/v1/compliance/organizations/no-uuid/roles".to_owned(),
        format!("/v1/compliance/organizations/{WEST}/roles/rbac_role_1"),
        format!("/v1/compliance/organizations/{WEST}/roles/rbac_role_1/permissions"),
        "/v1/compliance/groups/x".to_owned(),
        "/v1/compliance/groups/x/members".to_owned(),
        "/v1/compliance/apps/projects/x/collaborators".to_owned(),
    ] {
        let answer = house.get(&path, &key).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["type"]),
            (404, &json!("not_found_error")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_key_of_one_organization_finds_nothing_of_the_others() {
    let (house, _) = house().await;
    let scopes = [Scope::ReadComplianceOrgData, Scope::ReadComplianceUserData];
    let key = house.key_reaching(&scopes, KeyReach::Organization(EAST.into())).await;
    let organizations = house.get("/v1/compliance/organizations", &key).await.json();
    assert_eq!(organizations["data"].as_array().unwrap().len(), 1);
    assert_eq!(house.get(&format!("/v1/compliance/organizations/{EAST}/users"), &key).await.ids().len(), 25);
    assert_eq!(house.get(&format!("/v1/compliance/organizations/{WEST}/users"), &key).await.status, 404);
    assert_eq!(house.get("/v1/compliance/apps/projects", &key).await.ids(), ["claude_proj_1", "claude_proj_3"]);
    let settings = house.get(&format!("/v1/compliance/organizations/{EAST}/settings"), &key).await.json();
    assert_eq!(settings["api_keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_of_one_organization_sees_the_groups_of_its_people_and_in_them_its_people() {
    let (house, parent_key) = house().await;
    let stranger = json!({ "user_id": "user_77", "email": "77@example.com" });
    let own = json!({ "user_id": "user_01", "email": "1@example.com" });
    list(&house, DirectoryKind::GroupMembers, "rbac_group_1", vec![own, stranger.clone()]).await;
    list(&house, DirectoryKind::GroupMembers, "rbac_group_2", vec![stranger]).await;
    let members = |answer: Answer| {
        let rows = answer.json()["data"].as_array().unwrap().clone();
        rows.iter().map(|row| row["user_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(house.get("/v1/compliance/groups", &parent_key).await.ids(), ["rbac_group_1", "rbac_group_2"]);
    assert_eq!(
        members(house.get("/v1/compliance/groups/rbac_group_1/members", &parent_key).await),
        ["user_01", "user_77"]
    );
    let scopes = [Scope::ReadComplianceOrgData, Scope::ReadComplianceUserData];
    let key = house.key_reaching(&scopes, KeyReach::Organization(EAST.into())).await;
    assert_eq!(house.get("/v1/compliance/groups", &key).await.ids(), ["rbac_group_1"]);
    assert_eq!(members(house.get("/v1/compliance/groups/rbac_group_1/members", &key).await), ["user_01"]);
    assert_eq!(house.get("/v1/compliance/groups/rbac_group_2", &key).await.status, 404);
    assert_eq!(house.get("/v1/compliance/groups/rbac_group_2/members", &key).await.status, 404);
}

#[tokio::test]
async fn a_directory_of_an_admin_api_is_served_in_published_words() {
    let (house, key) = house().await;
    list(&house, DirectoryKind::Organizations, "", vec![json!({ "uuid": "u-3", "name": "South" })]).await;
    let person = json!({ "type": "user", "id": "user_5", "email": "5@example.com", "name": "Bo", "role": "developer", "added_at": "2026-01-05T00:00:00Z" });
    list(&house, DirectoryKind::Users, "u-3", vec![person]).await;
    let organizations = house.get("/v1/compliance/organizations", &key).await.json();
    assert_eq!(organizations["data"][3], json!({ "uuid": "u-3", "name": "South", "created_at": null }));
    let people = house.get("/v1/compliance/organizations/u-3/users", &key).await.json();
    insta::assert_snapshot!(people["data"][0], @r#"{"created_at":"2026-01-05T00:00:00Z","email":"5@example.com","full_name":"Bo","id":"user_5","organization_role":"developer","type":"user"}"#);
}
