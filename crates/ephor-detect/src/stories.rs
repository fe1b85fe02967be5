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
use crate::fields::{Flat, View};
use crate::matcher::selects;
use crate::route::{Question, Routes};
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

/// The events of every rule's own tests, as they are written.
fn events_of_tests() -> Vec<String> {
    let mut events = Vec::new();
    for file in RuleSources::default().test_files().unwrap() {
        let file: serde_json::Value = yaml_serde::from_str(&file.text).unwrap();
        for test in file["tests"].as_array().unwrap() {
            for event in test["events"].as_array().into_iter().flatten() {
                let mut event = event.clone();
                event["id"] = json!(format!("activity_{}", events.len()));
                event["created_at"] = json!("2026-03-02T10:00:00Z");
                events.push(event.to_string());
            }
        }
    }
    events
}

#[test]
fn what_a_route_leaves_to_ask_has_the_answer_of_the_whole_rule() {
    let (set, facts) = (shipped(), Facts::default());
    let (mut routes, mut selected, mut settled) = (Routes::default(), 0, 0);
    let events = events_of_tests();
    let own_category = events[0].replacen('{', "{\"category\":\"own\",", 1);
    for raw in events.iter().chain([&own_category]) {
        let flat = Flat::parse(raw.as_bytes()).unwrap();
        let view = View::new(&flat, &facts, 0);
        let route = routes.of(&flat, &set, |_| true);
        for rule in 0..set.rules.len() {
            let question = route.iter().find(|(of, _)| *of == rule).map(|(_, question)| question);
            let answer = question.is_some_and(|question| question.holds(&view));
            assert_eq!(answer, selects(&set, rule, &view), "{} of {raw}", set.rules[rule].name);
            selected += usize::from(answer);
            settled += usize::from(matches!(question, Some(Question::Known(true))));
        }
    }
    assert!(events.len() > 500 && selected > 300 && settled > 100, "{} {selected} {settled}", events.len());
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

/// Days on which people open so many files each; the last of them so many on a day after.
fn days_of_files(people: u32, usual: u32, own: u32, at_last: u32) -> Vec<(u64, String)> {
    let mut rows = Vec::new();
    let mut put = |person: u32, day: u32, count: u32| {
        for n in 0..count {
            let seq = rows.len() as u64;
            let view = json!({"id": format!("activity_{seq}"), "created_at": moment(day, 36_000 + n * 20), "type": "claude_file_viewed",
                "claude_file_id": format!("claude_file_{seq}"), "actor": {"type": "user_actor", "user_id": format!("user_{person}")}});
            rows.push((seq, view.to_string()));
        }
    };
    for day in 1..=8 {
        (1..=people).for_each(|person| put(person, day, if person == people { own } else { usual }));
    }
    put(people, 9, at_last);
    rows
}

#[test]
fn what_is_much_for_somebody_and_usual_among_peers_weighs_less_and_says_so() {
    let of_files = |rows: &[(u64, String)]| -> Vec<(crate::Severity, String)> {
        let found = found(&shipped(), rows, &[]).into_iter().filter(|finding| finding.rule == "files_above_usual");
        found.map(|finding| (finding.severity, finding.explanation)).collect()
    };
    let among_busy = of_files(&days_of_files(7, 40, 3, 45));
    assert_eq!(among_busy.len(), 1, "{among_busy:#?}");
    assert_eq!(among_busy[0].0, crate::Severity::Low);
    let says = "Among 7 people of the organization 40 on a day is usual, which makes this nothing unusual there.";
    assert!(among_busy[0].1.ends_with(says), "{among_busy:#?}");
    let among_quiet = of_files(&days_of_files(7, 3, 3, 45));
    assert_eq!(among_quiet.len(), 1, "{among_quiet:#?}");
    assert_eq!(among_quiet[0].0, crate::Severity::Medium);
    assert!(among_quiet[0].1.ends_with("3 on a day is usual, which makes this much there too."), "{among_quiet:#?}");
    // Four people are no measure: nothing is said of them.
    let alone = of_files(&days_of_files(4, 40, 3, 45));
    assert!(alone.len() == 1 && !alone[0].1.contains("Among"), "{alone:#?}");
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
