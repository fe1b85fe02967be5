//! `[proof]` of ephor.toml: where the key is that signs checkpoints, seals and removals, and who stamps them with the time.
//! Promises that a key named here is a reference and never the key itself.
//! Never reads the key of a log that has one in its own folder.

use ephor_export::TimeStampAuthority;
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
    /// The authority that is shown each day's checkpoint.
    pub(crate) time_stamp: Option<TimeStampConfig>,
}

/// `[proof.time_stamp]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimeStampConfig {
    /// Where the authority answers questions of RFC 3161.
    pub(crate) url: String,
    /// Whether its address may be of a private network.
    #[serde(default)]
    pub(crate) allow_private: bool,
}

impl Config {
    /// Who stamps each day's checkpoint, if anybody does.
    pub(crate) fn time_stamp_authority(&self) -> Result<Option<TimeStampAuthority>, Failure> {
        let Some(TimeStampConfig { url, allow_private }) = self.proof.time_stamp.clone() else { return Ok(None) };
        let authority = TimeStampAuthority { url, allow_private };
        authority.check_address().map_err(|what| Failure::usage(format!("[proof.time_stamp] {what}")))?;
        Ok(Some(authority))
    }

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
