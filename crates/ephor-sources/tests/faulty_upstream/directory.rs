//! The directory of a Compliance API read page by page, with a key that may not see all of it.
//! A list that cannot be read to its end is left out, since a shorter one would say that people have gone.
//! Never a request for a path that could answer with content.

use std::time::Duration;

use axum::response::Response;
use ephor_sources::{Listings, SourceError, read_compliance_directory};
use serde_json::{Value, json};

use crate::upstream::{Manners, Upstream, json_answer, refusal};
use crate::{PATIENCE, clock, endpoint};

/// Rows of a page, so that every list has two.
const PAGE_ROWS: usize = 2;

/// What the upstream has under a path; nothing where there is nothing.
fn rows(path: &str) -> Option<Vec<Value>> {
    let numbered = |prefix: &str| (1..=3).map(|n| json!({ "id": format!("{prefix}{n}"), "name": n })).collect();
    let parts: Vec<&str> = path.trim_start_matches("/v1/compliance/").split('/').collect();
    Some(match parts[..] {
        ["organizations"] => (1..=3).map(|n| json!({ "uuid": format!("uuid-{n}") })).collect(),
        ["organizations", _, "users"] => numbered("user_"),
        ["organizations", "uuid-1", "roles"] => numbered("rbac_role_"),
        ["organizations", _, "roles"] => Vec::new(),
        ["organizations", _, "roles", _, "permissions"] => (1..=3)
            .map(|n| json!({ "resource_type": "project", "resource_id": n.to_string(), "action": "read" }))
            .collect(),
        ["groups"] => vec![json!({ "id": "rbac_group_1" }), json!({ "id": "../apps/chats" })],
        ["groups", _, "members"] => (1..=3).map(|n| json!({ "user_id": format!("user_{n}") })).collect(),
        ["apps", "projects"] => numbered("claude_proj_"),
        ["apps", "projects", _, "collaborators"] => {
            (1..=3).map(|n| json!({ "type": "user", "user_id": n.to_string() })).collect()
        }
        _ => return None,
    })
}

/// The upstream's answer to a directory path.
pub fn answer(path: &str, query: &[(String, String)], manners: Manners) -> Response {
    let ends = |with: Option<&str>| with.is_some_and(|end| path.ends_with(end));
    if ends(manners.forbidden) {
        return refusal(403, "Missing required scopes");
    }
    if path.ends_with("/uuid-2/settings") {
        let settings = json!({ "settings": [{ "name": "sso", "value": true }], "api_keys": [{ "id": "apikey_1" }] });
        return json_answer(settings.to_string());
    }
    let Some(rows) = rows(path) else { return refusal(404, "not found") };
    let token = query.iter().find(|(name, _)| name == "page").map(|(_, token)| token.as_str());
    let from = token.and_then(|token| token.strip_prefix("page_")?.parse().ok()).unwrap_or(0);
    let to = rows.len().min(from + PAGE_ROWS);
    let body = match ends(manners.stuck) {
        true => json!({ "data": rows[..to.min(PAGE_ROWS)], "has_more": true, "next_page": "page_2" }),
        false => {
            let has_more = to < rows.len();
            json!({ "data": rows[from..to], "has_more": has_more, "next_page": has_more.then(|| format!("page_{to}")) })
        }
    };
    json_answer(body.to_string())
}

async fn read(upstream: &Upstream) -> Result<Listings, SourceError> {
    read_compliance_directory(endpoint(upstream, PATIENCE), clock).await
}

async fn serve() -> Upstream {
    Upstream::serve(Vec::new(), 0, 0.0, Duration::ZERO).await
}

/// Kind, scope and keys of each listing.
pub fn told(listings: &Listings) -> String {
    let lines = listings.snapshots.iter().map(|listing| {
        let keys: Vec<&str> = listing.rows.iter().map(|row| row.key.as_str()).collect();
        let keys = if keys.is_empty() { "none".to_owned() } else { keys.join(" ") };
        format!("{} [{}] {keys}", listing.kind.table_name(), listing.scope)
    });
    lines.chain(listings.left_out.iter().map(|left| format!("left out: {left}"))).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn lists_of_two_pages_are_whole_and_those_that_the_key_may_not_read_are_left_out() {
    let upstream = serve().await;
    upstream.manners().forbidden = Some("/users");
    let listings = read(&upstream).await.unwrap();
    insta::assert_snapshot!(told(&listings), @r"
    directory_organizations [] uuid-1 uuid-2 uuid-3
    directory_roles [uuid-1] rbac_role_1 rbac_role_2 rbac_role_3
    directory_role_permissions [rbac_role_1] project/1/read project/2/read project/3/read
    directory_role_permissions [rbac_role_2] project/1/read project/2/read project/3/read
    directory_role_permissions [rbac_role_3] project/1/read project/2/read project/3/read
    directory_roles [uuid-2] none
    directory_settings [uuid-2] sso
    directory_api_keys [uuid-2] apikey_1
    directory_roles [uuid-3] none
    directory_groups [] rbac_group_1 ../apps/chats
    directory_group_members [rbac_group_1] user_1 user_2 user_3
    directory_group_members [../apps/chats] user_1 user_2 user_3
    directory_projects [] claude_proj_1 claude_proj_2 claude_proj_3
    directory_project_collaborators [claude_proj_1] user/1 user/2 user/3
    directory_project_collaborators [claude_proj_2] user/1 user/2 user/3
    directory_project_collaborators [claude_proj_3] user/1 user/2 user/3
    left out: directory_users: Missing required scopes
    left out: directory_settings: not readable for uuid-1
    left out: directory_users: Missing required scopes
    left out: directory_users: Missing required scopes
    left out: directory_settings: not readable for uuid-3
    ");
}

#[tokio::test]
async fn a_list_that_never_ends_is_left_out() {
    let upstream = serve().await;
    upstream.manners().stuck = Some("/groups");
    let listings = read(&upstream).await.unwrap();
    assert!(!told(&listings).contains("directory_groups ["), "{}", told(&listings));
    assert_eq!(listings.left_out.iter().filter(|left| left.starts_with("directory_groups: ")).count(), 1);
}

#[tokio::test]
async fn no_request_leaves_the_published_metadata_paths() {
    let upstream = serve().await;
    read(&upstream).await.unwrap();
    let asked = upstream.asked();
    assert!(asked.len() > 30, "{}", asked.len());
    let allowed = |path: &str| {
        let Some(rest) = path.strip_prefix("/v1/compliance/") else { return false };
        matches!(
            rest.split('/').collect::<Vec<_>>()[..],
            ["organizations" | "groups"]
                | ["organizations", _, "users" | "roles" | "settings"]
                | ["organizations", _, "roles", _, "permissions"]
                | ["groups", _, "members"]
                | ["apps", "projects"]
                | ["apps", "projects", _, "collaborators"]
        )
    };
    for request in &asked {
        assert!(allowed(&request.path), "{}", request.path);
    }
    assert!(asked.iter().any(|request| request.path == "/v1/compliance/groups/%2E%2E%2Fapps%2Fchats/members"));
}

#[tokio::test]
async fn an_upstream_that_knows_no_such_key_is_an_error_and_no_empty_directory() {
    let upstream = serve().await;
    upstream.manners().refuse = Some(401);
    assert!(read(&upstream).await.unwrap_err().to_string().contains("401"));
}
