//! Where facts are kept for good: Delta tables of Parquet that only grow, and the small control database beside them.
//! Promises: acknowledged means fsynced; an id is stored once; `seq` has no gaps; bytes come back as they came in.
//! Never interprets an activity beyond its envelope, never calls the network, never shows a row before it is durable.

mod append;
mod columns;
mod compact;
pub mod control;
mod cursors;
mod days;
pub mod directory;
mod durable;
mod encode;
mod erase;
mod error;
mod expired;
mod files;
mod id_index;
mod lake;
mod limits;
mod lock;
mod merge;
pub mod proof;
mod prover;
mod rows;
mod scan;
mod schema;
mod span;
mod sql;
mod sql_tables;
mod stats;
#[cfg(test)]
mod stories;
mod sweep;
mod table;
mod table_view;
mod upstream;
mod usage;

pub use append::{AppendBatch, AppendOutcome, Appender, Notarized, RowOutcome};
pub use compact::{CompactOptions, CompactReach, CompactReport, LegalHold, Retention};
pub use days::{BuiltFrom, DayRows, DayTable, DayTableSpec};
pub use durable::write_new_file;
pub use erase::{Erasure, ErasureReport};
pub use error::LakeError;
pub use lake::{Lake, LakeOptions};
pub use limits::{ARRIVALS_ROWS, COMMIT_RAW_BYTES, FEED_PAGE_ROWS};
pub use rows::ActivityRows;
pub use scan::{
    ActivityFilter, Arrival, Arrivals, Census, CountedBy, CursorError, FeedCursor, FeedPage, FeedQuery, FeedRow,
    MicrosRange, Order, PageFrom, RowPredicate, Sighting, Sightings, TypeFilter,
};
pub use sql::{GuestTable, SqlSession};
pub use stats::LakeStats;
pub use upstream::{UpstreamChanges, UpstreamListing, UpstreamRows};
pub use usage::{Usage, UsageBatch, UsageDay, UsageRows};
