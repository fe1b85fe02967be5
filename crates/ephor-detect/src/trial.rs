//! Rules against their own test events: each test run forwards, backwards and in two interleaved parts.
//! Promises that a rule whose findings depend on the order of arrival fails its test.
//! Never touches a lake: events are made from the test's file.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ephor_wire::timestamp::{Timestamp, parse_micros};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::detector::found_of;
use crate::error::DetectError;
use crate::finding::{Finding, FindingId};
use crate::geo::{Geo, Spot};
use crate::lists::{ListEntry, Lists};
use crate::objects::Objects;
use crate::rule::{RuleProblem, RuleSet, RuleSource, RuleSources, Span, Voice};

/// How one test of a rule went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The rule's name.
    pub rule: String,
    /// The test's name.
    pub test: String,
    /// The file that it stands in.
    pub file: String,
    /// Why it failed; nothing when it did not.
    pub failure: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestFile {
    #[serde(default)]
    lists: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    directory: Vec<Map<String, Value>>,
    /// Latitude and longitude of network addresses.
    #[serde(default)]
    places: BTreeMap<IpAddr, (f64, f64)>,
    tests: Vec<Test>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    name: String,
    rule: Option<String>,
    findings: usize,
    #[serde(default)]
    lists: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    directory: Vec<Map<String, Value>>,
    #[serde(default)]
    events: Vec<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    times: u32,
    every: Span,
}

/// The first event of a test happens then, unless it says otherwise: a Monday.
const BEGINNING: &str = "2026-03-02T10:00:00Z";

/// Where the paths of shipped files begin.
const SHIPPED: &str = "rules/";

/// Events of one test at the most.
const EVENTS: usize = 20_000;

/// Runs the tests of every rule. Answers them with what is wrong with rule files and test files.
pub fn try_rules(sources: &RuleSources) -> Result<(Vec<Trial>, Vec<RuleProblem>), DetectError> {
    let rules = sources.files()?;
    let (set, mut problems) = RuleSet::build(&rules, None);
    let set = Arc::new(set);
    let mut trials = Vec::new();
    for file in sources.test_files()? {
        match yaml_serde::from_str::<TestFile>(&file.text) {
            Ok(tests) => try_file(&file, &tests, &set, &mut trials),
            Err(error) => problems.push(RuleProblem {
                file: file.file.clone(),
                line: error.location().map_or(1, |location| location.line()),
                what: error.to_string(),
            }),
        }
    }
    for rule in set.rules.iter().filter(|rule| rule.voice == Voice::Finds) {
        let own = || trials.iter().filter(|trial| trial.rule == rule.name);
        if own().next().is_none() {
            let what = format!(
                "`{}` has no test; put events that it finds and events that it leaves alone beside it",
                rule.name
            );
            problems.push(RuleProblem { file: rule.file.clone(), line: rule.line, what });
        }
    }
    Ok((trials, problems))
}

fn try_file(file: &RuleSource, tests: &TestFile, all: &Arc<RuleSet>, trials: &mut Vec<Trial>) {
    let rule_file = file.file.replace(".tests.yaml", ".yml");
    let own: Vec<&str> = all
        .rules
        .iter()
        .filter(|rule| rule.file == rule_file && rule.voice == Voice::Finds)
        .map(|rule| rule.name.as_str())
        .collect();
    let named = tests.tests.iter().filter_map(|test| test.rule.as_deref()).any(|rule| all.find(rule).is_some());
    if own.is_empty() && !named && file.file.starts_with(SHIPPED) {
        // Rules of the user's own have taken the place of all of its rules.
        return;
    }
    for test in &tests.tests {
        let (rule, failure) = match (test.rule.as_deref(), own.as_slice()) {
            (Some(rule), _) if all.find(rule).is_none() => (rule, Some(format!("there is no rule `{rule}`"))),
            (Some(rule), _) => (rule, try_test(rule, test, tests, all).err()),
            (None, [rule]) => (*rule, try_test(rule, test, tests, all).err()),
            (None, []) => ("", Some(format!("{rule_file} has no rule that finds something"))),
            (None, _) => ("", Some("the file has several rules: say which one with `rule:`".to_owned())),
        };
        let (rule, name) = (rule.to_owned(), test.name.clone());
        trials.push(Trial { rule, test: name, file: file.file.clone(), failure });
    }
}

