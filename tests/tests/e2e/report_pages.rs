//! Reports as HTML, opened in a browser: everybody can read them, at a desk, on a telephone, by day and by night.

use ephor_e2e::{Node, axe, folder, python, run, run_in};
use serde_json::{Value, json};

#[test]
fn axe_holds_nothing_against_any_report_in_either_theme_and_width() {
    let home = folder();
    let (data, pages) = (home.path().join("data"), home.path().join("pages"));
    std::fs::create_dir(&pages).unwrap();
    Node::demo(&data, ["--users", "40", "--days", "20", "--seed", "7", "--activities", "3000"]).interrupt();
    let listed = run(&data, &["report", "list"]).json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    for name in &names {
        let out = pages.join(format!("{name}.html"));
        run(&data, &["report", name, "--as", "html", "--out", out.to_str().unwrap()]).succeeded();
    }
    let judged = run_in(python("judge_reports.py").arg(axe()).arg(&pages)).json();
    assert_eq!(judged["reports"].as_array().unwrap().len(), names.len(), "{judged:#}");
    assert_eq!((&judged["against"], &judged["fetched"]), (&json!([]), &json!([])), "{judged:#}");
}

#[test]
fn adoption_and_cost_of_one_group_are_those_of_its_people_wherever_they_are_asked_for() {
    let home = folder();
    let data = home.path().join("data");
    let node = Node::demo(&data, ["--users", "60", "--days", "20", "--seed", "7", "--activities", "3000"]);
    let listed = node.client("compliance").get("/v1/compliance/groups").ok();
    let client = node.client("admin");
    let seats = |report: &Value| -> i64 {
        let teams = report["tables"].as_array().unwrap().iter().find(|table| table["id"] == "teams").unwrap();
        let place = teams["columns"].as_array().unwrap().iter().position(|one| one["name"] == "seats").unwrap();
        teams["rows"].as_array().unwrap().iter().filter_map(|row| row[place].as_i64()).sum()
    };
    let everybody = seats(&client.get("/ephor/v1/reports/adoption-governance").ok());
    let mut asked = 0;
    for group in listed["data"].as_array().unwrap() {
        let (id, name) = (group["id"].as_str().unwrap(), group["name"].as_str().unwrap());
        let served = client.get(&format!("/ephor/v1/reports/adoption-governance?group={id}"));
        if served.status == 400 {
            // Too few people to be told of, on either way.
            run(&data, &["report", "adoption-governance", "--group", id]).failed_with(1);
            continue;
        }
        let of_group = seats(&served.ok());
        assert!((1..=everybody).contains(&of_group), "{name}: {of_group} of {everybody}");
        for report in ["adoption-governance", "cost-attribution"] {
            let printed = run(&data, &["report", report, "--group", name]).json();
            let served = client.get(&format!("/ephor/v1/reports/{report}?group={id}")).ok();
            assert_eq!(printed["tables"], served["tables"], "{report} of {name}");
            assert_eq!(printed["parameters"], served["parameters"]);
        }
        asked += 1;
        if asked == 2 {
            break;
        }
    }
    assert!(asked > 0, "no group is large enough: {listed:#}");
    let nobody = run(&data, &["report", "cost-attribution", "--group", "no such group"]).failed_with(1);
    assert!(nobody.stderr.contains("no such group"), "{nobody:#?}");
    let other = client.get("/ephor/v1/reports/dormant-accounts?group=no%20such%20group");
    assert_eq!(other.status, 400, "{other:?}");
}
