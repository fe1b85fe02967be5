//! Notes in order on disk: one JSON object a line, appended and fsynced.
//! Promises that a line cut off by a crash is passed over and never joined to the next.
//! Never changes a line that is there.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::error::LakeError;

/// A file of notes.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Line {
    note: String,
}

/// What a file of notes holds.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) notes: Vec<String>,
    /// Numbers of the lines, from 1, that are no notes; a last line without its end is not among them.
    pub(crate) unreadable: Vec<usize>,
}

impl Book {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn append(&self, note: &str) -> Result<(), LakeError> {
        let failed = |e: io::Error| LakeError::file("write", &self.path, e);
        let folder = self.path.parent().unwrap_or(Path::new("."));
        durable::create_folder(folder).map_err(failed)?;
        let fresh = !self.path.exists();
        self.drop_cut_off_line().map_err(failed)?;
        let line =
            serde_json::to_string(&Line { note: note.to_owned() }).map_err(|error| failed(io::Error::other(error)))?;
        let mut file = OpenOptions::new().append(true).create(true).open(&self.path).map_err(failed)?;
        file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_data()).map_err(failed)?;
        if fresh {
            durable::sync_folder(folder).map_err(failed)?;
        }
        Ok(())
    }

    /// A last line without its end was never acknowledged; it goes before the next one is written.
    fn drop_cut_off_line(&self) -> io::Result<()> {
        let Ok(file) = OpenOptions::new().read(true).write(true).open(&self.path) else { return Ok(()) };
        let length = file.metadata()?.len();
        let mut last = [b'\n'];
        if length > 0 {
            file.read_exact_at(&mut last, length - 1)?;
        }
        if last == [b'\n'] {
            return Ok(());
        }
        let whole = fs::read(&self.path)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        file.sync_all()
    }

    pub(crate) fn read(&self) -> Result<Pages, LakeError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Pages::default()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Ok(Pages { notes: Vec::new(), unreadable: vec![1] });
            }
            Err(error) => return Err(LakeError::file("read", &self.path, error)),
        };
        let mut pages = Pages::default();
        let last = text.lines().count();
        for (index, line) in text.lines().enumerate() {
            match serde_json::from_str::<Line>(line) {
                Ok(line) => pages.notes.push(line.note),
                Err(_) if index + 1 == last && !text.ends_with('\n') => {}
                Err(_) => pages.unreadable.push(index + 1),
            }
        }
        Ok(pages)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_that_a_crash_cut_off_harms_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let book = Book::new(dir.path().join("a/notes.ndjson"));
        book.append("one\nline").unwrap();
        let mut file = OpenOptions::new().append(true).open(book.path()).unwrap();
        file.write_all(b"{\"note\":\"hal").unwrap();
        assert_eq!(book.read().unwrap().notes, ["one\nline"]);
        book.append("two").unwrap();
        let pages = book.read().unwrap();
        assert_eq!((pages.notes, pages.unreadable), (vec!["one\nline".to_owned(), "two".to_owned()], Vec::new()));
    }
}
