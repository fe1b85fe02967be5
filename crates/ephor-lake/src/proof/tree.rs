//! The hashes of the tree on disk: one file a level of tiles (C2SP tlog-tiles), each a plain row of 32-byte hashes.
//! Level 0 holds the leaf of every `seq`; a hash of the next level stands for 256 of the one below.
//! Never decides how long the tree is: that is the table's next `seq`, and what lies behind it was never committed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tlog_tiles::tlog::{self, Hash, HashReader, node_hash};

use crate::durable;
use crate::error::LakeError;

/// Hashes of one full tile.
pub(crate) const TILE_WIDTH: u64 = 256;

/// Bytes of one hash.
pub(crate) const HASH_BYTES: usize = 32;

/// Levels of tiles: 256^5 rows are more than a lake will see.
pub(crate) const LEVELS: usize = 5;

/// The files of hashes below one folder.
#[derive(Debug, Clone)]
pub(crate) struct HashFiles {
    folder: PathBuf,
}

impl HashFiles {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self, level: usize) -> PathBuf {
        self.folder.join(format!("level-{level}.hashes"))
    }

    /// How many hashes a level's file holds; those behind the tree's size were written for a commit that never was.
    pub(crate) fn held(&self, level: usize) -> Result<u64, LakeError> {
        let path = self.path(level);
        match std::fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.len() / HASH_BYTES as u64),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(LakeError::file("read", path, error)),
        }
    }

    /// Writes and fsyncs the leaves from `size` on, and every hash above that they complete. They count once a commit
    /// says so; until then the next call writes over them.
    pub(crate) fn append(&self, size: u64, leaves: &[Hash]) -> Result<(), LakeError> {
        if leaves.is_empty() {
            return Ok(());
        }
        let mut new = leaves.to_vec();
        let mut first = size;
        for level in 0..LEVELS {
            self.write(level, first, &new)?;
            let (parents_from, parents_to) = (first / TILE_WIDTH, (first + new.len() as u64) / TILE_WIDTH);
            if parents_from == parents_to {
                break;
            }
            // The first of them may have begun with hashes that are on the disk.
            let begun = self.read(level, parents_from * TILE_WIDTH, first % TILE_WIDTH)?;
            let whole = begun.into_iter().chain(new).collect::<Vec<_>>();
            new = whole.chunks_exact(TILE_WIDTH as usize).map(subtree).collect();
            first = parents_from;
        }
        Ok(())
    }

    /// Cuts off what lies behind the tree's size.
    pub(crate) fn truncate(&self, size: u64) -> Result<(), LakeError> {
        let mut hashes = size;
        for level in 0..LEVELS {
            if self.held(level)? > hashes {
                let path = self.path(level);
                let failed = |e| LakeError::file("shorten", &path, e);
                let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
                file.set_len(hashes * HASH_BYTES as u64).and_then(|()| file.sync_all()).map_err(failed)?;
            }
            hashes /= TILE_WIDTH;
        }
        Ok(())
    }

    /// The first level whose file is shorter than a tree of that size needs.
    pub(crate) fn first_short_level(&self, size: u64) -> Result<Option<usize>, LakeError> {
        let mut hashes = size;
        for level in 0..LEVELS {
            if self.held(level)? < hashes {
                return Ok(Some(level));
            }
            hashes /= TILE_WIDTH;
        }
        Ok(None)
    }

    /// Some hashes of one level.
    pub(crate) fn read(&self, level: usize, first: u64, count: u64) -> Result<Vec<Hash>, LakeError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let path = self.path(level);
        let failed = |e| LakeError::file("read", &path, e);
        let mut bytes = vec![0_u8; usize::try_from(count).unwrap_or(usize::MAX) * HASH_BYTES];
        let file = File::open(&path).map_err(failed)?;
        file.read_exact_at(&mut bytes, first * HASH_BYTES as u64).map_err(failed)?;
        Ok(bytes.as_chunks::<HASH_BYTES>().0.iter().map(|hash| Hash(*hash)).collect())
    }

    /// The root of the first `size` leaves.
    pub(crate) fn root(&self, size: u64) -> Result<Hash, LakeError> {
        tlog::tree_hash(size, self).map_err(|error| self.unreadable(&error))
    }

    pub(crate) fn unreadable(&self, error: &tlog::Error) -> LakeError {
        LakeError::Damaged { path: self.folder.clone(), what: format!("the hashes of the tree: {error}") }
    }

    fn write(&self, level: usize, first: u64, hashes: &[Hash]) -> Result<(), LakeError> {
        let path = self.path(level);
        let failed = |e| LakeError::file("write", &path, e);
        let fresh = !path.exists();
        if fresh {
            durable::create_folder(&self.folder).map_err(failed)?;
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        file.write_all_at(&bytes, first * HASH_BYTES as u64).and_then(|()| file.sync_data()).map_err(failed)?;
        if fresh {
            durable::sync_folder(&self.folder).map_err(failed)?;
        }
        Ok(())
    }
}

impl HashReader for HashFiles {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        indexes.iter().map(|index| self.node(*index)).collect()
    }
}

