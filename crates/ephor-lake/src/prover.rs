//! Proofs for single activities: their rows found, their salts, their way up to the root.
//! Never proves a row by its own word: the path comes from the hashes, and whoever checks it needs the bytes.

use std::collections::{BTreeMap, HashSet};

use crate::error::LakeError;
use crate::proof::{ActivityProof, Opening, ProofLog, Removed};
use crate::rows::{micros_of, seq_of, text_of};
use crate::scan::Reader;

/// What a proof needs of a row besides its bytes.
const COLUMNS: [&str; 4] = ["seq", "id", "received_at", "source"];

pub(crate) fn prove(
    reader: &Reader,
    log: &ProofLog,
    ids: &HashSet<String>,
    tree_size: u64,
) -> Result<Vec<ActivityProof>, LakeError> {
    let salts = log.salts()?;
    let erased = commitments_of_erased(log)?;
    let mut proofs = Vec::new();
    for file in &reader.files().files {
        if proofs.len() == ids.len() {
            break;
        }
        if !reader.may_hold_any(file, &ids.iter().map(String::as_str).collect())? {
            continue;
        }
        let rows = reader.read_columns(file, &COLUMNS)?;
        let (seq, id, received_at, source) =
            (seq_of(&rows)?, text_of(&rows, "id")?, micros_of(&rows, "received_at")?, text_of(&rows, "source")?);
        for row in (0..rows.num_rows()).filter(|row| ids.contains(id.value(*row))) {
            let place = u64::try_from(seq.value(row)).unwrap_or_default();
            let opening = match (erased.get(&place), salts.of(place)) {
                (Some(commitment), _) => Opening::Commitment(commitment.clone()),
                (None, Some(salt)) => Opening::Salt(salt.to_hex()),
                (None, None) => continue,
            };
            if place >= tree_size {
                continue;
            }
            proofs.push(ActivityProof {
                id: id.value(row).to_owned(),
                seq: place,
                received_at_micros: received_at.value(row),
                source: source.value(row).to_owned(),
                opening,
                tree_size,
                path: log.inclusion(place, tree_size)?.iter().map(|hash| hex::encode(hash.0)).collect(),
            });
        }
    }
    proofs.sort_by_key(|proof| proof.seq);
    Ok(proofs)
}

fn commitments_of_erased(log: &ProofLog) -> Result<BTreeMap<u64, String>, LakeError> {
    let mut erased = BTreeMap::new();
    for (removal, _) in log.removals()? {
        if let Removed::Erased { rows, .. } = removal.what {
            erased.extend(rows.into_iter().map(|row| (row.seq, row.commitment)));
        }
    }
    Ok(erased)
}
