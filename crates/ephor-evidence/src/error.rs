//! What can go wrong with frameworks and packages, named after what it means for the person who asked.
//! Promises to say where and what to do.
//! Never holds a person's data: names of files, controls and evidence only.

use std::path::PathBuf;

use ephor_lake::LakeError;
use ephor_lake::control::ControlError;
use ephor_lake::proof::ProofError;

/// Evidence that could not be gathered, written or read.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A framework's file that says something wrong.
    #[error("{} is no framework:\n  {}", path.display(), mistakes.join("\n  "))]
    Framework {
        /// The file.
        path: PathBuf,
        /// Every mistake.
        mistakes: Vec<String>,
    },
    /// A framework that nobody has defined.
    #[error("there is no framework `{asked}`; there are {known}, and those in the folder of `[evidence] frameworks`")]
    NoSuchFramework {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// Controls that the framework has not got.
    #[error("`{framework}` has no control `{asked}`")]
    NoSuchControl {
        /// The framework.
        framework: String,
        /// What was asked for.
        asked: String,
    },
    /// A period that is none.
    #[error("the period is not right: {0}")]
    Period(String),
    /// A lake of which nothing is signed.
    #[error(
        "the lake has no signed checkpoint yet, so a package could prove nothing; `ephor lake checkpoint` signs one"
    )]
    NoCheckpoint,
    /// Where the package should go.
    #[error("cannot write the package to {}: {what}", path.display())]
    Destination {
        /// Where.
        path: PathBuf,
        /// Why not.
        what: String,
    },
    /// A question that the lake did not answer.
    #[error("evidence `{evidence}`: {source}")]
    Question {
        /// Which evidence.
        evidence: String,
        /// What the lake said.
        #[source]
        source: LakeError,
    },
    /// A package that is none.
    #[error("{} is no evidence package: {what}", path.display())]
    NoPackage {
        /// Where it was looked for.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// A public key that is none.
    #[error("{} holds no public key: {what}; `ephor lake key show` prints one, with --pem for openssl", path.display())]
    PublicKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A file that could not be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A document that could not be made.
    #[error("{document} cannot be made: {what}")]
    Document {
        /// Which.
        document: &'static str,
        /// Why not.
        what: String,
    },
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The control database.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Findings.
    #[error(transparent)]
    Findings(#[from] ephor_detect::DetectError),
    /// Access reviews.
    #[error(transparent)]
    Reviews(#[from] ephor_reports::ReportError),
    /// Keys, notes and proofs.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Columns that are not as they should be.
    #[error("the lake's answer cannot be read: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
}
