//! A directory that comes from an Admin API alone, whose key opens no content: stored, and served by the Compliance API.

use std::fs;

use ephor_e2e::{Node, ephor, folder, run, run_in, sql};
use serde_json::Value;

const ORGANISATION: [&str; 6] = ["--users", "60", "--days", "10", "--seed", "7"];

#[test]
fn people_groups_and_roles_of_an_admin_api_are_served_in_the_words_of_the_compliance_api() {
    let home = folder();
    let data = home.path().join("data");
    let upstream = Node::simulated_upstream(&home.path().join("upstream.log"), ORGANISATION);
    run(&data, &["init"]).succeeded();
    run(&data, &["org", "enable", "--agreement", "NDA-2026-1"]).succeeded();
    let config = home.path().join("ephor.toml");
    let address = upstream.address();
    let text = format!(
        "[[upstream]]\nname = \"admin\"\nkind = \"admin\"\nbase_url = \"{address}\"\nkey = \"env:ADMIN_KEY\"\n"
    );
    fs::write(&config, text).unwrap();
    let key = upstream.line["admin_key"].as_str().unwrap();
    let collect = || {
        let mut command = ephor(["collect", "--once", "--directory", "--config"]);
        run_in(command.arg(&config).arg("--data-dir").arg(&data).env("ADMIN_KEY", key)).succeeded();
    };
    collect();
    let changes = || sql(&data, "select count(*) as n from directory_group_members")[0]["n"].as_u64().unwrap();
    let before = changes();
    collect();
    assert!(before > 0 && changes() == before, "a second reading of the same directory changes nothing");

    let scopes = ["--scope", "read:compliance_org_data", "--scope", "read:compliance_user_data"];
    let reader = run(&data, &[&["keys", "create", "--name", "reader"][..], &scopes].concat()).json();
    let node = Node::up(&data, [""; 0]);
    let client = ephor_e2e::Client::new(node.address(), crate::keys::secret_of(&reader));
    let list = |path: &str| client.get(path).ok()["data"].as_array().unwrap().clone();
    let uuid = sql(&data, "select organization_uuid as u from directory_organizations")[0]["u"].clone();
    let uuid = uuid.as_str().unwrap();

    let people = list(&format!("/v1/compliance/organizations/{uuid}/users?limit=1000"));
    has_fields(&people, &["id", "email", "full_name", "created_at", "organization_role"]);
    let roles = list(&format!("/v1/compliance/organizations/{uuid}/roles"));
    has_fields(&roles, &["id", "name", "description"]);
    let role = roles[0]["id"].as_str().unwrap();
    let permissions = list(&format!("/v1/compliance/organizations/{uuid}/roles/{role}/permissions"));
    has_fields(&permissions, &["action", "resource_type", "resource_id"]);
    let groups = list("/v1/compliance/groups?limit=1000");
    has_fields(&groups, &["id", "name", "description", "source_type", "roles"]);
    let members = groups.iter().flat_map(|group| {
        let id = group["id"].as_str().unwrap();
        list(&format!("/v1/compliance/groups/{id}/members?limit=1000"))
    });
    has_fields(&members.collect::<Vec<_>>(), &["user_id", "email", "created_at"]);
}

/// At least one row, and every row with these fields.
fn has_fields(rows: &[Value], names: &[&str]) {
    assert!(!rows.is_empty(), "no row with {names:?}");
    for row in rows {
        assert!(names.iter().all(|name| row.get(*name).is_some()), "{names:?} in {row}");
    }
}
