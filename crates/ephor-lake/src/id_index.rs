//! Which ids are stored, so that every activity is kept once: a map of the newest, sorted runs on disk for the rest.
//! Holds 24 bytes an id on disk and 10 bits in memory (100 million ids: 2.4 GB and 125 MB), and is derived: whatever a
//! crash takes from it is read again from the lake. Never fsyncs, because losing it loses nothing.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::LakeError;
use crate::limits;

/// The first 128 bits of an id's SHA-256: two different ids among 100 million share one with a chance of 1 in 10²²,
/// and nobody who may push activities can make two that do.
pub(crate) type Fingerprint = u128;

/// A map by fingerprint that does not hash what is a hash already.
pub(crate) type ByFingerprint<V> = HashMap<Fingerprint, V, IdentityState>;

const ENTRY_BYTES: usize = 24;
const HEADER_BYTES: usize = 32;
const MAGIC: &[u8; 8] = b"EPHORID1";

/// What is known of a stored id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Not stored.
    New,
    /// Stored with the same bytes.
    Same,
    /// Stored with other bytes: perhaps the same JSON in another spelling, perhaps a conflict.
    Other,
}

/// An id and its content, hashed once and carried through the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct IdEntry {
    fingerprint: Fingerprint,
    content: u64,
}

impl IdEntry {
    pub(crate) fn of(id: &str, raw: &[u8]) -> Self {
        Self::with_digest(id, &Sha256::digest(raw).into())
    }

    /// As [`IdEntry::of`], with the SHA-256 of the content at hand.
    pub(crate) fn with_digest(id: &str, raw: &[u8; 32]) -> Self {
        let id = Sha256::digest(id.as_bytes());
        Self { fingerprint: fingerprint_of(&id[..16]), content: content_of(&raw[..8]) }
    }

    /// An id that is known to have been stored, and whose row is gone.
    pub(crate) fn gone(fingerprint: Fingerprint) -> Self {
        Self { fingerprint, content: GONE }
    }

    pub(crate) fn fingerprint(self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) fn fingerprint_of(id: &str) -> Fingerprint {
        fingerprint_of(&Sha256::digest(id.as_bytes())[..16])
    }
}

/// Stands for the content of a row that is gone: whatever comes under its id is taken for the same.
const GONE: u64 = 0;

/// The index: a memtable over sorted, immutable runs.
#[derive(Debug)]
pub(crate) struct IdIndex {
    folder: PathBuf,
    memtable: ByFingerprint<u64>,
    runs: Vec<Run>,
    /// Every `seq` below this is in a run; those from here to the memtable's end are lost in a crash.
    flushed_to: u64,
    /// The newest runs that claim no `seq` yet: parts of an index that is being read again from the lake.
    spilled: usize,
}

impl IdIndex {
    /// Where its runs are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens what is on disk. `stored_to` is the lake's next `seq`: an index that claims more than the lake has belongs
    /// to another lake (or to one that was rolled back) and is thrown away.
    pub(crate) fn open(folder: &Path, stored_to: u64) -> Result<Self, LakeError> {
        fs::create_dir_all(folder).map_err(|e| LakeError::file("create the folder", folder, e))?;
        let mut runs = read_runs(folder)?;
        runs.sort_by_key(|run| (run.first_seq, std::cmp::Reverse(run.end_seq)));
        let mut kept: Vec<Run> = Vec::new();
        let mut flushed_to = 0;
        for run in runs {
            // A merged run replaces its parts; parts left behind by a crash lie within it, or claim nothing.
            if run.first_seq == flushed_to && (flushed_to + 1..=stored_to).contains(&run.end_seq) {
                flushed_to = run.end_seq;
                kept.push(run);
            } else {
                let _ = fs::remove_file(&run.path);
            }
        }
        Ok(Self { folder: folder.to_owned(), memtable: ByFingerprint::default(), runs: kept, flushed_to, spilled: 0 })
    }

    /// The first `seq` whose id must be read again from the lake.
    pub(crate) fn flushed_to(&self) -> u64 {
        self.flushed_to
    }

    pub(crate) fn look_up(&self, entry: IdEntry) -> Result<Known, LakeError> {
        let stored = match self.memtable.get(&entry.fingerprint) {
            Some(content) => Some(*content),
            None => self.look_up_runs(entry.fingerprint)?,
        };
        Ok(match stored {
            None => Known::New,
            Some(content) if content == entry.content || content == GONE => Known::Same,
            Some(_) => Known::Other,
        })
    }

