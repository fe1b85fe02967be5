//! Stories of the engine: what it finds does not depend on how activities come.
//! Promises that each test says what a user gets.
//! Never touches a lake: rows are given.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use crate::detector::found_of;
use crate::facts::Facts;
use crate::rule::{RuleSet, RuleSource, RuleSources};
use crate::{Finding, try_rules};

fn shipped() -> Arc<RuleSet> {
    let (set, problems) = RuleSet::build(&RuleSources::default().files().unwrap(), None);
    assert!(problems.is_empty(), "{problems:#?}");
    Arc::new(set)
}

fn found(set: &Arc<RuleSet>, rows: &[(u64, String)], pauses: &[usize]) -> Vec<Finding> {
    let all: Vec<usize> = (0..set.series.len()).collect();
    found_of(set, &all, &Facts::default(), rows, pauses)
}

#[test]
fn every_shipped_rule_passes_its_own_tests() {
    let (trials, problems) = try_rules(&RuleSources::default()).unwrap();
    assert!(problems.is_empty(), "{problems:#?}");
    let failed: Vec<_> = trials.iter().filter(|trial| trial.failure.is_some()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(trials.len() >= 20);
}

/// Two weeks of two people with something for each kind of rule.
fn rows() -> Vec<(u64, String)> {
    let mut rows = Vec::new();
    let mut put = |day: u32, second: u32, activity: serde_json::Value| {
        let mut activity = activity;
        let at = moment(day, second);
        activity["id"] = json!(format!("activity_{}", rows.len()));
        activity["created_at"] = json!(at);
        rows.push((rows.len() as u64, activity.to_string()));
    };
    for day in 1..=16 {
        for hour in [9, 14] {
            let view = json!({"type": "claude_file_viewed", "organization_id": "org_1", "claude_file_id": format!("claude_file_{day}_{hour}"),
                "actor": {"type": "user_actor", "user_id": "user_1", "email_address": "one@example.com", "ip_address": "192.0.2.1"}});
            put(day, hour * 3600, view);
        }
    }
    // A history that begins with what is looked for says nothing: there was one before.
    let before = json!({"type": "integration_user_connected", "organization_id": "org_1", "mcp_server_id": "mcpsrv_1",
        "actor": {"type": "user_actor", "user_id": "user_1"}});
    put(2, 36_000, before);
    for n in 0..45 {
        let view = json!({"type": "claude_file_viewed", "claude_file_id": format!("claude_file_n{n}"),
            "actor": {"type": "user_actor", "user_id": "user_1", "ip_address": "192.0.2.1"}});
        put(17, 2 * 3600 + n * 20, view);
    }
    for n in 0..25 {
        let down = json!({"type": "platform_file_content_downloaded", "file_id": format!("file_{n}"),
            "actor": {"type": "api_actor", "api_key_id": "apikey_1", "ip_address": "192.0.2.7"}});
        put(12, 4 * 3600 + n * 2, down);
    }
    let owner = json!({"type": "user_actor", "user_id": "user_2", "email_address": "two@example.com"});
    for (second, kind, more) in [
        (0, "org_ip_restriction_deleted", json!({})),
        (60, "org_compliance_api_settings_updated", json!({"compliance_api_logging_enabled": false})),
        (7_200, "api_key_created", json!({"api_key_id": "apikey_2"})),
        (
            7_300,
            "claude_user_role_updated",
            json!({"user_id": "user_3", "previous_role": "user", "current_role": "owner"}),
        ),
        (7_400, "integration_user_connected", json!({"mcp_server_id": "mcpsrv_9", "mcp_server_name": "SlideGenie"})),
    ] {
        let mut activity = json!({"type": kind, "organization_id": "org_1", "actor": owner});
        activity.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        put(14, second, activity);
    }
    rows
}

fn moment(day: u32, second: u32) -> String {
    format!("2026-03-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Without the places in the lake, which do depend on arrival.
fn told(found: Vec<Finding>) -> BTreeMap<String, Finding> {
    let without_seq = |mut finding: Finding| {
        finding.evidence.iter_mut().for_each(|evidence| evidence.seq = 0);
        finding
    };
    found.into_iter().map(|finding| (finding.id.0.clone(), without_seq(finding))).collect()
}

#[test]
fn each_kind_of_rule_finds_its_own() {
    let found = found(&shipped(), &rows(), &[]);
    let rules: std::collections::BTreeSet<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
    for rule in [
        "rank_raised_to_owner",
        "many_files_downloaded",
        "connector_first_seen",
        "address_restriction_gone",
        "recording_gap_then_sensitive_act",
        "files_above_usual",
        "busy_at_odd_hours",
    ] {
        assert!(rules.contains(rule), "{rule} is not among {rules:?}");
    }
    for finding in &found {
        assert!(!finding.explanation.contains('{') && !finding.evidence.is_empty(), "{finding:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn shuffled_and_split_delivery_give_the_same_findings(
        order in Just(rows()).prop_shuffle(),
        pauses in prop::collection::vec(0..120_usize, 0..4),
    ) {
        let set = shipped();
        let straight = told(found(&set, &rows(), &[]));
        let arrived: Vec<(u64, String)> = order.into_iter().zip(0..).map(|((_, raw), seq)| (seq, raw)).collect();
        prop_assert_eq!(told(found(&set, &arrived, &pauses)), straight);
    }
}

#[test]
fn a_broken_file_leaves_the_rest_and_its_own_old_version_in_force() {
    let good = "title: T\nname: mine\nlogsource: {product: anthropic}\ndetection:\n  s: {type: t}\n  condition: s\nephor: {use_case: shadow-ai}\n";
    let mut files = RuleSources::default().files().unwrap();
    let count = files.len();
    files.push(RuleSource { file: "own/mine.yml".to_owned(), text: good.to_owned() });
    let (before, problems) = RuleSet::build(&files, None);
    assert!(problems.is_empty(), "{problems:#?}");
    files[count].text = good.replace("use_case", "usecase");
    let (after, problems) = RuleSet::build(&files, Some(&before));
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!((problems[0].file.as_str(), problems[0].line), ("own/mine.yml", 7), "{problems:#?}");
    assert!(after.find("mine").is_some());
    assert_eq!(after.rules.len(), before.rules.len());
    let (fresh, _) = RuleSet::build(&files, None);
    assert!(fresh.find("mine").is_none());
    assert_eq!(fresh.rules.len() + 1, before.rules.len());
}
