//! Rules over a lake, as people and programs use them.

use std::fs;

use ephor_e2e::{Client, Node, Simulated, eventually, folder, python, run, run_in};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// Findings as a set: what stands, with ids, without the order of arrival.
fn findings(data: &std::path::Path) -> Vec<Value> {
    let listed = run(data, &["findings", "list"]).json();
    let mut found: Vec<Value> = listed.as_array().unwrap().clone();
    found.sort_by_key(|finding| finding["id"].to_string());
    found
}

fn import(data: &std::path::Path, simulated: &Simulated, lines: &[String]) {
    let directory = simulated.folder().join("directory");
    run(data, &["import", "--directory", directory.to_str().unwrap()]).succeeded();
    let file = data.with_extension("ndjson");
    fs::write(&file, lines.join("\n")).unwrap();
    run(data, &["import", file.to_str().unwrap()]).succeeded();
}

/// A state is seen when it is looked at; everything else is seen when it happened.
fn told(finding: &Value) -> Value {
    let mut finding = finding.clone();
    if finding["evidence"].as_array().unwrap().is_empty() {
        finding["first_seen"] = Value::Null;
        finding["last_seen"] = Value::Null;
    }
    finding
}

#[test]
fn the_same_activities_give_the_same_findings_however_they_come() {
    let simulated = Simulated::make(&["--seed", "11", "--users", "40", "--days", "30"]);
    let home = folder();
    let (straight, shuffled) = (home.path().join("straight"), home.path().join("shuffled"));
    let lines = simulated.lines();
    import(&straight, &simulated, &lines);
    let first = run(&straight, &["detect"]).json();
    assert!(first["new"].as_u64() > Some(3), "{first}");
    let again = run(&straight, &["detect"]).json();
    assert_eq!((&again["new"], &again["changed"], &again["withdrawn"]), (&0.into(), &0.into(), &0.into()), "{again}");

    // Backwards, in two deliveries that overlap, with a detection between them.
    let backwards: Vec<String> = lines.iter().rev().cloned().collect();
    import(&shuffled, &simulated, &backwards[..backwards.len() / 2]);
    run(&shuffled, &["detect"]).succeeded();
    import(&shuffled, &simulated, &backwards[backwards.len() / 3..]);
    run(&shuffled, &["detect"]).succeeded();
    let (one, other) = (findings(&straight), findings(&shuffled));
    assert_eq!(one.iter().map(told).collect::<Vec<_>>(), other.iter().map(told).collect::<Vec<_>>());
    assert!(one.iter().all(|finding| finding["id"].as_str().unwrap().starts_with("finding_")));
}

#[test]
fn a_list_is_asked_as_it_was_when_the_activity_happened() {
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["init", "--owner", "owner@example.com"]).succeeded();
    let used = |id: &str, at: &str, connector: &str| {
        let actor = r#"{"type":"user_actor","user_id":"user_9","email_address":"nine@example.com"}"#;
        format!(
            r#"{{"id":"{id}","created_at":"{at}","type":"mcp_server_managed_auth_token_exchanged","mcp_server_id":"{connector}","outcome":"success","organization_id":"org_1","actor":{actor}}}"#
        )
    };
    let import = |lines: &[String]| {
        let file = home.path().join("some.ndjson");
        fs::write(&file, lines.join("\n")).unwrap();
        run(&data, &["import", file.to_str().unwrap()]).succeeded();
    };
    let found = || {
        run(&data, &["detect"]).succeeded();
        run(&data, &["findings", "list", "--rule", "unapproved_connector_active"]).json().as_array().unwrap().len()
    };
    let add = |since: &str| {
        let more = ["--reason", "reviewed", "--since", since];
        run(&data, &[&["lists", "add", "approved_connectors", "mcpsrv_x"], &more[..]].concat())
    };
    // The first connector ever seen teaches the rule what is usual; the second is news.
    let first = used("activity_1", "2026-02-01T10:00:00Z", "mcpsrv_usual");
    import(&[first, used("activity_2", "2026-03-02T10:00:00Z", "mcpsrv_x")]);
    assert_eq!(found(), 1);
    add("now").succeeded();
    assert_eq!(found(), 1, "an approval of today says nothing of then");
    add("2026-03-02").succeeded();
    assert_eq!(found(), 0, "it was approved by then");
    run(&data, &["lists", "remove", "approved_connectors", "mcpsrv_x"]).succeeded();
    import(&[used("activity_3", "2026-03-04T10:00:00Z", "mcpsrv_x")]);
    assert_eq!(found(), 0, "it stood on the list then, and does no more");
    let ever = run(&data, &["lists", "show", "--history"]).json();
    assert_eq!(ever[0]["stands_from"], "2026-03-02T00:00:00.000000Z", "{ever}");
    assert!(ever[0]["stood_to"].is_string() && ever[0]["reason"] == "reviewed", "{ever}");
    let refused = add("yesterday").failed_with(2);
    assert!(refused.stderr.contains("`yesterday` is no moment"), "{refused:#?}");
}

