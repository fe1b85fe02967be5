//! Randomness for benchmarks: a few instructions a draw, so that the simulator is not what is measured.
//! Promises the same draws for the same (seed, day, person, number), and another beginning for each of them.
//! Never used where a simulation has to look real in its details: [`super::super::dice`] is for that.

pub(super) struct QuickDice(u64);

impl QuickDice {
    pub(super) fn of(seed: u64, day: u32, person: u32, number: u32) -> Self {
        // Days, people and numbers that a benchmark reaches fit side by side, so no two begin alike.
        let place =
            u64::from(day & 0xffff) << 48 | u64::from(person & 0x00ff_ffff) << 24 | u64::from(number & 0x00ff_ffff);
        Self(spread(place ^ spread(seed)))
    }

    /// SplitMix64.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        spread(self.0)
    }

    /// A number from 0 to `bound` - 1; 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u32
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0).unsigned_abs() + 1;
        low + ((u128::from(self.next()) * u128::from(span)) >> 64) as i64
    }

    pub(super) fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    /// One of `items`, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u32) as usize]
    }

    /// One of `items` by its weight.
    pub(super) fn weighted<T: Copy>(&mut self, items: &[(T, u32)]) -> Option<T> {
        let mut left = self.below(items.iter().map(|(_, weight)| weight).sum());
        for (item, weight) in items {
            if left < *weight {
                return Some(*item);
            }
            left -= weight;
        }
        None
    }
}

/// A bijection, so that different places begin differently.
fn spread(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
