//! The data files of `activities` as one version of the table names them, in memory and shared by every reader.
//! A set never changes: a commit makes the next one, and a page that began on the old one ends on it.
//! Never touches the disk except to list what a freshly opened table holds.

use std::path::PathBuf;
use std::sync::Arc;

use ephor_wire::timestamp::UtcDay;

use crate::encode::Span;
use crate::error::LakeError;
use crate::table::Table;

/// The application transaction that carries the lake's next `seq`.
pub(crate) const SEQ_TRANSACTION: &str = "ephor.seq";

/// One data file.
#[derive(Debug)]
pub(crate) struct ActivityFile {
    /// Relative to the table's folder.
    pub(crate) path: String,
    pub(crate) full_path: PathBuf,
    pub(crate) size_bytes: u64,
    pub(crate) span: Span,
    pub(crate) day: UtcDay,
}

/// All data files of one version.
#[derive(Debug, Default)]
pub(crate) struct FileSet {
    /// By first `created_at`.
    pub(crate) files: Vec<Arc<ActivityFile>>,
    pub(crate) next_seq: u64,
    pub(crate) version: u64,
}

impl FileSet {
    /// What the loaded version of the table holds.
    pub(crate) async fn of(table: &Table) -> Result<Self, LakeError> {
        let next_seq = table.transaction(SEQ_TRANSACTION).await?.and_then(|v| u64::try_from(v).ok()).unwrap_or(0);
        let mut files = Vec::new();
        for live in table.files().await? {
            let Some(span) = Span::from_stats(&live.stats) else {
                return Err(LakeError::Damaged {
                    path: table.folder().to_owned(),
                    what: format!("the log says nothing of the rows in {}", live.path),
                });
            };
            files.push(Arc::new(ActivityFile {
                full_path: table.folder().join(&live.path),
                day: UtcDay::from_micros(span.first_created_at),
                path: live.path,
                size_bytes: live.size_bytes,
                span,
            }));
        }
        Ok(Self::from_files(files, next_seq, table.version()))
    }

    pub(crate) fn from_files(mut files: Vec<Arc<ActivityFile>>, next_seq: u64, version: u64) -> Self {
        files.sort_by_key(|file| file.span.first_created_at);
        Self { files, next_seq, version }
    }

    /// The set after a commit that added and removed files.
    pub(crate) fn after(&self, added: Vec<Arc<ActivityFile>>, removed: &[String], next_seq: u64, version: u64) -> Self {
        let kept = self.files.iter().filter(|file| !removed.contains(&file.path)).cloned();
        Self::from_files(kept.chain(added).collect(), next_seq, version)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.span.rows).sum()
    }
}
