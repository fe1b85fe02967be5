//! Usage events become day aggregates, and these the answers of the Analytics API.
//! Promises exact numbers that depend on the facts alone, not on their order, repetition or lateness.
//! Never serves HTTP and never calls the network.

#![warn(missing_docs)]

mod engine;
pub mod query;

pub use engine::{Analytics, AnalyticsError, AnalyticsOptions, Answer, ReportAnswer, ReportRow};
