//! The Python of `cargo xtask test`, with the pinned clients in it.
//! Promises: a test without it says what to run.
//! Never installs anything.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::binary::workspace_root;

/// A script of `tests/python` with its arguments, not started yet.
pub fn python(script: &str) -> Command {
    let interpreter = interpreter();
    assert!(
        interpreter.exists(),
        "no Python with the pinned clients at {}: run `cargo xtask setup` first",
        interpreter.display()
    );
    let mut command = Command::new(interpreter);
    command.arg(workspace_root().join("tests/python").join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The script that judges pages by WCAG, beside the clients.
pub fn axe() -> PathBuf {
    beside_the_clients("axe-core-4.14.1.js")
}

/// What `cargo xtask setup` has put beside the Python clients.
pub fn beside_the_clients(name: &str) -> PathBuf {
    let beside = interpreter().ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default();
    let found = beside.join(name);
    assert!(found.exists(), "no {name} at {}: run `cargo xtask setup` first", found.display());
    found
}

/// A program in one of the Python packages.
pub fn in_package(package: &str, program: &str) -> PathBuf {
    let libraries = beside_the_clients("lib");
    let python = fs::read_dir(libraries).unwrap().find_map(|entry| {
        let packages = entry.unwrap().path().join("site-packages");
        packages.is_dir().then_some(packages)
    });
    let found = python.unwrap_or_default().join(package).join(program);
    assert!(found.exists(), "no {program} of {package} at {}: run `cargo xtask setup` first", found.display());
    found
}

fn interpreter() -> PathBuf {
    if let Some(named) = env::var_os("E2E_PYTHON") {
        return PathBuf::from(named);
    }
    // target/debug/deps/e2e-… → target
    let test = env::current_exe().unwrap();
    test.ancestors().nth(3).map(Path::to_path_buf).unwrap_or_default().join("venv/bin/python")
}
