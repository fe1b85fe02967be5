//! Whether the lake is what was signed: every row against its leaf, every leaf against the roots, every note against a key.
//! Promises to name what does not fit and to go on, so that one damaged file does not hide another.
//! Never changes anything, and never takes a file's word for what another file can show.

mod hashes;
mod notes;
mod problem;
mod rows;
#[cfg(test)]
mod stories;

use std::path::Path;

use ephor_wire::timestamp::UtcDay;
use serde::Serialize;

use super::log::ProofLog;
use super::signing::PublicKey;
use crate::error::LakeError;
use crate::files::FileSet;
use crate::lake::off_the_runtime;
use crate::schema::ACTIVITIES;
use crate::table::Table;

use problem::Problems;
pub use problem::{Problem, ProblemKind};

/// What to verify, and against what.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// The key that is trusted, from outside the folder. `None`: the one that the folder names.
    pub trusted: Option<PublicKey>,
    /// Checkpoints kept elsewhere (by a witness, in a report): the lake must continue each of them.
    pub checkpoints: Vec<String>,
    /// Only rows of these days (both included) are read whole; of all others only that they are there.
    pub days: Option<(UtcDay, UtcDay)>,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// Whether nothing was found.
    pub intact: bool,
    /// The size of the tree: the next `seq`.
    pub size: u64,
    /// Rows whose bytes were compared with the tree.
    pub rows_checked: u64,
    /// Bytes of these rows.
    pub bytes_checked: u64,
    /// Rows that a signed statement says were let go by retention.
    pub rows_expired: u64,
    /// Rows that a signed statement says were erased.
    pub rows_erased: u64,
    /// Checkpoints whose signature and root were checked.
    pub checkpoints: u64,
    /// Seals that were checked.
    pub seals: u64,
    /// Time-stamps of authorities that hold; whether an authority is to be trusted is not asked here.
    pub time_stamps: u64,
    /// Activities that are newer than the newest checkpoint: nothing has been signed of them yet.
    pub unsigned_rows: u64,
    /// The key that the signatures were checked with, and those that it handed over to.
    pub keys: Vec<PublicKey>,
    /// What does not fit; of each kind the first hundred.
    pub problems: Vec<Problem>,
    /// Problems beyond those that are listed.
    pub more_problems: u64,
}

/// Verifies the lake in a data folder.
pub async fn verify(dir: &Path, options: VerifyOptions) -> Result<Verification, LakeError> {
    let problems = Problems::default();
    let log = ProofLog::of(dir);
    let files = match files_of(dir).await {
        Ok(files) => files,
        Err(LakeError::Missing { path }) => return Err(LakeError::Missing { path }),
        Err(error) => {
            problems.add(ProblemKind::UnreadableTable, None, "lake/activities", error.to_string());
            FileSet::default()
        }
    };
    off_the_runtime(move || check(&log, &files, &options, problems)).await
}

async fn files_of(dir: &Path) -> Result<FileSet, LakeError> {
    let table = Table::open(dir, &ACTIVITIES).await?;
    FileSet::of(&table.ok_or_else(|| LakeError::Missing { path: dir.to_owned() })?).await
}

fn check(
    log: &ProofLog,
    files: &FileSet,
    options: &VerifyOptions,
    problems: Problems,
) -> Result<Verification, LakeError> {
    let keys = keys_of(log, options, &problems)?;
    let notes = notes::read(log, &keys, &problems)?;
    let size = files.next_seq;
    hashes::check(log.hashes(), size, &problems)?;
    let checkpoints = notes.check_checkpoints(log, size, &options.checkpoints, &problems)?;
    let rows = rows::check(log, files, &notes, options, &problems)?;
    notes.check_seals(log, size, &rows.counts, &problems)?;
    let time_stamps = notes.check_time_stamps(log, size, &problems)?;
    let newest = notes.checkpoints.iter().map(|checkpoint| checkpoint.size).max().unwrap_or(0);
    let (problems, more_problems) = problems.finish();
    Ok(Verification {
        intact: problems.is_empty(),
        size,
        rows_checked: rows.checked,
        bytes_checked: rows.bytes,
        rows_expired: rows.expired,
        rows_erased: notes.erased.len() as u64,
        checkpoints,
        seals: notes.seals.len() as u64,
        time_stamps,
        unsigned_rows: size.saturating_sub(newest),
        keys,
        problems,
        more_problems,
    })
}

/// The keys that may have signed; a log without one proves nothing.
fn keys_of(log: &ProofLog, options: &VerifyOptions, problems: &Problems) -> Result<Vec<PublicKey>, LakeError> {
    let keys = match log.keys(options.trusted.as_ref()) {
        Err(LakeError::Proof(error)) => {
            problems.add(ProblemKind::NoLog, None, "proof/public-key", error.to_string());
            Vec::new()
        }
        other => other?,
    };
    if keys.is_empty() {
        let words = "there is no public key: nothing that is signed here can be checked".to_owned();
        problems.add(ProblemKind::NoLog, None, "proof/public-key", words);
    }
    Ok(keys)
}
