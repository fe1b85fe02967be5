//! One writer a lake: an exclusive lock that the operating system takes back when its process ends, however it ends.
//! The file says who holds it, so that the second one can be told.
//! Never waits, and never keeps a reader out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::{Arc, Weak};

use crate::durable;
use crate::error::LakeError;

/// Held for as long as the lake is open for writing.
#[derive(Debug)]
pub(crate) struct WriterLock {
    _file: File,
}

impl WriterLock {
    pub(crate) fn take(dir: &Path) -> Result<Self, LakeError> {
        durable::create_folder(dir).map_err(|e| LakeError::file("create the folder", dir, e))?;
        let path = dir.join("writer.lock");
        let failed = |e| LakeError::file("open", &path, e);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder =
                    if holder.trim().is_empty() { "another process".to_owned() } else { holder.trim().to_owned() };
                return Err(LakeError::Locked { path: dir.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(LakeError::file("lock", &path, error)),
        }
        // Only words for the next one to read: a full disk must not keep the lake from being opened.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "process {}", std::process::id()));
        Ok(Self { _file: file })
    }
}

/// The way in for tables that are written beside the writers' threads: open for as long as one of those holds the lock.
#[derive(Debug, Clone, Default)]
pub(crate) struct WritePermit {
    lock: Weak<WriterLock>,
}

impl WritePermit {
    pub(crate) fn of(lock: &Arc<WriterLock>) -> Self {
        Self { lock: Arc::downgrade(lock) }
    }

    /// Keeps the lake locked until the write is done.
    pub(crate) fn take(&self) -> Result<Arc<WriterLock>, LakeError> {
        self.lock.upgrade().ok_or_else(|| LakeError::WriterGone("the lake is not open for writing here".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_holds_the_lake() {
        let dir = tempfile::tempdir().unwrap();
        let first = WriterLock::take(dir.path()).unwrap();
        let refused = WriterLock::take(dir.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        WriterLock::take(dir.path()).unwrap();
    }
}
