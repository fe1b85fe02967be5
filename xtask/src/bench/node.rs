//! A running Ephor to measure: started on a free loopback port, stopped when dropped.
//! Promises: it answers when `start` returns.
//! Never listens beyond loopback.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::Bench;
use super::import::Lake;
use crate::step::{Blame, Outcome};

/// More than a benchmark asks, so that the rate limit is not what is measured.
const REQUESTS_PER_MINUTE: &str = "100000000";

pub struct Node {
    child: Child,
    pub address: String,
}

impl Node {
    pub fn start(bench: &Bench<'_>, lake: &Lake) -> Outcome<Self> {
        let log = bench.folder.join("ephor.log");
        let mut child = Command::new(&bench.binary)
            .args(["up", "--format", "json", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&lake.folder)
            .env("EPHOR_SERVER__RATE_LIMIT_PER_MINUTE", REQUESTS_PER_MINUTE)
            .env("EPHOR_ANALYTICS__RATE_LIMIT_PER_MINUTE", REQUESTS_PER_MINUTE)
            .current_dir(&bench.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).blame(format!("cannot write {}", log.display()))?)
            .spawn()
            .blame("cannot start `ephor up`")?;
        let stdout = child.stdout.take().blame("`ephor up` has no standard output")?;
        let mut node = Self { child, address: String::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).blame("cannot read what `ephor up` prints")?;
        let told: Value = serde_json::from_str(&line).blame(format!("`ephor up` printed no JSON line but {line:?}"))?;
        told["address"].as_str().blame("`ephor up` told no address")?.clone_into(&mut node.address);
        Ok(node)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It only reads: nothing is lost by ending it at once.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
