//! Records as lines of a local file, with rotation by size.
//! Promises whole lines on the disk before they count as delivered, and no line twice when a batch is sent again after a
//! crash: what of it stands at the file's end already is not written a second time.
//! Never rewrites a line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::Deserialize;

use super::{Broken, Refusal, Sink, Verdict, all_delivered, lines, short};
use crate::record::Record;

/// `file = { path = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// Where the lines go.
    pub path: PathBuf,
    /// A file that has grown beyond this is put aside under `PATH.NUMBER`. Default: never.
    #[serde(default)]
    pub rotate_bytes: Option<u64>,
    /// How many files that were put aside are kept. Default: all.
    #[serde(default)]
    pub keep_files: Option<usize>,
}

pub(crate) struct FileSink {
    settings: FileSettings,
    /// What is to be compared with the first batch; a batch after that cannot stand there already.
    fresh: bool,
}

impl FileSink {
    pub(crate) fn new(settings: FileSettings) -> Self {
        Self { settings, fresh: true }
    }
}

#[async_trait]
impl Sink for FileSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let (settings, bytes, fresh) = (self.settings.clone(), lines(batch), self.fresh);
        let written = tokio::task::spawn_blocking(move || append(&settings, &bytes, fresh)).await;
        match written {
            Ok(Ok(())) => {
                self.fresh = false;
                Ok(all_delivered(batch))
            }
            Ok(Err(error)) => {
                // Part of the batch may be there; the next try looks.
                self.fresh = true;
                Err(Refusal::Unreachable { why: short(&format!("{}: {error}", self.settings.path.display())) }.into())
            }
            Err(stopped) => Err(Refusal::unreachable(stopped).into()),
        }
    }
}

fn append(settings: &FileSettings, bytes: &[u8], fresh: bool) -> io::Result<()> {
    let path = &settings.path;
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    let mut file = open(path)?;
    let mut length = file.metadata()?.len();
    let mut written = 0;
    if fresh && length > 0 {
        let end = ends_with(&mut file, length, bytes)?;
        written = end.of_batch;
        length -= end.torn;
        file.set_len(length)?;
    }
    if written == 0 && settings.rotate_bytes.is_some_and(|limit| length >= limit) {
        put_aside(settings)?;
        file = open(path)?;
    }
    file.seek(SeekFrom::End(0))?;
    file.write_all(&bytes[written..])?;
    file.sync_data()
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    // Who may read the lake may read this; nobody else is let in.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let is_new = !path.exists();
    let file = options.open(path)?;
    if is_new && let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(parent)?.sync_all()?;
    }
    Ok(file)
}

/// What stands at the end of a file.
struct Ending {
    /// Bytes of a line that was cut off and is not a part of the batch.
    torn: u64,
    /// How many bytes of the batch's beginning the file ends with.
    of_batch: usize,
}

/// Looks at the end of a file for the beginning of a batch: the longest that is there, cut to whole lines.
fn ends_with(file: &mut File, length: u64, batch: &[u8]) -> io::Result<Ending> {
    let reach = length.min(batch.len() as u64);
    file.seek(SeekFrom::Start(length - reach))?;
    let mut end = vec![0; usize::try_from(reach).unwrap_or_default()];
    file.read_exact(&mut end)?;
    let whole = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // A line longer than the batch may have been cut off: nothing of it is in sight but its middle.
    let torn = if whole == 0 { torn_line(file, length)? } else { (end.len() - whole) as u64 };
    end.truncate(whole);
    let line_ends = (0..batch.len()).filter(|at| batch[*at] == b'\n').map(|at| at + 1);
    let of_batch = line_ends.rev().find(|size| *size <= end.len() && end.ends_with(&batch[..*size])).unwrap_or(0);
    Ok(Ending { torn, of_batch })
}

/// How many bytes stand behind the last line end of a file.
fn torn_line(file: &mut File, length: u64) -> io::Result<u64> {
    const STEP: u64 = 64 << 10;
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let mut part = vec![0; usize::try_from(end - start).unwrap_or_default()];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(length - start - at as u64 - 1);
        }
        end = start;
    }
    Ok(length)
}

/// Gives the full file the next number and lets the oldest go that are too many.
fn put_aside(settings: &FileSettings) -> io::Result<()> {
    let mut numbers = put_aside_before(&settings.path)?;
    let next = numbers.last().map_or(1, |number| number + 1);
    fs::rename(&settings.path, numbered(&settings.path, next))?;
    numbers.push(next);
    if let Some(keep) = settings.keep_files {
        for number in &numbers[..numbers.len().saturating_sub(keep)] {
            fs::remove_file(numbered(&settings.path, *number))?;
        }
    }
    Ok(())
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{number}"));
    path.with_file_name(name)
}

/// The numbers of files that were put aside, ascending.
fn put_aside_before(path: &Path) -> io::Result<Vec<u64>> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let other = entry?.file_name().to_string_lossy().into_owned();
        numbers.extend(other.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.')?.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings(folder: &Path) -> FileSettings {
        FileSettings { path: folder.join("out.ndjson"), rotate_bytes: None, keep_files: None }
    }

    #[test]
    fn a_batch_sent_again_after_a_crash_at_any_byte_stands_there_once() {
        let batch = b"first\nfirst\nsecond\nthird\n";
        for before in ["", "old\n", "first\n"] {
            for cut in 0..=batch.len() {
                let folder = tempfile::tempdir().unwrap();
                let settings = settings(folder.path());
                fs::write(&settings.path, [before.as_bytes(), &batch[..cut]].concat()).unwrap();
                append(&settings, batch, true).unwrap();
                let said = fs::read_to_string(&settings.path).unwrap();
                let whole = format!("{before}first\nfirst\nsecond\nthird\n");
                // Lines that look alike cannot be told apart: one that stood there before may count as the batch's own.
                assert!(whole.ends_with(&said) || said == whole, "cut {cut} after {before:?}: {said:?}");
                assert!(said.ends_with("first\nfirst\nsecond\nthird\n"));
            }
        }
    }

    #[test]
    fn a_full_file_is_put_aside_under_the_next_number_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let settings = FileSettings { rotate_bytes: Some(4), keep_files: Some(2), ..settings(folder.path()) };
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            append(&settings, line.as_bytes(), false).unwrap();
        }
        let said = |name: &str| fs::read_to_string(folder.path().join(name)).ok();
        assert_eq!(said("out.ndjson").as_deref(), Some("four\n"));
        assert_eq!(said("out.ndjson.3").as_deref(), Some("three\n"));
        assert_eq!((said("out.ndjson.2").as_deref(), said("out.ndjson.1")), (Some("two\n"), None));
    }
}