#[test]
fn rules_pass_their_tests_and_a_broken_file_is_told_with_its_line() {
    let home = folder();
    let data = home.path().join("data");
    let tested = run(&data, &["rules", "test"]).json();
    assert!(tested["tests"].as_u64() >= Some(20) && tested["failed"] == serde_json::json!([]), "{tested}");
    let rules = home.path().join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(
        rules.join("mine.yml"),
        "title: Mine\nlogsource: {product: okta}\ndetection:\n  s: {type: t}\n  condition: s\n",
    )
    .unwrap();
    fs::create_dir(&data).unwrap();
    fs::write(data.join("ephor.toml"), format!("[detect]\nrules = {rules:?}\n")).unwrap();
    let linted = run(&data, &["rules", "lint"]).failed_with(1);
    assert!(linted.stdout.contains("mine.yml:2: "), "{linted:#?}");
    assert!(run(&data, &["rules", "list"]).json().as_array().unwrap().len() > 9);
}

#[test]
fn a_running_node_finds_what_is_pushed_within_seconds() {
    let home = folder();
    let data = home.path().join("demo");
    let node = Node::demo(&data, ["--users", "12", "--days", "3", "--seed", "5"]);
    let raised = r#"{"id":"activity_pushed_1","created_at":"2026-01-05T10:00:00Z","type":"claude_user_role_updated","organization_id":"org_x","user_id":"user_x","previous_role":"user","current_role":"owner","actor":{"type":"user_actor","user_id":"user_y","email_address":"y@example.com"}}"#;
    node.client("write").post("/ephor/v1/activities", "application/x-ndjson", raised).ok();
    let found = eventually("the raised rank is found", || {
        let asked = ["findings", "list", "--rule", "rank_raised_to_owner", "--entity", "user:user_x"];
        Some(run(&data, &asked).json()).filter(|found| found.as_array().is_some_and(|found| !found.is_empty()))
    });
    assert_eq!(found[0]["severity"], "critical", "{found}\n{}", node.log());
    assert_eq!(found[0]["evidence"], serde_json::json!(["activity_pushed_1"]));
}

