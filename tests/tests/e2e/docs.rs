//! README.md and docs/: every command that stands after a `$ ` prompt is run as it is written.
//!
//! The commands of one page run in one shell, in an empty folder, in order, so that a page reads as a session. What goes on for
//! ever (`ephor demo`, `ephor up`) is started in the background and ended with the page. One thing is not as written: each port
//! stands for a free one, so that pages can run beside each other and beside whatever else listens on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ephor_e2e::{binary, folder, run_in, workspace_root};

/// Begins of commands that are not run here, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("cargo ", "builds the house: that is what runs this test"),
    ("git ", "needs the repository's address"),
    ("./target/", "the build's own folder"),
    ("target/", "the build's own folder"),
    ("systemctl ", "needs a service manager"),
    ("journalctl ", "needs a service manager"),
    ("docker ", "needs an engine"),
    ("sudo ", "changes the machine"),
    ("apt-get ", "changes the machine"),
    ("pip ", "changes the machine"),
];

/// Commands that serve until they are stopped.
const SERVE: &[&str] = &["ephor demo", "ephor up"];

struct Page {
    path: PathBuf,
    commands: Vec<(usize, String)>,
}

/// Longer than any page takes on two busy cores.
const PAGE_SECONDS: &str = "400";

/// Where a port is looked for: below the range that the system hands out by itself.
const PORTS: std::ops::Range<usize> = 20_000..32_000;

#[test]
fn the_commands_of_the_docs_run_as_written() {
    let pages: Vec<Page> = pages().into_iter().filter(|page| !page.commands.is_empty()).collect();
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    failures.lock().unwrap().extend(failure_of(page));
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n----\n"));
}

/// Runs a page; what it said if a command failed.
fn failure_of(page: &Page) -> Option<String> {
    let home = folder();
    let script = home.path().join("page.sh");
    fs::write(&script, session(page, &mut Ports::default())).unwrap();
    let work = home.path().join("work");
    fs::create_dir(&work).unwrap();
    let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let done = run_in(
        Command::new("timeout")
            .args([PAGE_SECONDS, "bash"])
            .arg(&script)
            .current_dir(&work)
            .env("PATH", path)
            .env("HOME", &work)
            .env_remove("EPHOR_BIN"),
    );
    (done.code != Some(0)).then(|| format!("{}: {}\n{}", page.path.display(), done.stdout, done.stderr))
}

/// Free ports in place of the written ones.
#[derive(Default)]
struct Ports {
    free: BTreeMap<String, String>,
}

impl Ports {
    fn in_place_of(&mut self, written: &str) -> String {
        static TRIED: AtomicUsize = AtomicUsize::new(0);
        let find = || {
            let start = std::process::id() as usize * 131;
            (0..PORTS.len())
                .map(|_| PORTS.start + (start + TRIED.fetch_add(1, Ordering::Relaxed)) % PORTS.len())
                .find(|port| TcpListener::bind(("127.0.0.1", u16::try_from(*port).unwrap())).is_ok())
                .expect("a port is free")
                .to_string()
        };
        self.free.entry(written.to_owned()).or_insert_with(find).clone()
    }

    /// A command with every `127.0.0.1:PORT` led to a free port.
    fn within(&mut self, command: &str) -> String {
        let mut parts = command.split("127.0.0.1:");
        let mut led = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            let (port, rest) = part.split_at(digits);
            let port = if port.is_empty() { String::new() } else { self.in_place_of(port) };
            led.push_str(&format!("127.0.0.1:{port}{rest}"));
        }
        led
    }
}

fn pages() -> Vec<Page> {
    let root = workspace_root();
    let mut files = vec![root.join("README.md")];
    let docs = fs::read_dir(root.join("docs")).into_iter().flatten().flatten().map(|entry| entry.path());
    files.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    files.sort();
    let read = |path: PathBuf| fs::read_to_string(&path).ok().map(|text| Page { commands: commands(&text), path });
    files.into_iter().filter_map(read).collect()
}

/// Commands in fences of `console` or `sh`: from a `$ ` prompt to the end of its line, over backslashes and here-documents.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut fence = None;
    let mut here: Option<String> = None;
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if let Some(name) = trimmed.strip_prefix("```") {
            fence = if fence.is_none() { Some(name.trim().to_owned()) } else { None };
            (here, open) = (None, false);
            continue;
        }
        if !fence.as_deref().is_some_and(|name| name == "console" || name == "sh") {
            continue;
        }
        let goes_on = open || here.is_some();
        if let Some(command) = trimmed.strip_prefix("$ ") {
            found.push((index + 1, command.to_owned()));
        } else if let (true, Some((_, command))) = (goes_on, found.last_mut()) {
            command.push('\n');
            command.push_str(line);
        } else {
            continue;
        }
        open = line.trim_end().ends_with('\\');
        if here.as_deref().is_some_and(|end| line.trim() == end) {
            here = None;
        } else if here.is_none() {
            here = line.split_once("<<").map(|(_, end)| delimiter(end));
        }
    }
    found
}

