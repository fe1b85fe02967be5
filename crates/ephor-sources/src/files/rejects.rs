//! Lines that could not be taken in, set aside where a person can mend them and import them again.
//! One JSON object a line: file, line, reason, text. The text has lost what can carry content.
//! Never made for a file without a bad line.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use ephor_wire::content;
use serde::Serialize;

use super::is_stdin;
use crate::error::SourceError;

/// The text of a rejected line is cut here: enough to see what it was.
const TEXT_BYTES: usize = 4096;

/// A line that could not be taken in.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RejectedLine {
    file: String,
    line: u64,
    reason: String,
    text: String,
}

impl RejectedLine {
    pub(super) fn new(file: &Path, line: u64, reason: String, raw: &[u8]) -> Self {
        // What parses loses its content as everywhere. Of what does not, nobody can say what it holds: file and line
        // say where to look.
        let text = serde_json::from_slice::<serde_json::Value>(raw).map_or_else(
            |_| String::new(),
            |mut value| {
                content::strip(&mut value);
                value.to_string()
            },
        );
        let cut = (0..=TEXT_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        Self { file: file.display().to_string(), line, reason, text: text[..cut].to_owned() }
    }
}

/// The rejects file of one input, opened at its first line.
pub(super) struct Rejects {
    path: PathBuf,
    shared: bool,
    file: Option<File>,
}

impl Rejects {
    pub(super) fn beside(input: &Path, named: Option<&Path>) -> Self {
        let beside = match is_stdin(input) {
            true => PathBuf::from("stdin.rejects.ndjson"),
            false => PathBuf::from(format!("{}.rejects.ndjson", input.display())),
        };
        Self { path: named.map_or(beside, Path::to_owned), shared: named.is_some(), file: None }
    }

    pub(super) fn write(&mut self, lines: &[RejectedLine]) -> Result<(), SourceError> {
        for line in lines {
            tracing::warn!(file = line.file, line = line.line, reason = line.reason, "not taken in");
            let path = self.path.clone();
            let failed = |e| SourceError::file("write", &path, e);
            if self.file.is_none() {
                let mut options = OpenOptions::new();
                // A file that the user named gathers the rejects of all inputs; one of our own naming is made anew.
                let opened =
                    options.create(true).append(self.shared).write(true).truncate(!self.shared).open(&self.path);
                self.file = Some(opened.map_err(failed)?);
            }
            if let Some(file) = &mut self.file {
                let mut text = serde_json::to_vec(line).map_err(|e| failed(e.into()))?;
                text.push(b'\n');
                file.write_all(&text).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// Rows of an upstream that are no activities, kept in one file over all runs.
pub(crate) struct RejectsLog;

impl RejectsLog {
    /// Adds the rejected rows of one page to `path`, under the source's name.
    pub(crate) fn append(path: &Path, source: &str, rows: &[(String, bytes::Bytes)]) -> Result<(), SourceError> {
        if rows.is_empty() {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| SourceError::file("create the folder", folder, e))?;
        }
        let lines: Vec<RejectedLine> = (1..)
            .zip(rows)
            .map(|(number, (reason, raw))| RejectedLine::new(Path::new(source), number, reason.clone(), raw))
            .collect();
        Rejects::beside(Path::new(source), Some(path)).write(&lines)
    }
}
