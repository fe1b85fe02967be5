//! An auditor gets a package: what is in it, what it proves, and that nobody can change a byte of it unnoticed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ephor_e2e::{Done, Simulated, ephor, folder, python, run, run_in};
use serde_json::Value;

const FROM: &str = "2026-11-02";
const TO: &str = "2026-11-15";

/// A small organisation's three weeks in a data folder, and the public key beside it.
fn organisation(home: &Path) -> (PathBuf, PathBuf) {
    let made = Simulated::make(&["--seed", "7", "--users", "30", "--days", "21", "--end", "2026-11-20"]);
    let data = home.join("data");
    run(&data, &["import", made.activities().to_str().unwrap()]).succeeded();
    run(&data, &["import", "--usage", made.folder().join("usage.ndjson").to_str().unwrap()]).succeeded();
    let key = home.join("trusted.key");
    fs::copy(data.join("proof/public-key"), &key).unwrap();
    (data, key)
}

fn build(data: &Path, framework: &str, out: &Path, more: &[&str]) -> Value {
    let fixed = ["evidence", "build", "--framework", framework, "--from", FROM, "--to", TO, "--out"];
    run(data, &[&fixed[..], &[out.to_str().unwrap()], more].concat()).json()
}

fn check(package: &Path, key: &Path) -> Done {
    run_in(ephor(["evidence", "verify"]).arg(package).arg("--key").arg(key).args(["--format", "json"]))
}

fn problems(found: Done) -> Vec<(String, String)> {
    let found: Value = serde_json::from_str(&found.failed_with(1).stdout).unwrap();
    assert_eq!(found["proven"], false);
    let word = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    found["problems"].as_array().unwrap().iter().map(|one| (word(one, "file"), word(one, "what"))).collect()
}

