//! What a package is of and how it was made: the words that its signature is given for.
//! Promises that whoever has these terms and the lake can make the same evidence again.
//! Never holds a key.

use ephor_lake::proof::{ProofLog, SignedCheckpoint};
use serde::{Deserialize, Serialize};

use super::BuildOptions;
use crate::draw::SampleSize;
use crate::error::EvidenceError;
use crate::framework::{Framework, Loaded};
use crate::period::{Period, at};
use crate::persons::Persons;

/// The layout of packages that this Ephor makes and reads.
pub(crate) const FORMAT: &str = "ephor-evidence/1";

/// The terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terms {
    pub(crate) format: String,
    pub(crate) framework: String,
    pub(crate) title: String,
    pub(crate) version: String,
    /// Of `framework.yaml`.
    pub(crate) framework_sha256: String,
    /// The numbers of the controls that are in it.
    pub(crate) controls: Vec<String>,
    pub(crate) period: Period,
    pub(crate) built_at: String,
    #[serde(default)]
    pub(crate) built_by: Option<String>,
    /// The version of Ephor that made it.
    pub(crate) ephor: String,
    pub(crate) checkpoint: CheckpointTerms,
    /// What the draw of samples depends on.
    pub(crate) seed: String,
    pub(crate) seed_is: SeedIs,
    pub(crate) sample: SampleSize,
    pub(crate) persons: Persons,
}

/// Where a seed comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeedIs {
    /// The root of the checkpoint: nobody could choose it.
    RootOfTheLog,
    /// Given by whoever asked for the package: the auditor, say.
    Given,
}

/// The signed state of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckpointTerms {
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root: String,
}

impl Terms {
    pub(crate) fn of(
        (loaded, framework): (&Loaded, &Framework),
        options: &BuildOptions,
        checkpoint: &SignedCheckpoint,
        log: &ProofLog,
        now_micros: i64,
    ) -> Result<Self, EvidenceError> {
        let (seed, seed_is) = match &options.seed {
            Some(seed) => (seed.clone(), SeedIs::Given),
            None => (checkpoint.root.clone(), SeedIs::RootOfTheLog),
        };
        Ok(Self {
            format: FORMAT.to_owned(),
            framework: framework.id.clone(),
            title: framework.title.clone(),
            version: framework.version.clone(),
            framework_sha256: loaded.sha256(),
            controls: framework.controls.iter().map(|control| control.id.clone()).collect(),
            period: options.period,
            built_at: at(now_micros),
            built_by: options.built_by.clone(),
            ephor: env!("CARGO_PKG_VERSION").to_owned(),
            checkpoint: CheckpointTerms {
                origin: log.origin()?.unwrap_or_default(),
                size: checkpoint.size,
                root: checkpoint.root.clone(),
            },
            seed,
            seed_is,
            sample: options.sample,
            persons: options.persons,
        })
    }
}
