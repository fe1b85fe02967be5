//! Ids of activities that retention has taken: kept as hashes, so that an id index that is made anew still knows them.
//! On the disk before the commit that takes the rows; so no crash and no lost index lets a source bring them back.
//! Never holds anything of a row but the hash of its id and the span of its `seq`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::durable::{self, Existing};
use crate::error::LakeError;
use crate::files::DataFile;
use crate::id_index::{Fingerprint, IdEntry, IdIndex};
use crate::limits;
use crate::rows;
use crate::scan::Reader;

/// Delta engines pass over folders that begin with an underscore.
const FOLDER: &str = "_expired";

const MAGIC: &[u8; 8] = b"EPHORXP1";
/// The magic, and the first and the last `seq`.
const HEADER_BYTES: usize = 24;
const ID_BYTES: usize = 16;

/// Some ids that go together into one file.
#[derive(Debug, Default)]
struct Part {
    ids: Vec<Fingerprint>,
    first_seq: u64,
    last_seq: u64,
}

/// Keeps the ids of files whose rows are about to go.
pub(crate) fn keep(table: &Path, reader: &Reader, files: &[Arc<DataFile>]) -> Result<(), LakeError> {
    let mut part = Part::default();
    for file in files {
        let batch = reader.read_columns(file, &["seq", "id"])?;
        let (seq, id) = (rows::seq_of(&batch)?, rows::text_of(&batch, "id")?);
        for row in 0..batch.num_rows() {
            part.push(u64::try_from(seq.value(row)).unwrap_or_default(), id.value(row));
            if part.ids.len() == limits::EXPIRED_IDS_OF_A_FILE {
                std::mem::take(&mut part).write(table)?;
            }
        }
    }
    part.write(table)
}

/// Tells an index of the ids that have expired, as far as their `seq` may be `from_seq` or later.
pub(crate) fn read_into(table: &Path, index: &mut IdIndex, from_seq: u64) -> Result<(), LakeError> {
    for path in files_in(&table.join(FOLDER))? {
        let part = Part::read(&path)?;
        if part.last_seq < from_seq {
            continue;
        }
        for fingerprint in part.ids {
            index.insert(IdEntry::gone(fingerprint));
        }
        index.spill_when_full()?;
    }
    Ok(())
}

impl Part {
    fn push(&mut self, seq: u64, id: &str) {
        let first = self.ids.is_empty();
        self.first_seq = if first { seq } else { self.first_seq.min(seq) };
        self.last_seq = self.last_seq.max(seq);
        self.ids.push(IdEntry::fingerprint_of(id));
    }

    /// Its name is the hash of what it holds: retention that was interrupted and begins again writes it once.
    fn write(mut self, table: &Path) -> Result<(), LakeError> {
        if self.ids.is_empty() {
            return Ok(());
        }
        self.ids.sort_unstable();
        let ids: Vec<u8> = self.ids.iter().flat_map(|id| id.to_be_bytes()).collect();
        let name = hex::encode(&Sha256::digest(&ids)[..16]);
        let path = table.join(FOLDER).join(format!("{name}.ids"));
        let parts: [&[u8]; 4] = [MAGIC, &self.first_seq.to_le_bytes(), &self.last_seq.to_le_bytes(), &ids];
        durable::write_new(&path, &parts, Existing::Replace).map_err(|e| LakeError::file("write", &path, e))
    }

    fn read(path: &Path) -> Result<Self, LakeError> {
        let bytes = fs::read(path).map_err(|e| LakeError::file("read", path, e))?;
        Self::parse(&bytes).ok_or_else(|| LakeError::Damaged {
            path: path.to_owned(),
            what: "it does not hold the ids of expired activities; put it back from a backup".to_owned(),
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, ids) = bytes.split_at_checked(HEADER_BYTES)?;
        let (magic, seqs) = head.split_at(MAGIC.len());
        let (first, last) = seqs.split_first_chunk::<8>()?;
        let last_seq = u64::from_le_bytes(last.try_into().ok()?);
        let whole = magic == MAGIC && ids.len().is_multiple_of(ID_BYTES);
        let id = |bytes: &[u8]| Some(Fingerprint::from_be_bytes(bytes.try_into().ok()?));
        let ids = ids.chunks_exact(ID_BYTES).map(id).collect::<Option<Vec<_>>>()?;
        whole.then_some(Self { ids, first_seq: u64::from_le_bytes(*first), last_seq })
    }
}

/// What was kept, in the order of names; nothing where retention never took anything.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, LakeError> {
    let failed = |e| LakeError::file("list", folder, e);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "ids") {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_that_is_cut_or_is_another_is_damage_and_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = Part::default();
        (7..10).for_each(|seq| part.push(seq, &format!("activity_{seq}")));
        part.write(folder.path()).unwrap();
        let path = files_in(&folder.path().join(FOLDER)).unwrap().remove(0);
        let whole = fs::read(&path).unwrap();
        let read = Part::read(&path).unwrap();
        assert_eq!((read.ids.len(), read.first_seq, read.last_seq), (3, 7, 9));
        for wrong in [&whole[..whole.len() - 1], &whole[..HEADER_BYTES - 1], b"", &[&b"X"[..], &whole[1..]].concat()] {
            fs::write(&path, wrong).unwrap();
            assert!(matches!(Part::read(&path), Err(LakeError::Damaged { .. })), "{wrong:?}");
        }
    }
}
