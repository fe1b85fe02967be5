//! What rules have seen so far: hits, days and sightings by series and key, what has to be judged again, what waits for its time.
//! Promises the same state for the same activities, in whatever order they come; the lake makes it again at each start.
//! Never holds an activity, a name or an id of one: only numbers.

mod bucket;
mod day_cell;
mod memory;
mod sightings;

pub(crate) use bucket::Bucket;
pub(crate) use day_cell::DayCell;
pub(crate) use memory::{EVERYBODY, Memory};
pub(crate) use sightings::Sightings;

/// Puts something into its place. Most lists here hold one or two things, so that they grow by what they need and, when
/// they are long, by a quarter; a plain `Vec` makes room for four at once.
fn put<T>(list: &mut Vec<T>, at: usize, thing: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 4).max(1));
    }
    list.insert(at, thing);
}
