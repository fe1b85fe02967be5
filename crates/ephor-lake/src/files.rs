//! The data files of one table as one version names them, in memory and shared by every reader; and new ones written.
//! A set never changes: a commit makes the next one, and who began on the old one ends on it.
//! Never reads a data file, and never removes one that a commit may name.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ephor_wire::timestamp::UtcDay;

use crate::encode::Encoded;
use crate::error::LakeError;
use crate::schema::DAY;
use crate::span::Span;
use crate::table::{NewFile, Table, new_file_name};

/// The application transaction that carries a table's next `seq`.
pub(crate) const SEQ_TRANSACTION: &str = "ephor.seq";

/// One data file.
#[derive(Debug)]
pub(crate) struct DataFile {
    /// Relative to the table's folder.
    pub(crate) path: String,
    pub(crate) full_path: PathBuf,
    pub(crate) size_bytes: u64,
    pub(crate) span: Span,
    pub(crate) day: UtcDay,
    /// SHA-256 of the file as it was written, in hexadecimal; `None` of a file that another engine wrote.
    pub(crate) sha256: Option<String>,
}

/// All data files of one version.
#[derive(Debug, Default)]
pub(crate) struct FileSet {
    /// By first time.
    pub(crate) files: Vec<Arc<DataFile>>,
    pub(crate) next_seq: u64,
    pub(crate) version: u64,
}

impl FileSet {
    /// What the loaded version of the table holds.
    pub(crate) async fn of(table: &Table) -> Result<Self, LakeError> {
        let next_seq = table.transaction(SEQ_TRANSACTION).await?.and_then(|v| u64::try_from(v).ok()).unwrap_or(0);
        let mut files = Vec::new();
        for live in table.files().await? {
            let span = table.span_time().and_then(|time| Span::from_stats(&live.stats, time));
            let (Some(span), Some(day)) = (span, day_of(&live.path)) else {
                return Err(LakeError::Damaged {
                    path: table.folder().to_owned(),
                    what: format!("the log says nothing of the rows in {}", live.path),
                });
            };
            files.push(Arc::new(DataFile {
                full_path: table.folder().join(&live.path),
                day,
                path: live.path,
                size_bytes: live.size_bytes,
                span,
                sha256: live.sha256,
            }));
        }
        Ok(Self::from_files(files, next_seq, table.version()))
    }

    pub(crate) fn from_files(mut files: Vec<Arc<DataFile>>, next_seq: u64, version: u64) -> Self {
        files.sort_by_key(|file| file.span.first_time);
        Self { files, next_seq, version }
    }

    /// The set after a commit that added and removed files.
    pub(crate) fn after(&self, added: Vec<Arc<DataFile>>, removed: &[String], next_seq: u64, version: u64) -> Self {
        let kept = self.files.iter().filter(|file| !removed.contains(&file.path)).cloned();
        Self::from_files(kept.chain(added).collect(), next_seq, version)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.span.rows).sum()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }

    /// The files of one day, in order of arrival.
    pub(crate) fn of_day(&self, day: UtcDay) -> Vec<Arc<DataFile>> {
        let mut files: Vec<_> = self.files.iter().filter(|file| file.day == day).cloned().collect();
        files.sort_by_key(|file| file.span.first_seq);
        files
    }
}

/// The newest set, for many readers and one who makes the next. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Published(Arc<ArcSwap<FileSet>>);

impl Published {
    pub(crate) fn new(files: FileSet) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(files)))
    }

    pub(crate) fn now(&self) -> Arc<FileSet> {
        self.0.load_full()
    }

    pub(crate) fn publish(&self, next: FileSet) {
        self.0.store(Arc::new(next));
    }
}

/// A file on the disk, for the commit and for the readers.
#[derive(Debug)]
pub(crate) struct WrittenFile {
    pub(crate) new: NewFile,
    pub(crate) live: DataFile,
}

impl WrittenFile {
    /// Writes and fsyncs one encoded file of a day; the table does not know it yet.
    pub(crate) fn write(table: &Table, day: UtcDay, encoded: &Encoded, now_millis: i64) -> Result<Self, LakeError> {
        let path = day_path(day, now_millis);
        let stats = encoded.span.to_stats(table.span_time().unwrap_or_default());
        let new = table.write_file(&path, &encoded.bytes, Some((DAY, day.to_string())), stats)?;
        let live = DataFile {
            full_path: table.folder().join(&path),
            size_bytes: new.size_bytes,
            span: encoded.span,
            sha256: Some(new.sha256.clone()),
            day,
            path,
        };
        Ok(Self { new, live })
    }
}

/// The path of a new file in the folder of its day.
pub(crate) fn day_path(day: UtcDay, now_millis: i64) -> String {
    format!("{DAY}={day}/{}", new_file_name(now_millis))
}

/// The day of a file's folder.
pub(crate) fn day_of(path: &str) -> Option<UtcDay> {
    path.strip_prefix(DAY)?.strip_prefix('=')?.split('/').next()?.parse().ok()
}

/// All files, or the first error with the others removed again.
pub(crate) fn all_or_none(written: Vec<Result<WrittenFile, LakeError>>) -> Result<Vec<WrittenFile>, LakeError> {
    let (good, mut bad): (Vec<_>, Vec<_>) = written.into_iter().partition(Result::is_ok);
    let good: Vec<WrittenFile> = good.into_iter().flatten().collect();
    match bad.pop() {
        Some(Err(error)) => {
            remove_files(good.iter().map(|file| &file.live.full_path));
            Err(error)
        }
        _ => Ok(good),
    }
}

/// Removes the files of a commit that failed, but only once the log has been read and does not name them: a commit
/// whose answer was lost may have happened. What stays is cleaned at the next opening.
pub(crate) async fn forget<'f>(table: &mut Table, files: impl Iterator<Item = &'f PathBuf>) {
    let before = table.version();
    if table.refresh().await.is_ok() && table.version() == before {
        remove_files(files);
    }
}

fn remove_files<'f>(paths: impl Iterator<Item = &'f PathBuf>) {
    for path in paths {
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(path = %path.display(), %error, "a file without a commit could not be removed; the next opening tries again");
        }
    }
}
