//! Tamper evidence: every activity is a leaf of an append-only tree (RFC 6962), whose roots are signed again and again.
//! Promises that outside tools can check a row, a checkpoint or the whole history without trusting Ephor.
//! Never puts what an activity says into the tree: only salted commitments, so that a person's data can be erased.

mod book;
mod counts;
mod error;
mod leaf;
mod log;
mod notary;
mod opening;
mod openings;
mod redaction;
mod salts;
mod signing;
mod statement;
mod time_stamp;
mod tree;
mod verify;

pub use error::ProofError;
pub use leaf::{Commitment, Leaf, Salt};
pub use log::{ProofLog, SignedCheckpoint};
pub use notary::hand_over;
pub use opening::{ActivityProof, Opening, check_consistency, check_inclusion};
pub use openings::Openings;
pub use redaction::Person;
pub use signing::{ProofKey, PublicKey};
pub use statement::{ErasedRow, HandOver, Removal, Removed, Seal, SealCounts, Statement, digest_of, keys_after, open};
pub use time_stamp::{REPLY_BYTES, StampQuestion, Stamped, TimeStamp};
pub use verify::{Problem, ProblemKind, Verification, VerifyOptions, verify};

pub(crate) use leaf::RawDigest;
pub(crate) use notary::{Notary, REMOVALS_TRANSACTION, digest_of as raw_digest_of};
pub(crate) use redaction::{ERASED_AT, redact};
