//! Stories of the policy: settings that differ, who made them so, and files with mistakes.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::changes::{Changes, Spot};
use super::present::same;
use super::*;
use crate::severity::Severity;

fn row(id: &str, at: &str, kind: &str, fields: &Value) -> String {
    let mut row = json!({
        "id": id, "created_at": format!("2026-11-{at}:00Z"), "type": kind, "organization_uuid": "uuid-1",
        "actor": { "type": "user_actor", "user_id": "user_ada", "email_address": "ada@example.com" },
    });
    row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    row.to_string()
}

fn told(rows: &[String]) -> Changes {
    let mut changes = Changes::default();
    rows.iter().zip(0..).for_each(|(row, seq)| changes.take(row, seq));
    changes
}

fn spot(setting: &str) -> Spot {
    ("uuid-1".to_owned(), setting.to_owned())
}

fn micros(text: &str) -> i64 {
    ephor_wire::timestamp::parse_micros(text).unwrap()
}

#[test]
fn a_difference_names_who_made_it_when_and_the_way_back() {
    let changes = told(&[row("activity_1", "20T10:00", "org_sso_toggled", &json!({ "enabled": false }))]);
    let listed = vec![
        (spot("sso_enabled"), json!(false), micros("2026-11-21T00:00:00Z")),
        (spot("web_search_enabled"), json!(true), micros("2026-11-01T00:00:00Z")),
        (spot("chat_enabled"), json!(true), micros("2026-11-01T00:00:00Z")),
    ];
    let now = SettingsNow::merged(listed, &changes);
    let policy = Policy::parse(
        "[settings]\nsso_enabled = true\nchat_enabled = true\nskills_enabled = false\n[organization.uuid-1]\nweb_search_enabled = false\n",
    )
    .unwrap();
    let drift = policy.drift(&now);
    insta::assert_snapshot!(
        drift.iter().map(|one| format!("{}\n  {}", one.explanation(), one.way_back())).collect::<Vec<_>>().join("\n"),
        @r"
    sso_enabled of uuid-1 is false, and the policy wants true. ada@example.com changed it at 2026-11-20T10:00:00Z.
      Ask ada@example.com why. Set sso_enabled of uuid-1 back to true in the organization's settings, or change the policy if this value is agreed.
    web_search_enabled of uuid-1 is true, and the policy wants false. No activity tells who changed it.
      Set web_search_enabled of uuid-1 back to false in the organization's settings, or change the policy if this value is agreed.
    "
    );
    assert_eq!(policy.unknown(&now), [("*".to_owned(), "skills_enabled".to_owned())]);
    let finding = drift[0].finding(Severity::High, 0);
    assert_eq!((finding.evidence[0].activity.as_str(), finding.others[0].id.as_str()), ("activity_1", "user_ada"));
    assert_eq!(finding.first_seen_micros, micros("2026-11-20T10:00:00Z"));
}

#[test]
fn the_later_of_listing_and_activity_counts() {
    let off = told(&[row("activity_1", "20T10:00", "org_sso_toggled", &json!({ "enabled": false }))]);
    let listed = |at: &str| vec![(spot("sso_enabled"), json!(true), micros(at))];
    let value = |at: &str| SettingsNow::merged(listed(at), &off).get("uuid-1", "sso_enabled").unwrap().value.clone();
    assert_eq!((value("2026-11-19T00:00:00Z"), value("2026-11-21T00:00:00Z")), (json!(false), json!(true)));
}

