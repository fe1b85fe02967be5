//! A lake shows whether it was changed: to its owner, and to somebody who has only a key and a checkpoint.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ephor_e2e::{Receiver, Simulated, folder, python, run, run_in, sql};
use serde_json::Value;

/// A lake of a few days in two imports.
fn lake(data: &Path) {
    for seed in ["9", "10"] {
        let some = Simulated::make(&["--seed", seed, "--users", "20", "--days", "4", "--activities", "600"]);
        run(data, &["import", some.activities().to_str().unwrap(), "--source", seed]).succeeded();
    }
}

fn data_files(data: &Path) -> Vec<PathBuf> {
    let days = fs::read_dir(data.join("lake/activities")).unwrap().flatten();
    let days = days.filter(|day| day.file_name().to_string_lossy().starts_with("day="));
    let mut files: Vec<_> =
        days.flat_map(|day| fs::read_dir(day.path()).unwrap().flatten()).map(|f| f.path()).collect();
    files.sort();
    files
}

fn kinds(found: &Value) -> Vec<&str> {
    let mut kinds: Vec<&str> =
        found["problems"].as_array().unwrap().iter().map(|problem| problem["kind"].as_str().unwrap()).collect();
    kinds.dedup();
    kinds
}

#[test]
fn a_changed_byte_and_a_rolled_back_lake_are_found_and_named() {
    let home = folder();
    let data = home.path().join("data");
    lake(&data);
    let whole = run(&data, &["lake", "verify"]).json();
    assert_eq!((whole["intact"].as_bool(), whole["rows_checked"].as_u64()), (Some(true), Some(1_200)), "{whole}");

    let file = data_files(&data).swap_remove(1);
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(&file, bad).unwrap();
    let found = run(&data, &["lake", "verify"]).failed_with(1);
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    assert!(kinds(&found).contains(&"changed_file"), "{found}");
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(found["problems"].as_array().unwrap().iter().any(|one| one["place"].as_str().unwrap().ends_with(name)));
    fs::write(&file, good).unwrap();
    run(&data, &["lake", "verify"]).succeeded();

    let log = data.join("lake/activities/_delta_log");
    let mut commits: Vec<_> = fs::read_dir(&log).unwrap().flatten().map(|entry| entry.path()).collect();
    commits.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    commits.sort();
    fs::remove_file(commits.last().unwrap()).unwrap();
    let found = run(&data, &["lake", "verify"]).failed_with(1);
    assert!(kinds(&serde_json::from_str(&found.stdout).unwrap()).contains(&"rolled_back"), "{}", found.stdout);
}

#[test]
fn whoever_holds_the_first_key_and_an_old_checkpoint_follows_a_hand_over() {
    let home = folder();
    let data = home.path().join("data");
    lake(&data);
    let (key, checkpoint) = (home.path().join("trusted.key"), home.path().join("checkpoint"));
    fs::copy(data.join("proof/public-key"), &key).unwrap();
    let first = run(&data, &["lake", "checkpoint"]).json();
    fs::write(&checkpoint, first["note"].as_str().unwrap()).unwrap();

    let handed = run(&data, &["lake", "key", "rotate"]).json();
    assert_ne!(handed["from"], handed["to"]);
    let more = Simulated::make(&["--seed", "11", "--users", "20", "--days", "4", "--activities", "50"]);
    run(&data, &["import", more.activities().to_str().unwrap()]).succeeded();
    let verify = ["lake", "verify", "--key", key.to_str().unwrap(), "--checkpoint", checkpoint.to_str().unwrap()];
    let found = run(&data, &verify).json();
    assert_eq!((found["size"].as_u64(), found["keys"].as_array().unwrap().len()), (Some(1_250), 2), "{found}");

    let stranger = home.path().join("stranger");
    run(&stranger, &["init"]).succeeded();
    let foreign = stranger.join("proof/public-key");
    let found = run(&data, &["lake", "verify", "--key", foreign.to_str().unwrap()]).failed_with(1);
    assert!(kinds(&serde_json::from_str(&found.stdout).unwrap()).contains(&"forged_checkpoint"), "{}", found.stdout);
}