/// An initialised data folder that records, with the organisation's directory in it; its write key.
fn recording(data: &std::path::Path, directory: Option<&Simulated>) -> String {
    let keys = run(data, &["init"]).json();
    run(data, &["org", "enable", "--agreement", "NDA-2026-1"]).succeeded();
    if let Some(simulated) = directory {
        let directory = simulated.folder().join("directory");
        run(data, &["import", "--directory", directory.to_str().unwrap()]).succeeded();
    }
    keys.pointer("/keys/write").and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn a_node_killed_between_two_halves_of_a_shuffled_feed_finds_what_an_undisturbed_run_finds() {
    /// Rows of one push.
    const ROWS: usize = 2_000;
    let simulated = Simulated::make(&["--seed", "11", "--users", "30", "--days", "30"]);
    let home = folder();
    let (straight, disturbed) = (home.path().join("straight"), home.path().join("disturbed"));
    let lines = simulated.lines();
    import(&straight, &simulated, &lines);
    run(&straight, &["detect"]).succeeded();
    let expected: Vec<Value> = findings(&straight).iter().map(told).collect();
    assert!(expected.len() > 3, "{expected:?}");

    let mut random = ChaCha8Rng::seed_from_u64(20_261_125);
    let mut feed = lines.clone();
    feed.extend((0..lines.len() / 4).map(|_| lines[random.random_range(0..lines.len())].clone()));
    feed.shuffle(&mut random);
    let key = recording(&disturbed, Some(&simulated));
    let push = |node: &Node, rows: &[String]| {
        let client = Client::new(node.address(), &key);
        for some in rows.chunks(ROWS) {
            client.post("/ephor/v1/activities", "application/x-ndjson", some.join("\n")).ok();
        }
    };
    // What Ephor tells of itself is not in the simulated feed; nor are its findings compared.
    let about_the_feed = || {
        let ours: Vec<Value> = findings(&disturbed).iter().map(told).collect();
        let in_the_feed = |id: &Value| lines.iter().any(|line| line.contains(id.as_str().unwrap()));
        ours.into_iter().filter(|one| one["evidence"].as_array().unwrap().iter().all(in_the_feed)).collect::<Vec<_>>()
    };
    let node = Node::up(&disturbed, [""; 0]);
    push(&node, &feed[..feed.len() / 2]);
    eventually("something is found of the first half", || (!findings(&disturbed).is_empty()).then_some(()));
    // Dropped, that is killed, in the middle of its work.
    drop(node);
    let node = Node::up(&disturbed, [""; 0]);
    push(&node, &feed[feed.len() / 3..]);
    eventually("the same findings", || (about_the_feed() == expected).then_some(()));
    // And they stay so when they are all made again.
    node.interrupt();
    run(&disturbed, &["detect"]).succeeded();
    assert_eq!(about_the_feed(), expected);
}

/// A role given to somebody, as a feed has it.
fn raised(who: &str, role: &str) -> String {
    format!(
        r#"{{"id":"activity_{who}","created_at":"2026-01-05T10:00:00Z","type":"claude_user_role_updated","organization_id":"org_x","user_id":"user_{who}","previous_role":"user","current_role":"{role}","actor":{{"type":"user_actor","user_id":"user_y","email_address":"y@example.com"}}}}"#
    )
}

#[test]
fn a_rule_file_that_breaks_while_a_node_runs_stays_in_force_as_it_was_and_its_line_is_told() {
    const RULE: &str = "title: Poet\nname: poet_named\nstatus: test\nlevel: low\nlogsource: {product: anthropic}\n\
        detection:\n  named: {type: claude_user_role_updated, current_role: poet}\n  condition: named\n\
        ephor: {use_case: privilege-escalation, subject: {user: user_id}}\n";
    let home = folder();
    let (data, rules) = (home.path().join("data"), home.path().join("rules"));
    fs::create_dir(&rules).unwrap();
    fs::write(rules.join("poet.yml"), RULE).unwrap();
    let key = recording(&data, None);
    let config = data.join("ephor.toml");
    fs::write(&config, fs::read_to_string(&config).unwrap() + &format!("\n[detect]\nrules = {rules:?}\n")).unwrap();
    let node = Node::up(&data, [""; 0]);
    let found = |who: &str| {
        let client = Client::new(node.address(), &key);
        client.post("/ephor/v1/activities", "application/x-ndjson", raised(who, "poet")).ok();
        let entity = format!("user:user_{who}");
        eventually(&format!("{who} is found"), || {
            let found = run(&data, &["findings", "list", "--rule", "poet_named", "--entity", &entity]).json();
            found.as_array().is_some_and(|found| !found.is_empty()).then_some(())
        });
    };
    found("first");
    fs::write(rules.join("poet.yml"), RULE.replace("product: anthropic", "product: okta")).unwrap();
    eventually("the broken file is told", || node.log().contains("poet.yml:5: ").then_some(()));
    found("second");
    // Set right, it is in force as it is written.
    fs::write(rules.join("poet.yml"), RULE.replace("level: low", "level: high")).unwrap();
    eventually("the new version is in force", || {
        let found = run(&data, &["findings", "list", "--rule", "poet_named", "--severity", "high"]).json();
        (found.as_array().map(Vec::len) == Some(2)).then_some(())
    });
}

#[test]
fn a_backtest_says_what_a_rule_would_find_and_puts_nothing_down() {
    let home = folder();
    let data = home.path().join("data");
    let file = home.path().join("rows.ndjson");
    let rows = [raised("ada", "owner"), raised("ben", "owner"), raised("cem", "poet")];
    fs::write(&file, rows.join("\n")).unwrap();
    run(&data, &["import", file.to_str().unwrap()]).succeeded();
    let tried = run(&data, &["rules", "backtest", "rank_raised_to_owner"]).json();
    assert_eq!((&tried["findings"], &tried["activities"]), (&2.into(), &3.into()), "{tried}");
    assert_eq!(tried["per_day"], serde_json::json!({ "2026-01-05": 2 }));
    assert_eq!(tried["per_subject"], serde_json::json!({ "user:user_ada": 1, "user:user_ben": 1 }));
    let later = run(&data, &["rules", "backtest", "rank_raised_to_owner", "--from", "2026-01-06"]).json();
    assert_eq!(later["findings"], 0);
    assert!(findings(&data).is_empty(), "nothing is put down");
    run(&data, &["detect"]).succeeded();
    let ids = |of: &[Value]| of.iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    let mut foretold = ids(tried["found"].as_array().unwrap());
    foretold.sort_by_key(ToString::to_string);
    let owners: Vec<Value> = findings(&data).into_iter().filter(|one| one["rule"] == "rank_raised_to_owner").collect();
    assert_eq!(foretold, ids(&owners), "and what it says is what is found");
    let unknown = run(&data, &["rules", "backtest", "no_such_rule"]).failed_with(1);
    assert!(unknown.stderr.contains("there is no rule `no_such_rule`"), "{unknown:#?}");
}

#[test]
fn the_pace_of_rules_is_measured_and_bare_rsigma_selects_the_same() {
    let simulated = Simulated::make(&["--seed", "11", "--users", "40", "--days", "20"]);
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["import", "--directory", simulated.folder().join("directory").to_str().unwrap()]).succeeded();
    let activities = simulated.activities();
    let pace = |more: &[&str]| {
        let asked = [&["rules", "pace", activities.to_str().unwrap()], more].concat();
        run(&data, &asked).json()
    };
    let own = pace(&["--rules", "60"]);
    assert_eq!(
        (own["activities"].as_u64(), own["rules"].as_u64()),
        (Some(simulated.lines().len() as u64), Some(60)),
        "{own}"
    );
    assert!(own["activities_a_second"].as_f64() > Some(0.0), "{own}");
    assert!(pace(&[])["findings"].as_u64() > Some(3));
    assert!(findings(&data).is_empty(), "measuring puts nothing down");

    let tables = home.path().join("tables");
    let whole = pace(&["--tables", tables.to_str().unwrap()]);
    let bare = pace(&["--with", "rsigma"]);
    let hits = whole["hits"].as_object().unwrap();
    let selected: Vec<&String> =
        hits.iter().filter(|(_, count)| count.as_u64() > Some(0)).map(|(name, _)| name).collect();
    assert!(selected.len() > 20, "{selected:?}");
    for name in selected {
        assert_eq!(bare["hits"][name], hits[name], "{name}");
    }
    let rows = fs::read_to_string(tables.join("activities.ndjson")).unwrap();
    assert_eq!(rows.lines().count(), simulated.lines().len());
}

