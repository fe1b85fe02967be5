//! `[detect]` of ephor.toml: the folder of one's own rules, and lists that rules ask.
//! Promises that a list named here adds to what the registers of sources bring.
//! Never reads a rule.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ephor_detect::{DetectOptions, ListEntry, Lists, RuleSources};
use serde::Deserialize;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DetectConfig {
    /// The folder of one's own rules.
    pub(crate) rules: Option<PathBuf>,
    /// A City database in MaxMind's format.
    pub(crate) geo: Option<PathBuf>,
    /// Settings as they are meant to be.
    pub(crate) policy: Option<PathBuf>,
    /// Entries of lists, by id or by name.
    pub(crate) lists: BTreeMap<String, Vec<String>>,
}

impl DetectConfig {
    pub(crate) fn sources(&self) -> RuleSources {
        RuleSources { folder: self.rules.clone() }
    }

    pub(crate) fn options(&self) -> DetectOptions {
        let mut lists = Lists::default();
        for (name, entries) in &self.lists {
            entries.iter().for_each(|entry| lists.put(name, ListEntry::always(entry)));
        }
        DetectOptions {
            rules_folder: self.rules.clone(),
            lists,
            geo_file: self.geo.clone(),
            policy_file: self.policy.clone(),
            within: None,
        }
    }
}
