//! Rules, baselines and state questions over activities become findings.
//! The same activities give the same findings with the same ids, in whatever order and however often they come.
//! Never calls the network, and never reads a clock: the present moment is passed in.

mod finding;
mod hit;
mod rule;

pub use finding::{Entity, Evidence, Finding, FindingId};
pub use hit::Hit;
pub use rule::{Baseline, FirstSeen, Level, Measure, OffHours, Rule, RuleKind, Travel, Turn, Without};