#[test]
fn sign_ins_too_far_apart_are_found_with_a_database_of_places_and_without_one_nothing_is_said_of_them() {
    let home = folder();
    let (data, rows, places) =
        (home.path().join("data"), home.path().join("rows.ndjson"), home.path().join("places.mmdb"));
    let signed_in = |n: u32, time: &str, address: &str| {
        format!(
            r#"{{"id":"activity_{n}","created_at":"2026-01-05T{time}:00Z","type":"sso_login_succeeded","organization_id":"org_x","actor":{{"type":"user_actor","user_id":"user_1","email_address":"ada@example.com","ip_address":"{address}","user_agent":"Firefox/1"}}}}"#
        )
    };
    let feed =
        [signed_in(1, "10:00", "192.0.2.1"), signed_in(2, "11:00", "198.51.100.7"), signed_in(3, "11:30", "10.0.0.1")];
    fs::write(&rows, feed.join("\n")).unwrap();
    run(&data, &["import", rows.to_str().unwrap()]).succeeded();
    let quiet = run(&data, &["detect"]).succeeded();
    assert!(quiet.stderr.contains("impossible_sign_ins: quiet"), "{quiet:#?}");
    let found = || run(&data, &["findings", "list", "--rule", "impossible_sign_ins"]).json();
    assert_eq!(found(), serde_json::json!([]));

    let write = |kind: &str| {
        let mut script = python("write_places.py");
        script.arg(&places).arg(kind).args([
            "192.0.2.0/24",
            "52.52",
            "13.405",
            "198.51.100.0/24",
            "-33.868",
            "151.207",
        ]);
        run_in(&mut script).succeeded();
    };
    write("GeoLite2-City");
    fs::write(data.join("ephor.toml"), format!("[detect]\ngeo = {places:?}\n")).unwrap();
    let told = run(&data, &["detect"]).succeeded();
    assert!(!told.stderr.contains("quiet"), "{told:#?}");
    let all = found();
    let [one] = &all.as_array().unwrap()[..] else { panic!("{all}") };
    let explanation = one["explanation"].as_str().unwrap();
    assert!(explanation.contains("km apart within 60 minutes"), "{explanation}");
    assert_eq!(one["evidence"], serde_json::json!(["activity_1", "activity_2"]));

    write("GeoLite2-ASN");
    let wrong = run(&data, &["detect"]).failed_with(1);
    assert!(wrong.stderr.contains("places.mmdb cannot be used") && wrong.stderr.contains("City"), "{wrong:#?}");
}