    fn look_up_runs(&self, fingerprint: Fingerprint) -> Result<Option<u64>, LakeError> {
        for run in self.runs.iter().rev() {
            if let Some(content) = run.find(fingerprint)? {
                return Ok(Some(content));
            }
        }
        Ok(None)
    }

    pub(crate) fn insert(&mut self, entry: IdEntry) {
        self.memtable.insert(entry.fingerprint, entry.content);
    }

    /// Turns a full memtable into a run. `stored_to`: every `seq` below it is in the memtable or in a run.
    pub(crate) fn flush_when_full(&mut self, stored_to: u64) -> Result<(), LakeError> {
        match self.memtable.len() >= limits::ID_MEMTABLE_ENTRIES {
            true => self.flush(stored_to),
            false => Ok(()),
        }
    }

    /// Writes the memtable as a run and merges runs of similar size.
    pub(crate) fn flush(&mut self, stored_to: u64) -> Result<(), LakeError> {
        if self.memtable.is_empty() {
            return Ok(());
        }
        let entries = self.drain_sorted();
        let place = Place { first_seq: self.flushed_to, end_seq: stored_to, part: 0 };
        let run = Run::write(&self.folder, place, entries.len(), entries.into_iter().map(Ok))?;
        self.flushed_to = stored_to;
        self.runs.push(run);
        self.merge_while_crowded()
    }

    /// While ids are read again in whatever order the files hold them: keeps memory bounded with runs that claim
    /// nothing until [`IdIndex::settle`] joins them. A crash in between throws them away.
    pub(crate) fn spill_when_full(&mut self) -> Result<(), LakeError> {
        match self.memtable.len() >= limits::ID_MEMTABLE_ENTRIES {
            true => self.spill(),
            false => Ok(()),
        }
    }

    fn spill(&mut self) -> Result<(), LakeError> {
        let entries = self.drain_sorted();
        self.spilled += 1;
        let place = Place { first_seq: self.flushed_to, end_seq: self.flushed_to, part: self.spilled };
        let run = Run::write(&self.folder, place, entries.len(), entries.into_iter().map(Ok))?;
        self.runs.push(run);
        Ok(())
    }

    /// Joins what was spilled into one run that claims every `seq` below `stored_to`.
    pub(crate) fn settle(&mut self, stored_to: u64) -> Result<(), LakeError> {
        if self.spilled == 0 {
            return self.flush_when_full(stored_to);
        }
        self.spill()?;
        let place = Place { first_seq: self.flushed_to, end_seq: stored_to, part: 0 };
        self.merge_last(self.spilled, place)?;
        (self.spilled, self.flushed_to) = (0, stored_to);
        Ok(())
    }

    fn drain_sorted(&mut self) -> Vec<(Fingerprint, u64)> {
        let mut entries: Vec<(Fingerprint, u64)> = self.memtable.drain().collect();
        entries.sort_unstable_by_key(|(fingerprint, _)| *fingerprint);
        entries
    }

    /// The newest `count` runs become one.
    fn merge_last(&mut self, count: usize, place: Place) -> Result<(), LakeError> {
        let start = self.runs.len() - count.min(self.runs.len());
        let merged = merge(&self.folder, &self.runs[start..], place)?;
        for old in self.runs.drain(start..) {
            let _ = fs::remove_file(&old.path);
        }
        self.runs.push(merged);
        Ok(())
    }

    /// Size-tiered: when the last [`limits::ID_RUN_FANOUT`] runs are within one size class, they become one.
    fn merge_while_crowded(&mut self) -> Result<(), LakeError> {
        loop {
            let Some(start) = self.runs.len().checked_sub(limits::ID_RUN_FANOUT) else {
                return Ok(());
            };
            let tail = &self.runs[start..];
            let newest = tail.last().map_or(0, |run| run.entries).max(limits::ID_MEMTABLE_ENTRIES);
            if tail.iter().any(|run| run.entries > newest * limits::ID_RUN_FANOUT) {
                return Ok(());
            }
            let place = Place { first_seq: tail[0].first_seq, end_seq: self.flushed_to, part: 0 };
            self.merge_last(limits::ID_RUN_FANOUT, place)?;
        }
    }
}

