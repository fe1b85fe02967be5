//! `[proof]` of ephor.toml: where the key is that signs checkpoints, seals and removals.
//! Promises that a key named here is a reference and never the key itself.
//! Never reads the key of a log that has one in its own folder.

use ephor_lake::LakeOptions;
use ephor_lake::proof::ProofKey;
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::config::{Config, secret};
use crate::failure::Failure;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ProofConfig {
    /// `env:NAME` or `file:PATH`. Default: the file `proof/key` in the data folder.
    pub(crate) key: Option<String>,
}

impl Config {
    /// How the lake is opened for writing.
    pub(crate) fn lake_options(&self) -> Result<LakeOptions, Failure> {
        let key = match &self.proof.key {
            None => None,
            Some(reference) => {
                let text = secret(reference)?;
                let key = ProofKey::parse(text.expose_secret()).map_err(|error| {
                    Failure::usage(format!("[proof] key = \"{reference}\": {error}"))
                        .hint("`ephor lake key new` makes one")
                })?;
                Some(key)
            }
        };
        Ok(LakeOptions { key, ..LakeOptions::default() })
    }
}
