//! The community client, as it comes from its registry, against a running Ephor.

use std::process::Command;

use ephor_e2e::{Done, Node, Simulated, folder, python, run_in};

const ORGANISATION: [&str; 8] = ["--users", "200", "--days", "60", "--seed", "7", "--activities", "50000"];

fn with_keys(command: &mut Command, node: &Node) -> Done {
    command.env("EPHOR_ADDRESS", node.address());
    for name in ["compliance", "analytics", "write", "admin"] {
        command.env(format!("{}_KEY", name.to_uppercase()), node.key(name));
    }
    let done = run_in(command).succeeded();
    println!("{}", done.stdout);
    done
}

#[test]
fn the_sdk_reads_fifty_thousand_activities_with_every_filter_and_the_whole_directory() {
    let truth = Simulated::make(&ORGANISATION);
    let home = folder();
    let node = Node::demo(&home.path().join("data"), ORGANISATION.into_iter().chain(["--rate-limit", "1000000"]));
    with_keys(python("read_feed.py").arg(truth.activities()), &node);
    with_keys(python("read_directory.py").arg(truth.folder()), &node);
    with_keys(&mut python("read_errors.py"), &node);
}

#[test]
fn the_client_recovers_from_429_by_itself() {
    let home = folder();
    let small = ["--users", "20", "--days", "5", "--activities", "500", "--rate-limit", "30"];
    let node = Node::demo(&home.path().join("data"), small);
    with_keys(&mut python("read_rate_limit.py"), &node);
}

#[test]
fn duckdb_reads_the_lake_as_it_lies() {
    let truth = Simulated::of(2000);
    let home = folder();
    let data = home.path().join("data");
    ephor_e2e::run(&data, &["import", truth.activities().to_str().unwrap()]).succeeded();
    run_in(python("read_lake.py").arg(data.join("lake/activities")).arg(truth.activities())).succeeded();
}
