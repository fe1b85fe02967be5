//! One process delivers to a sink at a time, so that its records keep their order.
//! The lock is the operating system's: it ends with its process, however that ended.
//! Never waits.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use crate::error::ExportError;

/// The right to deliver to a sink, until it is dropped.
pub(crate) struct DeliveryLock {
    _file: File,
}

impl DeliveryLock {
    pub(super) fn take(data_dir: &Path, sink: &str) -> Result<Self, ExportError> {
        Self::take_in(&data_dir.join("export"), sink)
    }

    /// The right to deliver under a name; each kind of delivery has a folder of its own.
    pub(crate) fn take_in(folder: &Path, sink: &str) -> Result<Self, ExportError> {
        fs::create_dir_all(folder).map_err(|error| ExportError::file("make", folder, error))?;
        let path = folder.join(format!("{sink}.lock"));
        let file = File::create(&path).map_err(|error| ExportError::file("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(ExportError::Busy { sink: sink.to_owned() }),
            Err(TryLockError::Error(error)) => Err(ExportError::file("lock", &path, error)),
        }
    }
}
