//! A record on its way out: its bytes in a sink's format, and what a sink needs to know beside them.
//! The id is the same in every format and on every try: receivers tell a second copy by it.
//! Never carries a secret of a sink.

use crate::meaning::Level;

/// Where a record stands in what it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// An activity, by its place in the order of arrival.
    Activity {
        /// Its `seq`.
        seq: u64,
    },
    /// A finding, by its revision.
    Finding {
        /// Its `revision`.
        revision: u64,
    },
    /// A gap of a control, by its number among those told with it.
    Gap {
        /// Counted from 1.
        number: u64,
    },
}

impl Place {
    /// The number alone.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::Activity { seq } => seq,
            Self::Finding { revision } => revision,
            Self::Gap { number } => number,
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub place: Place,
    /// The activity's id, or the finding's id with its revision.
    pub id: String,
    /// The activity type, or the finding's rule.
    pub kind: String,
    /// When it happened, in microseconds since 1970.
    pub at_micros: i64,
    /// How urgent it is.
    pub level: Level,
    /// The organization it happened in.
    pub organization: Option<String>,
    /// The record itself.
    pub bytes: Vec<u8>,
}
