//! Evidence for auditors: frameworks and their controls as data, what the lake really holds of each, and packages that
//! prove themselves.
//! Promises that a package can be checked offline, by Ephor or by standard tools, and says what it does not prove.
//! Never puts content into a package, and never grades from what a source could hold.

#![warn(missing_docs)]

mod coverage;
mod draw;
mod dsse;
mod error;
mod framework;
mod guests;
mod package;
mod period;
mod persons;
mod sheet;
mod signoff;
mod statement;
mod verify;

pub use coverage::{ControlCoverage, Coverage, House, Status};
pub use error::EvidenceError;
pub use framework::{Framework, Frameworks, Grade, Source, framework_page, framework_schema};
pub use package::{BuildOptions, Built, SampleSize, build, cover, signing_key};
pub use period::Period;
pub use persons::Persons;
pub use signoff::{Says, SignOff, sign_off};
pub use verify::{PackageProblem, Verified, verify};