#[test]
fn half_a_year_is_found_as_a_whole_though_most_of_it_is_forgotten_on_the_way() {
    let simulated = Simulated::make(&["--seed", "12", "--users", "12", "--days", "180"]);
    let home = folder();
    let (followed, backwards) = (home.path().join("followed"), home.path().join("backwards"));
    let lines = simulated.lines();
    import(&followed, &simulated, &lines[..lines.len() / 2]);
    let half = run(&followed, &["detect"]).json();
    import(&followed, &simulated, &lines);
    let whole = run(&followed, &["detect"]).json();
    let held = |told: &Value| told["held"].as_u64().unwrap();
    assert!(held(&whole) < held(&half) * 5 / 4, "{half} and then {whole}");
    assert!(held(&whole) < lines.len() as u64, "{whole}");

    // The newest first: what was settled before the rest came has to be judged again.
    import(&backwards, &simulated, &lines[lines.len() / 2..]);
    run(&backwards, &["detect"]).succeeded();
    import(&backwards, &simulated, &lines[..lines.len() / 2]);
    run(&backwards, &["detect"]).succeeded();
    let (one, other) = (findings(&followed), findings(&backwards));
    assert!(one.len() > 10, "{}", one.len());
    assert_eq!(one.iter().map(told).collect::<Vec<_>>(), other.iter().map(told).collect::<Vec<_>>());
}
