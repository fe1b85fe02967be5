//! What can go wrong in the lake, named after what it means for the person who sees it.
//! Every text says what happened, where, and what to do. No secret is ever part of one.

use std::path::PathBuf;

/// Anything that the lake could not do.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Another process has the lake open for writing.
    #[error(
        "the lake in {path} is already open for writing by {holder}; stop that process, or send the data to it over HTTP (POST /ephor/v1/activities)"
    )]
    Locked {
        /// The data folder.
        path: PathBuf,
        /// Who holds it, as far as the lock file tells.
        holder: String,
    },
    /// There is no lake where one was expected.
    #[error(
        "there is no lake in {path}; `ephor init --data-dir {path}` makes one, or name another folder with --data-dir"
    )]
    Missing {
        /// The data folder.
        path: PathBuf,
    },
    /// The disk (or the quota) is full. Nothing of the batch was kept.
    #[error(
        "no space left while writing {path}; nothing of this batch was kept and nothing stored was harmed: free some space and send it again"
    )]
    DiskFull {
        /// The file that could not be written.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
    /// What is stored contradicts itself.
    #[error(
        "the lake in {path} is damaged: {what}; run `ephor lake stats`, and restore the folder from a copy if files are missing"
    )]
    Damaged {
        /// The data folder.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The Delta log could not be read or written.
    #[error("Delta table: {0}")]
    Delta(#[from] deltalake::DeltaTableError),
    /// A Parquet file could not be read or written.
    #[error("Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Columns could not be put together.
    #[error("Arrow: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A SQL statement could not be planned or run.
    #[error("SQL: {0}")]
    Sql(#[from] datafusion::error::DataFusionError),
    /// A condition whose value is not true or false.
    #[error("`{text}` is no condition: its value is neither true nor false")]
    NotACondition {
        /// What was asked.
        text: String,
    },
    /// A statement that would change the lake.
    #[error("`ephor lake sql` only reads: {statement} is not allowed; use SELECT, WITH, EXPLAIN, SHOW or DESCRIBE")]
    ReadOnly {
        /// The first words of the statement.
        statement: String,
    },
    /// The writer has stopped; what was waiting was not kept.
    #[error(
        "the lake's writer has stopped ({0}); nothing of this batch was kept: start Ephor again and send it once more"
    )]
    WriterGone(String),
    /// A key, a note or a proof of the log.
    #[error(transparent)]
    Proof(#[from] crate::proof::ProofError),
    /// The signing key is not the one that the log's last hand-over names.
    #[error(
        "the signing key is not the one of this log ({path} names the first; hand-overs name those that followed); give the right key, or hand over with `ephor lake key rotate`"
    )]
    WrongKey {
        /// Where the log's first key is.
        path: PathBuf,
    },
    /// The control database.
    #[error(transparent)]
    Control(#[from] crate::control::ControlError),
}

impl LakeError {
    /// An I/O error, with a full disk told apart from everything else.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        let path = path.into();
        if is_disk_full(&source) {
            return Self::DiskFull { path };
        }
        Self::File { action, path, source }
    }
}

/// ENOSPC, EDQUOT and EFBIG all mean that the bytes had no place to go.
pub(crate) fn is_disk_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Whether an I/O error for want of space hides anywhere in a chain of causes.
pub(crate) fn caused_by_full_disk(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if current.downcast_ref::<std::io::Error>().is_some_and(is_disk_full) {
            return true;
        }
        cause = current.source();
    }
    false
}
