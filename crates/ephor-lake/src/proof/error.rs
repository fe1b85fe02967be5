//! What can go wrong with keys, notes and proofs, named after what it means for the person who sees it.

use std::path::PathBuf;

/// A proof that could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// A public key that is none.
    #[error(
        "this is no public key of a log ({0}); it is one line `name+hash+key`, as `ephor lake checkpoint --key` prints it"
    )]
    PublicKey(String),
    /// A private key that is none. What was read is not shown.
    #[error(
        "this is no signing key; it is one line that begins with PRIVATE+KEY+, as `ephor init` writes it to proof/key"
    )]
    PrivateKey,
    /// The file of the signing key.
    #[error("cannot read or write the signing key in {path}: {source}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A signed note that does not hold.
    #[error("the signed note does not hold: {0}")]
    Note(String),
    /// A note whose text says something else than it should.
    #[error("the note is signed, but it is no {expected}: {what}")]
    NotA {
        /// What was looked for.
        expected: &'static str,
        /// What does not fit.
        what: String,
    },
    /// A question about a part of the tree that is not there.
    #[error("the tree holds {size} activities; {asked} is not in it")]
    OutsideTree {
        /// How many there are.
        size: u64,
        /// What was asked for.
        asked: u64,
    },
    /// A time-stamp that does not hold.
    #[error("the time-stamp does not hold: {0}")]
    TimeStamp(String),
    /// A proof that proves nothing.
    #[error("the proof does not lead to the root of the checkpoint: {0}")]
    Disproved(String),
}
