//! `[evidence]` of ephor.toml: frameworks of one's own.
//! Promises that a broken file is refused with every mistake in it.

use std::path::PathBuf;

use ephor_evidence::Frameworks;
use serde::Deserialize;

use crate::failure::Failure;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EvidenceConfig {
    /// A folder of `*.yaml` files; one of the same id replaces a framework that Ephor carries.
    pub(crate) frameworks: Option<PathBuf>,
}

impl EvidenceConfig {
    pub(crate) fn load(&self) -> Result<Frameworks, Failure> {
        match &self.frameworks {
            Some(folder) => Ok(Frameworks::with_folder(folder)?),
            None => Ok(Frameworks::carried()?),
        }
    }
}