/// The word that ends a here-document, from what follows `<<`.
fn delimiter(text: &str) -> String {
    text.trim_start_matches(|c: char| !c.is_alphanumeric())
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// A page as one shell script that says which line failed.
fn session(page: &Page, ports: &mut Ports) -> String {
    let mut script = String::from(
        "set -euo pipefail\npids=()\nline=0\n\
         trap 'code=$?; for pid in \"${pids[@]}\"; do kill \"$pid\" 2>/dev/null || true; done; \
         if [ $code -ne 0 ]; then echo \"FAILED at line $line\" >&2; cat ./*.serving.log >&2 2>/dev/null || true; fi; exit $code' EXIT\n\
         answers() { for _ in $(seq 600); do if curl -sf -o /dev/null \"http://$1/healthz\"; then return 0; fi; sleep 0.1; done; return 1; }\n",
    );
    for (line, command) in &page.commands {
        if NOT_RUN.iter().any(|(begin, _)| command.starts_with(begin)) {
            continue;
        }
        script.push_str(&format!("line={line}\n"));
        if SERVE.iter().any(|begin| command.starts_with(begin)) {
            let (command, address) = serving(command, ports);
            script.push_str(&format!("{command} > {line}.serving.log 2>&1 &\npids+=($!)\nanswers {address}\n"));
        } else {
            script.push_str(&ports.within(command));
            script.push('\n');
        }
    }
    script
}

/// A command that serves, on a free port, and the address of it.
fn serving(command: &str, ports: &mut Ports) -> (String, String) {
    let mut words = command.split_whitespace();
    match words.by_ref().find(|word| *word == "--listen").and_then(|_| words.next()) {
        Some(given) => (ports.within(command), ports.within(given)),
        None => {
            let usual = ports.within("127.0.0.1:8787");
            (format!("{} --listen {usual}", ports.within(command)), usual)
        }
    }
}

#[test]
fn a_page_is_read_prompt_by_prompt() {
    let text = "x\n```console\n$ ephor init \\\n    --name A\nkeys: …\n$ cat <<'END' > f\nhello\nEND\noutput\n```\n```toml\n$ not this\n```\n";
    let read = commands(text);
    assert_eq!(read, [(3, "ephor init \\\n    --name A".to_owned()), (6, "cat <<'END' > f\nhello\nEND".to_owned())]);
}

#[test]
fn a_written_port_is_one_free_port_wherever_it_stands() {
    let mut ports = Ports::default();
    let (command, address) = serving("ephor up --data-dir x --listen 127.0.0.1:9000", &mut ports);
    assert!(command.ends_with(&address) && address != "127.0.0.1:9000", "{command}");
    let asked = ports.within("curl http://127.0.0.1:9000/a http://127.0.0.1:9001/b 127.0.0.1");
    let other = ports.in_place_of("9001");
    assert_eq!(asked, format!("curl http://{address}/a http://127.0.0.1:{other}/b 127.0.0.1"));
    let (command, usual) = serving("ephor demo --users 20", &mut ports);
    assert_eq!(command, format!("ephor demo --users 20 --listen {usual}"));
    assert_eq!(ports.within("http://127.0.0.1:8787/"), format!("http://{usual}/"));
}

/// Backticked words of docs/security.md that look like the name of a test: several words, all small.
fn named_tests(text: &str) -> impl Iterator<Item = &str> {
    let shown_by = text.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.rsplit(" | ").next());
    shown_by.flat_map(|cell| cell.split('`').skip(1).step_by(2))
}

#[test]
fn every_test_that_the_security_page_names_is_there() {
    let root = workspace_root();
    let mut sources = String::new();
    let mut folders = vec![root.join("crates"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|ending| ending.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("rs") => sources.push_str(&fs::read_to_string(&path).unwrap()),
                _ => {}
            }
        }
    }
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let named: Vec<&str> = named_tests(&page).collect();
    assert!(named.len() > 40, "{named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "docs/security.md names tests that are not there: {missing:?}");
}
