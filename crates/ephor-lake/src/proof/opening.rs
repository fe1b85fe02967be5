//! What lets anyone check one activity against a checkpoint: its salt and the hashes up to the root.
//! Promises to be complete: bytes, this and a checkpoint are all that a verifier needs.
//! Never opens the row beside it: a salt belongs to one row, and hashes say nothing of what they stand for.

use serde::{Deserialize, Serialize};
use tlog_tiles::tlog::{self, Hash};

use super::error::ProofError;
use super::leaf::{Commitment, Leaf, Salt};

/// The proof that an activity is in a tree, for a file beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityProof {
    /// The activity's id.
    pub id: String,
    /// Its place in the order of arrival, and the number of its leaf.
    pub seq: u64,
    /// When Ephor got it, in microseconds since 1970.
    pub received_at_micros: i64,
    /// The source it came from.
    pub source: String,
    /// What ties the bytes to the leaf.
    #[serde(flatten)]
    pub opening: Opening,
    /// The size of the tree whose root it leads to.
    pub tree_size: u64,
    /// The hashes from the leaf's sibling up, in hexadecimal (RFC 9162, section 2.1.3).
    pub path: Vec<String>,
}

/// What ties bytes to a leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// The row's salt, in hexadecimal: with the bytes it gives the commitment.
    Salt(String),
    /// The commitment itself, in hexadecimal: the bytes that it was made of were erased.
    Commitment(String),
}

impl ActivityProof {
    /// The leaf, with the bytes of the activity as received. An erased one needs no bytes: what stood there is gone.
    pub fn leaf_hash(&self, raw: &[u8]) -> Result<Hash, ProofError> {
        let commitment = match &self.opening {
            Opening::Salt(salt) => Commitment::to_bytes_received(Salt(bytes_of(salt)?), raw),
            Opening::Commitment(commitment) => Commitment(bytes_of(commitment)?),
        };
        let leaf =
            Leaf { seq: self.seq, received_at_micros: self.received_at_micros, source: &self.source, commitment };
        Ok(leaf.hash())
    }

    /// Whether these bytes are the activity that the root stands for.
    pub fn check(&self, raw: &[u8], root: &str) -> Result<(), ProofError> {
        check_inclusion(&self.path, self.tree_size, root, self.seq, self.leaf_hash(raw)?)
    }
}

/// Checks a proof of inclusion.
pub fn check_inclusion(path: &[String], size: u64, root: &str, seq: u64, leaf: Hash) -> Result<(), ProofError> {
    tlog::check_record(&hashes_of(path)?, size, Hash(bytes_of(root)?), seq, leaf)
        .map_err(|error| ProofError::Disproved(error.to_string()))
}

/// Checks a proof that the tree of `older` activities is the beginning of that of `newer`.
pub fn check_consistency(
    path: &[String],
    (newer, newer_root): (u64, &str),
    (older, older_root): (u64, &str),
) -> Result<(), ProofError> {
    let (newer_hash, older_hash) = (Hash(bytes_of(newer_root)?), Hash(bytes_of(older_root)?));
    tlog::check_tree(&hashes_of(path)?, newer, newer_hash, older, older_hash)
        .map_err(|error| ProofError::Disproved(error.to_string()))
}

fn hashes_of(path: &[String]) -> Result<Vec<Hash>, ProofError> {
    path.iter().map(|hash| bytes_of(hash).map(Hash)).collect()
}

fn bytes_of<const N: usize>(text: &str) -> Result<[u8; N], ProofError> {
    let mut bytes = [0_u8; N];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| ProofError::Disproved(format!("`{text}` is not {} hexadecimal digits", N * 2)))?;
    Ok(bytes)
}
