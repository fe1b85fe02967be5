//! Samples as files: by control the rows that were drawn, and for each activity among them its own proof.
//! Promises that a drawn activity can be followed from its line to its bytes and from there to the signed root.
//! Never shows bytes where persons are not named, or where what stood there was erased.

use std::collections::BTreeMap;
use std::io::Write;

use ephor_lake::proof::{ActivityProof, ProofLog};
use serde::{Deserialize, Serialize};

use super::population::{Cited, Passed, shown_columns};
use super::staging::Staging;
use super::tables::Answered;
use crate::draw::Drawn;
use crate::error::EvidenceError;
use crate::framework::Framework;
use crate::sheet::{unwritten, writer};

/// Where the proofs of drawn activities are.
pub(crate) const PROOFS: &str = "log/proofs.ndjson";

/// A line of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofLine {
    pub(crate) id: String,
    /// The bytes as received; none where they are not shown.
    pub(crate) raw: Option<String>,
    pub(crate) proof: ActivityProof,
}

/// The file of a sample.
pub(crate) fn sample_path(control_folder: &str, evidence: &str) -> String {
    format!("samples/{control_folder}/{evidence}.csv")
}

/// Writes `samples/` and the proofs of what is in them.
pub(crate) fn write(
    framework: &Framework,
    (passed, answered): (&Passed, &BTreeMap<String, Answered>),
    (log, size): (&ProofLog, u64),
    staging: &mut Staging,
) -> Result<(), EvidenceError> {
    let mut followed: BTreeMap<u64, &Cited> = BTreeMap::new();
    for control in &framework.controls {
        for evidence in control.all_evidence() {
            if let Some(drawn) = passed.samples.get(&(control.id.clone(), evidence.to_owned())) {
                followed.extend(drawn.iter().map(|drawn| (drawn.row.seq, &drawn.row.cited)));
                let rows = drawn.iter().map(|drawn| (drawn.lot, drawn.row.cells.as_slice()));
                let columns: Vec<&str> = shown_columns().collect();
                write_one(&sample_path(&control.folder(), evidence), (&control.id, &columns), rows, staging)?;
            }
            let Some(table) = answered.get(evidence) else { continue };
            if let Some(drawn) = table.samples.get(&control.id) {
                let rows = drawn.iter().map(|drawn: &Drawn<Vec<String>>| (drawn.lot, drawn.row.as_slice()));
                let columns: Vec<&str> =
                    std::iter::once("row").chain(table.columns.iter().map(String::as_str)).collect();
                write_one(&sample_path(&control.folder(), evidence), (&control.id, &columns), rows, staging)?;
            }
        }
    }
    write_proofs(&followed, (log, size), staging)
}

fn write_one<'r>(
    path: &str,
    (control, columns): (&str, &[&str]),
    rows: impl Iterator<Item = ([u8; 32], &'r [String])>,
    staging: &mut Staging,
) -> Result<(), EvidenceError> {
    let mut out = writer(staging.create(path)?);
    out.write_record(std::iter::once("lot").chain(columns.iter().copied())).map_err(unwritten)?;
    let mut count = 0;
    for (lot, cells) in rows {
        let lot = hex::encode(lot);
        out.write_record(std::iter::once(lot.as_str()).chain(cells.iter().map(String::as_str))).map_err(unwritten)?;
        count += 1;
    }
    staging.finish(out.into_inner().map_err(unwritten)?, &format!("sample drawn for {control}"), Some(count))
}

fn write_proofs(
    followed: &BTreeMap<u64, &Cited>,
    (log, size): (&ProofLog, u64),
    staging: &mut Staging,
) -> Result<(), EvidenceError> {
    let mut out = staging.create(PROOFS)?;
    let failed = |source| EvidenceError::File { what: "write", path: PROOFS.into(), source };
    for (seq, cited) in followed {
        let path = log.inclusion(*seq, size)?.iter().map(|hash| hex::encode(hash.0)).collect();
        let proof = ActivityProof {
            id: cited.id.clone(),
            seq: *seq,
            received_at_micros: cited.received_at_micros,
            source: cited.source.clone(),
            opening: cited.opening.clone(),
            tree_size: size,
            path,
        };
        let line = ProofLine { id: cited.id.clone(), raw: cited.raw.clone(), proof };
        let line = serde_json::to_string(&line).map_err(unwritten)?;
        writeln!(out, "{line}").map_err(failed)?;
    }
    staging.finish(out, "each drawn activity as received, with its proof", Some(followed.len() as u64))
}
