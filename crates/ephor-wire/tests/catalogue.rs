//! The catalogue against the founding document and against the rule that content stays outside.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ephor_wire::actor::Actor;
use ephor_wire::catalogue::{FieldSpec, UNCLASSIFIED, catalogue};
use ephor_wire::content::is_content_field;

/// The six rows of the founding document's block "Security & Audit Logging", and the types that evidence each.
const ROWS: &str = include_str!("data/security_and_audit_rows.json");

#[test]
fn every_row_of_security_and_audit_logging_is_evidenced_by_known_types() {
    let rows: BTreeMap<String, Vec<String>> = serde_json::from_str(ROWS).unwrap();
    let mut report = String::new();
    for (row, types) in &rows {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for name in types {
            assert!(catalogue().get(name).is_some(), "{row}: {name} is not in the catalogue");
            *counts.entry(catalogue().category_of(name)).or_default() += 1;
        }
        assert_eq!(types.iter().collect::<BTreeSet<_>>().len(), types.len(), "{row} names a type twice");
        writeln!(report, "{row}: {} types", types.len()).unwrap();
        for (category, count) in counts {
            writeln!(report, "  {category} {count}").unwrap();
        }
    }
    assert_eq!(rows.len(), 6);
    insta::assert_snapshot!(report, @r"
    API key lifecycle: 31 types
      api_key 15
      connector_mcp 4
      workload_identity 12
    Account setting changes: 36 types
      compliance_export 2
      cowork 8
      membership 2
      org_settings 14
      security_control 10
    File operations: 24 types
      file 10
      project 12
      skill_plugin 2
    Login / logout events: 20 types
      authentication 15
      device_trust 3
      workload_identity 2
    Permission / access changes: 42 types
      artifact 4
      design 3
      group 8
      membership 6
      project 1
      role 14
      sso_scim 6
    Workspace membership changes: 13 types
      workload_identity 2
      workspace 11
    ");
}

/// All fields at any depth, with the path to each.
fn walk<'c>(fields: &'c [FieldSpec], path: &str, take: &mut dyn FnMut(&str, &'c FieldSpec)) {
    for field in fields {
        let here = format!("{path}.{}", field.name);
        take(&here, field);
        walk(&field.fields, &here, take);
        for variant in &field.variants {
            walk(&variant.fields, &format!("{here}[{}]", variant.name), take);
        }
    }
}

#[test]
fn of_the_published_fields_only_names_of_files_and_artifacts_and_request_bodies_are_content() {
    let mut content: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for known in catalogue().iter() {
        walk(&known.fields, &known.name, &mut |path, field| {
            if is_content_field(&field.name) {
                content.entry(format!("{} ({})", field.name, field.kind)).or_default().push(path.to_owned());
            }
        });
    }
    let report: String = content.iter().map(|(field, paths)| format!("{field}\n  {}\n", paths.join("\n  "))).collect();
    insta::assert_snapshot!(report, @r"
    filename (string)
      claude_file_access_failed.filename
      claude_file_deleted.filename
      claude_file_exported.filename
      claude_file_uploaded.filename
      claude_file_viewed.filename
      claude_project_document_access_failed.filename
      claude_project_document_deleted.filename
      claude_project_document_deletion_failed.filename
      claude_project_document_updated.filename
      claude_project_document_uploaded.filename
      claude_project_document_viewed.filename
      claude_project_file_uploaded.filename
    request_body (string)
      compliance_api_accessed.request_body
    title (string)
      claude_artifact_published.title
    ");
}

#[test]
fn what_is_published_as_an_enum_a_number_a_switch_or_an_id_is_never_content() {
    for known in catalogue().iter() {
        walk(&known.fields, &known.name, &mut |path, field| {
            let closed = ["enum", "boolean", "number"].contains(&field.kind.as_str()) || !field.values.is_empty();
            let id = field.name == "id" || field.name.ends_with("_id") || field.name.ends_with("_ids");
            assert!(!((closed || id) && is_content_field(&field.name)), "{path}");
        });
    }
    for name in ["description", "name", "url", "reason", "detail", "summary", "action", "type", "status"] {
        assert!(!is_content_field(name), "{name}");
    }
}

/// A change of an attribute is told as `{type, previous_value, current_value}`; where the attribute is content, its
/// values are. Only the person's own instructions are, and the vendor marks them without their text.
#[test]
fn of_the_published_changes_only_those_of_personal_instructions_are_of_content() {
    let mut content = BTreeSet::new();
    for known in catalogue().iter() {
        walk(&known.fields, &known.name, &mut |path, field| {
            let enums = field.fields.iter().filter(|inner| inner.name == "type").flat_map(|inner| &inner.values);
            let names = enums
                .filter_map(|value| value.as_str())
                .chain(field.variants.iter().map(|variant| variant.name.as_str()));
            content.extend(names.filter(|name| is_content_field(name)).map(|name| format!("{path}[{name}]")));
        });
    }
    insta::assert_debug_snapshot!(content, @r#"
    {
        "claude_user_settings_updated.updates[conversation_preferences]",
        "claude_user_settings_updated.updates[cowork_global_instructions]",
    }
    "#);
}

#[test]
fn the_catalogue_lists_each_type_once_and_finds_it() {
    let names: BTreeSet<&str> = catalogue().iter().map(|known| known.name.as_str()).collect();
    assert_eq!((names.len(), catalogue().len(), catalogue().is_empty()), (525, 525, false));
    for name in names {
        let known = catalogue().get(name).unwrap();
        assert_eq!(known.name, name);
        assert!(!known.summary.is_empty() && known.category == catalogue().category_of(name), "{name}");
        for actor in known.actors.iter().filter(|actor| *actor != "*") {
            assert!(Actor::KINDS.contains(&actor.as_str()), "{name}: {actor}");
        }
    }
}

#[test]
fn a_type_of_next_year_is_unclassified_and_not_refused() {
    assert!(catalogue().get("a_type_of_next_year").is_none());
    assert_eq!(catalogue().category_of("a_type_of_next_year"), UNCLASSIFIED);
}

#[test]
fn an_entry_says_what_is_published_of_its_type() {
    let accessed = catalogue().get("compliance_api_accessed").unwrap();
    assert!(accessed.organization_may_be_null && accessed.fields_complete);
    let method = accessed.fields.iter().find(|field| field.name == "request_method").unwrap();
    assert_eq!((method.kind.as_str(), method.values.len(), method.nullable), ("enum", 4, Some(false)));
    let login = catalogue().get("sso_login_failed").unwrap();
    assert_eq!(login.actors, ["unauthenticated_user_actor"]);
    assert_eq!(login.ecs.as_ref().unwrap().outcome.as_deref(), Some("failure"));
    let access = catalogue().get("anthropic_access").unwrap();
    assert!(
        access.fields.iter().any(|field| field.name == "accessed_at" && field.format.as_deref() == Some("date-time"))
    );
    let settings = catalogue().get("claude_organization_settings_updated").unwrap();
    assert_eq!(settings.fields[0].variants.len(), 73);
}
