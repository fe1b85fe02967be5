//! What is signed beside checkpoints: daily seals, tombstones of rows whose time was over, erasures, hand-overs of the key.
//! Each is a signed note of three lines: what it is, whose log, and one JSON object.
//! Promises that each names the one before it, so that none can be taken out of the middle.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::ProofError;
use super::signing::{ProofKey, PublicKey};

/// A statement that can be signed: the word that its note begins with.
pub trait Statement: Serialize + DeserializeOwned {
    /// The first line of the note.
    const KIND: &'static str;
}

/// The text of a statement's note.
pub(super) fn text_of<S: Statement>(origin: &str, statement: &S) -> Result<String, ProofError> {
    let json = serde_json::to_string(statement).map_err(|error| ProofError::Note(error.to_string()))?;
    Ok(format!("{}\n{origin}\n{json}\n", S::KIND))
}

/// Signs a statement.
pub(super) fn sign<S: Statement>(key: &ProofKey, origin: &str, statement: &S) -> Result<String, ProofError> {
    key.sign_note(&text_of(origin, statement)?)
}

/// Reads a statement whose note one of these keys has signed.
pub fn open<S: Statement>(keys: &[PublicKey], origin: &str, note: &str) -> Result<S, ProofError> {
    let text = open_by_any(keys, note)?;
    let not_a = |what: String| ProofError::NotA { expected: S::KIND, what };
    let mut lines = text.splitn(3, '\n');
    let (kind, named, json) = (lines.next(), lines.next(), lines.next());
    if kind != Some(S::KIND) {
        return Err(not_a(format!("it begins with `{}`", kind.unwrap_or_default())));
    }
    if named != Some(origin) {
        return Err(not_a(format!("it belongs to the log `{}`", named.unwrap_or_default())));
    }
    serde_json::from_str(json.unwrap_or_default()).map_err(|error| not_a(error.to_string()))
}

/// The text of a note that one of these keys has signed.
pub(super) fn open_by_any(keys: &[PublicKey], note: &str) -> Result<String, ProofError> {
    let mut refused = ProofError::Note("there is no key to check it with".to_owned());
    for key in keys {
        match key.open(note) {
            Ok(text) => return Ok(text),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// What the next statement names this one by.
#[must_use]
pub fn digest_of(note: &str) -> String {
    hex::encode(Sha256::digest(note.as_bytes()))
}

/// The end of a day: everything that had arrived by then and was not in the seal before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The UTC day that ended.
    pub day: String,
    /// When it was sealed.
    pub sealed_at: String,
    /// The first `seq` that it covers.
    pub from_seq: u64,
    /// The first `seq` that it no longer covers: the size of the tree.
    pub to_seq: u64,
    /// The tree's root at that size, in hexadecimal.
    pub root: String,
    /// Activities by source, type and organization (`""` where a row names none).
    pub counts: SealCounts,
    /// Gaps in the recording that were known when it was sealed, as `ephor doctor` tells them.
    pub gaps: Vec<Value>,
    /// How many tombstones and erasures there were, and the digest of the newest.
    pub removals: u64,
    /// See `removals`.
    pub last_removal: Option<String>,
    /// The digest of the seal before.
    pub previous: Option<String>,
}

impl Statement for Seal {
    const KIND: &'static str = "ephor.seal/v1";
}

/// What a seal counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealCounts {
    /// By the column `source`.
    pub source: BTreeMap<String, u64>,
    /// By the column `type`.
    #[serde(rename = "type")]
    pub kind: BTreeMap<String, u64>,
    /// By the column `organization_id`.
    pub organization: BTreeMap<String, u64>,
}

/// Why rows are no longer as they were received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// When.
    pub at: String,
    /// What was done to which rows.
    #[serde(flatten)]
    pub what: Removed,
    /// The digest of the removal before.
    pub previous: Option<String>,
}

impl Statement for Removal {
    const KIND: &'static str = "ephor.removal/v1";
}

/// What was done to which rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Removed {
    /// Retention let days go; their hashes stay.
    Expired {
        /// Days kept by the policy.
        policy_days: u32,
        /// The days of `created_at` that went.
        days: Vec<String>,
        /// The rows, as spans of `seq` with both ends.
        spans: Vec<(u64, u64)>,
    },
    /// What identified a person was taken out of rows; their commitments stay.
    Erased {
        /// Why, in the words of whoever ordered it. It names no person.
        reason: String,
        /// The rows.
        rows: Vec<ErasedRow>,
    },
}

/// A row after an erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedRow {
    /// Its place.
    pub seq: u64,
    /// What stands in the tree for the bytes that were received, in hexadecimal.
    pub commitment: String,
    /// SHA-256 of the bytes that are served now.
    pub raw_sha256: String,
}

/// One key follows another; signed by both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// When.
    pub at: String,
    /// The size of the tree at that moment.
    pub size: u64,
    /// The key that ends.
    pub from: PublicKey,
    /// The key that follows.
    pub to: PublicKey,
}

impl Statement for HandOver {
    const KIND: &'static str = "ephor.handover/v1";
}

/// The keys that may sign for a log, given the one that is trusted and the hand-overs since: each counts only if the
/// key before and the new key have both signed it.
pub fn keys_after(trusted: &PublicKey, origin: &str, hand_overs: &[String]) -> Result<Vec<PublicKey>, ProofError> {
    let mut keys = vec![trusted.clone()];
    for note in hand_overs {
        let Ok(step) = open::<HandOver>(&keys[keys.len() - 1..], origin, note) else { continue };
        let last = &keys[keys.len() - 1];
        if step.from == *last && open::<HandOver>(std::slice::from_ref(&step.to), origin, note).is_ok() {
            keys.push(step.to);
        }
    }
    Ok(keys)
}