/// Which `seq` a run claims, and a number that keeps runs of the same claim apart.
#[derive(Debug, Clone, Copy)]
struct Place {
    first_seq: u64,
    end_seq: u64,
    part: usize,
}

/// A sorted, immutable file of entries and its filter.
#[derive(Debug)]
struct Run {
    path: PathBuf,
    file: File,
    entries: usize,
    first_seq: u64,
    end_seq: u64,
    filter: Filter,
    /// The first fingerprint of every [`WINDOW`] entries: one read finds any entry.
    fences: Vec<u64>,
}

/// Entries read at once, and kept apart by a fence in memory (8 bytes for 64 entries: 12.5 MB at 100 million ids).
const WINDOW: usize = 64;

impl Run {
    fn write(
        folder: &Path,
        place: Place,
        entries: usize,
        sorted: impl Iterator<Item = Result<(Fingerprint, u64), LakeError>>,
    ) -> Result<Self, LakeError> {
        let Place { first_seq, end_seq, part } = place;
        let path = folder.join(format!("{first_seq:020}-{end_seq:020}-{part}.ids"));
        let aside = path.with_extension("tmp");
        let failed = |e| LakeError::file("write", &aside, e);
        let mut finder = Finder::for_entries(entries);
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&aside).map_err(failed)?);
        out.write_all(&header(entries, first_seq, end_seq)).map_err(failed)?;
        for entry in sorted {
            let (fingerprint, content) = entry?;
            finder.insert(fingerprint);
            out.write_all(&fingerprint.to_be_bytes()).map_err(failed)?;
            out.write_all(&content.to_be_bytes()).map_err(failed)?;
        }
        out.into_inner().map_err(|e| failed(e.into_error()))?;
        fs::rename(&aside, &path).map_err(|e| LakeError::file("name", &path, e))?;
        let file = File::open(&path).map_err(|e| LakeError::file("open", &path, e))?;
        Ok(Self { path, file, entries, first_seq, end_seq, filter: finder.filter, fences: finder.fences })
    }

    /// Opens a run and fills its filter; `None` when the file is not whole.
    fn open(path: &Path) -> Result<Option<Self>, LakeError> {
        let failed = |e| LakeError::file("read", path, e);
        let mut file = File::open(path).map_err(failed)?;
        let mut head = [0_u8; HEADER_BYTES];
        let size = file.metadata().map_err(failed)?.len();
        if size < HEADER_BYTES as u64 || file.read_exact(&mut head).is_err() || &head[..8] != MAGIC {
            return Ok(None);
        }
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap_or_default());
        let (entries, first_seq, end_seq) = (number(8) as usize, number(16), number(24));
        if size != (HEADER_BYTES + entries * ENTRY_BYTES) as u64 {
            return Ok(None);
        }
        let filter = Filter::default();
        let mut run = Self { path: path.to_owned(), file, entries, first_seq, end_seq, filter, fences: Vec::new() };
        let mut finder = Finder::for_entries(entries);
        for entry in run.read_through()? {
            finder.insert(entry?.0);
        }
        (run.filter, run.fences) = (finder.filter, finder.fences);
        Ok(Some(run))
    }

    fn read_through(&self) -> Result<impl Iterator<Item = Result<(Fingerprint, u64), LakeError>> + use<>, LakeError> {
        let file = File::open(&self.path).map_err(|e| LakeError::file("open", &self.path, e))?;
        let mut reader = std::io::BufReader::with_capacity(1 << 20, file);
        let path = self.path.clone();
        std::io::copy(&mut reader.by_ref().take(HEADER_BYTES as u64), &mut std::io::sink())
            .map_err(|e| LakeError::file("read", &path, e))?;
        Ok((0..self.entries).map(move |_| {
            let mut entry = [0_u8; ENTRY_BYTES];
            reader.read_exact(&mut entry).map_err(|e| LakeError::file("read", &path, e))?;
            Ok(decode(&entry))
        }))
    }

    fn find(&self, wanted: Fingerprint) -> Result<Option<u64>, LakeError> {
        if !self.filter.may_contain(wanted) {
            return Ok(None);
        }
        // The window that begins at or before the wanted one; equal fences mean that it may begin one earlier.
        let high = (wanted >> 64) as u64;
        let first = self.fences.partition_point(|fence| *fence < high).saturating_sub(1);
        let last = self.fences.partition_point(|fence| *fence <= high);
        let (start, end) = (first * WINDOW, (last * WINDOW).min(self.entries));
        let mut window = vec![0_u8; end.saturating_sub(start) * ENTRY_BYTES];
        self.read_at(&mut window, start)?;
        Ok(window.chunks_exact(ENTRY_BYTES).map(decode).find(|(f, _)| *f == wanted).map(|(_, content)| content))
    }

    fn read_at(&self, buffer: &mut [u8], index: usize) -> Result<(), LakeError> {
        let offset = (HEADER_BYTES + index * ENTRY_BYTES) as u64;
        self.file.read_exact_at(buffer, offset).map_err(|e| LakeError::file("read", &self.path, e))
    }
}

