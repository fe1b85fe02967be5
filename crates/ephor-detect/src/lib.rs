//! Rules, baselines and state questions over activities become findings.
//! The same activities give the same findings with the same ids, in whatever order and however often they come.
//! Never calls the network, and never reads a clock: the present moment is passed in.

#![warn(missing_docs)]

mod error;
mod finding;
mod findings;
mod handling;
mod limits;
mod severity;
mod told;
mod use_case;

pub use error::DetectError;
pub use finding::{Entity, Evidence, Finding, FindingId, Window};
pub use findings::{FindingFilter, Findings, Recorded};
pub use handling::{Assignment, FindingRecord, FindingStatus, Handling, Standing, Step, StepMade};
pub use limits::EVIDENCE_LIMIT;
pub use severity::Severity;
pub use told::{FindingDetail, FindingLine};
pub use use_case::UseCase;
