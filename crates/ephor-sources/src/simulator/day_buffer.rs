//! The rows of one day before they go out: bytes in one arena, an index that is sorted by time and id.
//! Promises the order of the feed: `created_at`, ties by activity id.
//! Never holds more than a day and what spills over midnight from it.

use super::actor::Actor;
use super::dice::Dice;
use super::row::{Envelope, ID_LENGTH, ID_STARTS, Row};

#[derive(Clone, Copy)]
struct Slot {
    at: i64,
    start: usize,
    length: usize,
}

#[derive(Default)]
pub(crate) struct DayBuffer {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
}

impl DayBuffer {
    pub(crate) fn write(
        &mut self,
        dice: &mut Dice,
        at: i64,
        kind: &str,
        actor: &Actor,
        organization: &str,
        fields: impl FnOnce(&mut Row<'_>, &mut Dice),
    ) {
        let start = self.bytes.len();
        let id = dice.tagged("activity_");
        let envelope = Envelope { id: &id, at, organization, actor: actor.json(), kind };
        let mut row = Row::begin(&mut self.bytes, &envelope);
        fields(&mut row, dice);
        row.end();
        self.slots.push(Slot { at, start, length: self.bytes.len() - start });
    }

    pub(crate) fn copy(&mut self, at: i64, raw: &[u8]) {
        self.slots.push(Slot { at, start: self.bytes.len(), length: raw.len() });
        self.bytes.extend_from_slice(raw);
    }

    pub(crate) fn sort(&mut self) {
        let bytes = &self.bytes;
        let id = |slot: &Slot| &bytes[slot.start + ID_STARTS..slot.start + ID_STARTS + ID_LENGTH];
        self.slots.sort_unstable_by(|a, b| a.at.cmp(&b.at).then_with(|| id(a).cmp(id(b))));
    }

    /// How many of the sorted rows happen before `end`.
    pub(crate) fn ready_before(&self, end: i64) -> usize {
        self.slots.partition_point(|slot| slot.at < end)
    }

    pub(crate) fn row(&self, position: usize) -> Option<(i64, &[u8])> {
        self.slots.get(position).map(|slot| (slot.at, &self.bytes[slot.start..slot.start + slot.length]))
    }

    /// A buffer with the rows from `position` on; what went out before is let go.
    pub(crate) fn rest_from(&mut self, position: usize, spare: &mut DayBuffer) {
        spare.bytes.clear();
        spare.slots.clear();
        for slot in &self.slots[position.min(self.slots.len())..] {
            spare.copy(slot.at, &self.bytes[slot.start..slot.start + slot.length]);
        }
        std::mem::swap(self, spare);
    }
}