fn header(entries: usize, first_seq: u64, end_seq: u64) -> [u8; HEADER_BYTES] {
    let mut head = [0_u8; HEADER_BYTES];
    head[..8].copy_from_slice(MAGIC);
    head[8..16].copy_from_slice(&(entries as u64).to_le_bytes());
    head[16..24].copy_from_slice(&first_seq.to_le_bytes());
    head[24..].copy_from_slice(&end_seq.to_le_bytes());
    head
}

fn decode(entry: &[u8]) -> (Fingerprint, u64) {
    let (fingerprint, content) = entry.split_at(16);
    (fingerprint_of(fingerprint), content_of(content))
}

fn fingerprint_of(bytes: &[u8]) -> Fingerprint {
    bytes.iter().fold(0, |sum, byte| sum << 8 | Fingerprint::from(*byte))
}

fn content_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn read_runs(folder: &Path) -> Result<Vec<Run>, LakeError> {
    let failed = |e| LakeError::file("list", folder, e);
    let mut runs = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        match path.extension().and_then(|e| e.to_str()) {
            Some("ids") => match Run::open(&path)? {
                Some(run) => runs.push(run),
                None => drop(fs::remove_file(&path)),
            },
            Some("tmp") => drop(fs::remove_file(&path)),
            _ => {}
        }
    }
    Ok(runs)
}

fn merge(folder: &Path, runs: &[Run], place: Place) -> Result<Run, LakeError> {
    let entries = runs.iter().map(|run| run.entries).sum();
    let mut sources =
        runs.iter().map(|run| run.read_through().map(Iterator::peekable)).collect::<Result<Vec<_>, _>>()?;
    let smallest_first = std::iter::from_fn(move || {
        let mut best: Option<(usize, Fingerprint)> = None;
        for (index, source) in sources.iter_mut().enumerate() {
            match source.peek() {
                Some(Ok((fingerprint, _))) if best.is_none_or(|(_, smallest)| *fingerprint < smallest) => {
                    best = Some((index, *fingerprint));
                }
                Some(Err(_)) => return source.next(),
                _ => {}
            }
        }
        best.and_then(|(index, _)| sources[index].next())
    });
    Run::write(folder, place, entries, smallest_first)
}

/// What is held in memory of a run, built while its entries go by in order.
struct Finder {
    filter: Filter,
    fences: Vec<u64>,
    seen: usize,
}

impl Finder {
    fn for_entries(entries: usize) -> Self {
        Self { filter: Filter::for_entries(entries), fences: Vec::with_capacity(entries.div_ceil(WINDOW)), seen: 0 }
    }

    fn insert(&mut self, fingerprint: Fingerprint) {
        if self.seen.is_multiple_of(WINDOW) {
            self.fences.push((fingerprint >> 64) as u64);
        }
        self.seen += 1;
        self.filter.insert(fingerprint);
    }
}

/// A blocked bloom filter: one cache line a look-up.
#[derive(Debug, Default)]
struct Filter {
    blocks: Vec<[u64; 8]>,
}

impl Filter {
    fn for_entries(entries: usize) -> Self {
        let blocks = (entries * limits::ID_FILTER_BITS).div_ceil(512).max(1);
        Self { blocks: vec![[0; 8]; blocks] }
    }

    fn place(&self, fingerprint: Fingerprint) -> usize {
        // The high half orders the run, the low half spreads over the filter.
        ((u128::from(fingerprint as u64) * self.blocks.len() as u128) >> 64) as usize
    }

