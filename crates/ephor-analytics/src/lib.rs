//! Usage events become day aggregates, and these the answers of the Analytics API.
//! Promises exact numbers that depend on the facts alone, not on their order, repetition or lateness.
//! Never serves HTTP and never calls the network.

#![warn(missing_docs)]

mod answer;
mod connector_name;
mod days;
mod engine;
mod facts;
mod frame;
mod groups;
#[cfg(test)]
mod lake_stories;
mod ledger;
mod listing;
mod measure;
mod merged;
mod prices;
mod projects;
pub mod query;
mod report;
#[cfg(test)]
mod stories;
mod summaries;
pub mod upstream;

pub use answer::{Answer, ReportAnswer};
pub use engine::{Analytics, AnalyticsError, AnalyticsOptions, Rebuilt};
pub use ledger::{DirectoryNames, LedgerDay, LedgerEntry, LedgerKey, LedgerLine, LedgerSums, TextNumber};
pub use listing::spec::metric;
pub use prices::{PriceEntry, PriceError};
pub use report::ReportRow;
