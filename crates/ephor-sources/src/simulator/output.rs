//! Writes a simulation into a folder: activities as NDJSON, the directory as JSON, the truth beside them.
//! Promises that memory stays bounded while writing, and says how much was written.
//! Never overwrites anything but its own files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::{Simulation, UsageCrowd};

/// What went wrong while writing a simulation.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// How much [`Simulation::write_out`] has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WrittenCounts {
    pub activities: u64,
    pub activity_bytes: u64,
    pub usage_events: u64,
    pub directory_rows: u64,
    pub incidents: u64,
}

/// How much [`UsageCrowd::write_out`] has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WrittenUsage {
    pub usage_events: u64,
    pub usage_bytes: u64,
}

impl UsageCrowd {
    /// Writes `usage.ndjson` into `dir`.
    ///
    /// # Errors
    /// If a folder or file cannot be written; the error names it.
    pub fn write_out(&self, dir: &Path) -> Result<WrittenUsage, SimulationError> {
        fs::create_dir_all(dir).map_err(|source| SimulationError::Write { path: dir.to_owned(), source })?;
        let (usage_events, usage_bytes) = write_file(&dir.join("usage.ndjson"), |out| self.write(out))?;
        Ok(WrittenUsage { usage_events, usage_bytes })
    }
}

/// Large enough that a million rows take few system calls.
const BUFFER_BYTES: usize = 1 << 20;

impl Simulation {
    /// Writes `activities.ndjson`, `usage.ndjson`, `directory/*.json` and `truth.json` into `dir`.
    ///
    /// # Errors
    /// If a folder or file cannot be written; the error names it.
    pub fn write_out(&self, dir: &Path) -> Result<WrittenCounts, SimulationError> {
        let lists = dir.join("directory");
        fs::create_dir_all(&lists).map_err(|source| SimulationError::Write { path: lists.clone(), source })?;
        let path = dir.join("activities.ndjson");
        let written = write_file(&path, |out| self.write_activities(out))?;
        let usage_events = write_file(&dir.join("usage.ndjson"), |out| self.write_usage(out))?;
        let directory_rows = self.write_directory(&lists)?;
        write_json(&dir.join("truth.json"), self.truth())?;
        let (activities, activity_bytes) = written;
        Ok(WrittenCounts {
            activities,
            activity_bytes,
            usage_events,
            directory_rows,
            incidents: self.truth().incidents.len() as u64,
        })
    }

    /// Writes one usage event a line; answers how many.
    ///
    /// # Errors
    /// If `out` refuses.
    pub fn write_usage(&self, out: &mut dyn Write) -> io::Result<u64> {
        let mut lines = 0;
        for event in self.usage_events() {
            serde_json::to_writer(&mut *out, &event.to_json())?;
            out.write_all(b"\n")?;
            lines += 1;
        }
        Ok(lines)
    }

    /// Writes one activity a line; answers how many lines and bytes.
    ///
    /// # Errors
    /// If `out` refuses.
    pub fn write_activities(&self, out: &mut dyn Write) -> io::Result<(u64, u64)> {
        let mut activities = self.activities();
        let (mut lines, mut bytes) = (0, 0);
        while let Some((_, raw)) = activities.lend() {
            out.write_all(raw)?;
            out.write_all(b"\n")?;
            lines += 1;
            bytes += raw.len() as u64 + 1;
        }
        Ok((lines, bytes))
    }

    /// One file a list: `{"list": name, "scopes": {scope: rows}}`.
    fn write_directory(&self, dir: &Path) -> Result<u64, SimulationError> {
        #[derive(Serialize)]
        struct ListFile {
            list: &'static str,
            scopes: BTreeMap<String, Vec<Value>>,
        }
        let mut rows = 0;
        let mut files = BTreeMap::<&'static str, BTreeMap<String, Vec<Value>>>::new();
        for list in self.directory().lists() {
            rows += list.rows.len() as u64;
            files.entry(list.listing.as_str()).or_default().insert(list.scope, list.rows);
        }
        for (list, scopes) in files {
            write_json(&dir.join(format!("{list}.json")), &ListFile { list, scopes })?;
        }
        Ok(rows)
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), SimulationError> {
    write_file(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })
}

fn write_file<T>(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<T, SimulationError> {
    let write = || {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
        let answer = fill(&mut out)?;
        out.flush()?;
        Ok(answer)
    };
    write().map_err(|source| SimulationError::Write { path: path.to_owned(), source })
}
