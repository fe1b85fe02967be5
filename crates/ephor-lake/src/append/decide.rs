//! Which rows of a batch are new: every id is stored once, a second content under it is kept aside as a conflict.
//! Reads the id index and, for the rare id with other bytes, the stored row.
//! Never writes: a decision takes effect only with its commit.

use std::collections::HashMap;

use ephor_wire::content;
use serde_json::Value;

use super::{AppendOutcome, RowOutcome};
use crate::error::LakeError;
use crate::id_index::{ByFingerprint, IdEntry, IdIndex, Known};
use crate::proof;
use crate::rows::{Chosen, Chunk};
use crate::scan::{Reader, Wanted};

/// A second content under a stored id.
#[derive(Debug)]
pub(super) struct Conflict {
    pub(super) chunk: usize,
    pub(super) row: usize,
    pub(super) stored_raw: String,
}

/// What one commit will store.
#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) chosen: Vec<Chosen>,
    pub(super) conflicts: Vec<Conflict>,
    /// One for each chunk.
    pub(super) outcomes: Vec<AppendOutcome>,
    pub(super) next_seq: u64,
}

/// Decides over all rows of a commit, in order.
pub(super) fn decide(chunks: &[Chunk], index: &IdIndex, reader: &Reader, next_seq: u64) -> Result<Decision, LakeError> {
    let entries: Vec<&[IdEntry]> = chunks.iter().map(|chunk| chunk.columns.entries.as_slice()).collect();
    let Sorted { chosen, outcomes, unsettled, next_seq } = sort_out(&entries, index, next_seq)?;
    let mut decision = Decision { chosen, outcomes, next_seq, conflicts: Vec::new() };
    settle(chunks, reader, unsettled, &mut decision)?;
    Ok(decision)
}

/// The rows of a commit, sorted out by what the index knows of their ids.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) chosen: Vec<Chosen>,
    /// One for each chunk; an unsettled row counts as a duplicate.
    pub(crate) outcomes: Vec<AppendOutcome>,
    pub(crate) unsettled: Vec<Unsettled>,
    pub(crate) next_seq: u64,
}

/// A row of a commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) chunk: usize,
    pub(crate) row: usize,
}

/// A row whose id is known with other bytes; it counts as a duplicate until the contents have been compared.
#[derive(Debug)]
pub(crate) struct Unsettled {
    pub(crate) place: Place,
    against: Against,
}

#[derive(Debug)]
enum Against {
    Stored,
    Here(Place),
}

/// Gives each new id its `seq`, in order, and sets aside what needs a second look.
pub(crate) fn sort_out(chunks: &[&[IdEntry]], index: &IdIndex, next_seq: u64) -> Result<Sorted, LakeError> {
    let mut sorted = Sorted { next_seq, ..Sorted::default() };
    let mut here: ByFingerprint<(IdEntry, Place)> = ByFingerprint::default();
    for (chunk, entries) in chunks.iter().enumerate() {
        let mut outcome = AppendOutcome { rows: Vec::with_capacity(entries.len()), ..AppendOutcome::default() };
        for (row, entry) in entries.iter().enumerate() {
            let place = Place { chunk, row };
            let settled = if let Some((first, at)) = here.get(&entry.fingerprint()) {
                if first != entry {
                    sorted.unsettled.push(Unsettled { place, against: Against::Here(*at) });
                }
                RowOutcome::Duplicate
            } else {
                match index.look_up(*entry)? {
                    Known::Same => RowOutcome::Duplicate,
                    Known::Other => {
                        sorted.unsettled.push(Unsettled { place, against: Against::Stored });
                        RowOutcome::Duplicate
                    }
                    Known::New => {
                        here.insert(entry.fingerprint(), (*entry, place));
                        let seq = sorted.next_seq;
                        sorted.next_seq += 1;
                        sorted.chosen.push(Chosen { chunk, row, seq });
                        RowOutcome::Added { seq }
                    }
                }
            };
            outcome.push(settled);
        }
        sorted.outcomes.push(outcome);
    }
    Ok(sorted)
}

/// Compares contents and turns those that really differ into conflicts.
fn settle(
    chunks: &[Chunk],
    reader: &Reader,
    unsettled: Vec<Unsettled>,
    decision: &mut Decision,
) -> Result<(), LakeError> {
    if unsettled.is_empty() {
        return Ok(());
    }
    let wanted: Vec<Wanted> = unsettled
        .iter()
        .filter(|row| matches!(row.against, Against::Stored))
        .map(|row| Wanted {
            id: chunks[row.place.chunk].columns.id.value(row.place.row).to_owned(),
            created_at: chunks[row.place.chunk].columns.created_at.value(row.place.row),
        })
        .collect();
    let stored: HashMap<String, String> = reader.find_many(&wanted)?;
    for Unsettled { place: Place { chunk, row }, against } in unsettled {
        let columns = &chunks[chunk].columns;
        let stored_raw = match against {
            Against::Here(first) => Some(chunks[first.chunk].columns.raw.value(first.row)),
            Against::Stored => stored.get(columns.id.value(row)).map(String::as_str),
        };
        // An id whose row retention has dropped is known and cannot be compared: it stays a duplicate.
        let Some(stored_raw) = stored_raw else { continue };
        // What was erased comes again whole from a source that still has it: it must not come back in.
        let erased = stored_raw.contains(proof::ERASED_AT);
        if erased || same_activity(stored_raw, columns.raw.value(row)) {
            continue;
        }
        decision.outcomes[chunk].turn_into_conflict(row);
        decision.conflicts.push(Conflict { chunk, row, stored_raw: stored_raw.to_owned() });
    }
    Ok(())
}

/// Whether two spellings say the same. Fields that can carry content do not count: the vendor blanked them on rows
/// that it had served before (compliance_api.md §13), and Ephor keeps none of them.
fn same_activity(stored: &str, incoming: &str) -> bool {
    let plain = |text: &str| {
        let mut value: Value = serde_json::from_str(text).ok()?;
        content::strip(&mut value);
        drop_empty_content(&mut value);
        Some(value)
    };
    plain(stored) == plain(incoming)
}

fn drop_empty_content(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !content::is_content_field(name));
            fields.values_mut().for_each(drop_empty_content);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_empty_content),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::same_activity;

    #[test]
    fn spelling_and_blanked_names_are_no_conflict_and_everything_else_is() {
        let stored = r#"{"id":"activity_1","type":"claude_file_uploaded","filename":"","n":1}"#;
        assert!(same_activity(stored, r#"{ "type":"claude_file_uploaded", "n":1, "id":"activity_1" }"#));
        assert!(!same_activity(stored, r#"{"id":"activity_1","type":"claude_file_uploaded","n":2}"#));
        assert!(!same_activity(stored, r#"{"id":"activity_1","type":"claude_file_deleted","n":1}"#));
    }
}