impl HashFiles {
    /// The node at a stored index: on disk, or folded from the few hashes of its tile.
    fn node(&self, index: u64) -> Result<Hash, tlog::Error> {
        let (binary_level, place) = tlog::split_stored_hash_index(index);
        let (level, folds) = (usize::from(binary_level / 8), binary_level % 8);
        let hashes = self.read(level, place << folds, 1 << folds);
        hashes.map(|hashes| subtree(&hashes)).map_err(|_| tlog::Error::IndexesNotInTree)
    }
}

/// The node above a power of two of hashes.
pub(crate) fn subtree(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node_hash(subtree(left), subtree(right))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use tlog_tiles::tlog::record_hash;

    use super::*;
    use crate::proof::{ProofLog, check_consistency, check_inclusion};

    fn leaf(n: u64) -> Hash {
        record_hash(&n.to_be_bytes())
    }

    /// The definition of RFC 9162, section 2.1.1, word for word.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => tlog::EMPTY_HASH,
            [one] => *one,
            more => {
                let half = more.len().next_power_of_two() / 2;
                node_hash(by_definition(&more[..half]), by_definition(&more[half..]))
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_cut_into_commits_gives_the_root_of_the_definition(
            parts in proptest::collection::vec(1_u64..700, 1..6), lost in 0_u64..400,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let files = HashFiles::new(dir.path().join("hashes"));
            let mut size = 0;
            for part in parts {
                // A commit that never was, and then the one that is.
                let never: Vec<Hash> = (0..lost).map(|n| leaf(u64::MAX - n)).collect();
                files.append(size, &never).unwrap();
                files.truncate(size).unwrap();
                files.append(size, &(size..size + part).map(leaf).collect::<Vec<_>>()).unwrap();
                size += part;
                let all: Vec<Hash> = (0..size).map(leaf).collect();
                prop_assert_eq!(files.root(size).unwrap(), by_definition(&all));
                prop_assert_eq!(files.root(size / 2).unwrap(), by_definition(&all[..(size / 2) as usize]));
                prop_assert_eq!(files.first_short_level(size).unwrap(), None);
            }
        }
    }

    /// The eight inputs of the reference test of RFC 6962 implementations, with the root after each.
    const REFERENCE: [(&[u8], &str); 8] = [
        (b"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (b"\x00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (b"\x10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (b"\x20\x21", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        (b"\x30\x31", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        (b"\x40\x41\x42\x43", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        (b"\x50\x51\x52\x53\x54\x55\x56\x57", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ];

    /// Nodes of that tree of which the published proofs are made.
    const FIRST: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    const SECOND: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
    const FIRST_TWO: &str = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
    const THIRD_AND_FOURTH: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
    const FIRST_FOUR: &str = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
    const FIFTH: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
    const FIFTH_AND_SIXTH: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
    const LAST_TWO: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
    const LAST_FOUR: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

    fn hexed(hashes: &[Hash]) -> Vec<String> {
        hashes.iter().map(|hash| hex::encode(hash.0)).collect()
    }

    #[test]
    fn roots_and_proofs_are_those_that_certificate_transparency_publishes() {
        let dir = tempfile::tempdir().unwrap();
        let log = ProofLog::of(dir.path());
        for (size, (input, root)) in (1..).zip(REFERENCE) {
            log.hashes().append(size - 1, &[record_hash(input)]).unwrap();
            assert_eq!(hex::encode(log.root(size).unwrap().0), root);
        }
        let inclusions: [(u64, u64, &[&str]); 4] = [
            (0, 8, &[SECOND, THIRD_AND_FOURTH, LAST_FOUR]),
            (5, 8, &[FIFTH, LAST_TWO, FIRST_FOUR]),
            (2, 3, &[FIRST_TWO]),
            (1, 5, &[FIRST, THIRD_AND_FOURTH, FIFTH]),
        ];
        let root = |size: u64| REFERENCE[size as usize - 1].1;
        for (place, size, published) in inclusions {
            let path = hexed(&log.inclusion(place, size).unwrap());
            assert_eq!(path, published, "{place} in {size}");
            let leaf = |place: u64| record_hash(REFERENCE[place as usize].0);
            check_inclusion(&path, size, root(size), place, leaf(place)).unwrap();
            assert!(check_inclusion(&path, size, root(size), place, leaf((place + 1) % size)).is_err());
        }
        let consistencies: [(u64, u64, &[&str]); 3] = [
            (1, 8, &[SECOND, THIRD_AND_FOURTH, LAST_FOUR]),
            (6, 8, &[FIFTH_AND_SIXTH, LAST_TWO, FIRST_FOUR]),
            (2, 5, &[THIRD_AND_FOURTH, FIFTH]),
        ];
        for (older, newer, published) in consistencies {
            let path = hexed(&log.consistency(older, newer).unwrap());
            assert_eq!(path, published, "{older} in {newer}");
            check_consistency(&path, (newer, root(newer)), (older, root(older))).unwrap();
            assert!(check_consistency(&path, (newer, root(newer)), (older, root(newer))).is_err());
        }
    }
}
