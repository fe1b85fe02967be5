//! Seeded randomness: one independent ChaCha8 stream for every purpose, day and actor.
//! Promises the same draws for the same seed on every machine, whatever was drawn elsewhere.
//! Never reads a clock or the operating system's randomness.

use ephor_wire::ids::tagged;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream is drawn for; each purpose has streams of its own, so that a change to one part of the
/// simulation leaves the others as they were.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Company = 1,
    People = 2,
    Administration = 3,
    Incidents = 4,
    Leavers = 5,
    Routine = 6,
    Machines = 7,
    Catalogue = 8,
    Presence = 9,
    Usage = 10,
    UsageOf = 11,
}

/// The random part of a tagged id.
pub(crate) type IdTail = [u8; 24];

pub(crate) struct Dice {
    source: ChaCha8Rng,
}

impl Dice {
    pub(crate) fn new(seed: u64, purpose: Purpose) -> Self {
        Self::numbered(seed, purpose, 0, 0)
    }

    /// The stream of one actor on one day. ChaCha's stream number keeps them apart under one key.
    pub(crate) fn numbered(seed: u64, purpose: Purpose, day: u32, actor: u32) -> Self {
        let mut source = ChaCha8Rng::seed_from_u64(seed);
        let day = u64::from(day & 0x00ff_ffff);
        source.set_stream((purpose as u64) << 56 | day << 32 | u64::from(actor));
        Self { source }
    }

    /// A number from 0 to `bound` - 1; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.source.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0).unsigned_abs() + 1;
        let offset = (u128::from(self.source.next_u64()) * u128::from(span)) >> 64;
        low + i64::try_from(offset).unwrap_or(0)
    }

    pub(crate) fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u32) as usize]
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.source.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn tagged(&mut self, prefix: &str) -> String {
        tagged(prefix, self.bytes())
    }

    pub(crate) fn id_tail(&mut self) -> IdTail {
        let text = tagged("", self.bytes());
        let mut tail = [b'0'; 24];
        for (to, from) in tail.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        tail
    }

    pub(crate) fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().hyphenated().to_string()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end as u32 + 1) as usize);
        }
    }
}

/// A cheap, well spread number for one (seed, day, actor); for decisions that are asked for more than once.
pub(crate) fn mixed(seed: u64, day: u32, actor: u32) -> u64 {
    let mut value = seed
        ^ (u64::from(day) << 32 | u64::from(actor)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (Purpose::Presence as u64).rotate_left(40);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
