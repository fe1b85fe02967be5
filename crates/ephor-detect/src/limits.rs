//! Every limit of this room in one place, each with its reason.
//! They bound memory and rows; none of them hides a finding.
//! Nothing here is tuned at run time.

/// Activities named by one finding at the most; `count` goes on. More than anybody reads, and 20 kB a finding.
pub const EVIDENCE_LIMIT: usize = 200;

/// Characters of a note.
pub(crate) const NOTE_CHARACTERS: usize = 4_000;
