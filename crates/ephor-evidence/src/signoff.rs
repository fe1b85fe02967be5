//! What people say of a finished package: reviewed, handed over, received. Each is signed, and names the one before.
//! Promises that a sign-off cannot be taken to another package, changed, or taken out of the middle.
//! Never changes a file of the package itself.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use ephor_lake::proof::{ProofKey, PublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::dsse::{Digest, Envelope, STATEMENT_TYPE, Statement, Subject, key_id, open, seal};
use crate::error::EvidenceError;
use crate::package::{SIGNATURE, is_zip};
use crate::period::at;
use crate::verify::{Opened, Problems};

/// What a sign-off is, in the words of in-toto.
const PREDICATE: &str = "https://github.com/ephor/ephor/blob/main/docs/evidence.md#sign-off";

/// What somebody says of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOff {
    /// Who.
    pub by: String,
    /// When.
    pub at: String,
    /// What.
    pub says: Says,
    /// In their words.
    #[serde(default)]
    pub note: Option<String>,
    /// The SHA-256 of the sign-off before; none for the first.
    #[serde(default)]
    pub previous: Option<String>,
}

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// Reviewed, and found right.
    Accepted,
    /// Reviewed, and not found right.
    Rejected,
    /// Given to somebody else, named in the note.
    HandedOver,
    /// Got from somebody else, named in the note.
    Received,
}

impl Says {
    /// Its words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::HandedOver => "handed over",
            Self::Received => "received",
        }
    }
}

/// Signs for a package; says what was written. The package has to be proven by the same key first.
pub fn sign_off(
    place: &Path,
    key: &ProofKey,
    (by, says, note): (&str, Says, Option<&str>),
    now_micros: i64,
) -> Result<SignOff, EvidenceError> {
    let mut problems = Problems::default();
    let mut package = Opened::open(place)?;
    let no_package = || EvidenceError::NoPackage { path: place.to_owned(), what: format!("{SIGNATURE} is missing") };
    let signature = package.bytes(SIGNATURE, &mut problems).ok_or_else(no_package)?;
    let earlier = package.sign_off_names();
    let last = earlier.last().and_then(|name| package.bytes(name, &mut problems));
    let signed = SignOff {
        by: by.to_owned(),
        at: at(now_micros),
        says,
        note: note.map(str::to_owned),
        previous: last.map(|bytes| digest(&bytes)),
    };
    let statement = Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject: vec![Subject { name: SIGNATURE.to_owned(), digest: Digest { sha256: digest(&signature) } }],
        predicate_type: PREDICATE.to_owned(),
        predicate: &signed,
    };
    let unmade =
        |error: serde_json::Error| EvidenceError::Document { document: "the sign-off", what: error.to_string() };
    let mut envelope = serde_json::to_vec(&seal(key, &statement).map_err(unmade)?).map_err(unmade)?;
    envelope.push(b'\n');
    drop(package);
    let name = name_of(earlier.len() + 1);
    let failed = |source| EvidenceError::File { what: "write", path: place.join(&name), source };
    put(place, &name, &envelope).map_err(failed)?;
    Ok(signed)
}

/// The file of a sign-off, by its number.
fn name_of(number: usize) -> String {
    format!("signoff/{number:03}.dsse.json")
}

fn put(place: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    if is_zip(place) {
        let file = OpenOptions::new().read(true).write(true).open(place)?;
        let mut zip = ZipWriter::new_append(file)?;
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(bytes)?;
        return zip.finish()?.sync_all();
    }
    fs::create_dir_all(place.join("signoff"))?;
    let mut file = File::create_new(place.join(name))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Reads the sign-offs of a package that these keys signed; what does not fit is told.
pub(crate) fn check(package: &mut Opened, keys: &[PublicKey], problems: &mut Problems) -> Vec<SignOff> {
    let mut found = Vec::new();
    let Some(signature) = package.bytes(SIGNATURE, problems) else { return found };
    let (of, mut previous) = (digest(&signature), None);
    for (number, name) in (1..).zip(package.sign_off_names()) {
        let Some(bytes) = package.bytes(&name, problems) else { continue };
        let read = serde_json::from_slice::<Envelope>(&bytes).map_err(|error| error.to_string()).and_then(|envelope| {
            let (statement, by) = open::<SignOff>(keys, &envelope).map_err(|error| error.to_string())?;
            let written = serde_json::to_vec(&envelope).unwrap_or_default();
            let as_made = written == bytes.strip_suffix(b"\n").unwrap_or(&bytes)
                && envelope.signatures.iter().any(|one| one.keyid == key_id(by));
            as_made.then_some(statement).ok_or_else(|| "the envelope was changed".to_owned())
        });
        match read {
            Err(what) => problems.add(&name, what),
            Ok(statement) => {
                let about = statement.subject.first().is_some_and(|subject| subject.digest.sha256 == of);
                if statement.predicate_type != PREDICATE || !about {
                    problems.add(&name, "it is about another package");
                } else if statement.predicate.previous != previous || name != name_of(number) {
                    problems.add(&name, "the sign-off before it is another one, or is missing");
                } else {
                    found.push(statement.predicate);
                }
            }
        }
        previous = Some(digest(&bytes));
    }
    found
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