#[test]
fn every_way_of_telling_a_change_is_understood() {
    let updates = json!({ "updates": [
        { "type": "public_projects_enabled", "previous_value": "false", "current_value": "true" },
        { "type": "allowed_invite_domains", "previous_value": "[]", "current_value": "[\"a.example\"]" },
    ] });
    let changes = told(&[
        row("activity_1", "20T10:00", "claude_organization_settings_updated", &updates),
        row("activity_2", "20T10:00", "org_ip_restriction_deleted", &json!({})),
        row("activity_3", "20T10:00", "org_cowork_auto_mode_enabled", &json!({})),
        row("activity_4", "20T10:00", "org_work_across_apps_disabled", &json!({ "previous_value": true })),
        row(
            "activity_5",
            "20T10:00",
            "org_sso_provisioning_mode_changed",
            &json!({ "previous_mode": "scim_advanced", "new_mode": "login_only" }),
        ),
        row("activity_6", "20T10:00", "claude_chat_created", &json!({ "enabled": true })),
    ]);
    let now = SettingsNow::merged(Vec::new(), &changes);
    let all: Vec<String> =
        now.of_organization("uuid-1").map(|(name, setting)| format!("{name} = {}", setting.value)).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    allowed_invite_domains = ["a.example"]
    cowork_auto_mode_enabled = true
    ip_allowlist_enabled = false
    public_projects_enabled = true
    sso_provisioning_mode = "login_only"
    work_across_apps_enabled = false
    "#);
}

#[test]
fn mistakes_in_a_policy_are_told_with_their_line() {
    let wrong = |text: &str| Policy::parse(text).unwrap_err();
    assert_eq!(wrong("[settings]\nsso_enabled = yes\n").0, 2);
    let (line, what) = wrong("severity = \"high\"\n\n[setings]\na = true\n");
    assert!(line == 3 && what.contains("setings"), "{line}: {what}");
    assert!(wrong("severity = \"urgent\"\n").1.contains("urgent"));
}

#[test]
fn the_present_as_a_policy_reads_back_and_finds_nothing() {
    let at =
        |organization: &str, setting: &str, value: Value| ((organization.to_owned(), setting.to_owned()), value, 0);
    let retention = json!([{ "data_type": "chat", "type": "fixed", "duration": 24 }]);
    let listed = vec![
        at("a", "sso_enabled", json!(true)),
        at("b", "sso_enabled", json!(true)),
        at("a", "web_search_enabled", json!(true)),
        at("b", "web_search_enabled", json!(false)),
        at("b", "data_retention_periods", retention),
        at("b", "odd \"name\"", Value::Null),
    ];
    let now = SettingsNow::merged(listed, &Changes::default());
    let policy = Policy::of_present(&now);
    insta::assert_snapshot!(policy.render(), @r##"
    # Settings as they are meant to be. Every difference is a finding of `policy-drift`.
    severity = "high"

    [settings]
    sso_enabled = true

    [organization.a]
    web_search_enabled = true

    [organization.b]
    data_retention_periods = [{ data_type = "chat", duration = 24, type = "fixed" }]
    # 'odd "name"' is empty
    web_search_enabled = false
    "##);
    let read = Policy::parse(&policy.render()).unwrap();
    assert!(read.drift(&now).is_empty());
    assert_eq!(read.compared(&now), 5);
}

proptest! {
    #[test]
    fn the_order_and_repetition_of_activities_change_nothing(order in Just((0..24_usize).collect::<Vec<_>>()).prop_shuffle(), again in prop::collection::vec(0..24_usize, 0..12)) {
        let made = |n: &usize| row(&format!("activity_{n}"), &format!("{:02}T10:00", 1 + n / 3), "org_sso_toggled", &json!({ "enabled": n.is_multiple_of(2) }));
        let all: Vec<String> = (0..24).map(|n| made(&n)).collect();
        let mut other = Changes::default();
        // The place in the lake goes with the activity.
        order.iter().chain(&again).for_each(|n| other.take(&made(n), *n as u64));
        prop_assert_eq!(told(&all), other);
    }

    #[test]
    fn any_value_written_is_read_as_the_same(text in "\\PC{0,20}", number in any::<i32>(), flag in any::<bool>()) {
        for value in [json!(text), json!(number), json!(flag), json!([text, text]), json!({ "a": text, "b": [number] })] {
            let listed = vec![(spot("s"), value.clone(), 0)];
            let now = SettingsNow::merged(listed, &Changes::default());
            let read = Policy::parse(&Policy::of_present(&now).render()).unwrap();
            prop_assert!(read.drift(&now).is_empty());
            prop_assert!(same(read.wanted("uuid-1", "s").unwrap(), &value));
        }
    }
}
