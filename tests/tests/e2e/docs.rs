//! README.md and docs/: every command that stands after a `$ ` prompt is run as it is written.
//!
//! The commands of one page run in one shell, in an empty folder, in order, so that a page reads as a session. What goes on for
//! ever (`ephor demo`, `ephor up`) is started in the background and ended with the page.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

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

#[test]
fn the_commands_of_the_docs_run_as_written() {
    let pages = pages();
    let mut failures = Vec::new();
    for page in pages.iter().filter(|page| !page.commands.is_empty()) {
        let home = folder();
        let script = home.path().join("page.sh");
        fs::write(&script, session(page)).unwrap();
        let work = home.path().join("work");
        fs::create_dir(&work).unwrap();
        let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
        let done = run_in(
            Command::new("timeout")
                .arg("300")
                .arg("bash")
                .arg(&script)
                .current_dir(&work)
                .env("PATH", path)
                .env("HOME", &work)
                .env_remove("EPHOR_BIN"),
        );
        if done.code != Some(0) {
            failures.push(format!("{}: {}\n{}", page.path.display(), done.stdout, done.stderr));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n----\n"));
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
fn session(page: &Page) -> String {
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
            let address = listen_address(command);
            script.push_str(&format!("{command} > {line}.serving.log 2>&1 &\npids+=($!)\nanswers {address}\n"));
        } else {
            script.push_str(command);
            script.push('\n');
        }
    }
    script
}

fn listen_address(command: &str) -> String {
    let mut words = command.split_whitespace();
    let given = words.by_ref().find(|word| *word == "--listen").and_then(|_| words.next());
    given.unwrap_or("127.0.0.1:8787").to_owned()
}

#[test]
fn a_page_is_read_prompt_by_prompt() {
    let text = "x\n```console\n$ ephor init \\\n    --name A\nkeys: …\n$ cat <<'END' > f\nhello\nEND\noutput\n```\n```toml\n$ not this\n```\n";
    let read = commands(text);
    assert_eq!(read, [(3, "ephor init \\\n    --name A".to_owned()), (6, "cat <<'END' > f\nhello\nEND".to_owned())]);
    assert_eq!(listen_address("ephor up --listen 127.0.0.1:9000"), "127.0.0.1:9000");
}
