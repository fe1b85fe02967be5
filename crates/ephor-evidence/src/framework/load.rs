//! Where frameworks come from: those that Ephor carries, and a folder of the user's own.
//! Promises that a broken file is refused with every mistake in it, and that one of the same id replaces ours.
//! Never reads anything but YAML files of the one folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Evidence, Framework, check};
use crate::error::EvidenceError;

/// What Ephor carries.
const CARRIED: [(&str, &str); 5] = [
    ("soc2.yaml", include_str!("../../../../controls/soc2.yaml")),
    ("eu-ai-act.yaml", include_str!("../../../../controls/eu-ai-act.yaml")),
    ("nis2.yaml", include_str!("../../../../controls/nis2.yaml")),
    ("pci-dss.yaml", include_str!("../../../../controls/pci-dss.yaml")),
    ("iso27001.yaml", include_str!("../../../../controls/iso27001.yaml")),
];

/// Evidence that all of them may name.
const SHARED: &str = include_str!("../../../../controls/evidence.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SharedEvidence {
    evidence: Vec<Evidence>,
}

/// Every framework that is known, checked.
#[derive(Debug, Clone)]
pub struct Frameworks {
    frameworks: Vec<Loaded>,
    shared: BTreeMap<String, Evidence>,
}

/// A framework with the bytes that it was read from.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) framework: Framework,
    pub(crate) yaml: String,
}

impl Frameworks {
    /// Those that Ephor carries.
    pub fn carried() -> Result<Self, EvidenceError> {
        let shared = read_shared(SHARED)?;
        let read = |(name, text): &(&str, &str)| read(Path::new(name), text, &shared);
        let frameworks = CARRIED.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { frameworks, shared })
    }

    /// Those, and every `*.yaml` file of a folder beside them.
    pub fn with_folder(folder: &Path) -> Result<Self, EvidenceError> {
        let mut all = Self::carried()?;
        let failed = |source| EvidenceError::File { what: "read", path: folder.to_owned(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.sort();
        let is_yaml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        for path in paths.into_iter().filter(is_yaml) {
            all.add_file(&path)?;
        }
        Ok(all)
    }

    /// One more, from a file; it replaces one of the same id.
    pub fn add_file(&mut self, path: &Path) -> Result<&Framework, EvidenceError> {
        let failed = |source| EvidenceError::File { what: "read", path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let loaded = read(path, &text, &self.shared)?;
        self.frameworks.retain(|other| other.framework.id != loaded.framework.id);
        self.frameworks.push(loaded);
        Ok(self.frameworks.last().map(|loaded| &loaded.framework).unwrap_or_else(|| unreachable!("just pushed")))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Framework> {
        self.frameworks.iter().map(|loaded| &loaded.framework)
    }

    /// One by its id.
    pub fn find(&self, id: &str) -> Result<&Framework, EvidenceError> {
        self.loaded(id).map(|loaded| &loaded.framework)
    }

    pub(crate) fn loaded(&self, id: &str) -> Result<&Loaded, EvidenceError> {
        self.frameworks.iter().find(|loaded| loaded.framework.id == id).ok_or_else(|| EvidenceError::NoSuchFramework {
            asked: id.to_owned(),
            known: self.iter().map(|framework| framework.id.clone()).collect::<Vec<_>>().join(", "),
        })
    }

    /// One framework with the evidence that it may name, as a package holds them.
    pub(crate) fn of_package(framework: &str, shared: &str) -> Result<(Framework, Vec<Evidence>), EvidenceError> {
        let shared = read_shared(shared)?;
        let loaded = read(Path::new("framework.yaml"), framework, &shared)?;
        let framework = loaded.framework.clone();
        let all = Self { frameworks: vec![loaded], shared };
        let evidence = all.evidence_of(&framework);
        Ok((framework, evidence))
    }

    /// The evidence that all frameworks may name, as it is written.
    pub(crate) const fn shared_yaml() -> &'static str {
        SHARED
    }

    /// The evidence that a framework's controls name, in the order in which they first name it.
    pub fn evidence_of(&self, framework: &Framework) -> Vec<Evidence> {
        let mut list: Vec<Evidence> = Vec::new();
        for id in framework.controls.iter().flat_map(super::Control::all_evidence) {
            let own = framework.evidence.iter().find(|evidence| evidence.id == id);
            let found = own.or_else(|| self.shared.get(id));
            if let Some(evidence) = found.filter(|evidence| list.iter().all(|other| other.id != evidence.id)) {
                list.push(evidence.clone());
            }
        }
        list
    }
}

impl Loaded {
    /// What tells one edition of the file from another.
    pub(crate) fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.yaml.as_bytes()))
    }
}

fn read_shared(text: &str) -> Result<BTreeMap<String, Evidence>, EvidenceError> {
    let wrong = |mistakes| EvidenceError::Framework { path: PathBuf::from("evidence.yaml"), mistakes };
    let shared: SharedEvidence = yaml_serde::from_str(text).map_err(|error| wrong(vec![error.to_string()]))?;
    let mistakes = check::mistakes_of_evidence(&shared.evidence);
    if !mistakes.is_empty() {
        return Err(wrong(mistakes));
    }
    Ok(shared.evidence.into_iter().map(|evidence| (evidence.id.clone(), evidence)).collect())
}

fn read(path: &Path, text: &str, shared: &BTreeMap<String, Evidence>) -> Result<Loaded, EvidenceError> {
    let wrong = |mistakes| EvidenceError::Framework { path: path.to_owned(), mistakes };
    let framework: Framework = yaml_serde::from_str(text).map_err(|error| wrong(vec![error.to_string()]))?;
    let mistakes = check::mistakes(&framework, shared);
    if !mistakes.is_empty() {
        return Err(wrong(mistakes));
    }
    Ok(Loaded { framework, yaml: text.to_owned() })
}
