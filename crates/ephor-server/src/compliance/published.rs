//! Directory rows in the words of the Compliance API: an Admin API calls some fields otherwise and lacks a few.
//! A row that has the published fields is passed on as it is; one that lacks some gets them from what it says.
//! Never makes a value up: what a source does not tell is null, or empty where the field is a text that must be there.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::listing::Row;

/// A published field, and how a row that lacks it comes by it.
struct Field {
    name: &'static str,
    /// Where an Admin API has it; its own name goes.
    elsewhere: Option<&'static str>,
    otherwise: Otherwise,
}

/// What a field is where nobody tells it.
#[derive(Clone, Copy)]
enum Otherwise {
    /// Left out: it may be missing.
    Absent,
    /// It must be there and may be null.
    Null,
    /// It must be there and is a text.
    Empty,
}

const fn field(name: &'static str, elsewhere: Option<&'static str>, otherwise: Otherwise) -> Field {
    Field { name, elsewhere, otherwise }
}

const ORGANIZATION: [Field; 1] = [field("created_at", None, Otherwise::Null)];

const USER: [Field; 3] = [
    field("full_name", Some("name"), Otherwise::Absent),
    field("created_at", Some("added_at"), Otherwise::Absent),
    field("organization_role", Some("role"), Otherwise::Absent),
];

const ROLE: [Field; 2] =
    [field("name", Some("display_name"), Otherwise::Null), field("description", None, Otherwise::Empty)];

const GROUP: [Field; 2] =
    [field("roles", Some("role_ids"), Otherwise::Absent), field("description", None, Otherwise::Empty)];

pub(super) fn organization(row: &Row) -> Row {
    with(&ORGANIZATION, row)
}

pub(super) fn user(row: &Row) -> Row {
    with(&USER, row)
}

pub(super) fn role(row: &Row) -> Row {
    with(&ROLE, row)
}

pub(super) fn group(row: &Row) -> Row {
    with(&GROUP, row)
}

/// What a permission is about stands in an object of several shapes there, and in two fields here.
pub(super) fn permission(row: &Row) -> Row {
    let Some(resource) = row.get("resource").and_then(Value::as_object) else { return Arc::clone(row) };
    let mut told = row.as_object().cloned().unwrap_or_default();
    let id = ["connector_id", "organization_id"].into_iter().find_map(|name| resource.get(name));
    told.entry("resource_type").or_insert_with(|| resource.get("type").cloned().unwrap_or_default());
    told.entry("resource_id").or_insert_with(|| id.cloned().unwrap_or_default());
    Arc::new(Value::Object(told))
}

fn with(fields: &[Field], row: &Row) -> Row {
    let Some(told) = row.as_object() else { return Arc::clone(row) };
    if fields.iter().all(|field| told.contains_key(field.name)) {
        return Arc::clone(row);
    }
    let mut told = told.clone();
    for field in fields {
        fill(&mut told, field);
    }
    Arc::new(Value::Object(told))
}

fn fill(row: &mut Map<String, Value>, field: &Field) {
    if row.contains_key(field.name) {
        return;
    }
    let value = match (field.elsewhere.and_then(|name| row.remove(name)), field.otherwise) {
        (Some(value), _) => value,
        (None, Otherwise::Null) => Value::Null,
        (None, Otherwise::Empty) => Value::from(""),
        (None, Otherwise::Absent) => return,
    };
    row.insert(field.name.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_of_an_admin_api_are_told_in_published_words() {
        let told = |of: fn(&Row) -> Row, row: Value| of(&Arc::new(row)).to_string();
        insta::assert_snapshot!(
            told(user, json!({ "id": "user_1", "email": "a@example.com", "name": "Ada", "role": "admin", "added_at": "2026-01-01T00:00:00Z", "type": "user" })),
            @r#"{"created_at":"2026-01-01T00:00:00Z","email":"a@example.com","full_name":"Ada","id":"user_1","organization_role":"admin","type":"user"}"#
        );
        insta::assert_snapshot!(
            told(group, json!({ "id": "rbac_group_1", "name": "Finance", "role_ids": ["rbac_role_1"], "source_type": "scim" })),
            @r#"{"description":"","id":"rbac_group_1","name":"Finance","roles":["rbac_role_1"],"source_type":"scim"}"#
        );
        insta::assert_snapshot!(
            told(role, json!({ "id": "rbac_role_1", "display_name": "Curator" })),
            @r#"{"description":"","id":"rbac_role_1","name":"Curator"}"#
        );
        insta::assert_snapshot!(
            told(permission, json!({ "action": "use", "resource": { "type": "connector", "connector_id": "c1" } })),
            @r#"{"action":"use","resource":{"connector_id":"c1","type":"connector"},"resource_id":"c1","resource_type":"connector"}"#
        );
        insta::assert_snapshot!(
            told(organization, json!({ "uuid": "u", "name": "Example" })),
            @r#"{"created_at":null,"name":"Example","uuid":"u"}"#
        );
    }

    #[test]
    fn rows_in_published_words_are_passed_on() {
        for (of, row) in [
            (
                user as fn(&Row) -> Row,
                json!({ "id": "user_1", "full_name": "Ada", "created_at": "x", "organization_role": "user", "role": "kept" }),
            ),
            (permission, json!({ "resource_type": "project", "resource_id": "p", "action": "read" })),
        ] {
            let row: Row = Arc::new(row);
            assert!(Arc::ptr_eq(&of(&row), &row), "{row}");
        }
    }
}
