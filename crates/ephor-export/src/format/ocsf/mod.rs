//! Open Cybersecurity Schema Framework: one JSON record for each activity and each finding.
//! A record of 1.8.0 is shaped so that it is valid as 1.3.0 too; 1.9.0 adds a fingerprint of the record.
//! Never leaves an activity out: what has no class of its own is a base event that carries all of it.

mod activity;
mod class;
pub(super) mod fingerprint;

use std::str::FromStr;

pub(super) use activity::{encode, severity};

/// Which version of the schema a record names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum OcsfVersion {
    /// The newest that Amazon Security Lake takes from a source of one's own.
    V1_3,
    /// The default.
    #[default]
    V1_8,
    /// With `record_integrity`, and the classes that replace those which it gives up.
    V1_9,
}

impl OcsfVersion {
    /// As `metadata.version` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_3 => "1.3.0",
            Self::V1_8 => "1.8.0",
            Self::V1_9 => "1.9.0",
        }
    }
}

impl FromStr for OcsfVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::V1_3, Self::V1_8, Self::V1_9];
        known.into_iter().find(|version| version.as_str() == text).ok_or_else(|| {
            format!("`{text}` is no version of OCSF that Ephor writes: it writes 1.3.0, 1.8.0 and 1.9.0")
        })
    }
}
