//! A hit: one activity that a rule's detection selected, as numbers, with what later steps need of it.
//! Promises an order that follows from the activities alone, whatever the order in which they came.
//! Never the activity itself: that is in the lake, under its `seq`.

use twox_hash::{XxHash3_64, XxHash3_128};

/// One activity, told from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// When it happened, in microseconds since 1970.
    pub(crate) at: i64,
    /// A number made of its id: breaks ties in the same way each time.
    pub(crate) tie: u64,
    /// Where it is in the lake. Last, since it depends on the order of arrival.
    pub(crate) seq: u64,
}

/// One activity, selected by one rule for one series.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(crate) struct Hit {
    pub(crate) place: Place,
    /// Which of the series' inputs selected it.
    pub(crate) input: u8,
    /// Whom a finding of it would be about, where the series' key does not say so.
    pub(crate) subject: u64,
    /// Values that are counted or added up.
    pub(crate) slots: Box<[u64]>,
}

/// What hits of one series are gathered by.
pub(crate) type Key = u128;

/// A number for some texts; other texts have another number, as far as 128 bits can tell.
pub(crate) fn key_of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Key {
    let mut bytes = Vec::with_capacity(64);
    texts.into_iter().for_each(|text| put_text(&mut bytes, &[text]));
    key_of_bytes(&bytes)
}

/// Puts a text behind others of a key; its parts are one text.
pub(crate) fn put_text(bytes: &mut Vec<u8>, parts: &[&str]) {
    // With its length before it, no text runs into the next.
    let length: usize = parts.iter().map(|part| part.len()).sum();
    bytes.extend_from_slice(&(length as u64).to_be_bytes());
    parts.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
}

/// The key of texts that were put behind each other.
pub(crate) fn key_of_bytes(bytes: &[u8]) -> Key {
    XxHash3_128::oneshot(bytes)
}

/// A shorter one, for values that are only counted.
pub(crate) fn number_of(text: &str) -> u64 {
    XxHash3_64::oneshot(text.as_bytes())
}
