//! The vocabulary of both APIs: activities, actors, the catalogue of types, directory rows, scopes, envelopes, errors.
//! Promises that what came in goes out as the same JSON value, known or not.
//! Never does I/O and never reads a clock.

#![warn(missing_docs)]

pub mod activity;
pub mod actor;
pub mod analytics;
pub mod catalogue;
pub mod content;
pub mod directory;
pub mod envelope;
pub mod error_body;
pub mod header;
pub mod ids;
pub mod scope;
pub mod timestamp;
pub mod usage;

#[cfg(test)]
mod arbitrary;
