//! Settings against a declared state: written down, compared, found with who changed them, and withdrawn when set right.

use std::fs;

use ephor_e2e::{Simulated, folder, run};
use serde_json::{Value, json};

fn toggled(id: &str, day: &str, uuid: &str, enabled: bool) -> String {
    json!({
        "id": id, "created_at": format!("{day}T10:00:00Z"), "type": "org_sso_toggled", "enabled": enabled,
        "organization_id": "org_x", "organization_uuid": uuid,
        "actor": { "type": "user_actor", "user_id": "user_ada", "email_address": "ada@example.com" },
    })
    .to_string()
}

#[test]
fn a_setting_that_departs_from_the_policy_is_found_with_who_changed_it_and_withdrawn_when_it_is_back() {
    let simulated = Simulated::make(&["--seed", "7", "--users", "40", "--days", "20"]);
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["policy", "init"]).failed_with(1);
    let directory = simulated.folder().join("directory");
    run(&data, &["import", "--directory", directory.to_str().unwrap()]).succeeded();
    run(&data, &["import", simulated.activities().to_str().unwrap()]).succeeded();
    let written = run(&data, &["policy", "init"]).json();
    assert!(written["settings"].as_u64() > Some(20), "{written}");
    let again = run(&data, &["policy", "init"]).failed_with(1);
    assert!(again.stderr.contains("--file"), "what people wrote is not overwritten: {again:#?}");
    let clean = run(&data, &["policy", "check"]).json();
    assert_eq!((&clean["differences"], &clean["compared"]), (&json!([]), &written["settings"]));

    let policy = data.join("policy.toml");
    let text = fs::read_to_string(&policy).unwrap();
    let wanted = text.replace("sso_enabled = true", "sso_enabled = true\nnever_heard_of = 1");
    assert_ne!(wanted, text, "{text}");
    fs::write(&policy, wanted).unwrap();
    fs::write(data.join("ephor.toml"), format!("[detect]\npolicy = {policy:?}\n")).unwrap();
    let settings = ephor_e2e::sql(&data, "select scope from directory_settings limit 1");
    let uuid = settings[0]["scope"].as_str().unwrap().to_owned();
    let import = |row: String| {
        let file = home.path().join("row.ndjson");
        fs::write(&file, row).unwrap();
        run(&data, &["import", file.to_str().unwrap()]).succeeded();
    };
    import(toggled("activity_off", "2027-01-01", &uuid, false));
    let checked = run(&data, &["policy", "check"]).failed_with(3);
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    let [difference] = &checked["differences"].as_array().unwrap()[..] else { panic!("{checked}") };
    assert_eq!(
        (&difference["setting"], &difference["wanted"], &difference["present"]),
        (&json!("sso_enabled"), &json!(true), &json!(false))
    );
    assert_eq!(
        (&difference["changed_by"], &difference["activity"]),
        (&json!("ada@example.com"), &json!("activity_off"))
    );
    assert_eq!(checked["unknown"], json!([{ "organization": "*", "setting": "never_heard_of" }]));

    let found = || {
        run(&data, &["detect"]).succeeded();
        run(&data, &["findings", "list", "--rule", "policy-drift"]).json()
    };
    let once = found();
    let [finding] = &once.as_array().unwrap()[..] else { panic!("{once}") };
    assert_eq!((&finding["use_case"], &finding["severity"]), (&json!("configuration-drift"), &json!("high")));
    assert_eq!(finding["evidence"], json!(["activity_off"]));
    assert!(finding["first_seen"].as_str().unwrap().starts_with("2027-01-01T10:00:00"), "{finding}");
    assert_eq!(found(), once, "a second run changes nothing");
    import(toggled("activity_on", "2027-01-02", &uuid, true));
    assert_eq!(found(), json!([]), "set back, it is withdrawn");

    // A policy with a mistake is told with its line.
    fs::write(&policy, "[settings]\nsso_enabled = maybe\n").unwrap();
    let broken = run(&data, &["policy", "check"]).failed_with(1);
    assert!(broken.stderr.contains("policy.toml:2: "), "{broken:#?}");
    let told = run(&data, &["detect"]).succeeded();
    assert!(told.stderr.contains("policy.toml:2: "), "{told:#?}");
}
