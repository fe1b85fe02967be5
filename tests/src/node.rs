//! A running node: `ephor demo` or `ephor up`, ready when its one JSON line is out, ended by its process id.
//! Promises: no node outlives its test, and what it logged is shown when it did not start.
//! Never listens beyond loopback.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binary::ephor;
use crate::client::Client;
use crate::eventually::eventually;
use crate::lake::sql;

/// A demo simulates and imports before it speaks; with a development build on two busy cores that takes its time.
const READY_WITHIN: Duration = Duration::from_secs(300);
/// What a node that was asked to stop may take to finish what is under way.
const STOPPED_WITHIN: Duration = Duration::from_secs(120);

pub struct Node {
    child: Child,
    logs: PathBuf,
    /// Its one JSON line.
    pub line: Value,
}

impl Node {
    /// `ephor demo` with its data in `data`.
    pub fn demo<A: AsRef<OsStr>>(data: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::start(data, ephor(["demo"]).args(arguments))
    }

    /// `ephor up` on a data folder that `ephor init` has made.
    pub fn up<A: AsRef<OsStr>>(data: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::start(data, ephor(["up"]).args(arguments))
    }

    /// `ephor up` with variables of its environment, such as an upstream's key.
    pub fn up_with<A: AsRef<OsStr>>(
        data: &Path,
        arguments: impl IntoIterator<Item = A>,
        environment: [(&str, &str); 1],
    ) -> Self {
        Self::start(data, ephor(["up"]).args(arguments).envs(environment))
    }

    /// `ephor simulate --serve`: an upstream with a directory, whose line names its two keys.
    pub fn simulated_upstream<A: AsRef<OsStr>>(logs: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        let command = &mut ephor(["simulate", "--serve", "127.0.0.1:0", "--format", "json"]);
        Self::spoken(logs.to_owned(), command.args(arguments))
    }

    /// `ephor up` at a port of the test's choosing, so that who talks to it finds it again after it was killed.
    pub fn up_at(data: &Path, port: u16) -> Self {
        Self::start_at(data, &mut ephor(["up"]), port)
    }

    fn start(data: &Path, command: &mut Command) -> Self {
        Self::start_at(data, command, 0)
    }

    fn start_at(data: &Path, command: &mut Command, port: u16) -> Self {
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--format", "json", "--data-dir"]).arg(data);
        Self::spoken(data.with_extension("log"), command)
    }

    /// Started, and its one line read.
    fn spoken(logs: PathBuf, command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(File::create(&logs).unwrap()).spawn().expect("ephor starts");
        let first = first_line(&mut child);
        let mut node = Self { child, logs, line: Value::Null };
        match first.as_deref().map(serde_json::from_str) {
            Some(Ok(line)) => node.line = line,
            _ => panic!("no JSON line but {first:?} from {command:?}; its log:\n{}", node.log()),
        }
        node
    }

    pub fn address(&self) -> &str {
        self.line["address"].as_str().expect("the line has an address")
    }

    /// One of its keys: `analytics`, `compliance`, `write` or `admin`.
    pub fn key(&self, name: &str) -> &str {
        self.line["keys"][name].as_str().unwrap_or_else(|| panic!("the line has no key `{name}`: {}", self.line))
    }

    pub fn client(&self, key: &str) -> Client {
        Client::new(self.address(), self.key(key))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until what the demo did when it was founded (its keys, recording switched on) is in its own feed, which takes
    /// it about a second: a truth taken before would lack these rows.
    pub fn has_told_of_its_start(&self, data: &Path) {
        let own = "select count(distinct type) as n from activities where source = 'ephor' \
            and type in ('org_compliance_api_settings_updated', 'ephor_console_code_made')";
        eventually("the demo's founding is in its own feed", || {
            (sql(data, own)[0]["n"].as_u64() == Some(2)).then_some(())
        });
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.logs).unwrap_or_default()
    }

    /// Ctrl-C, and the wait for an orderly end.
    pub fn interrupt(mut self) -> ExitStatus {
        signal(self.child.id(), "INT");
        let end = Instant::now() + STOPPED_WITHIN;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("still running {STOPPED_WITHIN:?} after Ctrl-C; its log:\n{}", self.log());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The first line of standard output, or nothing if it ends or stays silent. The rest is read and dropped, so that the
/// node never waits for a reader.
fn first_line(child: &mut Child) -> Option<String> {
    let stdout = child.stdout.take()?;
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            _ = send.send(line);
        }
    });
    receive.recv_timeout(READY_WITHIN).ok()
}

/// Sends a signal to one process, by its id.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "cannot send SIG{name} to {pid}");
}
