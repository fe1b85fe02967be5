//! A running Ephor to measure: started on a free loopback port, stopped when dropped.
//! Promises: it answers when `start` returns.
//! Never listens beyond loopback.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Bench;
use super::import::Lake;
use crate::step::{Blame, Failure, Outcome, ask};

/// More than a benchmark asks, so that the rate limit is not what is measured.
const REQUESTS_PER_MINUTE: &str = "100000000";

/// What a node may take to finish what is under way.
const STOPS_WITHIN: Duration = Duration::from_secs(120);

pub struct Node {
    child: Child,
    pub address: String,
    line: Value,
}

impl Node {
    pub fn start(bench: &Bench<'_>, lake: &Lake) -> Outcome<Self> {
        let mut command = Command::new(&bench.binary);
        command.args(["up", "--format", "json", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&lake.folder);
        Self::spoken(bench, &mut command)
    }

    /// A demo of so many people, days and activities, made unless the folder has it.
    pub fn demo(bench: &Bench<'_>, folder: &Path, (people, days, activities): (u32, u32, u64)) -> Outcome<Self> {
        let [people, days, activities] = [u64::from(people), u64::from(days), activities].map(|n| n.to_string());
        let mut command = Command::new(&bench.binary);
        command.args(["demo", "--format", "json", "--listen", "127.0.0.1:0", "--rate-limit", REQUESTS_PER_MINUTE]);
        command.args(["--users", &people, "--days", &days, "--activities", &activities, "--data-dir"]).arg(folder);
        Self::spoken(bench, &mut command)
    }

    fn spoken(bench: &Bench<'_>, command: &mut Command) -> Outcome<Self> {
        let log = bench.folder.join("ephor.log");
        let mut child = command
            .env("EPHOR_SERVER__RATE_LIMIT_PER_MINUTE", REQUESTS_PER_MINUTE)
            .env("EPHOR_ANALYTICS__RATE_LIMIT_PER_MINUTE", REQUESTS_PER_MINUTE)
            .current_dir(&bench.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).blame(format!("cannot write {}", log.display()))?)
            .spawn()
            .blame("cannot start `ephor`")?;
        let stdout = child.stdout.take().blame("`ephor` has no standard output")?;
        let mut node = Self { child, address: String::new(), line: Value::Null };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).blame("cannot read what `ephor` prints")?;
        node.line = serde_json::from_str(&line)
            .blame(format!("`ephor` printed no JSON line but {line:?}; see {}", log.display()))?;
        node.address = node.told("/address")?.to_owned();
        Ok(node)
    }

    /// A part of its line, by JSON pointer.
    pub fn told(&self, pointer: &str) -> Outcome<&str> {
        self.line.pointer(pointer).and_then(Value::as_str).blame(format!("`ephor` told no {pointer}"))
    }

    /// Ends it as Ctrl-C does, and waits for that.
    pub fn interrupt(mut self) -> Outcome<()> {
        ask(Command::new("kill").arg("-INT").arg(self.pid().to_string()))?;
        let deadline = Instant::now() + STOPS_WITHIN;
        while Instant::now() < deadline {
            if self.child.try_wait().blame("cannot wait for `ephor`")?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(Failure::new(format!("`ephor` still ran {} s after it was told to stop", STOPS_WITHIN.as_secs())))
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
