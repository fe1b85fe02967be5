//! The directory of an Admin API read page by page: lists by cursor, lists by token, and what is left out.
//! The shapes are those of the vendor's SDK (`anthropic` 2.12.0: `organization.rbac_groups`, `rbac_roles`, `users`).
//! Never a request for anything but a listing.

use std::time::Duration;

use axum::response::Response;
use ephor_sources::{Listings, read_admin_directory};
use serde_json::{Value, json};

use crate::directory::told;
use crate::upstream::{Manners, Upstream, json_answer, refusal};
use crate::{PATIENCE, clock, endpoint};

/// Rows of a page, so that every list has two.
const PAGE_ROWS: usize = 2;

const UUID: &str = "11111111-1111-4111-8111-111111111111";

enum List {
    ByCursor(Vec<Value>),
    ByToken(Vec<Value>),
}

fn list(path: &str, roles: &Value) -> Option<List> {
    let numbered = |prefix: &str| (1..=3).map(|n| json!({ "id": format!("{prefix}{n}") })).collect();
    let parts: Vec<&str> = path.trim_start_matches("/v1/organizations/").split('/').collect();
    Some(match parts[..] {
        ["users"] => List::ByCursor(
            (1..=3)
                .map(|n| json!({ "type": "user", "id": format!("user_{n}"), "name": "Ada", "role": "user" }))
                .collect(),
        ),
        ["invites"] => List::ByCursor(numbered("invite_")),
        ["api_keys"] => List::ByCursor(numbered("apikey_")),
        ["workspaces"] => List::ByCursor(numbered("wrkspc_")),
        ["workspaces", _, "members"] => {
            List::ByCursor((1..=3).map(|n| json!({ "id": n.to_string(), "user_id": format!("user_{n}") })).collect())
        }
        ["rbac_groups"] => List::ByToken(
            (1..=3).map(|n| json!({ "id": format!("rbac_group_{n}"), "name": "Finance", "role_ids": roles })).collect(),
        ),
        ["rbac_groups", "rbac_group_3", "members"] => List::ByToken(Vec::new()),
        ["rbac_groups", _, "members"] => {
            List::ByToken((1..=3).map(|n| json!({ "user_id": format!("user_{n}") })).collect())
        }
        ["rbac_roles"] => List::ByToken(vec![json!({ "id": "rbac_role_1", "display_name": "Curator" })]),
        ["rbac_roles", _, "permissions"] => List::ByToken(vec![
            json!({ "action": "chat", "resource": { "type": "organization", "organization_id": UUID } }),
            json!({ "action": "use", "resource": { "type": "connector_tool", "connector_id": "c1", "tool_name": "search" } }),
            json!({ "action": "use", "resource": { "type": "all_connectors" } }),
        ]),
        _ => return None,
    })
}

/// The upstream's answer to a path of the Admin API.
pub fn answer(path: &str, query: &[(String, String)], manners: &mut Manners) -> Response {
    let asked = |name: &str| query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    if manners.forbidden.is_some_and(|end| path.ends_with(end)) {
        return refusal(403, "Missing required scopes");
    }
    if path == "/v1/organizations/me" {
        return json_answer(json!({ "type": "organization", "id": UUID, "name": "Example" }).to_string());
    }
    let mut roles = json!(["rbac_role_1"]);
    if path.ends_with("/rbac_groups") && manners.roles_unknown > 0 {
        manners.roles_unknown -= 1;
        roles = Value::Null;
    }
    match list(path, &roles) {
        Some(List::ByCursor(rows)) => {
            let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
            let from = asked("after_id").map_or(0, |after| rows.iter().position(|row| id(row) == after).unwrap() + 1);
            let page = &rows[from..rows.len().min(from + PAGE_ROWS)];
            let has_more = from + page.len() < rows.len();
            json_answer(json!({ "data": page, "has_more": has_more, "last_id": page.last().map(id) }).to_string())
        }
        Some(List::ByToken(rows)) => {
            // Without it the vendor answers 404 to what is in beta.
            if asked("beta") != Some("true") {
                return refusal(404, "not found");
            }
            let from = asked("page").map_or(0, |token| token.strip_prefix("page_").unwrap().parse().unwrap());
            let to = rows.len().min(from + PAGE_ROWS);
            let next = (to < rows.len()).then(|| format!("page_{to}"));
            json_answer(json!({ "data": rows[from..to], "next_page": next }).to_string())
        }
        None => refusal(404, "not found"),
    }
}

