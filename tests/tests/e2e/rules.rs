//! The rules that come with Ephor: each passes its own tests, other Sigma tools accept them, the docs list them all, and on a
//! simulated organisation they find what was planted and little else.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ephor_e2e::{Simulated, folder, python, run, run_in, workspace_root};
use serde_json::Value;

/// In the order of the founding document.
const WATCHED: [&str; 8] = [
    "shadow-ai",
    "privilege-escalation",
    "api-key-hygiene",
    "insider-threat",
    "workspace-access",
    "configuration-drift",
    "third-party-audit",
    "data-exfiltration",
];

#[test]
fn every_rule_passes_its_own_tests_and_has_some() {
    let home = folder();
    run(home.path(), &["rules", "lint"]).succeeded();
    let tested = run(home.path(), &["rules", "test"]).succeeded().json();
    assert!(tested["tests"].as_u64() >= Some(200), "{tested}");
    for path in rule_files() {
        let tests = path.with_extension("tests.yaml");
        let text = fs::read_to_string(&tests).unwrap_or_else(|error| panic!("{}: {error}", tests.display()));
        let negative = text.lines().any(|line| line.trim() == "findings: 0");
        let positive = text.lines().any(|line| line.trim().starts_with("findings: ") && line.trim() != "findings: 0");
        assert!(positive && negative, "{} needs events that are found and events that are not", tests.display());
    }
}

#[test]
fn sigma_tools_of_others_accept_every_rule() {
    let done = run_in(python("check_rules.py").arg(workspace_root().join("rules"))).succeeded();
    println!("{}", done.stdout);
}

#[test]
fn the_docs_list_every_rule_as_it_is() {
    let home = folder();
    let cards = run(home.path(), &["rules", "list"]).succeeded().json();
    let finding: Vec<&Value> = cards.as_array().unwrap().iter().filter(|card| card["finds"] == true).collect();
    assert!(finding.len() >= 60, "{} rules find something", finding.len());
    let page = read("docs/detections.md");
    let (_, told) = page.split_once("<!-- rules: begin -->").unwrap();
    let (told, _) = told.split_once("<!-- rules: end -->").unwrap();
    assert_eq!(told.trim(), table(&finding), "docs/detections.md: put this table between its two marks");
    for case in WATCHED {
        let page = read(&format!("docs/use-cases/{case}.md"));
        for card in finding.iter().filter(|card| card["use_case"] == case) {
            let name = card["name"].as_str().unwrap();
            assert!(page.contains(&format!("`{name}`")), "docs/use-cases/{case}.md does not name `{name}`");
        }
    }
}

#[test]
fn every_activity_type_of_the_founding_document_is_watched_or_its_absence_explained() {
    let rules: String = rule_files().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let page = read("docs/detections.md");
    let (_, explained) = page.split_once("## Types that no rule asks about").unwrap();
    let watched = words(&rules);
    let explained = words(explained);
    let list = read("tests/data/activity_types_of_the_founding_document.txt");
    let types: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(types.len() > 250, "{}", types.len());
    for kind in types {
        assert!(
            watched.contains(&kind) || explained.contains(&kind),
            "no rule asks about {kind}, and no page says why"
        );
        assert!(
            !(watched.contains(&kind) && explained.contains(&kind)),
            "a rule asks about {kind}, and a page says none does"
        );
    }
}

#[test]
fn what_was_planted_is_found_and_normal_life_is_quiet() {
    let organisation = Simulated::make(&["--users", "200", "--days", "60", "--seed", "11"]);
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["import", "--directory", organisation.folder().join("directory").to_str().unwrap()]).succeeded();
    run(&data, &["import", organisation.activities().to_str().unwrap()]).succeeded();
    run(&data, &["detect"]).succeeded();
    let found = run(&data, &["findings", "list"]).succeeded();
    let findings = home.path().join("findings.json");
    fs::write(&findings, &found.stdout).unwrap();
    let mut measure = python("measure_detections.py");
    measure.arg(organisation.folder().join("truth.json")).arg(&findings).args(["200", "60"]);
    let told = run_in(measure.args(["--recall-at-least", "1.0", "--false-at-most", "1.0"])).succeeded();
    println!("{}", told.stdout);
    let again = run(&data, &["detect"]).succeeded().json();
    assert_eq!((&again["new"], &again["changed"], &again["withdrawn"]), (&0.into(), &0.into(), &0.into()), "{again}");
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace_root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn rule_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for case in WATCHED {
        let folder = workspace_root().join("rules").join(case);
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "yml") {
                files.push(path);
            }
        }
    }
    files
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect()
}

fn table(cards: &[&Value]) -> String {
    let mut rows: BTreeMap<(usize, &str), String> = BTreeMap::new();
    for card in cards {
        let text = |name: &str| card[name].as_str().unwrap();
        let case = WATCHED.iter().position(|case| *case == text("use_case")).expect("a watched use case");
        let row = format!("| `{}` | {} | {} | {} |", text("name"), text("severity"), text("turn"), text("description"));
        rows.insert((case, text("name")), row);
    }
    let mut lines = Vec::new();
    for (place, case) in WATCHED.iter().enumerate() {
        lines.push(format!("### {case}\n\n| rule | severity | how | what it finds |\n| --- | --- | --- | --- |"));
        lines.extend(rows.range((place, "")..(place + 1, "")).map(|(_, row)| row.clone()));
        lines.push(String::new());
    }
    lines.join("\n").trim().to_owned()
}
