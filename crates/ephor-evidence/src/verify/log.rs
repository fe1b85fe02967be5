//! Every cited activity in the signed log: the checkpoint's signature, the tiles up to its root, each leaf at its place.
//! Promises that a leaf counts only once its tile has led to the signed root.
//! Never trusts a hash because it stands in the package.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};

use ephor_lake::proof::{Opening, PublicKey, SignedCheckpoint};
use ephor_wire::timestamp::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Problems;
use super::opened::Opened;
use crate::error::EvidenceError;
use crate::package::{
    HASH_BYTES, LEAF_COLUMNS, PROOFS, ProofLine, TILE_WIDTH, Terms, commitment_of, leaf_hash, path_of, width_of,
};
use crate::period::at;

type Hash = [u8; HASH_BYTES];

/// What was found in the log.
#[derive(Debug, Default)]
pub(crate) struct Proved {
    /// By `seq`: what a population must say of the activity.
    pub(crate) leaves: HashMap<u64, Hash>,
    /// By `seq`: what the bytes of a drawn activity say.
    pub(crate) shown: BTreeMap<u64, Shown>,
    pub(crate) bytes_shown: u64,
}

/// What the bytes of an activity say of themselves.
#[derive(Debug, Deserialize)]
pub(crate) struct Shown {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) created_at: String,
}

impl Shown {
    /// The time in the spelling of populations.
    pub(crate) fn created_at(&self) -> Option<String> {
        Timestamp::parse(&self.created_at).ok().map(|time| at(time.micros()))
    }
}

/// What ties a population's line to its leaf.
pub(crate) fn named(id: &str, received_at: &str, source: &str) -> Hash {
    let mut hash = Sha256::new();
    for part in [id, received_at, source] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Checks everything below `log/`.
pub(crate) fn check(
    package: &mut Opened,
    terms: &Terms,
    keys: &[PublicKey],
    problems: &mut Problems,
) -> Result<Proved, EvidenceError> {
    let mut proved = Proved::default();
    let expected = &terms.checkpoint;
    let Some(note) = package.text("log/checkpoint", problems) else { return Ok(proved) };
    match SignedCheckpoint::open(keys, &expected.origin, &note) {
        Ok(opened) if opened.size == expected.size && opened.root == expected.root => {}
        Ok(_) => problems.add("log/checkpoint", "it is another checkpoint than the one that was signed for"),
        Err(error) => problems.add("log/checkpoint", error.to_string()),
    }
    let tiles = Tiles::read(package, expected.size, problems);
    match tiles.root() {
        Some(root) if hex::encode(root) == expected.root => {}
        _ => problems.add("log/tile", "the tiles do not lead to the signed root"),
    }
    leaves(package, &tiles, &mut proved, problems);
    proofs(package, terms, &mut proved, problems);
    Ok(proved)
}

/// The tiles that the package has.
struct Tiles {
    size: u64,
    held: BTreeMap<(u8, u64), Vec<u8>>,
}

impl Tiles {
    fn read(package: &mut Opened, size: u64, problems: &mut Problems) -> Self {
        let mut held = BTreeMap::new();
        for level in 0_u8..8 {
            if width_of(level, 0, size) == 0 {
                break;
            }
            for index in (0..).take_while(|index| width_of(level, *index, size) > 0) {
                let width = width_of(level, index, size);
                let name = format!("log/{}", path_of(level, index, width));
                // Only tiles above the lowest level have to be there; leaves that are missing are told by their rows.
                if !package.names().contains(&name) {
                    continue;
                }
                if let Some(bytes) = package.bytes(&name, problems) {
                    match bytes.len() as u64 == width * HASH_BYTES as u64 {
                        true => drop(held.insert((level, index), bytes)),
                        false => problems.add(&name, "it has another length than a tile of this place"),
                    }
                }
            }
        }
        let mut tiles = Self { size, held };
        tiles.drop_unproven(problems);
        tiles
    }

    /// A full tile counts only if the tile above holds its hash; partial ones count through the root.
    fn drop_unproven(&mut self, problems: &mut Problems) {
        let mut wrong = Vec::new();
        for ((level, index), bytes) in &self.held {
            if (bytes.len() as u64) < TILE_WIDTH * HASH_BYTES as u64 {
                continue;
            }
            let above = self.hash(level + 1, *index);
            if above != Some(subtree(bytes)) {
                wrong.push((*level, *index));
            }
        }
        for (level, index) in wrong {
            problems.add(&format!("log/{}", path_of(level, index, TILE_WIDTH)), "it does not lead to the tile above");
            self.held.remove(&(level, index));
        }
    }

    fn hash(&self, level: u8, index: u64) -> Option<Hash> {
        let bytes = self.held.get(&(level, index / TILE_WIDTH))?;
        let place = usize::try_from(index % TILE_WIDTH).ok()? * HASH_BYTES;
        bytes.get(place..place + HASH_BYTES)?.try_into().ok()
    }

    /// The root of RFC 9162: full subtrees from the left, each as large as it can be, folded from the right.
    fn root(&self) -> Option<Hash> {
        if self.size == 0 {
            return Some(Sha256::digest(b"").into());
        }
        let (mut first, mut rest) = (0, self.size);
        let mut peaks = Vec::new();
        while rest > 0 {
            let span = 1_u64 << (63 - rest.leading_zeros());
            peaks.push(self.peak(first, span)?);
            first += span;
            rest -= span;
        }
        peaks.into_iter().rev().reduce(|right, left| node(&left, &right))
    }

    /// The hash over a power of two of leaves, from the highest level that has it whole.
    fn peak(&self, first: u64, span: u64) -> Option<Hash> {
        let level = u8::try_from(span.trailing_zeros() / 8).ok()?;
        let below = TILE_WIDTH.pow(u32::from(level));
        let hashes: Option<Vec<Hash>> =
            (first / below..(first + span) / below).map(|index| self.hash(level, index)).collect();
        Some(fold(&hashes?))
    }
}

fn subtree(bytes: &[u8]) -> Hash {
    let hashes: Vec<Hash> = bytes.chunks_exact(HASH_BYTES).filter_map(|hash| hash.try_into().ok()).collect();
    fold(&hashes)
}

fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => [0; HASH_BYTES],
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node(&fold(left), &fold(right))
        }
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// Each line of the leaves at its place in the log.
fn leaves(package: &mut Opened, tiles: &Tiles, proved: &mut Proved, problems: &mut Problems) {
    const FILE: &str = "log/leaves.csv";
    package.records(FILE, problems, |heading, record, problems| {
        if !heading.iter().eq(LEAF_COLUMNS) {
            return problems.add(FILE, "its columns are other ones");
        }
        let cell = |place: usize| record.get(place).unwrap_or_default();
        let (Ok(seq), Ok(received_at)) = (cell(0).parse::<u64>(), cell(2).parse::<i64>()) else {
            return problems.add(FILE, format!("`{}` is no place in the log", cell(0)));
        };
        let (raw_sha256, salt, commitment) = (cell(4), cell(5), cell(6));
        if !salt.is_empty() && commitment_of(salt, raw_sha256) != commitment {
            return problems.add(FILE, format!("seq {seq}: the commitment is not made of its salt and digest"));
        }
        let leaf = leaf_hash(seq, received_at, cell(3), commitment);
        if leaf.is_none() || leaf != tiles.hash(0, seq) {
            return problems.add(FILE, format!("seq {seq}: the activity {} is not in the signed log", cell(1)));
        }
        if proved.leaves.insert(seq, named(cell(1), &at(received_at), cell(3))).is_some() {
            problems.add(FILE, format!("seq {seq} stands twice"));
        }
    });
}