    /// One bit in each of the eight words of the block.
    fn bits(fingerprint: Fingerprint) -> [u64; 8] {
        let spread = ((fingerprint >> 64) as u64 ^ fingerprint as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        std::array::from_fn(|word| 1_u64 << (spread >> (word * 6) & 63))
    }

    fn insert(&mut self, fingerprint: Fingerprint) {
        let place = self.place(fingerprint);
        for (word, bit) in self.blocks[place].iter_mut().zip(Self::bits(fingerprint)) {
            *word |= bit;
        }
    }

    fn may_contain(&self, fingerprint: Fingerprint) -> bool {
        let block = &self.blocks[self.place(fingerprint)];
        block.iter().zip(Self::bits(fingerprint)).all(|(word, bit)| word & bit != 0)
    }
}

/// Fingerprints are hashes already; hashing them again would only cost time.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct IdentityState;

impl std::hash::BuildHasher for IdentityState {
    type Hasher = IdentityHasher;
    fn build_hasher(&self) -> IdentityHasher {
        IdentityHasher(0)
    }
}

#[derive(Debug)]
pub(crate) struct IdentityHasher(u64);

impl std::hash::Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64 ^ (value >> 64) as u64;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry(number: u64) -> IdEntry {
        IdEntry::of(&format!("activity_{number}"), &number.to_le_bytes())
    }

    #[test]
    fn every_id_is_found_again_across_runs_merges_and_a_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = IdIndex::open(folder.path(), 0).unwrap();
        for batch in 0..23_u64 {
            for number in batch * 1000..(batch + 1) * 1000 {
                assert_eq!(index.look_up(entry(number)).unwrap(), Known::New);
                index.insert(entry(number));
            }
            index.flush((batch + 1) * 1000).unwrap();
        }
        let reopened = IdIndex::open(folder.path(), 23_000).unwrap();
        assert_eq!(reopened.flushed_to(), 23_000);
        assert!(reopened.runs.len() < 2 * limits::ID_RUN_FANOUT, "runs were merged");
        for number in 0..23_000 {
            assert_eq!(reopened.look_up(entry(number)).unwrap(), Known::Same);
            let other = IdEntry { content: 1, ..entry(number) };
            assert_eq!(reopened.look_up(other).unwrap(), Known::Other);
            assert_eq!(reopened.look_up(entry(number + 1_000_000)).unwrap(), Known::New);
        }
    }

    #[test]
    fn an_index_that_knows_more_than_the_lake_is_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = IdIndex::open(folder.path(), 0).unwrap();
        index.insert(entry(1));
        index.flush(500).unwrap();
        let reopened = IdIndex::open(folder.path(), 499).unwrap();
        assert_eq!((reopened.flushed_to(), reopened.runs.len()), (0, 0));
    }

    #[test]
    fn an_index_read_again_in_parts_is_whole_and_claims_its_seq_only_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = IdIndex::open(folder.path(), 0).unwrap();
        for part in 0..3 {
            (part * 100..(part + 1) * 100).for_each(|n| index.insert(entry(n)));
            index.spill().unwrap();
        }
        assert_eq!(IdIndex::open(folder.path(), 350).unwrap().flushed_to(), 0, "a crash throws the parts away");
        let mut index = IdIndex::open(folder.path(), 0).unwrap();
        for part in 0..3 {
            (part * 100..(part + 1) * 100).for_each(|n| index.insert(entry(n)));
            index.spill().unwrap();
        }
        (300..350).for_each(|n| index.insert(entry(n)));
        index.settle(350).unwrap();
        let reopened = IdIndex::open(folder.path(), 350).unwrap();
        assert_eq!((reopened.flushed_to(), reopened.runs.len()), (350, 1));
        assert!((0..350).all(|n| reopened.look_up(entry(n)).unwrap() == Known::Same));
    }

    #[test]
    fn a_cut_run_is_read_again_from_the_lake() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = IdIndex::open(folder.path(), 0).unwrap();
        (0..100).for_each(|n| index.insert(entry(n)));
        index.flush(100).unwrap();
        let path = index.runs[0].path.clone();
        fs::write(&path, &fs::read(&path).unwrap()[..200]).unwrap();
        assert_eq!(IdIndex::open(folder.path(), 100).unwrap().flushed_to(), 0);
    }
}
