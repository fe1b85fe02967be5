//! What rules have seen so far, kept on the disk: hits and days by series and key, what has to be judged, what stands.
//! Promises that each step is whole or not there at all, and that everything here can be made again from the lake.
//! Never holds an activity, a name or an id of one: only numbers.

mod bucket;
mod day_cell;
mod store;

pub(crate) use bucket::Bucket;
pub(crate) use day_cell::DayCell;
pub(crate) use store::{Dirty, SeriesId, Standing, State, StateError, Writing};