/// Each drawn activity by its own proof, with its bytes.
fn proofs(package: &mut Opened, terms: &Terms, proved: &mut Proved, problems: &mut Problems) {
    let Some(file) = package.file(PROOFS) else {
        return problems.add(PROOFS, "it is missing, or cannot be opened");
    };
    for line in BufReader::new(file).lines() {
        let line = match line
            .map_err(|error| error.to_string())
            .and_then(|line| serde_json::from_str::<ProofLine>(&line).map_err(|error| error.to_string()))
        {
            Ok(line) => line,
            Err(error) => return problems.add(PROOFS, format!("it cannot be read: {error}")),
        };
        let ProofLine { id, raw, proof } = line;
        let checked = match proof.tree_size == terms.checkpoint.size {
            true => proof
                .check(raw.as_deref().unwrap_or_default().as_bytes(), &terms.checkpoint.root)
                .map_err(|e| e.to_string()),
            false => Err("it is about another tree".to_owned()),
        };
        let named = named(&proof.id, &at(proof.received_at_micros), &proof.source);
        if let Err(error) = checked {
            problems.add(PROOFS, format!("{id}: {error}"));
        } else if proof.id != id || proved.leaves.get(&proof.seq) != Some(&named) {
            problems.add(PROOFS, format!("{id}: log/leaves.csv says something else of its place"));
        } else if let (Some(raw), Opening::Salt(_)) = (raw, &proof.opening) {
            match serde_json::from_str::<Shown>(&raw) {
                Ok(shown) if shown.id == id => {
                    proved.bytes_shown += 1;
                    proved.shown.insert(proof.seq, shown);
                }
                _ => problems.add(PROOFS, format!("{id}: its bytes are another activity")),
            }
        }
    }
}