async fn read(upstream: &Upstream) -> Listings {
    read_admin_directory(endpoint(upstream, PATIENCE), clock).await.unwrap()
}

async fn serve() -> Upstream {
    Upstream::serve(Vec::new(), 0, 0.0, Duration::ZERO).await
}

#[tokio::test]
async fn people_keys_groups_and_roles_are_read_to_the_end_of_each_list() {
    let upstream = serve().await;
    insta::assert_snapshot!(told(&read(&upstream).await), @r"
    directory_organizations [] 11111111-1111-4111-8111-111111111111
    directory_users [11111111-1111-4111-8111-111111111111] user_1 user_2 user_3
    directory_invites [11111111-1111-4111-8111-111111111111] invite_1 invite_2 invite_3
    directory_api_keys [11111111-1111-4111-8111-111111111111] apikey_1 apikey_2 apikey_3
    directory_workspaces [11111111-1111-4111-8111-111111111111] wrkspc_1 wrkspc_2 wrkspc_3
    directory_workspace_members [wrkspc_1] user_1 user_2 user_3
    directory_workspace_members [wrkspc_2] user_1 user_2 user_3
    directory_workspace_members [wrkspc_3] user_1 user_2 user_3
    directory_group_members [rbac_group_1] user_1 user_2 user_3
    directory_group_members [rbac_group_2] user_1 user_2 user_3
    directory_group_members [rbac_group_3] none
    directory_groups [] rbac_group_1 rbac_group_2 rbac_group_3
    directory_roles [11111111-1111-4111-8111-111111111111] rbac_role_1
    directory_role_permissions [rbac_role_1] organization/11111111-1111-4111-8111-111111111111/chat connector_tool/c1/search/use all_connectors/use
    ");
    let asked = upstream.asked();
    assert!(asked.iter().all(|request| request.path.starts_with("/v1/organizations/")));
}

#[tokio::test]
async fn what_the_key_may_not_read_is_left_out_and_the_rest_is_there() {
    let upstream = serve().await;
    upstream.manners().forbidden = Some("/rbac_groups");
    let told = told(&read(&upstream).await);
    assert!(told.contains("left out: directory_groups: Missing required scopes"), "{told}");
    assert!(!told.contains("directory_groups ["), "{told}");
    assert!(told.contains("directory_roles [11111111-1111-4111-8111-111111111111] rbac_role_1"), "{told}");
}

#[tokio::test]
async fn an_older_upstream_that_does_not_say_whose_the_key_is_is_read_all_the_same() {
    let upstream = serve().await;
    upstream.manners().forbidden = Some("/me");
    let told = told(&read(&upstream).await);
    assert!(told.contains("directory_users [] user_1 user_2 user_3"), "{told}");
}

#[tokio::test]
async fn groups_whose_roles_are_unknown_for_a_moment_are_read_again() {
    let upstream = serve().await;
    upstream.manners().roles_unknown = 2;
    let listings = read(&upstream).await;
    assert!(
        told(&listings).contains("directory_groups [] rbac_group_1 rbac_group_2 rbac_group_3"),
        "{}",
        told(&listings)
    );
    assert!(listings.left_out.is_empty());
}

#[tokio::test]
async fn groups_whose_roles_stay_unknown_are_not_taken_for_groups_without_roles() {
    let upstream = serve().await;
    upstream.manners().roles_unknown = u32::MAX;
    let told = told(&read(&upstream).await);
    assert!(!told.contains("directory_groups ["), "{told}");
    assert!(told.contains("left out: directory_groups: the upstream does not know the roles of a group"), "{told}");
    assert!(told.contains("directory_group_members [rbac_group_1] user_1 user_2 user_3"), "{told}");
}
