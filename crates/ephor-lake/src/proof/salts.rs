//! The salts of all rows from one key, and the way to forget some of them for good: a puncturable tree of hashes
//! (Goldreich, Goldwasser and Micali). A node gives its children; a leaf gives the salt of one `seq`.
//! Promises that a salt, once forgotten, cannot be made again from what is kept.
//! Never needs room for a row that was not erased.

use std::collections::BTreeMap;

use rand::CryptoRng;
use sha2::{Digest, Sha256};

use super::leaf::Salt;

/// Levels below the root: room for 2^40 rows.
const DEPTH: u32 = 40;

type Node = [u8; 32];

/// The nodes that are kept. Before the first erasure that is the root alone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Salts {
    /// By the first `seq` below each node.
    nodes: BTreeMap<u64, (u32, Node)>,
}

impl std::fmt::Debug for Salts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Salts({} nodes)", self.nodes.len())
    }
}

/// Why a file of salts could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line} is not `<first seq> <level> <64 hexadecimal digits>`")]
pub(crate) struct MalformedSalts {
    line: usize,
}

impl Salts {
    /// A fresh key.
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut root = Node::default();
        rng.fill_bytes(&mut root);
        Self { nodes: BTreeMap::from([(0, (0, root))]) }
    }

    /// The salt of a row; `None` when it was forgotten.
    pub(crate) fn of(&self, seq: u64) -> Option<Salt> {
        let mut walk = Walk::new(self);
        walk.salt(seq)
    }

    /// For the salts of neighbouring rows, each of which then costs two hashes.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }

    /// Forgets the salt of a row: the node above it is replaced by the siblings along the way down.
    pub(crate) fn forget(&mut self, seq: u64) {
        let Some((start, level, mut node)) = self.covering(seq) else { return };
        self.nodes.remove(&start);
        let mut first = start;
        for depth in level..DEPTH {
            let half = 1_u64 << (DEPTH - depth - 1);
            let (left, right) = (child(&node, 0), child(&node, 1));
            if seq < first + half {
                self.nodes.insert(first + half, (depth + 1, right));
                node = left;
            } else {
                self.nodes.insert(first, (depth + 1, left));
                first += half;
                node = right;
            }
        }
    }

    /// One line a node, so that the file can be read by people and compared.
    pub(crate) fn to_text(&self) -> String {
        self.nodes.iter().map(|(first, (level, node))| format!("{first} {level} {}\n", hex::encode(node))).collect()
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, MalformedSalts> {
        let mut nodes = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let malformed = MalformedSalts { line: index + 1 };
            let mut words = line.split(' ');
            let (Some(first), Some(level), Some(node), None) = (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(malformed);
            };
            let mut key = Node::default();
            let (Ok(first), Ok(level), Ok(())) =
                (first.parse::<u64>(), level.parse::<u32>(), hex::decode_to_slice(node, &mut key))
            else {
                return Err(malformed);
            };
            let aligned = level <= DEPTH && first.is_multiple_of(1 << (DEPTH - level.min(DEPTH))) && first < 1 << DEPTH;
            if !aligned {
                return Err(malformed);
            }
            nodes.insert(first, (level, key));
        }
        Ok(Self { nodes })
    }

    /// The node above a row: where it begins, its level, its key.
    fn covering(&self, seq: u64) -> Option<(u64, u32, Node)> {
        let (first, (level, node)) = self.nodes.range(..=seq).next_back()?;
        (seq - first < 1 << (DEPTH - level)).then_some((*first, *level, *node))
    }
}

/// The way down to the row that was asked for last; a neighbour shares most of it.
pub(crate) struct Walk<'s> {
    salts: &'s Salts,
    /// Nodes from the kept one down to the last row, and that row.
    path: Vec<Node>,
    top: Option<(u64, u32)>,
    at: u64,
}

impl<'s> Walk<'s> {
    fn new(salts: &'s Salts) -> Self {
        Self { salts, path: Vec::with_capacity(DEPTH as usize + 1), top: None, at: 0 }
    }

    pub(crate) fn salt(&mut self, seq: u64) -> Option<Salt> {
        let within = self.top.is_some_and(|(first, level)| seq >= first && seq - first < 1 << (DEPTH - level));
        if within {
            // Bits in which both rows agree, from the top: those nodes stay.
            let differing = u64::BITS - (self.at ^ seq).leading_zeros();
            self.path.truncate(self.path.len().saturating_sub(differing as usize).max(1));
        } else {
            let (first, level, node) = self.salts.covering(seq)?;
            (self.top, self.path) = (Some((first, level)), vec![node]);
        }
        let (_, level) = self.top?;
        let mut depth = level + u32::try_from(self.path.len()).ok()? - 1;
        while depth < DEPTH {
            let bit = u8::try_from((seq >> (DEPTH - depth - 1)) & 1).unwrap_or_default();
            let next = child(self.path.last()?, bit);
            self.path.push(next);
            depth += 1;
        }
        self.at = seq;
        let mut salt = [0_u8; 16];
        salt.copy_from_slice(&self.path.last()?[..16]);
        Some(Salt(salt))
    }
}

fn child(node: &Node, bit: u8) -> Node {
    Sha256::new().chain_update(node).chain_update([bit]).finalize().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    fn salts() -> Salts {
        Salts::generate(&mut rand_chacha::ChaCha20Rng::seed_from_u64(7))
    }

    #[test]
    fn a_forgotten_salt_cannot_be_made_again_and_its_neighbours_stay() {
        let whole = salts();
        let mut punctured = whole.clone();
        punctured.forget(5);
        assert_eq!(punctured.of(5), None);
        assert_eq!(punctured.nodes.len(), DEPTH as usize);
        for seq in (0..5).chain(6..300) {
            assert_eq!(punctured.of(seq), whole.of(seq), "{seq}");
        }
        let before = punctured.clone();
        punctured.forget(5);
        assert_eq!(punctured, before);
    }

    proptest! {
        #[test]
        fn any_walk_gives_what_single_questions_give(
            forgotten in proptest::collection::btree_set(0_u64..2_000, 0..40),
            asked in proptest::collection::vec(0_u64..2_000, 1..200),
        ) {
            let whole = salts();
            let mut kept = whole.clone();
            for seq in &forgotten {
                kept.forget(*seq);
            }
            prop_assert_eq!(Salts::from_text(&kept.to_text()).unwrap(), kept.clone());
            let mut walk = kept.walk();
            for seq in asked {
                let expected = if forgotten.contains(&seq) { None } else { whole.of(seq) };
                prop_assert_eq!(walk.salt(seq), expected);
            }
        }
    }

    #[test]
    fn no_two_rows_share_a_salt() {
        let salts = salts();
        let mut walk = salts.walk();
        let different: BTreeSet<[u8; 16]> = (0..10_000).map(|seq| walk.salt(seq).unwrap().0).collect();
        assert_eq!(different.len(), 10_000);
    }

    #[test]
    fn a_file_that_is_none_is_refused_with_its_line() {
        let text = format!("0 0 {}\n1 2\n", hex::encode([1; 32]));
        assert_eq!(Salts::from_text(&text), Err(MalformedSalts { line: 2 }));
        assert_eq!(Salts::from_text(&format!("3 1 {}", hex::encode([1; 32]))), Err(MalformedSalts { line: 1 }));
    }
}
