//! The real binary: where it is, and how one command of it is run to its end.
//! Promises: no configuration or variable of the developer's own reaches it.
//! Never waits for ever: a command that hangs is stopped by the test runner's own limit.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The workspace's folder.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The binary that `cargo xtask test` has built (`EPHOR_BIN`), or the one beside this test; it is built if there is none.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = env::var_os("EPHOR_BIN") {
            return PathBuf::from(named);
        }
        let test = env::current_exe().unwrap();
        let beside = test.parent().and_then(Path::parent).unwrap().join("ephor");
        if !beside.exists() {
            let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let built =
                Command::new(cargo).args(["build", "--package", "ephor"]).current_dir(workspace_root()).status();
            assert!(built.is_ok_and(|status| status.success()), "`cargo build --package ephor` failed");
        }
        assert!(beside.exists(), "no binary at {}: run `cargo xtask test`, or set EPHOR_BIN", beside.display());
        beside
    })
}

/// A folder of this test's own.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("ephor-e2e-").tempdir().unwrap()
}

/// `ephor` with these arguments, not started yet, away from any ephor.toml and free of `EPHOR_` variables.
pub fn ephor<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("EPHOR_") {
            command.env_remove(name);
        }
    }
    // Code that is built without optimisation takes long for what pages show; a story looks at answers of now.
    command.env("EPHOR_CONSOLE__PATIENCE_MS", "60000");
    command.args(arguments).current_dir(env::temp_dir()).stdin(Stdio::null());
    command
}

/// What a command that has ended said.
#[derive(Debug)]
pub struct Done {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// The one JSON document on standard output.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "the command failed: {self:#?}");
        let last = self.stdout.trim();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("no JSON document ({error}): {self:#?}"))
    }

    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "the command failed: {self:#?}");
        self
    }

    pub fn failed_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "another exit code was expected: {self:#?}");
        self
    }
}

/// Runs a command to its end.
pub fn run_in(command: &mut Command) -> Done {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    Done {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs `ephor` to its end on a data folder, answers as JSON.
pub fn run(data: &Path, arguments: &[&str]) -> Done {
    run_in(ephor(arguments).arg("--data-dir").arg(data).args(["--format", "json"]))
}
