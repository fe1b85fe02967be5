//! Reports as HTML, opened in a browser: everybody can read them, at a desk, on a telephone, by day and by night.

use ephor_e2e::{Node, axe, folder, python, run, run_in};
use serde_json::json;

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
