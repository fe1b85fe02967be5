//! What listings change: added, changed, moved and removed rows, against what was last recorded of each.
//! A row that stays where it was among its neighbours is not written again, however many rows come before it.
//! Never does more I/O than reading the days that are listed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ephor_wire::timestamp::UtcDay;

use super::rows::{self, HistoryRow, SlotKey, SlotState, Standing};
use super::{UpstreamChanges, UpstreamListing};
use crate::error::LakeError;
use crate::files::FileSet;

/// Room between two neighbours of a fresh listing: 32 insertions at the same place before it is numbered anew.
const STEP: i64 = 1 << 32;

/// What is to be stored, by partition.
pub(super) type ByDay = BTreeMap<UtcDay, Vec<HistoryRow>>;

/// The changes of all listings by day, numbered on from the table's next `seq`, and how many each listing brought.
pub(super) fn over_all(
    files: &FileSet,
    listings: Vec<UpstreamListing>,
) -> Result<(ByDay, Vec<UpstreamChanges>), LakeError> {
    let mut answers = vec![UpstreamChanges::default(); listings.len()];
    let mut by_day: BTreeMap<UtcDay, Vec<(usize, Arc<SlotKey>, UpstreamListing)>> = BTreeMap::new();
    for (place, mut listing) in listings.into_iter().enumerate() {
        let slot = SlotKey {
            source: std::mem::take(&mut listing.source),
            endpoint: std::mem::take(&mut listing.endpoint),
            slot: std::mem::take(&mut listing.slot),
        };
        by_day.entry(listing.day).or_default().push((place, Arc::new(slot), listing));
    }
    let (mut changed, mut next_seq) = (ByDay::new(), files.next_seq);
    for (day, listings) in by_day {
        let wanted: HashSet<&SlotKey> = listings.iter().map(|(_, slot, _)| slot.as_ref()).collect();
        let mut slots = rows::load(files, day, &wanted, u64::MAX)?;
        let mut history = Vec::new();
        for (place, slot, listing) in listings {
            let state = slots.entry(slot.as_ref().clone()).or_default();
            answers[place] = of_listing(state, &slot, listing, &mut next_seq, &mut history);
        }
        if !history.is_empty() {
            changed.insert(day, history);
        }
    }
    Ok((changed, answers))
}

/// Adds what one listing changes to the history, and brings the state up to it.
fn of_listing(
    state: &mut SlotState,
    slot: &Arc<SlotKey>,
    listing: UpstreamListing,
    next_seq: &mut u64,
    history: &mut Vec<HistoryRow>,
) -> UpstreamChanges {
    let mut changes = UpstreamChanges::default();
    let organization: Arc<str> = listing.organization.into();
    let rows = as_last_seen(listing.rows);
    let positions = positions(&rows, state);
    let listed: HashSet<&str> = rows.iter().map(|(key, _)| key.as_str()).collect();
    let mut gone: Vec<(String, i64)> = state
        .rows
        .iter()
        .filter(|(key, row)| row.raw.is_some() && !listed.contains(key.as_str()))
        .map(|(key, row)| (key.clone(), row.position))
        .collect();
    gone.sort_unstable_by_key(|(_, position)| *position);
    let now = rows.into_iter().zip(positions).map(|((key, raw), position)| (key, position, Some(raw)));
    let gone = gone.into_iter().map(|(key, position)| (key, position, None));
    for (key, position, raw) in now.chain(gone) {
        let before = state.rows.get(&key);
        match (before.and_then(|row| row.raw.as_ref()), &raw) {
            (Some(old), Some(new)) if old == new && before.is_some_and(|row| row.position == position) => continue,
            (Some(_), Some(_)) => changes.changed += 1,
            (None, Some(_)) => changes.added += 1,
            (_, None) => changes.removed += 1,
        }
        let revision = before.map_or(0, |row| row.revision) + 1;
        state.apply(&key, Standing { seq: *next_seq, position, revision, raw: raw.clone() });
        history.push(HistoryRow {
            seq: *next_seq,
            slot: Arc::clone(slot),
            organization: Arc::clone(&organization),
            fetched_at_micros: listing.fetched_at_micros,
            key,
            position,
            revision,
            raw,
        });
        *next_seq += 1;
    }
    changes
}

/// Of a key that is listed twice, only the last stays.
fn as_last_seen(rows: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut last: HashMap<String, usize> = HashMap::with_capacity(rows.len());
    for (place, (key, _)) in rows.iter().enumerate() {
        last.insert(key.clone(), place);
    }
    let kept = rows.into_iter().enumerate().filter(|(place, (key, _))| last.get(key) == Some(place));
    kept.map(|(_, row)| row).collect()
}

/// A position for each listed row, ascending; rows that kept their order keep their positions.
fn positions(rows: &[(String, String)], state: &SlotState) -> Vec<i64> {
    let before: Vec<Option<i64>> = rows
        .iter()
        .map(|(key, _)| state.rows.get(key).filter(|row| row.raw.is_some()).map(|row| row.position))
        .collect();
    let kept = longest_ascending(&before);
    fill_between(&kept).unwrap_or_else(|| (1..).take(rows.len()).map(|place: i64| place * STEP).collect())
}

/// Keeps the largest set of positions that already ascend; the others become `None`.
fn longest_ascending(positions: &[Option<i64>]) -> Vec<Option<i64>> {
    // `tails[n]`: where the run of n + 1 positions with the smallest end ends; `previous` leads back through it.
    let mut tails: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = vec![None; positions.len()];
    for (place, position) in positions.iter().enumerate() {
        let Some(position) = position else { continue };
        let shorter = tails.partition_point(|tail| positions[*tail].is_some_and(|end| end < *position));
        previous[place] = shorter.checked_sub(1).map(|run| tails[run]);
        match tails.get_mut(shorter) {
            Some(tail) => *tail = place,
            None => tails.push(place),
        }
    }
    let mut kept = vec![None; positions.len()];
    let mut next = tails.last().copied();
    while let Some(place) = next {
        kept[place] = positions[place];
        next = previous[place];
    }
    kept
}

/// Puts rows without a position evenly between their neighbours; `None` when there is no room left.
fn fill_between(kept: &[Option<i64>]) -> Option<Vec<i64>> {
    let mut filled = Vec::with_capacity(kept.len());
    let mut place = 0;
    while place < kept.len() {
        if let Some(position) = kept[place] {
            filled.push(position);
            place += 1;
            continue;
        }
        let run = kept[place..].iter().take_while(|position| position.is_none()).count();
        let count = i64::try_from(run).ok()?;
        let (start, step) = match (filled.last().copied(), kept.get(place + run).copied().flatten()) {
            (Some(low), Some(high)) => (low, (high - low) / (count + 1)),
            (Some(low), None) => (low, STEP),
            (None, Some(high)) => (high.checked_sub(STEP.checked_mul(count + 1)?)?, STEP),
            (None, None) => (0, STEP),
        };
        if step == 0 {
            return None;
        }
        for number in 1..=count {
            filled.push(start.checked_add(step.checked_mul(number)?)?);
        }
        place += run;
    }
    Some(filled)
}
