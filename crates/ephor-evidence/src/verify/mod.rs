//! A package checked offline, with nothing but the public key: every file, signature, proof, count and draw.
//! Promises to name what does not fit and to go on, and to say in words what is proven and what is not.
//! Never takes the package's word for what the package itself can show otherwise.

mod evidence;
mod log;
mod opened;
mod signed;

use std::path::{Path, PathBuf};

use ephor_lake::proof::PublicKey;
use serde::Serialize;

use crate::dsse::key_id;
use crate::error::EvidenceError;
use crate::package::Terms;
use crate::period::Period;
use crate::signoff::SignOff;
pub(crate) use opened::Opened;

/// Problems of one file that are told one by one: a file that is wrong throughout must not hide the others.
const PROBLEMS_OF_A_FILE: usize = 10;

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageProblem {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub what: String,
}

/// What a check found.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    /// Whether nothing was found.
    pub proven: bool,
    /// The package.
    pub path: PathBuf,
    /// The framework that it says it is for; none if it cannot be read.
    pub framework: Option<String>,
    /// The period.
    pub period: Option<Period>,
    /// When it was made.
    pub built_at: Option<String>,
    /// The name and hash of the key that signed it.
    pub signed_by: Option<String>,
    /// Files whose hash was compared.
    pub files: u64,
    /// Activities whose leaf was found in the signed log.
    pub activities: u64,
    /// Activities whose bytes were compared with their leaf.
    pub bytes_shown: u64,
    /// Rows of samples that were drawn again.
    pub drawn: u64,
    /// What people signed of it since, in order.
    pub sign_offs: Vec<SignOff>,
    /// What is proven, in words.
    pub proves: Vec<String>,
    /// What is not, in words.
    pub does_not_prove: Vec<String>,
    /// What does not fit.
    pub problems: Vec<PackageProblem>,
    /// Problems beyond those that are listed.
    pub more_problems: u64,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    listed: Vec<PackageProblem>,
    more: u64,
}

impl Problems {
    pub(crate) fn add(&mut self, file: &str, what: impl Into<String>) {
        let told = self.listed.iter().filter(|problem| problem.file == file).count();
        match told < PROBLEMS_OF_A_FILE {
            true => self.listed.push(PackageProblem { file: file.to_owned(), what: what.into() }),
            false => self.more += 1,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

/// Checks a package, a folder or a zip, against a public key that was got on another way.
pub fn verify(place: &Path, key: &PublicKey) -> Result<Verified, EvidenceError> {
    let mut package = Opened::open(place)?;
    let mut problems = Problems::default();
    let signed = signed::check(&mut package, key, &mut problems)?;
    let terms = signed.terms.as_ref();
    let mut found = Verified {
        proven: false,
        path: place.to_owned(),
        framework: terms.map(|terms| terms.framework.clone()),
        period: terms.map(|terms| terms.period),
        built_at: terms.map(|terms| terms.built_at.clone()),
        signed_by: signed.by.as_ref().map(key_id),
        files: signed.files,
        activities: 0,
        bytes_shown: 0,
        drawn: 0,
        sign_offs: Vec::new(),
        proves: Vec::new(),
        does_not_prove: Vec::new(),
        problems: Vec::new(),
        more_problems: 0,
    };
    // Without a signature nothing that the files say counts: what is in them would be compared with itself.
    if let Some(terms) = terms {
        let proved = log::check(&mut package, terms, &signed.keys, &mut problems)?;
        found.activities = proved.leaves.len() as u64;
        found.bytes_shown = proved.bytes_shown;
        let tested = evidence::check(&mut package, terms, &proved, &mut problems)?;
        found.drawn = tested.drawn;
        found.does_not_prove.extend(tested.disclosed);
        found.sign_offs = crate::signoff::check(&mut package, &signed.keys, &mut problems);
    }
    found.proven = problems.is_empty() && terms.is_some();
    match (found.proven, terms) {
        (true, Some(terms)) => found.tell(terms),
        _ => found.does_not_prove.insert(0, "anything, until the problems are explained".to_owned()),
    }
    (found.problems, found.more_problems) = (problems.listed, problems.more);
    Ok(found)
}

impl Verified {
    fn tell(&mut self, terms: &Terms) {
        let Terms { checkpoint, .. } = terms;
        self.proves = vec![
            format!("no file of the {} was changed, added or removed since it was signed", self.files),
            format!(
                "each of the {} activities cited was in the log {} before its root over {} activities was signed",
                self.activities, checkpoint.origin, checkpoint.size
            ),
            format!("for {} drawn activities the bytes shown are those that were received", self.bytes_shown),
            format!("the {} rows of the samples are those that the seed draws", self.drawn),
            "grades and counts follow from the framework and from the rows".to_owned(),
        ];
        self.does_not_prove.extend([
            "that what a source told was true".to_owned(),
            "that the log is the only one: compare its checkpoint with one kept elsewhere".to_owned(),
            "columns of populations other than seq, id, time of receipt and source, but for drawn activities; and tables".to_owned(),
        ]);
    }
}