fn given(file: &TestFile, test: &Test) -> Lists {
    let mut lists = Lists::default();
    for (name, entries) in file.lists.iter().chain(&test.lists) {
        entries.iter().for_each(|entry| lists.put(name, ListEntry::always(entry)));
    }
    lists
}

fn try_test(rule: &str, test: &Test, file: &TestFile, set: &Arc<RuleSet>) -> Result<(), String> {
    let own = set.find(rule);
    let wanted: Vec<usize> = (0..set.series.len()).filter(|at| Some(set.series[*at].rule) == own).collect();
    let objects = Objects::given(file.directory.iter().chain(&test.directory).cloned().collect());
    let mut facts = objects.facts();
    facts.lists = given(file, test);
    let spot = |(latitude, longitude)| Spot { latitude, longitude, radius_km: 0.0 };
    facts.geo = Arc::new(Geo::Given(file.places.iter().map(|(ip, place)| (*ip, spot(*place))).collect()));
    let events = events(test)?;
    let last = events.len().saturating_sub(1);
    let backwards: Vec<(u64, String)> = events.iter().rev().cloned().collect();
    let evens = events.iter().step_by(2).chain(events.iter().skip(1).step_by(2)).cloned().collect::<Vec<_>>();
    let find = |rows: &[(u64, String)], pauses: &[usize]| -> BTreeMap<FindingId, Finding> {
        let mut found = found_of(set, &wanted, &facts, rows, pauses);
        let now = parse_micros(BEGINNING).unwrap_or(0);
        found.extend(objects.judged(set, &facts, now));
        found.into_iter().filter(|finding| finding.rule == rule).map(|finding| (finding.id.clone(), finding)).collect()
    };
    let straight = find(&events, &[]);
    if straight.len() != test.findings {
        let told: Vec<&str> = straight.values().map(|finding| finding.explanation.as_str()).collect();
        return Err(format!("{} findings instead of {}: {}", straight.len(), test.findings, told.join(" | ")));
    }
    for (order, found) in [
        ("backwards", find(&backwards, &[])),
        ("in two parts", find(&evens, &[evens.len().div_ceil(2)])),
        ("one by one", find(&events, &[1, last / 2, last])),
    ] {
        if found != straight {
            return Err(format!("the findings are others when the events come {order}"));
        }
    }
    Ok(())
}

/// The events of a test, with what is left out filled in.
fn events(test: &Test) -> Result<Vec<(u64, String)>, String> {
    let mut at = parse_micros(BEGINNING).unwrap_or(0);
    let mut all: Vec<(u64, String)> = Vec::new();
    for event in &test.events {
        let mut event = event.clone();
        let repeat: Repeat = match event.remove("repeat") {
            Some(repeat) => serde_json::from_value(repeat).map_err(|error| format!("repeat: {error}"))?,
            None => Repeat { times: 1, every: Span::days(1) },
        };
        if let Some(given) = event.get("created_at").and_then(Value::as_str) {
            at = parse_micros(given).ok_or_else(|| format!("`{given}` is no time"))?;
        }
        let first = at;
        for number in 0..repeat.times {
            at = first.saturating_add(repeat.every.micros.saturating_mul(i64::from(number)));
            let mut own = event.clone();
            own.insert("created_at".to_owned(), Value::from(Timestamp::from_micros(at).as_str()));
            let seq = all.len() as u64;
            own.entry("id").or_insert_with(|| Value::from(format!("activity_test_{seq}")));
            let raw = Value::Object(own).to_string().replace("{n}", &(number + 1).to_string());
            all.push((seq, raw));
            if all.len() > EVENTS {
                return Err(format!("a test has at most {EVENTS} events"));
            }
        }
        at = at.saturating_add(1_000_000);
    }
    Ok(all)
}
