//! Rules, baselines and state questions over activities become findings.
//! The same activities give the same findings with the same ids, in whatever order and however often they come.
//! Never calls the network, and never reads a clock: the present moment is passed in.

#![warn(missing_docs)]

mod by_hand;
mod catalogue;
mod detector;
mod engine;
mod error;
mod facts;
mod fields;
mod finding;
mod findings;
#[cfg(test)]
mod forgetting_stories;
mod geo;
mod handling;
mod hit;
mod horizon;
mod judge;
mod knowledge;
mod limits;
mod lists;
mod matcher;
mod objects;
mod pace;
mod policy;
mod registers;
mod route;
mod rule;
mod series;
mod severity;
mod state;
#[cfg(test)]
mod stories;
mod tell;
mod told;
mod trial;
mod use_case;

pub use by_hand::{Edited, Entries, ListedEntry, Since, Wanted};
pub use catalogue::{RuleCard, cards, cards_of};
pub use detector::{Backtest, DetectOptions, Detected, Detector};
pub use error::DetectError;
pub use finding::{Entity, Evidence, Finding, FindingId, Window};
pub use findings::{FindingFilter, Findings, Recorded};
pub use handling::{Assignment, FindingRecord, FindingStatus, Handling, Standing, Step, StepMade};
pub use limits::EVIDENCE_LIMIT;
pub use lists::{ListEntry, Lists, Stay};
pub use pace::{Bare, Workbench};
pub use policy::{Drift, POLICY_RULE, Policy, SettingChange, SettingNow, SettingsNow};
pub use registers::Registers;
pub use rule::{RuleProblem, RuleSource, RuleSources};
pub use severity::Severity;
pub use told::{FindingDetail, FindingLine};
pub use trial::{Trial, try_rules};
pub use use_case::UseCase;
