//! Reviews of who has access to what, from the snapshot to the proof that what was revoked has gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ephor_e2e::{MailServer, Node, eventually, folder, python, run, run_in, sql, texts};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// An organisation that is at rest.
fn organisation(data: &Path, seed: &str) {
    Node::demo(data, ["--users", "60", "--days", "30", "--seed", seed, "--activities", "3000"]).interrupt();
}

#[test]
fn a_review_goes_from_the_snapshot_to_the_signed_result() {
    let home = folder();
    let data = home.path().join("data");
    organisation(&data, "7");
    let open = ["review", "open", "--name", "Q4", "--due", "2099-01-31", "--kind", "workspace"];
    let opened = run(&data, &open).succeeded().json();
    let id = opened["id"].as_str().unwrap();
    assert!(opened["items"].as_u64().unwrap() > 0, "{opened:#}");
    let without_reason = ["review", "decide", id, "--item", "1", "--verdict", "revoke", "--reason", " "];
    assert!(run(&data, &without_reason).failed_with(1).stderr.contains("--reason"));
    let decide = ["review", "decide", id, "--item", "1", "--verdict", "revoke", "--reason", "has left the team"];
    run(&data, &decide).succeeded();
    let shown = run(&data, &["review", "show", id]).json();
    assert_eq!(shown["entitlements"][0]["decision"]["verdict"], "revoke");
    let removals = run(&data, &["review", "removals", id]).json();
    assert_eq!(removals.as_array().unwrap().len(), 1);
    let closed = run(&data, &["review", "close", id]).succeeded().json();
    assert!(closed["signed"].as_str().unwrap().contains("\n\u{2014} "), "a signed note: {closed:#}");
    let late = run(&data, &decide).failed_with(1);
    assert!(late.stderr.contains("closed"), "{late:#?}");
    let node = Node::up(&data, [] as [&str; 0]);
    node.has_told_of_its_start(&data);
    node.interrupt();
    let told = sql(&data, "select type from activities where type like 'ephor_review%' order by type");
    assert_eq!(told.len(), 3, "opened, decided, closed: {told:?}");
}

/// Some rights, no two of one person or of one thing, so that the end of one says nothing of another.
fn apart(shown: &Value, seed: u64) -> Vec<u64> {
    let mut items: Vec<&Value> = shown["entitlements"].as_array().unwrap().iter().collect();
    items.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    // Few have a key: those come first.
    items.sort_by_key(|item| item["entitlement"]["kind"] != "api_key");
    let (mut people, mut things) = (BTreeSet::new(), BTreeSet::new());
    items.retain(|item| {
        let right = &item["entitlement"];
        let is_role = right["kind"] == "organization_role";
        people.insert(right["person"].to_string()) && (is_role || things.insert(right["object"].to_string()))
    });
    items.iter().map(|item| item["number"].as_u64().unwrap()).collect()
}

/// Rights that were given in the last month.
fn new_ones(shown: &Value) -> Vec<u64> {
    let is_new = |item: &&Value| item["entitlement"]["flags"].as_array().unwrap().contains(&"new".into());
    let items = shown["entitlements"].as_array().unwrap().iter();
    items.filter(is_new).map(|item| item["number"].as_u64().unwrap()).collect()
}

fn revoke(data: &Path, review: &str, items: &[u64]) {
    let mut arguments = vec!["review", "decide", review, "--verdict", "revoke", "--reason", "no longer needed"];
    let numbers: Vec<String> = items.iter().map(ToString::to_string).collect();
    numbers.iter().for_each(|number| arguments.extend(["--item", number]));
    run(data, &arguments).succeeded();
}

