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
    pub(crate) grounds: Grounds,
    pub(crate) first_at: i64,
    pub(crate) last_at: i64,
    pub(crate) count: u64,
    pub(crate) numbers: Numbers,
}

/// The activities that it rests on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Grounds {
    /// These, by time; of many the first.
    Places(Vec<Place>),
    /// All that the rule selects of this key within these hours, which have to be looked up.
    Hours {
        /// The first one, to know whom it is about.
        first: Place,
        /// Beginnings of hours, in microseconds since 1970, by time.
        hours: Vec<i64>,
    },
}

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
            grounds: Grounds::Places(places.iter().take(EVIDENCE_LIMIT).copied().collect()),
            numbers,
        }
    }

    pub(crate) fn digest(&self) -> DraftDigest {
        let mut hash = Sha256::new();
        let mut number = |number: i64| hash.update(number.to_be_bytes());
        [self.window_from, self.first_at, self.last_at, self.subject as i64, self.count as i64].map(&mut number);
        match &self.grounds {
            Grounds::Places(places) => places.iter().for_each(|place| {
                number(place.at);
                number(place.tie as i64);
            }),
            Grounds::Hours { first, hours } => {
                number(first.tie as i64);
                hours.iter().copied().for_each(number);
            }
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
