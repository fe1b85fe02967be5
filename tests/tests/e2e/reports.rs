//! Reports as people and programs use them, against what the simulator planted.

use std::collections::BTreeSet;
use std::path::Path;

use ephor_e2e::{Node, ephor, folder, python, run, run_in, sql};
use serde_json::Value;

const USE_CASES: [&str; 15] = [
    "shadow-ai",
    "dormant-accounts",
    "privilege-escalation",
    "api-key-hygiene",
    "insider-threat",
    "cost-attribution",
    "adoption-governance",
    "workspace-access",
    "configuration-drift",
    "third-party-audit",
    "data-exfiltration",
    "access-review",
    "incident-response",
    "evidence-package",
    "offboarding",
];

fn organisation(data: &Path, seed: &str) -> Value {
    let node = Node::demo(data, ["--users", "60", "--days", "45", "--seed", seed, "--activities", "6000"]);
    let truth = std::fs::read_to_string(node.line["truth"].as_str().unwrap()).unwrap();
    node.interrupt();
    serde_json::from_str(&truth).unwrap()
}

fn report(data: &Path, name: &str) -> Value {
    run(data, &["report", name]).succeeded().json()
}

/// The values of a column; of the rows for which another column has a value, if one is given.
fn column(report: &Value, name: &str, only: Option<(&str, &str)>) -> BTreeSet<String> {
    let place = |name: &str| report["columns"].as_array().unwrap().iter().position(|one| one["name"] == name).unwrap();
    let rows = report["rows"].as_array().unwrap();
    rows.iter()
        .filter(|row| only.is_none_or(|(column, value)| row[place(column)] == value))
        .map(|row| row[place(name)].as_str().unwrap().to_owned())
        .collect()
}

fn names(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[test]
fn dormant_seats_and_broken_departures_are_exactly_those_that_were_planted() {
    for seed in ["11", "12"] {
        let home = folder();
        let data = home.path().join("data");
        let truth = organisation(&data, seed);
        assert_eq!(
            column(&report(&data, "dormant-accounts"), "user_id", None),
            names(&truth["dormant_users"]),
            "{seed}"
        );
        let offboarding = report(&data, "offboarding");
        let violated = column(&offboarding, "user_id", Some(("verdict", "violated")));
        assert_eq!(violated, names(&truth["violations"]), "{seed}: {offboarding:#}");
        assert_eq!(column(&offboarding, "user_id", None), names(&truth["leavers"]), "{seed}");
    }
}

#[test]
fn every_use_case_has_a_report_in_every_form_and_over_http() {
    let home = folder();
    let data = home.path().join("data");
    let node = Node::demo(&data, ["--users", "40", "--days", "20", "--seed", "7", "--activities", "3000"]);
    let listed = run(&data, &["report", "list"]).json();
    let listed: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(listed, USE_CASES);
    let client = node.client("admin");
    for name in USE_CASES {
        let made = report(&data, name);
        assert_eq!(made["report"], name);
        for part in ["generated_at", "period", "sources", "gaps", "columns", "rows", "as_of"] {
            assert!(!made[part].is_null(), "{name} does not say its {part}");
        }
        let width = made["columns"].as_array().unwrap().len();
        assert!(made["rows"].as_array().unwrap().iter().all(|row| row.as_array().unwrap().len() == width));
    }
    for name in ["dormant-accounts", "adoption-governance", "shadow-ai"] {
        let served = client.get(&format!("/ephor/v1/reports/{name}")).ok();
        assert_eq!(served["columns"], report(&data, name)["columns"], "{name}");
    }
    let mistyped = client.get("/ephor/v1/reports/dormant-acounts");
    assert_eq!(mistyped.refused(404), "not_found_error");
    assert!(mistyped.json()["error"]["message"].as_str().unwrap().contains("dormant-accounts"), "{mistyped:?}");
    let html = run(&data, &["report", "adoption-governance", "--as", "html"]).succeeded().stdout;
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("<svg"), "a page with charts");
    for fetched in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!html.contains(fetched), "nothing is fetched: {fetched}");
    }
    let csv = run(&data, &["report", "dormant-accounts", "--as", "csv"]).succeeded().stdout;
    assert!(csv.starts_with("user_id,email,"), "{csv}");
    let workbook = home.path().join("cost.xlsx");
    run(&data, &["report", "cost-attribution", "--as", "xlsx", "--out", workbook.to_str().unwrap()]).succeeded();
    assert!(std::fs::read(&workbook).unwrap().starts_with(b"PK"), "a workbook is a ZIP file");
    let unknown = run(&data, &["report", "dormant"]).failed_with(1);
    assert!(unknown.stderr.contains("cost-attribution"), "{unknown:#?}");
    let misused = run_in(ephor(["keys", "list", "--format", "csv", "--data-dir"]).arg(&data)).failed_with(2);
    assert!(misused.stderr.contains("text or json"), "{misused:#?}");
}

