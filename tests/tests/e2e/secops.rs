//! Google SecOps, as a stand-in that holds tokens, limits and events to what is published.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;

use ephor_e2e::{Receiver, Simulated, folder, python, run, texts};
use serde_json::Value;

#[test]
fn secops_gets_every_activity_and_finding_as_events_of_its_model() {
    let home = folder();
    let data = home.path().join("data");
    let types = Simulated::make(&["--seed", "7", "--users", "12", "--days", "1", "--all-types"]);
    run(&data, &["import", types.activities().to_str().unwrap()]).succeeded();
    run(&data, &["detect"]).succeeded();
    let order = texts(&data, "select id from activities order by seq");
    let poison = &order[order.len() / 3];
    let place = home.path().join("google");
    fs::create_dir(&place).unwrap();
    let mut script = python("receive_secops.py");
    script.arg(&place).arg(poison);
    let receiver = Receiver::script(&place, script);
    let sink = format!(
        "\n[[sink]]\nname = \"secops\"\nallow_private = true\nretry_max_seconds = 0.01\nbatch_events = 300\n[sink.secops]\nproject = \"security\"\n\
         location = \"eu\"\ninstance = \"instance-1\"\ncredentials = \"file:{}\"\nendpoint = \"http://127.0.0.1:{}\"\n",
        place.join("account.json").display(),
        receiver.port()
    );
    let mut config = fs::OpenOptions::new().create(true).append(true).open(data.join("ephor.toml")).unwrap();
    config.write_all(sink.as_bytes()).unwrap();
    let done = run(&data, &["export", "run", "--sink", "secops", "--once"]).json();
    assert_eq!(done["sinks"][0]["rejected"], 1, "{done}");
    let events: Vec<Value> = receiver.received().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let id = |event: &Value| event["metadata"]["productLogId"].as_str().unwrap().to_owned();
    let activities: Vec<String> = events.iter().map(id).filter(|id| id.starts_with("activity_")).collect();
    assert!(activities == order.iter().filter(|id| *id != poison).cloned().collect::<Vec<_>>(), "once and in order");
    let found = run(&data, &["findings", "list"]).json().as_array().unwrap().len();
    assert_eq!(events.len() - activities.len(), found);
    let kinds: BTreeSet<&str> = events.iter().map(|event| event["metadata"]["eventType"].as_str().unwrap()).collect();
    for kind in
        ["USER_LOGIN", "USER_CHANGE_PERMISSIONS", "SETTING_MODIFICATION", "USER_RESOURCE_CREATION", "GENERIC_EVENT"]
    {
        assert!(kinds.contains(kind), "{kinds:?}");
    }
    let generic = events.iter().filter(|event| event["metadata"]["eventType"] == "GENERIC_EVENT").count() - found;
    assert!(generic * 4 < activities.len(), "{generic} of {} are nothing but generic", activities.len());
    let letters = run(&data, &["export", "retry", "secops", "--dry-run"]).json();
    assert!(letters.to_string().contains(poison.as_str()), "{letters}");
}
