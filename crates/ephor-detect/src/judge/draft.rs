//! A finding in the making: of which subject and window, on what grounds, with which numbers.
//! Promises that two drafts of the same grounds have the same digest.
//! Never holds a name or an id: those are read from the activities once it is clear that there is something to tell.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::hit::Place;
use crate::limits::EVIDENCE_LIMIT;

/// A finding in the making.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft {
    /// When its window begins, in microseconds since 1970.
    pub(crate) window_from: i64,
    /// Whom it is about, where the series' key does not say so.
    pub(crate) subject: u64,
    /// The activities that it rests on, by time; of many the first.
    pub(crate) places: Vec<Place>,
    pub(crate) first_at: i64,
    pub(crate) last_at: i64,
    pub(crate) count: u64,
    pub(crate) numbers: Numbers,
    pub(crate) weight: Weight,
}

/// How much of a rule's severity a finding has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// One step less.
    Lowered,
    Full,
}

/// The name of the number that is a sentence: what peers, or the subject's own days, say beside.
pub(crate) const PEERS_SAY: &str = "peers";

/// Numbers for the explanation, by name.
pub(crate) type Numbers = BTreeMap<&'static str, String>;

/// What tells a draft from another of the same subject and window.
pub(crate) type DraftDigest = [u8; 16];

impl Draft {
    /// On hits, which come in order.
    pub(crate) fn on(window_from: i64, subject: u64, places: &[Place], numbers: Numbers) -> Self {
        Self {
            window_from,
            subject,
            first_at: places.first().map_or(window_from, |place| place.at),
            last_at: places.last().map_or(window_from, |place| place.at),
            count: places.len() as u64,
            places: places.iter().take(EVIDENCE_LIMIT).copied().collect(),
            numbers,
            weight: Weight::Full,
        }
    }

    pub(crate) fn digest(&self) -> DraftDigest {
        let mut hash = Sha256::new();
        let mut number = |number: u64| hash.update(number.to_be_bytes());
        for at in [self.window_from, self.first_at, self.last_at] {
            number(at.cast_unsigned());
        }
        number(self.subject);
        number(self.count);
        number(self.weight as u64);
        for place in &self.places {
            number(place.at.cast_unsigned());
            number(place.tie);
        }
        for (name, value) in &self.numbers {
            hash.update(name.as_bytes());
            hash.update(value.as_bytes());
        }
        let digest = hash.finalize();
        let mut short = DraftDigest::default();
        short.copy_from_slice(&digest[..16]);
        short
    }
}
