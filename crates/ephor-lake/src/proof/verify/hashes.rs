//! The files of hashes against each other: every tile against the hash above it.

use rayon::prelude::*;

use super::problem::{ProblemKind, Problems};
use crate::error::LakeError;
use crate::proof::tree::{HashFiles, LEVELS, TILE_WIDTH, subtree};

pub(super) fn check(hashes: &HashFiles, size: u64, problems: &Problems) -> Result<(), LakeError> {
    let mut below = size;
    for level in 0..LEVELS {
        let held = hashes.held(level)?;
        if held < below {
            let words = format!("it holds {held} hashes of the {below} that {size} activities need");
            problems.add(ProblemKind::DamagedHashes, None, &name(level), words);
            return Ok(());
        }
        if level > 0 {
            (0..below).into_par_iter().try_for_each(|tile| check_tile(hashes, level, tile, problems))?;
        }
        below /= TILE_WIDTH;
    }
    Ok(())
}

fn check_tile(hashes: &HashFiles, level: usize, tile: u64, problems: &Problems) -> Result<(), LakeError> {
    let stands_for = hashes.read(level - 1, tile * TILE_WIDTH, TILE_WIDTH)?;
    let stored = hashes.read(level, tile, 1)?;
    if stored != [subtree(&stands_for)] {
        let span = TILE_WIDTH.pow(u32::try_from(level).unwrap_or(1));
        let seq = (tile * span, (tile + 1) * span - 1);
        let words = format!("hash {tile} is not that of the {TILE_WIDTH} hashes below it in {}", name(level - 1));
        problems.add(ProblemKind::DamagedHashes, Some(seq), &name(level), words);
    }
    Ok(())
}

fn name(level: usize) -> String {
    format!("lake/activities/_proof/level-{level}.hashes")
}
