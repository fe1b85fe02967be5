//! Evidence for auditors: frameworks and their controls as data, what the lake really holds of each, and packages that
//! prove themselves.
//! Promises that a package can be checked offline, by Ephor or by standard tools, and says what it does not prove.
//! Never puts content into a package, and never grades from what a source could hold.

#![warn(missing_docs)]

mod coverage;
mod error;
mod framework;
mod guests;
mod period;
mod statement;

pub use coverage::{Coverage, Holdings, House, Status, coverage, holdings};
pub use error::EvidenceError;
pub use framework::{Framework, Frameworks, framework_schema};
pub use period::Period;