fn files(package: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![package.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.path().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path().strip_prefix(package).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

fn json(package: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(package.join(name)).unwrap()).unwrap()
}

#[test]
fn a_package_of_each_framework_is_made_and_proven_and_read_by_oscal_tools() {
    let home = folder();
    let (data, key) = organisation(home.path());
    for framework in ["soc2", "iso27001", "pci-dss", "nis2", "eu-ai-act"] {
        let package = home.path().join(framework);
        let built = build(&data, framework, &package, &["--as", "ada@example.com"]);
        assert_eq!(built["failed_tests"], Value::Array(Vec::new()), "{built}");
        assert!(built["activities"].as_u64().unwrap() > 100, "{built}");
        let found = check(&package, &key).json();
        assert_eq!((&found["proven"], &found["activities"]), (&Value::Bool(true), &built["activities"]), "{found}");
        assert!(found["bytes_shown"].as_u64().unwrap() > 20 && found["drawn"].as_u64().unwrap() > 20, "{found}");
        let covered = json(&package, "coverage.json");
        for control in covered["controls"].as_array().unwrap() {
            assert!(["covered", "partial", "gap"].contains(&control["status"].as_str().unwrap()));
        }
        for name in ["README.html", "control-matrix.html", "control-matrix.csv", "control-matrix.xlsx", "queries.json"]
        {
            assert!(fs::metadata(package.join(name)).unwrap().len() > 500, "{name}");
        }
        run_in(python("oscal.py").arg(package.join("oscal"))).succeeded();
        run_in(python("dsse.py").arg(&package).arg(&key)).succeeded();
    }
    let package = home.path().join("nis2");
    for (says, note) in [("accepted", "samples followed"), ("handed-over", "to the auditor")] {
        let more = ["evidence", "sign-off", package.to_str().unwrap(), "--as", "ben", "--says", says, "--note", note];
        run(&data, &more).succeeded();
    }
    let found = check(&package, &key).json();
    assert_eq!(found["sign_offs"][1]["note"], "to the auditor", "{found}");
    fs::remove_file(package.join("signoff/001.dsse.json")).unwrap();
    assert_eq!(problems(check(&package, &key))[0].0, "signoff/002.dsse.json");

    let zipped = home.path().join("soc2.zip");
    build(&data, "soc2", &zipped, &["--control", "CC6.1", "--control", "cc6.2"]);
    run(&data, &["evidence", "sign-off", zipped.to_str().unwrap(), "--as", "ben", "--says", "rejected"]).succeeded();
    let found = check(&zipped, &key).json();
    assert_eq!((&found["proven"], &found["sign_offs"][0]["says"]), (&Value::Bool(true), &Value::from("rejected")));
}

#[test]
fn a_byte_changed_in_any_kind_of_file_is_found_and_the_file_is_named() {
    let home = folder();
    let (data, key) = organisation(home.path());
    let package = home.path().join("package");
    build(&data, "nis2", &package, &[]);
    // One file of each kind: its folder, and its ending.
    let mut kinds = BTreeSet::new();
    let kind = |name: &str| {
        let folder = name.split('/').next().filter(|_| name.contains('/')).unwrap_or(name);
        (folder.to_owned(), Path::new(name).extension().map(std::borrow::ToOwned::to_owned))
    };
    let chosen: Vec<String> = files(&package).into_iter().filter(|name| kinds.insert(kind(name))).collect();
    assert!(chosen.len() > 20, "{chosen:?}");
    for name in &chosen {
        let good = fs::read(package.join(name)).unwrap();
        for place in [0, good.len() / 3, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(package.join(name), bad).unwrap();
            let found = problems(check(&package, &key));
            assert!(found.iter().any(|(file, _)| file == name), "{name} at {place}: {found:?}");
        }
        fs::write(package.join(name), good).unwrap();
    }
    fs::write(package.join("evidence/more.csv"), "seq\r\n").unwrap();
    assert_eq!(problems(check(&package, &key))[0].0, "evidence/more.csv");
    fs::remove_file(package.join("evidence/more.csv")).unwrap();
    let good = fs::read(package.join("evidence/sign-ins.csv")).unwrap();
    fs::remove_file(package.join("evidence/sign-ins.csv")).unwrap();
    assert!(problems(check(&package, &key)).iter().any(|(file, _)| file == "evidence/sign-ins.csv"));
    fs::write(package.join("evidence/sign-ins.csv"), good).unwrap();
    check(&package, &key).succeeded();

    let stranger = home.path().join("stranger");
    run(&stranger, &["init"]).succeeded();
    let found = problems(check(&package, &stranger.join("proof/public-key")));
    assert_eq!(found[0].0, "signature.dsse.json");
    run_in(ephor(["evidence", "verify"]).arg(home.path()).arg("--key").arg(&key)).failed_with(1);
}

#[test]
fn whoever_holds_the_signing_key_cannot_cite_an_activity_that_is_not_in_the_log() {
    // The owner changes a row of the lake after it was signed, and has a package made of it.
    let home = folder();
    let (data, key) = organisation(home.path());
    let proof = data.join("lake/activities/_proof/level-0.hashes");
    let mut leaves = fs::read(&proof).unwrap();
    let middle = leaves.len() / 2;
    leaves[middle] ^= 1;
    fs::write(&proof, leaves).unwrap();
    let package = home.path().join("package");
    let built = build(&data, "soc2", &package, &[]);
    assert!(!built["failed_tests"].as_array().unwrap().is_empty(), "{built}");
    let found = problems(check(&package, &key));
    for named in ["log/leaves.csv", "log/proofs.ndjson", "tests.json"] {
        assert!(found.iter().any(|(file, _)| file == named), "{named}: {found:?}");
    }
}

#[test]
fn the_same_seed_draws_the_same_rows_and_a_package_without_names_is_proven_all_the_same() {
    let home = folder();
    let (data, key) = organisation(home.path());
    let (first, second, hidden) = (home.path().join("first"), home.path().join("second"), home.path().join("hidden"));
    build(&data, "soc2", &first, &["--seed", "auditor 4711", "--sample", "7"]);
    build(&data, "soc2", &second, &["--seed", "auditor 4711", "--sample", "7"]);
    let samples: Vec<String> = files(&first).into_iter().filter(|name| name.starts_with("samples/")).collect();
    assert!(samples.len() > 10);
    for name in &samples {
        assert_eq!(fs::read(first.join(name)).unwrap(), fs::read(second.join(name)).unwrap(), "{name}");
    }

    let told = fs::read_to_string(first.join("evidence/sign-ins.csv")).unwrap();
    let address = told.split(',').find(|cell| cell.contains('@')).unwrap().to_owned();
    let built = build(&data, "soc2", &hidden, &["--persons", "pseudonymised"]);
    let found = check(&hidden, &key).json();
    assert_eq!((&found["activities"], &found["bytes_shown"]), (&built["activities"], &Value::from(0)), "{found}");
    for name in files(&hidden) {
        let bytes = fs::read(hidden.join(&name)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&address) && !text.contains("user_01"), "{name} names a person");
    }
}

