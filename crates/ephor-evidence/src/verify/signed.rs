//! Signature, lists and hashes: is every file the one that was signed for, and is there none beside them.
//! Promises that terms are given out only if a trusted key signed them.
//! Never reads what a file means.

use std::collections::BTreeMap;
use std::io::Read;

use ephor_lake::proof::{PublicKey, keys_after};
use sha2::{Digest, Sha256};

use super::Problems;
use super::opened::{Opened, is_sign_off};
use crate::dsse::{Envelope, Statement, key_id, open};
use crate::error::EvidenceError;
use crate::package::{FORMAT, MANIFEST, Manifest, PREDICATE, SIGNATURE, SUMS, Terms};

/// Bytes that are read and hashed at a time.
const READ_BYTES: usize = 256 << 10;

/// What the signature says.
pub(crate) struct Signed {
    pub(crate) terms: Option<Terms>,
    /// The trusted key and those that it handed over to.
    pub(crate) keys: Vec<PublicKey>,
    pub(crate) by: Option<PublicKey>,
    pub(crate) files: u64,
}

/// Checks the outside of a package.
pub(crate) fn check(package: &mut Opened, key: &PublicKey, problems: &mut Problems) -> Result<Signed, EvidenceError> {
    let keys = keys(package, key, problems);
    let mut signed = Signed { terms: None, keys, by: None, files: 0 };
    let Some((statement, by)) = statement(package, &signed.keys, problems) else {
        // Nothing is trusted, but which file is not as its list says is worth knowing.
        if let Some(manifest) = package.json::<Manifest>(MANIFEST, &mut Problems::default()) {
            let listed = manifest.files.into_iter().map(|file| (file.path, file.sha256)).collect();
            compare(package, &listed, problems);
        }
        return Ok(signed);
    };
    let subjects: BTreeMap<String, String> =
        statement.subject.into_iter().map(|subject| (subject.name, subject.digest.sha256)).collect();
    signed.files = compare(package, &subjects, problems);
    for name in package.names() {
        if name != SIGNATURE && !subjects.contains_key(name) && !is_sign_off(name) {
            problems.add(name, "nobody signed for it: it was added");
        }
    }
    manifest(package, &subjects, problems);
    let terms = statement.predicate;
    if package.json::<Terms>("package.json", problems).is_some_and(|told| told != terms) {
        problems.add("package.json", "it says something else than what was signed");
    }
    (signed.terms, signed.by) = (Some(terms), Some(by));
    Ok(signed)
}

/// The trusted key, and every key that follows from it by notes that both signed.
fn keys(package: &mut Opened, key: &PublicKey, problems: &mut Problems) -> Vec<PublicKey> {
    let notes: Vec<String> = package.json("log/handovers.json", problems).unwrap_or_default();
    match keys_after(key, key.name(), &notes) {
        Ok(keys) => keys,
        // The trusted key may have come later than these notes, or they are of another log: it stands alone.
        Err(_) => vec![key.clone()],
    }
}

fn statement(
    package: &mut Opened,
    keys: &[PublicKey],
    problems: &mut Problems,
) -> Option<(Statement<Terms>, PublicKey)> {
    let bytes = package.bytes(SIGNATURE, problems)?;
    let envelope: Envelope = match serde_json::from_slice(&bytes) {
        Ok(envelope) => envelope,
        Err(error) => {
            problems.add(SIGNATURE, format!("it is no envelope: {error}"));
            return None;
        }
    };
    let (statement, by) = match open::<Terms>(keys, &envelope) {
        Ok((statement, by)) => (statement, by.clone()),
        Err(error) => {
            problems.add(SIGNATURE, error.to_string());
            return None;
        }
    };
    // Nothing rests on these, and they are not signed; but a package leaves Ephor in one spelling only.
    let written = serde_json::to_vec(&envelope).unwrap_or_default();
    if written != bytes.strip_suffix(b"\n").unwrap_or(&bytes)
        || envelope.signatures.iter().all(|one| one.keyid != key_id(&by))
    {
        problems.add(SIGNATURE, "what is signed holds, but the envelope around it was changed");
    }
    if statement.predicate_type != PREDICATE || statement.predicate.format != FORMAT {
        problems
            .add(SIGNATURE, format!("it is about `{}`, which this Ephor does not know", statement.predicate.format));
        return None;
    }
    Some((statement, by))
}

/// Compares every file with its hash; says how many.
fn compare(package: &mut Opened, expected: &BTreeMap<String, String>, problems: &mut Problems) -> u64 {
    let mut buffer = vec![0; READ_BYTES];
    for (name, sha256) in expected {
        match hash_of(package, name, &mut buffer) {
            None => problems.add(name, "it is missing"),
            Some(Err(error)) => problems.add(name, format!("it cannot be read: {error}")),
            Some(Ok(found)) if found != *sha256 => problems.add(name, "it was changed: its SHA-256 is another one"),
            Some(Ok(_)) => {}
        }
    }
    expected.len() as u64
}

fn hash_of(package: &mut Opened, name: &str, buffer: &mut [u8]) -> Option<std::io::Result<String>> {
    let mut file = package.file(name)?;
    let mut hash = Sha256::new();
    loop {
        match file.read(buffer) {
            Ok(0) => return Some(Ok(hex::encode(hash.finalize()))),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) => return Some(Err(error)),
        }
    }
}

/// The two lists say the same as the signature.
fn manifest(package: &mut Opened, subjects: &BTreeMap<String, String>, problems: &mut Problems) {
    if let Some(manifest) = package.json::<Manifest>(MANIFEST, problems) {
        let listed: BTreeMap<&String, &String> = manifest.files.iter().map(|file| (&file.path, &file.sha256)).collect();
        let signed: BTreeMap<&String, &String> =
            subjects.iter().filter(|(name, _)| *name != MANIFEST && *name != SUMS).collect();
        if listed != signed {
            problems.add(MANIFEST, "it lists other files than were signed for");
        }
    }
    let sums: String =
        subjects.iter().filter(|(name, _)| *name != SUMS).map(|(name, sha256)| format!("{sha256}  {name}\n")).collect();
    if package.text(SUMS, problems).is_some_and(|text| text != sums) {
        problems.add(SUMS, "it lists other files than were signed for");
    }
}
