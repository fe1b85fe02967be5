//! What a request to the Analytics API asks, read from its query into the engine's questions.
//! Promises that every published parameter is read, and that what is wrong with one is said by its name.
//! Never touches the network, the clock or the lake: text and a moment in, a question out.

mod days;
mod dimensions;
mod listing;
mod rankable;
mod report;
mod summaries;

pub(super) use listing::{PageRows, Walk, listing, resolved_end};
pub(super) use report::{ReportWalk, report, seconds};
pub(super) use summaries::summaries;

use ephor_analytics::query::{Direction, Reach};

use crate::problem::{Problem, shortened};
use crate::query::Query;

/// Entries of one list parameter, as published.
const LIST_ENTRIES: usize = 100;

/// Rows of a page at the most, as published.
pub(super) const MAX_ROWS: usize = 1000;

/// Rows of a page of the engagement endpoints, `users` in the seed's profile apart.
pub(super) const USUAL_ROWS: usize = 100;

/// The words that a parameter takes, each with what it stands for.
type Known<T> = &'static [(&'static str, T)];

/// `order`.
const DIRECTIONS: Known<Direction> = &[("asc", Direction::Ascending), ("desc", Direction::Descending)];

/// What a question is asked within: whose data, at which moment.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) reach: Reach,
    pub(super) now_micros: i64,
}

/// A list parameter with no more entries than published.
fn list(query: &Query, name: &str) -> Result<Vec<String>, Problem> {
    let values = query.many(name);
    match values.len() {
        0..=LIST_ENTRIES => Ok(values),
        entries => Err(Problem::invalid(format!("{name}[]: {entries} entries; there may be {LIST_ENTRIES}"))),
    }
}

/// A list parameter whose entries are words out of a published list; each word counts once.
fn words<T: Copy + PartialEq>(query: &Query, name: &str, known: Known<T>) -> Result<Vec<T>, Problem> {
    let mut found = Vec::new();
    for value in list(query, name)? {
        let known_one = known.iter().find(|(word, _)| *word == value);
        let (_, one) = known_one.ok_or_else(|| unknown_word(&format!("{name}[]"), &value, known))?;
        if !found.contains(one) {
            found.push(*one);
        }
    }
    Ok(found)
}

/// A parameter that is one word out of a published list.
fn word<T: Copy>(query: &Query, name: &str, known: Known<T>) -> Result<Option<T>, Problem> {
    let Some(value) = query.one(name) else { return Ok(None) };
    let found = known.iter().find(|(word, _)| *word == value);
    found.map(|(_, one)| Some(*one)).ok_or_else(|| unknown_word(name, value, known))
}

fn unknown_word<T>(name: &str, value: &str, known: &[(&'static str, T)]) -> Problem {
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    let value = shortened(value);
    match words.as_slice() {
        [] => Problem::invalid(format!("{name}: `{value}` is not supported on this endpoint, which takes none")),
        words => Problem::invalid(format!("{name}: `{value}` is not supported here; there are {}", words.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_is_read_with_and_without_brackets_each_word_once_and_not_longer_than_published() {
        let known: Known<i32> = &[("a", 1), ("b", 2)];
        let read = |text: &str| words(&Query::parse(text), "x", known).map_err(|problem| problem.message);
        assert_eq!(read("x[]=b&x%5B%5D=a&x=b&x[]=").unwrap(), [2, 1]);
        assert_eq!(read("x[]=c").unwrap_err(), "x[]: `c` is not supported here; there are a, b");
        assert_eq!(read(&"x[]=a&".repeat(101)).unwrap_err(), "x[]: 101 entries; there may be 100");
        assert_eq!(read(&"x[]=a&".repeat(100)).unwrap(), [1]);
    }
}
