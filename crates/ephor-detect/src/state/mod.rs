//! What rules have seen so far: hits and days by series and key, what has to be judged again, what waits for its time.
//! Promises the same state for the same activities, in whatever order they come; the lake makes it again at each start.
//! Never holds an activity, a name or an id of one: only numbers.

mod bucket;
mod day_cell;
mod memory;

pub(crate) use bucket::Bucket;
pub(crate) use day_cell::DayCell;
pub(crate) use memory::{EVERYBODY, Memory};
