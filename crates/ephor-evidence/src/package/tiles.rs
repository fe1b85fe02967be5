//! The part of the log that a package needs: tiles of hashes, laid out as C2SP tlog-tiles names them.
//! Promises that every cited leaf's tile is there, and every tile above, so that the root can be computed.
//! Never holds a hash that was not committed.

use std::collections::BTreeSet;

use ephor_lake::proof::ProofLog;

use super::staging::Staging;
use crate::error::EvidenceError;

/// Hashes of a full tile.
pub(crate) const TILE_WIDTH: u64 = 256;

/// Bytes of a hash.
pub(crate) const HASH_BYTES: usize = 32;

/// The path of a tile below `log/`: groups of three digits, all but the last with an `x` before them.
pub(crate) fn path_of(level: u8, index: u64, width: u64) -> String {
    let mut groups = vec![format!("{:03}", index % 1_000)];
    let mut rest = index / 1_000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1_000));
        rest /= 1_000;
    }
    groups.reverse();
    let partial = if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() };
    format!("tile/{level}/{}{partial}", groups.join("/"))
}

/// How many hashes a tile has in a tree of a size; none where there is no such tile.
pub(crate) fn width_of(level: u8, index: u64, size: u64) -> u64 {
    let at_level = TILE_WIDTH.checked_pow(u32::from(level)).map_or(0, |span| size / span);
    at_level.saturating_sub(index * TILE_WIDTH).min(TILE_WIDTH)
}

/// The tiles that prove these leaves in a tree of that size: theirs, the last of their level, and all above.
pub(crate) fn needed(cited: &BTreeSet<u64>, size: u64) -> Vec<(u8, u64, u64)> {
    let mut leaves: BTreeSet<u64> = cited.iter().map(|seq| seq / TILE_WIDTH).collect();
    leaves.insert(size.saturating_sub(1) / TILE_WIDTH);
    let mut tiles: Vec<(u8, u64, u64)> = leaves.into_iter().map(|index| (0, index, width_of(0, index, size))).collect();
    let mut level = 1;
    while width_of(level, 0, size) > 0 {
        tiles.extend((0..).map(|index| (level, index, width_of(level, index, size))).take_while(|(_, _, w)| *w > 0));
        level += 1;
    }
    tiles.retain(|(_, _, width)| *width > 0);
    tiles
}

/// Writes the tiles into the package.
pub(crate) fn write(
    log: &ProofLog,
    cited: &BTreeSet<u64>,
    size: u64,
    staging: &mut Staging,
) -> Result<(), EvidenceError> {
    for (level, index, width) in needed(cited, size) {
        let missing = || EvidenceError::Document {
            document: "the log",
            what: format!("tile {index} of level {level} is not there; `ephor lake verify` says more"),
        };
        let bytes = log.tile(size, level, index, width)?.ok_or_else(missing)?;
        staging.add(&format!("log/{}", path_of(level, index, width)), "hashes of the log", &bytes)?;
    }
    Ok(())
}

/// Leaves of the log, read a tile at a time.
pub(crate) struct Leaves<'l> {
    log: &'l ProofLog,
    size: u64,
    tile: Option<(u64, Vec<u8>)>,
}

impl<'l> Leaves<'l> {
    pub(crate) fn new(log: &'l ProofLog, size: u64) -> Self {
        Self { log, size, tile: None }
    }

    /// The hash of a leaf, as the log has it.
    pub(crate) fn of(&mut self, seq: u64) -> Result<Option<[u8; HASH_BYTES]>, EvidenceError> {
        let index = seq / TILE_WIDTH;
        if self.tile.as_ref().is_none_or(|(held, _)| *held != index) {
            let width = width_of(0, index, self.size);
            self.tile = self.log.tile(self.size, 0, index, width)?.map(|bytes| (index, bytes));
        }
        let place = usize::try_from(seq % TILE_WIDTH).unwrap_or_default() * HASH_BYTES;
        let bytes = self.tile.as_ref().and_then(|(_, bytes)| bytes.get(place..place + HASH_BYTES));
        Ok(bytes.and_then(|bytes| bytes.try_into().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_named_as_c2sp_names_them() {
        assert_eq!(path_of(0, 0, 256), "tile/0/000");
        assert_eq!(path_of(0, 67, 5), "tile/0/067.p/5");
        assert_eq!(path_of(1, 1_234_067, 256), "tile/1/x001/x234/067");
    }

    #[test]
    fn the_tiles_of_a_leaf_lead_up_to_the_root() {
        // 256 * 256 leaves and 300 more: a full tile of level 1, one with a single hash above, and the rest.
        let size = 65_536 + 300;
        let tiles = needed(&BTreeSet::from([5]), size);
        assert_eq!(
            tiles,
            [(0, 0, 256), (0, 257, 44), (1, 0, 256), (1, 1, 1), (2, 0, 1)],
            "the tile of the leaf, the last ones of each level, and all above"
        );
        assert_eq!(needed(&BTreeSet::new(), 0), []);
        assert_eq!(needed(&BTreeSet::new(), 512), [(0, 1, 256), (1, 0, 2)]);
    }
}
