//! What can go wrong on the way in, told to the person who sent it.
//! Every text says what, where and what to do; what was accepted before stays accepted.
//! No key, header or row is ever part of one.

use std::path::PathBuf;

/// Anything that a source could not do.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file could not be opened, read or written.
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
    /// A file that is neither NDJSON nor JSON of a known shape.
    #[error(
        "{path} holds no activities: {what}; `ephor import` reads NDJSON, JSON arrays and API pages, plain, gzip or zstd"
    )]
    NotActivities {
        /// The file.
        path: PathBuf,
        /// What it holds instead.
        what: String,
    },
    /// The lake did not take the rows.
    #[error(transparent)]
    Lake(#[from] ephor_lake::LakeError),
    /// An upstream could not be read.
    #[error("upstream `{name}`: {error}")]
    Collect {
        /// The upstream's name in ephor.toml.
        name: String,
        /// What it answered.
        error: crate::collector::UpstreamError,
    },
    /// An upstream's address that must not be used.
    #[error("upstream `{name}`: {what}")]
    Upstream {
        /// The upstream's name in ephor.toml.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A directory export that does not fit.
    #[error("{path}, line {line}: {what}")]
    Directory {
        /// The file.
        path: PathBuf,
        /// The line in it.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}

impl SourceError {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::File { action, path: path.into(), source }
    }
}
