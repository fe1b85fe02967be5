//! A simulated organisation as files: the truth that a feed or a lake is compared with.
//! Promises: the same arguments give the same bytes, also to `ephor demo`.
//! Never changes what the simulator wrote.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{ephor, folder, run_in};

pub struct Simulated {
    folder: TempDir,
}

impl Simulated {
    /// `ephor simulate` with these arguments.
    pub fn make(arguments: &[&str]) -> Self {
        let folder = folder();
        run_in(ephor(["simulate"]).args(arguments).arg("--out").arg(folder.path())).succeeded();
        Self { folder }
    }

    /// That many activities of a middling organisation.
    pub fn of(activities: u64) -> Self {
        Self::make(&["--seed", "7", "--users", "120", "--days", "30", "--activities", &activities.to_string()])
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The NDJSON file.
    pub fn activities(&self) -> PathBuf {
        self.folder.path().join("activities.ndjson")
    }

    pub fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.activities()).unwrap().lines().map(str::to_owned).collect()
    }

    pub fn rows(&self) -> Vec<Value> {
        self.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