#[test]
fn a_control_without_data_in_the_period_is_a_gap_and_says_so() {
    let home = folder();
    let (data, _) = organisation(home.path());
    let asked = ["evidence", "coverage", "pci-dss", "--from", "2025-01-01", "--to", "2025-03-31"];
    let covered = run(&data, &asked).json();
    assert_eq!(covered["summary"]["gaps"], covered["summary"]["controls"], "{covered}");
    let reason = &covered["controls"][0]["sources"]["compliance"]["reason"];
    assert_eq!(reason, "no data from the Compliance API in the period");
    run(&data, &["evidence", "coverage", "hipaa", "--from", FROM, "--to", TO]).failed_with(1);
    run(&data, &["evidence", "coverage", "soc2", "--from", TO, "--to", FROM]).failed_with(2);
}

#[test]
fn findings_what_was_decided_about_them_and_access_reviews_are_in_the_package() {
    let home = folder();
    let made = Simulated::make(&["--seed", "7", "--users", "30", "--days", "21", "--end", "2026-11-20"]);
    let data = home.path().join("data");
    run(&data, &["init"]).succeeded();
    run(&data, &["import", made.activities().to_str().unwrap()]).succeeded();
    run(&data, &["import", "--directory", made.folder().to_str().unwrap()]).succeeded();
    run(&data, &["detect"]).succeeded();
    let found = run(&data, &["findings", "list", "--from", FROM, "--to", TO]).json();
    let (id, count) = (found[0]["id"].as_str().unwrap(), found.as_array().unwrap().len());
    run(&data, &["findings", "resolve", id, "--note", "asked them; it was agreed"]).succeeded();
    let review = run(&data, &["review", "open", "--name", "Q4", "--due", "2099-01-31", "--kind", "workspace"]).json();
    let decide = ["review", "decide", review["id"].as_str().unwrap(), "--item", "1", "--verdict", "revoke", "--reason"];
    run(&data, &[&decide[..], &["has left the team"]].concat()).succeeded();

    let package = home.path().join("package");
    build(&data, "soc2", &package, &[]);
    let lines = |name: &str| fs::read_to_string(package.join("evidence").join(name)).unwrap();
    assert_eq!(lines("findings.csv").lines().count(), count + 1, "those of the period and a heading");
    let leaves = fs::read_to_string(package.join("log/leaves.csv")).unwrap();
    let rested_on: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|finding| finding["evidence"].as_array().unwrap())
        .map(|id| id.as_str().unwrap())
        .collect();
    assert!(!rested_on.is_empty() && rested_on.iter().all(|id| leaves.contains(&format!(",{id},"))));
    assert!(lines("finding-steps.csv").contains("asked them; it was agreed"));
    assert!(!lines("access-reviews.csv").contains("has left the team"), "it was opened after the period");

    let today = String::from_utf8(Command::new("date").args(["-u", "+%F"]).output().unwrap().stdout).unwrap();
    let later = home.path().join("later");
    let fixed = ["evidence", "build", "--framework", "soc2", "--from", FROM, "--to", today.trim(), "--out"];
    run(&data, &[&fixed[..], &[later.to_str().unwrap()]].concat()).succeeded();
    let decided = fs::read_to_string(later.join("evidence/access-reviews.csv")).unwrap();
    assert!(decided.contains("has left the team") && decided.contains("revoke"), "{decided}");
    check(&later, &data.join("proof/public-key")).succeeded();
}
