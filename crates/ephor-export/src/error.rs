//! What can go wrong on the way to a receiver, told to whoever runs the export.
//! Each says which sink, what was wrong and what to do.
//! Never holds a token, a password or a URL that is itself a secret.

use std::io;
use std::path::PathBuf;

use ephor_detect::DetectError;
use ephor_lake::LakeError;
use ephor_lake::control::ControlError;

use crate::deliver::Delivered;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A sink of `ephor.toml` asks for what cannot be.
    #[error("sink `{sink}`: {what}")]
    Settings {
        /// The sink's name.
        sink: String,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// No sink has this name.
    #[error("there is no sink `{sink}`; ephor.toml names {known}")]
    UnknownSink {
        /// The name asked for.
        sink: String,
        /// Those that there are.
        known: String,
    },
    /// Somebody else delivers to this sink.
    #[error(
        "sink `{sink}` is being delivered to by another process on this data folder; one at a time keeps the order"
    )]
    Busy {
        /// The sink's name.
        sink: String,
    },
    /// The receiver did not take it, and this run was not to wait for ever.
    #[error("sink `{sink}`: {why}; {waiting} records wait for it")]
    NotDelivered {
        /// The sink's name.
        sink: String,
        /// What the receiver said, or why it was not reached.
        why: String,
        /// How many records are left.
        waiting: u64,
        /// What it took before.
        done: Delivered,
    },
    /// A notification of `ephor.toml` asks for what cannot be.
    #[error("notification `{notification}`: {what}")]
    Notification {
        /// The notification's name.
        notification: String,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A message was not taken, and this run was not to wait.
    #[error("notification `{notification}`: {why}; {waiting} findings wait to be told")]
    NotTold {
        /// The notification's name.
        notification: String,
        /// What the receiver said, or why it was not reached.
        why: String,
        /// How many findings the message tells of.
        waiting: u64,
    },
    /// A file could not be read or written.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Of which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The findings.
    #[error(transparent)]
    Findings(#[from] DetectError),
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The control database.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl ExportError {
    /// What was delivered before it went wrong, as far as is known.
    #[must_use]
    pub fn delivered(&self) -> Delivered {
        match self {
            Self::NotDelivered { done, .. } => *done,
            _ => Delivered::default(),
        }
    }

    pub(crate) fn settings(sink: &str, what: impl Into<String>) -> Self {
        Self::Settings { sink: sink.to_owned(), what: what.into() }
    }

    pub(crate) fn notification(name: &str, what: impl Into<String>) -> Self {
        Self::Notification { notification: name.to_owned(), what: what.into() }
    }

    pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { what, path: path.into(), source }
    }
}