#[test]
fn adoption_tells_day_by_day_what_the_analytics_api_answers() {
    /// Columns of the report, and the fields of `summaries` that they are.
    const SAME: [(&str, &str); 5] = [
        ("daily_active", "daily_active_user_count"),
        ("weekly_active", "weekly_active_user_count"),
        ("monthly_active", "monthly_active_user_count"),
        ("assigned_seats", "assigned_seat_count"),
        ("pending_invites", "pending_invite_count"),
    ];
    let home = folder();
    let data = home.path().join("data");
    let node = Node::demo(&data, ["--users", "40", "--days", "20", "--seed", "9", "--activities", "3000"]);
    let adoption = report(&data, "adoption-governance");
    let place =
        |name: &str| adoption["columns"].as_array().unwrap().iter().position(|one| one["name"] == name).unwrap();
    let rows = adoption["rows"].as_array().unwrap();
    // The newest days are three days away from being served.
    let (served, first) = (&rows[..rows.len() - 5], rows[0][place("day")].as_str().unwrap());
    let end = rows[rows.len() - 5][place("day")].as_str().unwrap();
    let question = format!("/v1/organizations/analytics/summaries?starting_date={first}&ending_date={end}");
    let answer = node.client("analytics").get(&question).ok();
    let entries = answer["data"].as_array().unwrap();
    assert_eq!(entries.len(), served.len());
    for (row, entry) in served.iter().zip(entries) {
        for (column, field) in SAME {
            assert_eq!(row[place(column)], entry[field], "{column} of {}", row[place("day")]);
        }
    }
    assert!(entries.iter().any(|entry| entry["daily_active_user_count"].as_u64() > Some(20)), "{answer:#}");
}

#[test]
fn money_adds_up_to_the_cent_and_focus_is_as_specified() {
    let home = folder();
    let data = home.path().join("data");
    organisation(&data, "7");
    let cost = report(&data, "cost-attribution");
    let table = |id: &str| cost["tables"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    let sum = |table: &Value| -> f64 {
        let at = table["columns"].as_array().unwrap().iter().position(|one| one["name"] == "amount").unwrap();
        table["rows"].as_array().unwrap().iter().map(|row| row[at].as_str().unwrap().parse::<f64>().unwrap()).sum()
    };
    let days = sum(table("days"));
    assert!(days > 0.0);
    for id in ["people", "products", "models", "charges"] {
        assert!((sum(table(id)) - days).abs() < 0.005, "{id}: {} is not {days}", sum(table(id)));
    }
    let focus = run(&data, &["report", "cost-attribution", "--as", "focus"]).succeeded().stdout;
    let mut lines = focus.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let billed = head.iter().position(|column| *column == "BilledCost").unwrap();
    assert_eq!(billed, 0, "before any cell that could hold a comma");
    let total: f64 = lines.map(|cells| cells[billed].parse::<f64>().unwrap()).sum();
    assert!((total - days).abs() < 0.005, "FOCUS bills {total}, the report {days}");
    let dataset = home.path().join("focus.csv");
    std::fs::write(&dataset, &focus).unwrap();
    let checked = run_in(python("check_focus.py").arg(&dataset)).succeeded();
    assert_eq!(checked.stdout.trim(), (focus.lines().count() - 1).to_string());
}

#[test]
fn a_pseudonym_hides_a_person_and_stays_the_same() {
    let home = folder();
    let data = home.path().join("data");
    organisation(&data, "11");
    let asked = ["report", "dormant-accounts", "--pseudonymise"];
    let (first, second) = (run(&data, &asked).succeeded(), run(&data, &asked).succeeded());
    let rows = first.json()["rows"].to_string();
    assert!(rows.len() > 2 && !first.stdout.contains("@meridian.example") && !rows.contains("user_"), "{rows}");
    assert_eq!(first.json()["rows"], second.json()["rows"]);
}

#[test]
fn a_roster_with_a_wrong_line_is_refused_whole_and_says_where() {
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["init"]).succeeded();
    let file = home.path().join("people.csv");
    std::fs::write(&file, "email,department,left_on\na@example.com,sales,\nb@example.com,sales,31.10.2026\n").unwrap();
    let refused = run(&data, &["roster", "import", file.to_str().unwrap()]).failed_with(1);
    assert!(refused.stderr.contains("line 3") && refused.stderr.contains("left_on"), "{refused:#?}");
    assert_eq!(run(&data, &["roster", "list"]).json(), serde_json::json!([]));
}

#[test]
fn a_case_keeps_its_question_its_pins_and_what_came_of_it() {
    let home = folder();
    let data = home.path().join("data");
    let truth = organisation(&data, "7");
    let incident = &truth["incidents"][0];
    let activity = incident["activities"][0].as_str().unwrap();
    let who = sql(&data, &format!("select actor_id from activities where id = '{activity}'"));
    let who = who[0]["actor_id"].as_str().unwrap();
    let case = run(&data, &["case", "open", "--title", "Who was it", "--actor", who]).succeeded();
    let case = case.json();
    let id = case["id"].as_str().unwrap();
    run(&data, &["case", "pin", id, activity, "--note", "where it began"]).succeeded();
    let unknown = run(&data, &["case", "pin", id, "activity_none"]).failed_with(2);
    assert!(unknown.stderr.contains("activity_none"), "{unknown:#?}");
    let stix = run(&data, &["case", "timeline", id, "--as", "stix"]).succeeded().json();
    assert_eq!(stix["type"], "bundle");
    let closed = run(&data, &["case", "close", id, "--outcome", "a test"]).succeeded().json();
    assert_eq!((&closed["entries"][0]["activity"], &closed["outcome"]), (&activity.into(), &"a test".into()));
    let timeline = run(&data, &["timeline", "--actor", who]).succeeded().json();
    assert!(timeline["rows"].as_array().unwrap().iter().any(|row| row[7] == activity), "the timeline has the activity");
    let signed = run(&data, &["timeline", "--actor", who, "--signed"]).succeeded().stdout;
    assert!(signed.contains("\n\u{2014} "), "a signed note");
}
