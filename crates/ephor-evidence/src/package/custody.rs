//! Chain of custody: through whose hands the evidence went, from the sources to the package.
//! Promises steps in order, each with what secures it and how that is checked.
//! Never vouches for what happened before Ephor's door.

use ephor_lake::proof::{ProofLog, Verification};
use serde::Serialize;
use serde_json::{Value, json};

use super::terms::Terms;
use crate::dsse::key_id;
use crate::error::EvidenceError;

/// One step.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Step {
    /// What happened.
    pub(crate) what: String,
    /// What secures it.
    pub(crate) secured_by: String,
    /// Who did it, and when, and with what.
    pub(crate) facts: Value,
}

/// The steps up to the package. What happens to it afterwards is told by sign-offs beside it.
pub(crate) fn of(terms: &Terms, log: &ProofLog, found: &Verification) -> Result<Vec<Step>, EvidenceError> {
    let keys: Vec<String> = log.keys(None)?.iter().map(key_id).collect();
    let step = |what: &str, secured_by: &str, facts: Value| Step {
        what: what.to_owned(),
        secured_by: secured_by.to_owned(),
        facts,
    };
    let checkpoint = &terms.checkpoint;
    Ok(vec![
        step(
            "Activities were received from their sources",
            "Each keeps the bytes as received, its source and the time of receipt; content fields were emptied at the door.",
            json!({ "by_source_and_day": "evidence/recorded-by-day.csv, where the framework names it" }),
        ),
        step(
            "Each became a leaf of an append-only log in the commit that stored it",
            "RFC 6962 hashing; a changed, removed or added row changes the root.",
            json!({ "log": checkpoint.origin, "activities": found.size }),
        ),
        step(
            "The root was signed",
            "Ed25519, C2SP tlog-checkpoint; log/checkpoint is the note that this package leads to.",
            json!({ "size": checkpoint.size, "root": checkpoint.root, "keys": keys }),
        ),
        step(
            "The lake was verified while the package was made",
            "The test `lake-intact` in tests.json.",
            json!({ "intact": found.intact, "rows_read_whole": found.rows_checked, "problems": found.problems.len() }),
        ),
        step(
            "The package was made",
            "signature.dsse.json signs for every file.",
            json!({ "at": terms.built_at, "by": terms.built_by, "ephor": terms.ephor }),
        ),
    ])
}
