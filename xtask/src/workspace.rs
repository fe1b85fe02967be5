//! Where things are: the workspace's root, its target folder, the Python environment, and how cargo is called.
//! Promises: the same folders that cargo itself uses (`CARGO_TARGET_DIR` included).
//! Never writes outside the target folder.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{Blame, Outcome};

pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
}

impl Workspace {
    pub fn find() -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().blame("xtask has no parent folder")?.to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => env::current_dir().blame("no current folder")?.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// The Python environment with the pinned clients.
    pub fn venv(&self) -> PathBuf {
        self.target.join("venv")
    }

    pub fn python(&self) -> PathBuf {
        self.venv().join("bin/python")
    }

    /// The `ephor` binary as built in a profile.
    pub fn binary(&self, profile: &str) -> PathBuf {
        let folder = if profile == "dev" { "debug" } else { profile };
        self.target.join(folder).join("ephor")
    }

    /// A cargo command in the workspace, free of what `cargo run` has set for this task: build scripts that watch those
    /// variables (ring's does) would otherwise be built again on every change between a task and a plain cargo call.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
                .iter()
                .any(|p| text.starts_with(p))
            {
                command.env_remove(&name);
            }
        }
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target).env_remove("OUT_DIR");
        command
    }
}