#[test]
fn what_became_of_each_revoked_right_is_exactly_what_was_planted() {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 6001..=6005 {
        let home = folder();
        let data = home.path().join("data");
        organisation(&data, &seed.to_string());
        let opened = run(&data, &["review", "open", "--name", "Q4", "--due", "2099-01-31"]).succeeded().json();
        let id = opened["id"].as_str().unwrap();
        let shown = run(&data, &["review", "show", id]).succeeded().json();
        let (chosen, new) = (apart(&shown, seed), new_ones(&shown));
        // What was decided days ago must have been there then.
        let (new, old): (Vec<u64>, Vec<u64>) = chosen.into_iter().partition(|item| new.contains(item));
        let (long_ago, others) = old.split_at(old.len() / 2);
        let just_now: Vec<u64> = new.into_iter().chain(others.iter().copied()).collect();
        revoke(&data, id, long_ago);
        run_in(python("turn_back.py").arg(data.join("control.sqlite")).args(["decisions", "9"])).succeeded();
        revoke(&data, id, &just_now);
        let shown = run(&data, &["review", "show", id]).succeeded();
        let (list, activities) = (home.path().join("shown.json"), home.path().join("fates.ndjson"));
        fs::write(&list, &shown.stdout).unwrap();
        let fates = run_in(python("review_fates.py").arg(seed.to_string()).arg(&list).arg(&activities));
        let truth: BTreeMap<String, String> = serde_json::from_str(&fates.succeeded().stdout).unwrap();
        run(&data, &["import", activities.to_str().unwrap()]).succeeded();
        let removals = run(&data, &["review", "removals", id]).succeeded().json();
        let found: BTreeMap<String, String> = removals.as_array().unwrap().iter().map(state).collect();
        let wrong: Vec<_> = truth.iter().filter(|(item, fate)| found.get(*item) != Some(*fate)).collect();
        assert!(wrong.is_empty() && truth.len() == found.len(), "{seed}: planted {wrong:?}, found {found:?}");
        for item in shown.json()["entitlements"].as_array().unwrap() {
            if truth.contains_key(&item["number"].to_string()) {
                *kinds.entry(item["entitlement"]["kind"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
    }
    assert!(kinds.len() == 6 && kinds.values().all(|rights| *rights >= 5), "rights of every kind: {kinds:?}");
}

fn state(removal: &Value) -> (String, String) {
    (removal["item"].to_string(), removal["state"].as_str().unwrap().to_owned())
}

fn days_pass(data: &Path, days: &str) {
    run_in(python("turn_back.py").arg(data.join("control.sqlite")).args(["reviews", days])).succeeded();
}

#[test]
fn who_owes_a_decision_is_reminded_once_and_whoever_they_report_to_hears_when_it_is_late() {
    let home = folder();
    let data = home.path().join("data");
    organisation(&data, "7");
    let mail = MailServer::start(home.path());
    let config = data.join("ephor.toml");
    fs::write(&config, fs::read_to_string(&config).unwrap_or_default() + &mail.section()).unwrap();
    let due = &texts(&data, "select cast(current_date + interval '5 days' as varchar)")[0][..10];
    let open =
        ["review", "open", "--name", "Q4", "--due", due, "--kind", "workspace", "--reviewer", "rita@example.com"];
    let opened = run(&data, &open).succeeded().json();
    assert_eq!(run(&data, &["review", "remind"]).succeeded().json(), serde_json::json!([]), "it is early");
    days_pass(&data, "5");
    let owed = run(&data, &["review", "remind", "--dry-run"]).succeeded().json();
    assert_eq!(
        (&owed[0]["about"], &owed[0]["recipient"]),
        (&"reminder".into(), &"rita@example.com".into()),
        "{owed:#}"
    );
    assert!(mail.mails().is_empty(), "a dry run sends nothing");
    run(&data, &["review", "remind"]).succeeded();
    assert_eq!(run(&data, &["review", "remind"]).succeeded().json(), serde_json::json!([]), "once is enough");
    days_pass(&data, "3");
    let node = Node::up(&data, [] as [&str; 0]);
    eventually("two more mails", || (mail.mails().len() == 3).then_some(()));
    node.has_told_of_its_start(&data);
    node.interrupt();
    let heard: BTreeSet<(String, String)> = mail.mails().iter().map(addressed).collect();
    let owner = opened["opened_by"].as_str().unwrap();
    let (items, rita) = (opened["items"].as_u64().unwrap(), || "rita@example.com".to_owned());
    assert_eq!(
        heard,
        BTreeSet::from([
            (rita(), format!("[Ephor] {items} decisions wait in the access review Q4")),
            (rita(), format!("[Ephor] {items} decisions are late in the access review Q4")),
            (owner.to_owned(), "[Ephor] the access review Q4 is late".to_owned()),
        ])
    );
    let told = texts(&data, "select raw from activities where type = 'ephor_review_notice_sent' order by seq");
    let about = |raw: &String| serde_json::from_str::<Value>(raw).unwrap()["about"].as_str().unwrap().to_owned();
    assert_eq!(told.iter().map(about).collect::<BTreeSet<_>>().len(), 3, "each is an activity: {told:?}");
}

fn addressed(mail: &Value) -> (String, String) {
    (mail["to"][0].as_str().unwrap().to_owned(), mail["subject"].as_str().unwrap().to_owned())
}
