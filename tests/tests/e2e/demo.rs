//! `ephor demo`: one command, one line, five curl lines, and Ctrl-C.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ephor_e2e::{Node, ephor, folder, id_of, run_in};

const SMALL: [&str; 8] = ["--users", "40", "--days", "20", "--seed", "7", "--activities", "3000"];

#[test]
fn the_demo_prints_one_line_that_holds_what_a_program_needs() {
    let home = folder();
    let data = home.path().join("data");
    let node = Node::demo(&data, SMALL);
    for key in ["analytics", "compliance", "write", "admin"] {
        assert!(!node.key(key).is_empty());
    }
    let truth = node.line["truth"].as_str().expect("the line names the truth");
    let truth: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(truth).unwrap()).unwrap();
    for part in ["incidents", "dormant_users", "leavers", "violations"] {
        assert!(truth[part].is_array(), "{part} is missing");
    }
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(node.client("admin").get(path).status, 200, "{path}");
    }
}

#[test]
fn a_second_start_finds_its_data_and_ctrl_c_ends_it_well() {
    let home = folder();
    let data = home.path().join("data");
    let node = Node::demo(&data, SMALL);
    let first = node.client("compliance").feed("");
    assert!(first.len() >= 3000, "the simulated activities, and what the demo itself did");
    assert_eq!(node.interrupt().code(), Some(0), "Ctrl-C is an orderly end");

    let node = Node::demo(&data, SMALL);
    let second = node.client("compliance").feed("");
    let first: Vec<&str> = first.iter().filter(|row| row["type"] != ephor_e2e::OWN_READS).map(id_of).collect();
    let again: Vec<&str> = second.iter().map(id_of).filter(|id| first.contains(id)).collect();
    assert_eq!(again, first, "the feed of the first run, in the same order");
    assert_eq!(node.interrupt().code(), Some(0));
}

#[test]
fn the_five_curl_lines_work_when_pasted() {
    let home = folder();
    let mut demo = ephor(["demo"])
        .args(SMALL)
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(home.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = curl_lines(&mut demo);
    let answers: Vec<_> = lines.iter().map(|line| (line, run_in(Command::new("bash").arg("-c").arg(line)))).collect();
    demo.kill().unwrap();
    demo.wait().unwrap();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    for (line, done) in answers {
        assert_eq!(done.code, Some(0), "{line}: {done:#?}");
        assert!(!done.stdout.is_empty() && !done.stdout.contains("\"type\":\"error\""), "{line}: {done:#?}");
    }
}

/// Five complete commands from what the demo prints for people; a command may go on over a backslash.
fn curl_lines(demo: &mut Child) -> Vec<String> {
    let stdout = demo.stdout.take().unwrap();
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut open: Option<String> = None;
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let line = line.trim().trim_start_matches("$ ");
            let command = match open.take() {
                Some(begun) => begun + " " + line,
                None if line.starts_with("curl ") => line.to_owned(),
                None => continue,
            };
            match command.strip_suffix('\\') {
                Some(begun) => open = Some(begun.to_owned()),
                None => _ = send.send(command),
            }
        }
    });
    let mut found = Vec::new();
    while found.len() < 5 {
        match receive.recv_timeout(Duration::from_secs(300)) {
            Ok(line) => found.push(line),
            Err(_) => break,
        }
    }
    found
}