#[test]
fn an_authority_stamps_the_checkpoint_of_a_sealed_day_and_openssl_agrees() {
    let home = folder();
    let (data, office) = (home.path().join("data"), home.path().join("office"));
    lake(&data);
    fs::create_dir(&office).unwrap();
    let mut command = python("time_stamp_authority.py");
    command.arg(&office);
    let authority = Receiver::script(&office, command);
    let url = format!("http://127.0.0.1:{}", authority.port());
    fs::write(data.join("ephor.toml"), format!("[proof.time_stamp]\nurl = \"{url}\"\nallow_private = true\n")).unwrap();
    assert!(run(&data, &["lake", "time-stamps"]).json().as_array().unwrap().is_empty());
    run(&data, &["lake", "checkpoint"]).succeeded();
    run(&data, &["lake", "checkpoint"]).succeeded();
    let out = home.path().join("stamps");
    let stamps = run(&data, &["lake", "time-stamps", "--out", out.to_str().unwrap()]).json();
    let (day, authority) = (stamps[0]["day"].as_str().unwrap(), &stamps[0]["authority"]);
    assert_eq!((stamps.as_array().unwrap().len(), authority.as_str()), (1, Some("CN=Test Time Authority")), "{stamps}");
    let found = run(&data, &["lake", "verify"]).json();
    assert_eq!((&found["intact"], &found["time_stamps"]), (&Value::Bool(true), &Value::from(1)), "{found}");
    let of_the_day = |ending: &str| out.join(format!("{day}.{ending}"));
    let mut openssl = Command::new("openssl");
    openssl.args(["ts", "-verify", "-data"]).arg(of_the_day("checkpoint")).arg("-in").arg(of_the_day("tsr"));
    let agreed = run_in(openssl.arg("-CAfile").arg(office.join("root.pem"))).succeeded();
    assert!(agreed.stdout.contains("Verification: OK"), "{agreed:#?}");

    // A stamp that was changed, or put under another checkpoint, is found.
    let book = data.join("proof/time-stamps.ndjson");
    let good = fs::read_to_string(&book).unwrap();
    let reply = stamps[0]["reply"].as_str().unwrap();
    let changed = format!("{}{}", &reply[..reply.len() - 12], "AAAAAAAA".to_owned() + &reply[reply.len() - 4..]);
    fs::write(&book, good.replace(reply, &changed)).unwrap();
    let found = run(&data, &["lake", "verify"]).failed_with(1);
    assert_eq!(kinds(&serde_json::from_str(&found.stdout).unwrap()), ["forged_time_stamp"], "{}", found.stdout);
    let notes = |path: &Path| fs::read_to_string(path).unwrap();
    let inner = |line: &str| serde_json::from_str::<Value>(line).unwrap()["note"].as_str().unwrap().to_owned();
    let other = inner(notes(&data.join("proof/checkpoints.ndjson")).lines().next().unwrap());
    let mut kept: Value = serde_json::from_str(&inner(good.lines().next().unwrap())).unwrap();
    assert_ne!(kept["checkpoint"], other);
    kept["checkpoint"] = other.into();
    fs::write(&book, format!("{}\n", serde_json::json!({ "note": kept.to_string() }))).unwrap();
    let found = run(&data, &["lake", "verify"]).failed_with(1);
    assert!(found.stdout.contains("it is about other bytes"), "{}", found.stdout);
}

#[test]
fn an_erased_person_is_gone_from_the_folder_and_the_lake_is_intact() {
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["init", "--owner", "ada@example.com"]).succeeded();
    lake(&data);
    let someone = sql(
        &data,
        "select actor_id, actor_email from activities where actor_type = 'user_actor' and actor_email is not null limit 1",
    );
    let (id, email) = (someone[0]["actor_id"].as_str().unwrap(), someone[0]["actor_email"].as_str().unwrap());
    let erase = ["lake", "erase", "--person", id, "--person", email, "--reason", "request 12"];
    let counted = run(&data, &erase).json();
    assert_eq!(counted["erased"], false);
    let report = run(&data, &[&erase[..], &["--yes"]].concat()).json();
    assert_eq!(report["activities"], counted["activities"]);
    assert_eq!(run(&data, &erase).json()["activities"], 0);
    let found = run(&data, &["lake", "verify"]).json();
    assert_eq!((&found["intact"], &found["rows_erased"]), (&Value::Bool(true), &report["activities"]), "{found}");
    let served = sql(&data, "select count(*) as n from activities where raw like '%ephor_erased_at%'");
    assert_eq!(served[0]["n"], report["activities"]);
}
